//! Documents about the plugins that run.

use std::collections::BTreeMap;

use attuned_plugin_host::{Grants, LogLevel, LogLine, PluginState, PluginSummary, ShadowReport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Degraded, timestamp_text};

/// The plugins that run, as `GET /v1/plugins` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "plugins")]
pub struct PluginsDocument {
    /// In the order in which they run.
    pub plugins: Vec<RunningPluginDocument>,
    /// Those that should run, and do not, or not in the version that is installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<Degraded>,
}

/// A plugin that runs, and what happened since it was loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The same by their causes, the words before the colon in `degraded`.
    #[serde(default)]
    pub failures_by_cause: BTreeMap<String, u64>,
    /// Requests in which it was not asked, as it had failed too often.
    pub left_out: u64,
    /// Requests in which it was not asked, as the plugins before it had used up the time of all.
    #[serde(default)]
    pub crowded_out: u64,
    /// How often it had failed so often that it was left out for a while.
    #[serde(default)]
    pub openings: u64,
    /// Verdicts that were no numbers, or on candidates that were not there.
    pub dropped_verdicts: u64,
    /// Verdicts that went beyond what it may change, and were held to that.
    #[serde(default)]
    pub clamped_verdicts: u64,
    /// Verdicts that needed a grant which it does not have.
    pub ungranted_verdicts: u64,
    /// Lines of its log that were not kept.
    #[serde(default)]
    pub dropped_log_lines: u64,
    /// Fuel that the newest call used.
    pub fuel_used: u64,
    /// Fuel that all calls used.
    #[serde(default)]
    pub fuel_total: u64,
    /// How long all calls took, in microseconds.
    #[serde(default)]
    pub micros_total: u64,
    /// How long the longest call took, in microseconds.
    #[serde(default)]
    pub micros_max: u64,
    /// The newest failure, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// What it would have changed, if it runs in shadow; else what it says is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowDocument>,
}

/// What a plugin in shadow would have changed. Lists are compared as the rules leave them, before the
/// final order makes them different and balanced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShadowDocument {
    /// Requests on which it gave a ruling.
    pub requests: u64,
    /// Requests on which it was not asked, as others waited already or the time of all was over.
    pub skipped: u64,
    /// Lists that would have had other items, or the same in another order.
    pub changed_lists: u64,
    /// Items of those lists that would have stood at another place.
    pub moved_items: u64,
    /// By how many places such an item would have moved, in the mean.
    pub mean_places: f64,
    /// Items of those lists that would have been taken off.
    pub excluded_items: u64,
    /// The newest changes, oldest first; at most 10.
    pub examples: Vec<ShadowExampleDocument>,
}

/// One item of a list that would have been another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShadowExampleDocument {
    /// When the request came in, RFC 3339.
    pub at: String,
    /// The item.
    pub item: String,
    /// Its place, from 1.
    pub from: u64,
    /// The place that it would have had, from 1; absent if it would have been taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
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
            failures_by_cause: counters
                .failures_by_cause
                .into_iter()
                .map(|(cause, failures)| (cause.name().to_owned(), failures))
                .collect(),
            left_out: counters.left_out,
            crowded_out: counters.crowded_out,
            openings: counters.openings,
            dropped_verdicts: counters.dropped_verdicts,
            clamped_verdicts: counters.clamped_verdicts,
            ungranted_verdicts: counters.ungranted_verdicts,
            dropped_log_lines: counters.dropped_log_lines,
            fuel_used: counters.fuel_used,
            fuel_total: counters.fuel_total,
            micros_total: counters.micros_total,
            micros_max: counters.micros_max,
            last_failure: counters.last_failure,
            shadow: plugin.shadow.map(Into::into),
        }
    }
}

impl From<ShadowReport> for ShadowDocument {
    fn from(report: ShadowReport) -> Self {
        ShadowDocument {
            requests: report.requests,
            skipped: report.skipped,
            changed_lists: report.changed_lists,
            moved_items: report.moved_items,
            mean_places: report.mean_places(),
            excluded_items: report.excluded_items,
            examples: report
                .examples
                .into_iter()
                .map(|example| ShadowExampleDocument {
                    at: timestamp_text(example.at),
                    item: example.item,
                    from: example.from as u64,
                    to: example.to.map(|to| to as u64),
                })
                .collect(),
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
