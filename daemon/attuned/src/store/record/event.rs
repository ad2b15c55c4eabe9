//! Events, and the notes by which a user's events are found.

use attuned_recommender::{Comment, Event, EventId, EventType, ItemId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::value::{ValueV1, from_named, named};
use super::{exact, from_exact, pack, unknown_version, unpack};

/// The version that is written, of events and of the notes.
pub const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct EventV1 {
    id: Option<String>,
    user: String,
    item: String,
    event_type: String,
    value: Option<f32>,
    at_ms: i64,
    context: Vec<(String, ValueV1)>,
    comment: Option<CommentV1>,
}

#[derive(Serialize, Deserialize)]
struct CommentV1 {
    sentiment: Option<f32>,
    semantic: Option<Vec<f32>>,
}

/// The payload of an event.
pub fn encode(event: &Event, id: Option<&EventId>) -> Vec<u8> {
    let Event { user, item, event_type, value, at, context, comment } = event;
    pack(&EventV1 {
        id: id.map(EventId::to_string),
        user: user.to_string(),
        item: item.to_string(),
        event_type: event_type.name().to_owned(),
        value: *value,
        at_ms: at.unix_ms(),
        context: named(context),
        comment: comment.as_ref().map(|comment| CommentV1 {
            sentiment: comment.sentiment,
            semantic: comment.semantic.as_ref().map(exact),
        }),
    })
}

/// The event in a payload, and its id.
pub fn decode(version: u8, payload: &[u8]) -> Result<(Event, Option<EventId>), String> {
    match version {
        1 => from_v1(unpack(payload)?),
        newer => Err(unknown_version(newer, VERSION)),
    }
}

/// The payload of the note that names a user's event.
pub fn encode_note(seq: u64) -> Vec<u8> {
    pack(&seq)
}

/// The event's number in a note.
pub fn decode_note(version: u8, payload: &[u8]) -> Result<u64, String> {
    match version {
        1 => unpack(payload),
        newer => Err(unknown_version(newer, VERSION)),
    }
}

fn from_v1(record: EventV1) -> Result<(Event, Option<EventId>), String> {
    let to_comment = |comment: CommentV1| -> Result<Comment, String> {
        Ok(Comment { sentiment: comment.sentiment, semantic: comment.semantic.map(from_exact).transpose()? })
    };
    let id = record.id.as_deref().map(EventId::parse).transpose().map_err(|error| error.to_string())?;
    let event = Event {
        user: UserId::parse(&record.user).map_err(|error| error.to_string())?,
        item: ItemId::parse(&record.item).map_err(|error| error.to_string())?,
        event_type: EventType::from_name(&record.event_type)
            .ok_or_else(|| format!("names the unknown event type `{}`", record.event_type))?,
        value: record.value,
        at: Timestamp::from_unix_ms(record.at_ms),
        context: from_named(record.context),
        comment: record.comment.map(to_comment).transpose()?,
    };
    Ok((event, id))
}
