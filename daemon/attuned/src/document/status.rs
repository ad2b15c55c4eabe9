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
    /// Plugins that take part in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
    /// What is left out, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<Degraded>,
}
