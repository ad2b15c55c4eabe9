//! kill -9 at random moments while events stream in: nothing that was acknowledged is lost, and
//! nothing counts twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use attuned_tests::broker::Broker;
use attuned_tests::daemon::{Home, Setup};
use attuned_tests::device::{Device, Version};
use attuned_tests::dice::Dice;
use attuned_tests::http::Connection;
use attuned_tests::{tools, wait};
use serde_json::json;

const EVENTS_PER_SECOND: u32 = 200;
const PEOPLE: usize = 4;

/// Every how many events one goes over HTTP, whose answer is the daemon's own acknowledgement.
const OVER_HTTP_EVERY: usize = 10;

fn rounds() -> usize {
    match std::env::var("ATTUNED_TEST_KILLS") {
        Ok(text) => {
            text.parse().unwrap_or_else(|_| panic!("ATTUNED_TEST_KILLS is `{text}`, expected a number"))
        }
        Err(_) => 5,
    }
}

/// The stream of events, and which of them were acknowledged.
struct Stream {
    home: std::sync::Arc<Home>,
    device: Device,
    http: Option<Connection>,
    sent: usize,
    /// Answered over HTTP, by their ids.
    answered: Vec<(usize, String)>,
    /// Published to the broker, by their ids; acknowledged once the device has settled.
    published: Vec<(usize, String)>,
    next_at: Instant,
}

impl Stream {
    /// Sends the next event when its time has come.
    fn step(&mut self) {
        // The pace of the events: 200 a second, also after a pause.
        let now = Instant::now();
        if let Some(pause) = self.next_at.checked_duration_since(now) {
            std::thread::sleep(pause);
        }
        self.next_at =
            self.next_at.max(now - Duration::from_millis(50)) + Duration::from_secs(1) / EVENTS_PER_SECOND;
        let person = self.sent % PEOPLE;
        let id = format!("e{}", self.sent);
        let event = json!({"id": id, "item": format!("k:{}", self.sent % 50), "type": "play", "value": 0.5})
            .to_string();
        self.sent += 1;
        if self.sent.is_multiple_of(OVER_HTTP_EVERY) {
            if self.http.is_none() {
                self.http = Connection::open(&self.home.socket()).ok();
            }
            let path = format!("/v1/users/person-{person}/events");
            let answer = self.http.as_mut().map(|http| http.send("POST", &path, event.as_bytes()));
            match answer {
                Some(Ok(answer)) if answer.status == 200 => self.answered.push((person, id)),
                // Killed before it could answer, or not there: it may be stored or not.
                _ => self.http = None,
            }
        } else {
            self.device.publish(&self.home.topic(&format!("users/person-{person}/events")), event);
            self.published.push((person, id));
        }
    }
}

/// How often each event is stored, by person and id.
fn stored(home: &Home) -> BTreeMap<(usize, String), usize> {
    let mut counts = BTreeMap::new();
    for person in 0..PEOPLE {
        let answer = home.send("GET", &format!("/v1/users/person-{person}/export"), b"");
        if answer.status == 404 {
            continue;
        }
        for event in answer.document()["events"].as_array().expect("events") {
            let id = event["id"].as_str().expect("an id").to_owned();
            *counts.entry((person, id)).or_insert(0) += 1;
        }
    }
    counts
}

#[test]
fn no_acknowledged_event_is_lost_or_counted_twice_by_a_kill() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let rounds = rounds();
    let broker = Broker::start(&mosquitto);
    let home = Home::new(broker.port(), &Setup::default());
    let mut daemon = home.start();
    let mut stream = Stream {
        device: Device::connect(broker.port(), Version::V5),
        home: std::sync::Arc::clone(&home),
        http: None,
        sent: 0,
        answered: Vec::new(),
        published: Vec::new(),
        next_at: Instant::now(),
    };
    let mut dice = Dice(9);
    let mut killed_before_ready = 0;
    for round in 0..rounds {
        let moment = Duration::from_millis(30 + dice.below(1200) as u64);
        let kill_at = Instant::now() + moment;
        while Instant::now() < kill_at {
            stream.step();
        }
        killed_before_ready += usize::from(!daemon.process().stderr().lines().any(|line| line == "ready"));
        daemon.kill();
        stream.http = None;
        for _ in 0..dice.below(40) {
            stream.step();
        }
        daemon = home.launch();
        // Every third time it is killed again at any moment, its start included.
        if round % 3 != 2 {
            wait::until_within(Duration::from_secs(90), "the daemon is back", || {
                stream.step();
                daemon.process().stderr().lines().any(|line| line == "ready").then_some(())
            });
        }
    }
    daemon.wait_until_ready();
    stream.device.settle();
    let acknowledged: Vec<&(usize, String)> = stream.published.iter().chain(&stream.answered).collect();
    wait::until_within(Duration::from_secs(180), "every acknowledged event is stored", || {
        let counts = stored(&home);
        acknowledged.iter().all(|event| counts.contains_key(event)).then_some(())
    });
    let learnt = || -> u64 {
        (0..PEOPLE)
            .map(|person| {
                home.get(&format!("/v1/users/person-{person}"))["events"]["play"].as_u64().unwrap_or(0)
            })
            .sum()
    };
    // What is learnt follows what is stored by a moment, and events that nobody has an answer to yet
    // may still be on their way from the broker.
    let counts = wait::until_within(Duration::from_secs(60), "what is stored is learnt, once", || {
        let counts = stored(&home);
        (learnt() == counts.len() as u64).then_some(counts)
    });
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "counted twice: {twice:?}");
    assert!(counts.len() <= stream.sent, "{} stored of {} sent", counts.len(), stream.sent);
    println!(
        "{rounds} kills ({killed_before_ready} before it was ready): {} events sent, {} acknowledged ({} by the daemon \
         itself), {} stored, none lost, none twice",
        stream.sent,
        acknowledged.len(),
        stream.answered.len(),
        counts.len()
    );
    let ended = daemon.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}
