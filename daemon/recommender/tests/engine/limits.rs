//! What can grow stops at its limit, and what then happens.

use attuned_recommender::{Content, EventType, Input, Modality, Settings, Source, Value};

use crate::house::{Dice, House, day, event, house_item, item_id, mix, request, semantic, user_id};

fn house(change: impl FnOnce(&mut Settings)) -> House {
    let mut settings = Settings::default();
    change(&mut settings);
    let mut house = House::with(settings);
    house.furnish(3, 20, 0.5, 0.1, 5);
    house
}

#[test]
fn a_full_catalogue_takes_no_new_item_but_replaces_known_ones() {
    let mut house = house(|settings| settings.items_max = 60);
    house.put(house_item("new:1", "film"), Content::default());
    assert_eq!((house.recommender.items_len(), house.recommender.item(&item_id("new:1"))), (60, None));
    house.put(house_item("s0:0", "music"), Content::default());
    assert_eq!(house.recommender.item(&item_id("s0:0")).map(|item| item.kind.as_str()), Some("music"));
    house.recommender.apply(Input::RemoveItem(item_id("s0:0")), day(0));
    house.put(house_item("new:1", "film"), Content::default());
    assert_eq!(house.recommender.items_len(), 60);
    assert!(house.recommender.item(&item_id("new:1")).is_some());
}

#[test]
fn lists_and_candidates_are_bounded() {
    let house = house(|settings| (settings.list_max, settings.candidates_max) = (7, 9));
    assert_eq!(house.list(&request(&["alice"], usize::MAX)).len(), 7);
    assert_eq!(house.list(&request(&["alice"], 0)).len(), 0);
    assert_eq!(house.recommender.shortlist(&request(&["alice"], 50), day(0)).len(), 9);
}

#[test]
fn the_item_untouched_for_longest_is_forgotten_first_and_hidden_ones_last() {
    let mut house = house(|settings| (settings.items_per_user_max, settings.undo_max) = (3, 0));
    for (hour, number) in (0..6).enumerate() {
        house.now = day(hour as i64);
        let event_type = if number == 0 { EventType::Hide } else { EventType::Like };
        house.does("alice", &format!("s0:{number}"), event_type, None);
    }
    let state = house.recommender.user_state(&user_id("alice")).expect("a state");
    let known: Vec<&str> = state.taste.items.keys().map(|item| item.as_str()).collect();
    assert_eq!(known, ["s0:0", "s0:4", "s0:5"]);
}

#[test]
fn only_the_latest_events_can_be_undone() {
    let mut house = house(|settings| settings.undo_max = 2);
    for number in 0..3 {
        house.does("alice", &format!("s0:{number}"), EventType::Like, None);
    }
    let before = house.recommender.user_state(&user_id("alice"));
    house.does("alice", "s0:0", EventType::Undo, None);
    assert_eq!(house.recommender.user_state(&user_id("alice")), before);
    house.does("alice", "s0:1", EventType::Undo, None);
    let after = house.recommender.user_state(&user_id("alice")).expect("a state");
    assert_eq!((after.recent.len(), after.taste.events), (1, 2));
}

#[test]
fn a_new_person_takes_the_place_of_the_one_who_did_nothing_for_longest() {
    let mut house = house(|settings| settings.users_max = 2);
    for (hour, user) in ["alice", "bob", "carol"].into_iter().enumerate() {
        house.now = day(hour as i64);
        house.does(user, "s0:0", EventType::Like, None);
    }
    let known = |user: &str| house.recommender.user_state(&user_id(user)).is_some();
    assert_eq!(["alice", "bob", "carol"].map(known), [false, true, true]);
}

#[test]
fn tags_kinds_circumstances_and_comments_of_a_person_are_bounded() {
    let mut house = House::with(Settings {
        tags_per_user_max: 5,
        kinds_per_user_max: 3,
        circumstances_per_user_max: 4,
        circumstances_per_event_max: 2,
        remarks_per_user_max: 2,
        ..Settings::default()
    });
    let mut dice = Dice(9);
    for number in 0..12 {
        let mut item = house_item(&format!("i:{number}"), &format!("kind{number}"));
        item.tags = vec![format!("tag{number}"), format!("other{number}")];
        house.put(item, semantic(Modality::Text, mix(&[(&dice.direction(), 1.0)])));
        let mut event = event("alice", &format!("i:{number}"), EventType::Comment, None, day(number));
        event.context =
            (0..5).map(|key| (format!("key{key}"), Value::Text(format!("value{number}")))).collect();
        let about = Some(mix(&[(&dice.direction(), 1.0)]));
        event.comment = Some(attuned_recommender::Comment { sentiment: Some(0.5), semantic: about });
        house.recommender.apply(Input::Event(event), day(number));
    }
    let taste = house.recommender.user_state(&user_id("alice")).expect("a state").taste;
    let sizes = [taste.tags.len(), taste.kinds.len(), taste.circumstances.len(), taste.remarks.len()];
    assert_eq!(sizes, [5, 3, 4, 2]);
    assert!(taste.kinds.contains_key("kind11") && !taste.kinds.contains_key("kind0"));
}

#[test]
fn a_group_is_as_large_as_the_limit() {
    let mut house = house(|settings| settings.group_max = 2);
    house.does("carol", "s0:0", EventType::Hide, None);
    let everybody = house.list(&request(&["alice", "bob", "carol"], 60));
    assert_eq!(everybody, house.list(&request(&["alice", "bob"], 60)));
}

#[test]
fn every_source_works_alone_and_within_its_count() {
    let mut house = house(|_| {});
    house.does("bob", "s1:0", EventType::Like, None);
    house.does("bob", "s1:1", EventType::Like, None);
    house.does("carol", "s2:0", EventType::Like, None);
    house.does("alice", "s1:0", EventType::Like, None);
    let mut request = request(&["alice"], 5);
    request.query = Some(attuned_recommender::Query { text: Some("film".into()), ..Default::default() });
    for source in Source::ALL {
        let found = house.recommender.candidates(source, &request, 4, house.now);
        assert!(!found.is_empty() && found.len() <= 4, "{}: {found:?}", source.name());
        assert!(found.iter().all(|(item, _)| item.as_str() != "s1:0"), "{}: seen", source.name());
    }
}

#[test]
fn a_clock_that_went_back_changes_no_order_of_taste() {
    let mut house = house(|_| {});
    house.now = day(10);
    house.does("alice", "s1:0", EventType::Like, None);
    let share = house.share("alice", 1);
    house.now = day(-4_000);
    assert_eq!(house.share("alice", 1), share);
    house.does("alice", "s2:0", EventType::Like, None);
    let list = house.list(&request(&["alice"], 20));
    assert!(list.iter().all(|ranked| ranked.log_odds.is_finite()));
    assert!(house.share("alice", 2) > 0);
}
