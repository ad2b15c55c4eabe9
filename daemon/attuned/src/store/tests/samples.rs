//! One stored value of every kind and version that was ever written. They are never changed: what a
//! home has on its disk must be readable by every later version.
//!
//! A sample is the value as it lies in the tree, in hex: version, checksum, payload.
//! `ATTUNED_PRINT_SAMPLES=1` makes the test print what the current version writes, for a new row.

use super::*;
use crate::store::envelope;
use crate::store::key::Key;
use crate::store::record::totals::Totals;
use crate::store::record::{as_stored, content, event, item, outbox, shown, state, totals, value};

const SAMPLES: &str = include_str!("samples.txt");

/// A vector whose length is 1 without rounding.
fn axes(values: Vec<f32>) -> Embedding {
    Embedding::from_values(values).expect("finite")
}

/// A content of small vectors, so that its sample is short.
fn small_content() -> Content {
    let image = ModelEmbedding { model: "m@1".to_owned(), embedding: axes(vec![0.5, -0.5, 0.5, 0.5]) };
    Content {
        embeddings: [(Modality::Image, image)].into(),
        semantic: [(Modality::Audio, axes(vec![0.0, 1.0, 0.0]))].into(),
        labels: [(Modality::Video, vec![Label { name: "rain".to_owned(), score: 0.5 }])].into(),
        fused: Some(Box::new(FusedContent {
            model: "f@1".to_owned(),
            embedding: axes(vec![0.0, 0.0, -1.0]),
            shares: [(Modality::Text, 0.75), (Modality::Audio, 0.25)].into(),
        })),
    }
}

fn small_item() -> StoredItem {
    StoredItem { own_embeddings: [(Modality::Audio, axes(vec![0.0, -1.0]))].into(), ..full_item("film:42") }
}

fn commented() -> Event {
    let comment = Comment { sentiment: Some(0.5), semantic: Some(axes(vec![0.0, 1.0])) };
    Event { comment: Some(comment), ..event("anna", "film:1", EventType::Comment) }
}

fn some_totals() -> Totals {
    Totals { generation: 9, next_event: 300, items: 3, outbox_messages: 2, ..Totals::EMPTY }
}

/// What the current version writes, by the name of the sample.
fn written(name: &str) -> (Key, u8, Vec<u8>) {
    match name {
        "item" => (Key::item(&item_id("film:42")), item::VERSION, item::encode(&small_item())),
        "content" => {
            let payload = content::encode(Some(&small_content()), true);
            (Key::content(&item_id("film:42")), content::VERSION, payload)
        }
        "event" => (Key::event(5), event::VERSION, event::encode(&commented(), Some(&event_id("e1")))),
        "note" => {
            let key = Key::user_event(&user("anna"), Some(&event_id("e1")), 0);
            (key, event::VERSION, event::encode_note(300))
        }
        "context" => {
            let values = vec![Value::Number(0.5), Value::Bool(true), Value::Text("rain".to_owned())];
            let payload = value::encode(&Value::Map([("sky".to_owned(), Value::List(values))].into()));
            (Key::context("weather").expect("a key"), value::VERSION, payload)
        }
        "outbox" => {
            (Key::outbox(1), outbox::VERSION, outbox::encode(&message("attuned/v1/status", Some(1000))))
        }
        "profile" => {
            (Key::profile(&user("anna")), state::USER_VERSION, state::encode_user(300, &user_state()))
        }
        "household" => {
            (Key::household(), state::HOUSEHOLD_VERSION, state::encode_household(300, &household_state()))
        }
        "shown" => (Key::shown(1_795_000_000_000, 7), shown::VERSION, shown::encode(&some_shown("anna", 0))),
        "totals" => (Key::totals(), totals::VERSION, totals::encode(&some_totals())),
        other => panic!("unknown sample `{other}`"),
    }
}

/// Whether a payload says what the current version would write.
fn means_the_same(name: &str, version: u8, payload: &[u8]) -> bool {
    match name {
        "item" => item::decode(version, payload).is_ok_and(|document| {
            let stored = small_item();
            (document.item, document.media, document.own_embeddings)
                == (stored.item, stored.media, stored.own_embeddings)
        }),
        "content" => {
            let content = as_stored(&small_content());
            // The first version knew of no fused vector.
            let content = Some(if version < 2 { Content { fused: None, ..content } } else { content });
            content::decode(version, payload) == Ok(content::Understanding { content, pending: true })
        }
        "event" => event::decode(version, payload) == Ok((commented(), Some(event_id("e1")))),
        "note" => event::decode_note(version, payload) == Ok(300),
        "context" => value::decode(version, payload) == value::decode(1, &written("context").2),
        "outbox" => outbox::decode(version, payload) == Ok(message("attuned/v1/status", Some(1000))),
        "profile" => {
            let mut state = user_state();
            if version < 2 {
                // The first version knew of no stars, shares and showings.
                for tally in state.taste.items.values_mut() {
                    (tally.shown, tally.stars, tally.completion) = (0, None, None);
                }
            }
            state::decode_user(version, payload) == Ok(state::Snapshot { through: 300, state })
        }
        "household" => {
            state::decode_household(version, payload)
                == Ok(state::Snapshot { through: 300, state: household_state() })
        }
        "shown" => shown::decode(version, payload) == Ok(some_shown("anna", 0)),
        "totals" => totals::decode(version, payload) == Ok(some_totals()),
        other => panic!("unknown sample `{other}`"),
    }
}

const NAMES: [&str; 10] =
    ["item", "content", "event", "note", "context", "outbox", "profile", "household", "totals", "shown"];

#[test]
fn every_sample_is_readable() {
    let mut seen = Vec::new();
    for line in SAMPLES.lines().filter(|line| !line.starts_with('#')) {
        let (name, hex) = line.split_once(' ').expect("name and hex");
        let value: Vec<u8> = (0..hex.len() / 2)
            .map(|i| u8::from_str_radix(&hex[2 * i..][..2], 16).expect("hex digits"))
            .collect();
        let (key, _, _) = written(name);
        let opened = envelope::open(&key, &value).expect("an intact sample");
        assert!(means_the_same(name, opened.version, opened.payload), "{name} of version {}", opened.version);
        seen.push((name, opened.version));
    }
    for name in NAMES {
        let (_, version, _) = written(name);
        for version in 1..=version {
            assert!(seen.contains(&(name, version)), "no sample of {name} of version {version}");
        }
    }
}

#[test]
fn what_is_written_is_what_was_sampled() {
    for name in NAMES {
        let (key, version, payload) = written(name);
        let sealed = envelope::seal(&key, version, &payload);
        let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        if std::env::var_os("ATTUNED_PRINT_SAMPLES").is_some() {
            println!("{name} {hex}");
        } else {
            let line = format!("{name} {hex}");
            assert!(
                SAMPLES.lines().any(|sample| sample == line),
                "a changed layout needs a new version: {line}"
            );
        }
    }
}
