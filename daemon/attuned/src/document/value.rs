//! JSON values to the recommender's, and times.

use attuned_recommender::{Context, Timestamp, Value};
use serde_json::Value as Json;

use super::Rejection;

/// Most values, counted through all levels, that one attribute or context value may hold.
const VALUES_MAX: usize = 1024;

/// Takes over a JSON value; `None` for null, which means absent.
///
/// # Errors
///
/// It holds too many values, or a number that no double holds: answer the sender.
pub fn parse_value(what: &str, json: &Json) -> Result<Option<Value>, Rejection> {
    let mut left = VALUES_MAX;
    convert(what, json, &mut left)
}

fn convert(what: &str, json: &Json, left: &mut usize) -> Result<Option<Value>, Rejection> {
    *left = left.checked_sub(1).ok_or_else(|| {
        Rejection::too_large(format!("{what} has over {VALUES_MAX} values, expected fewer"))
    })?;
    Ok(Some(match json {
        Json::Null => return Ok(None),
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_f64().filter(|number| number.is_finite()) {
            Some(number) => Value::Number(number),
            None => return Err(Rejection::invalid(format!("{what} is {number}, expected a finite number"))),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(values) => {
            let mut list = Vec::with_capacity(values.len());
            for value in values {
                list.extend(convert(what, value, left)?);
            }
            Value::List(list)
        }
        Json::Object(values) => {
            let mut map = Context::new();
            for (key, value) in values {
                if let Some(value) = convert(what, value, left)? {
                    map.insert(key.clone(), value);
                }
            }
            Value::Map(map)
        }
    }))
}

/// The value as JSON.
#[must_use]
pub fn json_value(value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => serde_json::Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(values) => values.iter().map(json_value).collect(),
        Value::Map(values) => values.iter().map(|(key, value)| (key.clone(), json_value(value))).collect(),
    }
}

/// Reads a time as RFC 3339, with an offset.
pub(super) fn parse_timestamp(what: &str, text: &str) -> Result<Timestamp, Rejection> {
    text.parse::<jiff::Timestamp>().map(|time| Timestamp::from_unix_ms(time.as_millisecond())).map_err(|_| {
        Rejection::invalid(format!("{what} is `{text}`, expected a time such as 2026-11-20T18:00:00Z"))
    })
}

/// The time as RFC 3339 in UTC.
#[must_use]
pub fn timestamp_text(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.unix_ms()).unwrap_or_default().to_string()
}
