//! Messages for the broker: stored first, sent in order, removed when the broker has them.

use std::collections::BTreeSet;
use std::sync::Arc;

use attuned_recommender::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Pipeline, Shared, now};
use crate::document::{Rejection, RejectionDocument};
use crate::mqtt;
use crate::service::Pulse;
use crate::store::{OutboxMessage, Store, StoreError, Write};
use crate::topic;

/// Messages on their way to the broker at once.
const IN_FLIGHT_MAX: usize = 16;
/// How long an answer is of use to whoever asked, milliseconds.
pub(super) const ANSWER_FRESH_MS: i64 = 60_000;
/// How long it is of use to know what was wrong with an input, milliseconds.
const REJECTION_FRESH_MS: i64 = 86_400_000;

/// Wakes the sender.
pub(super) struct Outbox {
    added: Arc<Notify>,
}

/// What the sender needs; taken by [`run_outbox`].
#[derive(Default)]
pub struct Outgoing {
    added: Arc<Notify>,
}

pub(super) fn open(store: &Store) -> Result<(Outbox, Outgoing), StoreError> {
    let added = Arc::new(Notify::new());
    let outgoing = Outgoing { added: Arc::clone(&added) };
    if store.outbox_after(0).next().is_some() {
        added.notify_one();
    }
    Ok((Outbox { added }, outgoing))
}

impl Shared {
    /// Stores a message for the broker.
    pub(super) async fn publish(&self, message: OutboxMessage) -> Result<(), Rejection> {
        self.journal.write(vec![Write::PushOutbox { message, now: now() }]).await?;
        self.outbox.added.notify_one();
        Ok(())
    }

    /// Tells the sender of an input what was wrong with it.
    pub(super) async fn report(&self, rejection: &Rejection, topic: &str) -> Result<(), Rejection> {
        let document: RejectionDocument = rejection.document(topic);
        let payload =
            serde_json::to_vec(&document).map_err(|error| Rejection::internal(error.to_string()))?;
        self.publish(OutboxMessage {
            topic: topic::errors(&self.settings.prefix),
            payload,
            retain: false,
            correlation: None,
            expires_at: Some(Timestamp::from_unix_ms(now().unix_ms() + REJECTION_FRESH_MS)),
        })
        .await
    }
}

/// Sends what is in the outbox until the program stops. A message is removed once the broker has
/// acknowledged it; after a crash in between it is sent again.
pub async fn run_outbox(pipeline: Pipeline, outgoing: Outgoing, publisher: mqtt::Publisher, pulse: Pulse) {
    let shared = pipeline.shared;
    let mut sent_through = 0;
    let mut in_flight: BTreeSet<u64> = BTreeSet::new();
    let mut sending: JoinSet<(u64, Result<(), mqtt::PublishError>)> = JoinSet::new();
    loop {
        for stored in shared.store.outbox_after(sent_through) {
            let stored = match stored {
                Ok(stored) => stored,
                Err(error) => {
                    tracing::warn!(%error, "a message of the outbox is left out");
                    continue;
                }
            };
            if in_flight.len() >= IN_FLIGHT_MAX {
                break;
            }
            sent_through = stored.seq;
            in_flight.insert(stored.seq);
            let publisher = publisher.clone();
            sending.spawn(
                async move { (stored.seq, publisher.publish(outgoing_message(stored.message)).await) },
            );
        }
        let settled = pulse.while_waiting(async {
            tokio::select! {
                Some(settled) = sending.join_next() => Some(settled),
                () = outgoing.added.notified() => None,
            }
        });
        match settled.await {
            None => {}
            Some(Ok((_, Err(mqtt::PublishError::Stopped)))) => return,
            Some(Ok((seq, result))) => {
                if let Err(error) = result {
                    tracing::warn!(%error, "a message for the broker was given up");
                }
                in_flight.remove(&seq);
                if let Err(rejection) = shared.journal.write(vec![Write::RemoveOutbox(seq)]).await {
                    tracing::warn!(reason = %rejection, "a message stays in the outbox and may be sent again");
                }
            }
            Some(Err(error)) => tracing::error!(%error, "sending failed"),
        }
    }
}

fn outgoing_message(message: OutboxMessage) -> mqtt::Outgoing {
    mqtt::Outgoing {
        topic: message.topic,
        payload: message.payload.into(),
        retain: message.retain,
        correlation: message.correlation.map(Into::into),
        expires_at: message.expires_at,
    }
}
