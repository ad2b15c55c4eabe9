//! Pictures and sounds come in, are understood, and are found again.

use attuned_tests::device::Version;
use attuned_tests::{media, wait};
use serde_json::{Value, json};

use super::{House, ids};

/// What a query finds among the items of a kind, best first.
fn search(house: &House, kind: &str, query: &Value) -> Vec<String> {
    let request = json!({"query": query, "kinds": [kind], "n": 10});
    let answer = house.home.send("POST", "/v1/search", request.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    ids(&answer.document())
}

#[test]
fn words_find_pictures_that_have_no_words() {
    let Some(house) = House::enter() else { return };
    for name in ["kitten-with-wool", "rocket-launch", "espresso", "neuschwanstein"] {
        house.home.put(&json!({"id": format!("bare:{name}"), "kind": "bare",
            "media": [{"modality": "image", "path": format!("{name}.jpg")}]}));
    }
    house.wait_until_understood();
    for (words, expected) in [
        ("a sleepy kitten", "bare:kitten-with-wool"),
        ("a space rocket taking off", "bare:rocket-launch"),
        ("a cup of coffee", "bare:espresso"),
        ("a castle in the mountains", "bare:neuschwanstein"),
    ] {
        assert_eq!(search(&house, "bare", &json!({"text": words}))[0], expected, "{words}");
        let list = house.home.recommend(&json!({"kinds": ["bare"], "query": {"text": words}, "n": 1}));
        assert_eq!(ids(&list), [expected], "a list about {words}");
    }
}

#[test]
fn a_picture_a_sound_and_an_item_find_what_is_like_them() {
    let Some(house) = House::enter() else { return };
    for (id, text) in [
        ("cats", "A cat and her kittens play with a ball of wool."),
        ("moon", "A rocket lifts off and carries astronauts to the Moon."),
        ("piano", "Piano music: a quiet sonata for solo piano."),
        ("drums", "Drums and percussion: African drummers beat the rhythm."),
    ] {
        house.home.put(&json!({"id": format!("words:{id}"), "kind": "words", "text": text}));
    }
    house.home.put(&json!({"id": "words:kitten", "kind": "asking",
        "media": [{"modality": "image", "path": "kitten-with-wool.jpg"}]}));
    house.wait_until_understood();
    let by_picture = search(&house, "words", &json!({"image": media::base64("chelsea-the-cat.jpg")}));
    assert_eq!(by_picture[0], "words:cats", "{by_picture:?}");
    let by_sound = search(&house, "words", &json!({"audio": media::base64("moonlight-sonata.ogg")}));
    assert_eq!(by_sound[0], "words:piano", "{by_sound:?}");
    let by_item = search(&house, "words", &json!({"item": "words:kitten"}));
    assert_eq!(by_item[0], "words:cats", "{by_item:?}");
}

#[test]
fn an_item_of_words_and_a_picture_is_found_by_either() {
    let Some(house) = House::enter() else { return };
    for (name, words) in [
        ("kitten-with-wool", "Letters from grandmother about the war years."),
        ("rocket-launch", "Bookkeeping for small shops, second edition."),
        ("espresso", "A quiet sonata for solo piano."),
        ("neuschwanstein", "Rules of the regional football league."),
    ] {
        house.home.put(&json!({"id": format!("both:{name}"), "kind": "both", "text": words,
            "media": [{"modality": "image", "path": format!("{name}.jpg")}]}));
    }
    house.wait_until_understood();
    for (query, expected) in [
        ("a sleepy kitten", "both:kitten-with-wool"),
        ("a letter by my grandmother", "both:kitten-with-wool"),
        ("a space rocket taking off", "both:rocket-launch"),
        ("accounting in a shop", "both:rocket-launch"),
        ("a castle in the mountains", "both:neuschwanstein"),
        ("football", "both:neuschwanstein"),
    ] {
        assert_eq!(
            search(&house, "both", &json!({"text": query})).first().map(String::as_str),
            Some(expected),
            "{query}"
        );
    }
    assert_eq!(search(&house, "both", &json!({"text": "tax return form 1040"})), [""; 0]);
}

#[test]
fn media_that_come_on_their_own_topic_are_understood() {
    let Some(house) = House::enter() else { return };
    let mut device = house.device(Version::V5);
    for (id, file) in [("a", "red-panda.jpg"), ("b", "saturn.jpg")] {
        device.publish(&house.home.topic(&format!("items/raw:{id}")), r#"{"kind":"raw"}"#);
        device.publish(&house.home.topic(&format!("items/raw:{id}/media/image")), media::bytes(file));
    }
    device.settle();
    wait::until("the planet is found by words", || {
        let found = search(&house, "raw", &json!({"text": "a planet with rings in space"}));
        (found.first().map(String::as_str) == Some("raw:b")).then_some(())
    });
}

#[test]
fn a_path_that_leads_out_of_the_media_folders_is_refused() {
    let Some(house) = House::enter() else { return };
    let mut device = house.device(Version::V5);
    device.subscribe(&house.home.topic("errors"));
    for (number, path) in
        ["../catalogue.jsonl", "/etc/passwd", "no-such-file.jpg", "."].into_iter().enumerate()
    {
        let topic = house.home.topic(&format!("items/path:{number}"));
        let item = json!({"kind": "path", "media": [{"modality": "image", "path": path}]});
        device.publish(&topic, item.to_string());
        let error = device.receive(path, |message| message.document()["topic"] == json!(topic)).document();
        assert_eq!(error["code"], "invalid", "{error}");
        let told = error["message"].as_str().expect("a message");
        assert!(told.contains(&format!("`{path}`")), "{told}");
    }
    assert_eq!(house.ids_of("path"), [""; 0], "nothing of a refused item is kept");
}

#[test]
fn vectors_that_a_device_brings_stand_in_place_of_a_model() {
    let Some(house) = House::enter() else { return };
    for (id, kind, vector) in
        [("a", "own-asking", [1.0, 0.0, 0.0]), ("b", "own", [0.0, 0.0, 1.0]), ("c", "own", [0.9, 0.1, 0.0])]
    {
        house.home.put(&json!({"id": format!("own:{id}"), "kind": kind, "embeddings": {"image": vector}}));
    }
    house.wait_until_understood();
    let found = search(&house, "own", &json!({"item": "own:a"}));
    assert_eq!(found.first().map(String::as_str), Some("own:c"), "{found:?}");
}
