//! "Not this" generalises, for one person, at once, and can be taken back.

use attuned_recommender::{Content, EventType, Item, Request, Settings};

use crate::house::{House, day, house_item, item_id, request};

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

#[test]
fn one_skip_lowers_a_liked_subject_but_does_not_end_it() {
    let mut house = House::new();
    house.furnish(4, 20, 0.45, 0.1, 8);
    for number in 0..4 {
        house.does("alice", &format!("s0:{number}"), EventType::Like, None);
        house.does("alice", &format!("s1:{number}"), EventType::Like, None);
    }
    let before = (house.share("alice", 0), house.share("alice", 1));
    house.does("alice", "s0:10", EventType::Skip, None);
    let after = (house.share("alice", 0), house.share("alice", 1));
    assert!(after.0 < before.0 && after.1 >= before.1, "{before:?} -> {after:?}");
    let list = house.list(&request(&["alice"], 80));
    let best = list.iter().position(|ranked| ranked.item.as_str().starts_with("s0:")).expect("on the list");
    // It still comes before the subjects of which nothing is known, or soon after.
    assert!(best <= 30, "{best}");
}

#[test]
fn other_liked_subjects_survive_three_skips() {
    for (within, between) in [(0.3, 0.0), (0.3, 0.15), (0.6, 0.2)] {
        let mut house = House::new();
        house.furnish(5, 20, within, between, 4);
        for number in 0..3 {
            house.does("alice", &format!("s0:{number}"), EventType::Like, None);
            house.does("alice", &format!("s1:{number}"), EventType::Like, None);
        }
        let before = house.share("alice", 1);
        for number in 10..13 {
            house.does("alice", &format!("s0:{number}"), EventType::Skip, None);
        }
        let after = house.share("alice", 1);
        assert!(before > 0 && after >= before, "within {within} between {between}: {before} -> {after}");
    }
}

#[test]
fn an_early_skip_weighs_more_than_a_late_one_and_both_fade() {
    let log_odds = |share: f32, days: i64| {
        let mut house = House::new();
        house.furnish(3, 20, 0.45, 0.1, 8);
        house.does("alice", "s0:0", EventType::Skip, Some(share));
        house.now = day(days);
        let list = house.list(&request(&["alice"], 60));
        list.iter()
            .find(|ranked| ranked.item.as_str() == "s0:1")
            .map(|ranked| ranked.log_odds)
            .expect("listed")
    };
    assert!(log_odds(0.05, 0) < log_odds(0.6, 0));
    assert!(log_odds(0.6, 0) < log_odds(0.95, 0));
    assert!(log_odds(0.05, 0) < log_odds(0.05, 90));
}

#[test]
fn liking_it_again_brings_a_skipped_subject_back() {
    let mut house = House::new();
    house.furnish(5, 20, 0.4, 0.1, 4);
    for number in 0..3 {
        house.does("alice", &format!("s0:{number}"), EventType::Skip, None);
    }
    let skipped = house.share("alice", 0);
    for number in 3..8 {
        house.does("alice", &format!("s0:{number}"), EventType::Like, None);
    }
    assert!(skipped == 0 && house.share("alice", 0) >= 5, "{skipped} -> {}", house.share("alice", 0));
}

#[test]
fn several_interests_all_keep_their_place() {
    let mut house = House::new();
    house.furnish(8, 30, 0.45, 0.1, 21);
    for number in 0..12 {
        house.does("alice", &format!("s0:{number}"), EventType::Complete, None);
    }
    for number in 0..3 {
        house.does("alice", &format!("s1:{number}"), EventType::Complete, None);
        house.does("alice", &format!("s2:{number}"), EventType::Complete, None);
    }
    let shares = [0, 1, 2].map(|subject| house.share("alice", subject));
    assert!(shares.iter().all(|share| *share >= 2), "{shares:?}");
    let profile = house.recommender.profile(&crate::house::user_id("alice")).expect("a profile");
    assert!(profile.interests.len() >= 3, "{:?}", profile.interests);
}

/// In a catalogue whose items are all alike to some degree (posters of one make, tones of one synth),
/// disliking one subject must not drag down the one that is liked.
#[test]
fn what_a_whole_catalogue_has_in_common_is_no_likeness() {
    for between in [0.1, 0.25, 0.4] {
        let mut house = House::new();
        house.furnish(5, 10, 0.85, between, 6);
        for number in 0..5 {
            for event_type in [EventType::Complete, EventType::Like, EventType::Save] {
                house.does("alice", &format!("s0:{number}"), event_type, None);
            }
        }
        for number in 0..3 {
            for event_type in [EventType::Skip, EventType::Dislike] {
                house.does("alice", &format!("s1:{number}"), event_type, None);
            }
        }
        house.does("alice", "s1:0", EventType::Hide, None);
        let list = house.list(&Request { diversity: Some(0.0), ..request(&["alice"], 5) });
        let first = list.iter().filter(|ranked| ranked.item.as_str().starts_with("s0:")).count();
        assert_eq!(first, 5, "between {between}: {}", crate::house::ids(&list));
    }
}

#[test]
fn a_type_of_event_weighs_as_it_is_set() {
    let skipped = |weight: Option<f32>| {
        let event_weights = weight.map(|weight| (EventType::Skip, weight)).into_iter().collect();
        let mut house = House::with(Settings { event_weights, ..Settings::default() });
        house.furnish(4, 10, 0.3, 0.1, 7);
        house.does("anna", "s0:0", EventType::Skip, Some(0.0));
        let shortlist = house.recommender.shortlist(&request(&["anna"], 40), house.now);
        let batch = shortlist.batch();
        let place = batch.items.iter().position(|item| item.id == item_id("s0:1")).expect("a candidate");
        batch.scores[place]
    };
    let (unheeded, half, whole, double) =
        (skipped(Some(0.0)), skipped(Some(0.5)), skipped(None), skipped(Some(2.0)));
    assert!(unheeded > half && half > whole && whole > double, "{unheeded} {half} {whole} {double}");
}

#[test]
fn what_was_liked_these_days_counts_more_where_moods_count() {
    let lead = |mood_share: f32, days: i64| {
        let mut house = House::with(Settings { mood_share, ..Settings::default() });
        house.furnish(2, 10, 0.3, 0.1, 7);
        // A look inside: what is liked wholly cannot count more.
        house.does("anna", "s0:0", EventType::Play, Some(0.4));
        house.now = day(days);
        house.does("anna", "s1:0", EventType::Play, Some(0.4));
        let shortlist = house.recommender.shortlist(&request(&["anna"], 20), house.now);
        let batch = shortlist.batch();
        let best = |subject: &str| {
            let of = |(item, score): (&std::sync::Arc<Item>, &f32)| {
                item.id.as_str().starts_with(subject).then_some(*score)
            };
            batch.items.iter().zip(&batch.scores).filter_map(of).fold(f32::MIN, f32::max)
        };
        best("s1") - best("s0")
    };
    assert!(lead(1.0, 20) > lead(0.0, 20) + 0.1, "{} {}", lead(1.0, 20), lead(0.0, 20));
}

/// A house without vectors: dramas, each of a second genre too, and comedies. Alice likes many of both.
fn genres() -> House {
    let mut house = House::new();
    for number in 0..40 {
        let second = ["war", "crime", "noir", "music"][number % 4];
        for (first, tags) in [("drama", vec!["drama", second]), ("comedy", vec!["comedy", second])] {
            let tags = tags.into_iter().map(str::to_owned).collect();
            let item = Item { tags, ..house_item(&format!("{first}:{number}"), "film") };
            house.put(item, Content::default());
        }
    }
    for number in 0..12 {
        house.does("alice", &format!("drama:{number}"), EventType::Like, None);
        house.does("alice", &format!("comedy:{number}"), EventType::Like, None);
    }
    house.now = day(1);
    house
}

/// What is said against a drama that was not skipped, in log-odds.
fn against_dramas(house: &House) -> f32 {
    let list = house.list(&Request { diversity: Some(0.0), ..request(&["alice"], 80) });
    let drama = list.iter().find(|ranked| ranked.item == item_id("drama:30")).expect("on the list");
    drama.reasons.iter().map(|reason| reason.weight.min(0.0)).sum()
}

fn skip(house: &mut House, films: &[&str]) {
    films.iter().for_each(|film| house.does("alice", film, EventType::Skip, None));
}

#[test]
fn three_skips_in_a_row_win_over_many_likes_for_a_while() {
    let mut house = genres();
    skip(&mut house, &["drama:20"]);
    assert_eq!(against_dramas(&house), 0.0);
    skip(&mut house, &["drama:21", "drama:22"]);
    assert!(against_dramas(&house) < -2.5, "{}", against_dramas(&house));
    let list = house.list(&request(&["alice"], 80));
    let drama = list.iter().find(|r| r.item == item_id("drama:30")).expect("on the list");
    assert_eq!(drama.reasons[0].text, "you avoid drama");
    assert!(list[..20].iter().all(|ranked| ranked.item.as_str().starts_with("comedy:")));
    house.now = day(60);
    assert_eq!(against_dramas(&house), 0.0);
}

#[test]
fn a_like_among_the_skips_says_that_the_subject_is_not_meant() {
    let mut house = genres();
    skip(&mut house, &["drama:20", "drama:21"]);
    house.does("alice", "drama:25", EventType::Like, None);
    skip(&mut house, &["drama:22"]);
    assert!(against_dramas(&house) > -0.5, "{}", against_dramas(&house));
}

#[test]
fn skips_of_everything_and_low_stars_mean_no_subject() {
    let mut house = genres();
    skip(&mut house, &["drama:20", "comedy:21", "drama:22", "comedy:23"]);
    assert!(against_dramas(&house) > -0.5, "{}", against_dramas(&house));
    let mut house = genres();
    for number in 20..23 {
        house.does("alice", &format!("drama:{number}"), EventType::Rate, Some(2.0));
    }
    assert!(against_dramas(&house) > -0.5, "{}", against_dramas(&house));
}
