//! How far "not this" reaches, and how little one odd event does, as numbers over many houses.

use std::collections::BTreeSet;

use attuned_recommender::{EventType, ItemId, Modality, Request};

use crate::house::{Dice, House, day, house_item, item_id, mix, request, semantic};

/// Items of a subject, of which the first `LIKED` are liked and the others wait to be found.
const EACH: usize = 16;
const LIKED: usize = 6;

/// How a house's subjects lie: cosines within one and between two, and how much of its direction the
/// second subject has in common with the first.
#[derive(Debug, Clone, Copy)]
struct Geometry {
    within: f32,
    between: f32,
    kinship: f32,
}

const GEOMETRIES: [Geometry; 6] = [
    Geometry { within: 0.3, between: 0.0, kinship: 0.0 },
    Geometry { within: 0.3, between: 0.15, kinship: 0.0 },
    Geometry { within: 0.4, between: 0.1, kinship: 0.0 },
    Geometry { within: 0.6, between: 0.2, kinship: 0.0 },
    Geometry { within: 0.45, between: 0.1, kinship: 0.2 },
    Geometry { within: 0.6, between: 0.1, kinship: 0.3 },
];

/// A house of eight subjects of `each` items.
fn house_of(geometry: Geometry, each: usize, seed: u64) -> House {
    let Geometry { within, between, kinship } = geometry;
    let mut house = House::new();
    let mut dice = Dice(seed);
    let common = dice.direction();
    let mut first: Option<Vec<f32>> = None;
    for subject in 0..8 {
        let mut centre = dice.direction();
        if let Some(first) = first.as_ref().filter(|_| subject == 1) {
            centre = mix(&[(first, kinship), (&centre, 1.0 - kinship)]).as_slice().to_vec();
        }
        first.get_or_insert_with(|| centre.clone());
        for number in 0..each {
            let own = dice.direction();
            let near = (within + 0.05 * dice.normal()).clamp(between + 0.05, 0.9);
            let vector = mix(&[(&common, between), (&centre, near - between), (&own, 1.0 - near)]);
            house.put(
                house_item(&format!("s{subject}:{number:02}"), "film"),
                semantic(Modality::Text, vector),
            );
        }
    }
    house
}

fn of(subject: usize, numbers: std::ops::Range<usize>) -> BTreeSet<ItemId> {
    numbers.map(|number| item_id(&format!("s{subject}:{number:02}"))).collect()
}

fn top(house: &House, user: &str, exclude: BTreeSet<ItemId>) -> BTreeSet<ItemId> {
    let request = Request { exclude: exclude.into_iter().collect(), ..request(&[user], 20) };
    house.list(&request).into_iter().map(|ranked| ranked.item).collect()
}

fn like(house: &mut House, user: &str, each: usize) {
    for number in 0..each {
        for subject in 0..3 {
            house.does(user, &format!("s{subject}:{number:02}"), EventType::Like, None);
        }
    }
}

/// What the first 20 hold: of the subject that is to be skipped, of the other liked ones, and of these
/// where the skipped subject is left out of the list, so that the places it leaves hide no loss.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    skipped: f64,
    elsewhere: f64,
    beside: f64,
}

impl Share {
    fn of(house: &House) -> Share {
        let elsewhere: BTreeSet<ItemId> = (1..3).flat_map(|subject| of(subject, LIKED..EACH)).collect();
        let list = top(house, "alice", BTreeSet::new());
        let beside = top(house, "alice", of(0, 0..EACH));
        let recall =
            |list: &BTreeSet<ItemId>| list.intersection(&elsewhere).count() as f64 / elsewhere.len() as f64;
        Share {
            skipped: list.intersection(&of(0, LIKED..EACH)).count() as f64,
            elsewhere: recall(&list),
            beside: recall(&beside),
        }
    }

    fn mean(shares: &[Share]) -> Share {
        let mean = |of: fn(&Share) -> f64| shares.iter().map(of).sum::<f64>() / shares.len() as f64;
        Share { skipped: mean(|s| s.skipped), elsewhere: mean(|s| s.elsewhere), beside: mean(|s| s.beside) }
    }
}

#[test]
fn three_skips_end_a_subject_and_cost_the_others_little() {
    let (mut all_before, mut all_after) = (Vec::new(), Vec::new());
    for geometry in GEOMETRIES {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for seed in 0..10 {
            let mut house = house_of(geometry, EACH, seed);
            like(&mut house, "alice", LIKED);
            like(&mut house, "bob", LIKED);
            house.now = day(1);
            before.push(Share::of(&house));
            let bob = house.list(&request(&["bob"], 20));
            for number in LIKED..LIKED + 3 {
                house.does("alice", &format!("s0:{number:02}"), EventType::Skip, None);
            }
            after.push(Share::of(&house));
            assert_eq!(bob, house.list(&request(&["bob"], 20)), "{geometry:?} seed {seed}");
        }
        let (b, a) = (Share::mean(&before), Share::mean(&after));
        println!(
            "{geometry:?}: skipped subject {:.2} -> {:.2} of 20, recall elsewhere {:.3} -> {:.3}, \
             beside the subject {:.3} -> {:.3}",
            b.skipped, a.skipped, b.elsewhere, a.elsewhere, b.beside, a.beside
        );
        assert!(b.skipped > 5.0 && a.skipped <= 0.2 * b.skipped, "{geometry:?}: {b:?} {a:?}");
        assert!(a.elsewhere >= b.elsewhere - 0.01, "{geometry:?}: {b:?} {a:?}");
        all_before.extend(before);
        all_after.extend(after);
    }
    let (b, a) = (Share::mean(&all_before), Share::mean(&all_after));
    println!("all: {b:?} -> {a:?}");
    assert!(a.beside >= b.beside - 0.05, "{b:?} {a:?}");
}

/// How many of the first 20 are others after one event on something unlike all that was liked, and how
/// many of its subject are among them.
fn moved_by(
    geometry: Geometry,
    likes: usize,
    event_type: EventType,
    value: Option<f32>,
    seed: u64,
) -> [usize; 2] {
    let mut house = house_of(geometry, 2 * EACH, seed);
    like(&mut house, "alice", likes);
    house.now = day(1);
    let before = top(&house, "alice", BTreeSet::new());
    house.does("alice", "s6:00", event_type, value);
    let after = top(&house, "alice", BTreeSet::new());
    [before.difference(&after).count(), after.intersection(&of(6, 0..2 * EACH)).count()]
}

/// One odd event on 180 houses: the least share of them in which at most one of the first 20 moves, and
/// the most places that its subject may get on average.
fn check_odd(event_type: EventType, value: Option<f32>, calm_min: f64, places_max: f64) {
    let (mut calm, mut places, mut cases) = (0.0, 0.0, 0.0);
    for likes in [3, 6, 10] {
        for geometry in GEOMETRIES {
            for seed in 0..10 {
                let [moved, of_subject] = moved_by(geometry, likes, event_type, value, seed);
                calm += f64::from(u8::from(moved <= 1));
                places += of_subject as f64;
                cases += 1.0;
            }
        }
    }
    let what = format!("{} {value:?}", event_type.name());
    let (calm, places) = (calm / cases, places / cases);
    println!(
        "{what}: at most one of 20 moves in {calm:.3} of the houses, its subject has {places:.2} places"
    );
    assert!(calm >= calm_min && places <= places_max, "{what}: {calm} {places}");
}

#[test]
fn one_odd_play_is_no_taste() {
    check_odd(EventType::Play, None, 0.97, 0.05);
    check_odd(EventType::Play, Some(0.95), 0.95, 0.15);
    check_odd(EventType::Complete, None, 0.94, 0.2);
    check_odd(EventType::Like, None, 0.9, 0.4);
}
