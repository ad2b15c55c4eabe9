//! Rankers: found on the house's own past, compared where places are left to chance, put in use, kept
//! over a restart, and gone back from.

use std::sync::Arc;

use attuned_tests::broker::Broker;
use attuned_tests::daemon::{Home, Setup};
use attuned_tests::{process, tools};
use serde_json::{Value, json};

const PEOPLE: usize = 30;
const CIRCLES: usize = 3;

/// Everybody finishes films of their own circle, some of which they come to one after the other.
fn live(home: &Home) {
    for circle in 0..CIRCLES {
        for film in 0..24 {
            home.put(&json!({"id": format!("c{circle}:{film}"), "kind": "film"}));
        }
    }
    for person in 0..PEOPLE {
        let film = |step: usize| format!("c{}:{}", person % CIRCLES, (person + step * 5) % 24);
        let events: Vec<Value> =
            (0..12).map(|step| json!({"item": film(step), "type": "complete"})).collect();
        home.tell(&format!("person{person}"), &json!(events));
    }
}

/// Runs `attuned ranker …` and gives the object that it prints.
fn ranker(home: &Home, action: &str) -> Value {
    let ended = process::run("attuned", &home.command(&["ranker", action, "--json"]), b"");
    assert_eq!(ended.code, Some(0), "{action}: {}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("one object")
}

fn numbers(rankers: &Value) -> (Option<u64>, Option<u64>) {
    (rankers["current"]["number"].as_u64(), rankers["shadow"]["number"].as_u64())
}

/// Asks for lists that explore, and has everybody finish what was explored and stands in an even place.
fn explore(home: &Home) -> usize {
    let mut explored = 0;
    for person in 0..PEOPLE {
        let user = format!("person{person}");
        let list = home.recommend(&json!({"users": [user], "n": 10, "explore": true, "diversity": 0.0}));
        let items = list["items"].as_array().expect("items");
        for item in items.iter().filter(|item| item["propensity"].is_number()) {
            explored += 1;
            if item["rank"].as_u64().is_some_and(|rank| rank % 2 == 0) {
                home.tell(&user, &json!([{"item": item["item"], "type": "complete"}]));
            }
        }
    }
    explored
}

/// What is recommended to one of them.
fn listed(home: &Home) -> Vec<String> {
    let list = home.recommend(&json!({"users": ["person3"], "n": 10}));
    let items = list["items"].as_array().expect("items");
    items.iter().map(|item| item["item"].to_string()).collect()
}

fn home(broker: &Broker, tune: &str) -> Arc<Home> {
    let more = format!("[recommend]\nexplore_share = 0.5\ntune = \"{tune}\"\n[models]\npath = \"none\"\n");
    Home::new(broker.port(), &Setup { more, ..Setup::default() })
}

#[test]
fn a_ranker_is_found_compared_promoted_kept_and_gone_back_from() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let home = home(&broker, "shadow");
    let daemon = home.start();
    let empty = ranker(&home, "tune");
    assert_eq!((numbers(&empty), empty["looking"].as_bool()), ((Some(0), None), Some(false)));
    assert_eq!(empty["looked"], "too little was liked to tell rankers apart");
    assert!(
        empty["current"]["unknown"].as_str().is_some_and(|why| why.contains("0 things were shown")),
        "{empty}"
    );
    live(&home);
    let found = ranker(&home, "tune");
    assert_eq!(numbers(&found), (Some(0), Some(1)), "{found}");
    assert_eq!(found["shadow"]["people"].as_u64(), Some(PEOPLE as u64));
    assert_eq!(found["shadow"]["held_out"].as_u64(), Some(2 * PEOPLE as u64), "a fifth of twelve each");
    assert_ne!(found["shadow"]["chosen"], found["current"]["chosen"]);
    let explored = explore(&home);
    let compared = ranker(&home, "show");
    for role in ["current", "shadow"] {
        let earnings = &compared[role]["earnings"];
        assert_eq!(earnings["places"].as_u64(), Some(explored as u64), "{role}: {compared}");
        for method in ["ips", "snips", "doubly_robust"] {
            let (value, interval) = (&earnings[method]["value"], &earnings[method]["interval"]);
            let holds = interval[0].as_f64() <= value.as_f64() && value.as_f64() <= interval[1].as_f64();
            assert!(value.is_number() && holds, "{role} {method}: {earnings}");
        }
    }
    let promoted = ranker(&home, "promote");
    assert_eq!(numbers(&promoted), (Some(1), Some(0)), "what was used goes on being compared");
    let list = listed(&home);
    daemon.stop();
    let daemon = home.start();
    let restarted = ranker(&home, "show");
    assert_eq!(numbers(&restarted), (Some(1), Some(0)));
    assert_eq!(restarted["current"]["earnings"], promoted["current"]["earnings"], "it is remembered");
    assert_eq!(listed(&home), list);
    let back = ranker(&home, "rollback");
    assert_eq!((numbers(&back), back["held"].as_bool()), ((Some(0), Some(1)), Some(true)));
    let ended = process::run("attuned", &home.command(&["ranker", "rollback"]), b"");
    assert_eq!(ended.code, Some(64), "{}", ended.stderr);
    assert!(ended.stderr.contains("no other ranker was ever used"), "{}", ended.stderr);
    let shown = process::run("attuned", &home.command(&["ranker", "show"]), b"");
    assert!(shown.stdout.contains("none is put in use by itself"), "{}", shown.stdout);
    daemon.stop();
}

#[test]
fn a_better_ranker_is_put_in_use_where_that_is_wanted() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let home = home(&broker, "apply");
    let daemon = home.start();
    live(&home);
    let found = ranker(&home, "tune");
    assert_eq!(numbers(&found), (Some(1), Some(0)), "{found}");
    assert_eq!(found["looked"], "ranker 1 was found and put in use");
    assert_eq!(ranker(&home, "tune")["looked"], "the ranker in use is the best that was found");
    daemon.stop();
}
