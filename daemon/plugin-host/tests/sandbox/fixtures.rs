//! Runs the fixtures of every plugin that ships, `plugins/<name>/tests/*.toml`, on its committed
//! component in the real host: context and candidates in, order and reasons out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attuned_plugin_host::{Consent, Engine, Grants, HostSettings, PluginHost};
use attuned_recommender::ruling::{Batch, Effect, RuleContext};
use attuned_recommender::{Item, ItemId, Timestamp, UserId, Value};
use serde::Deserialize;

/// One case. Everything but candidates and the expected order may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Fixture {
    #[serde(default)]
    context: ContextTable,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    candidate: Vec<CandidateTable>,
    /// Items that stay on the list, best first.
    expected_order: Vec<String>,
    /// What each item's adjustments say: the change, then the reason.
    #[serde(default)]
    expected_reasons: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    expected_failure: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct ContextTable {
    minute_of_day: u16,
    weekday: u8,
    slate_size: u32,
    facets: BTreeMap<String, String>,
    subject: Option<String>,
    seed: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CandidateTable {
    item: String,
    kind: String,
    score: f32,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    features: BTreeMap<String, f32>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[test]
fn every_plugin_passes_its_fixtures() {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let packages: Vec<PathBuf> = files(&plugins, |path| path.join("plugin.toml").exists());
    assert!(!packages.is_empty());
    for package in packages {
        let fixtures = files(&package.join("tests"), |path| path.extension().is_some_and(|e| e == "toml"));
        assert!(!fixtures.is_empty(), "{} has no fixtures", package.display());
        for engine in Engine::ALL {
            let mut host = PluginHost::new(HostSettings::new(engine, [7; 32])).expect("an engine");
            for fixture in &fixtures {
                let text = fs::read_to_string(fixture).expect("a fixture");
                let case = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", fixture.display()));
                run(&mut host, &package, case, &format!("{} under {engine}", fixture.display()));
            }
        }
    }
}

fn run(host: &mut PluginHost, package: &Path, case: Fixture, name: &str) {
    let now = Timestamp::from_unix_ms(1_790_000_000_000);
    let consent = Consent { grants: Grants::ALL, settings: case.settings };
    host.load(package, &consent, now).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (batch, context) = (batch(&case.candidate), context(case.context));
    let outcome = host.rank(&Arc::new(batch), &Arc::new(context), now);
    let failure = outcome.degraded.first().map(|degraded| degraded.message.clone());
    assert_eq!(failure, case.expected_failure, "{name}");
    let mut scores: Vec<(f32, usize)> = case.candidate.iter().map(|c| c.score).zip(0..).collect();
    let mut off = BTreeSet::new();
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for adjustment in &outcome.adjustments {
        let said = match adjustment.effect {
            Effect::Add(log_odds) => {
                scores[adjustment.position].0 += log_odds;
                format!("{log_odds:+.3}")
            }
            Effect::Exclude => {
                off.insert(adjustment.position);
                "off".to_owned()
            }
            Effect::Pin(slot) => format!("at {slot}"),
        };
        let said = adjustment.reason.as_ref().map_or(said.clone(), |reason| format!("{said} {reason}"));
        reasons.entry(case.candidate[adjustment.position].item.clone()).or_default().push(said);
    }
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    let left = scores.into_iter().filter(|(_, position)| !off.contains(position));
    let order: Vec<&str> = left.map(|(_, position)| case.candidate[position].item.as_str()).collect();
    assert_eq!(order, case.expected_order, "{name}");
    assert_eq!(reasons, case.expected_reasons, "{name}");
}

fn batch(candidates: &[CandidateTable]) -> Batch {
    let names: BTreeSet<&String> =
        candidates.iter().flat_map(|candidate| candidate.features.keys()).collect();
    let column = |name: &String| {
        candidates.iter().map(|c| c.features.get(name).copied().unwrap_or(f32::NAN)).collect::<Vec<f32>>()
    };
    let item = |candidate: &CandidateTable| {
        let attributes = candidate.attributes.iter();
        Arc::new(Item {
            id: ItemId::parse(&candidate.item).expect("an id"),
            kind: candidate.kind.clone(),
            title: None,
            text: None,
            tags: candidate.tags.clone(),
            attributes: attributes.map(|(name, text)| (name.clone(), Value::Text(text.clone()))).collect(),
            published_at: None,
            expires_at: None,
            provider: None,
        })
    };
    Batch {
        scores: candidates.iter().map(|candidate| candidate.score).collect(),
        features: names.into_iter().map(|name| (name.clone(), column(name))).collect(),
        items: candidates.iter().map(item).collect(),
    }
}

fn context(table: ContextTable) -> RuleContext {
    RuleContext {
        minute_of_day: table.minute_of_day,
        weekday: table.weekday.max(1),
        slate_size: table.slate_size,
        facets: table.facets,
        subject: table.subject.map(|user| UserId::parse(&user).expect("an id")),
        seed: table.seed,
    }
}

fn files(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| wanted(path)).collect();
    files.sort();
    files
}
