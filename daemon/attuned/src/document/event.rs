//! The event document.

use std::collections::BTreeMap;

use attuned_recommender::{Context, Event, EventId, EventType, ItemId, Modality, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::item::{MediaDocument, MediaInput, TEXT_BYTES_MAX, null_as_default, parse_media};
use super::value::{json_value, parse_timestamp, parse_value, timestamp_text};
use super::{Rejection, within};

/// Most events in one array.
pub const EVENTS_MAX: usize = 1000;
/// Most context keys of an event or a request.
pub const CONTEXT_KEYS_MAX: usize = 64;

/// What a person did with an item.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "event")]
pub struct EventDocument {
    /// Makes redelivery harmless: an event whose id was seen from this user before is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// With which item.
    pub item: String,
    /// `impression`, `view`, `play`, `complete`, `skip`, `like`, `dislike`, `rate`, `save`,
    /// `hide`, `purchase`, `comment` or `undo`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// To what degree: `play` and `skip` the share played, 0 to 1; `rate` 0 to 5; `view` seconds;
    /// `comment` the sentiment, -1 to 1; absent means what its words say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// When, RFC 3339; absent means now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<String>,
    /// Under which circumstances.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, serde_json::Value>,
    /// The words of a comment: what they are about and what they think of the item counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The picture or voice clip of a comment: it shows interest in what it holds.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediaDocument>,
}

/// One event, or several.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "events")]
pub enum EventsDocument {
    /// Several.
    Many(Vec<EventDocument>),
    /// One.
    One(Box<EventDocument>),
}

/// A checked event document.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedEvent {
    /// Its id, if it has one.
    pub id: Option<EventId>,
    /// The event; what its comment says is still to be understood.
    pub event: Event,
    /// The words of a comment.
    pub text: Option<String>,
    /// The media of a comment.
    pub media: Vec<(Modality, MediaInput)>,
}

impl EventsDocument {
    /// Reads one event or an array of events. An event of an array that is none costs no other.
    ///
    /// # Errors
    ///
    /// The bytes are neither, or too many: answer the sender.
    pub fn read(bytes: &[u8]) -> Result<Vec<Result<EventDocument, Rejection>>, Rejection> {
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if first != Some(&b'[') {
            return Ok(vec![Ok(super::parse::<EventDocument>("event", bytes)?)]);
        }
        let events = super::parse::<Vec<serde_json::Value>>("events", bytes)?;
        within("events", events.len(), EVENTS_MAX, "events")?;
        let event = |(index, json): (usize, serde_json::Value)| {
            serde_path_to_error::deserialize(json).map_err(|error| match error.path().to_string() {
                path if path == "." => Rejection::invalid(format!("event [{index}]: {}", error.inner())),
                path => Rejection::invalid(format!("event [{index}] field `{path}`: {}", error.inner())),
            })
        };
        Ok(events.into_iter().enumerate().map(event).collect())
    }
}

/// The values that make sense for a type, both ends included.
fn value_range(event_type: EventType) -> Option<(f64, f64)> {
    match event_type {
        EventType::Play | EventType::Skip | EventType::Complete => Some((0.0, 1.0)),
        EventType::Rate => Some((0.0, 5.0)),
        EventType::Comment => Some((-1.0, 1.0)),
        EventType::View => Some((0.0, 86_400.0)),
        EventType::Impression
        | EventType::Like
        | EventType::Dislike
        | EventType::Save
        | EventType::Hide
        | EventType::Purchase
        | EventType::Undo => None,
    }
}

impl EventDocument {
    /// Checks every field. A time that is missing or lies in the future becomes `now`.
    ///
    /// # Errors
    ///
    /// A field is wrong or over its limit: answer the sender.
    pub fn parse(self, user: &UserId, now: Timestamp) -> Result<ParsedEvent, Rejection> {
        let id = match &self.id {
            Some(id) => {
                Some(EventId::parse(id).map_err(|error| Rejection::invalid(format!("event `id`: {error}")))?)
            }
            None => None,
        };
        let item = ItemId::parse(&self.item)
            .map_err(|error| Rejection::invalid(format!("event `item`: {error}")))?;
        let event_type = EventType::from_name(&self.event_type).ok_or_else(|| {
            let names: Vec<&str> = EventType::ALL.iter().map(|event_type| event_type.name()).collect();
            Rejection::invalid(format!(
                "event `type` is `{}`, expected one of {}",
                self.event_type,
                names.join(", ")
            ))
        })?;
        if let (Some(value), Some((low, high))) = (self.value, value_range(event_type))
            && !(low..=high).contains(&value)
        {
            return Err(Rejection::invalid(format!(
                "event `value` of a {} is {value}, expected {low} to {high}",
                event_type.name()
            )));
        }
        if event_type == EventType::Rate && self.value.is_none() {
            return Err(Rejection::invalid("event `value` of a rate is absent, expected 0 to 5"));
        }
        within("event `text`", self.text.as_ref().map_or(0, String::len), TEXT_BYTES_MAX, "bytes")?;
        let at = match &self.ts {
            Some(text) => parse_timestamp("event `ts`", text)?.min(now),
            None => now,
        };
        let event = Event {
            user: user.clone(),
            item,
            event_type,
            value: self.value.map(|value| value as f32),
            at,
            context: parse_context("event", &self.context)?,
            comment: None,
        };
        Ok(ParsedEvent { id, event, text: self.text, media: parse_media("event", self.media)? })
    }

    /// The document of an event, without what a comment says.
    #[must_use]
    pub fn of(id: Option<&EventId>, event: &Event) -> Self {
        Self {
            id: id.map(ToString::to_string),
            item: event.item.to_string(),
            event_type: event.event_type.name().to_owned(),
            value: event.value.map(f64::from),
            ts: Some(timestamp_text(event.at)),
            context: event.context.iter().map(|(key, value)| (key.clone(), json_value(value))).collect(),
            text: None,
            media: Vec::new(),
        }
    }
}

/// Checks the circumstances of an event or a request.
pub(super) fn parse_context(
    of: &str,
    json: &BTreeMap<String, serde_json::Value>,
) -> Result<Context, Rejection> {
    within(&format!("{of} `context`"), json.len(), CONTEXT_KEYS_MAX, "keys")?;
    let mut context = Context::new();
    for (key, json) in json {
        if let Some(value) = parse_value(&format!("{of} context `{key}`"), json)? {
            context.insert(key.clone(), value);
        }
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        let user = UserId::parse("anna").expect("an id");
        let now = Timestamp::from_unix_ms(1_000);
        let got = EventsDocument::read(json.as_bytes()).and_then(|documents| {
            documents
                .into_iter()
                .map(|document| document.and_then(|document| document.parse(&user, now)))
                .collect::<Result<Vec<_>, _>>()
        });
        let got = match got {
            Ok(events) => events
                .iter()
                .map(|parsed| {
                    format!(
                        "{} {} {}",
                        parsed.event.event_type.name(),
                        parsed.event.item,
                        parsed.event.at.unix_ms()
                    )
                })
                .collect::<Vec<_>>()
                .join(", "),
            Err(rejection) => rejection.to_string(),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn one_event_or_several() {
        check(r#"{"item":"a","type":"like"}"#, "like a 1000");
        check(
            r#" [{"item":"a","type":"like"},{"item":"b","type":"skip","value":0.1}]"#,
            "like a 1000, skip b 1000",
        );
        check("[]", "");
    }

    #[test]
    fn an_event_is_never_in_the_future() {
        check(r#"{"item":"a","type":"like","ts":"1970-01-01T00:00:00.5Z"}"#, "like a 500");
        check(r#"{"item":"a","type":"like","ts":"2300-01-01T00:00:00Z"}"#, "like a 1000");
    }

    #[test]
    fn what_is_wrong_is_named() {
        check(
            r#"{"item":"a","type":"listen"}"#,
            "event `type` is `listen`, expected one of impression, view, play, complete, skip, like, dislike, rate, \
             save, hide, purchase, comment, undo",
        );
        check(r#"{"item":"a","type":"play","value":7}"#, "event `value` of a play is 7, expected 0 to 1");
        check(r#"{"item":"a","type":"rate"}"#, "event `value` of a rate is absent, expected 0 to 5");
        check(r#"[{"item":"a","type":"like"},{"item":"a"}]"#, "event [1]: missing field `type`");
        check(
            r#"{"item":"a b","type":"like"}"#,
            "event `item`: id `a b` has ' ', expected 1 to 128 of [A-Za-z0-9._:@-]",
        );
        let many = format!("[{}]", vec![r#"{"item":"a","type":"like"}"#; 1001].join(","));
        check(&many, "events has 1001 events, expected at most 1000");
    }
}
