//! Photographs and their captions: each finds the other, and what fusing both is worth.

use attuned_recommender::{Embedding, Modality};

use super::folders::Photo;
use super::statistics::{difference, hits, rank};
use super::{Encode, Fusion, Part, chance_at, files, texts};

/// A photograph with its captions, in the shared space.
struct Understood {
    photo: Embedding,
    captions: Vec<Embedding>,
}

pub(super) fn measure(photos: &[Photo], encode: &mut Encode<'_>, fusions: &[Fusion<'_>], part: &mut Part) {
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
    fusing(&understood, fusions, part);
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

/// Fused items: each is a photograph with its first caption, asked for by its other captions; by
/// every model of fusion, with both media and with one missing.
fn fusing(understood: &[Understood], fusions: &[Fusion<'_>], part: &mut Part) {
    let usable: Vec<&Understood> = understood.iter().filter(|each| each.captions.len() > 1).collect();
    let ranks = |item: &dyn Fn(&Understood) -> Option<Embedding>| -> Option<Vec<f64>> {
        let items: Vec<Embedding> = usable.iter().map(|each| item(each)).collect::<Option<_>>()?;
        let asked = usable.iter().enumerate();
        Some(
            asked
                .flat_map(|(own, each)| each.captions[1..].iter().map(move |caption| (own, caption)))
                .map(|(own, caption)| rank(&cosines(caption, items.iter()), own))
                .collect(),
        )
    };
    let (Some(words), Some(picture)) =
        (ranks(&|each| Some(each.captions[0].clone())), ranks(&|each| Some(each.photo.clone())))
    else {
        return;
    };
    let show = |part: &mut Part, name: &str, ranks: &[f64]| {
        for k in [1, 5, 10] {
            let chance = chance_at(k, 1, usable.len());
            part.add(format!("{name}, R@{k}"), &hits(ranks, k), Some(chance));
        }
    };
    show(part, "item of words only", &words);
    show(part, "item of picture only", &picture);
    let found = |ranks: &[f64]| hits(ranks, 1).iter().sum::<f64>();
    let best_single = if found(&words) >= found(&picture) { &words } else { &picture };
    for fusion in fusions {
        let used = if fusion.used { " (used)" } else { "" };
        for (with_words, with_picture, missing, single, what) in [
            (true, true, "", best_single, "the best single medium"),
            (true, false, ", picture missing", &words, "words only"),
            (false, true, ", words missing", &picture, "picture only"),
        ] {
            let joined = |each: &Understood| {
                let words = with_words.then(|| (Modality::Text, each.captions[0].clone()));
                let picture = with_picture.then(|| (Modality::Image, each.photo.clone()));
                Some((fusion.fuse)(&words.into_iter().chain(picture).collect())?.embedding)
            };
            let Some(ranks) = ranks(&joined) else { continue };
            let name = format!("item by {}{used}{missing}", fusion.model);
            show(part, &name, &ranks);
            let gain = difference(&hits(&ranks, 1), &hits(single, 1));
            part.put(format!("{name}, R@1 above {what}"), gain, Some(0.0));
        }
    }
}

fn cosines<'a>(query: &Embedding, items: impl Iterator<Item = &'a Embedding>) -> Vec<f32> {
    items.map(|item| query.cosine(item)).collect()
}
