//! What is set of ranking rules, and what a person grants them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::shared_folder;

/// How compiled rules run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginEngine {
    /// Interpreted; needs no executable memory.
    Pulley,
    /// Compiled to machine code.
    Native,
}

/// `[plugins]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// The folder of the plugins that `attuned plugin install` has installed, by id and version.
    pub path: PathBuf,
    /// The folder of the plugins that came with the program, one folder a plugin.
    pub shipped: PathBuf,
    /// The public keys of authors whose packages may be installed.
    pub trusted_keys: Vec<String>,
    /// How they run.
    pub engine: PluginEngine,
    /// How long a request waits for all its plugins together, milliseconds, and a fixed time more
    /// for the way there and back.
    pub chain_ms_max: u32,
    /// Plugins that may run, in the order in which they run, with what each is granted.
    pub enabled: Vec<PluginConsent>,
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::from("/var/lib/attuned/plugins"),
            shipped: shared_folder("plugins"),
            trusted_keys: Vec::new(),
            engine: PluginEngine::Pulley,
            chain_ms_max: 25,
            enabled: Vec::new(),
        }
    }
}

/// One row of `plugins.enabled`: what a person granted to a plugin. A plugin gets what it asks for
/// and what it is granted, whichever is less.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginConsent {
    /// The plugin's id, from its `plugin.toml`.
    pub id: String,
    /// Most that it may add to or take from a score, in log-odds.
    #[serde(default = "PluginConsent::default_boost")]
    pub max_boost: f32,
    /// Most that it may multiply the odds by, and divide them by.
    #[serde(default = "PluginConsent::default_scale")]
    pub max_scale: f32,
    /// Whether it may take items off the list.
    #[serde(default)]
    pub exclude: bool,
    /// How many items it may pin to a place.
    #[serde(default)]
    pub pin: u32,
    /// Whether it may take more than 80 % of the candidates off.
    #[serde(default)]
    pub exclude_most: bool,
    /// Whether it may know a pseudonym of the person.
    #[serde(default)]
    pub subject: bool,
    /// Whether it may know the items' ids.
    #[serde(default)]
    pub item_ids: bool,
    /// Whether it runs in shadow: what it says is counted and not applied.
    #[serde(default)]
    pub shadow: bool,
    /// Values of its settings.
    #[serde(default)]
    pub settings: toml::Table,
}

impl PluginConsent {
    fn default_boost() -> f32 {
        0.3
    }

    fn default_scale() -> f32 {
        1.0
    }
}
