//! Films: words find what they show, and films of one label find each other.

use std::sync::Arc;

use attuned_encoders::Encoding;
use attuned_recommender::Modality;

use super::folders::Film;
use super::statistics::{hits, neighbours, rank};
use super::{Encode, Part, chance_at, files, texts};

pub(super) fn measure(films: &[Film], encode: &mut Encode<'_>, part: &mut Part) {
    let encodings = files(encode, "films", Modality::Video, films.iter().map(|film| &film.file));
    let (films, encodings): (Vec<&Film>, Vec<Arc<Encoding>>) =
        films.iter().zip(encodings).filter_map(|(film, encoding)| Some((film, encoding?))).unzip();
    let asked = |film: &&Film| match film.description.as_str() {
        "" => film.label.clone(),
        description => format!("{}: {description}", film.label),
    };
    let words = texts(encode, films.iter().map(asked));
    let ranks: Vec<f64> = words
        .into_iter()
        .enumerate()
        .filter_map(|(own, words)| {
            let words = words?;
            let scores: Vec<f32> =
                encodings.iter().map(|film| words.semantic.cosine(&film.semantic)).collect();
            Some(rank(&scores, own))
        })
        .collect();
    for k in [1, 5].into_iter().filter(|k| *k < films.len()) {
        part.add(format!("words -> film, R@{k}"), &hits(&ranks, k), Some(chance_at(k, 1, films.len())));
    }
    // Classes with one film only have nothing to find.
    let mut labels: Vec<&str> = films.iter().map(|film| film.label.as_str()).collect();
    labels.sort_unstable();
    let classes: Vec<(usize, usize)> = films
        .iter()
        .enumerate()
        .filter(|(_, film)| labels.iter().filter(|label| **label == film.label).count() > 1)
        .map(|(place, film)| (place, labels.partition_point(|label| *label < film.label.as_str())))
        .collect();
    let numbers: Vec<usize> = classes.iter().map(|(_, class)| *class).collect();
    let near = |a: usize, b: usize| {
        let (a, b) = (&encodings[classes[a].0], &encodings[classes[b].0]);
        // Embeddings of two models are never compared.
        if a.model == b.model { a.embedding.cosine(&b.embedding) } else { -1.0 }
    };
    let found = neighbours(&numbers, 1, |_, _| true, near);
    part.add("label of the nearest, embedding", &found.nearest, None);
}
