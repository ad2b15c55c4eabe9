//! A host with a guest in it, and a few candidates.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attuned_plugin_host::{ChainOutcome, Consent, Engine, Grants, HostSettings, PluginError, PluginHost};
use attuned_recommender::ruling::{Batch, Effect, RuleContext};
use attuned_recommender::{Item, ItemId, Timestamp, UserId, Value};
use tempfile::TempDir;

/// The component of `tests/guests/hostile`.
const HOSTILE: &str = "tests/guests/hostile/rule.wasm";

pub const HOSTILE_MANIFEST: &str = r#"
manifest = 1
[plugin]
id = "org.example.hostile"
version = "1.0.0"
interface = "attuned:ranking@0.1"
summary = "Does what rules must not do"
license = "MIT"
wasm = { file = "rule.wasm", blake3 = "HASH" }
[input]
facets = ["daypart"]
features = ["novelty"]
attributes = ["language"]
tags = ["family"]
kinds = ["film"]
[limits]
fuel = 10_000_000
wall-ms = 50
[grants]
subject = true
item-ids = true
exclude = true
pin = 1
max-boost = 0.5
[[reason]]
code = "behaved"
text = { en = "It behaved", de = "Es war brav" }
[settings.do]
type = "text"
default = "behave"
help = "What to do"
"#;

/// The lines of the manifest that tests of a limit replace. They are generous, so that a busy machine
/// fails no test of anything else.
pub const LIMITS: &str = "fuel = 10_000_000\nwall-ms = 50\n";

/// The hostile guest's manifest with these limits.
pub fn limited(limits: &str) -> String {
    assert!(HOSTILE_MANIFEST.contains(LIMITS));
    HOSTILE_MANIFEST.replace(LIMITS, limits)
}

pub struct House {
    pub host: PluginHost,
    pub now: Timestamp,
    folder: TempDir,
}

impl House {
    pub fn new(engine: Engine) -> House {
        let host = PluginHost::new(HostSettings::new(engine, [7; 32])).expect("an engine");
        let folder = tempfile::tempdir().expect("a folder");
        House { host, now: Timestamp::from_unix_ms(1_790_000_000_000), folder }
    }

    /// Loads the hostile guest, told what to do, with every grant that it asks for.
    pub fn hostile(&mut self, what: &str) -> Result<(), PluginError> {
        self.load(HOSTILE_MANIFEST, &hostile(), &told(what, Grants::ALL))
    }

    pub fn load(&mut self, manifest: &str, wasm: &[u8], consent: &Consent) -> Result<(), PluginError> {
        let folder = package(self.folder.path(), manifest, wasm);
        self.host.load(&folder, consent, self.now).map(drop)
    }

    pub fn rank(&mut self, candidates: usize) -> ChainOutcome {
        self.rank_seeded(candidates, 2)
    }

    pub fn rank_seeded(&mut self, candidates: usize, seed: u64) -> ChainOutcome {
        let context = RuleContext { seed, ..evening() };
        self.host.rank(&Arc::new(batch(candidates)), &Arc::new(context), self.now)
    }

    pub fn later(&mut self, seconds: i64) {
        self.now = Timestamp::from_unix_ms(self.now.unix_ms() + 1000 * seconds);
    }
}

pub fn hostile() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(HOSTILE);
    fs::read(path).expect("the committed component of the hostile guest")
}

/// Consent that tells the hostile guest what to do.
pub fn told(what: &str, grants: Grants) -> Consent {
    let settings = BTreeMap::from([("do".to_owned(), what.to_owned())]);
    Consent { grants, settings, ..Consent::default() }
}

/// Writes a package whose manifest has `HASH` where the component's hash belongs.
pub fn package(folder: &Path, manifest: &str, wasm: &[u8]) -> PathBuf {
    let manifest = manifest.replace("HASH", blake3::hash(wasm).to_hex().as_str());
    fs::write(folder.join("plugin.toml"), manifest).expect("written");
    fs::write(folder.join("rule.wasm"), wasm).expect("written");
    folder.to_owned()
}

/// Candidates that score 0.0, -0.1, -0.2 …; the even ones are films for families.
pub fn batch(len: usize) -> Batch {
    let item = |n: usize| {
        let even = n.is_multiple_of(2);
        Arc::new(Item {
            id: ItemId::parse(&format!("item:{n}")).expect("an id"),
            kind: if even { "film" } else { "music" }.to_owned(),
            title: None,
            text: None,
            tags: vec![if even { "family" } else { "drama" }.to_owned()],
            attributes: BTreeMap::from([
                ("language".to_owned(), Value::Text(if even { "en" } else { "de" }.to_owned())),
                ("studio".to_owned(), Value::Text("secret".to_owned())),
            ]),
            published_at: None,
            expires_at: None,
            provider: None,
        })
    };
    let column: Vec<f32> = (0..len).map(|n| n as f32 / len as f32).collect();
    Batch {
        scores: (0..len).map(|n| 0.0 - n as f32 / 10.0).collect(),
        features: BTreeMap::from([("novelty".to_owned(), column.clone()), ("secret".to_owned(), column)]),
        items: (0..len).map(item).collect(),
    }
}

/// An evening of alice at the TV.
pub fn evening() -> RuleContext {
    let facets = [("daypart", "evening"), ("device-class", "tv"), ("room", "living")];
    RuleContext {
        minute_of_day: 20 * 60,
        weekday: 6,
        slate_size: 10,
        facets: facets.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        subject: Some(UserId::parse("alice").expect("an id")),
        seed: 2,
    }
}

/// An outcome as people would write it down.
pub fn print(outcome: &ChainOutcome) -> String {
    let mut text = String::new();
    for adjustment in &outcome.adjustments {
        let effect = match adjustment.effect {
            Effect::Add(by) => format!("{by:+.3}"),
            Effect::Exclude => "off".to_owned(),
            Effect::Pin(slot) => format!("at {slot}"),
        };
        let reason = adjustment.reason.as_ref().map_or_else(String::new, |text| format!(" ({text})"));
        write!(text, "{} {effect}{reason}; ", adjustment.position).expect("a string takes all");
    }
    for degraded in &outcome.degraded {
        write!(text, "{}: {}; ", degraded.cause, degraded.message).expect("a string takes all");
    }
    text.trim_end_matches("; ").to_owned()
}

/// A component, or a core module, of its text.
pub fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("text of a component")
}

/// A rule written by hand: a core module with the exports of the contract, these parts in it, and these
/// instructions at the beginning of `rank`.
pub fn hand_written(body: &str, rank: &str) -> Vec<u8> {
    // It gives back what it was lent, as it must, and answers with zeros: no verdicts.
    let mut module = wat(&format!(
        r#"(module
            (import "attuned:ranking/input@0.1.0" "[resource-drop]context" (func $context (param i32)))
            (import "attuned:ranking/input@0.1.0" "[resource-drop]candidates" (func $candidates (param i32)))
            (memory (export "memory") 1)
            {body}
            (func (export "attuned:ranking/rule@0.1.0#check") (result i32) i32.const 8)
            (func (export "attuned:ranking/rule@0.1.0#rank") (param i32 i32) (result i32)
                {rank}
                (call $context (local.get 0)) (call $candidates (local.get 1)) (i32.const 8))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))"#
    ));
    let mut resolve = wit_parser::Resolve::default();
    let contract = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/contract/v0.1");
    let (package, _) = resolve.push_dir(contract).expect("the contract");
    let world = resolve.select_world(&[package], Some("ranker")).expect("its world");
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, encoding).expect("embedded");
    wit_component::ComponentEncoder::default().module(&module).and_then(|mut e| e.encode()).expect("encoded")
}
