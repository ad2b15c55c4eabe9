//! `attuned plugin list` and `attuned plugin show`.

use attuned_plugin_host::{Consent, Grants, Installed, Package, PublicKey, SettingSummary};
use serde::Serialize;

use super::decide::state;
use crate::cli::session::{Session, configuration};
use crate::cli::table::Table;
use crate::cli::{Common, Failure, Printer};
use crate::config::PluginsConfig;
use crate::document::{PluginsDocument, RunningPluginDocument, ShadowDocument};
use crate::plugins::{granted, plugin_folders};

/// One plugin, as the files say and as the daemon runs it.
#[derive(Serialize)]
struct Row {
    id: String,
    version: String,
    /// `installed`, `configured` (by plugins.enabled) or `shipped` (and not used).
    from: &'static str,
    enabled: bool,
    /// Whether it runs in shadow.
    shadow: bool,
    grants: Vec<String>,
    /// What the running daemon says of it; `null` if there is none, or it does not run there.
    running: Option<RunningPluginDocument>,
}

#[derive(Serialize)]
struct Details {
    #[serde(flatten)]
    row: Row,
    summary: String,
    signer: Option<String>,
    previous: Option<String>,
    asks_for: Vec<String>,
    waiting_grants: Vec<String>,
    settings: Vec<SettingRow>,
}

#[derive(Serialize)]
struct SettingRow {
    name: String,
    value: String,
    default: String,
    expected: String,
    help: String,
}

pub fn list(common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let rows = rows(common)?;
    if printer.is_json() {
        return rows.iter().try_for_each(|row| printer.object(row));
    }
    if rows.is_empty() {
        return printer.text("no plugin is there; `attuned plugin new` makes one");
    }
    let mut table = Table::default();
    table.row(["id", "version", "from", "state", "granted"].map(str::to_owned));
    for row in rows {
        let state = match (&row.running, row.enabled) {
            (Some(running), _) => format!("{} ({}, {} calls)", runs(running), running.state, running.calls),
            (None, true) if row.shadow => "in shadow".to_owned(),
            (None, true) => "enabled".to_owned(),
            (None, false) => "off".to_owned(),
        };
        let grants = if row.grants.is_empty() { "nothing".to_owned() } else { row.grants.join(", ") };
        table.row([row.id, row.version, row.from.to_owned(), state, grants]);
    }
    printer.text(table.render())
}

pub fn show(id: &str, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let config = configuration(common)?;
    let (plugin, package) = found(id, &config.plugins)?;
    let row = rows(common)?.into_iter().find(|row| row.id == id);
    let row = row.ok_or_else(|| Failure::Input(format!("plugin `{id}` was removed meanwhile")))?;
    let details = details(row, &plugin, &package);
    if printer.is_json() {
        return printer.object(&details);
    }
    let list = |words: &[String]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    let mut table = Table::default();
    let state = state(plugin.enabled, plugin.consent.shadow);
    table.row(["version".to_owned(), format!("{} ({state})", details.row.version)]);
    if let Some(previous) = &details.previous {
        table.row([
            "version before".to_owned(),
            format!("{previous}, kept for `attuned plugin rollback {id}`"),
        ]);
    }
    let signer = details.signer.clone().unwrap_or_else(|| "nobody who is trusted".to_owned());
    table.row(["signed by".to_owned(), signer]);
    table.row(["asks for".to_owned(), list(&details.asks_for)]);
    table.row(["granted".to_owned(), list(&details.row.grants)]);
    if !details.waiting_grants.is_empty() {
        table.row(["waits for".to_owned(), list(&details.waiting_grants)]);
    }
    for setting in &details.settings {
        let SettingRow { name, value, expected, help, .. } = setting;
        table.row([format!("setting {name}"), format!("{value} ({expected}): {help}")]);
    }
    if let Some(running) = &details.row.running {
        table.row([format!("{} ({})", runs(running), running.state), counted(running)]);
        if let Some(shadow) = &running.shadow {
            shadowed(shadow, &mut table);
        }
    }
    printer.text(format_args!("{id}: {}\n{}", details.summary, table.render()))
}

/// Whether what it says counts.
fn runs(running: &RunningPluginDocument) -> &'static str {
    if running.shadow.is_some() { "runs in shadow" } else { "runs" }
}

/// What happened since it was loaded, in words.
fn counted(running: &RunningPluginDocument) -> String {
    let causes: Vec<String> =
        running.failures_by_cause.iter().map(|(cause, failures)| format!("{failures} {cause}")).collect();
    let causes = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
    let mean = running.micros_total.checked_div(running.calls).unwrap_or(0);
    let mut words = vec![
        format!("{} calls of {mean} µs in the mean, {} at most", running.calls, running.micros_max),
        format!("{} failures{causes}", running.failures),
    ];
    let seldom = [
        (running.openings, "times left out for a while"),
        (running.left_out, "requests left out of"),
        (running.crowded_out, "requests without time for it"),
        (running.clamped_verdicts, "verdicts held to its grants"),
        (running.ungranted_verdicts, "verdicts without a grant"),
        (running.dropped_verdicts, "verdicts that meant nothing"),
        (running.dropped_log_lines, "lines of its log dropped"),
    ];
    words
        .extend(seldom.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    words.extend(running.last_failure.iter().map(|failure| format!("last failure: {failure}")));
    words.join("; ")
}

/// What a plugin in shadow would have changed, in words.
fn shadowed(shadow: &ShadowDocument, table: &mut Table) {
    let lists = format!(
        "{} of {} lists ({} requests skipped)",
        shadow.changed_lists, shadow.requests, shadow.skipped
    );
    table.row(["would have changed".to_owned(), lists]);
    let moved = format!("{} items by {:.1} places in the mean", shadow.moved_items, shadow.mean_places);
    table.row(["would have moved".to_owned(), moved]);
    table.row(["would have taken off".to_owned(), format!("{} items", shadow.excluded_items)]);
    for example in &shadow.examples {
        let to = example.to.map_or("off".to_owned(), |to| to.to_string());
        table.row([format!("  {}", example.at), format!("{}: {} → {to}", example.item, example.from)]);
    }
}

/// A plugin as a person set it: by installing it, or in the configuration.
struct Decided {
    enabled: bool,
    consent: Consent,
    signer: Option<PublicKey>,
    previous: Option<String>,
}

/// The plugin of this id, and the files of its version that runs.
fn found(id: &str, config: &PluginsConfig) -> Result<(Decided, Package), Failure> {
    let installed = Installed::read(&config.path)?;
    let configured = config.enabled.iter().find(|row| row.id == id);
    match (installed.plugin(id), configured.zip(plugin_folders(config).get(id))) {
        (Ok(plugin), _) => {
            let decided = Decided {
                enabled: plugin.enabled,
                consent: plugin.consent.clone(),
                signer: plugin.current.signer,
                previous: plugin.previous.as_ref().map(|version| version.version.clone()),
            };
            Ok((decided, installed.package(&plugin.id, &plugin.current)?))
        }
        (Err(_), Some((row, folder))) => {
            let decided = Decided { enabled: true, consent: granted(row), signer: None, previous: None };
            Ok((decided, Package::read_folder(folder)?))
        }
        (Err(error), None) => Err(error.into()),
    }
}

fn details(row: Row, plugin: &Decided, package: &Package) -> Details {
    let asked = package.asked();
    let setting = |SettingSummary { name, default, expected, help }: SettingSummary| SettingRow {
        value: plugin.consent.settings.get(&name).unwrap_or(&default).clone(),
        name,
        default,
        expected,
        help,
    };
    Details {
        row,
        summary: package.summary().to_owned(),
        signer: plugin.signer.map(|signer| signer.to_string()),
        previous: plugin.previous.clone(),
        asks_for: asked.beyond(Grants::NONE),
        waiting_grants: asked.beyond(plugin.consent.grants),
        settings: package.settings().into_iter().map(setting).collect(),
    }
}

/// Every plugin: those of the configuration, those that are installed, then those that came with the
/// program and are not used.
fn rows(common: &Common) -> Result<Vec<Row>, Failure> {
    let config = configuration(common)?;
    let mut running = match Session::open(common)?.get::<PluginsDocument>("/v1/plugins") {
        Ok(running) => running.plugins,
        Err(Failure::Unreachable(_)) => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let mut of_daemon = |id: &str| {
        let at = running.iter().position(|plugin| plugin.id == id)?;
        Some(running.swap_remove(at))
    };
    let installed = Installed::read(&config.plugins.path)?;
    let folders = plugin_folders(&config.plugins);
    let is_installed = |id: &str| installed.plugin(id).is_ok();
    let shipped = |id: &str| folders.get(id).and_then(|folder| Package::read_folder(folder).ok());
    let configured = config.plugins.enabled.iter().filter(|row| !is_installed(&row.id)).map(|row| {
        let package = shipped(&row.id);
        let asked = package.as_ref().map_or(Grants::NONE, Package::asked);
        Row {
            id: row.id.clone(),
            version: package.map_or("?".to_owned(), |package| package.version().to_owned()),
            from: "configured",
            enabled: true,
            shadow: row.shadow,
            grants: asked.both(granted(row).grants).beyond(Grants::NONE),
            running: None,
        }
    });
    let ours = installed.plugins().iter().map(|plugin| Row {
        id: plugin.id.to_string(),
        version: plugin.current.version.clone(),
        from: "installed",
        enabled: plugin.enabled,
        shadow: plugin.consent.shadow,
        grants: plugin.consent.grants.beyond(Grants::NONE),
        running: None,
    });
    let mut rows: Vec<Row> = configured.chain(ours).collect();
    let unused = folders.keys().filter(|id| !rows.iter().any(|row| row.id == **id));
    let unused: Vec<Row> = unused
        .filter_map(|id| {
            let version = shipped(id)?.version().to_owned();
            let (id, grants) = (id.clone(), Vec::new());
            Some(Row { id, version, from: "shipped", enabled: false, shadow: false, grants, running: None })
        })
        .collect();
    rows.extend(unused);
    for row in &mut rows {
        row.running = of_daemon(&row.id);
    }
    Ok(rows)
}
