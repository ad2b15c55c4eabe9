//! What a call of a plugin costs, beside the same rule in native Rust, in one run:
//! `cargo bench -p attuned-plugin-host`. Under `cargo test` it only shows that it runs.

#![expect(clippy::print_stdout, reason = "the table is what this program prints")]

#[path = "../tests/sandbox/house.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod house;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attuned_plugin_host::{Consent, Engine, Grants, HostSettings, PluginHost};
use attuned_recommender::ruling::{Adjustment, Batch, Effect, RuleContext};
use attuned_recommender::{PluginId, Timestamp};

use house::{House, hostile, limited, told};

const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

fn main() {
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
        faults(engine);
    }
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
