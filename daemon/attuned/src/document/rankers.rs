//! The document of rankers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An estimate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EstimateDocument {
    /// The share of the explored places that would have been taken up.
    pub value: f64,
    /// From where to where it may lie.
    pub interval: (f64, f64),
}

/// What a ranker would have earned at the places that were left to chance: how likely somebody liked,
/// played or saved what is there within a day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EarningsDocument {
    /// Explored places of which it is known what it would have shown.
    pub places: u64,
    /// Of how many shown by itself one would know as much.
    pub effective_places: f64,
    /// By the logged propensities alone (IPS).
    pub ips: EstimateDocument,
    /// The same with weights that are scaled to mean 1 (SNIPS).
    pub snips: EstimateDocument,
    /// With the scores as a model of what is taken up (doubly robust).
    pub doubly_robust: EstimateDocument,
}

/// One ranker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankerDocument {
    /// Its number; 0 comes with the program.
    pub number: u32,
    /// When it was found, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<String>,
    /// People by whose likes it was found.
    pub people: u64,
    /// Likes that it was to find.
    pub held_out: u64,
    /// By what weights of features are multiplied, and the constants of its recipe.
    pub chosen: BTreeMap<String, f64>,
    /// What it would have earned; absent if that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earnings: Option<EarningsDocument>,
    /// Why that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// The rankers of a house, as `attuned ranker show` prints them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "rankers")]
pub struct RankersDocument {
    /// The one in use.
    pub current: RankerDocument,
    /// The one that is compared with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<RankerDocument>,
    /// The numbers of those that can be gone back to, the latest last.
    pub past: Vec<u32>,
    /// Whether none is put in use by itself, as somebody went back to an earlier one.
    pub held: bool,
    /// Whether another one is looked for just now.
    pub looking: bool,
    /// What came of the last look, in one sentence; absent if there was none since the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked: Option<String>,
}
