//! What is known survives the end of the program, however it ends.

use attuned_tests::broker::Broker;
use attuned_tests::daemon::{Home, Setup};
use attuned_tests::device::{Device, Version};
use attuned_tests::{tools, wait};
use serde_json::{Value, json};

use crate::catalogue::{self, id};
use crate::house::ids;

/// Events of two people, with ids.
fn events(user: &str) -> Value {
    let acts = [("like", "jazz", 0), ("complete", "jazz", 3), ("skip", "football", 1), ("play", "space", 2)];
    let event = |(number, (act, subject, place)): (usize, &(&str, &str, usize))| {
        json!({"id": format!("{user}-{number}"), "item": id("tale", subject, *place), "type": act,
            "ts": format!("2026-11-20T18:0{number}:00Z"), "context": {"room": "living"}})
    };
    acts.iter().enumerate().map(event).collect()
}

/// What has to be the same before and after: what is stored, what was learnt, what is recommended.
fn known(home: &Home) -> Value {
    let of = |user: &str| {
        let stored = home.get(&format!("/v1/users/{user}/export"));
        let list =
            home.recommend(&json!({"users": [user], "kinds": ["tale"], "n": 20, "request_id": "same"}));
        let scores: Vec<i64> = list["items"]
            .as_array()
            .expect("items")
            .iter()
            // Tastes fade with every second; a thousandth is far more than some minutes do.
            .map(|item| (item["score"].as_f64().expect("a score") * 1e3).round() as i64)
            .collect();
        json!({"events": stored["events"], "counts": stored["profile"]["events"],
            "last": stored["profile"]["last_event_at"], "list": ids(&list), "scores": scores})
    };
    json!({"anna": of("anna"), "ben": of("ben")})
}

/// Equal but for scores that a rounding moved by one thousandth.
fn assert_same(before: &Value, after: &Value) {
    for user in ["anna", "ben"] {
        for part in ["events", "counts", "last", "list"] {
            assert_eq!(before[user][part], after[user][part], "{part} of {user}");
        }
        let scores = |known: &Value| known[user]["scores"].as_array().expect("scores").clone();
        for (before, after) in scores(before).iter().zip(&scores(after)) {
            let difference = before.as_i64().expect("a score") - after.as_i64().expect("a score");
            assert!(difference.abs() <= 1, "a score went from {before} to {after} thousandths");
        }
    }
}

#[test]
fn events_profiles_and_lists_survive_a_stop_and_a_kill_and_repeats_change_nothing() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let home = Home::new(broker.port(), &Setup::default());
    let daemon = home.start();
    let empty = home.recommend(&json!({}));
    assert_eq!(empty["items"], json!([]), "an empty catalogue is an empty list");
    let items = catalogue::items("tale");
    for item in items.iter().filter(|item| item["id"].as_str().is_some_and(|id| id < "tale:space-04")) {
        home.put(item);
    }
    home.wait_until_understood(1);
    for user in ["anna", "ben"] {
        assert_eq!(home.tell(user, &events(user))["taken"], 4);
    }
    let before = known(&home);

    for user in ["anna", "ben"] {
        let again = home.tell(user, &events(user));
        assert_eq!((&again["taken"], &again["duplicates"]), (&json!(0), &json!(4)));
    }
    assert_same(&before, &known(&home));

    let ended = daemon.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let daemon = home.start();
    assert_same(&before, &known(&home));

    // One event more, and no time to write down what was learnt from it.
    home.tell("anna", &json!({"id": "anna-last", "item": id("tale", "baking", 5), "type": "like"}));
    let before = known(&home);
    daemon.kill();
    let daemon = home.start();
    assert_same(&before, &known(&home));

    let mut device = Device::connect(broker.port(), Version::V5);
    device.publish(&home.topic("users/anna/events"), events("anna").to_string());
    device.publish(
        &home.topic("users/anna/events"),
        r#"{"id":"anna-new","item":"tale:jazz-05","type":"view"}"#,
    );
    wait::until("the new event is there", || {
        let stored = home.get("/v1/users/anna/export");
        let count = stored["events"].as_array().map_or(0, Vec::len);
        assert!(count <= 6, "the repeated ones were not counted again");
        (count == 6).then_some(())
    });
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn what_the_broker_kept_is_taken_in_by_a_daemon_that_starts_later() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let home = Home::new(broker.port(), &Setup::default());
    let mut device = Device::connect(broker.port(), Version::V5);
    for number in 0..5 {
        device.publish_retained(
            &home.topic(&format!("items/kept:{number}")),
            r#"{"kind":"kept","title":"Kept"}"#,
        );
    }
    device.publish_retained(&home.topic("context/room"), r#""living""#);
    device.settle();
    let kept = |home: &Home| {
        wait::until("the items are there", || {
            let mut ids = ids(&home.recommend(&json!({"kinds": ["kept"]})));
            ids.sort();
            (ids.len() == 5).then_some(ids)
        })
    };
    let daemon = home.start();
    let first = kept(&home);
    daemon.kill();
    let daemon = home.start();
    assert_eq!(kept(&home), first);
    assert_eq!(daemon.stop().code, Some(0));
}
