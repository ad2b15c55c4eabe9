//! Wrong input: each is answered by one document on `…/errors`, and costs nothing else.

use attuned_tests::device::{Device, Message, Version};
use attuned_tests::media;
use serde_json::{Value, json};

use super::House;

/// Publishes one wrong input and checks the one document that answers it.
fn check(
    house: &House,
    device: &mut Device,
    rest: &str,
    payload: impl Into<Vec<u8>>,
    code: &str,
    part: &str,
) -> Value {
    let topic = house.home.topic(rest);
    device.publish(&topic, payload);
    let error = device
        .receive(&format!("the error for {rest} with {part:?}"), |message| {
            let document = message.document();
            document["topic"] == json!(topic)
                && document["message"].as_str().is_some_and(|text| text.contains(part))
        })
        .document();
    assert_eq!(error["code"], code, "{error}");
    error
}

fn listener(house: &House) -> Device {
    let mut device = house.device(Version::V5);
    device.subscribe(&house.home.topic("errors"));
    device
}

/// No further document about this topic came.
fn nothing_more_about(house: &House, device: &mut Device, start: &str) {
    // What comes after it shows that all before it have come.
    check(house, device, "users/last-word/events", "{", "invalid", "JSON");
    let about = |message: &&Message| {
        message.document()["topic"].as_str().is_some_and(|topic| topic.starts_with(&house.home.topic(start)))
    };
    let more: Vec<Value> = device.untaken().filter(about).map(Message::document).collect();
    assert_eq!(more, [Value::Null; 0], "one document for each wrong input");
}

#[test]
fn wrong_items_are_named() {
    let Some(house) = House::enter() else { return };
    let mut device = listener(&house);
    let mut item =
        |rest: &str, payload: &str, code, part| check(&house, &mut device, rest, payload, code, part);
    item("items/bad:1", r#"{"id": "#, "invalid", "JSON");
    item("items/bad:2", r#"{"title":"nothing"}"#, "invalid", "`kind`");
    item(
        "items/bad:3",
        r#"{"kind":5}"#,
        "invalid",
        "field `kind`: invalid type: integer `5`, expected a string",
    );
    item("items/bad:4", r#"{"kind":""}"#, "invalid", "`kind` is empty");
    item("items/bad:5", r#"{"id":"bad:6","kind":"bad"}"#, "invalid", "`bad:6`, expected `bad:5`");
    item("items/bad 7", r#"{"kind":"bad"}"#, "invalid", "expected 1 to 128 of [A-Za-z0-9._:@-]");
    item(
        "items/bad:8",
        r#"{"kind":"bad","published_at":"yesterday"}"#,
        "invalid",
        "`yesterday`, expected a time",
    );
    item("items/bad:9", r#"{"kind":"bad","media":[{"modality":"smell","data":"AA"}]}"#, "invalid", "`smell`");
    item("items/bad:10", r#"{"kind":"bad","embeddings":{"image":[0,0]}}"#, "invalid", "embeddings.image");
    item("items/bad:11", r#"["kind","bad"]"#, "invalid", "item");
    item("items/bad:12/media/smell", "x", "invalid", "`smell`, expected image, audio or video");
    item("items/bad:13/unknown/shape", "x", "invalid", "names no input");
    item("items/bad:14/media/image", "x", "not_found", "item `bad:14` is not known");
    let long = json!({"kind": "bad", "title": "x".repeat(1025)}).to_string();
    item("items/bad:15", &long, "too_large", "1025 characters, expected at most 1024");
    nothing_more_about(&house, &mut device, "items/bad");
    assert_eq!(house.ids_of("bad"), [""; 0]);
}

#[test]
fn media_that_are_none_are_named_and_the_item_stays() {
    let Some(house) = House::enter() else { return };
    let mut device = listener(&house);
    let item =
        json!({"kind": "torn", "title": "T", "media": [{"modality": "image", "data": "bm8gcGljdHVyZQ=="}]});
    check(&house, &mut device, "items/torn:1", item.to_string(), "invalid", "torn:1");
    let mut half = media::bytes("owl.jpg");
    half.truncate(300);
    device.publish(&house.home.topic("items/torn:2"), r#"{"kind":"torn"}"#);
    device.publish(&house.home.topic("items/torn:2/media/image"), half);
    let topic = house.home.topic("items/torn:2");
    device.receive("the error for half a picture", |message| {
        message.document()["topic"].as_str().is_some_and(|of| of.starts_with(&topic))
    });
    let mut left = house.ids_of("torn");
    left.sort();
    assert_eq!(left, ["torn:1", "torn:2"]);
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let Some(house) = House::enter() else { return };
    let mut device = listener(&house);
    house.home.put(&json!({"id": "huge:1", "kind": "huge"}));
    let bytes = vec![0_u8; 13 * 1024 * 1024];
    check(&house, &mut device, "items/huge:1/media/image", bytes, "too_large", "expected at most 12582912");
}

#[test]
fn wrong_events_are_named() {
    let Some(house) = House::enter() else { return };
    let mut device = listener(&house);
    let mut event = |user: &str, payload: &str, code, part| {
        check(&house, &mut device, &format!("users/wrong-{user}/events"), payload, code, part)
    };
    event("1", "not json", "invalid", "JSON");
    event("2", r#"{"item":"a","type":"stare"}"#, "invalid", "`type` is `stare`, expected one of impression");
    event("3", r#"{"type":"like"}"#, "invalid", "`item`");
    event("4", r#"{"item":"a b","type":"like"}"#, "invalid", "`item`");
    event(
        "5",
        r#"{"item":"a","type":"play","value":7}"#,
        "invalid",
        "`value` of a play is 7, expected 0 to 1",
    );
    event("6", r#"{"item":"a","type":"play","value":"all"}"#, "invalid", "field `value`");
    event("7", r#"{"item":"a","type":"rate"}"#, "invalid", "`value` of a rate is absent");
    event("8", r#"{"item":"a","type":"like","ts":"now"}"#, "invalid", "`ts` is `now`, expected a time");
    event("9", r#"{"item":"a","type":"like","id":"no spaces"}"#, "invalid", "event `id`");
    let many = format!("[{}]", vec![r#"{"item":"a","type":"like"}"#; 1001].join(","));
    event("10", &many, "too_large", "1001 events, expected at most 1000");
    event("11 b", "{}", "invalid", "id `wrong-11 b`");
    check(&house, &mut device, "users/wrong-12", "{}", "invalid", "names no input");
    nothing_more_about(&house, &mut device, "users/wrong");
    for user in ["wrong-2", "wrong-5", "wrong-10"] {
        assert_eq!(house.home.send("GET", &format!("/v1/users/{user}"), b"").status, 404, "{user}");
    }
}

#[test]
fn a_wrong_event_in_an_array_costs_no_other() {
    let Some(house) = House::enter() else { return };
    let mut device = listener(&house);
    let events = r#"[{"item":"array:1","type":"like"},{"item":"array:2","type":"stare"},{"item":"array:3","type":"save"}]"#;
    check(&house, &mut device, "users/array-gil/events", events, "invalid", "`stare`");
    let stored = house.home.get("/v1/users/array-gil/export");
    let items: Vec<&Value> =
        stored["events"].as_array().expect("events").iter().map(|event| &event["item"]).collect();
    assert_eq!(items, ["array:1", "array:3"]);
    nothing_more_about(&house, &mut device, "users/array-gil");
}

#[test]
fn wrong_context_is_named() {
    let Some(house) = House::enter() else { return };
    let mut device = listener(&house);
    check(&house, &mut device, "context/broken", "{", "invalid", "JSON");
    check(&house, &mut device, "context/no such key", "1", "invalid", "no such key");
}

#[test]
fn wrong_requests_are_named_with_their_id() {
    let Some(house) = House::enter() else { return };
    let mut device = listener(&house);
    let mut request = |id: &str, mut document: Value, code, part| {
        document["request_id"] = json!(id);
        let error = check(&house, &mut device, "recommend", document.to_string(), code, part);
        assert_eq!(error["request_id"], id, "{error}");
    };
    request("r-1", json!({"n": 0}), "invalid", "`n` is 0, expected 1 to 100");
    request("r-2", json!({"n": 101}), "invalid", "`n` is 101");
    request("r-3", json!({"diversity": 2}), "invalid", "`diversity` is 2, expected 0 to 1");
    request("r-4", json!({"users": ["a b"]}), "invalid", "`users`");
    request("r-5", json!({"query": {"item": "nowhere:1"}}), "not_found", "`nowhere:1`");
    request("r-6", json!({"query": {"image": "bm8gcGljdHVyZQ=="}}), "invalid", "query `image`");
    request("r-7", json!({"query": {"image": "?"}}), "invalid", "Base64");
    request("r-8", json!({"filter": {"max_duration_min": "long"}}), "invalid", "max_duration_min");
    check(&house, &mut device, "recommend", "[1, 2]", "invalid", "request");
    check(&house, &mut device, "recommend", r#"{"n": 9}"#, "invalid", "expected one of them to answer to");
    nothing_more_about(&house, &mut device, "recommend");
}

#[test]
fn an_answer_may_not_be_sent_to_where_it_would_be_input() {
    let Some(house) = House::enter() else { return };
    let mut device = listener(&house);
    let topic = house.home.topic("recommend");
    let victim = house.home.topic("items/victim:1");
    device.ask(&topic, r#"{"kinds":["none"]}"#, &victim, b"x");
    let error = device.receive("the error", |message| message.document()["topic"] == json!(topic)).document();
    assert_eq!(error["code"], "invalid", "{error}");
    assert!(error["message"].as_str().is_some_and(|text| text.contains(&victim)), "{error}");
}
