//! Photographs and their captions: each finds the other, and what fusing both is worth.

use attuned_recommender::{Embedding, Modality};

use super::folders::Photo;
use super::statistics::{difference, hits, rank};
use super::{Encode, Part, chance_at, files, texts};

/// The share of the words where both are there, as in the recommender's settings.
const WORDS_SHARE: f32 = 0.7;

/// A photograph with its captions, in the shared space.
struct Understood {
    photo: Embedding,
    captions: Vec<Embedding>,
}

pub(super) fn measure(photos: &[Photo], encode: &mut Encode<'_>, part: &mut Part) {
    let pictures = files(encode, "photos", Modality::Image, photos.iter().map(|photo| &photo.file));
    let understood: Vec<Understood> = photos
        .iter()
        .zip(pictures)
        .filter_map(|(photo, picture)| {
            let captions = texts(encode, photo.captions.iter().cloned());
            let captions: Vec<Embedding> =
                captions.into_iter().flatten().map(|caption| caption.semantic.clone()).collect();
            Some(Understood { photo: picture?.semantic.clone(), captions })
                .filter(|_| !photo.captions.is_empty())
        })
        .collect();
    finding(&understood, part);
    fusing(&understood, part);
}

fn finding(understood: &[Understood], part: &mut Part) {
    let photos: Vec<&Embedding> = understood.iter().map(|each| &each.photo).collect();
    let captions: Vec<(usize, &Embedding)> = understood
        .iter()
        .enumerate()
        .flat_map(|(place, each)| each.captions.iter().map(move |caption| (place, caption)))
        .collect();
    let to_photo: Vec<f64> =
        captions.iter().map(|(own, caption)| rank(&cosines(caption, photos.iter().copied()), *own)).collect();
    let mut to_caption = Vec::new();
    for (place, photo) in photos.iter().enumerate() {
        let scores = cosines(photo, captions.iter().map(|(_, caption)| *caption));
        let own = (0..captions.len()).filter(|at| captions[*at].0 == place);
        if let Some(best) = own.map(|at| rank(&scores, at)).min_by(f64::total_cmp) {
            to_caption.push(best);
        }
    }
    for k in [1, 5, 10] {
        let chance = chance_at(k, 1, photos.len());
        part.add(format!("caption -> photo, R@{k}"), &hits(&to_photo, k), Some(chance));
    }
    let each = captions.len() / photos.len().max(1);
    for k in [1, 5, 10] {
        let chance = chance_at(k, each, captions.len());
        part.add(format!("photo -> caption, R@{k}"), &hits(&to_caption, k), Some(chance));
    }
}

/// How an item's vector is made of a caption and a photograph, of which one may be missing.
type Fusion = fn(Option<&Embedding>, Option<&Embedding>) -> Option<Embedding>;

/// Fused items: each is a photograph with its first caption, asked for by its other captions.
fn fusing(understood: &[Understood], part: &mut Part) {
    let fusions: [(&str, Fusion); 3] = [
        ("words only", |words, _| words.cloned()),
        ("picture only", |_, picture| picture.cloned()),
        ("mean", mean),
    ];
    let usable: Vec<&Understood> = understood.iter().filter(|each| each.captions.len() > 1).collect();
    let ranks = |fusion: Fusion, words: bool, picture: bool| -> Option<Vec<f64>> {
        let items: Vec<Embedding> = usable
            .iter()
            .map(|each| {
                fusion(Some(&each.captions[0]).filter(|_| words), Some(&each.photo).filter(|_| picture))
            })
            .collect::<Option<_>>()?;
        let asked = usable.iter().enumerate();
        Some(
            asked
                .flat_map(|(own, each)| each.captions[1..].iter().map(move |caption| (own, caption)))
                .map(|(own, caption)| rank(&cosines(caption, items.iter()), own))
                .collect(),
        )
    };
    let Some(best_single) = [fusions[0].1, fusions[1].1]
        .into_iter()
        .filter_map(|fusion| Some(hits(&ranks(fusion, true, true)?, 1)))
        .max_by(|a, b| a.iter().sum::<f64>().total_cmp(&b.iter().sum()))
    else {
        return;
    };
    for (name, fusion) in fusions {
        for (words, picture, missing) in
            [(true, true, ""), (true, false, ", picture missing"), (false, true, ", words missing")]
        {
            let Some(ranks) = ranks(fusion, words, picture) else { continue };
            for k in [1, 5] {
                let chance = chance_at(k, 1, usable.len());
                part.add(format!("fusion by {name}{missing}, R@{k}"), &hits(&ranks, k), Some(chance));
            }
            if words && picture && !name.ends_with("only") {
                let gain = difference(&hits(&ranks, 1), &best_single);
                part.put(format!("fusion by {name}, R@1 above the best single medium"), gain, Some(0.0));
            }
        }
    }
}

fn mean(words: Option<&Embedding>, picture: Option<&Embedding>) -> Option<Embedding> {
    match (words, picture) {
        (Some(words), Some(picture)) => {
            let both = words.as_slice().iter().zip(picture.as_slice());
            let sum = both.map(|(w, p)| WORDS_SHARE * w + (1.0 - WORDS_SHARE) * p).collect();
            Embedding::from_values(sum).ok()
        }
        (one, other) => one.or(other).cloned(),
    }
}

fn cosines<'a>(query: &Embedding, items: impl Iterator<Item = &'a Embedding>) -> Vec<f32> {
    items.map(|item| query.cosine(item)).collect()
}
