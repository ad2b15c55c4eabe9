//! Runs the fixtures of every plugin that ships, `plugins/<name>/tests/*.toml`, on its committed
//! component in the real host.

use std::fs;
use std::path::{Path, PathBuf};

use attuned_plugin_host::{Consent, Engine, Fixture, Grants, HostSettings, PluginHost};
use attuned_recommender::Timestamp;

const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

#[test]
fn every_plugin_passes_its_fixtures() {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let packages: Vec<PathBuf> = files(&plugins, |path| path.join("plugin.toml").exists());
    // Components with an interpreter in them are not kept, and are tested by whoever builds them.
    let (kept, interpreted): (Vec<PathBuf>, Vec<PathBuf>) =
        packages.into_iter().partition(|path| path.join("Cargo.toml").exists());
    assert!(kept.len() >= 6 && interpreted.len() == 2, "{kept:?} {interpreted:?}");
    for package in kept {
        let fixtures = files(&package.join("tests"), |path| path.extension().is_some_and(|e| e == "toml"));
        assert!(!fixtures.is_empty(), "{} has no fixtures", package.display());
        for engine in Engine::ALL {
            let mut host = PluginHost::new(HostSettings::new(engine, [7; 32])).expect("an engine");
            for fixture in &fixtures {
                let name = format!("{} under {engine}", fixture.display());
                let text = fs::read_to_string(fixture).expect("a fixture");
                let fixture = Fixture::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
                let consent =
                    Consent { grants: Grants::ALL, settings: fixture.settings(), ..Consent::default() };
                host.load(&package, &consent, NOW).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(fixture.run(&mut host, NOW).differences, Vec::<String>::new(), "{name}");
            }
        }
    }
}

/// Whatever is written in a fixture of family-night is looked at.
#[test]
fn a_fixture_that_expects_something_else_fails() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/family-night");
    let mut host = PluginHost::new(HostSettings::new(Engine::Pulley, [7; 32])).expect("an engine");
    host.load(&package, &Consent { grants: Grants::ALL, ..Consent::default() }, NOW).expect("in order");
    let text = fs::read_to_string(package.join("tests/evening.toml")).expect("a fixture");
    let mut check = |from: &str, to: &str, expected: &str| {
        assert!(text.contains(from), "{from}");
        let fixture = Fixture::parse(&text.replacen(from, to, 1)).expect("a fixture");
        assert_eq!(fixture.run(&mut host, NOW).differences, [expected]);
    };
    check(
        "[\"film:toy\", \"film:paddington\", \"film:noir\"]",
        "[\"film:toy\", \"film:noir\"]",
        "order is film:toy, film:paddington, film:noir; expected film:toy, film:noir",
    );
    check(
        "+0.225 Passt",
        "+0.226 Passt",
        "reasons of film:toy are +0.225 Passt zum Familienabend; expected +0.226 Passt zum Familienabend",
    );
    check("[context]", "expected-failure = \"x\"\n[context]", "failure is none, expected `x`");
}

fn files(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| wanted(path)).collect();
    files.sort();
    files
}
