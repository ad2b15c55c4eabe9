//! What is known of a person.

use std::collections::BTreeMap;

use attuned_recommender::profile::ProfileView;
use attuned_recommender::{ItemId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EventDocument, timestamp_text};

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
    /// What the person likes, strongest first; the weights are shares, 0 to 1.
    pub interests: Vec<InterestDocument>,
    /// What the person avoids, strongest first.
    pub avoided: Vec<InterestDocument>,
    /// Share of each kind in what the person likes, 0 to 1.
    pub kinds: BTreeMap<String, f64>,
    /// Tags that count for an item, strongest first.
    pub liked_tags: Vec<TagDocument>,
    /// Tags that count against an item, strongest first.
    pub avoided_tags: Vec<TagDocument>,
}

impl UserDocument {
    /// The document of a profile; `titles` are what people call the items in it.
    #[must_use]
    pub fn of(user: &UserId, profile: &ProfileView, titles: &BTreeMap<ItemId, String>) -> Self {
        let interest = |(item, weight): &(ItemId, f32)| InterestDocument {
            item: item.to_string(),
            title: titles.get(item).cloned(),
            weight: f64::from(*weight),
        };
        let tag =
            |(tag, weight): &(String, f32)| TagDocument { tag: tag.clone(), weight: f64::from(*weight) };
        Self {
            user: user.to_string(),
            events: profile.counts.iter().map(|(kind, count)| (kind.name().to_owned(), *count)).collect(),
            last_event_at: profile.last_event.map(timestamp_text),
            interests: profile.interests.iter().map(interest).collect(),
            avoided: profile.avoided.iter().map(interest).collect(),
            kinds: profile.kinds.iter().map(|(kind, share)| (kind.clone(), f64::from(*share))).collect(),
            liked_tags: profile.liked_tags.iter().map(tag).collect(),
            avoided_tags: profile.avoided_tags.iter().map(tag).collect(),
        }
    }
}

/// One interest, or one thing that is avoided: the item that stands for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InterestDocument {
    /// The item.
    pub item: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How strong it is now, above 0.
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "events-taken")]
pub struct EventsTaken {
    /// Newly stored.
    pub taken: usize,
    /// Known already, by their ids.
    pub duplicates: usize,
    /// What was wrong with those that were not taken, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<String>,
}
