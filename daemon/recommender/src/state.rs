//! What is learnt, as plain values that a store can write and read back.
//!
//! A person's taste is the fold of their events. The latest events are kept beside the taste as it
//! was before them, so that any of them can be undone exactly: the fold is done again without it.
//! Nothing here knows items' content; vectors are looked up when a list is made.

use std::collections::BTreeMap;

use crate::event::EventType;
use crate::id::ItemId;

/// Everything learnt about one person. Restoring it and applying the later events gives the same
/// lists as never having stopped.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UserState {
    /// The taste after all events.
    pub taste: Taste,
    /// The taste before the first of `recent`.
    pub base: Taste,
    /// The latest events that can still be undone, oldest first; undone ones are not among them.
    pub recent: Vec<PastEvent>,
}

impl UserState {
    /// Drops the vectors of comments, as when the shared space is another one.
    pub fn forget_meanings(&mut self) {
        self.taste.remarks.clear();
        self.base.remarks.clear();
        self.recent.iter_mut().for_each(|event| event.semantic = None);
    }
}

/// What is known of the household as a whole. What people like is in their own states; popularity
/// and kinship of tastes are derived from these.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HouseholdState {
    /// When each item was first seen, in milliseconds since the Unix epoch.
    pub added: BTreeMap<ItemId, i64>,
}

/// The fold of a person's events.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Taste {
    /// What happened with each item; bounded by `items_per_user_max`.
    pub items: BTreeMap<ItemId, Tally>,
    /// How each tag was liked; bounded by `tags_per_user_max`.
    pub tags: BTreeMap<String, Leaning>,
    /// How each kind was liked; bounded by `kinds_per_user_max`.
    pub kinds: BTreeMap<String, Leaning>,
    /// How often each kind was chosen under each circumstance; the key is
    /// `circumstance=value` and a kind; bounded by `circumstances_per_user_max`.
    pub circumstances: BTreeMap<(String, String), Fading>,
    /// What comments were about; bounded by `remarks_per_user_max`, oldest first.
    pub remarks: Vec<Remark>,
    /// What was learnt about the features' weights, by the feature's name.
    pub weights: BTreeMap<String, LearntWeight>,
    /// Events that taught something about the weights.
    pub lessons: u64,
    /// Events of each type, undone ones not counted.
    pub counts: BTreeMap<EventType, u64>,
    /// Events so far; numbers the next one.
    pub events: u64,
    /// When the latest event was, in milliseconds since the Unix epoch.
    pub last_at: Option<i64>,
}

/// A sum whose summands fade with a half-life.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fading {
    /// The sum as of `at`.
    pub value: f32,
    /// Milliseconds since the Unix epoch.
    pub at: i64,
}

/// How much something was liked and disliked.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Leaning {
    /// The fading sum of positive strengths, at least 0.
    pub liked: Fading,
    /// The fading sum of negative strengths, at least 0.
    pub disliked: Fading,
}

/// What one person did with one item.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tally {
    /// How much it was liked and disliked.
    pub leaning: Leaning,
    /// The number of the latest positive event, counted over all of the person's events from 1.
    pub liked_turn: u64,
    /// The number of the latest negative event.
    pub disliked_turn: u64,
    /// The type of the latest positive event.
    pub liked_by: Option<EventType>,
    /// The type of the latest negative event.
    pub disliked_by: Option<EventType>,
    /// It was played, completed, judged or bought, so it is left out of lists unless asked for.
    pub seen: bool,
    /// "Never show me this again."
    pub hidden: bool,
    /// When it was last skipped, in milliseconds since the Unix epoch.
    pub skipped_at: Option<i64>,
    /// Times it was played or completed.
    pub plays: u32,
    /// Times it was shown.
    pub shown: u32,
    /// The stars it was given last, in `[1, 5]`; a like and a dislike are stars too.
    pub stars: Option<f32>,
    /// The share of it that was played last, in `[0, 1]`.
    pub completion: Option<f32>,
    /// Times it was shown since something was last done with it.
    pub ignored: Fading,
    /// When something last happened with it, in milliseconds since the Unix epoch.
    pub last_at: i64,
}

/// What a comment was about.
#[derive(Debug, Clone, PartialEq)]
pub struct Remark {
    /// The item it was said about.
    pub item: ItemId,
    /// Its direction in the shared space, shape `[SEMANTIC_DIM]`, unit length.
    pub semantic: Vec<f32>,
    /// Its strength, in `[-1, 1]`; negative means disliked.
    pub strength: f32,
    /// The number of the event.
    pub turn: u64,
    /// Milliseconds since the Unix epoch.
    pub at: i64,
}

/// How far one weight of the ranker has moved from its prior for one person.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LearntWeight {
    /// Added to the prior for this person.
    pub own: f32,
    /// The sum of squared gradients behind `own` (AdaGrad).
    pub own_squares: f32,
    /// What this person's choices suggest for everybody in the house; negative events do not count
    /// here, so that one person's "not this" never moves another person's list.
    pub shared: f32,
    /// The sum of squared gradients behind `shared`.
    pub shared_squares: f32,
    /// Events behind `shared`.
    pub shared_lessons: u32,
}

/// One event as it is kept for undoing.
#[derive(Debug, Clone, PartialEq)]
pub struct PastEvent {
    /// With which item.
    pub item: ItemId,
    /// What was done.
    pub event_type: EventType,
    /// To what degree.
    pub value: Option<f32>,
    /// When, in milliseconds since the Unix epoch; never later than it was received.
    pub at: i64,
    /// The circumstances, as `name=value`.
    pub circumstances: Vec<String>,
    /// The sentiment of a comment, in `[-1, 1]`.
    pub sentiment: Option<f32>,
    /// What a comment was about, shape `[SEMANTIC_DIM]`, unit length.
    pub semantic: Option<Vec<f32>>,
}
