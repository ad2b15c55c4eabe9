//! People of several tastes: each of them has its places, and more of them than by the mean of all.

use attuned_recommender::{Embedding, EventType, ItemId, Modality};

use crate::house::{Dice, House, day, item_id, request, user_id};

const SUBJECTS: usize = 12;
const EACH: usize = 40;

/// The `n` items that are nearest to the mean of the liked ones, without these: what one vector a person
/// would recommend.
fn by_mean(liked: &[ItemId], vectors: &[(ItemId, Embedding)], n: usize) -> Vec<ItemId> {
    let mut mean = vec![0.0; attuned_recommender::SEMANTIC_DIM];
    for (_, vector) in vectors.iter().filter(|(id, _)| liked.contains(id)) {
        mean.iter_mut().zip(vector.as_slice()).for_each(|(sum, value)| *sum += value);
    }
    let cosine =
        |vector: &Embedding| -> f32 { vector.as_slice().iter().zip(&mean).map(|(a, b)| a * b).sum() };
    let mut scored: Vec<(f32, &ItemId)> = vectors
        .iter()
        .filter(|(id, _)| !liked.contains(id))
        .map(|(id, vector)| (cosine(vector), id))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.into_iter().take(n).map(|(_, id)| id.clone()).collect()
}

/// How many of three subjects are in a list.
fn covered(list: &[ItemId], subjects: [usize; 3]) -> usize {
    let is_there = |subject: &usize| {
        let prefix = format!("s{subject}:");
        list.iter().any(|item| item.as_str().starts_with(&prefix))
    };
    subjects.iter().filter(|subject| is_there(subject)).count()
}

/// Of the engine and of the mean vector: the mean share of a person's three tastes in the first 20, and
/// the share of people of whom all three are there.
fn coverage(likes: [usize; 3], within: f32, between: f32) -> [[f64; 2]; 2] {
    let mut sums = [[0.0; 2]; 2];
    let people = 40;
    for seed in 0..4 {
        let mut house = House::new();
        house.furnish(SUBJECTS, EACH, within, between, seed);
        let ids = (0..SUBJECTS).flat_map(|s| (0..EACH).map(move |n| item_id(&format!("s{s}:{n}"))));
        let vector =
            |id: &ItemId| house.recommender.content(id).expect("an item").semantic[&Modality::Text].clone();
        let vectors: Vec<(ItemId, Embedding)> = ids.map(|id| (id.clone(), vector(&id))).collect();
        let mut dice = Dice(seed + 100);
        for person in 0..people / 4 {
            let user = format!("person{person}");
            let first = (dice.unit() * SUBJECTS as f32) as usize;
            let subjects = [first, (first + 3) % SUBJECTS, (first + 7) % SUBJECTS];
            let mut liked: Vec<ItemId> = Vec::new();
            for (subject, likes) in subjects.into_iter().zip(likes) {
                let from = (dice.unit() * (EACH - likes) as f32) as usize;
                liked.extend((from..from + likes).map(|number| item_id(&format!("s{subject}:{number}"))));
            }
            // In any order, over a month.
            for at in (1..liked.len()).rev() {
                liked.swap(at, (dice.unit() * (at + 1) as f32) as usize);
            }
            for (number, item) in liked.iter().enumerate() {
                house.now = day(30 * number as i64 / liked.len() as i64);
                house.does(&user, item.as_str(), EventType::Like, None);
            }
            house.now = day(31);
            let list: Vec<ItemId> =
                house.list(&request(&[&user], 20)).into_iter().map(|ranked| ranked.item).collect();
            for (by, list) in [list, by_mean(&liked, &vectors, 20)].iter().enumerate() {
                let covered = covered(list, subjects);
                sums[by][0] += covered as f64 / 3.0;
                sums[by][1] += f64::from(u8::from(covered == 3));
            }
            // Alone with the house: what others like is another matter.
            house.recommender.apply(attuned_recommender::Input::ForgetUser(user_id(&user)), house.now);
        }
    }
    sums.map(|sums| sums.map(|sum| sum / f64::from(people)))
}

#[test]
fn three_tastes_are_all_in_the_list() {
    let mut sums = [0.0; 2];
    for likes in [[6, 6, 6], [10, 5, 3], [12, 3, 3]] {
        for (within, between) in [(0.3, 0.0), (0.33, 0.17), (0.45, 0.1), (0.6, 0.2)] {
            let [engine, mean] = coverage(likes, within, between);
            println!(
                "{likes:?} likes, cosines {within} and {between}: tastes in the list {:.2}, by the mean vector \
                 {:.2}; all three {:.2}, by the mean vector {:.2}",
                engine[0], mean[0], engine[1], mean[1]
            );
            assert!(engine[1] >= 0.85, "{likes:?} {within} {between}: {engine:?}");
            sums[0] += engine[0];
            sums[1] += mean[0];
        }
    }
    println!("coverage {:.3}, by the mean vector {:.3}", sums[0] / 12.0, sums[1] / 12.0);
    assert!(sums[0] >= 1.3 * sums[1], "{sums:?}");
}
