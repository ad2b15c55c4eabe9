//! The documents' parsers on a suite of JSON files that break parsers: whatever the bytes, there is
//! a document or a sentence.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use attuned_recommender::{Timestamp, UserId};

use super::*;
use crate::config::RecommendConfig;

#[path = "../../../../tests/fuzz/src/mutate.rs"]
mod mutate;

/// Every document that comes from outside, read and checked; the refusals.
fn refusals(bytes: &[u8]) -> Vec<Rejection> {
    let now = Timestamp::from_unix_ms(1_790_000_000_000);
    let user = UserId::parse("anna").expect("an id");
    let config = RecommendConfig::default();
    let context = parse::<serde_json::Value>("context", bytes).and_then(|json| parse_value("context", &json));
    let item = parse::<ItemDocument>("item", bytes).and_then(|item| item.parse(None));
    let request = parse::<RequestDocument>("request", bytes)
        .and_then(|request| request.parse(&config, Default::default(), 1));
    let search = parse::<SearchDocument>("search", bytes).and_then(|search| search.parse(&config));
    let events = match EventsDocument::read(bytes) {
        Ok(events) => {
            let parsed = events.into_iter().map(|event| event.and_then(|event| event.parse(&user, now)));
            parsed.filter_map(Result::err).collect()
        }
        Err(rejection) => vec![rejection],
    };
    [context.err(), item.err(), request.err(), search.err()].into_iter().flatten().chain(events).collect()
}

#[test]
fn the_json_test_suite_gives_documents_or_sentences_in_time() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("ATTUNED_SHARED").map_or(beside, PathBuf::from);
    let Ok(files) = std::fs::read_dir(root.join("data/malformed/json-testsuite/test_parsing")) else {
        return;
    };
    let mut count = 0;
    for file in files.flatten() {
        let bytes = std::fs::read(file.path()).expect("a test file is read");
        let name = file.file_name().to_string_lossy().into_owned();
        let started = Instant::now();
        let refused = refusals(&bytes);
        assert!(started.elapsed() < Duration::from_secs(2), "{name}: {:?}", started.elapsed());
        for rejection in &refused {
            let sentence = rejection.to_string();
            assert!(!sentence.contains('\n') && sentence.chars().count() <= 501, "{name}: {sentence:?}");
        }
        // The suite's `n_` is no JSON, and no document may be made of it.
        if name.starts_with("n_") {
            assert!(refused.len() >= 5, "{name}: only {refused:?}");
        }
        count += 1;
    }
    assert!(count > 200, "{count} files");
}

/// One whole document of each kind.
const WHOLE: [&str; 5] = [
    r#"{"id":"film:42","kind":"film","title":"The Third Man","tags":["noir"],"attributes":{"duration_min":104},"media":[{"modality":"audio","data":"UklGRg=="}],"embeddings":{"image":[0.1,-2e-3]},"published_at":"2026-11-20T18:00:00Z","expires_at":null}"#,
    r#"[{"id":"e1","item":"film:42","type":"play","value":0.93,"ts":"2026-11-20T18:00:00+01:00","context":{"room":"living"},"text":"fine","media":[]}]"#,
    r#"{"request_id":"r1","users":["anna"],"n":10,"kinds":["film"],"context":{"room":"living"},"query":{"text":"noir","image":"UklGRg=="},"exclude":["film:1"],"filter":{"max_duration_min":120},"diversity":0.3}"#,
    r#"{"present":["anna",1.5,null,true],"nested":{"deep":[[]]}}"#,
    r#"{"query":{"text":"zither"},"n":3,"kinds":["music"],"filter":{"min_age":3}}"#,
];

#[test]
fn fuzz_documents() {
    let seeds: Vec<Vec<u8>> = WHOLE.iter().map(|text| text.as_bytes().to_vec()).collect();
    assert!(WHOLE.iter().all(|text| refusals(text.as_bytes()).len() < 5), "each is read as what it is");
    let count = mutate::fuzz(&seeds, |bytes| {
        for rejection in refusals(bytes) {
            let sentence = rejection.to_string();
            assert!(!sentence.contains('\n') && sentence.chars().count() <= 501, "{sentence:?}");
        }
    });
    println!("documents: {count} damaged ones");
}
