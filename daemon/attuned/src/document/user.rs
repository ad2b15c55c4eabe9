//! What is known of a person.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EventDocument;

/// What was learnt of a person, as `user show` prints it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "user")]
pub struct UserDocument {
    /// Who.
    pub user: String,
    /// How many events of each type count.
    pub events: BTreeMap<String, u64>,
    /// When the latest event was, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_at: Option<String>,
    /// What the person likes, strongest first.
    pub interests: Vec<InterestDocument>,
    /// Share of each kind in what the person likes, 0 to 1.
    pub kinds: BTreeMap<String, f64>,
    /// Tags that count for an item, strongest first.
    pub liked_tags: Vec<TagDocument>,
    /// Tags that count against an item, strongest first.
    pub avoided_tags: Vec<TagDocument>,
}

/// One interest: the item that stands for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InterestDocument {
    /// The item.
    pub item: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How strong the interest is now; negative for what the person avoids.
    pub weight: f64,
}

/// One tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TagDocument {
    /// The tag.
    pub tag: String,
    /// How strongly it counts.
    pub weight: f64,
}

/// Everything that is stored of a person.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "export")]
pub struct ExportDocument {
    /// Who.
    pub user: String,
    /// Every event, oldest first.
    pub events: Vec<EventDocument>,
    /// What was learnt from them.
    pub profile: UserDocument,
}

/// What became of events that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "events-taken")]
pub struct EventsTaken {
    /// Newly stored.
    pub taken: usize,
    /// Known already, by their ids.
    pub duplicates: usize,
}
