//! Items of several media: what stands for them, and which medium a likeness rests on.

use std::collections::BTreeMap;

use attuned_recommender::{Content, Embedding, EventType, FusedContent, Item, Modality, Reason, ReasonKind};

use crate::house::{Dice, House, day, house_item, item_id, mix, request};

/// A film whose words and picture lie so much in these two directions.
fn film(words: &Embedding, picture: &Embedding, fused: Option<FusedContent>) -> Content {
    let semantic = [(Modality::Text, words.clone()), (Modality::Image, picture.clone())];
    Content { semantic: semantic.into(), fused: fused.map(Box::new), ..Content::default() }
}

fn titled(id: &str) -> Item {
    Item { title: Some(id.to_owned()), ..house_item(id, "film") }
}

fn as_embedding(direction: &[f32]) -> Embedding {
    mix(&[(direction, 1.0)])
}

/// Why `candidate` is recommended to whom liked `liked`; `None` if not by likeness.
fn similar(house: &House) -> Option<Reason> {
    let list = house.list(&request(&["alice"], 10));
    let candidate = list.iter().find(|ranked| ranked.item == item_id("candidate")).expect("in the list");
    candidate.reasons.iter().find(|reason| reason.kind == ReasonKind::SimilarTo).cloned()
}

fn house(fused: Option<FusedContent>) -> House {
    let mut dice = Dice(7);
    let (words, other, picture) = (dice.direction(), dice.direction(), dice.direction());
    let mut house = House::new();
    house.now = day(-30);
    let liked = film(&as_embedding(&words), &as_embedding(&picture), None);
    house.put(titled("liked"), liked);
    // The picture is the same, the words are others.
    house.put(titled("candidate"), film(&as_embedding(&other), &as_embedding(&picture), fused));
    for number in 0..6 {
        let (words, picture) = (dice.direction(), dice.direction());
        let content = film(&as_embedding(&words), &as_embedding(&picture), None);
        house.put(titled(&format!("other:{number}")), content);
    }
    house.now = day(0);
    house.does("alice", "liked", EventType::Like, None);
    house
}

#[test]
fn a_likeness_says_on_which_media_it_rests() {
    let reason = similar(&house(None)).expect("a reason by likeness");
    let shares: BTreeMap<Modality, f32> = reason.shares.iter().copied().collect();
    assert!(shares[&Modality::Image] > 0.7, "{reason:?}");
    assert!((shares.values().sum::<f32>() - 1.0).abs() < 1e-5, "{reason:?}");
    assert!(reason.text.contains("(by its picture "), "{reason:?}");
}

#[test]
fn a_fused_vector_stands_for_the_item_in_place_of_the_mean() {
    let mut dice = Dice(7);
    let (_, other, picture) = (dice.direction(), dice.direction(), dice.direction());
    let by = |picture_share: f32| {
        let embedding = mix(&[(&picture, picture_share), (&other, 1.0 - picture_share)]);
        let shares = [(Modality::Text, 1.0 - picture_share), (Modality::Image, picture_share)].into();
        let fused = FusedContent { model: "fusion@1".to_owned(), embedding, shares };
        similar(&house(Some(fused))).map_or(0.0, |reason| reason.weight)
    };
    let (little, much) = (by(0.05), by(0.95));
    assert!(much > little + 0.1, "{much} against {little}");
    assert!((by(0.95) - much).abs() < 1e-6, "the same inputs give the same list");
}

#[test]
fn a_fused_vector_of_another_dimension_is_passed_over() {
    let embedding = Embedding::from_values(vec![1.0, 0.0]).expect("a direction");
    let fused = FusedContent { model: "fusion@1".to_owned(), embedding, shares: BTreeMap::new() };
    let reason = similar(&house(None));
    assert!(reason.is_some());
    assert_eq!(similar(&house(Some(fused))), reason);
}
