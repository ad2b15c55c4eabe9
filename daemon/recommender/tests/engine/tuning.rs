//! The engine fits itself to the house: what was held out is found again.

use attuned_recommender::{Content, Event, EventType, Feature, Input, ItemId, Recommender, Settings, UserId};

use crate::house::{House, day, event, house_item, item_id, request, user_id};

/// Fifty people in five circles of twenty items each; everybody completes eight items of their own
/// circle and two of the hits that all circles share. Held out: two more of the circle.
fn circles(hits: bool) -> (House, Vec<(UserId, Vec<ItemId>)>) {
    let mut house = House::with(Settings { candidates_max: 500, ..Settings::default() });
    for circle in 0..5 {
        for number in 0..20 {
            house.put(house_item(&format!("c{circle}:{number}"), "film"), Content::default());
        }
    }
    for number in 0..10 {
        house.put(house_item(&format!("hit:{number}"), "film"), Content::default());
    }
    let mut held_out = Vec::new();
    for person in 0..50 {
        let (user, circle) = (format!("person{person}"), person % 5);
        let of_circle = |step: usize| format!("c{circle}:{}", (person / 5 + step * 3) % 20);
        for step in 0..8 {
            house.does(&user, &of_circle(step), EventType::Complete, None);
        }
        for step in 0..2 {
            house.does(&user, &format!("hit:{}", (person + step) % 10), EventType::Complete, None);
        }
        let wanted = if hits {
            [2, 3].map(|step| format!("hit:{}", (person + step) % 10))
        } else {
            [8, 9].map(of_circle)
        };
        held_out.push((user_id(&user), wanted.iter().map(|item| item_id(item)).collect()));
    }
    (house, held_out)
}

fn found(recommender: &Recommender, house: &House, held_out: &[(UserId, Vec<ItemId>)]) -> usize {
    let mut found = 0;
    for (user, items) in held_out {
        let mut request = request(&[user.as_str()], 5);
        request.diversity = Some(0.0);
        let shortlist = recommender.shortlist(&request, house.now);
        let list = recommender.rank(shortlist, &[], &request, house.now);
        found += list.iter().filter(|ranked| items.contains(&ranked.item)).count();
    }
    found
}

#[test]
fn tuning_helps_to_find_what_was_held_out_and_keeps_the_scores_explained() {
    for hits in [false, true] {
        let (mut house, held_out) = circles(hits);
        let before = found(&house.recommender, &house, &held_out);
        let tuning = house.recommender.tune(&held_out, &[], house.now);
        assert_eq!(
            tuning,
            house.recommender.tune(&held_out, &[], house.now),
            "the same past, the same tuning"
        );
        house.recommender.set_tuning(tuning.clone());
        assert_eq!(*house.recommender.tuning(), tuning);
        let after = found(&house.recommender, &house, &held_out);
        assert!(after >= before, "hits {hits}: {before} -> {after}: {tuning:?}");
        for ranked in house.list(&request(&["person7"], 20)) {
            let sum: f32 = ranked.bias + ranked.reasons.iter().map(|reason| reason.weight).sum::<f32>();
            assert!((sum - ranked.log_odds).abs() < 1e-4, "{ranked:?}");
        }
    }
}

#[test]
fn where_only_hits_are_sought_popularity_counts_more() {
    let (house, held_out) = circles(true);
    let (other, of_circles) = circles(false);
    let weight = |house: &House, held_out: &[(UserId, Vec<ItemId>)]| {
        let tuning = house.recommender.tune(held_out, &[], house.now);
        let factor = |feature| tuning.factors.get(&feature).copied().unwrap_or(1.0);
        factor(Feature::Popular) / factor(Feature::Collaborative).max(0.05)
    };
    let (hits, circles) = (weight(&house, &held_out), weight(&other, &of_circles));
    assert!(hits > circles, "{hits} {circles}");
}

#[test]
fn nothing_held_out_changes_nothing() {
    let (mut house, held_out) = circles(false);
    let list = |house: &House| crate::house::ids(&house.list(&request(&["person3"], 20)));
    let before = list(&house);
    let tuning = house.recommender.tune(&[], &[], house.now);
    house.recommender.set_tuning(tuning);
    assert_eq!(list(&house), before);
    // Whoever is not known is passed over.
    let stranger =
        vec![(user_id("stranger"), held_out[0].1.clone()), (user_id("person0"), vec![item_id("gone")])];
    assert!(house.recommender.tune(&stranger, &[], house.now).factors.is_empty());
}

#[test]
fn a_house_is_tuned_on_its_own_past_by_what_was_known_before() {
    let (house, _) = circles(false);
    let items = || {
        let mut recommender = Recommender::new(Settings { candidates_max: 500, ..Settings::default() });
        for circle in 0..5 {
            for number in 0..20 {
                let item = house_item(&format!("c{circle}:{number}"), "film");
                recommender.apply(Input::PutItem { item, content: Content::default() }, day(0));
            }
        }
        recommender
    };
    let past = |people: usize| -> Vec<Event> {
        let of = |person: usize| {
            (0..10).map(move |step| {
                let item = format!("c{}:{}", person % 5, (person / 5 + step * 3) % 20);
                event(&format!("person{person}"), &item, EventType::Complete, None, day(step as i64))
            })
        };
        (0..people).flat_map(of).collect()
    };
    let tuned = items().tune_on_past(past(50), day(20)).expect("enough is known");
    assert_eq!((tuned.people, tuned.held_out), (50, 100), "the last two of ten");
    assert_eq!(items().tune_on_past(past(50), day(20)), Some(tuned), "the same past, the same tuning");
    assert_eq!(items().tune_on_past(past(9), day(20)), None, "of 18 items chance would choose");
    assert_eq!(house.recommender.shadow(), None);
}
