//! Which plugins run: those that the configuration names, then those that a person has installed.
//!
//! Knows where they lie and what each is granted; knows nothing of requests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use attuned_plugin_host::{
    Consent, Engine, Grants, HostSettings, Installed, InstalledPlugin, Loaded, Loader, PluginError,
    PluginHost,
};
use attuned_recommender::{PluginId, Timestamp};

use crate::config::{Config, PluginConsent, PluginEngine, PluginsConfig};
use crate::document::Degraded;

mod breakers;

pub use breakers::Breakers;

/// The folder of compiled components in the store's.
const COMPILED: &str = "compiled";

/// The file of the plugins' breakers in the store's folder.
const BREAKERS: &str = "breakers.json";

/// One plugin that should run.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Its id.
    pub id: PluginId,
    folder: PathBuf,
    consent: Consent,
    /// What it was installed as; it is compared with its files before they are loaded.
    installed: Option<Box<InstalledPlugin>>,
}

/// The plugins of a running daemon, as they were last loaded.
pub struct Plugins {
    config: PluginsConfig,
    loader: Loader,
    running: Mutex<Vec<Wanted>>,
    opened: Stamp,
}

/// What runs from now on; see [`PluginHost::replace`].
pub struct Change {
    /// In the order in which they run.
    pub chain: Vec<(PluginId, Option<Loaded>)>,
    /// Those that should run, and do not or not in their newest version.
    pub degraded: Vec<Degraded>,
}

/// Tells one state of the folder of installed plugins from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(Option<(SystemTime, u64, u64)>);

impl Plugins {
    /// Starts the sandbox of this configuration and loads every plugin that should run. `cache` is the
    /// folder of compiled components, if they are kept.
    ///
    /// # Errors
    ///
    /// The engine cannot run here: the configuration must name another.
    pub fn open(
        config: &Config,
        pseudonym_key: [u8; 32],
        cache: Option<PathBuf>,
        now: Timestamp,
    ) -> Result<(Plugins, PluginHost, Vec<Degraded>), PluginError> {
        let mut settings = HostSettings::new(engine(config.plugins.engine), pseudonym_key);
        settings.language = config.household.language.clone();
        settings.cache = cache;
        let mut host = PluginHost::new(settings)?;
        let plugins = Plugins {
            config: config.plugins.clone(),
            loader: host.loader(),
            running: Mutex::default(),
            // From before: what is installed while plugins are loaded is seen the next time.
            opened: stamp(&config.plugins),
        };
        let Change { chain, degraded } = plugins.change(&[], now);
        host.replace(chain);
        Ok((plugins, host, degraded))
    }

    /// Loads what has changed since the last time, and those of these ids in any case. It blocks for
    /// as long as that takes; what runs goes on meanwhile. One that cannot be loaded goes on as it
    /// ran before, if it did.
    pub fn change(&self, anew: &[PluginId], now: Timestamp) -> Change {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let (wanted, mut degraded) = wanted(&self.config);
        let (mut chain, mut next) = (Vec::new(), Vec::new());
        for plugin in wanted {
            let before = running.iter().find(|before| before.id == plugin.id);
            if before == Some(&plugin) && !anew.contains(&plugin.id) {
                chain.push((plugin.id.clone(), None));
                next.push(plugin);
                continue;
            }
            match plugin.load(&self.config.path, &self.loader, now) {
                Ok(loaded) => {
                    chain.push((plugin.id.clone(), Some(loaded)));
                    next.push(plugin);
                }
                Err(error) => {
                    degraded.push(left_out(plugin.id.as_str(), error.to_string()));
                    if let Some(before) = before {
                        chain.push((before.id.clone(), None));
                        next.push(before.clone());
                    }
                }
            }
        }
        *running = next;
        Change { chain, degraded }
    }

    /// What the folder of installed plugins looked like when they were first loaded.
    #[must_use]
    pub fn opened(&self) -> Stamp {
        self.opened.clone()
    }

    /// What it looks like now: it differs when something was installed or decided.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        stamp(&self.config)
    }
}

fn stamp(config: &PluginsConfig) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    // Each change puts a new file in the old one's place.
    let state = std::fs::metadata(config.path.join("state.toml")).ok();
    Stamp(state.and_then(|state| Some((state.modified().ok()?, state.len(), state.ino()))))
}

impl Wanted {
    fn load(&self, path: &Path, loader: &Loader, now: Timestamp) -> Result<Loaded, PluginError> {
        if let Some(plugin) = &self.installed {
            Installed::verify(path, &plugin.id, &plugin.current)?;
        }
        loader.load(&self.folder, &self.consent, now)
    }
}

/// The plugins that should run, in order, and why some cannot.
fn wanted(config: &PluginsConfig) -> (Vec<Wanted>, Vec<Degraded>) {
    let mut degraded = Vec::new();
    let installed = match Installed::read(&config.path) {
        Ok(installed) => Some(installed),
        Err(error) => {
            degraded.push(left_out("installed", error.to_string()));
            None
        }
    };
    let known = |id: &str| installed.as_ref().is_some_and(|installed| installed.plugin(id).is_ok());
    let folders = plugin_folders(config);
    let mut wanted: Vec<Wanted> = Vec::new();
    for row in config.enabled.iter().filter(|row| !known(&row.id)) {
        let found = PluginId::parse(&row.id).map_err(|error| error.to_string()).and_then(|id| {
            let missing = || format!("no plugin of that id is in {}", config.shipped.display());
            Ok((id, folders.get(&row.id).ok_or_else(missing)?))
        });
        match found {
            Ok((id, folder)) => {
                wanted.push(Wanted { id, folder: folder.clone(), consent: granted(row), installed: None })
            }
            Err(reason) => degraded.push(left_out(&row.id, reason)),
        }
    }
    let enabled = installed.iter().flat_map(|installed| {
        let enabled = installed.plugins().iter().filter(|plugin| plugin.enabled);
        enabled.map(|plugin| Wanted {
            id: plugin.id.clone(),
            folder: installed.folder(&plugin.id, &plugin.current),
            consent: plugin.consent.clone(),
            installed: Some(Box::new(plugin.clone())),
        })
    });
    wanted.extend(enabled);
    (wanted, degraded)
}

fn left_out(id: &str, reason: String) -> Degraded {
    Degraded { part: "plugin".to_owned(), name: id.to_owned(), reason }
}

/// The folder in which this configuration's daemon keeps compiled components.
#[must_use]
pub fn compiled_folder(config: &Config) -> PathBuf {
    config.store.path.join(COMPILED)
}

/// The file in which this configuration's daemon keeps which plugins failed too often.
#[must_use]
pub fn breakers_file(config: &Config) -> PathBuf {
    config.store.path.join(BREAKERS)
}

/// The engine as configured.
#[must_use]
pub const fn engine(engine: PluginEngine) -> Engine {
    match engine {
        PluginEngine::Pulley => Engine::Pulley,
        PluginEngine::Native => Engine::Native,
    }
}

/// The folders that hold one plugin each, by the ids in their `plugin.toml`: those that came with the
/// program, and those that somebody copied to the installed ones.
#[must_use]
pub fn plugin_folders(config: &PluginsConfig) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for path in [&config.path, &config.shipped] {
        let Ok(entries) = std::fs::read_dir(path) else { continue };
        let mut folders: Vec<PathBuf> =
            entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        folders.sort();
        for folder in folders {
            // A manifest that cannot be read is refused with its reason when it is loaded by its id.
            if let Some(id) = manifest_id(&folder) {
                found.entry(id).or_insert(folder);
            }
        }
    }
    found
}

fn manifest_id(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("plugin.toml")).ok()?;
    let manifest: toml::Table = toml::from_str(&text).ok()?;
    Some(manifest.get("plugin")?.get("id")?.as_str()?.to_owned())
}

/// What a row of the configuration grants.
#[must_use]
pub fn granted(consent: &PluginConsent) -> Consent {
    let text = |value: &toml::Value| match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Consent {
        grants: Grants {
            subject: consent.subject,
            item_ids: consent.item_ids,
            exclude: consent.exclude,
            exclude_most: consent.exclude_most,
            pin: consent.pin,
            max_boost: consent.max_boost,
            max_scale: consent.max_scale,
        },
        shadow: consent.shadow,
        again: 0,
        settings: consent.settings.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
    }
}
