//! `attuned plugin list` and `attuned plugin show`.

use attuned_plugin_host::{Grants, Installed, InstalledPlugin, Package, SettingSummary};
use serde::Serialize;

use crate::cli::session::{Session, configuration};
use crate::cli::table::Table;
use crate::cli::{Common, Failure, Printer};
use crate::document::{PluginsDocument, RunningPluginDocument};
use crate::plugins::plugin_folders;

/// One plugin, as the files say and as the daemon runs it.
#[derive(Serialize)]
struct Row {
    id: String,
    version: String,
    /// `installed`, `configured` (by plugins.enabled) or `shipped` (and not used).
    from: &'static str,
    enabled: bool,
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
            (Some(running), _) => format!("runs ({}, {} calls)", running.state, running.calls),
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
    let installed = Installed::read(&config.plugins.path)?;
    let plugin = installed.plugin(id)?;
    let package = installed.package(&plugin.id, &plugin.current)?;
    let row = rows(common)?.into_iter().find(|row| row.id == id);
    let row = row.ok_or_else(|| Failure::Input(format!("plugin `{id}` was removed meanwhile")))?;
    let details = details(row, plugin, &package);
    if printer.is_json() {
        return printer.object(&details);
    }
    let list = |words: &[String]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    let mut table = Table::default();
    let state = if plugin.enabled { "enabled" } else { "disabled" };
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
        let failure =
            running.last_failure.as_ref().map_or(String::new(), |failure| format!("; last: {failure}"));
        let counted = format!("{} calls, {} failures{failure}", running.calls, running.failures);
        table.row([format!("runs ({})", running.state), counted]);
    }
    printer.text(format_args!("{id}: {}\n{}", details.summary, table.render()))
}

fn details(row: Row, plugin: &InstalledPlugin, package: &Package) -> Details {
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
        signer: plugin.current.signer.map(|signer| signer.to_string()),
        previous: plugin.previous.as_ref().map(|version| version.version.clone()),
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
            grants: asked.both(crate::plugins::granted(row).grants).beyond(Grants::NONE),
            running: None,
        }
    });
    let ours = installed.plugins().iter().map(|plugin| Row {
        id: plugin.id.to_string(),
        version: plugin.current.version.clone(),
        from: "installed",
        enabled: plugin.enabled,
        grants: plugin.consent.grants.beyond(Grants::NONE),
        running: None,
    });
    let mut rows: Vec<Row> = configured.chain(ours).collect();
    let unused = folders.keys().filter(|id| !rows.iter().any(|row| row.id == **id));
    let unused: Vec<Row> = unused
        .filter_map(|id| {
            let version = shipped(id)?.version().to_owned();
            let (id, grants) = (id.clone(), Vec::new());
            Some(Row { id, version, from: "shipped", enabled: false, grants, running: None })
        })
        .collect();
    rows.extend(unused);
    for row in &mut rows {
        row.running = of_daemon(&row.id);
    }
    Ok(rows)
}
