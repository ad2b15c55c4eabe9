//! Opens the parts, and restores what was learnt.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use attuned_encoders::{Encoders, Limits};
use attuned_plugin_host::{Consent, Engine, Grants, HostSettings, PluginHost};
use attuned_recommender::{Input, Recommender, Settings, Timestamp};

use super::AppError;
use crate::config::{Config, MediaConfig, PluginConsent, PluginEngine, PluginsConfig};
use crate::document::Degraded;
use crate::pipeline::Parts;
use crate::service::Progress;
use crate::store::{Store, StoreError, StoreSettings};

/// Opens everything; blocks for as long as that takes.
pub(super) fn parts(config: &Config, progress: Progress) -> Result<Parts, AppError> {
    let now = Timestamp::from_unix_ms(jiff::Timestamp::now().as_millisecond());
    let mut degraded = Vec::new();
    let mut settings = StoreSettings::new(&config.store.path);
    settings.cache_bytes = u64::from(config.store.cache_mib) << 20;
    settings.media_file_bytes_max = config.media.bytes_max;
    let (store, report) = Store::open(settings).map_err(|error| match error {
        StoreError::InUse { .. } | StoreError::TooNew { .. } | StoreError::Unavailable { .. } => {
            AppError::Wrong(error.to_string())
        }
        other => AppError::Failed(other.to_string()),
    })?;
    for finding in report.degraded() {
        tracing::error!(%finding, "store damaged");
        degraded.push(Degraded { part: "store".to_owned(), name: "open".to_owned(), reason: finding });
    }
    let encoders = match Encoders::open(&config.models.path, limits(&config.media)) {
        Ok(encoders) => Some(encoders),
        Err(error) => {
            let reason = error.to_string();
            degraded.push(Degraded { part: "encoder".to_owned(), name: "models".to_owned(), reason });
            None
        }
    };
    let plugins = plugins(config, now, &mut degraded)?;
    let (recommender, through) =
        restore(config, now, &store, &mut degraded).map_err(|error| AppError::Failed(error.to_string()))?;
    let context =
        store.context().collect::<Result<_, _>>().map_err(|error| AppError::Failed(error.to_string()))?;
    Ok(Parts { store, recommender, through, encoders, plugins, context, degraded, progress })
}

/// The encoders' limits as configured.
#[must_use]
pub(crate) fn limits(config: &MediaConfig) -> Limits {
    Limits {
        bytes_max: usize::try_from(config.bytes_max).unwrap_or(usize::MAX),
        pixels_max: config.pixels_max,
        seconds_max: config.seconds_max,
        ..Limits::default()
    }
}

fn plugins(config: &Config, now: Timestamp, degraded: &mut Vec<Degraded>) -> Result<PluginHost, AppError> {
    let engine = match config.plugins.engine {
        PluginEngine::Pulley => Engine::Pulley,
        PluginEngine::Native => Engine::Native,
    };
    let mut settings = HostSettings::new(engine, pseudonym_key(&config.store.path)?);
    settings.language = config.household.language.clone();
    let mut host = PluginHost::new(settings).map_err(|error| AppError::Wrong(error.to_string()))?;
    if config.plugins.enabled.is_empty() {
        return Ok(host);
    }
    let folders = plugin_folders(&config.plugins);
    for consent in &config.plugins.enabled {
        let loaded = match folders.get(&consent.id) {
            Some(folder) => host.load(folder, &granted(consent), now).map_err(|error| error.to_string()),
            None => Err(format!("no plugin of that id is in {}", config.plugins.path.display())),
        };
        if let Err(reason) = loaded {
            tracing::error!(plugin = %consent.id, %reason, "plugin left out");
            degraded.push(Degraded { part: "plugin".to_owned(), name: consent.id.clone(), reason });
        }
    }
    Ok(host)
}

/// The plugins' folders by the ids in their `plugin.toml`.
pub(crate) fn plugin_folders(config: &PluginsConfig) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(&config.path) else { return found };
    let mut folders: Vec<PathBuf> =
        entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    folders.sort();
    for folder in folders {
        // A manifest that cannot be read is refused with its reason when it is loaded by its id.
        if let Some(id) = manifest_id(&folder) {
            found.entry(id).or_insert(folder);
        }
    }
    found
}

fn manifest_id(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("plugin.toml")).ok()?;
    let manifest: toml::Table = toml::from_str(&text).ok()?;
    Some(manifest.get("plugin")?.get("id")?.as_str()?.to_owned())
}

pub(crate) fn granted(consent: &PluginConsent) -> Consent {
    let text = |value: &toml::Value| match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Consent {
        grants: Grants {
            subject: consent.subject,
            item_ids: consent.item_ids,
            exclude: consent.exclude,
            pin: consent.pin,
            max_boost: consent.max_boost,
            max_scale: consent.max_scale,
            ..Grants::NONE
        },
        settings: consent.settings.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
    }
}

/// The secret of this installation that plugins' pseudonyms of people are made with; made once.
fn pseudonym_key(store: &Path) -> Result<[u8; 32], AppError> {
    use std::io::{Read, Write};
    use std::os::unix::fs::OpenOptionsExt;
    let file = store.join("pseudonym.key");
    let failed = |error: std::io::Error| AppError::Failed(format!("{}: {error}", file.display()));
    match std::fs::read(&file) {
        Ok(bytes) => {
            return bytes.try_into().map_err(|bytes: Vec<u8>| {
                AppError::Wrong(format!("{} has {} bytes, expected 32", file.display(), bytes.len()))
            });
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let mut key = [0; 32];
    std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut key)).map_err(failed)?;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)
        .and_then(|mut target| {
            target.write_all(&key)?;
            target.sync_all()
        })
        .map_err(failed)?;
    Ok(key)
}

/// Rebuilds the recommender: the catalogue, then what was learnt as of the last snapshot, then the
/// events after it.
fn restore(
    config: &Config,
    now: Timestamp,
    store: &Store,
    degraded: &mut Vec<Degraded>,
) -> Result<(Recommender, u64), StoreError> {
    let recommend = &config.recommend;
    let mut recommender = Recommender::new(Settings {
        liking_half_life_days: f64::from(recommend.taste_half_life_days),
        disliking_half_life_days: f64::from(recommend.dislike_half_life_days),
        diversity: recommend.diversity,
        ..Settings::default()
    });
    let mut damaged = BTreeSet::new();
    let household = store.household()?;
    let mut through = 0;
    for item in store.items() {
        match item {
            Ok(stored) => {
                let content = stored.content.unwrap_or_default();
                recommender.apply(Input::PutItem { item: stored.item, content }, now);
            }
            Err(error) => drop(damaged.insert(error.to_string())),
        }
    }
    if let Some(household) = household {
        through = household.through;
        recommender.restore_household(household.state);
    }
    for profile in store.profiles() {
        match profile {
            Ok(profile) => recommender.restore_user(profile.user, profile.state),
            Err(error) => drop(damaged.insert(error.to_string())),
        }
    }
    for event in store.events_after(through) {
        match event {
            Ok(stored) => {
                through = stored.seq;
                recommender.apply(Input::Event(stored.event), now);
            }
            Err(error) => drop(damaged.insert(error.to_string())),
        }
    }
    for reason in damaged {
        degraded.push(Degraded { part: "store".to_owned(), name: "record".to_owned(), reason });
    }
    Ok((recommender, through))
}
