//! "Not this" generalises, for one person, at once, and can be taken back.

use attuned_recommender::EventType;

use crate::house::{House, day};

/// Three skips of one subject's items: its share of the first 20 falls by at least 80 % for the one
/// who skipped, and not at all for another person.
fn check_three_skips(
    within: f32,
    between: f32,
    likes: usize,
    other_likes: usize,
    value: Option<f32>,
    seed: u64,
) {
    let mut house = House::new();
    house.furnish(5, 20, within, between, seed);
    for number in 0..likes {
        house.does("alice", &format!("s0:{number}"), EventType::Like, None);
        house.does("bob", &format!("s0:{number}"), EventType::Complete, None);
    }
    for number in 0..other_likes {
        house.does("alice", &format!("s1:{number}"), EventType::Like, None);
        house.does("alice", &format!("s2:{number}"), EventType::Play, Some(0.9));
    }
    house.now = day(1);
    let before = house.share("alice", 0);
    let (bob, carol) = (house.share("bob", 0), house.share("carol", 0));
    for number in 15..18 {
        house.does("alice", &format!("s0:{number}"), EventType::Skip, value);
    }
    let after = house.share("alice", 0);
    let what =
        format!("within {within} between {between} likes {likes} {value:?} seed {seed}: {before} -> {after}");
    assert!(after as f32 <= 0.2 * before as f32, "{what}");
    assert!(house.share("bob", 0) >= bob, "bob: {what}");
    assert!(house.share("carol", 0) >= carol, "carol: {what}");
}

#[test]
fn three_skips_of_a_subject_take_it_from_the_list() {
    for (within, between) in [(0.3, 0.0), (0.3, 0.15), (0.4, 0.1), (0.6, 0.2)] {
        for (likes, other_likes) in [(0, 0), (3, 0), (3, 3), (10, 0), (10, 2)] {
            for value in [None, Some(0.05)] {
                for seed in 0..3 {
                    check_three_skips(within, between, likes, other_likes, value, seed);
                }
            }
        }
    }
}
