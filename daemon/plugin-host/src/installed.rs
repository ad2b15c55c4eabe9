//! The plugins that a person has installed: one folder a version, `<id>/<version>-<digest>/`, and
//! `state.toml` beside them, which says which version runs, in which order, and with which consent.
//!
//! Folders are written once and never changed. Whatever a person decides is one replacement of
//! `state.toml`, so that a power cut leaves the state before or the state after.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use attuned_recommender::PluginId;

use crate::error::PluginError;
use crate::limits::{INSTALLED_MAX, STATE_BYTES};
use crate::package::Package;
use crate::{Consent, PublicKey};

mod state;

use state::Document;

const STATE: &str = "state.toml";
const LOCK: &str = ".lock";

/// What is installed in one folder, as it was when it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    path: PathBuf,
    /// In the order in which they run.
    plugins: Vec<InstalledPlugin>,
}

/// One plugin that a person has installed.
#[derive(Debug, Clone, PartialEq)]
pub struct InstalledPlugin {
    /// Its id.
    pub id: PluginId,
    /// The version that runs.
    pub current: InstalledVersion,
    /// The version that ran before, to go back to.
    pub previous: Option<InstalledVersion>,
    /// Whether it runs at all.
    pub enabled: bool,
    /// What a person gave: its grants at most, and its settings.
    pub consent: Consent,
}

/// One version of an installed plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledVersion {
    /// From its manifest.
    pub version: String,
    /// Of all its files; see [`Package::digest`].
    pub digest: String,
    /// Who signed it; `None` if a person allowed it unsigned.
    pub signer: Option<PublicKey>,
}

impl Installed {
    /// Reads what is installed in `path`; nothing is, if there is no such folder.
    ///
    /// # Errors
    ///
    /// [`PluginError::Unreadable`]: try again when the file can be read. [`PluginError::Refused`]:
    /// `state.toml` is damaged, and a person must act.
    pub fn read(path: &Path) -> Result<Installed, PluginError> {
        let name = path.display().to_string();
        let plugins = match crate::plugin::read(path, &name, STATE, STATE_BYTES) {
            Ok(text) => {
                let text = String::from_utf8(text).map_err(|_| "is no UTF-8 text".to_owned());
                text.and_then(|text| state::parse(&text))
                    .map_err(|reason| PluginError::refused(&name, format!("{STATE} {reason}")))?
            }
            Err(PluginError::Unreadable { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        Ok(Installed { path: path.to_owned(), plugins })
    }

    /// All plugins, in the order in which they run.
    #[must_use]
    pub fn plugins(&self) -> &[InstalledPlugin] {
        &self.plugins
    }

    /// The plugin of this id.
    ///
    /// # Errors
    ///
    /// [`PluginError::Refused`] with the ids that there are.
    pub fn plugin(&self, id: &str) -> Result<&InstalledPlugin, PluginError> {
        let found = self.plugins.iter().find(|plugin| plugin.id.as_str() == id);
        found.ok_or_else(|| {
            let ids: Vec<&str> = self.plugins.iter().map(|plugin| plugin.id.as_str()).collect();
            let ids = if ids.is_empty() { "nothing, as none is".to_owned() } else { ids.join(", ") };
            PluginError::refused(id, format!("is not installed, expected {ids}"))
        })
    }

    /// The folder of one version of a plugin.
    #[must_use]
    pub fn folder(&self, id: &PluginId, version: &InstalledVersion) -> PathBuf {
        folder(&self.path, id, version)
    }

    /// Reads the files of one version that is installed in `path` again.
    ///
    /// # Errors
    ///
    /// [`PluginError::Refused`] if they are not those that were installed.
    pub fn verify(path: &Path, id: &PluginId, version: &InstalledVersion) -> Result<Package, PluginError> {
        let package = Package::read_folder(&folder(path, id, version))?;
        if package.id() != id || package.digest() != version.digest {
            let reason = "its files are not those that were installed, install it again".to_owned();
            return Err(PluginError::refused(id.as_str(), reason));
        }
        Ok(package)
    }

    /// As [`Installed::verify`].
    ///
    /// # Errors
    ///
    /// As [`Installed::verify`].
    pub fn package(&self, id: &PluginId, version: &InstalledVersion) -> Result<Package, PluginError> {
        Installed::verify(&self.path, id, version)
    }

    /// Installs a package, as a new plugin that runs last, or as the version of a known one that runs
    /// from now on. The version that ran before is kept, an older one is removed.
    ///
    /// `given` comes on top of what a person gave to a known plugin before: what a new version asks
    /// for beyond both waits until it is given. Values of settings that a new version lacks are
    /// dropped. `check` tries the files where they will stay, before anything names them.
    ///
    /// # Errors
    ///
    /// [`PluginError::Refused`] at the limit of plugins or as `check` says,
    /// [`PluginError::Unwritable`] if the folder cannot be written. What runs has not changed then.
    pub fn install(
        path: &Path,
        package: &Package,
        signer: Option<PublicKey>,
        given: &Consent,
        check: impl FnOnce(&Path, &Consent) -> Result<(), PluginError>,
    ) -> Result<InstalledPlugin, PluginError> {
        let id = package.id();
        check_id(id).map_err(|reason| PluginError::refused(id.as_str(), reason))?;
        let digest = package.digest();
        let current = InstalledVersion { version: package.version().to_owned(), digest, signer };
        change(path, |plugins| {
            let known = plugins.iter().position(|known| known.id == *id);
            if known.is_none() && plugins.len() == INSTALLED_MAX {
                let reason = format!("{INSTALLED_MAX} plugins are installed, expected fewer; remove one");
                return Err(PluginError::refused(id.as_str(), reason));
            }
            let consent = match known {
                None => given.clone(),
                Some(at) => consent_of_upgrade(&plugins[at].consent, given, package),
            };
            write_version(path, package, &current).map_err(|source| unwritable(path, source))?;
            check(&folder(path, id, &current), &consent).inspect_err(|_| sweep(path, id, plugins))?;
            let Some(at) = known else {
                let (id, previous) = (id.clone(), None);
                let plugin = InstalledPlugin { id, current, previous, enabled: true, consent };
                plugins.push(plugin.clone());
                return Ok(plugin);
            };
            let plugin = &mut plugins[at];
            plugin.consent = consent;
            let before = std::mem::replace(&mut plugin.current, current);
            if before.digest != plugin.current.digest {
                plugin.previous = Some(before);
            }
            Ok(plugin.clone())
        })
    }

    /// Changes what a person decided about a plugin: its consent, or whether it runs.
    ///
    /// # Errors
    ///
    /// As for [`Installed::install`], and [`PluginError::Refused`] if it is not installed, or as
    /// `decide` says. Nothing has changed then.
    pub fn decide(
        path: &Path,
        id: &str,
        decide: impl FnOnce(&mut InstalledPlugin) -> Result<(), PluginError>,
    ) -> Result<InstalledPlugin, PluginError> {
        change(path, |plugins| {
            let at = position(path, plugins, id)?;
            decide(&mut plugins[at])?;
            Ok(plugins[at].clone())
        })
    }

    /// Goes back to the version that ran before; a second time goes forth again.
    ///
    /// # Errors
    ///
    /// As for [`Installed::decide`], and if no other version is kept.
    pub fn roll_back(path: &Path, id: &str) -> Result<InstalledPlugin, PluginError> {
        Installed::decide(path, id, |plugin| {
            let Some(previous) = plugin.previous.take() else {
                let reason =
                    format!("no version but {} is kept, expected one to go back to", plugin.current.version);
                return Err(PluginError::refused(id, reason));
            };
            plugin.previous = Some(std::mem::replace(&mut plugin.current, previous));
            Ok(())
        })
    }

    /// Removes a plugin with all its versions, settings and grants.
    ///
    /// # Errors
    ///
    /// As for [`Installed::decide`].
    pub fn remove(path: &Path, id: &str) -> Result<(), PluginError> {
        change(path, |plugins| {
            let at = position(path, plugins, id)?;
            plugins.remove(at);
            Ok(())
        })
    }

    /// Puts these plugins first, in this order; the others follow as they were.
    ///
    /// # Errors
    ///
    /// As for [`Installed::decide`], and if one is named twice.
    pub fn order(path: &Path, first: &[String]) -> Result<(), PluginError> {
        change(path, |plugins| {
            let mut ordered = Vec::new();
            for id in first {
                if ordered.iter().any(|known: &InstalledPlugin| known.id.as_str() == id) {
                    return Err(PluginError::refused(id, "is named twice, expected once".to_owned()));
                }
                let at = position(path, plugins, id)?;
                ordered.push(plugins[at].clone());
            }
            plugins.retain(|plugin| !ordered.iter().any(|known| known.id == plugin.id));
            ordered.append(plugins);
            *plugins = ordered;
            Ok(())
        })
    }
}

fn consent_of_upgrade(before: &Consent, given: &Consent, package: &Package) -> Consent {
    let mut settings = before.settings.clone();
    settings.retain(|name, _| package.has_setting(name));
    settings.extend(given.settings.clone());
    let shadow = before.shadow || given.shadow;
    Consent { grants: before.grants.either(given.grants), settings, shadow, again: before.again }
}

/// Whether an id can be the name of a folder beside `state.toml`.
fn check_id(id: &PluginId) -> Result<(), String> {
    if !id.as_str().starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Err(format!("plugin.id is `{id}`, expected one that begins with a letter or digit"));
    }
    if id.as_str() == STATE {
        return Err(format!("plugin.id is `{id}`, expected one like org.example.my-rule"));
    }
    Ok(())
}

fn position(path: &Path, plugins: &[InstalledPlugin], id: &str) -> Result<usize, PluginError> {
    let at = plugins.iter().position(|plugin| plugin.id.as_str() == id);
    at.map_or_else(
        || {
            let installed = Installed { path: path.to_owned(), plugins: plugins.to_vec() };
            Err(installed.plugin(id).expect_err("it was looked for"))
        },
        Ok,
    )
}

fn folder(path: &Path, id: &PluginId, version: &InstalledVersion) -> PathBuf {
    path.join(id.as_str()).join(format!("{}-{}", version.version, &version.digest[..DIGEST_DIGITS]))
}

/// Digits of the digest in a folder's name: enough to tell versions of one plugin apart. All digits
/// are compared when the folder is read.
const DIGEST_DIGITS: usize = 16;

/// Changes the state under its lock: one process at a time, and all or nothing. Folders of versions
/// that are no longer named are removed afterwards; those that a power cut leaves go with the next
/// change.
fn change<R>(
    path: &Path,
    change: impl FnOnce(&mut Vec<InstalledPlugin>) -> Result<R, PluginError>,
) -> Result<R, PluginError> {
    let unwritable = |source| unwritable(path, source);
    fs::create_dir_all(path).map_err(unwritable)?;
    let lock = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK));
    let lock = lock.map_err(unwritable)?;
    lock.lock().map_err(unwritable)?;
    let mut installed = Installed::read(path)?;
    let before = installed.plugins.clone();
    let made = change(&mut installed.plugins)?;
    if installed.plugins != before {
        replace_state(path, &installed.plugins).map_err(unwritable)?;
    }
    for plugin in before.iter().chain(&installed.plugins) {
        sweep(path, &plugin.id, &installed.plugins);
    }
    Ok(made)
}

/// Writes the new state beside the old one, waits until it is on the disk, and puts it in its place.
fn replace_state(path: &Path, plugins: &[InstalledPlugin]) -> std::io::Result<()> {
    let text = Document::of(plugins).to_text();
    let new = path.join(".state.toml.new");
    let mut file = fs::File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, path.join(STATE))?;
    fs::File::open(path)?.sync_all()
}

/// Writes the files of a version where they will stay. A folder of that name that is there already
/// is either whole, or was left by a power cut, and is written anew.
fn write_version(path: &Path, package: &Package, version: &InstalledVersion) -> std::io::Result<()> {
    let folder = folder(path, package.id(), version);
    let whole =
        |folder: &Path| Package::read_folder(folder).is_ok_and(|found| found.digest() == version.digest);
    if whole(&folder) && signed(&folder) == version.signer.is_some() {
        return Ok(());
    }
    let parent = path.join(package.id().as_str());
    let new = parent.join(".new");
    remove(&new)?;
    package.write_folder(&new)?;
    remove(&folder)?;
    fs::rename(&new, &folder)?;
    fs::File::open(&parent)?.sync_all()?;
    fs::File::open(path)?.sync_all()
}

fn signed(folder: &Path) -> bool {
    folder.join("SIGNATURE").exists()
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes the folders of a plugin's versions that `plugins` do not name, and its own if none is
/// left. What cannot be removed does no harm.
fn sweep(path: &Path, id: &PluginId, plugins: &[InstalledPlugin]) {
    let named: Vec<PathBuf> = plugins
        .iter()
        .filter(|plugin| plugin.id == *id)
        .flat_map(|plugin| [Some(&plugin.current), plugin.previous.as_ref()])
        .flatten()
        .map(|version| folder(path, id, version))
        .collect();
    let parent = path.join(id.as_str());
    let Ok(entries) = fs::read_dir(&parent) else { return };
    for version in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if !named.contains(&version)
            && let Err(error) = remove(&version)
        {
            tracing::warn!(path = %version.display(), %error, "a version that is not used any more stays");
        }
    }
    // It is removed only if nothing is left in it.
    drop(fs::remove_dir(&parent));
}

fn unwritable(path: &Path, source: std::io::Error) -> PluginError {
    PluginError::Unwritable { path: path.display().to_string(), source }
}
