//! What is expected of an item beside its place.

use attuned_recommender::{EventType, Expectation, Input};

use crate::house::{House, day, house_item, ids, item_id, request, user_id};

/// Two who judge alike and one who judges the other way round, over 30 films; only the latter two
/// judged the last four.
fn judges() -> House {
    let mut house = House::new();
    for film in 0..30 {
        house.put(house_item(&format!("film:{film}"), "film"), Default::default());
    }
    for film in 0..26 {
        let (good, bad) = if film % 2 == 0 { (5.0, 2.0) } else { (2.0, 5.0) };
        for (user, stars) in [("anna", good), ("ben", good), ("carl", bad)] {
            house.does(user, &format!("film:{film}"), EventType::Rate, Some(stars));
        }
    }
    for film in 26..30 {
        let (good, bad) = if film % 2 == 0 { (5.0, 2.0) } else { (2.0, 5.0) };
        house.does("ben", &format!("film:{film}"), EventType::Rate, Some(good));
        house.does("carl", &format!("film:{film}"), EventType::Rate, Some(bad));
    }
    house
}

fn expected(house: &House, user: &str, item: &str) -> Expectation {
    house.recommender.expect(&[user_id(user)], &[item_id(item)])[0]
}

#[test]
fn those_who_judge_alike_tell_what_to_expect() {
    let house = judges();
    let (good, bad) = (expected(&house, "anna", "film:26"), expected(&house, "anna", "film:27"));
    assert!(good.stars > Some(bad.stars.unwrap_or(5.0) + 0.5), "{good:?} {bad:?}");
    assert!(good.like > Some(0.5) && bad.like < Some(0.5), "{good:?} {bad:?}");
    assert!(good.stars_deviation > Some(0.9), "{good:?}");
    let list = house.list(&request(&["anna"], 10));
    let of = list.iter().find(|ranked| ranked.item == item_id("film:26")).expect("in the list");
    assert_eq!(of.expected, good, "the list says the same");
    // Of a group, the mean.
    let both = house.recommender.expect(&[user_id("anna"), user_id("carl")], &[item_id("film:26")])[0];
    let carl = expected(&house, "carl", "film:26");
    let mean = (good.stars.unwrap_or(0.0) + carl.stars.unwrap_or(0.0)) / 2.0;
    assert!((both.stars.unwrap_or(0.0) - mean).abs() < 1e-5);
}

#[test]
fn each_head_rests_on_events_of_its_own() {
    let mut house = judges();
    let before = expected(&house, "anna", "film:1");
    assert_eq!((before.completion, before.play), (None, None));
    for (film, share) in [(0, 0.9), (1, 0.1), (2, 1.0)] {
        house.does("ben", &format!("film:{film}"), EventType::Play, Some(share));
    }
    for film in 0..6 {
        house.does("ben", &format!("film:{film}"), EventType::Impression, None);
    }
    let (liked, left) = (expected(&house, "anna", "film:0"), expected(&house, "anna", "film:1"));
    assert!(liked.completion > left.completion, "{liked:?} {left:?}");
    let never = expected(&house, "ben", "film:5");
    assert!(liked.play > never.play && never.play > Some(0.0), "{liked:?} {never:?}");
    assert_eq!(liked.stars, expected(&judges(), "anna", "film:0").stars, "stars rest on ratings alone");
    assert_eq!(expected(&house, "anna", "film:none"), Expectation::default());
}

#[test]
fn in_a_house_of_one_like_items_tell_what_to_expect() {
    let mut house = House::new();
    for film in 0..12 {
        let mut item = house_item(&format!("film:{film}"), "film");
        item.tags = vec![if film % 2 == 0 { "western" } else { "noir" }.to_owned()];
        house.put(item, Default::default());
    }
    for film in 0..8 {
        let stars = if film % 2 == 0 { 2.0 } else { 5.0 };
        house.does("anna", &format!("film:{film}"), EventType::Rate, Some(stars));
    }
    let (western, noir) = (expected(&house, "anna", "film:10"), expected(&house, "anna", "film:11"));
    assert!(noir.stars > Some(western.stars.unwrap_or(5.0) + 0.5), "{western:?} {noir:?}");
}

#[test]
fn what_is_undone_or_forgotten_is_not_expected_any_more() {
    let mut house = judges();
    let before = expected(&house, "anna", "film:29");
    house.does("ben", "film:29", EventType::Rate, Some(1.0));
    house.does("dora", "film:29", EventType::Dislike, None);
    assert!(expected(&house, "anna", "film:29").stars < before.stars);
    house.does("ben", "film:29", EventType::Undo, None);
    house.recommender.apply(Input::ForgetUser(user_id("dora")), day(9));
    let after = expected(&house, "anna", "film:29");
    assert!((after.stars.unwrap_or(0.0) - before.stars.unwrap_or(9.0)).abs() < 1e-6, "{before:?} {after:?}");
}

#[test]
fn low_stars_are_expected_of_others_but_move_no_list_of_theirs() {
    let mut house = judges();
    let before = ids(&house.list(&request(&["anna"], 30)));
    let stars = expected(&house, "anna", "film:26").stars;
    for user in ["dora", "emil", "fay"] {
        house.does(user, "film:26", EventType::Rate, Some(1.0));
    }
    assert!(expected(&house, "anna", "film:26").stars < stars);
    assert_eq!(ids(&house.list(&request(&["anna"], 30))), before);
}
