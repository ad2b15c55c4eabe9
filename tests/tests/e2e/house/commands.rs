//! Commands that talk to the running daemon.

use std::path::Path;

use attuned_tests::process::{self, Ended};
use attuned_tests::{media, wait};
use serde_json::{Value, json};

use super::{House, ids};

fn attuned(house: &House, arguments: &[&str], input: &str) -> Ended {
    process::run("attuned", &house.home.command(arguments), input.as_bytes())
}

/// Runs a command that has to succeed, and gives the objects it prints with `--json`, one a line.
fn objects(house: &House, arguments: &[&str], input: &str) -> Vec<Value> {
    let ended = attuned(house, &[arguments, &["--json"]].concat(), input);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    ended.stdout.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

/// Runs a command that has to fail with one sentence.
fn refused(house: &House, arguments: &[&str], input: &str, code: i32, part: &str) {
    let ended = attuned(house, arguments, input);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
    assert_eq!(ended.stderr.trim_end().lines().count(), 1, "one sentence: {}", ended.stderr);
    assert!(ended.stderr.contains(part), "{} does not say {part:?}", ended.stderr);
}

#[test]
fn items_and_events_go_in_and_lists_come_out() {
    let Some(house) = House::enter() else { return };
    let documents = (1..=4).map(|number| {
        json!({"id": format!("line:{number}"), "kind": "line",
        "title": format!("Line {number}"), "attributes": {"duration_min": 10 * number}})
        .to_string()
    });
    let documents = documents.collect::<Vec<_>>().join("\n");
    assert_eq!(objects(&house, &["item", "put", "-"], &documents).len(), 4);
    let picture = media::folder().join("saturn.jpg");
    let picture = picture.to_str().expect("a path");
    objects(&house, &["item", "media", "line:4", "image", picture], "");
    objects(&house, &["item", "remove", "line:3"], "");
    let told =
        objects(&house, &["event", "line-ida", "--item", "line:1", "--type", "complete", "--id", "e1"], "");
    assert_eq!(told[0]["taken"], 1, "{told:?}");
    let again =
        objects(&house, &["event", "line-ida", "--item", "line:1", "--type", "complete", "--id", "e1"], "");
    assert_eq!((&again[0]["taken"], &again[0]["duplicates"]), (&json!(0), &json!(1)));
    let events = "{\"item\":\"line:2\",\"type\":\"impression\"}\n{\"item\":\"line:4\",\"type\":\"save\"}\n";
    assert_eq!(objects(&house, &["event", "line-ida", "-"], events)[0]["taken"], 2);

    let list =
        objects(&house, &["recommend", "--user", "line-ida", "--kind", "line", "--request-id", "q1"], "");
    let mut left = ids(&list[0]);
    left.sort();
    assert_eq!(left, ["line:2", "line:4"]);
    assert_eq!(list[0]["request_id"], "q1");
    let short =
        objects(&house, &["recommend", "--kind", "line", "--filter", "max_duration_min=20", "-n", "1"], "");
    assert_eq!(ids(&short[0]).len(), 1);
    let document = r#"{"users":["line-ida"],"kinds":["line"],"exclude":["line:2"]}"#;
    assert_eq!(ids(&objects(&house, &["recommend", "-"], document)[0]), ["line:4"]);

    let people_read = attuned(&house, &["recommend", "--user", "line-ida", "--kind", "line"], "");
    assert_eq!(people_read.code, Some(0));
    assert!(people_read.stdout.contains("Line 4"), "{}", people_read.stdout);
    assert!(!people_read.stdout.contains('{'), "plain text for people: {}", people_read.stdout);

    let shown = objects(&house, &["user", "show", "line-ida"], "");
    assert_eq!(shown[0]["events"], json!({"complete": 1, "impression": 1, "save": 1}));
    let stored = objects(&house, &["user", "export", "line-ida"], "");
    assert_eq!(stored[0]["events"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_search_by_words_or_by_a_picture_answers() {
    let Some(house) = House::enter() else { return };
    let put = |name: &str| {
        house.home.put(&json!({"id": format!("find:{name}"), "kind": "find",
            "media": [{"modality": "image", "path": format!("{name}.jpg")}]}));
        house.wait_until_understood();
    };
    put("panda");
    put("opera");
    let by_words = objects(&house, &["search", "--text", "a panda in the forest", "--kind", "find"], "");
    assert_eq!(ids(&by_words[0])[0], "find:panda");
    let picture = media::folder().join("panda.jpg");
    let picture = picture.to_str().expect("a path");
    let by_picture = objects(&house, &["search", "--image", picture, "--kind", "find", "-n", "1"], "");
    assert_eq!(ids(&by_picture[0]), ["find:panda"]);
    put("red-panda");
    let by_item = objects(&house, &["search", "--item", "find:red-panda", "--kind", "find"], "");
    assert!(ids(&by_item[0]).contains(&"find:panda".to_owned()), "{by_item:?}");
}

#[test]
fn what_the_daemon_refuses_ends_with_64_and_its_sentence() {
    let Some(house) = House::enter() else { return };
    refused(&house, &["recommend", "-n", "1000"], "", 64, "`n` is 1000, expected 1 to 100");
    refused(
        &house,
        &["event", "jon", "--item", "a", "--type", "play", "--value", "7"],
        "",
        64,
        "is 7, expected 0 to 1",
    );
    refused(&house, &["item", "remove", "never:was"], "", 64, "`never:was`");
    refused(&house, &["item", "media", "never:was", "image", "/no/such/file"], "", 64, "/no/such/file");
    refused(&house, &["user", "show", "nobody-at-all"], "", 64, "`nobody-at-all`");
    refused(&house, &["recommend", "-"], "{\"n\": \"ten\"}", 64, "`n`");
}

#[test]
fn of_several_documents_the_wrong_ones_are_told_and_the_others_stored() {
    let Some(house) = House::enter() else { return };
    let documents =
        "{\"id\":\"some:1\",\"kind\":\"some\"}\n{\"id\":\"some:2\"}\n{\"id\":\"some:3\",\"kind\":\"some\"}\n";
    let ended = attuned(&house, &["item", "put", "-"], documents);
    assert_eq!(ended.code, Some(64), "{}", ended.stderr);
    assert!(ended.stderr.contains("document 2") && ended.stderr.contains("kind"), "{}", ended.stderr);
    let mut stored = house.ids_of("some");
    stored.sort();
    assert_eq!(stored, ["some:1", "some:3"]);
}

#[test]
fn the_doctor_finds_a_running_daemon_in_order() {
    let Some(house) = House::enter() else { return };
    let checks = objects(&house, &["doctor"], "");
    let looked_at: Vec<&str> = checks.iter().filter_map(|check| check["check"].as_str()).collect();
    for part in ["plugins", "store", "broker", "daemon"] {
        assert!(looked_at.contains(&part), "{part} was looked at: {looked_at:?}");
    }
    let failed: Vec<&Value> = checks.iter().filter(|check| check["outcome"] == "fail").collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn the_socket_is_for_its_owner_and_group() {
    use std::os::unix::fs::PermissionsExt;
    let Some(house) = House::enter() else { return };
    let mode = |path: &Path| std::fs::metadata(path).expect("the socket").permissions().mode() & 0o777;
    let socket = house.home.socket();
    wait::until("the socket", || socket.exists().then_some(()));
    assert_eq!(mode(&socket) & 0o007, 0, "others may not ask");
}
