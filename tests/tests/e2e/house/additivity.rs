//! Reasons are exact: their weights and the bias add up to the score's log-odds.

use attuned_tests::dice::Dice;
use serde_json::{Value, json};

use super::House;
use crate::catalogue::{SUBJECTS, id};

const REQUESTS: usize = 1000;
const TOLERANCE: f64 = 1e-4;
const TYPES: [(&str, Option<f64>); 10] = [
    ("play", Some(0.9)),
    ("play", Some(0.05)),
    ("complete", None),
    ("skip", None),
    ("like", None),
    ("dislike", None),
    ("rate", Some(4.0)),
    ("save", None),
    ("impression", None),
    ("view", Some(20.0)),
];

/// Events of five people who like different things.
fn live(house: &House, kind: &str, dice: &mut Dice) {
    for person in 0..5 {
        let events: Vec<Value> = (0..25)
            .map(|_| {
                let item = id(kind, dice.one_of::<&str>(&SUBJECTS), dice.below(15));
                let (event_type, value) = *dice.one_of(&TYPES);
                let mut event = json!({"item": item, "type": event_type,
                    "context": {"room": *dice.one_of(&["living", "kitchen"])}});
                if let Some(value) = value {
                    event["value"] = json!(value);
                }
                event
            })
            .collect();
        house.home.tell(&format!("sum-{person}"), &json!(events));
    }
}

fn random_request(kind: &str, dice: &mut Dice) -> Value {
    let users: Vec<String> = (0..dice.below(4)).map(|_| format!("sum-{}", dice.below(6))).collect();
    let mut context = json!({"room": *dice.one_of(&["living", "kitchen", "garden"])});
    if dice.below(3) > 0 {
        context["daypart"] = json!("evening");
        context["device-class"] = json!("tv");
    }
    if dice.below(3) == 0 {
        context["occasion"] = json!("family");
    }
    let mut request = json!({"users": users, "n": 1 + dice.below(30), "context": context, "kinds": [kind],
        "explore": dice.below(2) == 0, "seen": dice.below(2) == 0, "explain": true});
    if dice.below(2) == 0 {
        request["diversity"] = json!(dice.unit());
    }
    if dice.below(4) == 0 {
        request["filter"] = json!({"max_duration_min": 60});
    }
    match dice.below(20) {
        0 => request["query"] = json!({"text": "music for a quiet night"}),
        1..=3 => request["query"] = json!({"item": id(kind, dice.one_of::<&str>(&SUBJECTS), dice.below(15))}),
        _ => {}
    }
    request
}

/// The sum less the score's log-odds.
fn gap(item: &Value) -> f64 {
    let weight = |reason: &Value| reason["weight"].as_f64().expect("a weight");
    let sum: f64 = item["reasons"].as_array().expect("reasons").iter().map(weight).sum();
    let score = item["score"].as_f64().expect("a score");
    item["bias"].as_f64().expect("a bias") + sum - (score.ln() - (-score).ln_1p())
}

#[test]
fn the_reasons_of_a_thousand_random_requests_add_up() {
    let Some(house) = House::enter() else { return };
    let kind = "sum";
    house.put_catalogue(kind);
    let mut dice = Dice(20_261_122);
    live(&house, kind, &mut dice);
    let mut connection = house.home.connect();
    let (mut items, mut adjusted, mut widest) = (0, 0, 0.0_f64);
    let mut kinds_of_reasons = std::collections::BTreeSet::new();
    for number in 0..REQUESTS {
        let request = random_request(kind, &mut dice);
        let answer =
            connection.send("POST", "/v1/recommend", request.to_string().as_bytes()).expect("an answer");
        assert_eq!(answer.status, 200, "{request}: {}", String::from_utf8_lossy(&answer.body));
        let answer = answer.document();
        for item in answer["items"].as_array().expect("items") {
            let gap = gap(item);
            assert!(gap.abs() <= TOLERANCE, "request {number} {request}: off by {gap} in {item}");
            widest = widest.max(gap.abs());
            items += 1;
            let reasons = item["reasons"].as_array().expect("reasons");
            adjusted += usize::from(reasons.iter().any(|reason| reason["kind"] == "plugin"));
            kinds_of_reasons
                .extend(reasons.iter().map(|reason| reason["kind"].as_str().unwrap_or("none").to_owned()));
        }
    }
    println!(
        "{items} items, {adjusted} of them adjusted by a plugin, widest gap {widest:.1e}: {kinds_of_reasons:?}"
    );
    assert!(items > REQUESTS, "the lists are not empty: {items} items");
    assert!(adjusted > REQUESTS / 10, "the plugin took part: {adjusted} of {items} items");
}
