//! Messages that the broker has to take.

use attuned_recommender::Timestamp;
use serde::{Deserialize, Serialize};

use super::{pack, unknown_version, unpack};
use crate::store::OutboxMessage;

/// The version that is written.
pub const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct MessageV1 {
    topic: String,
    payload: Vec<u8>,
    retain: bool,
    correlation: Option<Vec<u8>>,
    expires_at_ms: Option<i64>,
}

/// The payload of a message.
pub fn encode(message: &OutboxMessage) -> Vec<u8> {
    let OutboxMessage { topic, payload, retain, correlation, expires_at } = message.clone();
    pack(&MessageV1 {
        topic,
        payload,
        retain,
        correlation,
        expires_at_ms: expires_at.map(Timestamp::unix_ms),
    })
}

/// The message in a payload.
pub fn decode(version: u8, payload: &[u8]) -> Result<OutboxMessage, String> {
    match version {
        1 => {
            let MessageV1 { topic, payload, retain, correlation, expires_at_ms } = unpack(payload)?;
            let expires_at = expires_at_ms.map(Timestamp::from_unix_ms);
            Ok(OutboxMessage { topic, payload, retain, correlation, expires_at })
        }
        newer => Err(unknown_version(newer, VERSION)),
    }
}
