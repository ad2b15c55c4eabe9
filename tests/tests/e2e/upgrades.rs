//! Upgrading a plugin under load: no request fails, and none sees two versions.
//!
//! Short unless `ATTUNED_TEST_LOAD_S` says for how many seconds a thousand requests a second come in
//! while the plugin is upgraded ten times.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use attuned_tests::broker::Broker;
use attuned_tests::daemon::{Home, Setup};
use attuned_tests::tools;
use serde_json::{Value, json};

/// Connections that requests come in on.
const CONNECTIONS: u32 = 8;

struct Load {
    seconds: u64,
    per_second: u32,
    upgrades: u32,
}

impl Load {
    fn asked_for() -> Load {
        match std::env::var("ATTUNED_TEST_LOAD_S").ok().and_then(|seconds| seconds.parse().ok()) {
            Some(seconds) => Load { seconds, per_second: 1000, upgrades: 10 },
            None => Load { seconds: 4, per_second: 100, upgrades: 3 },
        }
    }
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    /// From when a request was due until its answer was there.
    waits: Vec<Duration>,
    /// Answers by the version whose reasons they have.
    versions: BTreeMap<String, u32>,
    /// Answers that name the plugin as one that did not contribute.
    degraded: u32,
    last_degraded: Option<String>,
}

/// A version of family-night whose reason names it, and whose component is another one.
fn version(folder: &Path, number: u32) -> PathBuf {
    let from = tools::tree().join("plugins/family-night");
    let to = folder.join(number.to_string());
    std::fs::create_dir_all(&to).expect("made");
    let mut wasm = std::fs::read(from.join("rule.wasm")).expect("the component");
    // A section that means nothing: no name but `n`, and the number.
    wasm.extend([0, 3, 1, b'n', u8::try_from(number).expect("a small number")]);
    let hash = blake3::hash(&wasm).to_hex().to_string();
    let manifest = std::fs::read_to_string(from.join("plugin.toml")).expect("the manifest");
    let before = manifest.split("blake3 = \"").nth(1).expect("a hash")[..64].to_owned();
    let manifest = manifest
        .replace(&before, &hash)
        .replace("version = \"1.0.0\"", &format!("version = \"1.0.{number}\""))
        .replace("Good for family time", &format!("version {number}"));
    assert!(manifest.contains(&format!("\"version {number}\"")), "{manifest}");
    std::fs::write(to.join("plugin.toml"), manifest).expect("written");
    std::fs::write(to.join("rule.wasm"), wasm).expect("written");
    to
}

fn install(home: &Home, package: &Path) {
    let package = package.to_str().expect("UTF-8");
    let arguments = ["plugin", "install", package, "--allow-unsigned", "--grant", "all", "--json"];
    let output = home.command(&arguments).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(said["running"], said["version"], "{said}");
}

/// Asks every `interval` until told to stop; late requests are made at once.
fn ask(home: &Home, request: &[u8], interval: Duration, stop: &AtomicBool) -> Seen {
    let mut connection = home.connect();
    let mut seen = Seen::default();
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let answer = connection.send("POST", "/v1/recommend", request).expect("an answer");
        seen.waits.push(due.elapsed());
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let answer = answer.document();
        let items = answer["items"].as_array().expect("items");
        assert_eq!(items.len(), 6);
        let reasons = items.iter().flat_map(|item| item["reasons"].as_array().expect("reasons"));
        let texts = reasons.filter(|reason| reason["kind"] == "plugin").map(|reason| reason["text"].as_str());
        let mut versions: Vec<&str> = texts.map(|text| text.expect("a text")).collect();
        if let Some(left_out) = answer["degraded"].as_array().expect("a list").first() {
            seen.degraded += 1;
            seen.last_degraded = Some(left_out.to_string());
        } else {
            assert_eq!(versions.len(), 3, "each of the three family titles is lifted: {answer}");
        }
        versions.dedup();
        assert!(versions.len() <= 1, "one answer of {versions:?}");
        for version in versions {
            *seen.versions.entry(version.to_owned()).or_default() += 1;
        }
        due += interval;
    }
    seen
}

#[test]
fn upgrades_under_load_fail_no_request_and_mix_no_versions() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let Load { seconds, per_second, upgrades } = Load::asked_for();
    let broker = Broker::start(&mosquitto);
    let home = Home::new(broker.port(), &Setup::default());
    let daemon = home.start();
    for number in 0..6 {
        let tags = if number < 3 { json!(["family"]) } else { json!([]) };
        home.put(&json!({"id": format!("show:{number}"), "kind": "show", "tags": tags}));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let packages: Vec<PathBuf> = (0..=upgrades).map(|number| version(folder.path(), number)).collect();
    install(&home, &packages[0]);
    let request = json!({"n": 6, "context": {"daypart": "evening", "device-class": "tv"}}).to_string();
    let interval = Duration::from_secs(1) * CONNECTIONS / per_second;
    let stop = Arc::new(AtomicBool::new(false));
    let start = Instant::now();
    let askers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (home, request, stop) = (Arc::clone(&home), request.clone(), Arc::clone(&stop));
            std::thread::spawn(move || ask(&home, request.as_bytes(), interval, &stop))
        })
        .collect();
    for (number, package) in (0..).zip(&packages[1..]) {
        let at = Duration::from_secs(seconds) * (2 * number + 1) / (2 * upgrades);
        std::thread::sleep(at.saturating_sub(start.elapsed()));
        install(&home, package);
    }
    std::thread::sleep(Duration::from_secs(seconds).saturating_sub(start.elapsed()));
    stop.store(true, Ordering::Relaxed);
    let took = start.elapsed();
    let mut all = Seen::default();
    for asker in askers {
        let seen = asker.join().expect("no request failed, and none saw two versions");
        all.waits.extend(seen.waits);
        all.degraded += seen.degraded;
        all.last_degraded = seen.last_degraded.or(all.last_degraded);
        for (version, answers) in seen.versions {
            *all.versions.entry(version).or_default() += answers;
        }
    }
    all.waits.sort();
    let (count, at) =
        (all.waits.len(), |share: f64| all.waits[((all.waits.len() - 1) as f64 * share) as usize]);
    println!(
        "{count} requests in {:.1} s, {:.0} a second, {upgrades} upgrades: none failed, none mixed; waits p50 {:.1?}, \
         p99 {:.1?}, at most {:.1?}; {} without the plugin{}",
        took.as_secs_f64(),
        count as f64 / took.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0),
        all.degraded,
        all.last_degraded.map_or(String::new(), |last| format!(", the last: {last}")),
    );
    let versions = all.versions.len();
    assert_eq!(versions, packages.len(), "each version was seen: {:?}", all.versions);
    assert_eq!(daemon.stop().code, Some(0));
}
