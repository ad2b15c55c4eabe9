//! Whether the plugins that should run can be loaded, and how they run.

use attuned_recommender::Timestamp;

use crate::config::{Config, PluginEngine};
use crate::doctor::Check;
use crate::plugins::Plugins;

const NAME: &str = "plugins";

/// Loads each plugin that should run, in a sandbox of this check's own.
pub fn examine(config: &Config) -> Vec<Check> {
    let now = Timestamp::from_unix_ms(jiff::Timestamp::now().as_millisecond());
    // Nobody's pseudonym is made here, so that any key does.
    let (host, left_out) = match Plugins::open(config, [0; 32], None, now) {
        Ok((_, host, left_out)) => (host, left_out),
        Err(error) => {
            return vec![Check::fail(NAME, error.to_string(), "set plugins.engine = \"pulley\"")];
        }
    };
    let loaded = host.plugins();
    if loaded.is_empty() && left_out.is_empty() {
        return vec![Check::ok(NAME, "none is enabled; `attuned plugin list` shows which there are")];
    }
    let loaded = loaded
        .into_iter()
        .map(|plugin| Check::ok(NAME, format!("{} {} can be loaded", plugin.id, plugin.version)));
    let left_out = left_out.into_iter().map(|plugin| {
        let advice = "install it again, disable it, or take it out of plugins.enabled";
        Check::fail(NAME, format!("{}: {}", plugin.name, plugin.reason), advice)
    });
    loaded.chain(left_out).collect()
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
