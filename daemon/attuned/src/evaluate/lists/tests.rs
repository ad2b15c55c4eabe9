//! Lists judged by hand.

use std::collections::BTreeMap;

use attuned_recommender::{Item, ItemId, Modality};

use super::*;
use crate::evaluate::data::{Described, Features};

/// Four items, two of them films of crime, one a comedy, one without tags.
fn tagged() -> Data {
    let mut data = Data::default();
    for (name, tags) in [("a", "crime"), ("b", "crime"), ("c", "comedy"), ("d", "")] {
        data.items.number(name);
        let item = Item {
            id: ItemId::parse(name).expect("an id"),
            kind: "film".to_owned(),
            title: None,
            text: None,
            tags: tags.split_whitespace().map(str::to_owned).collect(),
            attributes: BTreeMap::new(),
            published_at: None,
            expires_at: None,
            provider: None,
        };
        data.described.push(Some(Described { item, media: Vec::new() }));
    }
    data
}

/// Two people: the first chose `a` and `c`, the second `a`.
fn history() -> History {
    let chosen = vec![vec![0, 2], vec![0]];
    History { rows: Vec::new(), known: chosen.clone(), chosen }
}

fn near(a: Option<f64>, b: f64) {
    let a = a.expect("a figure");
    assert!((a - b).abs() < 1e-6, "{a} is not {b}");
}

#[test]
fn lists_are_judged_as_by_hand() {
    let shelf = Shelf::new(&tagged(), &history());
    let figures = shelf.judge(&[(0, &[0, 1]), (1, &[0, 2])], &history());
    // a, b and c of four are shown; a twice: (1*0 + 2*1 + 3*1 + 4*2) * 2 / (4*4) - 5/4.
    near(Some(figures.coverage), 0.75);
    near(Some(figures.gini), 0.375);
    // The same tag, and none in common.
    near(figures.ild, 0.5);
    // Chosen by 2 and 0, and by 2 and 1, of 2 people, each with one more.
    near(Some(figures.novelty), (0.0 + 3.0_f64.log2() + 0.0 + 1.5_f64.log2()) / 4.0);
    // Half crime, half comedy against crime alone, and crime alone against half and half.
    let first = 0.5 * (0.5_f64 / (0.99 + 0.005)).log2() + 0.5 * (0.5_f64 / 0.005).log2();
    let second = (1.0_f64 / (0.99 * 0.5 + 0.01)).log2();
    near(figures.calibration_kl, (first + second) / 2.0);
    // a was chosen by 2, c by 1, b by nobody: lists of 1 and 1.5 for who chose 1.5 and 2.
    near(figures.popularity_lift, (1.0 / 1.5 - 1.0 + 1.5 / 2.0 - 1.0) / 2.0);
    // Of half crime, half comedy only crime is met; of crime alone all.
    near(figures.interests, 0.75);
    assert_eq!(figures.provider_gini, None);
}

#[test]
fn providers_are_shown_as_unequally_as_by_hand() {
    let mut data = tagged();
    for (place, described) in data.described.iter_mut().enumerate() {
        // The first has three of the four items.
        let provider = if place < 3 { "library" } else { "radio" };
        described.as_mut().expect("described").item.provider = Some(provider.to_owned());
    }
    let shelf = Shelf::new(&data, &history());
    let gini = |list: &[u32]| shelf.judge(&[(0, list)], &history()).provider_gini;
    // One item's worth of exposure for each of three items against one of one: 1/3 and 1 by 2nd place's.
    let second = 1.0 / 3.0_f64.log2();
    let (library, radio) = (1.0 / 3.0, second);
    near(gini(&[0, 3]), 2.0 * (library + 2.0 * radio) / (2.0 * (library + radio)) - 1.5);
    near(gini(&[3]), 0.5);
}

#[test]
fn vectors_come_before_tags_and_what_has_none_is_not_compared() {
    let mut data = tagged();
    let rows = [Some([1.0, 1.0]), Some([-1.0, 1.0]), Some([0.0, -2.0]), None];
    let rows = rows.map(|row| row.map(|row| Box::from(row.as_slice()))).into();
    data.features.push(Features { modality: Modality::Image, dim: 2, rows });
    let shelf = Shelf::new(&data, &history());
    // The mean is (0, 0): a and b are at right angles, d has no direction.
    near(shelf.judge(&[(0, &[0, 1, 3])], &history()).ild, 1.0);
    near(shelf.judge(&[(0, &[0, 2])], &history()).ild, 1.0 + 0.5_f64.sqrt());
    assert_eq!(shelf.judge(&[(0, &[0, 3])], &history()).ild, None);
}

#[test]
fn without_lists_nothing_is_covered() {
    let figures = Shelf::new(&Data::default(), &History::default()).judge(&[], &History::default());
    assert_eq!(figures, Figures::default());
}
