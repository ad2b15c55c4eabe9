//! `attuned plugin grant|revoke|set|shadow|enable|disable|order|remove|rollback`.

use std::path::PathBuf;

use attuned_plugin_host::{Grants, HostSettings, Installed, InstalledPlugin, PluginHost};
use serde_json::json;

use super::{Run, Taken, current, given, now, reload, setting};
use crate::cli::session::configuration;
use crate::cli::{Common, Failure, Printer};
use crate::plugins::engine;

pub fn grant(id: &str, typed: &[String], common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let path = path(common)?;
    let asked = current(&path, id)?.asked();
    let more = given(Grants::NONE, typed, asked)?;
    let vain = more.beyond(asked);
    if !vain.is_empty() {
        let (vain, asked) = (vain.join(", "), asked.beyond(Grants::NONE).join(", "));
        return Err(Failure::Input(format!(
            "plugin `{id}` does not ask for {vain}, expected some of {asked}"
        )));
    }
    let plugin = Installed::decide(&path, id, |plugin| {
        plugin.consent.grants = plugin.consent.grants.either(more);
        Ok(())
    })?;
    tell(&plugin, &[], common, printer)
}

pub fn revoke(id: &str, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let plugin = Installed::decide(&path(common)?, id, |plugin| {
        plugin.consent.grants = Grants::NONE;
        Ok(())
    })?;
    tell(&plugin, &[], common, printer)
}

/// Changes settings, after the plugin itself has accepted them.
pub fn set(id: &str, typed: &[String], common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let config = configuration(common)?;
    let path = &config.plugins.path;
    let changes = typed.iter().map(|typed| setting(typed)).collect::<Result<Vec<_>, Failure>>()?;
    let installed = Installed::read(path)?;
    let mut host = PluginHost::new(HostSettings::new(engine(config.plugins.engine), [0; 32]))?;
    let plugin = Installed::decide(path, id, |plugin| {
        for (name, value) in changes {
            if value.is_empty() {
                plugin.consent.settings.remove(&name);
            } else {
                plugin.consent.settings.insert(name, value);
            }
        }
        let folder = installed.folder(&plugin.id, &plugin.current);
        host.load(&folder, &plugin.consent, now()).map(drop)
    })?;
    tell(&plugin, &[], common, printer)
}

pub fn run(id: &str, run: Run, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let config = configuration(common)?;
    let is_installed = Installed::read(&config.plugins.path)?.plugin(id).is_ok();
    if !is_installed && run == Run::Applied && config.plugins.enabled.iter().any(|row| row.id == id) {
        return try_again(id, common, printer);
    }
    let plugin = Installed::decide(&path(common)?, id, |plugin| {
        plugin.enabled = run != Run::Off;
        plugin.consent.shadow = run == Run::Shadow;
        if run != Run::Off {
            plugin.consent.again = plugin.consent.again.wrapping_add(1);
        }
        Ok(())
    })?;
    let anew = if run == Run::Off { Vec::new() } else { vec![id.to_owned()] };
    tell(&plugin, &anew, common, printer)
}

/// A plugin of the configuration runs as it says there; what is left is to try it again.
fn try_again(id: &str, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let taken = reload(&[id.to_owned()], common)?;
    if let Taken::NotYet(reason) = taken {
        return Err(Failure::Unreachable(format!("plugin `{id}` cannot be tried again: {reason}")));
    }
    if printer.is_json() {
        return printer.object(&json!({ "id": id, "enabled": true, "running": taken.running(id) }));
    }
    printer.text(format_args!("{id}: {}", taken.words(id)))
}

pub fn roll_back(id: &str, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let plugin = Installed::roll_back(&path(common)?, id)?;
    tell(&plugin, &[], common, printer)
}

pub fn order(ids: &[String], common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let path = path(common)?;
    Installed::order(&path, ids)?;
    reload(&[], common)?;
    let order: Vec<String> =
        Installed::read(&path)?.plugins().iter().map(|plugin| plugin.id.to_string()).collect();
    if printer.is_json() {
        return printer.object(&json!({ "order": order }));
    }
    printer.text(format_args!("they run in this order: {}", order.join(", ")))
}

pub fn remove(id: &str, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    Installed::remove(&path(common)?, id)?;
    let taken = reload(&[], common)?;
    if printer.is_json() {
        return printer.object(&json!({ "id": id, "removed": true, "running": taken.running(id) }));
    }
    printer.text(format_args!("{id} removed"))
}

fn path(common: &Common) -> Result<PathBuf, Failure> {
    Ok(configuration(common)?.plugins.path)
}

/// Lets the daemon take the decision up, and says how the plugin stands.
fn tell(
    plugin: &InstalledPlugin,
    anew: &[String],
    common: &Common,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let taken = reload(anew, common)?;
    let (id, version) = (plugin.id.as_str(), &plugin.current.version);
    let grants = plugin.consent.grants.beyond(Grants::NONE);
    if printer.is_json() {
        return printer.object(&json!({
            "id": id,
            "version": version,
            "enabled": plugin.enabled,
            "shadow": plugin.consent.shadow,
            "grants": grants,
            "settings": plugin.consent.settings,
            "running": taken.running(id),
        }));
    }
    let state = state(plugin.enabled, plugin.consent.shadow);
    let grants = if grants.is_empty() { "nothing".to_owned() } else { grants.join(", ") };
    printer.text(format_args!("{id} {version}: {state}, granted {grants}"))?;
    printer.text(taken.words(id))
}

/// How a person lets it run, in one word.
pub(super) fn state(enabled: bool, shadow: bool) -> &'static str {
    match (enabled, shadow) {
        (false, _) => "disabled",
        (true, true) => "in shadow",
        (true, false) => "enabled",
    }
}
