//! The status document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Degraded;

/// How the daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All is well.
    Online,
    /// It answers, with something left out.
    Degraded,
    /// It does not answer.
    Offline,
}

/// How often content was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct EncodedDocument {
    /// Runs of an encoder, one a piece of content.
    pub runs: u64,
    /// Runs that were spared, as the same piece was encoded before.
    pub reused: u64,
    /// Of the runs, those of short words that went through the network with others, before their turn.
    #[serde(default)]
    pub ahead: u64,
}

/// A switch to other models. Until it is done, lists are made with the present ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SwitchDocument {
    /// The models to come into use, as `name@version`.
    pub to: Vec<String>,
    /// Items that are understood by them already.
    pub done: u64,
    /// Items in all.
    pub total: u64,
}

/// Published on `…/status`, retained; the last will is `{"state":"offline"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "status")]
pub struct StatusDocument {
    /// How the daemon is.
    pub state: State,
    /// Its version; absent in the last will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Items in the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<u64>,
    /// Events taken so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<u64>,
    /// Items whose content is still to be understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<u64>,
    /// How often content was encoded since the start; absent in the last will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoded: Option<EncodedDocument>,
    /// The switch to other models that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<SwitchDocument>,
    /// Plugins that take part in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
    /// What is left out, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<Degraded>,
}
