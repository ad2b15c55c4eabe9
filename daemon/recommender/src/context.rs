//! Circumstances of a request or an event, and the values that attributes may have.

use std::collections::BTreeMap;

/// A value of an attribute or of a context key.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A finite number.
    Number(f64),
    /// Text.
    Text(String),
    /// Several values, e.g. the languages of a film.
    List(Vec<Value>),
    /// Named values, e.g. the weather as temperature and sky.
    Map(BTreeMap<String, Value>),
}

/// Named circumstances: room, daypart, device-class, weather … An absent key means "not known".
pub type Context = BTreeMap<String, Value>;
