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
mod chain;
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
mod shadow;
mod signature;
mod ticker;

use std::path::{Path, PathBuf};

use attuned_recommender::ruling::Adjustment;
use attuned_recommender::{PluginId, Timestamp};

pub use breaker::{BreakerRecord, PluginState};
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
pub use shadow::{ShadowExample, ShadowReport};
pub use signature::{KEY_TEXT_BYTES_MAX, PublicKey, SecretKey};

use chain::Unshadowed;
use plugin::Plugin;

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
    unshadowed: Option<Unshadowed>,
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
    /// What it would have changed since it was loaded, if it runs in shadow; else what it says counts.
    pub shadow: Option<ShadowReport>,
}

impl PluginHost {
    /// Starts the engine and the thread that counts its time.
    ///
    /// # Errors
    ///
    /// [`PluginError::NoEngine`] if this machine cannot run the engine: go on without plugins, and
    /// say so.
    pub fn new(settings: HostSettings) -> Result<PluginHost, PluginError> {
        Ok(PluginHost { loader: Loader::start(&settings)?, settings, plugins: Vec::new(), unshadowed: None })
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
        self.unshadowed = None;
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
        self.unshadowed = None;
        self.plugins = vec![self.loader.load_empty_rule(now)?.0];
        Ok(())
    }

    /// Makes `chain` the plugins that run, in this order: each is one that was loaded, or one that
    /// runs already and goes on with its counters, log and breaker; one that neither runs nor was
    /// loaded is left out. It costs no call, and a request before it has seen the old chain only, one
    /// after it the new one only.
    pub fn replace(&mut self, chain: Vec<(PluginId, Option<Loaded>)>) {
        // It names plugins by their place in the chain.
        self.unshadowed = None;
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

    /// What is to be kept, over restarts, of plugins that failed too often.
    #[must_use]
    pub fn breakers(&self) -> Vec<BreakerRecord> {
        let record =
            |plugin: &Plugin| plugin.breaker.record(plugin.manifest.id.as_str(), &plugin.fingerprint);
        self.plugins.iter().filter_map(record).collect()
    }

    /// Lets plugins go on as they were before a restart: those that are the same and of which nobody has
    /// decided anything since.
    pub fn restore_breakers(&mut self, records: &[BreakerRecord]) {
        for plugin in &mut self.plugins {
            let same = |record: &&BreakerRecord| {
                record.plugin == plugin.manifest.id.as_str() && record.fingerprint == plugin.fingerprint
            };
            if let Some(record) = records.iter().find(same) {
                plugin.breaker.restore(record);
            }
        }
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

    /// Takes fresh instances in the place of those that a failure has cost, so that the next request need
    /// not wait for that.
    pub fn warm(&mut self) {
        self.plugins.iter_mut().for_each(|plugin| plugin.warm(&self.loader.shared.ticker));
    }

    /// Gives the memory of all instances back. Nothing is lost, as rules keep no state; the next call
    /// of each plugin takes a fresh instance, which costs some microseconds.
    pub fn release(&mut self) {
        self.plugins.iter_mut().for_each(Plugin::release);
    }
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
        shadow: plugin.shadow.clone(),
    }
}
