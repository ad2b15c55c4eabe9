//! Which packages are refused, and with which sentence.

use std::fs;

use attuned_plugin_host::{Consent, Engine, Grants, HostSettings, PluginHost, limits};
use attuned_recommender::Timestamp;

use crate::house::{HOSTILE_MANIFEST, House, hand_written, hostile, limited, package, told, wat};

/// Loads a package made of this manifest and component in both engines and expects this refusal.
fn check(manifest: &str, wasm: &[u8], expected: &str) {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        let error = house.load(manifest, wasm, &Consent::default()).expect_err("refused").to_string();
        // Before the id is known, the folder's name stands in its place.
        let error = error.split_once("`: ").expect("it names the plugin").1;
        assert!(
            error == expected || expected.strip_suffix('…').is_some_and(|start| error.starts_with(start)),
            "{error}\nexpected under {engine}:\n{expected}"
        );
    }
}

#[test]
fn what_imports_anything_else_is_refused() {
    let wasi = r#"(component (import "wasi:cli/environment@0.2.6" (instance)))"#;
    check(
        HOSTILE_MANIFEST,
        &wat(wasi),
        "the component imports `wasi:cli/environment@0.2.6`, expected nothing but attuned:ranking/*@0.1.0",
    );
}

#[test]
fn another_version_of_the_interface_is_refused() {
    let newer = r#"(component (import "attuned:ranking/host@0.2.0" (instance)))"#;
    check(
        HOSTILE_MANIFEST,
        &wat(newer),
        "the component imports `attuned:ranking/host@0.2.0`, this host offers attuned:ranking@0.1.0",
    );
    let newer = r#"(component (instance $rule) (export "attuned:ranking/rule@0.3.0" (instance $rule)))"#;
    check(
        HOSTILE_MANIFEST,
        &wat(newer),
        "the component exports `attuned:ranking/rule@0.3.0`, this host offers attuned:ranking@0.1.0",
    );
    check(
        HOSTILE_MANIFEST,
        &wat("(component)"),
        "the component exports no rule, expected `attuned:ranking/rule@0.1.0`",
    );
    let hollow = r#"(component (instance $rule) (export "attuned:ranking/rule@0.1.0" (instance $rule)))"#;
    check(HOSTILE_MANIFEST, &wat(hollow), "`rule.wasm` does not fit attuned:ranking@0.1.0: …");
}

/// A rule that does nothing, with these parts in its module.
fn rule(body: &str) -> Vec<u8> {
    hand_written(body, "")
}

/// `attuned plugin bench` measures against it. `UPDATE_EXPECT=1` writes it.
#[test]
fn the_empty_rule_is_the_component_of_its_text() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/empty.wasm");
    let made = rule("");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(path, &made).expect("written");
    }
    assert!(fs::read(path).expect("the empty rule") == made, "run this test with UPDATE_EXPECT=1");
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        house.host.load_empty_rule(house.now).expect("in order");
        assert_eq!(house.rank(5), attuned_plugin_host::ChainOutcome::default());
    }
}

#[test]
fn a_start_function_that_never_ends_is_stopped() {
    let manifest = limited("fuel = 20_000\nwall-ms = 50\n");
    check(&manifest, &rule("(func $spin (loop (br 0))) (start $spin)"), "check: used up its fuel of 20000");
}

#[test]
fn the_memory_limit_counts_all_memories() {
    // The module has a memory of 64 KiB, and each of these has 6 MiB; each alone would fit.
    let small = limited("memory-mib = 16\n");
    let mut house = House::new(Engine::Pulley);
    house.load(&small, &rule("(memory 96) (memory 96)"), &Consent::default()).expect("12 MiB fit");
    check(
        &small,
        &rule("(memory 96) (memory 96) (memory 96)"),
        "check: wanted more than its 16 MiB of memory",
    );
}

#[test]
fn tables_have_a_limit() {
    let elements = limits::TABLE_ELEMENTS_MAX;
    check(
        HOSTILE_MANIFEST,
        &rule(&format!("(table {elements} funcref) (table 1 funcref)")),
        "check: wanted more than its 16 MiB of memory",
    );
}

#[test]
fn what_is_no_component_is_refused() {
    check(HOSTILE_MANIFEST, b"", "`rule.wasm` is no valid component: …");
    check(HOSTILE_MANIFEST, &wat("(module)"), "`rule.wasm` is no valid component: …");
    let sound = hostile();
    check(HOSTILE_MANIFEST, &sound[..sound.len() / 2], "`rule.wasm` is no valid component: …");
}

#[test]
fn a_component_that_was_changed_after_packing_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut flipped = hostile();
    package(folder.path(), HOSTILE_MANIFEST, &flipped);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(folder.path().join("rule.wasm"), &flipped).expect("written");
    let mut host = PluginHost::new(HostSettings::new(Engine::Pulley, [7; 32])).expect("an engine");
    let now = Timestamp::from_unix_ms(0);
    let error = host.load(folder.path(), &Consent::default(), now).expect_err("refused").to_string();
    let sound = blake3::hash(&hostile()).to_hex();
    let flipped = blake3::hash(&flipped).to_hex();
    assert_eq!(
        error,
        format!(
            "plugin `org.example.hostile`: plugin.wasm.blake3 is {sound}, but `rule.wasm` has {flipped}: \
             the file is not the one that was packed"
        )
    );
}

/// Flipped bytes whose hash is in order: whatever is left of the component either is refused or runs
/// within its bounds.
#[test]
fn a_damaged_component_does_no_harm() {
    let sound = hostile();
    let mut house = House::new(Engine::Pulley);
    let step = sound.len() / 24;
    for at in (0..sound.len()).step_by(step) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x41;
        if house.load(HOSTILE_MANIFEST, &damaged, &told("behave", Grants::ALL)).is_ok() {
            let outcome = house.rank(5);
            assert!(outcome.adjustments.len() <= 5 && outcome.degraded.len() <= 1, "byte {at}");
        }
    }
}

#[test]
fn the_component_has_a_limit_of_bytes() {
    let large = vec![0; (1 << 20) + 1];
    check(HOSTILE_MANIFEST, &large, "`rule.wasm` has more than 1048576 bytes, expected at most that");
    let larger = limited("component-mib = 2\n");
    check(&larger, &large, "`rule.wasm` is no valid component: …");
}

#[test]
fn manifest_and_consent_are_checked() {
    let sound = hostile();
    check(
        &HOSTILE_MANIFEST.replace("pin = 1", "pin = -1"),
        &sound,
        "plugin.toml: line 23 (`pin = -1`): invalid value: integer `-1`, expected u32",
    );
    let mut house = House::new(Engine::Pulley);
    let mut consent = told("behave", Grants::ALL);
    consent.settings.insert("volume".to_owned(), "11".to_owned());
    let error = house.load(HOSTILE_MANIFEST, &sound, &consent).expect_err("refused").to_string();
    assert_eq!(error, "plugin `org.example.hostile`: setting `volume` is unknown, expected `do`");
    let long = format!("{HOSTILE_MANIFEST}\n#{}", "x".repeat(limits::MANIFEST_BYTES as usize));
    let error = house.load(&long, &sound, &consent).expect_err("refused").to_string();
    assert!(error.ends_with("`plugin.toml` has more than 65536 bytes, expected at most that"), "{error}");
}

#[test]
fn a_missing_file_may_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut host = PluginHost::new(HostSettings::new(Engine::Pulley, [7; 32])).expect("an engine");
    let now = Timestamp::from_unix_ms(0);
    let error = host.load(folder.path(), &Consent::default(), now).expect_err("no file").to_string();
    assert!(error.contains("cannot read `plugin.toml`"), "{error}");
}
