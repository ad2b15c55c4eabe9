//! Waiting for a condition until a deadline.

use std::time::{Duration, Instant};

/// How long anything may take that is done in milliseconds on an idle machine. Continuous
/// integration runs on two busy cores.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at something that cannot be waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until there is something to see.
///
/// # Panics
///
/// Nothing was seen within [`PATIENCE`]; `what` names it.
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, look)
}

/// [`until`] with a patience of its own.
///
/// # Panics
///
/// Nothing was seen in time.
pub fn until_within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what}: not within {patience:?}");
        std::thread::sleep(LOOK_EVERY);
    }
}
