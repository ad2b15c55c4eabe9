//! Whose turn it is to be encoded: what somebody waits for goes before the background.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Pieces that are encoded at once for those who wait: queries and comments.
const ASKED_MAX: usize = 2;
/// Longest time that the background stands back for one piece, so that it goes on under any load.
const STAND_BACK_MAX: Duration = Duration::from_secs(2);

/// Who wants something encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Somebody waits for it.
    Asked,
    /// Items; one piece at a time.
    Background,
}

/// Hands out turns.
pub(super) struct Turns {
    asked: Arc<Semaphore>,
    background: Arc<Semaphore>,
    /// Pieces that somebody waits for, in work or in line.
    waited_for: Arc<AtomicUsize>,
    quiet: Arc<Notify>,
    stand_back_max: Duration,
}

/// A turn; it ends when this is dropped.
pub(super) struct Held {
    _permit: OwnedSemaphorePermit,
    _waited_for: Option<WaitedFor>,
}

struct WaitedFor {
    count: Arc<AtomicUsize>,
    quiet: Arc<Notify>,
}

impl Drop for WaitedFor {
    fn drop(&mut self) {
        if self.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.quiet.notify_one();
        }
    }
}

impl Turns {
    pub(super) fn new() -> Turns {
        Turns {
            asked: Arc::new(Semaphore::new(ASKED_MAX)),
            background: Arc::new(Semaphore::new(1)),
            waited_for: Arc::default(),
            quiet: Arc::default(),
            stand_back_max: STAND_BACK_MAX,
        }
    }

    /// Waits for a turn.
    pub(super) async fn take(&self, turn: Turn) -> Held {
        const OPEN: &str = "the semaphore is never closed";
        match turn {
            Turn::Asked => {
                self.waited_for.fetch_add(1, Ordering::AcqRel);
                let waited_for =
                    WaitedFor { count: Arc::clone(&self.waited_for), quiet: Arc::clone(&self.quiet) };
                let permit = Arc::clone(&self.asked).acquire_owned().await.expect(OPEN);
                Held { _permit: permit, _waited_for: Some(waited_for) }
            }
            Turn::Background => {
                let permit = Arc::clone(&self.background).acquire_owned().await.expect(OPEN);
                let quiet = async {
                    while self.waited_for.load(Ordering::Acquire) > 0 {
                        self.quiet.notified().await;
                    }
                };
                // Whether it became quiet or not, it is the background's turn now.
                drop(tokio::time::timeout(self.stand_back_max, quiet).await);
                Held { _permit: permit, _waited_for: None }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_background_stands_back_for_those_who_wait_but_not_for_ever() {
        let stand_back_max = Duration::from_millis(50);
        let turns = Turns { stand_back_max, ..Turns::new() };
        let first = turns.take(Turn::Asked).await;
        let second = turns.take(Turn::Asked).await;
        let third = turns.take(Turn::Asked);
        assert!(tokio::time::timeout(Duration::from_millis(5), third).await.is_err(), "two at once");
        let started = std::time::Instant::now();
        drop(turns.take(Turn::Background).await);
        assert!(started.elapsed() >= stand_back_max);
        // Whoever waits no longer is no longer stood back for.
        let turns = Turns { stand_back_max: Duration::from_secs(3600), ..turns };
        let background = turns.take(Turn::Background);
        drop((first, second));
        drop(background.await);
    }
}
