//! Loading plugins, apart from running them: a component takes up to seconds to compile, and lists
//! are made meanwhile.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use attuned_compiled::Cache;
use attuned_recommender::Timestamp;
use wasmtime::component::{Component, Linker};

use crate::contract;
use crate::error::PluginError;
use crate::grants::Consent;
use crate::manifest::Manifest;
use crate::plugin::Plugin;
use crate::sandbox::Sandbox;
use crate::ticker::Ticker;
use crate::{HostSettings, PluginSummary};

/// A rule that does nothing. A test makes it from its text.
const EMPTY_RULE: &[u8] = include_bytes!("empty.wasm");

const EMPTY_MANIFEST: &str = r#"
manifest = 1
[plugin]
id = "attuned.empty"
version = "1.0.0"
interface = "attuned:ranking@0.1"
summary = "Does nothing"
license = "Apache-2.0 OR MIT"
wasm = { file = "rule.wasm", blake3 = "HASH" }
"#;

/// Loads plugins for one host. Clones share everything and may be on any thread whose stack is larger
/// than [`crate::limits::WASM_STACK_BYTES`].
#[derive(Clone)]
pub struct Loader {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    linker: Linker<Sandbox>,
    pub(crate) ticker: Ticker,
    cache: Option<Cache>,
    /// The components of the plugins that are in use, by their hashes.
    known: Mutex<BTreeMap<String, Component>>,
    engine: wasmtime::Engine,
}

/// A plugin that was loaded and checked, and is not in use yet.
pub struct Loaded(pub(crate) Plugin);

impl Loader {
    pub(crate) fn start(settings: &HostSettings) -> Result<Loader, PluginError> {
        let no_engine = |reason: String| PluginError::NoEngine { engine: settings.engine, reason };
        let engine = settings.engine.start().map_err(|error| no_engine(format!("{error:#}")))?;
        let mut linker = Linker::new(&engine);
        contract::link(&mut linker).map_err(|error| no_engine(format!("{error:#}")))?;
        let ticker = Ticker::start(&engine).map_err(|error| no_engine(error.to_string()))?;
        let cache = settings.cache.as_deref().and_then(|folder| {
            Cache::open(folder)
                .inspect_err(|error| tracing::warn!(%error, "plugins are compiled at every start"))
                .ok()
        });
        let shared = Shared { linker, ticker, cache, known: Mutex::default(), engine };
        Ok(Loader { shared: Arc::new(shared) })
    }

    /// Reads, checks and compiles the package in `folder`, and runs its `check`. Its grants are what
    /// the manifest asks for and `consent` gives.
    ///
    /// # Errors
    ///
    /// [`PluginError::Refused`]: leave it out until its files or the consent change, and show the
    /// sentence. [`PluginError::Unreadable`]: try again when the file can be read.
    pub fn load(&self, folder: &Path, consent: &Consent, now: Timestamp) -> Result<Loaded, PluginError> {
        let shared = &*self.shared;
        Plugin::load(
            folder,
            consent,
            &shared.linker,
            |hash, wasm| self.component(hash, wasm),
            &shared.ticker,
            now,
        )
        .map(Loaded)
    }

    /// The rule that does nothing, to measure others against.
    ///
    /// # Errors
    ///
    /// Our own fault: it is part of the program.
    pub(crate) fn load_empty_rule(&self, now: Timestamp) -> Result<Loaded, PluginError> {
        let hash = blake3::hash(EMPTY_RULE).to_hex();
        let manifest = EMPTY_MANIFEST.replace("HASH", &hash);
        let manifest = Manifest::parse(&manifest).map_err(|reason| PluginError::refused("empty", reason))?;
        let (shared, consent) = (&*self.shared, Consent::default());
        let compile = |hash: &str, wasm: &[u8]| self.component(hash, wasm);
        Plugin::prepare(manifest, EMPTY_RULE, &consent, &shared.linker, compile, &shared.ticker, now)
            .map(Loaded)
    }

    /// The component of this hash as the engine runs it: one that is in use, or from the cache, or
    /// compiled and then kept there.
    fn component(&self, hash: &str, wasm: &[u8]) -> wasmtime::Result<Component> {
        let Shared { cache, known, engine, .. } = &*self.shared;
        if let Some(component) = known.lock().unwrap_or_else(PoisonError::into_inner).get(hash) {
            return Ok(component.clone());
        }
        if let Some(kept) = cache.as_ref().and_then(|cache| cache.get(engine, wasm)) {
            return Ok(kept);
        }
        let component = Component::from_binary(engine, wasm)?;
        if let Some(cache) = cache
            && let Err(error) = cache.put(engine, wasm, &component)
        {
            tracing::warn!(%error, "compiled plugin is not kept, it is compiled again at the next start");
        }
        Ok(component)
    }

    /// Remembers the components of the plugins that are in use, and no others.
    pub(crate) fn remember(&self, plugins: &[Plugin]) {
        let components = plugins.iter().map(Plugin::component).collect();
        *self.shared.known.lock().unwrap_or_else(PoisonError::into_inner) = components;
    }
}

impl Loaded {
    /// The plugin as people see it.
    #[must_use]
    pub fn summary(&self) -> PluginSummary {
        crate::summary(&self.0)
    }
}
