//! Films: words find what they show, films of one label find each other, and a part of a film its
//! other part, each by the whole film and by its middle frame alone.

use std::path::PathBuf;
use std::sync::Arc;

use attuned_encoders::{Encoding, Watched};
use attuned_recommender::{Embedding, Modality};

use super::folders::Film;
use super::statistics::{difference, hits, neighbours, rank};
use super::{Models, PARTS, Part, chance_at, files, texts};

/// Fewest films whose labels begin alike that are measured among themselves too.
const GROUP_MIN: usize = 3;

/// A film that could be encoded, and what is seen of it: the whole and [`PARTS`].
struct Understood<'a> {
    film: &'a Film,
    whole: Arc<Encoding>,
    seen: Option<Vec<Watched>>,
}

pub(super) fn measure(films: &[Film], models: &mut Models<'_>, part: &mut Part) {
    let encodings = files(&mut models.encode, "films", Modality::Video, films.iter().map(|film| &film.file));
    let paths: Vec<PathBuf> = films.iter().map(|film| film.file.clone()).collect();
    let watched = (models.watch)(&paths);
    let understood: Vec<Understood<'_>> = films
        .iter()
        .zip(encodings.into_iter().zip(watched))
        .filter_map(|(film, (whole, seen))| Some(Understood { film, whole: whole?, seen }))
        .collect();
    described(&understood, models, part);
    labelled(&understood, part);
    parts(&understood, part);
}

/// Adds a figure of the film, the same by its middle frame, and how much better the film is.
fn against_one_frame(part: &mut Part, name: &str, by_film: &[f64], by_frame: &[f64], chance: Option<f64>) {
    part.add(format!("{name}, film"), by_film, chance);
    if by_frame.len() == by_film.len() {
        part.add(format!("{name}, middle frame"), by_frame, chance);
        part.put(format!("{name}, film above frame"), difference(by_film, by_frame), Some(0.0));
    }
}

/// Words find the film that they describe.
fn described(films: &[Understood<'_>], models: &mut Models<'_>, part: &mut Part) {
    let asked = |of: &Understood<'_>| match of.film.description.as_str() {
        "" => of.film.label.clone(),
        description => format!("{}: {description}", of.film.label),
    };
    let words = texts(&mut models.encode, films.iter().map(asked));
    let ranks = |vectors: &[&Embedding]| -> Vec<f64> {
        let found = words.iter().enumerate().filter_map(|(own, words)| {
            let words = words.as_ref()?;
            let scores: Vec<f32> = vectors.iter().map(|film| words.semantic.cosine(film)).collect();
            Some(rank(&scores, own))
        });
        found.collect()
    };
    let by_film = ranks(&films.iter().map(|of| &of.whole.semantic).collect::<Vec<_>>());
    let frames: Option<Vec<&Embedding>> =
        films.iter().map(|of| Some(&of.seen.as_ref()?.first()?.middle.semantic)).collect();
    let by_frame = frames.map_or_else(Vec::new, |frames| ranks(&frames));
    for k in [1, 5].into_iter().filter(|k| *k < films.len()) {
        let chance = Some(chance_at(k, 1, films.len()));
        against_one_frame(
            part,
            &format!("words -> film, R@{k}"),
            &hits(&by_film, k),
            &hits(&by_frame, k),
            chance,
        );
    }
}

/// The nearest film is of the same label. Classes with one film only have nothing to find.
fn labelled(films: &[Understood<'_>], part: &mut Part) {
    let mut labels: Vec<&str> = films.iter().map(|of| of.film.label.as_str()).collect();
    labels.sort_unstable();
    let several: Vec<&Understood<'_>> = films
        .iter()
        .filter(|of| labels.iter().filter(|label| **label == of.film.label).count() > 1)
        .collect();
    let numbers: Vec<usize> =
        several.iter().map(|of| labels.partition_point(|label| *label < of.film.label.as_str())).collect();
    // Embeddings of two models are never compared.
    let near = |a: &Encoding, b: &Encoding| {
        if a.model == b.model { a.embedding.cosine(&b.embedding) } else { -1.0 }
    };
    let by_film =
        neighbours(&numbers, 1, |_, _| true, |a, b| near(&several[a].whole, &several[b].whole)).nearest;
    let middles: Option<Vec<&Encoding>> =
        several.iter().map(|of| Some(&of.seen.as_ref()?.first()?.middle)).collect();
    let by_frame = middles.map_or_else(Vec::new, |middles| {
        neighbours(&numbers, 1, |_, _| true, |a, b| near(middles[a], middles[b])).nearest
    });
    against_one_frame(part, "label of the nearest", &by_film, &by_frame, None);
}

/// A part of a film finds the other part of the same film among those of all, without the sound,
/// which both parts could have in common.
fn parts(films: &[Understood<'_>], part: &mut Part) {
    let seen: Vec<(&str, &Watched, &Watched)> = films
        .iter()
        .filter_map(|of| match of.seen.as_deref()? {
            [_, first, second] => Some((of.film.label.as_str(), first, second)),
            _ => None,
        })
        .collect();
    let beginning = |label: &str| label.split(' ').next().unwrap_or_default().to_owned();
    let mut groups: Vec<(String, Vec<usize>)> = vec![(String::new(), (0..seen.len()).collect())];
    for (at, (label, ..)) in seen.iter().enumerate() {
        let own = beginning(label);
        match groups.iter_mut().skip(1).find(|(name, _)| *name == own) {
            Some((_, members)) => members.push(at),
            None => groups.push((own, vec![at])),
        }
    }
    for (at, (name, members)) in groups.iter().enumerate() {
        if members.len() < 2 || (at > 0 && (members.len() < GROUP_MIN || members.len() == seen.len())) {
            continue;
        }
        let of = |way: fn(&Watched) -> &Encoding| -> Vec<f64> {
            let firsts: Vec<&Embedding> = members.iter().map(|at| &way(seen[*at].1).embedding).collect();
            let seconds: Vec<&Embedding> = members.iter().map(|at| &way(seen[*at].2).embedding).collect();
            let hit = |own: usize, queries: &[&Embedding], keys: &[&Embedding]| {
                let scores: Vec<f32> = keys.iter().map(|key| queries[own].cosine(key)).collect();
                f64::from(u8::from(rank(&scores, own) <= 1.0))
            };
            // Both directions of one film depend on each other, so their mean is one case.
            (0..members.len())
                .map(|own| (hit(own, &firsts, &seconds) + hit(own, &seconds, &firsts)) / 2.0)
                .collect()
        };
        let among = if at == 0 { String::new() } else { format!(" among `{name} …`") };
        let from = format!(
            "{:.0} % of a film -> its last {:.0} %",
            100.0 * PARTS[1].end,
            100.0 * (PARTS[2].end - PARTS[2].start)
        );
        let chance = Some(1.0 / members.len() as f64);
        against_one_frame(
            part,
            &format!("first {from}{among}"),
            &of(|seen| &seen.film),
            &of(|seen| &seen.middle),
            chance,
        );
    }
}
