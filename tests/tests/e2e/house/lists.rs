//! Lists over MQTT: what a device asks and what it gets.

use attuned_tests::device::{Device, Message, Version};
use attuned_tests::{media, wait};
use serde_json::{Value, json};

use super::{House, ids};

/// Asks under MQTT 5 and waits for the answer with the same correlation data.
fn ask(house: &House, device: &mut Device, request: &Value) -> Message {
    let response = format!("answers/{}", house.home.prefix());
    let correlation = request["request_id"].as_str().expect("an id").as_bytes().to_vec();
    device.subscribe(&response);
    device.ask(&house.home.topic("recommend"), request.to_string(), &response, &correlation);
    device.receive("the answer", |message| {
        message.topic == response && message.correlation.as_deref() == Some(&correlation[..])
    })
}

/// Every field that the contract names is there and in its range.
fn check_form(answer: &Value, users: &Value) {
    assert_eq!(answer["users"], *users);
    let made = answer["generated_at"].as_str().expect("a time");
    assert!(made.len() >= 20 && made.ends_with('Z') && made.contains('T'), "{made}");
    assert_eq!(answer["degraded"], json!([]));
    assert!(answer["timings_ms"]["total"].as_f64().is_some_and(|ms| ms > 0.0), "{answer}");
    for (place, item) in answer["items"].as_array().expect("items").iter().enumerate() {
        assert_eq!(item["rank"], json!(place + 1));
        assert!(item["kind"].is_string() && item["item"].is_string(), "{item}");
        assert!(item["score"].as_f64().is_some_and(|score| score > 0.0 && score < 1.0), "{item}");
        assert!(item["bias"].is_number(), "{item}");
        for reason in item["reasons"].as_array().expect("reasons") {
            assert!(reason["weight"].is_number(), "{reason}");
            assert!(reason["text"].as_str().is_some_and(|text| !text.is_empty()), "{reason}");
        }
    }
}

#[test]
fn words_a_picture_and_a_sound_come_back_as_an_explained_list() {
    let Some(house) = House::enter() else { return };
    let mut device = house.device(Version::V5);
    let words = json!({"kind": "trio", "title": "Night sounds", "text": "Wolves howl at the moon in a winter forest."});
    let picture = json!({"kind": "trio", "title": "P", "media": [{"modality": "image", "data": media::base64("owl.jpg")}]});
    let sound =
        json!({"kind": "trio", "media": [{"modality": "audio", "data": media::base64("wolf-howl.ogg")}]});
    for (id, item) in [("words", words), ("picture", picture), ("sound", sound)] {
        device.publish(&house.home.topic(&format!("items/trio:{id}")), item.to_string());
    }
    device.publish(
        &house.home.topic("users/trio-anna/events"),
        json!({"item": "trio:words", "type": "like"}).to_string(),
    );
    device.settle();
    let mut asked = 0;
    let message = wait::until("all three are in the list", || {
        asked += 1;
        let request = json!({"request_id": format!("trio-{asked}"), "users": ["trio-anna"], "kinds": ["trio"],
            "seen": true, "explain": true});
        let message = ask(&house, &mut device, &request);
        (ids(&message.document()).len() == 3).then_some(message)
    });
    let answer = message.document();
    assert_eq!(message.content_type.as_deref(), Some("application/json"));
    assert_eq!(answer["request_id"], json!(format!("trio-{asked}")));
    check_form(&answer, &json!(["trio-anna"]));
    assert_eq!(ids(&answer)[0], "trio:words", "what was liked comes first when asked for: {answer}");
}

#[test]
fn a_device_of_mqtt_3_is_answered_on_the_reply_topic() {
    let Some(house) = House::enter() else { return };
    house.home.put(&json!({"id": "old:1", "kind": "old", "title": "One"}));
    let mut device = house.device(Version::V3);
    let reply = house.home.topic("recommend/reply/old-1");
    device.subscribe(&reply);
    device.publish(
        &house.home.topic("recommend"),
        json!({"request_id": "old-1", "kinds": ["old"], "users": ["old-ben"]}).to_string(),
    );
    let answer = device.receive("the answer", |message| message.topic == reply).document();
    assert_eq!(answer["request_id"], "old-1");
    check_form(&answer, &json!(["old-ben"]));
    assert_eq!(ids(&answer), ["old:1"]);
}

#[test]
fn people_nobody_knows_and_nobody_at_all_get_lists_too() {
    let Some(house) = House::enter() else { return };
    for number in 0..12 {
        house.home.put(
            &json!({"id": format!("cold:{number}"), "kind": "cold", "title": format!("Story {number}")}),
        );
    }
    for users in [json!([]), json!(["cold-nobody-knows"])] {
        let answer = house.home.recommend(&json!({"users": users, "kinds": ["cold"]}));
        check_form(&answer, &users);
        assert_eq!(ids(&answer).len(), 10, "the default is ten");
    }
}

#[test]
fn where_nothing_fits_the_list_is_empty_and_no_error() {
    let Some(house) = House::enter() else { return };
    let answer = house.home.recommend(&json!({"kinds": ["of-which-there-is-none"]}));
    check_form(&answer, &json!([]));
    assert_eq!(answer["items"], json!([]));
}

#[test]
fn a_request_says_how_many_of_which_kind_and_under_which_conditions() {
    let Some(house) = House::enter() else { return };
    for number in 0..8 {
        let minutes = 10 * (number + 1);
        let language = if number % 2 == 0 { "en" } else { "de" };
        house.home.put(&json!({"id": format!("cut:{number}"), "kind": if number == 7 { "uncut" } else { "cut" },
            "title": format!("Cut {number}"), "attributes": {"duration_min": minutes, "language": language}}));
    }
    let sorted = |request: Value| {
        let mut ids = ids(&house.home.recommend(&request));
        ids.sort();
        ids
    };
    assert_eq!(sorted(json!({"kinds": ["cut"], "n": 3})).len(), 3);
    assert_eq!(sorted(json!({"kinds": ["uncut"]})), ["cut:7"]);
    assert_eq!(sorted(json!({"kinds": ["cut", "uncut"], "n": 50})).len(), 8);
    assert_eq!(
        sorted(json!({"kinds": ["cut"], "exclude": ["cut:0", "cut:2", "cut:4", "cut:6", "cut:9"]})),
        ["cut:1", "cut:3", "cut:5"]
    );
    assert_eq!(sorted(json!({"kinds": ["cut"], "filter": {"max_duration_min": 20}})), ["cut:0", "cut:1"]);
    assert_eq!(sorted(json!({"kinds": ["cut"], "filter": {"min_duration_min": 60}})), ["cut:5", "cut:6"]);
    assert_eq!(
        sorted(json!({"kinds": ["cut"], "filter": {"language": "de", "max_duration_min": 40}})),
        ["cut:1", "cut:3"]
    );
}

#[test]
fn without_explain_there_are_scores_and_no_reasons() {
    let Some(house) = House::enter() else { return };
    house.home.put(&json!({"id": "plain:1", "kind": "plain"}));
    let answer = house.home.recommend(&json!({"kinds": ["plain"], "explain": false}));
    let item = &answer["items"][0];
    assert_eq!(item["item"], "plain:1");
    assert!(item["score"].is_number());
    assert_eq!((item.get("reasons"), item.get("bias")), (None, None), "{item}");
}

#[test]
fn what_was_seen_stays_out_unless_it_is_asked_for() {
    let Some(house) = House::enter() else { return };
    for number in 0..4 {
        house
            .home
            .put(&json!({"id": format!("seen:{number}"), "kind": "seen", "title": format!("Part {number}")}));
    }
    house.home.tell(
        "seen-carl",
        &json!([
            {"item": "seen:0", "type": "complete"}, {"item": "seen:1", "type": "play", "value": 0.9},
            {"item": "seen:2", "type": "impression"},
        ]),
    );
    let list = |more: Value| {
        let mut request = json!({"users": ["seen-carl"], "kinds": ["seen"]});
        request.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let mut ids = ids(&house.home.recommend(&request));
        ids.sort();
        ids
    };
    assert_eq!(list(json!({})), ["seen:2", "seen:3"]);
    assert_eq!(list(json!({"seen": true})), ["seen:0", "seen:1", "seen:2", "seen:3"]);
    let other = house.home.recommend(&json!({"users": ["seen-dora"], "kinds": ["seen"]}));
    assert_eq!(ids(&other).len(), 4, "what one has seen is new to another");
}

#[test]
fn a_group_gets_one_list_without_what_any_of_them_hides() {
    let Some(house) = House::enter() else { return };
    for number in 0..6 {
        house
            .home
            .put(&json!({"id": format!("duo:{number}"), "kind": "duo", "title": format!("Game {number}")}));
    }
    house.home.tell("duo-eva", &json!({"item": "duo:1", "type": "hide"}));
    house.home.tell("duo-fay", &json!({"item": "duo:2", "type": "hide"}));
    let answer = house.home.recommend(&json!({"users": ["duo-eva", "duo-fay"], "kinds": ["duo"]}));
    check_form(&answer, &json!(["duo-eva", "duo-fay"]));
    let mut left = ids(&answer);
    left.sort();
    assert_eq!(left, ["duo:0", "duo:3", "duo:4", "duo:5"]);
}

#[test]
fn an_empty_payload_removes_an_item() {
    let Some(house) = House::enter() else { return };
    let mut device = house.device(Version::V5);
    for id in ["gone:1", "gone:2"] {
        device.publish(&house.home.topic(&format!("items/{id}")), r#"{"kind":"gone"}"#);
    }
    wait::until("both are there", || (house.ids_of("gone").len() == 2).then_some(()));
    device.publish(&house.home.topic("items/gone:1"), "");
    wait::until("one is gone", || (house.ids_of("gone") == ["gone:2"]).then_some(()));
}

#[test]
fn an_item_that_is_published_again_is_replaced() {
    let Some(house) = House::enter() else { return };
    house.home.put(&json!({"id": "twice:1", "kind": "twice", "title": "Before"}));
    house.home.put(&json!({"id": "twice:1", "kind": "twice", "title": "After"}));
    let answer = house.home.recommend(&json!({"kinds": ["twice"]}));
    assert_eq!(ids(&answer), ["twice:1"]);
    assert_eq!(answer["items"][0]["title"], "After");
}

#[test]
fn an_item_that_has_expired_is_not_recommended() {
    let Some(house) = House::enter() else { return };
    house.home.put(&json!({"id": "late:1", "kind": "late", "expires_at": "2020-01-01T00:00:00Z"}));
    house.home.put(&json!({"id": "late:2", "kind": "late", "expires_at": "2200-01-01T00:00:00Z"}));
    assert_eq!(house.ids_of("late"), ["late:2"]);
}
