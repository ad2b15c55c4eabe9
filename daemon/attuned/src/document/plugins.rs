//! Documents about the plugins that run.

use attuned_plugin_host::{Grants, LogLevel, LogLine, PluginState, PluginSummary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Degraded, timestamp_text};

/// The plugins that run, as `GET /v1/plugins` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "plugins")]
pub struct PluginsDocument {
    /// In the order in which they run.
    pub plugins: Vec<RunningPluginDocument>,
    /// Those that should run, and do not, or not in the version that is installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<Degraded>,
}

/// A plugin that runs, and what happened since it was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunningPluginDocument {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The interface that it was built for, like `attuned:ranking@0.1.0`.
    pub interface: String,
    /// `ready`; `trial` if its next call decides; `open` if it is left out for a while, or
    /// `disabled` until a person acts, as it failed too often.
    pub state: String,
    /// What it may do, in the words of `plugin.toml`.
    pub grants: Vec<String>,
    /// Calls.
    pub calls: u64,
    /// Calls that had no result.
    pub failures: u64,
    /// Requests in which it was not asked, as it had failed too often.
    pub left_out: u64,
    /// Verdicts that were no numbers, or on candidates that were not there.
    pub dropped_verdicts: u64,
    /// Verdicts that needed a grant which it does not have.
    pub ungranted_verdicts: u64,
    /// Fuel that the newest call used.
    pub fuel_used: u64,
    /// The newest failure, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
}

/// Which plugins are loaded again though nothing changed, so that one that was disabled after too
/// many failures is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "reload-plugins")]
pub struct ReloadPluginsDocument {
    /// Their ids. What was installed or decided since is loaded in any case.
    #[serde(default)]
    pub anew: Vec<String>,
}

/// What a plugin said, the newest lines, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "plugin-log")]
pub struct PluginLogDocument {
    /// Its id.
    pub id: String,
    /// The lines; at most 200 are kept.
    pub lines: Vec<PluginLogLineDocument>,
}

/// One line of a plugin's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PluginLogLineDocument {
    /// When the request came in, RFC 3339.
    pub at: String,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// At most 512 bytes.
    pub text: String,
}

impl From<PluginSummary> for RunningPluginDocument {
    fn from(plugin: PluginSummary) -> Self {
        let state = match plugin.state {
            PluginState::Ready => "ready",
            PluginState::Trial => "trial",
            PluginState::Open { .. } => "open",
            PluginState::Disabled => "disabled",
        };
        let counters = plugin.counters;
        RunningPluginDocument {
            id: plugin.id.to_string(),
            version: plugin.version,
            interface: plugin.interface,
            state: state.to_owned(),
            grants: plugin.grants.beyond(Grants::NONE),
            calls: counters.calls,
            failures: counters.failures,
            left_out: counters.left_out,
            dropped_verdicts: counters.dropped_verdicts,
            ungranted_verdicts: counters.ungranted_verdicts,
            fuel_used: counters.fuel_used,
            last_failure: counters.last_failure,
        }
    }
}

impl From<LogLine> for PluginLogLineDocument {
    fn from(line: LogLine) -> Self {
        let level = match line.level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        PluginLogLineDocument { at: timestamp_text(line.at), level: level.to_owned(), text: line.text }
    }
}
