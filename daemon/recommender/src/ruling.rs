//! What ranking rules see of a request, and what they change. Plain values: the sandbox that runs
//! rules translates them to its interface.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::{PluginId, UserId};
use crate::item::Item;

/// One batch of candidates as rules see it, column by column. Every column has `len` rows; NaN
/// means absent.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Scores in log-odds, shape `[len]`.
    pub scores: Vec<f32>,
    /// Numeric columns by name, shape `[len]` each.
    pub features: BTreeMap<String, Vec<f32>>,
    /// The items, for their kinds, tags and attributes, shape `[len]`.
    pub items: Vec<Arc<Item>>,
}

/// The circumstances as rules see them.
#[derive(Debug, Clone)]
pub struct RuleContext {
    /// Local civil time of the household, minutes after midnight, in `0..1440`.
    pub minute_of_day: u16,
    /// 1 = Monday … 7 = Sunday (ISO 8601).
    pub weekday: u8,
    /// How many candidates will be shown.
    pub slate_size: u32,
    /// Named circumstances; an absent key means "not known".
    pub facets: BTreeMap<String, String>,
    /// For whom; absent for a group or for nobody in particular.
    pub subject: Option<UserId>,
    /// The only randomness a rule has.
    pub seed: u64,
}

/// What one rule changed about one candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Adjustment {
    /// Which row of the batch.
    pub position: usize,
    /// Whose rule.
    pub plugin: PluginId,
    /// What changes.
    pub effect: Effect,
    /// Why, in the language of the household; absent if the rule gave no reason.
    pub reason: Option<String>,
}

/// How a rule changes a candidate, after the host has bounded it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Effect {
    /// Added to the log-odds; finite and within the plugin's bounds.
    Add(f32),
    /// Taken off the list.
    Exclude,
    /// Placed at this slot, from 0.
    Pin(u32),
}
