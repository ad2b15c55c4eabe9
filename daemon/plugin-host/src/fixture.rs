//! Fixtures of a package, `tests/*.toml`: a request and candidates in, order and reasons out. They
//! run on the component, in the real sandbox with the real limits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use attuned_recommender::ruling::{Adjustment, Batch, Effect, RuleContext};
use attuned_recommender::{Item, ItemId, Timestamp, UserId, Value};
use serde::Deserialize;

use crate::limits::CANDIDATES_MAX;
use crate::manifest::syntax;
use crate::{ChainOutcome, PluginHost};

/// One case: what a rule is shown, and what must come of it.
#[derive(Debug, Clone)]
pub struct Fixture {
    document: Document,
    batch: Arc<Batch>,
    context: Arc<RuleContext>,
}

/// What came of a fixture.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The items as they stood before the rule, best first.
    pub before: Vec<String>,
    /// The items that stay on the list, best first.
    pub after: Vec<String>,
    /// What became of each item that was changed: the change, then the reason.
    pub reasons: BTreeMap<String, Vec<String>>,
    /// Why the rule gave no answer.
    pub failure: Option<String>,
    /// What differs from what was expected, a sentence each; none if the fixture passes.
    pub differences: Vec<String>,
    /// How long the call took.
    pub time: Duration,
    /// Fuel that it used.
    pub fuel: u64,
    /// Fuel that it could have used.
    pub fuel_max: u64,
}

/// Everything but candidates and the expected order may be left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    #[serde(default)]
    context: ContextTable,
    #[serde(default)]
    settings: BTreeMap<String, toml::Value>,
    #[serde(default)]
    candidate: Vec<CandidateTable>,
    expected_order: Vec<String>,
    #[serde(default)]
    expected_reasons: BTreeMap<String, Vec<String>>,
    expected_failure: Option<String>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct ContextTable {
    minute_of_day: u16,
    weekday: u8,
    slate_size: u32,
    facets: BTreeMap<String, String>,
    subject: Option<String>,
    seed: u64,
}

#[derive(Debug, Clone, Deserialize)]
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

impl Fixture {
    /// Reads a fixture; an error is one sentence with the field, the value, and what was expected.
    ///
    /// # Errors
    ///
    /// Its author corrects it.
    pub fn parse(text: &str) -> Result<Fixture, String> {
        let document: Document = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        let rows = document.candidate.len();
        if !(1..=CANDIDATES_MAX).contains(&rows) {
            return Err(format!("has {rows} [[candidate]], expected 1 to {CANDIDATES_MAX}"));
        }
        let context = &document.context;
        if context.minute_of_day >= 24 * 60 {
            return Err(format!("context.minute-of-day is {}, expected 0 to 1439", context.minute_of_day));
        }
        if context.weekday > 7 {
            let weekday = context.weekday;
            return Err(format!("context.weekday is {weekday}, expected 1 (Monday) to 7 (Sunday)"));
        }
        let subject = context.subject.as_deref().map(UserId::parse).transpose();
        let context = RuleContext {
            minute_of_day: context.minute_of_day,
            weekday: context.weekday.max(1),
            slate_size: context.slate_size,
            facets: context.facets.clone(),
            subject: subject.map_err(|error| format!("context.subject: {error}"))?,
            seed: context.seed,
        };
        let batch = batch(&document.candidate)?;
        Ok(Fixture { document, batch: Arc::new(batch), context: Arc::new(context) })
    }

    /// The settings that a person would have made.
    #[must_use]
    pub fn settings(&self) -> BTreeMap<String, String> {
        let text = |value: &toml::Value| match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.document.settings.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// Asks the plugins of `host`, which should be the one that the fixture is of, once.
    pub fn run(&self, host: &mut PluginHost, now: Timestamp) -> Trial {
        let start = Instant::now();
        let outcome = host.rank(&self.batch, &self.context, now);
        let time = start.elapsed();
        let plugin = host.plugins().into_iter().next();
        let mut trial = self.trial(outcome);
        trial.time = time;
        trial.fuel = plugin.as_ref().map_or(0, |plugin| plugin.counters.fuel_used);
        trial.fuel_max = plugin.map_or(0, |plugin| plugin.limits.fuel_for(self.batch.items.len()));
        trial.differences = self.differences(&trial);
        trial
    }

    /// The request and the candidates, repeated until there are `rows` of them, for measuring.
    #[must_use]
    pub fn repeated(&self, rows: usize) -> (Arc<Batch>, Arc<RuleContext>) {
        let cycle = |column: &Vec<f32>| column.iter().copied().cycle().take(rows).collect();
        let batch = Batch {
            scores: cycle(&self.batch.scores),
            features: self
                .batch
                .features
                .iter()
                .map(|(name, column)| (name.clone(), cycle(column)))
                .collect(),
            items: self.batch.items.iter().cloned().cycle().take(rows).collect(),
        };
        (Arc::new(batch), Arc::clone(&self.context))
    }

    fn trial(&self, outcome: ChainOutcome) -> Trial {
        let candidates = &self.document.candidate;
        let name = |position: usize| candidates[position].item.clone();
        let mut scores: Vec<(f32, usize)> = self.batch.scores.iter().copied().zip(0..).collect();
        let order = |scores: &[(f32, usize)]| {
            let mut sorted = scores.to_vec();
            sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
            sorted.into_iter().map(|(_, position)| position).collect::<Vec<_>>()
        };
        let before = order(&scores);
        let (mut off, mut pins) = (BTreeSet::new(), Vec::new());
        let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Adjustment { position, effect, reason, .. } in &outcome.adjustments {
            let said = match effect {
                Effect::Add(log_odds) => {
                    scores[*position].0 += log_odds;
                    format!("{log_odds:+.3}")
                }
                Effect::Exclude => {
                    off.insert(*position);
                    "off".to_owned()
                }
                Effect::Pin(slot) => {
                    pins.push((*slot as usize, *position));
                    format!("at {slot}")
                }
            };
            let said = reason.as_ref().map_or(said.clone(), |reason| format!("{said} {reason}"));
            reasons.entry(name(*position)).or_default().push(said);
        }
        let pinned: BTreeSet<usize> = pins.iter().map(|(_, position)| *position).collect();
        let left = order(&scores).into_iter();
        let mut after: Vec<usize> = left.filter(|at| !off.contains(at) && !pinned.contains(at)).collect();
        pins.sort_unstable();
        for (slot, position) in pins {
            after.insert(slot.min(after.len()), position);
        }
        Trial {
            before: before.into_iter().map(name).collect(),
            after: after.into_iter().map(name).collect(),
            reasons,
            failure: outcome.degraded.into_iter().next().map(|degraded| degraded.message),
            differences: Vec::new(),
            time: Duration::ZERO,
            fuel: 0,
            fuel_max: 0,
        }
    }

    fn differences(&self, trial: &Trial) -> Vec<String> {
        let Document { expected_order, expected_reasons, expected_failure, .. } = &self.document;
        let mut differences = Vec::new();
        if trial.failure != *expected_failure {
            let said = |failure: &Option<String>| {
                failure.as_ref().map_or("none".to_owned(), |failure| format!("`{failure}`"))
            };
            differences.push(format!(
                "failure is {}, expected {}",
                said(&trial.failure),
                said(expected_failure)
            ));
        }
        if trial.after != *expected_order {
            let (got, expected) = (trial.after.join(", "), expected_order.join(", "));
            differences.push(format!("order is {got}; expected {expected}"));
        }
        let items: BTreeSet<&String> = trial.reasons.keys().chain(expected_reasons.keys()).collect();
        for item in items {
            let list = |reasons: Option<&Vec<String>>| {
                reasons
                    .filter(|reasons| !reasons.is_empty())
                    .map_or("none".to_owned(), |reasons| reasons.join("; "))
            };
            let (got, expected) = (list(trial.reasons.get(item)), list(expected_reasons.get(item)));
            if got != expected {
                differences.push(format!("reasons of {item} are {got}; expected {expected}"));
            }
        }
        differences
    }
}

fn batch(candidates: &[CandidateTable]) -> Result<Batch, String> {
    let names: BTreeSet<&String> =
        candidates.iter().flat_map(|candidate| candidate.features.keys()).collect();
    let column = |name: &String| {
        candidates.iter().map(|c| c.features.get(name).copied().unwrap_or(f32::NAN)).collect::<Vec<f32>>()
    };
    let item = |candidate: &CandidateTable| {
        if !candidate.score.is_finite() {
            return Err(format!("score of {} is {}, expected a number", candidate.item, candidate.score));
        }
        let attributes = candidate.attributes.iter();
        Ok(Arc::new(Item {
            id: ItemId::parse(&candidate.item).map_err(|error| format!("candidate.item: {error}"))?,
            kind: candidate.kind.clone(),
            title: None,
            text: None,
            tags: candidate.tags.clone(),
            attributes: attributes.map(|(name, text)| (name.clone(), Value::Text(text.clone()))).collect(),
            published_at: None,
            expires_at: None,
            provider: None,
        }))
    };
    Ok(Batch {
        scores: candidates.iter().map(|candidate| candidate.score).collect(),
        features: names.into_iter().map(|name| (name.clone(), column(name))).collect(),
        items: candidates.iter().map(item).collect::<Result<_, String>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(Fixture::parse(text).map(|_| ()), Err(expected.to_owned()));
    }

    #[test]
    fn a_fixture_that_is_none_is_refused_by_field() {
        let row = "[[candidate]]\nitem = \"a\"\nkind = \"film\"\nscore = 0.0\n";
        assert!(Fixture::parse(&format!("expected-order = [\"a\"]\n{row}")).is_ok());
        check("expected-order = []", "has 0 [[candidate]], expected 1 to 1000");
        check(row, "missing field `expected-order`");
        let head = "expected-order = []\n";
        check(
            &format!("{head}[context]\nminute-of-day = 1440\n{row}"),
            "context.minute-of-day is 1440, expected 0 to 1439",
        );
        check(
            &format!("{head}[context]\nweekday = 8\n{row}"),
            "context.weekday is 8, expected 1 (Monday) to 7 (Sunday)",
        );
        check(&format!("{head}{}", row.replace("0.0", "nan")), "score of a is NaN, expected a number");
        check(
            &format!("{head}{}", row.replace("\"a\"", "\"a b\"")),
            "candidate.item: id `a b` has ' ', expected 1 to 128 of [A-Za-z0-9._:@-]",
        );
    }
}
