//! A plugin's own lines: cut, rationed and kept for people to read.

use std::collections::VecDeque;

use attuned_recommender::Timestamp;

use crate::error::cut;
use crate::limits::{LOG_LINE_BYTES, LOG_LINES_KEPT, LOG_LINES_PER_CALL, LOG_LINES_PER_MINUTE};

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the author only.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is odd.
    Warn,
    /// The rule cannot do its work.
    Error,
}

/// One line of a plugin's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the request came in.
    pub at: Timestamp,
    /// How important the plugin takes it to be.
    pub level: LogLevel,
    /// Its text, at most 512 bytes.
    pub text: String,
}

/// Lines of the call that is running.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    lines: Vec<(LogLevel, String)>,
    dropped: u64,
}

impl CallLog {
    pub(crate) fn push(&mut self, level: LogLevel, text: &str) {
        if self.lines.len() < LOG_LINES_PER_CALL {
            self.lines.push((level, cut(text, LOG_LINE_BYTES).to_owned()));
        } else {
            self.dropped += 1;
        }
    }

    /// The newest line that the plugin took to be an error.
    pub(crate) fn last_error(&self) -> Option<&str> {
        let mut errors = self.lines.iter().filter(|(level, _)| *level == LogLevel::Error);
        errors.next_back().map(|(_, text)| text.as_str())
    }
}

/// Lines of a plugin.
#[derive(Debug, Default)]
pub(crate) struct Log {
    lines: VecDeque<LogLine>,
    /// Lines that were not kept.
    pub(crate) dropped: u64,
    minute: Option<Timestamp>,
    in_minute: usize,
}

impl Log {
    /// Takes over the lines of a call that ran at `now`, and empties `call`.
    pub(crate) fn take(&mut self, call: &mut CallLog, plugin: &str, now: Timestamp) {
        self.dropped += std::mem::take(&mut call.dropped);
        for (level, text) in call.lines.drain(..) {
            if !self.admits(now) {
                self.dropped += 1;
                continue;
            }
            tracing::debug!(plugin, ?level, text, "plugin says");
            if self.lines.len() == LOG_LINES_KEPT {
                self.lines.pop_front();
            }
            self.lines.push_back(LogLine { at: now, level, text });
        }
    }

    pub(crate) fn lines(&self) -> Vec<LogLine> {
        self.lines.iter().cloned().collect()
    }

    fn admits(&mut self, now: Timestamp) -> bool {
        let same_minute = self
            .minute
            .is_some_and(|start| (0..60_000).contains(&(now.unix_ms().saturating_sub(start.unix_ms()))));
        if !same_minute {
            (self.minute, self.in_minute) = (Some(now), 0);
        }
        self.in_minute += 1;
        self.in_minute <= LOG_LINES_PER_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flood(log: &mut Log, lines: usize, seconds: i64) {
        let mut call = CallLog::default();
        for _ in 0..lines {
            call.push(LogLevel::Info, "é".repeat(LOG_LINE_BYTES).as_str());
        }
        log.take(&mut call, "p", Timestamp::from_unix_ms(seconds * 1000));
    }

    #[test]
    fn lines_are_rationed_by_call_and_by_minute() {
        let mut log = Log::default();
        flood(&mut log, LOG_LINES_PER_CALL + 5, 0);
        assert_eq!((log.lines().len(), log.dropped), (20, 5));
        flood(&mut log, 20, 1);
        flood(&mut log, 20, 2);
        flood(&mut log, 20, 59);
        assert_eq!((log.lines().len(), log.dropped), (LOG_LINES_PER_MINUTE, 25));
        flood(&mut log, 20, 60);
        assert_eq!((log.lines().len(), log.dropped), (80, 25));
    }

    #[test]
    fn only_the_newest_lines_are_kept() {
        let mut log = Log::default();
        for minute in 0..20 {
            flood(&mut log, 20, 60 * minute);
        }
        assert_eq!(log.lines().len(), LOG_LINES_KEPT);
        assert_eq!(log.lines()[0].at, Timestamp::from_unix_ms(10 * 60_000));
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let mut log = Log::default();
        flood(&mut log, 1, 0);
        assert_eq!(log.lines()[0].text, "é".repeat(LOG_LINE_BYTES / 2));
    }
}
