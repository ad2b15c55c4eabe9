//! The sandbox of ranking plugins: candidates in, bounded verdicts out.
//!
//! Owns packages and their signatures, the folder of installed plugins, the WebAssembly engine, every
//! limit, and the policy for what comes back from a guest. It knows nothing of requests, profiles, networks or stores, and it is the only
//! crate that knows the engine; no type of the engine is in its public functions.
//!
//! A plugin that fails contributes nothing to a request and is named in [`ChainOutcome::degraded`];
//! nothing that a guest does makes [`PluginHost::rank`] fail or take longer than
//! [`limits::CHAIN_MS`] and the time of a clock tick.

mod bounds;
mod breaker;
mod component;
mod contract;
mod engine;
mod error;
mod fixture;
mod grants;
mod installed;
pub mod limits;
mod loader;
mod log;
mod manifest;
mod package;
mod plugin;
mod sandbox;
mod setting;
mod signature;
mod ticker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use attuned_recommender::ruling::{Adjustment, Batch, Effect, RuleContext};
use attuned_recommender::{PluginId, Timestamp};

pub use breaker::PluginState;
pub use component::componentize;
pub use engine::Engine;
pub use error::{Cause, Degraded, PluginError};
pub use fixture::{Fixture, Trial};
pub use grants::{Consent, Grants};
pub use installed::{Installed, InstalledPlugin, InstalledVersion};
pub use limits::Limits;
pub use loader::{Loaded, Loader};
pub use log::{LogLevel, LogLine};
pub use package::{Origin, Package};
pub use plugin::Counters;
pub use setting::SettingSummary;
pub use signature::{KEY_TEXT_BYTES_MAX, PublicKey, SecretKey};

use error::CallError;
use plugin::Plugin;
use sandbox::Input;

/// The time of all plugins of one request together.
const CHAIN: Duration = Duration::from_millis(limits::CHAIN_MS);

/// How the host is set up.
#[derive(Debug, Clone)]
pub struct HostSettings {
    /// What runs the components.
    pub engine: Engine,
    /// The secret of this installation from which the pseudonyms of users are made.
    pub pseudonym_key: [u8; 32],
    /// The language of the household (`en`, `de` …) for requests that name none.
    pub language: String,
    /// The folder of compiled components, for this user alone; without one, components are compiled
    /// each time that they are loaded.
    pub cache: Option<PathBuf>,
}

impl HostSettings {
    /// Settings for an English-speaking household.
    #[must_use]
    pub fn new(engine: Engine, pseudonym_key: [u8; 32]) -> Self {
        Self { engine, pseudonym_key, language: "en".to_owned(), cache: None }
    }
}

/// All plugins of a daemon. One thread owns it, whose stack must be larger than
/// [`limits::WASM_STACK_BYTES`].
pub struct PluginHost {
    settings: HostSettings,
    plugins: Vec<Plugin>,
    loader: Loader,
}

/// What all plugins together made of one batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChainOutcome {
    /// What changes, in the order in which the rules ran; at most one a position and plugin.
    pub adjustments: Vec<Adjustment>,
    /// The plugins that should have contributed and did not.
    pub degraded: Vec<Degraded>,
}

/// A plugin as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginSummary {
    /// Its name.
    pub id: PluginId,
    /// Its version.
    pub version: String,
    /// The interface that its component was built for, like `attuned:ranking@0.1.0`.
    pub interface: String,
    /// What it does, in its author's words.
    pub summary: String,
    /// Whether it is asked.
    pub state: PluginState,
    /// What it may do.
    pub grants: Grants,
    /// What it may use up.
    pub limits: Limits,
    /// Size of its component.
    pub component_bytes: u64,
    /// What happened since it was loaded.
    pub counters: Counters,
}

impl PluginHost {
    /// Starts the engine and the thread that counts its time.
    ///
    /// # Errors
    ///
    /// [`PluginError::NoEngine`] if this machine cannot run the engine: go on without plugins, and
    /// say so.
    pub fn new(settings: HostSettings) -> Result<PluginHost, PluginError> {
        Ok(PluginHost { loader: Loader::start(&settings)?, settings, plugins: Vec::new() })
    }

    /// What loads plugins for this host, on any thread.
    #[must_use]
    pub fn loader(&self) -> Loader {
        self.loader.clone()
    }

    /// Loads the package in `folder`: `plugin.toml` and the component that it names. Its grants are
    /// what the manifest asks for and `consent` gives. A plugin that is there already is replaced in
    /// its place of the chain, and starts anew; a new one runs last.
    ///
    /// # Errors
    ///
    /// [`PluginError::Refused`]: leave it out until its files or the consent change, and show the
    /// sentence. [`PluginError::Unreadable`]: try again when the file can be read. A plugin of the
    /// same id that was loaded before stays.
    pub fn load(
        &mut self,
        folder: &Path,
        consent: &Consent,
        now: Timestamp,
    ) -> Result<PluginSummary, PluginError> {
        let loaded = self.loader.load(folder, consent, now)?;
        let summary = loaded.summary();
        match self.plugins.iter_mut().find(|known| known.manifest.id == summary.id) {
            Some(known) => *known = loaded.0,
            None => self.plugins.push(loaded.0),
        }
        self.loader.remember(&self.plugins);
        Ok(summary)
    }

    /// Makes a rule that does nothing the only plugin, to measure others against.
    ///
    /// # Errors
    ///
    /// Our own fault: it is part of the program.
    pub fn load_empty_rule(&mut self, now: Timestamp) -> Result<(), PluginError> {
        self.plugins = vec![self.loader.load_empty_rule(now)?.0];
        Ok(())
    }

    /// Makes `chain` the plugins that run, in this order: each is one that was loaded, or one that
    /// runs already and goes on with its counters, log and breaker; one that neither runs nor was
    /// loaded is left out. It costs no call, and a request before it has seen the old chain only, one
    /// after it the new one only.
    pub fn replace(&mut self, chain: Vec<(PluginId, Option<Loaded>)>) {
        let mut before = std::mem::take(&mut self.plugins);
        self.plugins = chain
            .into_iter()
            .filter_map(|(id, loaded)| match loaded {
                Some(loaded) => Some(loaded.0),
                None => {
                    let at = before.iter().position(|known| known.manifest.id == id)?;
                    Some(before.swap_remove(at))
                }
            })
            .collect();
        self.loader.remember(&self.plugins);
    }

    /// All plugins, in the order in which they run.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginSummary> {
        self.plugins.iter().map(summary).collect()
    }

    /// The newest lines of a plugin's log, oldest first; none if there is no such plugin.
    #[must_use]
    pub fn log(&self, plugin: &PluginId) -> Vec<LogLine> {
        let plugin = self.plugins.iter().find(|known| known.manifest.id == *plugin);
        plugin.map_or_else(Vec::new, |plugin| plugin.log.lines())
    }

    /// Gives the memory of all instances back. Nothing is lost, as rules keep no state; the next call
    /// of each plugin takes a fresh instance, which costs some microseconds.
    pub fn release(&mut self) {
        self.plugins.iter_mut().for_each(Plugin::release);
    }

    /// Asks every plugin about a batch, in order; each sees the scores after those before it. Rules
    /// see the first [`limits::CANDIDATES_MAX`] rows: hand candidates over best first.
    pub fn rank(&mut self, batch: &Arc<Batch>, context: &Arc<RuleContext>, now: Timestamp) -> ChainOutcome {
        let start = Instant::now();
        let mut outcome = ChainOutcome::default();
        let len = batch.scores.len().min(batch.items.len()).min(limits::CANDIDATES_MAX);
        if len == 0 {
            return outcome;
        }
        let mut chain = Chain { scores: batch.scores[..len].to_vec(), excluded: vec![false; len] };
        let locale = context.facets.get("locale").map(|locale| locale.split(['-', '_']).next());
        let mut languages: Vec<&str> = locale.flatten().into_iter().collect();
        languages.push(&self.settings.language);
        for plugin in &mut self.plugins {
            let left = CHAIN.saturating_sub(start.elapsed());
            let id = plugin.manifest.id.clone();
            let degraded = |error: CallError| Degraded {
                plugin: id.clone(),
                cause: error.cause,
                message: error.message,
            };
            if !plugin.breaker.admits(now) {
                plugin.counters.left_out += 1;
                outcome.degraded.push(degraded(CallError::new(Cause::CircuitOpen, left_out(plugin))));
                continue;
            }
            if left.is_zero() {
                let message =
                    format!("was not asked, as the {} ms of all plugins were over", limits::CHAIN_MS);
                outcome.degraded.push(degraded(CallError::new(Cause::ChainBudget, message)));
                continue;
            }
            let subject = context.subject.as_ref().filter(|_| plugin.grants.subject);
            let input = Input {
                batch: Arc::clone(batch),
                context: Arc::clone(context),
                scores: chain.scores.clone(),
                subject: subject.map(|user| pseudonym(&self.settings.pseudonym_key, &id, user.as_str())),
            };
            let ruled = plugin
                .rank(input, left, &self.loader.shared.ticker, now)
                .and_then(|ruling| bounds::bound(ruling, &chain.scores, &chain.excluded, &plugin.grants));
            match ruled {
                Ok(bounded) => {
                    plugin.breaker.succeeded();
                    plugin.counters.dropped_verdicts += bounded.dropped;
                    plugin.counters.ungranted_verdicts += bounded.ungranted;
                    chain.apply(&bounded.changes);
                    outcome.adjustments.extend(bounded.changes.into_iter().map(|change| {
                        Adjustment {
                            position: change.position,
                            plugin: id.clone(),
                            effect: change.effect,
                            reason: change
                                .reason
                                .and_then(|row| plugin.manifest.reason(row, &languages).map(str::to_owned)),
                        }
                    }));
                }
                Err(error) => {
                    plugin.counters.failures += 1;
                    plugin.counters.last_failure = Some(error.message.clone());
                    // A plugin that got less than its own time, as others had used it up, is not to blame.
                    let fair = plugin.wall().min(CHAIN).saturating_sub(Duration::from_millis(1));
                    let to_blame = error.cause != Cause::Deadline || left >= fair;
                    if to_blame && plugin.breaker.failed(now) {
                        tracing::warn!(plugin = %id, failure = error.message, "plugin fails too often, it is left out");
                    }
                    outcome.degraded.push(degraded(error));
                }
            }
        }
        outcome
    }
}

/// The batch as the rules so far have left it.
struct Chain {
    scores: Vec<f32>,
    excluded: Vec<bool>,
}

impl Chain {
    fn apply(&mut self, changes: &[bounds::Change]) {
        for change in changes {
            match change.effect {
                Effect::Add(log_odds) => self.scores[change.position] += log_odds,
                Effect::Exclude => self.excluded[change.position] = true,
                Effect::Pin(_) => {}
            }
        }
    }
}

fn left_out(plugin: &Plugin) -> String {
    match plugin.breaker.state() {
        PluginState::Disabled => "is disabled, as it failed too often; load it again to try it".to_owned(),
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

fn summary(plugin: &Plugin) -> PluginSummary {
    let manifest = &plugin.manifest;
    PluginSummary {
        id: manifest.id.clone(),
        version: manifest.version.clone(),
        interface: plugin.interface.clone(),
        summary: manifest.summary.clone(),
        state: plugin.breaker.state(),
        grants: plugin.grants,
        limits: manifest.limits,
        component_bytes: plugin.component_bytes,
        counters: Counters { dropped_log_lines: plugin.log.dropped, ..plugin.counters.clone() },
    }
}
