//! What plugins cost, beside the same rule in native Rust, in one run, against the goals of the contract:
//! `cargo bench -p attuned-plugin-host`. Under `cargo test` it only shows that it runs.

#![expect(clippy::print_stdout, reason = "the table is what this program prints")]

#[path = "../tests/sandbox/house.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod house;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attuned_plugin_host::{Consent, Engine, Grants, HostSettings, PluginHost, limits};
use attuned_recommender::ruling::{Adjustment, Batch, Effect, RuleContext};
use attuned_recommender::{PluginId, Timestamp};

use house::{House, hostile, limited, told};

const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, engine, count, folder] = arguments.as_slice()
        && mode == RESIDENT
    {
        return resident(engine, count, folder);
    }
    let rounds = if std::env::args().any(|argument| argument == "--bench") { 2000 } else { 3 };
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/family-night");
    let context = Arc::new(house::evening());
    println!("median microseconds a call    100 candidates   1000 candidates");
    let batches = [Arc::new(house::batch(100)), Arc::new(house::batch(1000))];
    let native = batches.each_ref().map(|batch| median(rounds, || {}, || native(batch, &context)));
    row("native Rust", &native, &native);
    for engine in Engine::ALL {
        let mut host = PluginHost::new(HostSettings::new(engine, [7; 32])).expect("an engine");
        let consent = Consent { grants: Grants::ALL, ..Consent::default() };
        let (start, before) = (Instant::now(), resident_kib());
        let summary = host.load(&package, &consent, NOW).expect("the plugin that ships");
        let load = start.elapsed();
        for batch in &batches {
            let (ours, theirs) = (native_outcome(batch, &context), host.rank(batch, &context, NOW));
            assert_eq!(ours.len(), theirs.adjustments.len(), "both rules must say the same");
        }
        let reused =
            batches.each_ref().map(|batch| median(rounds, || {}, || host.rank(batch, &context, NOW)));
        row(&format!("{engine}, reused"), &reused, &native);
        let fresh = batches.each_ref().map(|batch| {
            let host = std::cell::RefCell::new(&mut host);
            median(rounds, || host.borrow_mut().release(), || host.borrow_mut().rank(batch, &context, NOW))
        });
        row(&format!("{engine}, fresh"), &fresh, &native);
        println!(
            "{engine}: load {:.1} ms, component {} bytes, {} KiB more resident after all of this",
            load.as_secs_f64() * 1e3,
            summary.component_bytes,
            resident_kib().saturating_sub(before)
        );
        drop(host);
        let ratio = |times: &[Duration; 2], n: usize| times[n].as_secs_f64() / native[n].as_secs_f64();
        let of = |goal: f64| if engine == Engine::Native { Some(goal) } else { None };
        let mut goals = vec![
            Goal::new("fresh instance, 100 candidates, times native Rust", ratio(&fresh, 0), of(25.0)),
            Goal::new("fresh instance, 1000 candidates, times native Rust", ratio(&fresh, 1), of(4.0)),
            Goal::new("reused instance, 100 candidates, times native Rust", ratio(&reused, 0), of(4.0)),
            Goal::new("reused instance, 1000 candidates, times native Rust", ratio(&reused, 1), of(1.3)),
        ];
        goals.extend(measured(engine, rounds));
        println!("{engine}: goal                                          measured       goal");
        for Goal { what, value, most } in goals {
            let most = most.map_or("-".to_owned(), |most| {
                format!("<= {most:.3}{}", if value <= most { "" } else { "  MISSED" })
            });
            println!("  {what:56} {value:10.3}  {most}");
        }
        faults(engine);
    }
}

/// One row of the contract's table.
struct Goal {
    what: String,
    value: f64,
    /// `None` where the contract sets none for this engine.
    most: Option<f64>,
}

impl Goal {
    fn new(what: impl Into<String>, value: f64, most: Option<f64>) -> Goal {
        Goal { what: what.into(), value, most }
    }
}

/// What is not measured call by call.
fn measured(engine: Engine, rounds: usize) -> Vec<Goal> {
    let folder = tempfile::tempdir().expect("a folder");
    let family_night = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/family-night");
    let consent = Consent { grants: Grants::ALL, ..Consent::default() };
    // Loading with an empty cache and with a full one, each in a host of its own.
    let mut settings = HostSettings::new(engine, [7; 32]);
    settings.cache = Some(folder.path().join("compiled"));
    let load = || {
        let mut host = PluginHost::new(settings.clone()).expect("an engine");
        let start = Instant::now();
        host.load(&family_night, &consent, NOW).expect("the plugin that ships");
        start.elapsed().as_secs_f64()
    };
    let compiled = load();
    let cached = median_of((0..9).map(|_| load()).collect());

    // Five rules, as a house would have them.
    let mut host = PluginHost::new(HostSettings::new(engine, [7; 32])).expect("an engine");
    for name in ["family-night", "fresh-mix", "quiet-hours", "weather-mood", "kids-guard"] {
        host.load(&family_night.with_file_name(name), &consent, NOW).expect("a plugin that ships");
    }
    let (batch, context) = (Arc::new(household(500)), Arc::new(rainy_night()));
    assert_eq!(host.rank(&batch, &context, NOW).degraded, []);
    let five = median(rounds, || {}, || host.rank(&batch, &context, NOW)).as_secs_f64() * 1e3;
    drop(host);

    // The same rule in many plugins, whose components differ, loaded from the cache by a process that does
    // nothing else.
    let counts: [usize; 3] = if rounds > 100 { [0, 10, 50] } else { [0, 1, 2] };
    let mut host = PluginHost::new(settings).expect("an engine");
    for number in 0..counts[2] {
        host.load(&copy(folder.path(), &family_night, number), &consent, NOW).expect("in order");
    }
    drop(host);
    let resident = counts.map(|count| {
        let me = std::env::current_exe().expect("a path");
        let arguments = [RESIDENT.to_owned(), engine.to_string(), count.to_string()];
        let output = Command::new(me).args(arguments).arg(folder.path()).output().expect("it runs");
        let kib: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
        kib / 1024.0
    });
    let deadline = limits::WALL_MS.default as f64;
    let back = median_of((0..9).map(|_| endless(engine)).collect()) * 1e3 - deadline;
    let budget_ms = if engine == Engine::Native { 0.5 } else { 2.5 };
    vec![
        Goal::new("loading what was compiled, times compiling", cached / compiled, Some(1.0 / 200.0)),
        Goal::new("ms over its deadline, until an endless loop is back", back, Some(2.0)),
        Goal::new("ms, five rules over 500 candidates", five, Some(budget_ms)),
        Goal::new(
            format!("MiB resident, a plugin, of {}", counts[2]),
            (resident[2] - resident[0]) / counts[2] as f64,
            Some(0.5),
        ),
        Goal::new("MiB resident, without plugins", resident[0], None),
        Goal::new(format!("MiB resident, {} plugins", counts[1]), resident[1], None),
        Goal::new(format!("MiB resident, {} plugins", counts[2]), resident[2], None),
    ]
}

/// Has this program say how much memory it needs with so many plugins of a folder.
const RESIDENT: &str = "--resident";

/// Loads the plugins that are named after it, asks them once, and prints KiB.
fn resident(engine: &str, count: &str, folder: &str) {
    let mut settings = HostSettings::new(engine.parse().expect("an engine"), [7; 32]);
    settings.cache = Some(Path::new(folder).join("compiled"));
    let mut host = PluginHost::new(settings).expect("an engine");
    let consent = Consent { grants: Grants::ALL, ..Consent::default() };
    for number in 0..count.parse::<usize>().expect("a number") {
        host.load(&Path::new(folder).join(number.to_string()), &consent, NOW).expect("in order");
    }
    host.rank(&Arc::new(house::batch(100)), &Arc::new(house::evening()), NOW);
    println!("{}", resident_kib());
}

/// A package like another, with another id and another component of the same meaning.
fn copy(folder: &Path, package: &Path, number: usize) -> PathBuf {
    let to = folder.join(number.to_string());
    fs::create_dir_all(&to).expect("made");
    let mut wasm = fs::read(package.join("rule.wasm")).expect("the component");
    // A section without meaning: the name `n`, and the number.
    wasm.extend([0, 3, 1, b'n', number as u8]);
    let manifest = fs::read_to_string(package.join("plugin.toml")).expect("the manifest");
    let hash = manifest.split("blake3 = \"").nth(1).expect("a hash")[..64].to_owned();
    let id = format!("org.attuned.family-night-{number}");
    let manifest = manifest.replace(&hash, "HASH").replace("org.attuned.family-night", &id);
    house::package(&to, &manifest, &wasm)
}

/// How long a request takes whose plugin never ends and uses no fuel for it, in seconds.
fn endless(engine: Engine) -> f64 {
    let mut house = House::new(engine);
    let manifest = limited("fuel = 10_000_000\nfuel-per-candidate = 100_000\n");
    house.load(&manifest, &hostile(), &told("loop slowly", Grants::ALL)).expect("in order");
    let (batch, context) = (Arc::new(house::batch(1000)), Arc::new(house::evening()));
    let start = Instant::now();
    let outcome = house.host.rank(&batch, &context, NOW);
    assert_eq!(outcome.degraded[0].cause, attuned_plugin_host::Cause::Deadline);
    start.elapsed().as_secs_f64()
}

/// Candidates with every column that the rules ask for.
fn household(len: usize) -> Batch {
    let mut batch = house::batch(len);
    for (number, name) in (1..).zip(["minutes", "loudness", "age-rating", "play-count", "days-since-last"]) {
        let column = (0..len).map(|n| ((n * number) % 40) as f32).collect();
        batch.features.insert(name.to_owned(), column);
    }
    batch
}

/// A night on which every rule has something to say.
fn rainy_night() -> RuleContext {
    let mut context = house::evening();
    context.minute_of_day = 23 * 60;
    for (name, value) in [("weather", "rainy"), ("presence", "child"), ("occasion", "family")] {
        context.facets.insert(name.to_owned(), value.to_owned());
    }
    context
}

fn median_of(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What a plugin that misbehaves costs a request of 100 candidates.
fn faults(engine: Engine) {
    for what in ["loop", "loop slowly", "panic", "eat memory"] {
        let mut costs: Vec<Duration> = (0..9)
            .map(|_| {
                let mut house = House::new(engine);
                house.load(&limited(""), &hostile(), &told(what, Grants::ALL)).expect("in order");
                let batch = Arc::new(house::batch(100));
                let context = Arc::new(house::evening());
                let start = Instant::now();
                let outcome = house.host.rank(&batch, &context, NOW);
                assert_eq!(outcome.degraded.len(), 1);
                start.elapsed()
            })
            .collect();
        costs.sort();
        println!(
            "{engine}: `{what}` costs a request {:.2} ms (median of 9), {:.2} ms at most",
            costs[4].as_secs_f64() * 1e3,
            costs[8].as_secs_f64() * 1e3
        );
    }
}

fn row(name: &str, times: &[Duration; 2], native: &[Duration; 2]) {
    let cell = |n: usize| {
        let ratio = times[n].as_secs_f64() / native[n].as_secs_f64();
        format!("{:8.2} {:>7}", times[n].as_secs_f64() * 1e6, format!("{ratio:.1}x"))
    };
    println!("{name:28} {} {}", cell(0), cell(1));
}

fn median<R>(rounds: usize, mut prepare: impl FnMut(), mut call: impl FnMut() -> R) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            prepare();
            let start = Instant::now();
            std::hint::black_box(call());
            start.elapsed()
        })
        .collect();
    times.sort();
    times[rounds / 2]
}

fn native(batch: &Arc<Batch>, context: &Arc<RuleContext>) -> Vec<Adjustment> {
    native_outcome(std::hint::black_box(batch), std::hint::black_box(context))
}

/// The rule of `plugins/family-night` as the host would run it without a sandbox.
fn native_outcome(batch: &Batch, context: &RuleContext) -> Vec<Adjustment> {
    let is = |facet: &str, value: &str| context.facets.get(facet).is_some_and(|v| v == value);
    if !is("daypart", "evening") || !is("device-class", "tv") {
        return Vec::new();
    }
    let plugin = PluginId::parse("org.attuned.family-night").expect("an id");
    let novelty = &batch.features["novelty"];
    let family =
        batch.items.iter().enumerate().filter(|(_, item)| item.tags.iter().any(|tag| tag == "family"));
    let boosted = family.map(|(position, _)| Adjustment {
        position,
        plugin: plugin.clone(),
        effect: Effect::Add((0.15 * (1.0 + 0.5 * novelty[position])).clamp(-0.3, 0.3)),
        reason: Some("Good for family time".to_owned()),
    });
    boosted.collect()
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|text| text.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}
