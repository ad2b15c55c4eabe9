//! Attribute and context values.

use attuned_recommender::Value;
use serde::{Deserialize, Serialize};

use super::{pack, unknown_version, unpack};

/// The version that is written.
pub const VERSION: u8 = 1;

/// A value, as version 1 of every record holds it. Variants are numbered by their place.
#[derive(Serialize, Deserialize)]
pub(super) enum ValueV1 {
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<ValueV1>),
    Map(Vec<(String, ValueV1)>),
}

impl From<&Value> for ValueV1 {
    fn from(value: &Value) -> ValueV1 {
        match value {
            Value::Bool(value) => ValueV1::Bool(*value),
            Value::Number(value) => ValueV1::Number(*value),
            Value::Text(value) => ValueV1::Text(value.clone()),
            Value::List(values) => ValueV1::List(values.iter().map(ValueV1::from).collect()),
            Value::Map(values) => ValueV1::Map(named(values)),
        }
    }
}

impl From<ValueV1> for Value {
    fn from(value: ValueV1) -> Value {
        match value {
            ValueV1::Bool(value) => Value::Bool(value),
            ValueV1::Number(value) => Value::Number(value),
            ValueV1::Text(value) => Value::Text(value),
            ValueV1::List(values) => Value::List(values.into_iter().map(Value::from).collect()),
            ValueV1::Map(values) => Value::Map(from_named(values)),
        }
    }
}

pub(super) fn named(values: &std::collections::BTreeMap<String, Value>) -> Vec<(String, ValueV1)> {
    values.iter().map(|(name, value)| (name.clone(), ValueV1::from(value))).collect()
}

pub(super) fn from_named(values: Vec<(String, ValueV1)>) -> std::collections::BTreeMap<String, Value> {
    values.into_iter().map(|(name, value)| (name, Value::from(value))).collect()
}

/// The payload of a context value.
pub fn encode(value: &Value) -> Vec<u8> {
    pack(&ValueV1::from(value))
}

/// The context value in a payload.
pub fn decode(version: u8, payload: &[u8]) -> Result<Value, String> {
    match version {
        1 => unpack::<ValueV1>(payload).map(Value::from),
        newer => Err(unknown_version(newer, VERSION)),
    }
}
