//! Writes down what was learnt, so that a start has only the latest events to learn from again.

use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shared;
use crate::document::Rejection;
use crate::store::Write;

/// How often it is looked whether a snapshot is due.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Events since the last snapshot that make one due. A start learns from as many again in
/// milliseconds, and a person's state is written once for many events, which spares the disk.
const EVENTS_DUE: u64 = 500;

pub(super) async fn run(shared: Weak<Shared>) {
    let mut saved = 0;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        let events = shared.events.load(Ordering::Relaxed);
        if events < saved + EVENTS_DUE {
            continue;
        }
        match shared.save_snapshot().await {
            Ok(()) => saved = events,
            Err(rejection) => tracing::warn!(reason = %rejection, "what was learnt is not written down yet"),
        }
    }
}

impl Shared {
    pub(super) async fn save_snapshot(&self) -> Result<(), Rejection> {
        let snapshot = self.engine.snapshot().await?;
        let through = snapshot.through;
        let mut writes: Vec<Write> = snapshot
            .users
            .into_iter()
            .map(|(user, state)| Write::PutProfile { user, through, state })
            .collect();
        writes.push(Write::PutHousehold { through, state: snapshot.household });
        self.journal.write(writes).await.map(|_| ())
    }
}
