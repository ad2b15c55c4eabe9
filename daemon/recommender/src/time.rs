//! Points in time. The recommender never asks for the time: every entry point takes `now`.

/// A point in time, in milliseconds since the Unix epoch (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// Milliseconds in a day.
const DAY_MS: f64 = 86_400_000.0;

impl Timestamp {
    /// The point `ms` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Days from `earlier` to `self`; negative when `earlier` is later (a clock that went back).
    #[must_use]
    pub fn days_since(self, earlier: Timestamp) -> f64 {
        (self.0 as f64 - earlier.0 as f64) / DAY_MS
    }
}
