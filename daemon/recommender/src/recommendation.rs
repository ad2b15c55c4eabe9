//! What is answered: items, each with the exact reasons for its score.

use crate::expectation::Expectation;
use crate::id::{ItemId, PluginId};
use crate::item::Label;
use crate::modality::Modality;

/// What a reason is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReasonKind {
    /// It is like, or unlike, what the person liked.
    SimilarTo,
    /// People with similar taste liked it.
    LikedBySimilar,
    /// It matches the query, or the person's taste in one medium.
    Modality,
    /// It fits the circumstances.
    Context,
    /// It is what the person usually does now.
    Habit,
    /// Many liked it.
    Popular,
    /// It is new.
    Fresh,
    /// It is tried out.
    Explore,
    /// It differs from, or repeats, what stands above it.
    Diversity,
    /// A plugin raised or lowered it.
    Plugin,
}

impl ReasonKind {
    /// The word used in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ReasonKind::SimilarTo => "similar_to",
            ReasonKind::LikedBySimilar => "liked_by_similar",
            ReasonKind::Modality => "modality",
            ReasonKind::Context => "context",
            ReasonKind::Habit => "habit",
            ReasonKind::Popular => "popular",
            ReasonKind::Fresh => "fresh",
            ReasonKind::Explore => "explore",
            ReasonKind::Diversity => "diversity",
            ReasonKind::Plugin => "plugin",
        }
    }
}

/// One summand of a score.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// What it is about.
    pub kind: ReasonKind,
    /// What it adds to the log-odds; negative weights lower the score. 0 where a rule placed the
    /// item, and where nothing else could be said of it.
    pub weight: f32,
    /// The reason in words.
    pub text: String,
    /// The item it refers to, e.g. the one that was finished.
    pub item: Option<ItemId>,
    /// The modality it refers to.
    pub modality: Option<Modality>,
    /// What was recognised, for reasons that rest on content.
    pub label: Option<Label>,
    /// How much each medium has to do with a likeness, most first, together 1; empty unless two or
    /// more have.
    pub shares: Vec<(Modality, f32)>,
    /// The plugin it comes from.
    pub plugin: Option<PluginId>,
}

impl Reason {
    /// A reason that refers to nothing.
    pub(crate) fn new(kind: ReasonKind, weight: f32, text: String) -> Reason {
        Reason {
            kind,
            weight,
            text,
            item: None,
            modality: None,
            label: None,
            shares: Vec::new(),
            plugin: None,
        }
    }
}

/// One item of a list.
///
/// `bias` plus the weights of `reasons` is `log_odds`, within rounding; the score is
/// `1 / (1 + exp(-log_odds))`, in `[0, 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Which item.
    pub item: ItemId,
    /// What the score would be, in log-odds, if nothing were known of user and item.
    pub bias: f32,
    /// The sum of the bias and the reasons' weights.
    pub log_odds: f32,
    /// How likely it was to get this place among the free ones, given what stands above, in `(0, 1]`;
    /// 1 where nothing was left to chance. What [`crate::off_policy::Logged`] asks for.
    pub propensity: f64,
    /// Every summand, largest effect first; never empty.
    pub reasons: Vec<Reason>,
    /// What those whom the list is for would make of it.
    pub expected: Expectation,
}

impl Ranked {
    /// The score, in `[0, 1]`.
    #[must_use]
    pub fn score(&self) -> f64 {
        1.0 / (1.0 + (-f64::from(self.log_odds)).exp())
    }
}
