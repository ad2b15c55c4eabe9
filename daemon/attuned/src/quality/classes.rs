//! Pictures and sounds of named classes: like finds like, and names find what they name.

use std::sync::Arc;

use attuned_encoders::Encoding;
use attuned_recommender::Modality;

use super::folders::Classes;
use super::statistics::{hits, neighbours, rank};
use super::{Encode, Part, chance_at, files, texts};

/// How many neighbours are looked at.
const NEIGHBOURS: usize = 5;

pub(super) fn measure(classes: &Classes, encode: &mut Encode<'_>, part: &mut Part) {
    let what = if classes.modality == Modality::Audio { "sounds" } else { "pictures" };
    let encodings = files(encode, what, classes.modality, classes.cases.iter().map(|(file, ..)| file));
    let cases: Vec<Case<'_>> = classes
        .cases
        .iter()
        .zip(encodings)
        .filter_map(|((_, class, fold), encoding)| {
            Some(Case { class: *class, fold: fold.as_deref(), encoding: encoding? })
        })
        .collect();
    if cases.is_empty() {
        return;
    }
    if cases.len() >= 2 * classes.names.len() {
        likeness(&cases, part);
    }
    named(classes, &cases, encode, part);
    labelled(classes, &cases, part);
}

struct Case<'a> {
    class: usize,
    fold: Option<&'a str>,
    encoding: Arc<Encoding>,
}

/// The nearest in the model's own space; where there are folds, from other folds only.
fn likeness(cases: &[Case<'_>], part: &mut Part) {
    let folds = cases.iter().all(|case| case.fold.is_some());
    let where_from = if folds { " across folds" } else { "" };
    let numbers: Vec<usize> = cases.iter().map(|case| case.class).collect();
    let apart = |a: usize, b: usize| !folds || cases[a].fold != cases[b].fold;
    for (space, of) in [
        ("embedding", (|case: &Case<'_>| case.encoding.embedding.clone()) as fn(&Case<'_>) -> _),
        ("shared space", |case: &Case<'_>| case.encoding.semantic.clone()),
    ] {
        let vectors: Vec<_> = cases.iter().map(of).collect();
        let near = |a: usize, b: usize| vectors[a].cosine(&vectors[b]);
        let found = neighbours(&numbers, NEIGHBOURS, apart, near);
        // The likelihood that two different cases are of one class.
        let same = numbers
            .iter()
            .enumerate()
            .flat_map(|(a, class)| numbers[..a].iter().map(move |other| f64::from(u8::from(class == other))));
        let pairs = (numbers.len() * (numbers.len() - 1) / 2).max(1) as f64;
        let chance = Some(same.sum::<f64>() / pairs);
        part.add(format!("class of the nearest{where_from}, {space}"), &found.nearest, chance);
        let name = format!("precision at {NEIGHBOURS}{where_from}, {space}");
        part.add(name, &found.precision, chance);
    }
}

/// The classes' names in the shared space: which is nearest to a case, and which cases to a name.
fn named(classes: &Classes, cases: &[Case<'_>], encode: &mut Encode<'_>, part: &mut Part) {
    let prompt = |name: &String| match classes.modality {
        Modality::Audio => format!("the sound of {name}"),
        Modality::Text | Modality::Image | Modality::Video => format!("a photo of a {name}"),
    };
    let names = texts(encode, classes.names.iter().map(prompt));
    let Some(names) = names.into_iter().collect::<Option<Vec<_>>>() else { return };
    let ranks: Vec<f64> = cases
        .iter()
        .map(|case| {
            let scores: Vec<f32> =
                names.iter().map(|name| name.semantic.cosine(&case.encoding.semantic)).collect();
            rank(&scores, case.class)
        })
        .collect();
    for k in [1, 5].into_iter().filter(|k| *k < names.len()) {
        let chance = Some(chance_at(k, 1, names.len()));
        part.add(format!("its name among all names, R@{k}"), &hits(&ranks, k), chance);
    }
    let found: Vec<f64> = names
        .iter()
        .enumerate()
        .filter_map(|(class, name)| {
            let scores: Vec<f32> =
                cases.iter().map(|case| name.semantic.cosine(&case.encoding.semantic)).collect();
            let own = (0..cases.len()).filter(|at| cases[*at].class == class);
            own.map(|at| rank(&scores, at)).min_by(f64::total_cmp)
        })
        .collect();
    let each = cases.len() / names.len().max(1);
    for k in [1, 5, 10].into_iter().filter(|k| *k < cases.len()) {
        let chance = Some(chance_at(k, each, cases.len()));
        part.add(format!("name -> one of its class, R@{k}"), &hits(&found, k), chance);
    }
}

/// What the model calls a case by itself, where the classes are among the names it knows.
fn labelled(classes: &Classes, cases: &[Case<'_>], part: &mut Part) {
    let plain = |name: &str| -> String {
        let kept = name.chars().filter(|character| *character != '\'');
        kept.map(|character| if character.is_alphanumeric() { character } else { ' ' })
            .collect::<String>()
            .to_lowercase()
    };
    let called = |among: usize| -> Vec<f64> {
        let is = |case: &Case<'_>| {
            let own = plain(&classes.names[case.class]);
            case.encoding.labels.iter().take(among).any(|label| plain(&label.name) == own)
        };
        cases.iter().map(|case| f64::from(u8::from(is(case)))).collect()
    };
    let best = called(1);
    if best.iter().sum::<f64>() >= 0.25 * best.len() as f64 {
        part.add("its name is the best label", &best, Some(1.0 / classes.names.len() as f64));
        part.add("its name is among the best labels", &called(usize::MAX), None);
    }
}
