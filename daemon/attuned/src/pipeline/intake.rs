//! What comes in over MQTT. A message is acknowledged when its effect is durable: an input when it
//! is stored, a request when its answer is in the outbox, a wrong one when its rejection is.

use std::sync::Arc;

use attuned_recommender::{Timestamp, UserId};
use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};

use super::outbox::ANSWER_FRESH_MS;
use super::{Pipeline, Shared, now};
use crate::document::{EventsDocument, ItemDocument, Rejection, RejectionCode, RequestDocument, parse};
use crate::mqtt::{Delivery, Reply};
use crate::service::Pulse;
use crate::store::OutboxMessage;
use crate::topic::{self, Topic};

/// Requests and comments that are worked on at once; further ones wait, unacknowledged.
const CONCURRENT_MAX: usize = 16;

/// Takes deliveries until the link is gone, then waits for what is in work.
pub async fn run_intake(pipeline: Pipeline, mut deliveries: mpsc::Receiver<Delivery>, pulse: Pulse) {
    let permits = Arc::new(Semaphore::new(CONCURRENT_MAX));
    while let Some(delivery) = pulse.while_waiting(deliveries.recv()).await {
        let shared = Arc::clone(&pipeline.shared);
        // Requests are independent of each other; everything else keeps the order of arrival.
        if matches!(delivery.topic, Ok(Topic::Recommend)) {
            let Ok(permit) = pulse.while_waiting(Arc::clone(&permits).acquire_owned()).await else { return };
            tokio::spawn(async move {
                take(&shared, delivery).await;
                drop(permit);
            });
        } else {
            pulse.while_waiting(take(&shared, delivery)).await;
        }
    }
    // All permits are free again when the last request is answered.
    let all = u32::try_from(CONCURRENT_MAX).unwrap_or(u32::MAX);
    drop(pulse.while_waiting(permits.acquire_many(all)).await);
}

async fn take(shared: &Arc<Shared>, delivery: Delivery) {
    let Delivery { topic, raw_topic, payload, retained, reply, ack } = delivery;
    let taken = match topic {
        Ok(topic) => act(shared, topic, payload, retained, reply).await,
        Err(error) => Err(Rejection::invalid(error.to_string())),
    };
    let settled = match taken {
        Ok(()) => Ok(()),
        // Not acknowledged, so that the broker brings it again.
        Err(rejection) if rejection.code == RejectionCode::Unavailable => Err(rejection),
        Err(rejection) => shared.report(&rejection, &raw_topic).await,
    };
    match settled {
        Ok(()) => ack.done(),
        Err(rejection) => {
            tracing::warn!(topic = %raw_topic, reason = %rejection, "input not taken, the broker keeps it")
        }
    }
}

async fn act(
    shared: &Arc<Shared>,
    topic: Topic,
    payload: Bytes,
    retained: bool,
    reply: Option<Reply>,
) -> Result<(), Rejection> {
    let pipeline = Pipeline { shared: Arc::clone(shared) };
    match topic {
        Topic::Item(id) if payload.is_empty() => match pipeline.remove_item(id).await {
            // Removing what is not there is what was wanted.
            Err(rejection) if rejection.code == RejectionCode::NotFound => Ok(()),
            removed => removed,
        },
        Topic::Item(id) => pipeline.put_item_at(&id, parse::<ItemDocument>("item", &payload)?).await,
        Topic::ItemMedia(id, modality) => pipeline.put_media(id, modality, payload).await,
        Topic::Events(user) => events(&pipeline, user, &payload, retained).await,
        Topic::Context(key) if payload.is_empty() => pipeline.set_context(key, None).await,
        Topic::Context(key) => pipeline.set_context(key, Some(parse("context", &payload)?)).await,
        Topic::Recommend if retained => Ok(()),
        Topic::Recommend => answer(&pipeline, &payload, reply).await,
    }
}

/// An event that the broker kept was delivered when it happened, or is in the session's queue.
/// Without an id it would count at every new subscription.
async fn events(pipeline: &Pipeline, user: UserId, payload: &[u8], retained: bool) -> Result<(), Rejection> {
    let mut documents = EventsDocument::read(payload)?;
    if retained {
        documents.retain(|document| document.as_ref().is_ok_and(|document| document.id.is_some()));
    }
    let taken = pipeline.add_events(user.clone(), documents).await?;
    for message in taken.rejected {
        let topic = Topic::Events(user.clone()).render(&pipeline.shared.settings.prefix);
        pipeline.shared.report(&Rejection::invalid(message), &topic).await?;
    }
    Ok(())
}

async fn answer(pipeline: &Pipeline, payload: &[u8], reply: Option<Reply>) -> Result<(), Rejection> {
    let shared = &pipeline.shared;
    let mut document: RequestDocument = parse("request", payload)?;
    let reply = match (reply, &document.request_id) {
        (Some(reply), _) => reply,
        (None, Some(id)) => {
            let id = attuned_recommender::RequestId::parse(id)
                .map_err(|error| Rejection::invalid(format!("request `request_id`: {error}")))?;
            Reply { topic: topic::reply(&shared.settings.prefix, &id), correlation: None }
        }
        (None, None) => {
            return Err(Rejection::invalid(
                "request has neither a response topic nor a `request_id`, expected one of them to answer to",
            ));
        }
    };
    let recommendation = pipeline.recommend(std::mem::take(&mut document)).await?;
    let payload =
        serde_json::to_vec(&recommendation).map_err(|error| Rejection::internal(error.to_string()))?;
    let expires_at = Some(Timestamp::from_unix_ms(now().unix_ms() + ANSWER_FRESH_MS));
    let message = OutboxMessage {
        topic: reply.topic,
        payload,
        retain: false,
        correlation: reply.correlation.map(Into::into),
        expires_at,
    };
    shared.publish(message).await
}
