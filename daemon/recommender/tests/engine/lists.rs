//! What people see: lists with their reasons, in the usual situations and the empty ones.

use attuned_recommender::{
    Adjustment, Content, Effect, EventType, Filter, Input, Item, Label, Modality, PluginId, Query, Reason,
    ReasonKind, Request, Value,
};
use expect_test::{Expect, expect};

use crate::house::{Dice, House, day, event, house_item, ids, item_id, mix, request, semantic, user_id};

/// Two subjects in two kinds: noir films and jazz records, and a few things without any content.
fn home() -> House {
    let mut house = House::new();
    house.now = day(-60);
    let mut dice = Dice(11);
    let (noir, jazz) = (dice.direction(), dice.direction());
    let mut put = |id: &str, kind: &str, title: &str, centre: &[f32], tags: &[&str], seen: Option<&str>| {
        let own = dice.direction();
        let mut content = semantic(Modality::Text, mix(&[(centre, 0.55), (&own, 0.45)]));
        if let Some(name) = seen {
            let label = Label { name: name.to_owned(), score: 0.8 };
            content.labels.insert(Modality::Image, vec![label]);
        }
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        house.put(Item { title: Some(title.to_owned()), tags, ..house_item(id, kind) }, content);
    };
    put("film:1", "film", "The Third Man", &noir, &["noir", "zither"], None);
    put("film:2", "film", "Laura", &noir, &["noir"], Some("trench coat"));
    put("film:3", "film", "Gilda", &noir, &["noir"], Some("trench coat"));
    put("film:4", "film", "Detour", &noir, &["noir", "road"], None);
    put("record:1", "music", "Kind of Blue", &jazz, &["jazz"], None);
    put("record:2", "music", "Blue Train", &jazz, &["jazz"], None);
    put("record:3", "music", "Time Out", &jazz, &["jazz"], None);
    house.put(house_item("lamp:1", "device"), Content::default());
    house.now = day(0);
    house
}

fn show(house: &House, request: &Request, expected: Expect) {
    let lines: Vec<String> = house
        .list(request)
        .iter()
        .map(|ranked| {
            let reasons: Vec<String> = ranked
                .reasons
                .iter()
                .map(|reason| format!("{:+.2} {}: {}", reason.weight, reason.kind.name(), reason.text))
                .collect();
            format!("{} {:.2} | {}", ranked.item, ranked.score(), reasons.join(" | "))
        })
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn an_empty_catalogue_gives_an_empty_list() {
    let mut house = House::new();
    show(&house, &request(&["alice"], 10), expect![""]);
    house.does("alice", "film:1", EventType::Like, None);
    show(&house, &request(&["alice"], 10), expect![""]);
    assert!(
        house.recommender.search(&Query::default(), &[], &Filter::default(), 5, house.now).matches.is_empty()
    );
}

#[test]
fn nobody_and_a_stranger_get_something_of_everything() {
    let house = home();
    let stranger = house.list(&request(&["stranger"], 4));
    assert_eq!(stranger, house.list(&request(&[], 4)));
    show(
        &house,
        &request(&["stranger"], 4),
        expect![[r#"
            film:1 0.27 | +0.00 explore: nothing is known yet, so something of everything
            lamp:1 0.27 | +0.00 explore: nothing is known yet, so something of everything
            record:1 0.27 | +0.00 explore: nothing is known yet, so something of everything
            film:4 0.22 | -0.24 diversity: similar to The Third Man above"#]],
    );
}

#[test]
fn one_finished_film_already_matters() {
    let mut house = home();
    house.does("alice", "film:1", EventType::Complete, None);
    show(
        &house,
        &request(&["alice"], 4),
        expect![[r#"
            film:3 0.76 | +1.87 similar_to: noir, like The Third Man, which you finished | +0.22 similar_to: you like noir | +0.06 habit: you often choose film
            film:2 0.70 | +1.84 similar_to: noir, like The Third Man, which you finished | -0.26 diversity: similar to Gilda above | +0.22 similar_to: you like noir | +0.06 habit: you often choose film
            film:4 0.64 | +1.69 similar_to: noir, like The Third Man, which you finished | -0.26 diversity: similar to Laura above | +0.11 similar_to: you like noir | +0.06 habit: you often choose film
            lamp:1 0.27 | +0.00 explore: nothing is known yet, so something of everything"#]],
    );
}

#[test]
fn a_skip_pushes_down_what_is_like_it_and_nothing_else() {
    let mut house = home();
    house.does("alice", "film:2", EventType::Skip, Some(0.05));
    show(
        &house,
        &request(&["alice"], 8),
        expect![[r#"
            lamp:1 0.27 | +0.00 explore: nothing is known yet, so something of everything
            record:1 0.27 | +0.00 explore: nothing is known yet, so something of everything
            record:2 0.22 | -0.27 diversity: similar to Kind of Blue above
            record:3 0.22 | -0.28 diversity: similar to Kind of Blue above
            film:1 0.05 | -1.48 similar_to: noir, like Laura, which you skipped | -0.37 similar_to: you avoid noir | -0.06 habit: you seldom choose film
            film:4 0.04 | -1.48 similar_to: noir, like Laura, which you skipped | -0.37 similar_to: you avoid noir | -0.24 diversity: similar to The Third Man above | -0.06 habit: you seldom choose film
            film:3 0.03 | -1.48 similar_to: trench coat, like Laura, which you skipped | -0.75 similar_to: you avoid noir | -0.28 diversity: similar to The Third Man above | -0.06 habit: you seldom choose film"#]],
    );
}

#[test]
fn a_group_hears_whose_reason_it_is() {
    let mut house = home();
    house.does("alice", "film:1", EventType::Like, None);
    house.does("bob", "record:1", EventType::Like, None);
    let mut for_two = request(&["alice", "bob"], 3);
    for_two.diversity = Some(0.0);
    show(
        &house,
        &for_two,
        expect![[r#"
            record:3 0.54 | +0.95 similar_to: bob: jazz, like Kind of Blue, which you liked | +0.17 similar_to: bob: you like jazz | +0.03 habit: bob: you often choose music
            record:2 0.53 | +0.93 similar_to: bob: jazz, like Kind of Blue, which you liked | +0.17 similar_to: bob: you like jazz | +0.03 habit: bob: you often choose music
            film:3 0.52 | +0.95 similar_to: alice: noir, like The Third Man, which you liked | +0.12 similar_to: alice: you like noir | +0.03 habit: alice: you often choose film"#]],
    );
}

#[test]
fn what_makes_one_miserable_is_left_out_of_a_group_list() {
    let mut house = home();
    for film in ["film:1", "film:2"] {
        house.does("alice", film, EventType::Complete, None);
        house.does("bob", film, EventType::Dislike, None);
    }
    assert_eq!(ids(&house.list(&request(&["alice", "bob"], 3))), "lamp:1 record:1 record:2");
}

#[test]
fn others_with_the_same_taste_and_the_house_recommend() {
    let mut house = home();
    for record in ["record:1", "lamp:1"] {
        house.does("bob", record, EventType::Like, None);
    }
    house.does("alice", "record:1", EventType::Like, None);
    let mut only_devices = request(&["alice"], 3);
    only_devices.kinds = vec!["device".to_owned()];
    house.put(house_item("lamp:2", "device"), Content::default());
    show(
        &house,
        &only_devices,
        expect![[r#"
            lamp:1 0.73 | +1.64 liked_by_similar: liked by people here who share your taste | +0.37 popular: popular in this house
            lamp:2 0.32 | +0.25 fresh: newly added"#]],
    );
}

#[test]
fn what_nobody_liked_yet_is_told_by_what_similar_people_like() {
    let mut house = House::new();
    // Only attributes tell the records apart; alice and the others share one that says nothing.
    let record = |id: &str, label: &str| {
        let mut item = house_item(id, "record");
        item.attributes = [("label".to_owned(), Value::Text(label.to_owned()))].into();
        item
    };
    for number in 0..8 {
        house.put(record(&format!("blue:{number}"), "Blue Note"), Content::default());
        house.put(record(&format!("ecm:{number}"), "ECM"), Content::default());
    }
    house.put(record("shared", "Verve"), Content::default());
    for person in 0..6 {
        let name = format!("person{person}");
        house.does(&name, "shared", EventType::Like, None);
        for number in 0..4 {
            house.does(&name, &format!("blue:{}", (person + number) % 6), EventType::Like, None);
        }
    }
    for number in 0..6 {
        house.does("stranger", &format!("ecm:{number}"), EventType::Like, None);
    }
    house.does("alice", "shared", EventType::Like, None);
    let list = house.list(&request(&["alice"], 20));
    let projected = |id: &str| {
        let ranked = list.iter().find(|ranked| ranked.item.as_str() == id).expect("in the list");
        let said = |reason: &&Reason| reason.text.starts_with("like what people");
        ranked.reasons.iter().find(said).map_or(0.0, |reason| reason.weight)
    };
    // blue:6, blue:7, ecm:6 and ecm:7 have no likers.
    for (new, other) in [("blue:6", "ecm:6"), ("blue:7", "ecm:7")] {
        assert!(projected(new) > 0.1, "{list:?}");
        assert_eq!(projected(other), 0.0, "{list:?}");
    }
    // The more people like an item itself, the less its content speaks for it.
    assert!(projected("blue:2") < projected("blue:6"));
    // Without those who share alice's taste nothing of it is left.
    for person in 0..6 {
        house.recommender.apply(Input::ForgetUser(user_id(&format!("person{person}"))), house.now);
    }
    let list = house.list(&request(&["alice"], 20));
    let kinds = list.iter().flat_map(|ranked| &ranked.reasons).map(|reason| reason.kind);
    assert!(!kinds.into_iter().any(|kind| kind == ReasonKind::LikedBySimilar));
}

#[test]
fn circumstances_call_for_what_was_chosen_under_them() {
    let mut house = home();
    let evening = || [("daypart".to_owned(), Value::Text("evening".to_owned()))].into();
    for (item, context) in [("film:1", evening()), ("film:2", evening()), ("record:1", [].into())] {
        let mut event = event("alice", item, EventType::Complete, None, house.now);
        event.context = context;
        house.recommender.apply(Input::Event(event), house.now);
    }
    let mut tonight = request(&["alice"], 2);
    tonight.context = evening();
    tonight.diversity = Some(0.0);
    show(
        &house,
        &tonight,
        expect![[r#"
            film:3 0.82 | +1.96 similar_to: noir, like The Third Man, which you finished | +0.29 similar_to: you like noir | +0.17 context: in the evening you often choose film | +0.10 habit: you often choose film
            film:4 0.78 | +1.87 similar_to: noir, like Laura, which you finished | +0.17 context: in the evening you often choose film | +0.14 similar_to: you like noir | +0.10 habit: you often choose film"#]],
    );
}

#[test]
fn a_query_goes_before_taste() {
    let mut house = home();
    house.does("alice", "film:1", EventType::Like, None);
    let mut asked = request(&["alice"], 2);
    asked.query = Some(Query { text: Some("blue train".to_owned()), ..Query::default() });
    show(&house, &asked, expect![[r#"record:2 0.96 | +4.20 modality: matches "blue train""#]]);
    asked.query = Some(Query { item: Some(item_id("record:3")), ..Query::default() });
    show(
        &house,
        &asked,
        expect![[r#"
            record:1 0.86 | +2.85 similar_to: jazz, like Time Out
            record:2 0.80 | +2.66 similar_to: jazz, like Time Out | -0.27 diversity: similar to Kind of Blue above"#]],
    );
}

#[test]
fn seen_items_come_again_only_when_asked_for_and_hidden_ones_never() {
    let mut house = home();
    house.does("alice", "record:1", EventType::Play, Some(0.9));
    house.does("alice", "record:2", EventType::Hide, None);
    house.does("alice", "record:3", EventType::View, None);
    house.does("alice", "lamp:1", EventType::Skip, None);
    house.does("alice", "film:4", EventType::Play, Some(0.05));
    let mut records = request(&["alice"], 10);
    let listed = |house: &House, request: &Request| {
        let mut listed: Vec<String> = house.list(request).iter().map(|r| r.item.to_string()).collect();
        listed.sort_unstable();
        listed.join(" ")
    };
    assert_eq!(listed(&house, &records), "film:1 film:2 film:3 film:4 record:3");
    records.seen = true;
    assert_eq!(listed(&house, &records), "film:1 film:2 film:3 film:4 lamp:1 record:1 record:3");
    records.seen = false;
    house.now = day(15);
    assert_eq!(listed(&house, &records), "film:1 film:2 film:3 film:4 lamp:1 record:3");
    house.does("alice", "record:2", EventType::Undo, None);
    assert_eq!(listed(&house, &records), "film:1 film:2 film:3 film:4 lamp:1 record:2 record:3");
}

#[test]
fn what_is_tried_out_depends_on_the_seed_alone() {
    let house = home();
    let list = |seed: u64| {
        let mut request = request(&["alice"], 3);
        (request.explore, request.seed) = (true, seed);
        house.list(&request)
    };
    assert_eq!(list(1), list(1));
    assert!((2..30).any(|seed| ids(&list(1)) != ids(&list(seed))));
}

#[test]
fn search_finds_by_words_meaning_and_likeness_across_media() {
    let mut house = home();
    let picture =
        house.recommender.content(&item_id("film:1")).expect("content").semantic[&Modality::Text].clone();
    house.put(house_item("picture:1", "picture"), semantic(Modality::Image, picture.clone()));
    let find = |query: Query, kinds: &[&str]| {
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let found = house.recommender.search(&query, &kinds, &Filter::default(), 3, house.now);
        let line = |m: &attuned_recommender::Match| {
            format!("{} {:.2} {}", m.item, m.score, m.modality.map_or("-", Modality::name))
        };
        found.matches.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let words = Query { text: Some("the third man".to_owned()), ..Query::default() };
    expect!["film:1 0.95 text"].assert_eq(&find(words, &[]));
    let meaning = Query { semantic: [(Modality::Text, picture)].into(), ..Query::default() };
    expect![[r#"
        picture:1 1.00 image
        film:1 1.00 text
        film:3 0.94 text"#]]
    .assert_eq(&find(meaning.clone(), &[]));
    expect![""].assert_eq(&find(meaning, &["music"]));
    let like = Query { item: Some(item_id("record:1")), ..Query::default() };
    expect![[r#"
        record:3 0.98 -
        record:2 0.98 -"#]]
    .assert_eq(&find(like, &[]));
}

fn adjustment(position: usize, effect: Effect) -> Adjustment {
    let plugin = PluginId::parse("org.example.rule").expect("a plugin id");
    Adjustment { position, plugin, effect, reason: None }
}

/// The order after `effects` on the best, second … candidate of a list without diversity.
fn check_rules(effects: &[(usize, Effect)], n: usize, expected: Expect) {
    let mut house = home();
    house.does("alice", "film:1", EventType::Complete, None);
    let mut request = request(&["alice"], n);
    request.diversity = Some(0.0);
    let shortlist = house.recommender.shortlist(&request, house.now);
    let adjustments: Vec<Adjustment> = effects.iter().map(|(at, effect)| adjustment(*at, *effect)).collect();
    expected.assert_eq(&ids(&house.recommender.rank(shortlist, &adjustments, &request, house.now)));
}

#[test]
fn rules_add_exclude_and_pin() {
    check_rules(&[], 4, expect!["film:3 film:2 film:4 lamp:1"]);
    check_rules(&[(3, Effect::Add(5.0))], 4, expect!["lamp:1 film:3 film:2 film:4"]);
    check_rules(&[(0, Effect::Exclude)], 4, expect!["film:2 film:4 lamp:1 record:1"]);
    check_rules(&[(6, Effect::Pin(1))], 4, expect!["film:3 record:3 film:2 film:4"]);
    check_rules(&[(6, Effect::Pin(0)), (5, Effect::Pin(0))], 4, expect!["record:2 record:3 film:3 film:2"]);
    // A slot that is not shown, a place that is not there, a number that is none: nothing changes.
    check_rules(
        &[(6, Effect::Pin(4)), (99, Effect::Exclude), (1, Effect::Add(f32::NAN))],
        4,
        expect!["film:3 film:2 film:4 lamp:1"],
    );
}
