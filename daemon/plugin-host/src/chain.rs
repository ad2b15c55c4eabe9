//! One request: every plugin is asked about the batch, one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use attuned_recommender::ruling::{Adjustment, Batch, Effect, RuleContext};
use attuned_recommender::{PluginId, Timestamp};

use crate::bounds::{self, Bounded, Change};
use crate::breaker::PluginState;
use crate::error::{CallError, Cause, Degraded};
use crate::limits::{CANDIDATES_MAX, CHAIN_MS};
use crate::plugin::Plugin;
use crate::sandbox::Input;
use crate::{ChainOutcome, PluginHost};

/// The time of all plugins of one request together.
const CHAIN: Duration = Duration::from_millis(CHAIN_MS);

/// The batch as the rules so far have left it.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// Shape `[len]`, as the two others.
    pub(crate) scores: Vec<f32>,
    pub(crate) excluded: Vec<bool>,
    /// Slot and position.
    pub(crate) pins: Vec<(usize, usize)>,
}

/// A request as plugins are asked about it.
struct Request {
    batch: Arc<Batch>,
    context: Arc<RuleContext>,
    now: Timestamp,
}

/// A request that plugins in shadow have not seen yet.
pub(crate) struct Unshadowed {
    request: Request,
    /// What the others left.
    chain: Chain,
    /// What each of them will see: its number in the chain, and what the ones before it left.
    seen: Vec<(usize, Chain)>,
}

impl PluginHost {
    /// Asks every plugin about a batch, in order; each sees the scores after those before it. Rules
    /// see the first [`CANDIDATES_MAX`] rows: hand candidates over best first. Those in shadow are asked
    /// by [`PluginHost::rank_in_shadow`].
    pub fn rank(&mut self, batch: &Arc<Batch>, context: &Arc<RuleContext>, now: Timestamp) -> ChainOutcome {
        let start = Instant::now();
        let mut outcome = ChainOutcome::default();
        let len = batch.scores.len().min(batch.items.len()).min(CANDIDATES_MAX);
        if len == 0 {
            return outcome;
        }
        let request = Request { batch: Arc::clone(batch), context: Arc::clone(context), now };
        let mut chain = Chain::new(&batch.scores[..len]);
        let mut seen = Vec::new();
        let languages = languages(context, &self.settings.language);
        let languages: Vec<&str> = languages.iter().map(String::as_str).collect();
        for at in 0..self.plugins.len() {
            if self.plugins[at].shadow.is_some() {
                seen.push((at, chain.clone()));
                continue;
            }
            let asked = self.ask(at, &request, &chain, CHAIN.saturating_sub(start.elapsed()));
            let plugin = &self.plugins[at];
            match asked {
                Ok(Bounded { changes, .. }) => {
                    chain.apply(&changes);
                    outcome.adjustments.extend(plugin.adjustments(&changes, &languages));
                }
                Err(CallError { cause, message }) => {
                    outcome.degraded.push(Degraded { plugin: plugin.manifest.id.clone(), cause, message });
                }
            }
        }
        self.unshadowed = (!seen.is_empty()).then_some(Unshadowed { request, chain, seen });
        outcome
    }

    /// Asks the plugins in shadow about the batch of the last [`PluginHost::rank`], once, within the time
    /// that the others had, and counts what they would have changed. With `skip` none is asked, and
    /// that is counted: somebody waits for an answer.
    pub fn rank_in_shadow(&mut self, skip: bool) {
        let start = Instant::now();
        let Some(Unshadowed { request, chain, seen }) = self.unshadowed.take() else { return };
        for (at, seen) in seen {
            let left = CHAIN.saturating_sub(start.elapsed());
            let asked = if skip || left.is_zero() { None } else { Some(self.ask(at, &request, &seen, left)) };
            let Some(report) = &mut self.plugins[at].shadow else { continue };
            match asked {
                None => report.skipped += 1,
                Some(Ok(Bounded { changes, .. })) => {
                    let slate = match request.context.slate_size {
                        0 => usize::MAX,
                        size => size as usize,
                    };
                    let name = |position: usize| request.batch.items[position].id.to_string();
                    report.count(&chain, &changes, slate, request.now, name);
                }
                // It is counted among the plugin's failures.
                Some(Err(_)) => {}
            }
        }
    }

    /// Asks one plugin, within `left` and its own limits, if its breaker admits that.
    fn ask(
        &mut self,
        at: usize,
        request: &Request,
        chain: &Chain,
        left: Duration,
    ) -> Result<Bounded, CallError> {
        let plugin = &mut self.plugins[at];
        if !plugin.breaker.admits(request.now) {
            plugin.counters.left_out += 1;
            return Err(CallError::new(Cause::CircuitOpen, left_out(plugin)));
        }
        if left.is_zero() {
            plugin.counters.crowded_out += 1;
            let message = format!("was not asked, as the {CHAIN_MS} ms of all plugins were over");
            return Err(CallError::new(Cause::ChainBudget, message));
        }
        let id = &plugin.manifest.id;
        let subject = request.context.subject.as_ref().filter(|_| plugin.grants.subject);
        let input = Input {
            batch: Arc::clone(&request.batch),
            context: Arc::clone(&request.context),
            scores: chain.scores.clone(),
            subject: subject.map(|user| pseudonym(&self.settings.pseudonym_key, id, user.as_str())),
        };
        let ruled = plugin
            .rank(input, left, &self.loader.shared.ticker, request.now)
            .and_then(|ruling| bounds::bound(ruling, &chain.scores, &chain.excluded, &plugin.grants));
        match &ruled {
            Ok(bounded) => {
                plugin.breaker.succeeded();
                plugin.blame = Blame::default();
                plugin.counters.dropped_verdicts += bounded.dropped;
                plugin.counters.clamped_verdicts += bounded.clamped;
                plugin.counters.ungranted_verdicts += bounded.ungranted;
            }
            Err(error) => {
                plugin.counters.failed(error);
                let own = plugin.wall().min(CHAIN);
                let to_blame = error.cause != Cause::Deadline || plugin.blame.takes(left, own, plugin.worked);
                if to_blame && plugin.breaker.failed(request.now) {
                    plugin.counters.openings += 1;
                    let id = &plugin.manifest.id;
                    tracing::warn!(plugin = %id, failure = error.message, "plugin fails too often, it is left out");
                }
            }
        }
        ruled
    }
}

/// Whether a plugin that passed its deadline is to blame. On a busy machine time passes while it waits
/// for a processor: what it had of one in several calls counts together.
#[derive(Debug, Default)]
pub(crate) struct Blame {
    worked: Duration,
}

impl Blame {
    /// Takes in that a call which had `left`, of the time that is its `own`, worked for so long.
    fn takes(&mut self, left: Duration, own: Duration, worked: Duration) -> bool {
        // The clock of the deadline has ticks of a millisecond.
        let own = own.saturating_sub(Duration::from_millis(1));
        // Others had used up a part of its time.
        if left < own {
            return false;
        }
        self.worked += worked;
        let to_blame = self.worked >= own;
        if to_blame {
            self.worked = Duration::ZERO;
        }
        to_blame
    }
}

impl Chain {
    fn new(scores: &[f32]) -> Chain {
        Chain { scores: scores.to_vec(), excluded: vec![false; scores.len()], pins: Vec::new() }
    }

    pub(crate) fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            match change.effect {
                Effect::Add(log_odds) => self.scores[change.position] += log_odds,
                Effect::Exclude => self.excluded[change.position] = true,
                Effect::Pin(slot) => self.pins.push((slot as usize, change.position)),
            }
        }
    }
}

impl Plugin {
    /// The changes with their reasons in words.
    fn adjustments(&self, changes: &[Change], languages: &[&str]) -> Vec<Adjustment> {
        // Most changes of a ruling have the reason of the one before.
        let mut newest: Option<(u16, Option<&str>)> = None;
        let mut text = |row: u16| match newest {
            Some((known, text)) if known == row => text,
            Some(_) | None => newest.insert((row, self.manifest.reason(row, languages))).1,
        };
        let adjustment = |change: &Change| Adjustment {
            position: change.position,
            plugin: self.manifest.id.clone(),
            effect: change.effect,
            reason: change.reason.and_then(&mut text).map(str::to_owned),
        };
        changes.iter().map(adjustment).collect()
    }
}

/// The languages of reasons, best first: that of the request, then that of the house.
fn languages(context: &RuleContext, of_house: &str) -> Vec<String> {
    let locale = context.facets.get("locale").and_then(|locale| locale.split(['-', '_']).next());
    locale.into_iter().chain([of_house]).map(str::to_owned).collect()
}

fn left_out(plugin: &Plugin) -> String {
    match plugin.breaker.state() {
        PluginState::Disabled => {
            "is disabled, as it failed too often; `attuned plugin enable` tries it again".to_owned()
        }
        PluginState::Ready | PluginState::Trial | PluginState::Open { .. } => {
            let last = plugin.counters.last_failure.as_deref().unwrap_or("unknown");
            format!("is left out for a while, as it failed too often; the last time it {last}")
        }
    }
}

/// A name for a user that is the same for one plugin and different for any two.
fn pseudonym(key: &[u8; 32], plugin: &PluginId, user: &str) -> String {
    let mut hasher = blake3::Hasher::new_keyed(key);
    // No id has a zero byte, so no two pairs have the same text.
    hasher.update(plugin.as_str().as_bytes()).update(&[0]).update(user.as_bytes());
    hasher.finalize().to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls of a plugin whose time is 10 ms, as what was left of that and what it had of a processor,
    /// and whether it is to blame for each.
    fn check(calls: &[(u64, u64)], expected: &[bool]) {
        let mut blame = Blame::default();
        let ms = Duration::from_millis;
        let got = calls.iter().map(|(left, worked)| blame.takes(ms(*left), ms(10), ms(*worked)));
        assert_eq!(got.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_plugin_is_to_blame_for_time_in_which_it_worked() {
        check(&[(25, 10), (25, 11)], &[true, true]);
        // A quarter of a processor each time.
        check(&[(25, 3), (25, 3), (25, 3), (25, 3)], &[false, false, true, false]);
        check(&[(25, 0), (25, 0)], &[false, false]);
    }

    #[test]
    fn a_plugin_is_not_to_blame_where_others_had_used_up_its_time() {
        check(&[(5, 5), (5, 5), (5, 5)], &[false, false, false]);
        check(&[(9, 9), (10, 10)], &[true, true]);
    }
}
