//! How long to wait before the next attempt to connect. Knows neither clock nor random source.

use std::time::Duration;

/// Shortest wait.
pub const WAIT_MIN: Duration = Duration::from_millis(100);
/// Longest wait.
pub const WAIT_MAX: Duration = Duration::from_secs(30);
/// A connection that held this long starts the waits anew.
pub const STABLE_AFTER: Duration = Duration::from_secs(10);

/// The wait after `failures` attempts in a row that failed before this one, counting from 0.
///
/// The span doubles from 0.2 s to 30 s; `jitter`, in `[0, 1]`, picks a point in its upper half, so
/// that clients of a restarted broker do not come back in step ("equal jitter": Brooker,
/// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). Always within 0.1 to 30 s.
#[must_use]
pub fn wait(failures: u32, jitter: f64) -> Duration {
    let doublings = failures.min(16);
    let span = (WAIT_MIN * 2 * 2_u32.pow(doublings)).min(WAIT_MAX);
    let half = span / 2;
    half + half.mul_f64(jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(failures: u32, jitter: f64, expected_ms: u128) {
        assert_eq!(wait(failures, jitter).as_millis(), expected_ms, "{failures} failures, jitter {jitter}");
    }

    #[test]
    fn waits_double_and_stay_within_their_bounds() {
        check(0, 0.0, 100);
        check(0, 1.0, 200);
        check(1, 0.0, 200);
        check(1, 0.5, 300);
        check(3, 0.0, 800);
        check(7, 1.0, 25_600);
        check(8, 0.0, 15_000);
        check(8, 1.0, 30_000);
        check(u32::MAX, 1.0, 30_000);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_shorter_after_more_failures(failures in 0_u32..40, jitter in 0.0..=1.0_f64) {
            prop_assert!(wait(failures, jitter) >= WAIT_MIN);
            prop_assert!(wait(failures, jitter) <= WAIT_MAX);
            prop_assert!(wait(failures + 1, jitter) >= wait(failures, jitter));
        }
    }
}
