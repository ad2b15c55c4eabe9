//! What lists are like as a whole: different items, the person's mix, limits of repetition.

use std::collections::BTreeMap;

use attuned_recommender::{
    Content, DiversityMethod, EventType, Item, ItemId, Modality, Ranked, ReasonKind, Request, Settings,
};

use crate::house::{Dice, House, house_item, item_id, mix, request, semantic};

/// Films of three tags, 20 each; alice liked 4 dramas and 2 comedies, and then dramas only.
fn films(settings: Settings) -> House {
    let mut house = House::with(settings);
    for tag in ["drama", "comedy", "war"] {
        for number in 0..20 {
            let id = format!("{tag}:{number:02}");
            let provider = Some(["library", "shop"][number % 2].to_owned());
            house.put(
                Item { tags: vec![tag.to_owned()], provider, ..house_item(&id, "film") },
                Content::default(),
            );
        }
    }
    for liked in ["comedy:00", "comedy:01", "drama:00", "drama:01", "drama:02", "drama:03"] {
        house.does("alice", liked, EventType::Like, None);
    }
    house
}

fn shares(list: &[Ranked]) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for ranked in list {
        let tag = ranked.item.as_str().split(':').next().unwrap_or_default();
        *shares.entry(tag.to_owned()).or_default() += 1;
    }
    shares
}

fn asked(n: usize, diversity: f32, calibration: f32) -> Request {
    Request { diversity: Some(diversity), calibration: Some(calibration), ..request(&["alice"], n) }
}

fn check_shares(calibration: f32, expected: &[(&str, usize)]) {
    let house = films(Settings::default());
    let list = house.list(&asked(12, 0.0, calibration));
    let expected = expected.iter().map(|(tag, count)| ((*tag).to_owned(), *count)).collect();
    assert_eq!(shares(&list), expected, "calibration {calibration}");
}

#[test]
fn a_calibrated_list_has_the_person_s_mix() {
    // Two dramas for a comedy were liked.
    check_shares(0.0, &[("drama", 12)]);
    check_shares(1.0, &[("drama", 8), ("comedy", 4)]);
}

#[test]
fn what_has_its_share_is_named_with_what_it_costs() {
    let house = films(Settings::default());
    let list = house.list(&asked(12, 0.0, 1.0));
    let named = |ranked: &&Ranked| ranked.reasons.iter().any(|r| r.text == "drama has its share above");
    assert!(list.iter().find(named).is_some_and(|ranked| ranked.item.as_str().starts_with("drama")));
    assert!(list.iter().flat_map(|r| &r.reasons).all(|r| r.kind != ReasonKind::Diversity || r.weight < 0.0));
}

#[test]
fn nothing_is_known_of_the_mix_of_one_who_liked_nothing() {
    let house = films(Settings::default());
    let list =
        |calibration| house.list(&Request { calibration: Some(calibration), ..request(&["stranger"], 20) });
    assert_eq!(list(0.0), list(1.0));
}

fn check_limit(settings: Settings, kinds: &[&str], expected: usize) {
    let house = films(settings);
    let request =
        Request { kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(), ..asked(20, 0.3, 0.0) };
    assert_eq!(house.list(&request).len(), expected, "of kinds {kinds:?}");
}

#[test]
fn a_list_repeats_a_provider_or_a_kind_as_often_as_it_may() {
    check_limit(Settings::default(), &[], 20);
    check_limit(Settings { per_provider_max: 4, ..Settings::default() }, &[], 8);
    check_limit(Settings { per_kind_max: 3, ..Settings::default() }, &[], 3);
    // Whoever asks for films alone wants films.
    check_limit(Settings { per_kind_max: 3, ..Settings::default() }, &["film"], 20);
    check_limit(Settings { per_kind_max: 3, ..Settings::default() }, &["film", "music"], 3);
}

#[test]
fn an_item_comes_again_as_often_as_it_may() {
    let mut house = films(Settings { plays_max: 2, ..Settings::default() });
    let again = Request { seen: true, ..asked(60, 0.0, 0.0) };
    let listed = |house: &House| house.list(&again).iter().any(|r| r.item == item_id("war:00"));
    for expected in [true, true, false] {
        assert_eq!(listed(&house), expected);
        house.does("alice", "war:00", EventType::Complete, None);
    }
}

/// Items in eight directions, 6 each, all as good as another for a stranger.
fn crowd(diversity_method: DiversityMethod) -> House {
    let mut house = House::with(Settings { diversity_method, ..Settings::default() });
    let mut dice = Dice(5);
    for subject in 0..8 {
        let centre = dice.direction();
        for number in 0..6 {
            let own = dice.direction();
            let id = format!("s{subject}:{number}");
            let content = semantic(Modality::Text, mix(&[(&centre, 0.6), (&own, 0.4)]));
            house.put(house_item(&id, "film"), content);
        }
    }
    house
}

#[test]
fn either_method_takes_one_of_each_subject_before_a_second() {
    for method in [DiversityMethod::Mmr, DiversityMethod::Dpp] {
        let house = crowd(method);
        let list = |diversity| house.list(&Request { diversity: Some(diversity), ..request(&[], 8) });
        assert_eq!(shares(&list(0.5)).len(), 8, "{method:?}");
        assert!(shares(&list(0.0)).len() < 4, "{method:?} without diversity");
    }
}

#[test]
fn what_the_same_people_like_repeats_itself() {
    for method in [DiversityMethod::Mmr, DiversityMethod::Dpp] {
        let mut house = House::with(Settings { diversity_method: method, ..Settings::default() });
        for (group, people) in [("a", 0..30), ("b", 30..55)] {
            for number in 0..4 {
                let id = format!("{group}:{number}");
                house.put(house_item(&id, "film"), Content::default());
                for person in people.clone() {
                    house.does(&format!("person{person}"), &id, EventType::Like, None);
                }
            }
        }
        let list = |diversity| house.list(&Request { diversity: Some(diversity), ..request(&[], 2) });
        assert_eq!(shares(&list(0.0)).len(), 1, "{method:?} without diversity");
        assert_eq!(shares(&list(0.5)).len(), 2, "{method:?}");
    }
}

/// The likelihood of a set in the process's own words: the determinant of the likenesses.
fn determinant(mut matrix: Vec<Vec<f64>>) -> f64 {
    let mut product = 1.0;
    for k in 0..matrix.len() {
        let (above, below) = matrix.split_at_mut(k + 1);
        let pivot = &above[k];
        product *= pivot[k];
        for row in below {
            let factor = row[k] / pivot[k];
            row.iter_mut().zip(pivot).skip(k).for_each(|(value, above)| *value -= factor * above);
        }
    }
    product
}

#[test]
fn what_a_list_pays_is_the_logarithm_of_the_determinant() {
    // Tags alone, so that the likeness is Jaccard's, a proper kernel.
    let settings = Settings { diversity_method: DiversityMethod::Dpp, ..Settings::default() };
    let weight = settings.dpp_weight;
    let mut house = House::with(settings);
    let tags: BTreeMap<ItemId, Vec<&str>> = [
        ("f:1", vec!["a", "b", "c"]),
        ("f:2", vec!["b", "c", "d"]),
        ("f:3", vec!["a", "d"]),
        ("f:4", vec!["c", "e", "f"]),
    ]
    .into_iter()
    .map(|(id, tags)| (item_id(id), tags))
    .collect();
    for (id, tags) in &tags {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        house.put(Item { tags, ..house_item(id.as_str(), "film") }, Content::default());
    }
    let list = house.list(&Request { diversity: Some(1.0), ..request(&[], 4) });
    let reasons = list.iter().flat_map(|r| &r.reasons).filter(|r| r.kind == ReasonKind::Diversity);
    let paid: f32 = reasons.map(|r| r.weight).sum();
    let jaccard = |a: &ItemId, b: &ItemId| {
        let common = tags[a].iter().filter(|tag| tags[b].contains(tag)).count() as f64;
        common / (tags[a].len() as f64 + tags[b].len() as f64 - common)
    };
    let matrix = list.iter().map(|a| list.iter().map(|b| jaccard(&a.item, &b.item)).collect()).collect();
    let expected = f64::from(weight) * determinant(matrix).ln();
    assert!((f64::from(paid) - expected).abs() < 1e-4, "{paid} is not {expected}");
}
