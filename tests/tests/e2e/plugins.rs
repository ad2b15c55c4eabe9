//! Ranking rules of others: what a good one changes, and what a bad one costs.

use std::path::Path;

use attuned_tests::broker::Broker;
use attuned_tests::daemon::{Home, Setup};
use attuned_tests::device::{Device, Version};
use attuned_tests::{tools, wait};
use serde_json::{Value, json};

use crate::catalogue;
use crate::house::ids;

const FAMILY_NIGHT: &str = "org.attuned.family-night";

/// The plugins' reasons of an answer, with the items they are of.
fn plugin_reasons(answer: &Value) -> Vec<(String, Value)> {
    let items = answer["items"].as_array().expect("items");
    let of = |item: &Value| {
        let id = item["item"].as_str().expect("an id").to_owned();
        let reasons = item["reasons"].as_array().expect("reasons").clone();
        reasons
            .into_iter()
            .filter(|reason| reason["kind"] == "plugin")
            .map(move |reason| (id.clone(), reason))
    };
    items.iter().flat_map(of).collect()
}

#[test]
fn family_night_lifts_family_titles_in_the_evening_on_the_tv_within_its_bound() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let home = Home::new(broker.port(), &Setup::with_family_night());
    let daemon = home.start();
    for item in catalogue::items("show").iter().take(15) {
        home.put(item);
    }
    let status = home.get("/v1/status");
    assert_eq!((&status["state"], &status["plugins"]), (&json!("online"), &json!([FAMILY_NIGHT])));
    let ask = |context: Value| home.recommend(&json!({"kinds": ["show"], "n": 15, "context": context}));

    let evening = ask(json!({"daypart": "evening", "device-class": "tv"}));
    let reasons = plugin_reasons(&evening);
    let mut lifted: Vec<&str> = reasons.iter().map(|(id, _)| id.as_str()).collect();
    lifted.sort_unstable();
    let family: Vec<String> =
        (0..15).step_by(3).map(|number| catalogue::id("show", "space", number)).collect();
    assert_eq!(lifted, family, "every item with the tag, and no other");
    for (id, reason) in &reasons {
        let weight = reason["weight"].as_f64().expect("a weight");
        assert!(weight > 0.0 && weight <= 0.3 + 1e-6, "{id}: {reason}");
        assert_eq!(reason["plugin"], FAMILY_NIGHT);
        assert!(reason["text"].as_str().is_some_and(|text| !text.is_empty()), "{reason}");
    }
    assert_eq!(evening["degraded"], json!([]));
    assert_eq!(plugin_reasons(&ask(json!({"daypart": "morning", "device-class": "tv"}))), []);
    assert_eq!(plugin_reasons(&ask(json!({"daypart": "evening", "device-class": "phone"}))), []);

    // The home's own context counts where the request says nothing.
    let mut device = Device::connect(broker.port(), Version::V5);
    device.publish_retained(&home.topic("context/device-class"), r#""tv""#);
    wait::until("the home's context counts", || {
        let answer = ask(json!({"daypart": "evening"}));
        (plugin_reasons(&answer).len() == family.len()).then_some(())
    });
    assert_eq!(plugin_reasons(&ask(json!({"daypart": "evening", "device-class": "phone"}))), []);
    device.publish_retained(&home.topic("context/device-class"), "");
    wait::until("the home's context is gone", || {
        plugin_reasons(&ask(json!({"daypart": "evening"}))).is_empty().then_some(())
    });
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn a_grant_that_is_less_than_the_plugin_asks_for_bounds_it() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let plugins = format!("enabled = [{{ id = \"{FAMILY_NIGHT}\", max_boost = 0.05 }}]");
    let home = Home::new(broker.port(), &Setup { plugins, ..Setup::default() });
    let daemon = home.start();
    for item in catalogue::items("show").iter().take(15) {
        home.put(item);
    }
    let context = json!({"daypart": "evening", "device-class": "tv", "occasion": "family"});
    let answer = home.recommend(&json!({"kinds": ["show"], "n": 15, "context": context}));
    assert_eq!(ids(&answer).len(), 15, "it was not granted to take items off");
    let reasons = plugin_reasons(&answer);
    assert!(!reasons.is_empty());
    for (id, reason) in reasons {
        assert!(
            reason["weight"].as_f64().is_some_and(|weight| weight.abs() <= 0.05 + 1e-6),
            "{id}: {reason}"
        );
    }
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn a_plugin_that_is_not_there_is_named_and_costs_nothing() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let plugins = format!("enabled = [{{ id = \"org.example.missing\" }}, {{ id = \"{FAMILY_NIGHT}\" }}]");
    let home = Home::new(broker.port(), &Setup { plugins, ..Setup::default() });
    let daemon = home.start();
    let mut device = Device::connect(broker.port(), Version::V5);
    let topic = home.topic("status");
    device.subscribe(&topic);
    let status = device.receive("the status", |message| message.topic == topic).document();
    assert_eq!(status["state"], "degraded", "{status}");
    assert_eq!(status["plugins"], json!([FAMILY_NIGHT]));
    let left_out = &status["degraded"][0];
    assert_eq!(
        (&left_out["part"], &left_out["name"]),
        (&json!("plugin"), &json!("org.example.missing")),
        "{status}"
    );
    home.put(&json!({"id": "show:1", "kind": "show"}));
    assert_eq!(ids(&home.recommend(&json!({"kinds": ["show"]}))), ["show:1"]);
    assert_eq!(daemon.stop().code, Some(0));
}

/// Puts a package of the sandbox's own hostile guest, which does what its setting says, into a
/// folder of plugins.
fn put_hostile(folder: &Path, id: &str, what: &str) {
    let wasm = tools::tree().join("daemon/plugin-host/tests/guests/hostile/rule.wasm");
    let bytes = std::fs::read(&wasm).unwrap_or_else(|error| panic!("{}: {error}", wasm.display()));
    let manifest = format!(
        "manifest = 1\n[plugin]\nid = \"{id}\"\nversion = \"1.0.0\"\ninterface = \"attuned:ranking@0.1\"\n\
         summary = \"Does what rules must not do\"\nlicense = \"MIT\"\nwasm = {{ file = \"rule.wasm\", blake3 = \"{}\" }}\n\
         [settings.do]\ntype = \"text\"\ndefault = \"{what}\"\nhelp = \"What to do\"\n",
        blake3::hash(&bytes).to_hex()
    );
    let package = folder.join(id);
    std::fs::create_dir(&package).expect("a folder");
    std::fs::write(package.join("plugin.toml"), manifest).expect("the manifest");
    std::fs::write(package.join("rule.wasm"), bytes).expect("the component");
}

/// A failing plugin is let in this often before it is left out for a while.
const FAILURES_BEFORE_IT_IS_LEFT_OUT: usize = 3;

#[test]
fn a_looping_a_trapping_and_a_memory_eating_plugin_cost_little_and_never_the_answer() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    for what in ["loop", "loop slowly", "panic", "recurse", "eat memory"] {
        let folder = tempfile::tempdir().expect("a folder");
        let id = format!("org.example.{}", what.replace(' ', "-"));
        put_hostile(folder.path(), &id, what);
        let plugins = format!("shipped = {:?}\nenabled = [{{ id = \"{id}\" }}]", folder.path());
        let home = Home::new(broker.port(), &Setup { plugins, ..Setup::default() });
        let daemon = home.start();
        assert_eq!(home.get("/v1/status")["plugins"], json!([id]), "{}", daemon.process().stderr());
        let mut http = home.connect();
        for number in 0..100 {
            let item = json!({"kind": "show", "embeddings": {"image": [number, 1, 2]}}).to_string();
            let answer =
                http.send("PUT", &format!("/v1/items/show:{number}"), item.as_bytes()).expect("an answer");
            assert_eq!(answer.status, 204);
        }
        let mut cost_ms = Vec::new();
        for number in 0..2 * FAILURES_BEFORE_IT_IS_LEFT_OUT {
            let answer = home.recommend(&json!({"kinds": ["show"], "n": 100}));
            assert_eq!(ids(&answer).len(), 100, "{what}: {}", answer["degraded"]);
            let degraded = answer["degraded"].as_array().expect("a list");
            assert_eq!(degraded.len(), 1, "{what}: {degraded:?}");
            assert_eq!(
                (&degraded[0]["part"], &degraded[0]["name"]),
                (&json!("plugin"), &json!(id)),
                "{what}"
            );
            assert!(degraded[0]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{what}");
            assert_eq!(plugin_reasons(&answer), [], "{what}");
            if number < FAILURES_BEFORE_IT_IS_LEFT_OUT {
                cost_ms.push(answer["timings_ms"]["plugins"].as_f64().expect("a time"));
            }
        }
        // The quickest of three, as a machine that does other things makes single ones late.
        let least_ms = cost_ms.iter().copied().fold(f64::INFINITY, f64::min);
        println!("{what}: {cost_ms:.1?} ms");
        assert!(least_ms <= 15.0, "{what} costs a request {cost_ms:.1?} ms");
        assert_eq!(daemon.stop().code, Some(0));
    }
}

/// Runs `attuned plugin …` beside the daemon, and gives the object that it prints.
fn plugin(home: &Home, arguments: &[&str]) -> Value {
    let output = home.command(&[&["plugin"], arguments, &["--json"]].concat()).output().expect("it runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one object")
}

#[test]
fn a_plugin_in_shadow_changes_no_list_and_tells_what_it_would_have_changed() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    // One that fails, set in the configuration, is in shadow, too.
    let folder = tempfile::tempdir().expect("a folder");
    put_hostile(folder.path(), "org.example.panic", "panic");
    let plugins =
        format!("shipped = {:?}\nenabled = [{{ id = \"org.example.panic\", shadow = true }}]", folder.path());
    let home = Home::new(broker.port(), &Setup { plugins, ..Setup::default() });
    let daemon = home.start();
    for item in catalogue::items("show").iter().take(15) {
        home.put(item);
    }
    // Lists move while items are understood.
    home.wait_until_understood(15);
    let package = tools::tree().join("plugins/family-night");
    let package = package.to_str().expect("UTF-8");
    let installed = plugin(&home, &["install", package, "--allow-unsigned", "--grant", "all", "--shadow"]);
    assert_eq!(installed["running"], "1.0.0", "{installed}");
    let context = json!({"daypart": "evening", "device-class": "tv"});
    let request = json!({"kinds": ["show"], "n": 15, "context": context});
    let ask = || home.recommend(&request);
    let before = ids(&ask());
    for _ in 0..5 {
        let answer = ask();
        assert_eq!(
            (ids(&answer), plugin_reasons(&answer), &answer["degraded"]),
            (before.clone(), Vec::new(), &json!([]))
        );
    }
    assert_eq!(home.get("/v1/status").get("plugins"), None, "none takes part");
    // On a busy machine, the time of all may be over before one of them had its turn, its own may be, or
    // the request goes on without them.
    let running = |id: &str| {
        wait::until("lists were looked at", || {
            let running = plugin(&home, &["show", id])["running"].take();
            let left_out = running["left_out"].as_u64() > Some(0);
            (running["shadow"]["requests"].as_u64() >= Some(3) || left_out).then_some(running)
        })
    };
    let family_night = running(FAMILY_NIGHT);
    let shadow = &family_night["shadow"];
    let requests = shadow["requests"].as_u64().expect("a count");
    assert!((1..=6).contains(&requests), "{family_night}");
    assert_eq!((&shadow["changed_lists"], &shadow["excluded_items"]), (&json!(requests), &json!(0)));
    let moved = shadow["moved_items"].as_u64().expect("a count");
    assert!((2 * requests..=15 * requests).contains(&moved) && moved.is_multiple_of(requests), "{shadow}");
    assert!(shadow["mean_places"].as_f64().is_some_and(|places| (1.0..=14.0).contains(&places)), "{shadow}");
    assert!(shadow["examples"].as_array().is_some_and(|examples| (2..=10).contains(&examples.len())));
    let failing = running("org.example.panic");
    assert!(failing["failures"].as_u64() > Some(0) && failing["failures"] == failing["calls"], "{failing}");
    wait::until("the metrics say the same", || {
        let (shadow, failing) = (running(FAMILY_NIGHT)["shadow"].take(), running("org.example.panic"));
        let metrics = String::from_utf8(home.send("GET", "/v1/metrics", b"").body).expect("UTF-8");
        let lines = [
            "attuned_items 15".to_owned(),
            "attuned_lists_total{outcome=\"whole\"} 6".to_owned(),
            format!(
                "attuned_plugin_failures_total{{plugin=\"org.example.panic\",cause=\"trap\"}} {}",
                failing["failures_by_cause"]["trap"]
            ),
            format!(
                "attuned_plugin_shadow_lists_total{{plugin=\"{FAMILY_NIGHT}\",changed=\"yes\"}} {}",
                shadow["requests"]
            ),
        ];
        lines.iter().all(|line| metrics.lines().any(|found| found == line)).then_some(())
    });

    // Out of shadow, its word counts.
    assert_eq!(plugin(&home, &["enable", FAMILY_NIGHT])["shadow"], false);
    let answer = ask();
    assert!(!plugin_reasons(&answer).is_empty());
    assert_ne!(ids(&answer), before);
    assert_eq!(home.get("/v1/status")["plugins"], json!([FAMILY_NIGHT]));
    assert_eq!(plugin(&home, &["shadow", FAMILY_NIGHT])["shadow"], true);
    assert_eq!(plugin_reasons(&ask()), []);
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn a_plugin_that_failed_too_often_stays_out_after_a_kill_until_a_person_acts() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let folder = tempfile::tempdir().expect("a folder");
    let id = "org.example.panic";
    put_hostile(folder.path(), id, "panic");
    let plugins = format!("shipped = {:?}\nenabled = [{{ id = \"{id}\" }}]", folder.path());
    let home = Home::new(broker.port(), &Setup { plugins, ..Setup::default() });
    let daemon = home.start();
    home.put(&json!({"id": "show:1", "kind": "show"}));
    let reason = || {
        let answer = home.recommend(&json!({"kinds": ["show"]}));
        assert_eq!(ids(&answer), ["show:1"]);
        answer["degraded"][0]["reason"].as_str().expect("a reason").to_owned()
    };
    // On a busy machine a request may go on without it, which is none of its failures.
    let left_out =
        wait::until("it is left out", || Some(reason()).filter(|said| said.starts_with("circuit_open: ")));
    assert!(left_out.contains("is left out for a while, as it failed too often"), "{left_out}");
    daemon.kill();
    let daemon = home.start();
    let left_out = reason();
    assert!(left_out.starts_with("circuit_open: is left out for a while"), "{left_out}");
    assert_eq!(plugin(&home, &["enable", id])["running"], "1.0.0");
    let tried = reason();
    assert!(!tried.starts_with("circuit_open: "), "a person has let it in again: {tried}");
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn kids_guard_empties_the_list_of_a_child_where_nothing_suits() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let check = |grants: &str, expected: usize| {
        let plugins = format!("enabled = [{{ id = \"org.attuned.kids-guard\", {grants} }}]");
        let more = "[[person]]\nid = \"ben\"\nchild = true\n".to_owned();
        let home = Home::new(broker.port(), &Setup { plugins, more, ..Setup::default() });
        let daemon = home.start();
        for number in 0..5 {
            let film =
                json!({"id": format!("film:{number}"), "kind": "film", "attributes": {"age_rating": 16}});
            home.put(&film);
        }
        let list = |user: &str| ids(&home.recommend(&json!({"users": [user]}))).len();
        assert_eq!((list("anna"), list("ben")), (5, expected), "{grants}");
        assert_eq!(daemon.stop().code, Some(0));
    };
    check("exclude = true, exclude_most = true", 0);
    // Without the second grant, one rule cannot empty lists.
    check("exclude = true", 5);
}
