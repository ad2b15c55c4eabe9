//! Queries of several parts, and queries that nothing matches.

use attuned_tests::device::Version;
use attuned_tests::{media, process};
use serde_json::{Value, json};

use super::{House, ids};

fn search(house: &House, kind: &str, query: &Value) -> Value {
    let request = json!({"query": query, "kinds": [kind], "n": 10});
    let answer = house.home.send("POST", "/v1/search", request.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.document()
}

fn put_scenes(house: &House, kind: &str) {
    for (id, text) in [
        ("snowy-cat", "A tabby cat walks through deep snow in winter."),
        ("sofa-cat", "A tabby cat sleeps on the sofa in the living room."),
        ("snowy-road", "Deep snow covers a mountain road in winter."),
        ("coffee", "How to brew a strong espresso at home."),
    ] {
        house.home.put(&json!({"id": format!("{kind}:{id}"), "kind": kind, "text": text}));
    }
    house.wait_until_understood();
}

#[test]
fn a_picture_and_words_find_first_what_matches_both() {
    let Some(house) = House::enter() else { return };
    put_scenes(&house, "scene");
    let query = json!({"image": media::base64("chelsea-the-cat.jpg"), "text": "deep snow in winter"});
    let found = search(&house, "scene", &query);
    let found_ids = ids(&found);
    assert_eq!(found_ids[0], "scene:snowy-cat", "{found}");
    for one_part in ["scene:sofa-cat", "scene:snowy-road"] {
        assert!(found_ids.iter().any(|id| id == one_part), "{one_part} matches one part: {found}");
    }
    assert!(!found_ids.contains(&"scene:coffee".to_owned()), "{found}");
    let list = house.home.recommend(&json!({"kinds": ["scene"], "query": query, "n": 1}));
    assert_eq!(ids(&list), ["scene:snowy-cat"], "{list}");
}

#[test]
fn an_item_and_words_count_together() {
    let Some(house) = House::enter() else { return };
    put_scenes(&house, "pair");
    let found = search(&house, "pair", &json!({"item": "pair:sofa-cat", "text": "deep snow in winter"}));
    assert_eq!(ids(&found)[0], "pair:snowy-cat", "{found}");
    assert!(!ids(&found).contains(&"pair:sofa-cat".to_owned()), "what is asked by is no answer: {found}");
}

#[test]
fn what_nothing_matches_is_answered_with_nothing_and_the_reason() {
    let Some(house) = House::enter() else { return };
    put_scenes(&house, "void");
    for words in ["tax return form 1040", "statute of limitations in contract law", "qzx wvut"] {
        let found = search(&house, "void", &json!({"text": words}));
        assert_eq!(found["items"], json!([]), "{words}");
        let reason = found["empty_reason"].as_str().expect("a reason");
        assert!(reason.contains("no item matches the query"), "{reason}");
        let list = house
            .home
            .recommend(&json!({"users": ["void-zoe"], "kinds": ["void"], "query": {"text": words}}));
        assert_eq!((&list["items"], &list["empty_reason"]), (&json!([]), &found["empty_reason"]), "{words}");
    }
    let arguments = ["search", "--text", "tax return form 1040", "--kind", "void"];
    let ended = process::run("attuned", &house.home.command(&arguments), b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("Nothing matches: no item matches the query"), "{}", ended.stdout);

    // What matches is found, and where there is nothing to find nothing is said of the query.
    assert_eq!(ids(&search(&house, "void", &json!({"text": "making coffee"}))), ["void:coffee"]);
    let none = search(&house, "of-which-there-is-none", &json!({"text": "making coffee"}));
    assert_eq!((&none["items"], none.get("empty_reason")), (&json!([]), None));
}

#[test]
fn words_of_a_title_find_it_whatever_it_is_about() {
    let Some(house) = House::enter() else { return };
    house.home.put(&json!({"id": "title:1", "kind": "title", "title": "Zwx 1040"}));
    house.home.put(&json!({"id": "title:2", "kind": "title", "title": "Other Matters"}));
    house.wait_until_understood();
    assert_eq!(ids(&search(&house, "title", &json!({"text": "zwx 1040"})))[0], "title:1");
}

#[test]
fn a_device_asks_with_a_picture_and_words_over_mqtt() {
    let Some(house) = House::enter() else { return };
    put_scenes(&house, "wire");
    let mut device = house.device(Version::V3);
    let reply = house.home.topic("recommend/reply/wire-1");
    device.subscribe(&reply);
    let request = json!({"request_id": "wire-1", "kinds": ["wire"], "n": 1,
        "query": {"image": media::base64("chelsea-the-cat.jpg"), "text": "deep snow in winter"}});
    device.publish(&house.home.topic("recommend"), request.to_string());
    let answer = device.receive("the answer", |message| message.topic == reply).document();
    assert_eq!(ids(&answer), ["wire:snowy-cat"], "{answer}");
    assert_eq!(answer.get("empty_reason"), None);
}
