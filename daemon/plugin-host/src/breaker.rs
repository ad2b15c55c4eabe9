//! Stops asking a plugin that keeps failing. Time is passed in.

use std::collections::VecDeque;

use attuned_recommender::Timestamp;
use serde::{Deserialize, Serialize};

/// Failures in a row that open the circuit.
pub const FAILURES_IN_A_ROW: u32 = 3;

/// Failures within [`WINDOW_MS`] that open the circuit.
pub const FAILURES_IN_WINDOW: usize = 5;

/// The window of [`FAILURES_IN_WINDOW`], in milliseconds.
pub const WINDOW_MS: i64 = 60_000;

/// How long the circuit stays open the first time, in milliseconds; it doubles each time the trial
/// call fails.
pub const OPEN_MS_FIRST: i64 = 30_000;

/// How long the circuit stays open at most, in milliseconds.
pub const OPEN_MS_MAX: i64 = 3_600_000;

/// Openings within [`OPENINGS_WINDOW_MS`] that disable the plugin until a person loads it again.
pub const OPENINGS_MAX: usize = 5;

/// The window of [`OPENINGS_MAX`], in milliseconds.
pub const OPENINGS_WINDOW_MS: i64 = 24 * 3_600_000;

/// Whether a plugin is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginState {
    /// It is asked.
    Ready,
    /// It failed too often and is not asked before this time.
    Open {
        /// When one call is tried again.
        until: Timestamp,
    },
    /// The next call decides whether it is asked again.
    Trial,
    /// It was stopped too often; it is asked again after a person has loaded it anew.
    Disabled,
}

/// What is kept of a plugin that failed too often, over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerRecord {
    /// Its id.
    pub plugin: String,
    /// Of its files and of everything that a person decided about it: once anything of that is another,
    /// it is tried anew.
    pub fingerprint: String,
    /// When it was left out, oldest first; at most [`OPENINGS_MAX`].
    pub openings_ms: Vec<i64>,
    /// For how long it was left out the last time.
    pub open_ms: i64,
    /// Until when it is left out, if it is.
    pub until_ms: Option<i64>,
    /// Whether it is left out until a person acts.
    pub disabled: bool,
}

#[derive(Debug)]
pub(crate) struct Breaker {
    state: PluginState,
    in_a_row: u32,
    failures: VecDeque<Timestamp>,
    openings: VecDeque<Timestamp>,
    open_ms: i64,
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self {
            state: PluginState::Ready,
            in_a_row: 0,
            failures: VecDeque::new(),
            openings: VecDeque::new(),
            open_ms: OPEN_MS_FIRST,
        }
    }

    /// What is to be kept; nothing of a plugin that was never left out.
    pub(crate) fn record(&self, plugin: &str, fingerprint: &str) -> Option<BreakerRecord> {
        if self.openings.is_empty() {
            return None;
        }
        let until_ms = match self.state {
            PluginState::Open { until } => Some(until.unix_ms()),
            PluginState::Ready | PluginState::Trial | PluginState::Disabled => None,
        };
        Some(BreakerRecord {
            plugin: plugin.to_owned(),
            fingerprint: fingerprint.to_owned(),
            openings_ms: self.openings.iter().map(|opening| opening.unix_ms()).collect(),
            open_ms: self.open_ms,
            until_ms,
            disabled: self.state == PluginState::Disabled,
        })
    }

    /// Goes on as recorded, whatever the numbers are.
    pub(crate) fn restore(&mut self, record: &BreakerRecord) {
        let openings = record.openings_ms.iter().map(|opening| Timestamp::from_unix_ms(*opening));
        self.openings = openings.take(OPENINGS_MAX).collect();
        self.open_ms = record.open_ms.clamp(OPEN_MS_FIRST, OPEN_MS_MAX);
        self.state = match (record.disabled, record.until_ms) {
            (true, _) => PluginState::Disabled,
            (false, Some(until)) => PluginState::Open { until: Timestamp::from_unix_ms(until) },
            (false, None) => PluginState::Ready,
        };
    }

    pub(crate) fn state(&self) -> PluginState {
        self.state
    }

    /// Whether the plugin may be asked at `now`; an open circuit whose time is over lets one call
    /// through.
    pub(crate) fn admits(&mut self, now: Timestamp) -> bool {
        match self.state {
            PluginState::Ready | PluginState::Trial => true,
            PluginState::Disabled => false,
            PluginState::Open { until } => {
                // A clock that was set back must not keep the plugin out for longer than meant.
                let left_ms = until.unix_ms().saturating_sub(now.unix_ms());
                let over = left_ms <= 0 || left_ms > self.open_ms;
                if over {
                    self.state = PluginState::Trial;
                }
                over
            }
        }
    }

    pub(crate) fn succeeded(&mut self) {
        if self.state == PluginState::Trial {
            self.open_ms = OPEN_MS_FIRST;
            self.failures.clear();
        }
        self.state = PluginState::Ready;
        self.in_a_row = 0;
    }

    /// Records a failure; true if it opened the circuit.
    pub(crate) fn failed(&mut self, now: Timestamp) -> bool {
        self.in_a_row += 1;
        remember(&mut self.failures, now, WINDOW_MS, FAILURES_IN_WINDOW);
        let trial = self.state == PluginState::Trial;
        let opens = trial || self.in_a_row >= FAILURES_IN_A_ROW || self.failures.len() >= FAILURES_IN_WINDOW;
        if !opens {
            return false;
        }
        if trial {
            self.open_ms = (self.open_ms * 2).min(OPEN_MS_MAX);
        }
        self.in_a_row = 0;
        self.failures.clear();
        remember(&mut self.openings, now, OPENINGS_WINDOW_MS, OPENINGS_MAX);
        self.state = if self.openings.len() >= OPENINGS_MAX {
            PluginState::Disabled
        } else {
            PluginState::Open { until: Timestamp::from_unix_ms(now.unix_ms().saturating_add(self.open_ms)) }
        };
        true
    }
}

/// Keeps the times within the window that ends `now`, at most `count_max` of them. Times after `now`
/// come from a clock that was set back and are forgotten.
fn remember(times: &mut VecDeque<Timestamp>, now: Timestamp, window_ms: i64, count_max: usize) {
    times.retain(|time| (0..window_ms).contains(&now.unix_ms().saturating_sub(time.unix_ms())));
    if times.len() == count_max {
        times.pop_front();
    }
    times.push_back(now);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs calls given as `seconds:outcome` (`+` succeeds, `-` fails) and prints for each what
    /// became of it: `asked`, or `left out`, and the state after it.
    fn check(calls: &str, expected: &str) {
        let mut breaker = Breaker::new();
        let start = 1_000_000_000;
        let mut states = Vec::new();
        for call in calls.split_whitespace() {
            let (seconds, outcome) = call.split_once(':').expect("seconds:outcome");
            let seconds: i64 = seconds.parse().expect("seconds");
            let now = Timestamp::from_unix_ms(start + seconds * 1000);
            let asked = breaker.admits(now);
            match (asked, outcome) {
                (true, "+") => breaker.succeeded(),
                (true, "-") => {
                    breaker.failed(now);
                }
                _ => {}
            }
            let state = match breaker.state() {
                PluginState::Ready => "ready".to_owned(),
                PluginState::Trial => "trial".to_owned(),
                PluginState::Disabled => "disabled".to_owned(),
                PluginState::Open { until } => format!("open-to-{}", (until.unix_ms() - start) / 1000),
            };
            states.push(if asked { state } else { format!("({state})") });
        }
        assert_eq!(states.join(" "), expected);
    }

    #[test]
    fn three_failures_in_a_row_open_the_circuit() {
        check("0:- 100:- 200:-", "ready ready open-to-230");
        check("0:- 100:- 200:+ 300:- 400:-", "ready ready ready ready ready");
    }

    #[test]
    fn five_failures_in_a_minute_open_the_circuit() {
        check("0:- 1:- 2:+ 3:- 4:- 5:+ 6:-", "ready ready ready ready ready ready open-to-36");
        check("0:- 1:- 2:+ 3:- 4:- 5:+ 61:-", "ready ready ready ready ready ready ready");
    }

    #[test]
    fn a_trial_call_decides_and_the_wait_doubles() {
        check(
            "0:- 0:- 0:- 29:+ 30:- 31:+ 89:+ 90:+ 91:-",
            "ready ready open-to-30 (open-to-30) open-to-90 (open-to-90) (open-to-90) ready ready",
        );
    }

    #[test]
    fn a_success_on_trial_resets_the_wait() {
        check("0:- 0:- 0:- 30:+ 31:- 31:- 31:-", "ready ready open-to-30 ready ready ready open-to-61");
    }

    #[test]
    fn five_openings_in_a_day_disable_it() {
        check(
            "0:- 0:- 0:- 30:- 90:- 210:- 450:- 99999999:+",
            "ready ready open-to-30 open-to-90 open-to-210 open-to-450 disabled (disabled)",
        );
    }

    #[test]
    fn what_is_recorded_goes_on_where_it_was() {
        let at = |seconds: i64| Timestamp::from_unix_ms(seconds * 1000);
        let restarted = |before: &Breaker| {
            let record = before.record("p", "f").expect("it was left out");
            let mut after = Breaker::new();
            after.restore(&record);
            assert_eq!(after.record("p", "f"), Some(record));
            after
        };
        let mut breaker = Breaker::new();
        assert_eq!(breaker.record("p", "f"), None);
        for _ in 0..3 {
            breaker.failed(at(0));
        }
        // Each time after a restart, it is left out for twice as long, until it is for good.
        for (trial, until) in [(30, 90), (90, 210), (210, 450)] {
            breaker = restarted(&breaker);
            assert!(!breaker.admits(at(trial - 1)) && breaker.admits(at(trial)));
            breaker.failed(at(trial));
            assert_eq!(breaker.state(), PluginState::Open { until: at(until) });
        }
        breaker = restarted(&breaker);
        assert!(breaker.admits(at(450)));
        breaker.failed(at(450));
        assert_eq!(restarted(&breaker).state(), PluginState::Disabled);
        // Numbers that nobody wrote do no harm.
        let wild = BreakerRecord {
            plugin: String::new(),
            fingerprint: String::new(),
            openings_ms: vec![i64::MAX; 100],
            open_ms: i64::MIN,
            until_ms: Some(i64::MAX),
            disabled: false,
        };
        let mut breaker = Breaker::new();
        breaker.restore(&wild);
        assert!(breaker.admits(at(0)), "a time that far away comes from a broken clock");
    }

    #[test]
    fn the_wait_is_at_most_an_hour() {
        check(
            "0:- 0:- 0:- 30:- 90:- 210:- 90000:- 180000:- 270000:- 360000:- 450000:-",
            "ready ready open-to-30 open-to-90 open-to-210 open-to-450 open-to-90480 open-to-180960 \
             open-to-271920 open-to-363600 open-to-453600",
        );
    }

    #[test]
    fn a_clock_that_goes_back_does_not_keep_it_out() {
        check("100000:- 100000:- 100000:- 0:+", "ready ready open-to-100030 ready");
    }
}
