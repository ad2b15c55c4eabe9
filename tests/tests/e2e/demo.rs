//! The demo, which needs nothing installed.

use std::collections::BTreeSet;
use std::time::Duration;

use attuned_tests::daemon::program;
use attuned_tests::process;
use serde_json::Value;

/// It takes under a minute where nothing else runs.
const WITHIN: Duration = Duration::from_secs(300);

#[test]
fn the_demo_runs_to_its_end_and_shows_three_people_their_lists() {
    let ended = process::run_within(WITHIN, "attuned demo", &program(&["demo"]), b"");
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    for person in ["anna", "ben", "mia"] {
        assert!(ended.stdout.contains(&format!("What next for {person}?")), "{}", ended.stdout);
    }
    assert!(ended.stdout.contains("skips"), "{}", ended.stdout);
    assert!(ended.stdout.contains("search"), "{}", ended.stdout);
}

#[test]
fn the_demo_prints_objects_for_machines() {
    let ended = process::run_within(WITHIN, "attuned demo", &program(&["demo", "--json"]), b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let objects: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let text = Value::from(objects).to_string();
    let people: BTreeSet<&str> =
        ["anna", "ben", "mia"].into_iter().filter(|name| text.contains(name)).collect();
    assert_eq!(people.len(), 3);
    assert!(text.contains("\"reasons\""));
}
