//! Whether the plugins that may run can be loaded, and how they run.

use attuned_plugin_host::{Engine, HostSettings, PluginHost};
use attuned_recommender::Timestamp;

use crate::app::{granted, plugin_folders};
use crate::config::{Config, PluginEngine};
use crate::doctor::Check;

const NAME: &str = "plugins";

/// Loads each plugin that may run, in a sandbox of this check's own.
pub fn examine(config: &Config) -> Vec<Check> {
    let plugins = &config.plugins;
    let folders = plugin_folders(plugins);
    if plugins.enabled.is_empty() {
        return vec![Check::ok(NAME, format!("none is enabled, {} are there", folders.len()))];
    }
    // Nobody's pseudonym is made here, so that any key does.
    let settings = HostSettings::new(engine(plugins.engine), [0; 32]);
    let mut host = match PluginHost::new(settings) {
        Ok(host) => host,
        Err(error) => {
            return vec![Check::fail(NAME, error.to_string(), "set plugins.engine = \"pulley\"")];
        }
    };
    let now = Timestamp::from_unix_ms(jiff::Timestamp::now().as_millisecond());
    let checks = plugins.enabled.iter().map(|consent| {
        let Some(folder) = folders.get(&consent.id) else {
            let finding = format!("no plugin `{}` is in {}", consent.id, plugins.path.display());
            return Check::fail(NAME, finding, "install it, or take it out of plugins.enabled");
        };
        match host.load(folder, &granted(consent), now) {
            Ok(plugin) => Check::ok(NAME, format!("{} {} can be loaded", plugin.id, plugin.version)),
            Err(error) => Check::fail(NAME, error.to_string(), "install it again, or take it out"),
        }
    });
    checks.collect()
}

fn engine(engine: PluginEngine) -> Engine {
    match engine {
        PluginEngine::Pulley => Engine::Pulley,
        PluginEngine::Native => Engine::Native,
    }
}

/// Looks at how plugins run: machine code made at run time needs memory that is written and then
/// executed, which a hardened service is denied.
pub fn examine_engine(engine: PluginEngine) -> Check {
    const NAME: &str = "hardening";
    match engine {
        PluginEngine::Pulley => Check::ok(NAME, "plugins need no executable memory"),
        PluginEngine::Native => Check::warn(
            NAME,
            "plugins.engine is native, which MemoryDenyWriteExecute=yes of the service forbids",
            "set plugins.engine = \"pulley\", or take the line out of the unit",
        ),
    }
}
