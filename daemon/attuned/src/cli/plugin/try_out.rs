//! `attuned plugin test`: the fixtures of a package in the real sandbox.

use std::path::Path;

use attuned_plugin_host::{Consent, Engine, Fixture, Grants, HostSettings, Package, PluginHost, Trial};
use attuned_recommender::Column;
use serde_json::json;

use super::now;
use crate::cli::{EXIT_INPUT, Failure, Printer};
use crate::pipeline::FACETS;

pub fn run(folder: &Path, printer: &mut Printer) -> Result<(), Failure> {
    let package = Package::read_folder(folder)?;
    let fixtures = fixtures(&package)?;
    let mut failed = 0;
    for engine in Engine::ALL {
        let mut host = PluginHost::new(HostSettings::new(engine, [0; 32]))?;
        for (name, fixture) in &fixtures {
            let consent = Consent { grants: Grants::ALL, settings: fixture.settings(), ..Consent::default() };
            host.load(folder, &consent, now())?;
            let trial = fixture.run(&mut host, now());
            failed += usize::from(!trial.differences.is_empty());
            tell(name, engine, &trial, printer)?;
        }
    }
    let strangers = strangers(&package);
    if printer.is_json() {
        for name in strangers {
            printer.object(&json!({ "note": note(&name) }))?;
        }
    } else {
        for name in strangers {
            printer.text(note(&name))?;
        }
        let all = fixtures.len() * Engine::ALL.len();
        printer.text(format_args!("{} of {all} passed", all - failed))?;
    }
    if failed > 0 { Err(Failure::Told(EXIT_INPUT)) } else { Ok(()) }
}

/// What `[input]` names and nobody gives: to the rule it reads as absent, which looks like a case of
/// its own.
fn strangers(package: &Package) -> Vec<Stranger> {
    let known = Column::ALL.map(Column::name);
    let columns = package.features().filter(|name| !known.contains(name));
    let facets = package.facets().filter(|name| !FACETS.iter().any(|facet| facet.name == *name));
    columns
        .map(|name| Stranger::Column(name.to_owned()))
        .chain(facets.map(|name| Stranger::Facet(name.to_owned())))
        .collect()
}

enum Stranger {
    Column(String),
    Facet(String),
}

fn note(stranger: &Stranger) -> String {
    match stranger {
        Stranger::Column(name) => {
            let known = Column::ALL.map(Column::name).join(", ");
            format!("note: input.features names `{name}`, which this version does not know, expected {known}")
        }
        Stranger::Facet(name) => format!(
            "note: input.facets names `{name}`, which is there only where a home publishes context/{name}"
        ),
    }
}

/// The fixtures of a package, read; there must be one.
pub(super) fn fixtures(package: &Package) -> Result<Vec<(String, Fixture)>, Failure> {
    let read = package.fixtures().map(|(name, text)| {
        let fixture = Fixture::parse(&text);
        Ok((name.to_owned(), fixture.map_err(|reason| Failure::Input(format!("tests/{name}: {reason}")))?))
    });
    let fixtures = read.collect::<Result<Vec<_>, Failure>>()?;
    if fixtures.is_empty() {
        let id = package.id();
        return Err(Failure::Input(format!("plugin `{id}` has no fixtures, expected one in tests/*.toml")));
    }
    Ok(fixtures)
}

fn tell(name: &str, engine: Engine, trial: &Trial, printer: &mut Printer) -> Result<(), Failure> {
    let passed = trial.differences.is_empty();
    if printer.is_json() {
        return printer.object(&json!({
            "fixture": name,
            "engine": engine.name(),
            "passed": passed,
            "before": trial.before,
            "after": trial.after,
            "reasons": trial.reasons,
            "failure": trial.failure,
            "differences": trial.differences,
            "microseconds": trial.time.as_micros() as u64,
            "fuel": trial.fuel,
            "fuel_max": trial.fuel_max,
        }));
    }
    let verdict = if passed { "passed" } else { "FAILED" };
    printer.text(format_args!(
        "{name} under {engine}: {verdict}, {:.0} µs, fuel {} of {}",
        trial.time.as_secs_f64() * 1e6,
        trial.fuel,
        trial.fuel_max
    ))?;
    if trial.before != trial.after {
        printer.text(format_args!("  {} → {}", trial.before.join(", "), trial.after.join(", ")))?;
    }
    trial.differences.iter().try_for_each(|difference| printer.text(format_args!("  {difference}")))
}
