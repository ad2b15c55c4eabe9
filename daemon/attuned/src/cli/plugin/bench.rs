//! `attuned plugin bench`: what a call costs, beside the empty rule.

use std::path::Path;
use std::time::{Duration, Instant};

use attuned_plugin_host::{Consent, Engine, Fixture, Grants, HostSettings, Package, PluginHost};
use serde_json::json;

use super::{now, try_out};
use crate::cli::table::Table;
use crate::cli::{Failure, Printer};

/// Calls that are measured; the median of them is shown.
const ROUNDS: usize = 200;

/// Candidates of a batch: those of the fixture, over and over.
const ROWS: [usize; 2] = [100, 1000];

pub fn run(folder: &Path, printer: &mut Printer) -> Result<(), Failure> {
    let package = Package::read_folder(folder)?;
    let fixtures = try_out::fixtures(&package)?;
    let mut table = Table::default();
    table.row(["fixture", "engine", "candidates", "this rule", "the empty rule", "fuel"].map(str::to_owned));
    for engine in Engine::ALL {
        let mut host = PluginHost::new(HostSettings::new(engine, [0; 32]))?;
        let mut empty = PluginHost::new(HostSettings::new(engine, [0; 32]))?;
        empty.load_empty_rule(now())?;
        for (name, fixture) in &fixtures {
            let consent = Consent { grants: Grants::ALL, settings: fixture.settings(), ..Consent::default() };
            host.load(folder, &consent, now())?;
            for rows in ROWS {
                let ours = median(&mut host, fixture, rows);
                let fuel = host.plugins()[0].counters.fuel_used;
                let none = median(&mut empty, fixture, rows);
                if printer.is_json() {
                    printer.object(&json!({
                        "fixture": name,
                        "engine": engine.name(),
                        "candidates": rows,
                        "microseconds": micros(ours),
                        "microseconds_empty_rule": micros(none),
                        "fuel": fuel,
                    }))?;
                    continue;
                }
                table.row([
                    name.clone(),
                    engine.to_string(),
                    rows.to_string(),
                    format!("{:.1} µs", micros(ours)),
                    format!("{:.1} µs", micros(none)),
                    fuel.to_string(),
                ]);
            }
        }
    }
    if printer.is_json() { Ok(()) } else { printer.text(table.render()) }
}

/// The middle one of the times that calls take.
fn median(host: &mut PluginHost, fixture: &Fixture, rows: usize) -> Duration {
    let (batch, context) = fixture.repeated(rows);
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(host.rank(&batch, &context, now()));
            start.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e7).round() / 10.0
}
