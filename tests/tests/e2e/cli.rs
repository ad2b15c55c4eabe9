//! Commands that need no daemon, and what is said when there is none.

use attuned_tests::daemon::{Home, Setup, program};
use attuned_tests::media;
use attuned_tests::process::{self, Ended};
use serde_json::Value;

fn attuned(arguments: &[&str], input: &str) -> Ended {
    process::run("attuned", &program(arguments), input.as_bytes())
}

/// Runs a command that has to fail with one sentence that says `part`.
fn refused(arguments: &[&str], code: i32, part: &str) {
    let ended = attuned(arguments, "");
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
    assert!(ended.stderr.contains(part), "{arguments:?}: {} does not say {part:?}", ended.stderr);
    assert_eq!(ended.stdout, "", "{arguments:?}");
    if code != 2 {
        assert_eq!(
            ended.stderr.trim_end().lines().count(),
            1,
            "{arguments:?}: one sentence: {}",
            ended.stderr
        );
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    refused(&[], 2, "Usage");
    refused(&["dance"], 2, "dance");
    refused(&["encode"], 2, "--text");
    refused(&["event", "anna"], 2, "");
    refused(&["event", "anna", "--item", "a", "--type", "stare"], 2, "stare");
    refused(&["user", "show", "a b"], 2, "a b");
    refused(&["completions", "cmd.exe"], 2, "cmd.exe");
}

#[test]
fn a_wrong_configuration_ends_with_64_and_names_file_line_and_value() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("wrong.toml");
    let path = file.to_str().expect("a path");
    for (text, part) in [
        ("[mqtt]\nversion = 4\n", "mqtt.version is `4`, expected 5, or 3"),
        ("[mqtt]\nurl = \"http://x\"\n", "line 2: `http://x` is no broker address"),
        ("[store]\npth = \"x\"\n", "line 2: unknown field `pth`"),
        ("[mqtt\n", "line 1"),
    ] {
        std::fs::write(&file, text).expect("the file");
        for command in [&["config", "check"][..], &["run"][..], &["recommend"][..]] {
            refused(&[command, &["--config", path]].concat(), 64, part);
        }
    }
    refused(&["config", "check", "--config", "/no/such/file.toml"], 64, "/no/such/file.toml");
    let mut command = program(&["config", "check"]);
    command.env("ATTUNED__MQTT__VERSION", "five");
    let ended = process::run("attuned", &command, b"");
    assert_eq!(ended.code, Some(64));
    assert!(ended.stderr.contains("ATTUNED__MQTT__VERSION=`five`"), "{}", ended.stderr);
}

#[test]
fn the_configuration_in_force_is_shown_with_the_environment_over_it() {
    let mut command = program(&["config", "show", "--json"]);
    command.env("ATTUNED__MQTT__URL", "mqtt://box:1884").env("ATTUNED__RECOMMEND__N_DEFAULT", "7");
    let ended = process::run("attuned", &command, b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let shown: Value = serde_json::from_str(&ended.stdout).expect("one object");
    assert_eq!(shown["mqtt"]["url"], "mqtt://box:1884");
    assert_eq!(shown["recommend"]["n_default"], 7);
    assert_eq!(attuned(&["config", "check"], "").code, Some(0), "the defaults are in order");
}

#[test]
fn without_a_daemon_commands_end_with_69() {
    let home = Home::new(1, &Setup::default());
    for arguments in [
        &["recommend"][..],
        &["search", "--text", "x"],
        &["event", "anna", "--item", "a", "--type", "like"],
        &["item", "remove", "a"],
        &["user", "show", "anna"],
    ] {
        let ended = process::run("attuned", &home.command(arguments), b"");
        assert_eq!(ended.code, Some(69), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.trim_end().lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("attuned.sock"), "{}", ended.stderr);
    }
}

#[test]
fn a_store_that_another_daemon_has_open_is_not_opened_twice() {
    let Some(mosquitto) = attuned_tests::tools::mosquitto() else { return };
    let broker = attuned_tests::broker::Broker::start(&mosquitto);
    let home = Home::new(broker.port(), &Setup::default());
    let daemon = home.start();
    let second = process::run("attuned", &home.command(&["run"]), b"");
    assert_eq!(second.code, Some(64), "{}", second.stderr);
    assert_eq!(home.send("GET", "/v1/status", b"").status, 200, "the first one goes on");
    assert_eq!(daemon.stop().code, Some(0));
}

/// Length of the vector at `name`.
fn length(encoding: &Value, name: &str) -> f64 {
    let values = encoding[name].as_array().expect("a vector");
    values.iter().map(|value| value.as_f64().expect("a number").powi(2)).sum::<f64>().sqrt()
}

#[test]
fn encode_answers_any_number_of_inputs_in_their_order() {
    let lines = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(lines.path(), "a cat\na dog\n").expect("lines");
    let (picture, sound) = (media::folder().join("panda.jpg"), media::folder().join("cat-meow.ogg"));
    let path = |path: &std::path::Path| path.to_str().expect("a path").to_owned();
    let ended = attuned(
        &[
            "encode",
            "--json",
            "--image",
            &path(&picture),
            "--text",
            "a panda",
            "--audio",
            &path(&sound),
            "--text-file",
            &path(lines.path()),
            "--text",
            "a cat",
        ],
        "",
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let encodings: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let modalities: Vec<&str> =
        encodings.iter().filter_map(|encoding| encoding["modality"].as_str()).collect();
    assert_eq!(modalities, ["image", "text", "audio", "text", "text", "text"]);
    for encoding in &encodings {
        let dim = encoding["embedding"].as_array().expect("a vector").len();
        assert_eq!(encoding["dim"], dim, "{}", encoding["modality"]);
        assert_eq!(encoding["semantic"].as_array().map(Vec::len), Some(384));
        assert!((length(encoding, "semantic") - 1.0).abs() < 1e-3, "unit length");
        assert!(encoding["model"].as_str().is_some_and(|model| model.contains('@')), "{}", encoding["model"]);
    }
    assert_eq!(encodings[3]["embedding"], encodings[5]["embedding"], "the same words, the same vector");
    assert_ne!(encodings[3]["embedding"], encodings[4]["embedding"]);
    let first_label = encodings[0]["labels"][0]["name"].as_str().expect("a label");
    assert!(first_label.contains("panda"), "{first_label}");
}

#[test]
fn without_a_gpu_encode_warns_once_and_answers_by_the_processor() {
    let configuration = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(configuration.path(), "[models]\nruntime = \"gpu-or-cpu\"\n").expect("written");
    let path = configuration.path().to_str().expect("a path");
    let picture = media::folder().join("panda.jpg");
    let inputs =
        ["--json", "--text", "a panda", "--image", picture.to_str().expect("a path"), "--text", "a cat"];
    let wishing = attuned(&[&["encode", "--config", path][..], &inputs].concat(), "");
    let plain = attuned(&[&["encode"][..], &inputs].concat(), "");
    assert_eq!((wishing.code, &wishing.stdout), (Some(0), &plain.stdout), "{}", wishing.stderr);
    assert_eq!(plain.stderr, "");
    assert_eq!(wishing.stderr.lines().count(), 1, "{}", wishing.stderr);
    assert!(wishing.stderr.contains("WARN") && wishing.stderr.contains("no GPU"), "{}", wishing.stderr);
}

#[test]
fn a_wrong_input_of_encode_is_named_and_the_others_are_answered() {
    let torn = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(torn.path(), "no picture").expect("bytes");
    let path = torn.path().to_str().expect("a path");
    let ended = attuned(&["encode", "--json", "--text", "one", "--image", path, "--text", "two"], "");
    assert_eq!(ended.code, Some(64), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 2);
    assert!(ended.stderr.contains(path), "{}", ended.stderr);
    refused(&["encode", "--json", "--audio", "/no/such/file.ogg"], 64, "/no/such/file.ogg");
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = attuned(&["completions", shell], "");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains("recommend"), "{shell}");
    }
}
