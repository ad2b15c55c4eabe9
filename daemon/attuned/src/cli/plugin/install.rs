//! `attuned plugin install`.

use std::path::{Path, PathBuf};

use attuned_plugin_host::{
    Consent, HostSettings, Installed, InstalledPlugin, Origin, Package, PluginHost, PublicKey,
};
use clap::Args;
use serde_json::json;

use super::{Taken, given, now, reload, setting};
use crate::cli::session::configuration;
use crate::cli::{Common, Failure, Printer};
use crate::config::{Config, PluginsConfig};
use crate::plugins::{compiled_folder, engine};

#[derive(Debug, Args)]
pub struct Install {
    /// A package, NAME-VERSION.attuned, or a folder with its files
    #[arg(value_name = "PACKAGE")]
    package: PathBuf,
    /// What it may do: grants of its plugin.toml such as `exclude` or `max-boost=0.3`, or `all`
    #[arg(long, value_name = "GRANT,…")]
    grant: Vec<String>,
    /// Values of its settings
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Run it in shadow: what it says is counted and not applied
    #[arg(long)]
    shadow: bool,
    /// Install it though no key of plugins.trusted_keys has signed it
    #[arg(long)]
    allow_unsigned: bool,
}

pub fn run(install: Install, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let config = configuration(common)?;
    let package = match install.package.is_dir() {
        true => Package::read_folder(&install.package)?,
        false => Package::read(&install.package)?,
    };
    let signer = trusted(&package, &config.plugins, install.allow_unsigned)?;
    let consent = Consent {
        grants: given(Consent::default().grants, &install.grant, package.asked())?,
        settings: install.set.iter().map(|typed| setting(typed)).collect::<Result<_, Failure>>()?,
        shadow: install.shadow,
        again: 0,
    };
    let path = &config.plugins.path;
    let before = Installed::read(path)?;
    let mut host = None;
    let plugin = Installed::install(path, &package, signer, &consent, |folder, consent| {
        // Compiles it, for the daemon of this configuration if that is this user's.
        let host = host.insert(PluginHost::new(settings(&config))?);
        host.load(folder, consent, now()).map(drop)
    })?;
    let taken = reload(&[], common)?;
    let was = before.plugin(plugin.id.as_str()).ok().map(|plugin| plugin.current.version.clone());
    tell(&plugin, &package, was, &taken, printer)
}

/// Who signed the package, if that is somebody who is trusted.
fn trusted(
    package: &Package,
    config: &PluginsConfig,
    allow_unsigned: bool,
) -> Result<Option<PublicKey>, Failure> {
    let keys: Vec<PublicKey> = config.trusted_keys.iter().filter_map(|key| key.parse().ok()).collect();
    let id = package.id();
    match package.origin()? {
        Origin::SignedBy(signer) if keys.contains(&signer) => Ok(Some(signer)),
        Origin::SignedBy(_) | Origin::Unsigned if allow_unsigned => Ok(None),
        Origin::SignedBy(signer) => Err(Failure::Input(format!(
            "plugin `{id}` is signed by {signer}, which is not in plugins.trusted_keys: add it there if you trust \
             its author, or use --allow-unsigned"
        ))),
        Origin::Unsigned => Err(Failure::Input(format!(
            "plugin `{id}` is not signed, expected the signature of a key in plugins.trusted_keys, or \
             --allow-unsigned"
        ))),
    }
}

/// The sandbox to try a plugin in, with the daemon's cache of compiled components if it is this
/// user's: what another user wrote there would be of no use to the daemon.
fn settings(config: &Config) -> HostSettings {
    let mut settings = HostSettings::new(engine(config.plugins.engine), [0; 32]);
    let compiled = compiled_folder(config);
    settings.cache = compiled.parent().is_some_and(is_mine).then_some(compiled);
    settings
}

fn is_mine(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::geteuid().as_raw();
    std::fs::metadata(folder).is_ok_and(|found| found.uid() == me)
}

fn tell(
    plugin: &InstalledPlugin,
    package: &Package,
    was: Option<String>,
    taken: &Taken,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let (id, version) = (plugin.id.as_str(), &plugin.current.version);
    let waiting = package.asked().beyond(plugin.consent.grants);
    let signer = plugin.current.signer.map(|signer| signer.to_string());
    if printer.is_json() {
        return printer.object(&json!({
            "id": id,
            "version": version,
            "before": was,
            "signer": signer,
            "enabled": plugin.enabled,
            "waiting_grants": waiting,
            "running": taken.running(id),
        }));
    }
    let signed = signer.map_or("unsigned".to_owned(), |signer| format!("signed by {signer}"));
    match was {
        Some(was) if was != *version => {
            printer.text(format_args!("{id} {version} installed over {was}, {signed}"))?
        }
        _ => printer.text(format_args!("{id} {version} installed, {signed}"))?,
    }
    if !waiting.is_empty() {
        printer.text(format_args!(
            "it asks for what it was not given: {}; give it with `attuned plugin grant {id} {}`",
            waiting.join(", "),
            waiting.join(" ")
        ))?;
    }
    if !plugin.enabled {
        return printer.text(format_args!("it is disabled; `attuned plugin enable {id}` lets it run"));
    }
    printer.text(taken.words(id))
}
