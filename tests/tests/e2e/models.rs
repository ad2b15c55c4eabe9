//! Models: of one's own beside those that ship, switched to while lists are made, and gone back
//! from; and that nothing is understood twice.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use attuned_tests::broker::Broker;
use attuned_tests::daemon::{Home, Setup};
use attuned_tests::device::{Device, Version};
use attuned_tests::process::{self, Ended};
use attuned_tests::{tools, wait};
use serde_json::{Value, json};
use tempfile::TempDir;

const COLOURS: [(&str, [u8; 3]); 3] =
    [("red", [230, 20, 20]), ("green", [20, 200, 20]), ("blue", [20, 20, 230])];

/// How long a switch may take on a busy machine.
const SWITCHED_WITHIN: Duration = Duration::from_secs(180);

/// A folder of models, at first the models of words and pictures that ship.
struct Models(TempDir);

impl Models {
    fn new() -> Models {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["minilm-l6-v2", "efficientnet-lite0"] {
            symlink(tools::tree().join("models").join(name), folder.path().join(name)).expect("a link");
        }
        Models(folder)
    }

    /// Puts the two small towers beside them: words and pictures in a space of colours.
    fn add_towers(&self) {
        for name in ["colour-words", "colour-eyes"] {
            let from = tools::tree().join("tests/fixtures/two-tower").join(name);
            std::fs::create_dir(self.path(name)).expect("a folder");
            for file in std::fs::read_dir(from).expect("the tower").flatten() {
                std::fs::copy(file.path(), self.path(name).join(file.file_name())).expect("copied");
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn home(&self, broker: &Broker, more: &str) -> Arc<Home> {
        let path = self.0.path().display();
        // Plain colours are like no word to the models that ship, and every list is to be whole.
        let more = format!("[models]\npath = \"{path}\"\n{more}\n[search]\nrelevance_min = 0.0\n");
        Home::new(broker.port(), &Setup { more, ..Setup::default() })
    }
}

/// A picture of one colour, a little different for each `shade`, as PNM.
fn picture(colour: [u8; 3], shade: u8) -> Vec<u8> {
    let mut bytes = b"P6\n16 16\n255\n".to_vec();
    for at in 0..256_u32 {
        let spot = if at == u32::from(shade) { 40 } else { 0 };
        bytes.extend(colour.map(|value| value.saturating_add(spot)));
    }
    bytes
}

/// Puts `count` pictures of each colour, without any words.
fn put_pictures(home: &Home, count: u8) {
    for (colour, rgb) in COLOURS {
        for shade in 0..count {
            let id = format!("{colour}:{shade}");
            home.put(&json!({"id": id, "kind": "picture"}));
            put_picture(home, &id, &picture(rgb, shade));
        }
    }
}

fn put_picture(home: &Home, id: &str, bytes: &[u8]) {
    let answer = home.send("PUT", &format!("/v1/items/{id}/media/image"), bytes);
    assert_eq!(answer.status, 204, "{}", String::from_utf8_lossy(&answer.body));
}

fn attuned(home: &Home, arguments: &[&str]) -> Ended {
    process::run("attuned", &home.command(arguments), b"")
}

/// Runs a command that has to succeed, and gives the object it prints.
fn object(home: &Home, arguments: &[&str]) -> Value {
    let ended = attuned(home, &[arguments, &["--json"]].concat());
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("one object")
}

/// What becomes of a model, as `in_use`.
fn state<'a>(models: &'a Value, name: &str) -> &'a str {
    let all = models["models"].as_array().expect("models");
    let found =
        all.iter().find(|model| model["folder"] == name).unwrap_or_else(|| panic!("no {name}: {models}"));
    found["state"].as_str().expect("a state")
}

/// The colours of what words find, best first.
fn found(home: &Home, words: &str) -> Vec<String> {
    let request = json!({"query": {"text": words}, "kinds": ["picture"], "n": 50});
    let answer = home.send("POST", "/v1/search", request.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let document = answer.document();
    let items = document["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item["item"].as_str().expect("an id").split(':').next().unwrap_or("").to_owned())
        .collect()
}

fn runs(home: &Home) -> u64 {
    home.get("/v1/status")["encoded"]["runs"].as_u64().expect("a number of runs")
}

/// Asks for lists until it is told to stop; each must have every picture.
fn lists_stay_whole(home: &Arc<Home>, pictures: usize) -> (Arc<AtomicBool>, std::thread::JoinHandle<usize>) {
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, home) = (Arc::clone(&stop), Arc::clone(home));
    let lists = std::thread::spawn(move || {
        let mut lists = 0;
        while !stopped.load(Ordering::Relaxed) {
            let request = json!({"kinds": ["picture"], "query": {"text": "blue"}, "n": 50});
            let list = home.recommend(&request);
            assert_eq!(list["items"].as_array().map(Vec::len), Some(pictures), "{list}");
            assert_eq!(list["degraded"], json!([]), "{list}");
            lists += 1;
        }
        lists
    });
    (stop, lists)
}

#[test]
fn a_model_of_ones_own_needs_only_its_folder_and_can_be_gone_back_from() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let models = Models::new();
    let home = models.home(&broker, "");
    let daemon = home.start();
    put_pictures(&home, 6);
    home.wait_until_understood(18);
    let before = runs(&home);
    assert!(before >= 18, "{before} runs for 18 pictures");

    models.add_towers();
    let listed = object(&home, &["model", "list"]);
    assert_eq!(state(&listed, "colour-words"), "available");
    assert_eq!(state(&listed, "colour-eyes"), "refused", "it is of another space");
    let alone = attuned(&home, &["model", "use", "colour-eyes"]);
    assert_eq!(alone.code, Some(64), "{}", alone.stderr);
    assert!(alone.stderr.contains("space `colours@1`"), "{}", alone.stderr);
    let none = attuned(&home, &["model", "use", "colour-nose"]);
    assert_eq!(none.code, Some(64));
    assert!(none.stderr.contains("`colour-nose` is not in the models folder"), "{}", none.stderr);

    let (stop, lists) = lists_stay_whole(&home, 18);
    let used = object(&home, &["model", "use", "colour-words", "colour-eyes", "--wait"]);
    stop.store(true, Ordering::Relaxed);
    assert!(lists.join().expect("every list was whole") > 0);
    assert_eq!(used.get("switch"), None, "{used}");
    assert_eq!((state(&used, "colour-words"), state(&used, "colour-eyes")), ("in_use", "in_use"));
    assert_eq!((state(&used, "minilm-l6-v2"), state(&used, "efficientnet-lite0")), ("available", "refused"));
    for (colour, _) in COLOURS {
        let found = found(&home, &format!("a picture of something {colour}"));
        assert_eq!(found.iter().take_while(|of| *of == colour).count(), 6, "{colour}: {found:?}");
    }
    let after = runs(&home);
    assert!(after >= before + 18, "every picture was understood anew: {before}, {after}");

    // What was understood by the first models is still known, so that going back runs nothing.
    let (stop, lists) = lists_stay_whole(&home, 18);
    let back = object(&home, &["model", "rollback", "text", "--wait"]);
    stop.store(true, Ordering::Relaxed);
    lists.join().expect("every list was whole");
    assert_eq!((state(&back, "minilm-l6-v2"), state(&back, "efficientnet-lite0")), ("in_use", "in_use"));
    assert_eq!(state(&back, "colour-words"), "available");
    assert_eq!(home.get("/v1/status")["state"], "online");
    let again = runs(&home);
    assert!(again <= after + 3, "only queries were encoded on the way back: {after}, {again}");
    let none = attuned(&home, &["model", "rollback", "audio"]);
    assert_eq!(none.code, Some(64));
    assert!(none.stderr.contains("no other model was used for audio"), "{}", none.stderr);
    daemon.stop();

    // Without a daemon the choice is written down for its next start.
    let chosen = object(&home, &["model", "use", "colour-words"]);
    assert_eq!((state(&chosen, "minilm-l6-v2"), state(&chosen, "colour-words")), ("in_use", "next"));
    let daemon = home.start();
    wait::until_within(SWITCHED_WITHIN, "switched after the start", || {
        let listed = home.get("/v1/models");
        (listed.get("switch").is_none() && state(&listed, "colour-eyes") == "in_use").then_some(())
    });
    assert_eq!(found(&home, "red")[0], "red");
    daemon.stop();
}

#[test]
fn a_switch_goes_on_after_a_kill() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let models = Models::new();
    models.add_towers();
    let home = models.home(&broker, "");
    let mut daemon = home.start();
    put_pictures(&home, 16);
    home.wait_until_understood(48);
    let wanted = json!({"models": ["colour-words", "colour-eyes"]}).to_string();
    let begun = home.send("POST", "/v1/models/use", wanted.as_bytes());
    assert_eq!(begun.status, 200, "{}", String::from_utf8_lossy(&begun.body));
    assert_eq!(begun.document()["switch"]["total"], 48);
    // Killed a little later each time, so at different points of the switch.
    for pause_ms in [0, 40, 80, 160] {
        std::thread::sleep(Duration::from_millis(pause_ms));
        daemon.kill();
        daemon = home.start();
        let list = home.recommend(&json!({"kinds": ["picture"], "n": 50}));
        assert_eq!(list["items"].as_array().map(Vec::len), Some(48));
    }
    wait::until_within(SWITCHED_WITHIN, "the switch is done", || {
        let listed = home.get("/v1/models");
        (listed.get("switch").is_none() && state(&listed, "colour-eyes") == "in_use").then_some(())
    });
    for (colour, _) in COLOURS {
        let found = found(&home, colour);
        assert_eq!(found.iter().take_while(|of| *of == colour).count(), 16, "{colour}: {found:?}");
    }
    assert_eq!(home.get("/v1/status")["state"], "online");
    daemon.stop();
}

#[test]
fn a_switch_to_a_model_that_is_taken_away_is_given_up_with_one_sentence() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let models = Models::new();
    models.add_towers();
    let home = models.home(&broker, "");
    let daemon = home.start();
    put_pictures(&home, 80);
    home.wait_until_understood(240);
    let wanted = json!({"models": ["colour-words", "colour-eyes"]}).to_string();
    let begun = home.send("POST", "/v1/models/use", wanted.as_bytes());
    assert_eq!(begun.status, 200, "{}", String::from_utf8_lossy(&begun.body));
    std::fs::rename(models.path("colour-eyes"), models.path("elsewhere")).expect("renamed");
    let problem = wait::until("the switch is given up", || {
        home.get("/v1/models").get("problem").and_then(Value::as_str).map(str::to_owned)
    });
    assert!(problem.contains("was given up: model `colour-eyes`: file `model.onnx`"), "{problem}");
    let status = home.get("/v1/status");
    assert_eq!((status["state"].as_str(), status.get("switch")), (Some("degraded"), None), "{status}");
    assert_eq!(state(&home.get("/v1/models"), "efficientnet-lite0"), "in_use");
    let list = home.recommend(&json!({"kinds": ["picture"], "query": {"text": "blue"}, "n": 50}));
    assert_eq!(list["items"].as_array().map(Vec::len), Some(50));
    daemon.stop();
}

#[test]
fn the_same_picture_is_never_encoded_twice() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let models = Models::new();
    let home = models.home(&broker, "");
    let daemon = home.start();
    let red = picture(COLOURS[0].1, 0);
    let put = |id: &str, items: u64| {
        home.put(&json!({"id": id, "kind": "picture"}));
        put_picture(&home, id, &red);
        home.wait_until_understood(items);
    };
    put("a", 1);
    let once = runs(&home);
    assert_eq!(once, 1);
    put("b", 2);
    let removed = home.send("DELETE", "/v1/items/a", b"");
    assert_eq!(removed.status, 204);
    put("a", 2);
    assert_eq!(runs(&home), once, "{}", home.get("/v1/status"));
    assert!(home.get("/v1/status")["encoded"]["reused"].as_u64() >= Some(2));
    daemon.stop();
    let daemon = home.start();
    put("c", 3);
    assert_eq!(runs(&home), 0, "it is known from before the start");
    daemon.stop();
}

#[test]
fn short_words_of_items_in_line_are_understood_together_and_each_once() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let models = Models::new();
    let home = models.home(&broker, "");
    let daemon = home.start();
    let mut device = Device::connect(broker.port(), Version::V5);
    let items = 40;
    for n in 0..items {
        let item = json!({"kind": "film", "title": format!("The {n} lanterns of the harbour")});
        device.publish(&home.topic(&format!("items/film:{n}")), item.to_string());
    }
    home.wait_until_understood(items);
    let encoded = &home.get("/v1/status")["encoded"];
    assert_eq!((&encoded["runs"], &encoded["reused"]), (&json!(items), &json!(0)), "{encoded}");
    // The model is loaded while the first has its turn, and the others get into line.
    assert!(encoded["ahead"].as_u64() >= Some(8), "{encoded}");
    daemon.stop();
}

#[test]
fn idle_models_leave_memory_and_come_back() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let models = Models::new();
    let home = models.home(&broker, "idle_minutes = 0.02\ncache_mib = 0");
    let daemon = home.start();
    put_pictures(&home, 1);
    home.wait_until_understood(3);
    let loaded = || {
        let listed = home.get("/v1/models");
        listed["models"].as_array().expect("models").iter().filter(|model| model["loaded"] == true).count()
    };
    wait::until("no model is loaded", || (loaded() == 0).then_some(()));
    let before = runs(&home);
    assert!(!found(&home, "a red picture").is_empty(), "it is loaded again for whoever asks");
    assert_eq!(runs(&home), before + 1);
    daemon.stop();
}

#[test]
fn models_are_verified_and_measured_without_a_daemon() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let models = Models::new();
    models.add_towers();
    let home = models.home(&broker, "");
    let verified = attuned(&home, &["model", "verify", "--json"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    let lines: Vec<Value> =
        verified.stdout.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    assert_eq!(lines.len(), 4);
    let golden = lines.iter().find(|line| line["model"] == "minilm-l6-v2@1").expect("the text model");
    assert!(
        golden["golden"].as_u64() > Some(20) && golden["least_cosine"].as_f64() > Some(0.999),
        "{golden}"
    );

    let measured = object(&home, &["model", "bench", "colour-eyes"]);
    assert_eq!((&measured["model"], &measured["runs"]), (&json!("colour-eyes@1"), &json!(20)));
    assert!(
        measured["p50_ms"].as_f64() > Some(0.0) && measured["load_ms"].as_f64() > Some(0.0),
        "{measured}"
    );

    flip(&models.path("colour-eyes/model.onnx"));
    let damaged = attuned(&home, &["model", "verify", "colour-eyes", "--json"]);
    assert_eq!(damaged.code, Some(64));
    let finding: Value = serde_json::from_str(&damaged.stdout).expect("an object");
    assert_eq!(finding["ok"], false);
    let problem = finding["problem"].as_str().expect("a sentence");
    assert!(problem.contains("file `model.onnx` has sha256"), "{problem}");
}

#[test]
fn a_burst_of_pictures_is_taken_whole_while_requests_are_answered() {
    const PICTURES: u8 = 120;
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let models = Models::new();
    let home = models.home(&broker, "");
    let daemon = home.start();
    let mut device = Device::connect(broker.port(), Version::V5);
    for shade in 0..PICTURES {
        let id = format!("red:{shade}");
        device.publish(&home.topic(&format!("items/{id}")), r#"{"kind":"picture"}"#);
        device.publish(&home.topic(&format!("items/{id}/media/image")), picture(COLOURS[0].1, shade));
    }
    // Far fewer are understood than have come; whoever asks is answered all the same.
    let mut slowest = Duration::ZERO;
    let mut asked_while_busy = 0;
    wait::until_within(SWITCHED_WITHIN, "every picture is stored and understood", || {
        let started = Instant::now();
        let list = home.recommend(&json!({"kinds": ["picture"], "query": {"text": "something red"}, "n": 5}));
        slowest = slowest.max(started.elapsed());
        assert_eq!(list["degraded"], json!([]));
        let status = home.get("/v1/status");
        asked_while_busy += usize::from(status["pending"].as_u64() > Some(0));
        (status["items"] == u64::from(PICTURES) && status["pending"] == 0).then_some(())
    });
    assert!(asked_while_busy > 0, "the burst was over before anything could be asked");
    assert!(slowest < wait::PATIENCE / 6, "a request took {slowest:?}");
    let all = home.recommend(&json!({"kinds": ["picture"], "n": 100}));
    assert_eq!(all["items"].as_array().map(Vec::len), Some(100));
    daemon.stop();
    println!("slowest request while {PICTURES} pictures were understood: {slowest:?}");
}

/// Changes one bit of a file.
fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).expect("written");
}
