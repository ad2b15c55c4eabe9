//! Prints how fast and how large the real program is: start, memory, lists, events.
//!
//! Nothing is asserted but that there was something to measure, as machines differ. It runs in the
//! profile of the tests, `cargo test --workspace --bench smoke`, so that nothing is built twice;
//! `ATTUNED_TEST_PROGRAM` names another build of the program, as `target/release/attuned`, and
//! `ATTUNED_BENCH_ITEMS` and `ATTUNED_BENCH_REQUESTS` how much is measured.
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use attuned_tests::broker::Broker;
use attuned_tests::daemon::{Home, Setup};
use attuned_tests::device::{Device, Version};
use attuned_tests::dice::Dice;
use attuned_tests::{media, tools, wait};
use serde_json::{Value, json};

const WORDS: [&str; 48] = [
    "river",
    "castle",
    "piano",
    "storm",
    "garden",
    "engine",
    "winter",
    "baker",
    "desert",
    "comet",
    "violin",
    "harbour",
    "forest",
    "kitchen",
    "rocket",
    "monk",
    "island",
    "football",
    "library",
    "wolf",
    "market",
    "dancer",
    "mountain",
    "robot",
    "painter",
    "submarine",
    "orchard",
    "detective",
    "saxophone",
    "glacier",
    "lighthouse",
    "chess",
    "tiger",
    "bicycle",
    "opera",
    "volcano",
    "teacher",
    "train",
    "telescope",
    "bread",
    "surgeon",
    "circus",
    "whale",
    "spy",
    "guitar",
    "village",
    "thunder",
    "museum",
];

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`")))
}

fn main() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let (items, requests) = (setting("ATTUNED_BENCH_ITEMS", 1000), setting("ATTUNED_BENCH_REQUESTS", 200));
    // Else the broker holds an answer back until the device has acknowledged what came before it, for
    // 40 ms (Nagle's algorithm and delayed acknowledgements), and that is what would be measured.
    let broker = Broker::start_with(&mosquitto, "set_tcp_nodelay true");
    let home = Home::new(broker.port(), &Setup::with_family_night());
    let bytes = std::fs::metadata(tools::attuned()).expect("the program").len();
    line("program", format!("{:.1} MB ({})", bytes as f64 / 1e6, tools::attuned().display()));

    let started = Instant::now();
    let daemon = home.start();
    line("start to ready, empty store", format!("{:.2} s", started.elapsed().as_secs_f64()));
    line("memory, idle", megabytes(daemon.memory_kb().0));

    let mut dice = Dice(7);
    fill(&home, items, &mut dice);
    line("memory, text encoder loaded", megabytes(daemon.memory_kb().0));
    look_and_listen(&home);
    line("memory, all encoders loaded", megabytes(daemon.memory_kb().0));

    events(&home, &broker, items, &mut dice);
    lists_over_the_socket(&home, requests, &mut dice);
    lists_over_the_broker(&home, &broker, requests, &mut dice);
    line("memory at the end, and its peak", {
        let (now, peak) = daemon.memory_kb();
        format!("{}, {}", megabytes(now), megabytes(peak))
    });
    assert_eq!(daemon.stop().code, Some(0));

    let started = Instant::now();
    let daemon = home.start();
    line(&format!("start to ready, {items} items"), format!("{:.2} s", started.elapsed().as_secs_f64()));
    assert_eq!(daemon.stop().code, Some(0));
}

fn line(what: &str, figure: impl std::fmt::Display) {
    println!("{what:<44} {figure}");
}

fn megabytes(kilobytes: u64) -> String {
    format!("{:.0} MB", kilobytes as f64 / 1024.0)
}

/// Puts items with words, and waits until all are understood.
fn fill(home: &Home, items: usize, dice: &mut Dice) {
    let mut http = home.connect();
    let started = Instant::now();
    for number in 0..items {
        let words: Vec<&str> = (0..12).map(|_| *dice.one_of(&WORDS)).collect();
        let kind = *dice.one_of(&["film", "music", "article"]);
        let item = json!({"kind": kind, "title": format!("The {} and the {}", words[0], words[1]),
            "text": format!("About a {} in a {}.", words[2..7].join(", a "), words[7..].join(" or a ")),
            "tags": [words[0], if number % 5 == 0 { "family" } else { words[1] }],
            "attributes": {"duration_min": 5 + dice.below(150)}});
        let answer = http.send("PUT", &format!("/v1/items/b:{number}"), item.to_string().as_bytes());
        assert_eq!(answer.expect("an answer").status, 204);
    }
    let stored = started.elapsed().as_secs_f64();
    line("items stored, one after the other", format!("{:.0} a second", items as f64 / stored));
    wait::until_within(Duration::from_secs(900), "all items understood", || {
        (home.get("/v1/status")["pending"] == 0).then_some(())
    });
    let understood = started.elapsed().as_secs_f64();
    line("items understood (about 30 words each)", format!("{:.0} a second", items as f64 / understood));
}

/// Has the picture and sound encoders loaded, and times them.
fn look_and_listen(home: &Home) {
    for (what, name) in [("image", "panda.jpg"), ("audio", "moonlight-sonata.ogg")] {
        let request = json!({"query": {what: media::base64(name)}}).to_string();
        let mut encode = Vec::new();
        for _ in 0..5 {
            let answer = home.send("POST", "/v1/search", request.as_bytes());
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            encode.push(answer.document()["timings_ms"]["encode"].as_f64().expect("a time"));
        }
        line(
            &format!("{what} query understood, first and later"),
            format!("{:.0} ms, {:.0} ms", encode[0], encode[4]),
        );
    }
}

fn event(number: usize, items: usize, dice: &mut Dice) -> String {
    let act = *dice.one_of(&["play", "like", "skip", "complete", "impression", "save"]);
    json!({"id": format!("e{number}"), "item": format!("b:{}", dice.below(items)), "type": act}).to_string()
}

/// Events that are durable: stored with a sync of the disk, and learnt from.
fn events(home: &Home, broker: &Broker, items: usize, dice: &mut Dice) {
    let mut http = home.connect();
    let alone = 100;
    let started = Instant::now();
    for number in 0..alone {
        let answer = http.send("POST", "/v1/users/u0/events", event(number, items, dice).as_bytes());
        assert_eq!(answer.expect("an answer").status, 200);
    }
    let each = started.elapsed().as_secs_f64() / alone as f64;
    line("event acknowledged, one after the other", format!("{:.1} ms", each * 1e3));

    let before = home.get("/v1/status")["events"].as_u64().expect("a count");
    let streamed = 2000;
    let mut device = Device::connect(broker.port(), Version::V5);
    let started = Instant::now();
    for number in 0..streamed {
        let topic = home.topic(&format!("users/u{}/events", number % 5));
        device.publish(&topic, event(1_000_000 + number, items, dice));
    }
    wait::until_within(Duration::from_secs(300), "all events stored", || {
        (home.get("/v1/status")["events"].as_u64() >= Some(before + streamed as u64)).then_some(())
    });
    let rate = streamed as f64 / started.elapsed().as_secs_f64();
    line("events over MQTT, durable", format!("{rate:.0} a second"));
    assert!(rate > 0.0);
}

fn request(number: usize, dice: &mut Dice) -> Value {
    let mut request = json!({"request_id": format!("q{number}"), "users": [format!("u{}", dice.below(5))], "n": 10,
        "context": {"device-class": "tv", "daypart": "evening"}});
    if number.is_multiple_of(2) {
        request["kinds"] = json!(["film"]);
    }
    request
}

fn lists_over_the_socket(home: &Arc<Home>, requests: usize, dice: &mut Dice) {
    let mut http = home.connect();
    let (mut whole, mut parts) = (Vec::new(), Vec::new());
    for number in 0..requests {
        let request = request(number, dice).to_string();
        let started = Instant::now();
        let answer = http.send("POST", "/v1/recommend", request.as_bytes()).expect("an answer");
        whole.push(started.elapsed().as_secs_f64() * 1e3);
        let answer = answer.document();
        assert!(answer["items"].is_array(), "{answer}");
        parts.push(answer["timings_ms"].clone());
    }
    line("list over the socket, p50 and p99", percentiles(whole));
    for part in ["shortlist", "plugins", "rank", "total"] {
        let times = parts.iter().map(|times| times[part].as_f64().expect("a time")).collect();
        line(&format!("  of it by the daemon's account: {part}"), percentiles(times));
    }
}

fn lists_over_the_broker(home: &Home, broker: &Broker, requests: usize, dice: &mut Dice) {
    let mut device = Device::connect(broker.port(), Version::V5);
    let answers = format!("{}-answers", home.prefix());
    device.subscribe(&answers);
    let mut whole = Vec::new();
    for number in 0..requests {
        let request = request(number, dice).to_string();
        let correlation = number.to_string().into_bytes();
        let started = Instant::now();
        device.ask(&home.topic("recommend"), request, &answers, &correlation);
        let answer =
            device.receive("the answer", |message| message.correlation.as_deref() == Some(&correlation[..]));
        whole.push(started.elapsed().as_secs_f64() * 1e3);
        assert!(answer.document()["items"].is_array(), "{:?}", answer.document());
    }
    line("list over MQTT, p50 and p99", percentiles(whole));
}

fn percentiles(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)];
    format!("{:.1} ms, {:.1} ms", at(0.50), at(0.99))
}
