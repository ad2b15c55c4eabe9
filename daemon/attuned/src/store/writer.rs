//! The thread that writes.
//!
//! Owns the order of changes, group commit and the manifest's rhythm. It knows nothing of what is in
//! a record.
//!
//! A group is what waits in the queue at the moment, up to a limit; so a single write is made
//! durable at once, and under load many share one flush.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::ledger::Ledger;
use super::manifest::Manifest;
use super::open::outbox_expiries;
use super::read::totals;
use super::record::totals::Totals;
use super::staged::Staged;
use super::tree::{Changes, Tree};
use super::write::{Write, Written};
use super::{StoreError, StoreSettings};

/// Writes after which a group is closed (facts: 64 writes or 20 ms were measured).
const GROUP_WRITES_MAX: usize = 64;

/// Time after which a group is closed.
const GROUP_TIME_MAX: Duration = Duration::from_millis(20);

/// The manifest is brought up to date when nothing was written for so long, …
const MANIFEST_IDLE: Duration = Duration::from_secs(1);

/// … and after so many changes in any case. A cut file is noticed by the changes since then.
const MANIFEST_CHANGES_MAX: u64 = 256;

/// What the writer is asked to do.
pub enum Order {
    /// Store all writes, or none, and answer.
    Commit {
        /// The writes of one call.
        writes: Vec<Write>,
        /// Where the answer goes.
        done: oneshot::Sender<Answer>,
    },
}

type Answer = Result<Vec<Written>, StoreError>;

/// Starts the writer. It ends when all senders of `queue` are gone and the queue is empty.
pub fn spawn(
    queue: mpsc::Receiver<Order>,
    tree: Arc<Tree>,
    ledger: Ledger,
    settings: &StoreSettings,
) -> Result<JoinHandle<()>, StoreError> {
    let unavailable = |error: std::io::Error| StoreError::Unavailable {
        path: settings.path.clone(),
        reason: error.to_string(),
    };
    // A runtime of its own gives this thread a receive with a time limit; sled may block it freely.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(unavailable)?;
    let writer = Writer {
        tree,
        noted: ledger.totals.generation,
        ledger,
        ledger_is_current: true,
        settings: settings.clone(),
    };
    std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || runtime.block_on(writer.run(queue)))
        .map_err(unavailable)
}

struct Writer {
    tree: Arc<Tree>,
    ledger: Ledger,
    /// Not so after a failure, until the ledger was read from the tree again.
    ledger_is_current: bool,
    /// The generation of which the manifest tells.
    noted: u64,
    settings: StoreSettings,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Order>) {
        loop {
            let first = if self.noted == self.ledger.totals.generation {
                queue.recv().await
            } else {
                match timeout(MANIFEST_IDLE, queue.recv()).await {
                    Ok(order) => order,
                    Err(_) => {
                        self.note();
                        continue;
                    }
                }
            };
            let Some(first) = first else { break };
            self.commit(group(first, &mut queue));
            if self.ledger.totals.generation.saturating_sub(self.noted) >= MANIFEST_CHANGES_MAX {
                self.note();
            }
        }
        self.note();
    }

    fn commit(&mut self, orders: Vec<Order>) {
        let answers: Vec<(oneshot::Sender<Answer>, Answer)> = match self.make_current() {
            Err(error) => {
                orders.into_iter().map(|Order::Commit { done, .. }| (done, Err(error.clone()))).collect()
            }
            Ok(()) => {
                let before = self.ledger.totals;
                let mut staged = Staged::new(&self.tree, &self.settings, &mut self.ledger);
                let answers: Vec<_> = orders
                    .into_iter()
                    .map(|Order::Commit { writes, done }| (done, staged.call(writes)))
                    .collect();
                let changes = staged.finish();
                match self.apply(&changes, before) {
                    Ok(()) => answers,
                    Err(error) => answers
                        .into_iter()
                        .map(|(done, answer)| (done, answer.and_then(|_| Err(error.clone()))))
                        .collect(),
                }
            }
        };
        for (done, answer) in answers {
            // Nobody may be waiting any more: the write stands all the same.
            drop(done.send(answer));
        }
    }

    fn apply(&mut self, changes: &Changes, before: Totals) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.tree.apply(changes).inspect_err(|error| {
            tracing::warn!(%error, changes = changes.len(), "store refused a group of writes");
            self.ledger.totals = before;
            self.ledger_is_current = false;
        })
    }

    /// After a failure: reads what the tree holds. It may hold the failed group after all, if only
    /// the last step of making it durable failed; nobody was told so, and a repeat is recognised.
    fn make_current(&mut self) -> Result<(), StoreError> {
        if self.ledger_is_current {
            return Ok(());
        }
        self.tree.revive();
        let stored = totals(&self.tree)?;
        let known = self.ledger.totals;
        let later = stored.filter(|stored| stored.generation > known.generation).unwrap_or(known);
        self.ledger = Ledger::new(later, outbox_expiries(&self.tree)?);
        self.ledger_is_current = true;
        Ok(())
    }

    fn note(&mut self) {
        match Manifest::new(self.ledger.totals).write(&self.settings.path) {
            Ok(()) => self.noted = self.ledger.totals.generation,
            Err(error) => {
                tracing::warn!(%error, "store manifest is not up to date");
                // Tried again after the next change.
                self.noted = self.ledger.totals.generation;
            }
        }
    }
}

fn group(first: Order, queue: &mut mpsc::Receiver<Order>) -> Vec<Order> {
    let began = Instant::now();
    let mut writes = first.writes();
    let mut orders = vec![first];
    while writes < GROUP_WRITES_MAX && began.elapsed() < GROUP_TIME_MAX {
        let Ok(order) = queue.try_recv() else { break };
        writes += order.writes();
        orders.push(order);
    }
    orders
}

impl Order {
    fn writes(&self) -> usize {
        let Order::Commit { writes, .. } = self;
        writes.len()
    }
}

#[cfg(test)]
mod tests {
    use attuned_recommender::{EventId, EventType};

    use super::*;
    use crate::store::tests::event;

    fn order(writes: usize) -> Order {
        let append = |n: usize| Write::AppendEvent {
            event: event("anna", "film:1", EventType::Play),
            id: EventId::parse(&n.to_string()).ok(),
        };
        Order::Commit { writes: (0..writes).map(append).collect(), done: oneshot::channel().0 }
    }

    /// Groups what waits behind a call of `first` writes; gives the calls of the group, and how many
    /// were left waiting.
    fn check(first: usize, waiting: &[usize], expected: (usize, usize)) {
        let (orders, mut queue) = mpsc::channel(100);
        for writes in waiting {
            orders.try_send(order(*writes)).map_err(|_| "full").expect("room");
        }
        let began = Instant::now();
        let calls = group(order(first), &mut queue).len();
        // A machine that stalls may close a group early, by time.
        if began.elapsed() < GROUP_TIME_MAX {
            assert_eq!((calls, queue.len()), expected);
        }
    }

    #[test]
    fn a_single_call_does_not_wait_for_company() {
        check(1, &[], (1, 0));
    }

    #[test]
    fn calls_that_wait_share_a_group_up_to_its_limit() {
        check(1, &[1, 1, 1], (4, 0));
        check(1, &[1; 99], (GROUP_WRITES_MAX, 100 - GROUP_WRITES_MAX));
        check(GROUP_WRITES_MAX, &[1], (1, 1));
        check(60, &[10, 10], (2, 1));
    }
}
