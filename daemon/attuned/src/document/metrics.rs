//! Counters for machines, in the text format of Prometheus: `GET /v1/metrics`.

use std::fmt::Write;

use super::{PluginsDocument, State, StatusDocument};

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is counted or measured; one row of the README's table each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metric {
    Info,
    Online,
    Degraded,
    Items,
    Pending,
    Events,
    Lists,
    ListSeconds,
    Searches,
    Encoded,
    PluginState,
    PluginCalls,
    PluginFailures,
    PluginOmissions,
    PluginOpenings,
    PluginVerdicts,
    PluginLogLinesDropped,
    PluginFuel,
    PluginSeconds,
    PluginShadowLists,
}

/// Whether a value only ever rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gauge,
    Counter,
    /// A sum and a count.
    Summary,
}

impl Metric {
    #[cfg(test)]
    const ALL: [Metric; 20] = [
        Metric::Info,
        Metric::Online,
        Metric::Degraded,
        Metric::Items,
        Metric::Pending,
        Metric::Events,
        Metric::Lists,
        Metric::ListSeconds,
        Metric::Searches,
        Metric::Encoded,
        Metric::PluginState,
        Metric::PluginCalls,
        Metric::PluginFailures,
        Metric::PluginOmissions,
        Metric::PluginOpenings,
        Metric::PluginVerdicts,
        Metric::PluginLogLinesDropped,
        Metric::PluginFuel,
        Metric::PluginSeconds,
        Metric::PluginShadowLists,
    ];

    const fn name(self) -> &'static str {
        match self {
            Metric::Info => "attuned_info",
            Metric::Online => "attuned_online",
            Metric::Degraded => "attuned_degraded_parts",
            Metric::Items => "attuned_items",
            Metric::Pending => "attuned_pending_items",
            Metric::Events => "attuned_events_total",
            Metric::Lists => "attuned_lists_total",
            Metric::ListSeconds => "attuned_list_seconds",
            Metric::Searches => "attuned_searches_total",
            Metric::Encoded => "attuned_encoded_total",
            Metric::PluginState => "attuned_plugin_state",
            Metric::PluginCalls => "attuned_plugin_calls_total",
            Metric::PluginFailures => "attuned_plugin_failures_total",
            Metric::PluginOmissions => "attuned_plugin_omissions_total",
            Metric::PluginOpenings => "attuned_plugin_openings_total",
            Metric::PluginVerdicts => "attuned_plugin_verdicts_total",
            Metric::PluginLogLinesDropped => "attuned_plugin_log_lines_dropped_total",
            Metric::PluginFuel => "attuned_plugin_fuel_total",
            Metric::PluginSeconds => "attuned_plugin_seconds_total",
            Metric::PluginShadowLists => "attuned_plugin_shadow_lists_total",
        }
    }

    const fn help(self) -> &'static str {
        match self {
            Metric::Info => "1, with the version",
            Metric::Online => "1 if all is well, 0 if something is left out",
            Metric::Degraded => "parts that are left out",
            Metric::Items => "items in the catalogue",
            Metric::Pending => "items whose content is still to be understood",
            Metric::Events => "events taken, ever",
            Metric::Lists => {
                "requests for lists, by whether they were answered whole, answered with something left out, or refused"
            }
            Metric::ListSeconds => "how long lists took that were answered",
            Metric::Searches => "searches, by whether they were answered",
            Metric::Encoded => {
                "pieces of content, by whether a model ran, or what was understood before was used again"
            }
            Metric::PluginState => "1 for the state that a plugin is in",
            Metric::PluginCalls => "calls of a plugin",
            Metric::PluginFailures => "calls that had no result, by cause",
            Metric::PluginOmissions => {
                "requests in which it was not asked, as its breaker was open, or as the others had used up the time"
            }
            Metric::PluginOpenings => "how often it had failed so often that it was left out for a while",
            Metric::PluginVerdicts => "verdicts that were dropped, held to the grants, or had no grant",
            Metric::PluginLogLinesDropped => "lines of its log that were not kept",
            Metric::PluginFuel => "fuel that its calls used",
            Metric::PluginSeconds => "how long its calls took",
            Metric::PluginShadowLists => "lists that it saw in shadow, by whether it would have changed them",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Metric::Info
            | Metric::Online
            | Metric::Degraded
            | Metric::Items
            | Metric::Pending
            | Metric::PluginState => Kind::Gauge,
            Metric::ListSeconds => Kind::Summary,
            Metric::Events
            | Metric::Lists
            | Metric::Searches
            | Metric::Encoded
            | Metric::PluginCalls
            | Metric::PluginFailures
            | Metric::PluginOmissions
            | Metric::PluginOpenings
            | Metric::PluginVerdicts
            | Metric::PluginLogLinesDropped
            | Metric::PluginFuel
            | Metric::PluginSeconds
            | Metric::PluginShadowLists => Kind::Counter,
        }
    }
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Summary => "summary",
        }
    }
}

/// Requests since the start.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RequestCounts {
    /// Lists with nothing left out.
    pub whole: u64,
    /// Lists with something left out.
    pub degraded: u64,
    /// Requests for lists that were refused.
    pub refused: u64,
    /// How long the answered ones took together.
    pub seconds: f64,
    /// Searches that were answered.
    pub searched: u64,
    /// Searches that were refused.
    pub searches_refused: u64,
}

/// Everything that is counted, as text.
#[must_use]
pub fn metrics_text(status: &StatusDocument, plugins: &PluginsDocument, requests: &RequestCounts) -> String {
    let mut text = Text::default();
    text.metric(Metric::Info, [("version", status.version.as_deref().unwrap_or_default(), 1.0)]);
    text.plain(Metric::Online, u64::from(status.state == State::Online));
    text.plain(Metric::Degraded, status.degraded.len() as u64);
    text.plain(Metric::Items, status.items.unwrap_or(0));
    text.plain(Metric::Pending, status.pending.unwrap_or(0));
    text.plain(Metric::Events, status.events.unwrap_or(0));
    let RequestCounts { whole, degraded, refused, seconds, searched, searches_refused } = *requests;
    let outcomes = [("whole", whole), ("degraded", degraded), ("refused", refused)];
    text.metric(Metric::Lists, outcomes.map(|(outcome, count)| ("outcome", outcome, count as f64)));
    text.head(Metric::ListSeconds);
    text.sample(&format!("{}_sum", Metric::ListSeconds.name()), &[], seconds);
    text.sample(&format!("{}_count", Metric::ListSeconds.name()), &[], (whole + degraded) as f64);
    let outcomes = [("answered", searched), ("refused", searches_refused)];
    text.metric(Metric::Searches, outcomes.map(|(outcome, count)| ("outcome", outcome, count as f64)));
    let encoded = status.encoded.unwrap_or_default();
    let ways = [("run", encoded.runs), ("reused", encoded.reused)];
    text.metric(Metric::Encoded, ways.map(|(way, count)| ("by", way, count as f64)));
    of_plugins(&mut text, plugins);
    text.0
}

fn of_plugins(text: &mut Text, PluginsDocument { plugins, .. }: &PluginsDocument) {
    text.head(Metric::PluginState);
    for plugin in plugins {
        let applied = if plugin.shadow.is_some() { "shadow" } else { "applied" };
        let labels = [
            ("plugin", plugin.id.as_str()),
            ("version", &plugin.version),
            ("state", &plugin.state),
            ("runs", applied),
        ];
        text.sample(Metric::PluginState.name(), &labels, 1.0);
    }
    let one = |text: &mut Text, metric: Metric, value: &dyn Fn(&super::RunningPluginDocument) -> f64| {
        text.metric(metric, plugins.iter().map(|plugin| ("plugin", plugin.id.as_str(), value(plugin))));
    };
    one(text, Metric::PluginCalls, &|plugin| plugin.calls as f64);
    text.head(Metric::PluginFailures);
    for plugin in plugins {
        for (cause, failures) in &plugin.failures_by_cause {
            let labels = [("plugin", plugin.id.as_str()), ("cause", cause)];
            text.sample(Metric::PluginFailures.name(), &labels, *failures as f64);
        }
    }
    let mut several =
        |metric: Metric,
         label: &str,
         values: &dyn Fn(&super::RunningPluginDocument) -> Vec<(&'static str, u64)>| {
            text.head(metric);
            for plugin in plugins {
                for (word, value) in values(plugin) {
                    text.sample(metric.name(), &[("plugin", &plugin.id), (label, word)], value as f64);
                }
            }
        };
    several(Metric::PluginOmissions, "cause", &|plugin| {
        vec![("circuit_open", plugin.left_out), ("chain_budget", plugin.crowded_out)]
    });
    several(Metric::PluginVerdicts, "fate", &|plugin| {
        vec![
            ("dropped", plugin.dropped_verdicts),
            ("clamped", plugin.clamped_verdicts),
            ("ungranted", plugin.ungranted_verdicts),
        ]
    });
    several(Metric::PluginShadowLists, "changed", &|plugin| {
        plugin.shadow.as_ref().map_or_else(Vec::new, |shadow| {
            vec![
                ("yes", shadow.changed_lists),
                ("no", shadow.requests - shadow.changed_lists.min(shadow.requests)),
            ]
        })
    });
    one(text, Metric::PluginOpenings, &|plugin| plugin.openings as f64);
    one(text, Metric::PluginLogLinesDropped, &|plugin| plugin.dropped_log_lines as f64);
    one(text, Metric::PluginFuel, &|plugin| plugin.fuel_total as f64);
    one(text, Metric::PluginSeconds, &|plugin| plugin.micros_total as f64 / 1e6);
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, metric: Metric) {
        let (name, help, kind) = (metric.name(), metric.help(), metric.kind().name());
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a string takes all");
    }

    fn plain(&mut self, metric: Metric, value: u64) {
        self.head(metric);
        self.sample(metric.name(), &[], value as f64);
    }

    /// One label, its value, and the number, for each sample.
    fn metric<'a>(&mut self, metric: Metric, samples: impl IntoIterator<Item = (&'a str, &'a str, f64)>) {
        self.head(metric);
        for (label, word, value) in samples {
            self.sample(metric.name(), &[(label, word)], value);
        }
    }

    /// Ids, versions, states and causes have no character that would have to be escaped.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(label, word)| format!("{label}=\"{word}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(self.0, "{name}{labels} {value}").expect("a string takes all");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_tells_of_every_metric() {
        let readme = include_str!("../../../../README.md");
        let part = readme.split("\n## Metrics\n").nth(1).expect("a part on metrics");
        let part = part.split("\n## ").next().expect("its text");
        let told: Vec<&str> = part.lines().filter(|line| line.starts_with("| `attuned_")).collect();
        let row = |metric: Metric| {
            format!("| `{}` | {} | {} |", metric.name(), metric.kind().name(), metric.help())
        };
        assert_eq!(told, Metric::ALL.map(row));
    }

    #[test]
    fn every_metric_has_its_head_and_counters_end_alike() {
        let status: StatusDocument = serde_json::from_str(
            r#"{"state":"degraded","version":"1.0.0","items":7,"events":9,"pending":1,"encoded":{"runs":3,"reused":2}}"#,
        )
        .expect("a status");
        let plugins: PluginsDocument = serde_json::from_str(
            r#"{"plugins":[{"id":"org.example.a","version":"1.2.0","interface":"i","state":"open","grants":[],
                "calls":5,"failures":3,"failures_by_cause":{"trap":2,"fuel":1},"left_out":4,"openings":1,
                "dropped_verdicts":6,"clamped_verdicts":8,"ungranted_verdicts":0,"fuel_used":1,"fuel_total":500,
                "micros_total":1500,"micros_max":900,"shadow":{"requests":5,"skipped":0,"changed_lists":2,
                "moved_items":3,"mean_places":1.5,"excluded_items":0,"examples":[]}}]}"#,
        )
        .expect("plugins");
        let requests =
            RequestCounts { whole: 10, degraded: 1, refused: 2, seconds: 0.25, ..Default::default() };
        let text = metrics_text(&status, &plugins, &requests);
        for metric in Metric::ALL {
            let head = format!("# TYPE {} {}\n", metric.name(), metric.kind().name());
            assert_eq!(text.matches(&head).count(), 1, "{head}");
            assert_eq!(metric.kind() == Kind::Counter, metric.name().ends_with("_total"), "{metric:?}");
        }
        for line in [
            "attuned_info{version=\"1.0.0\"} 1",
            "attuned_online 0",
            "attuned_items 7",
            "attuned_events_total 9",
            "attuned_lists_total{outcome=\"degraded\"} 1",
            "attuned_list_seconds_sum 0.25",
            "attuned_list_seconds_count 11",
            "attuned_encoded_total{by=\"reused\"} 2",
            "attuned_plugin_state{plugin=\"org.example.a\",version=\"1.2.0\",state=\"open\",runs=\"shadow\"} 1",
            "attuned_plugin_failures_total{plugin=\"org.example.a\",cause=\"trap\"} 2",
            "attuned_plugin_omissions_total{plugin=\"org.example.a\",cause=\"circuit_open\"} 4",
            "attuned_plugin_verdicts_total{plugin=\"org.example.a\",fate=\"clamped\"} 8",
            "attuned_plugin_seconds_total{plugin=\"org.example.a\"} 0.0015",
            "attuned_plugin_shadow_lists_total{plugin=\"org.example.a\",changed=\"no\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        // As scrapers read it: a name, labels, one number.
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').expect("a number");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            assert!(name.starts_with("attuned_") && !name.contains(' '), "{line}");
        }
    }
}
