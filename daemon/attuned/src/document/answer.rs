//! The answers.

use std::collections::BTreeMap;

use attuned_recommender::{Expectation, Item, Label, Modality, Ranked};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "recommendation")]
pub struct RecommendationDocument {
    /// The id of the request; absent if it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// For whom.
    pub users: Vec<String>,
    /// When it was made, RFC 3339.
    pub generated_at: String,
    /// The items, best first.
    pub items: Vec<RankedDocument>,
    /// Why there are none, in one sentence; absent if there are some, and if nothing but kinds,
    /// filter and what was seen is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_reason: Option<String>,
    /// What was left out of the making, and why.
    pub degraded: Vec<Degraded>,
    /// How long each step took.
    pub timings_ms: Timings,
}

/// One item of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankedDocument {
    /// Its place, from 1.
    pub rank: u32,
    /// Which item.
    pub item: String,
    /// Its kind.
    pub kind: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How likely the person likes it, 0 to 1.
    pub score: f64,
    /// How likely it was to get this place given what stands above, above 0 to 1, where the request
    /// allowed to explore and the place was left to chance; absent where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propensity: Option<f64>,
    /// The log-odds if nothing were known of user and item; absent without `explain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<f64>,
    /// What whoever asks would make of it, by what was rated, played and left so far; absent without
    /// `explain`, and where nobody judged anything yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<ExpectedDocument>,
    /// Why: with the bias, the weights add up to the score's log-odds. Absent without `explain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<ReasonDocument>>,
}

/// What is expected of an item, of several people the mean. The score orders a list; these say what
/// comes of one item. A field is absent where nobody in the house said anything of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectedDocument {
    /// The stars that it would be given, 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stars: Option<f64>,
    /// How far a single rating may be from that: one standard deviation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stars_deviation: Option<f64>,
    /// How likely it would be given 4 or 5 stars, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<f64>,
    /// The share of it that would be played once it is begun, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<f64>,
    /// How likely it would be begun when it is shown, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub play: Option<f64>,
}

/// One summand of a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReasonDocument {
    /// `similar_to`, `liked_by_similar`, `modality`, `context`, `habit`, `popular`, `fresh`,
    /// `explore`, `diversity` or `plugin`.
    pub kind: String,
    /// What it adds to the log-odds; negative weights lower the score.
    pub weight: f64,
    /// The reason in words.
    pub text: String,
    /// The item it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The modality it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modality: Option<String>,
    /// What was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<LabelDocument>,
    /// How much each medium has to do with a likeness, together 1, by modality; absent unless two
    /// or more have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<BTreeMap<String, f64>>,
    /// The plugin it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
}

/// Something that was seen, heard or read, in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabelDocument {
    /// The words.
    pub name: String,
    /// How sure the model is, 0 to 1.
    pub score: f64,
}

/// Something that was left out, and why. The answer holds without it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Degraded {
    /// `plugin`, `encoder`, `query` or `store`.
    pub part: String,
    /// Which one: a plugin's id, a modality …
    pub name: String,
    /// Why, in one sentence.
    pub reason: String,
}

/// How long each step took, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Timings {
    /// Understanding the query.
    pub encode: f64,
    /// Finding and scoring candidates.
    pub shortlist: f64,
    /// Asking the plugins.
    pub plugins: f64,
    /// Putting the list in its final order.
    pub rank: f64,
    /// All of it, waiting included.
    pub total: f64,
}

/// Why a list or a search is empty although there are items to choose from.
pub const NOTHING_MATCHES: &str =
    "no item matches the query well enough, see search.relevance_min in the configuration";

/// The items that match a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "search-answer")]
pub struct SearchAnswerDocument {
    /// The items, best first.
    pub items: Vec<MatchDocument>,
    /// Why there are none, in one sentence; absent if there are some, and if no item is of the
    /// kinds and meets the filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_reason: Option<String>,
    /// What was left out, and why.
    pub degraded: Vec<Degraded>,
    /// How long each step took.
    pub timings_ms: Timings,
}

/// One item that matches a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatchDocument {
    /// Its place, from 1.
    pub rank: u32,
    /// Which item.
    pub item: String,
    /// Its kind.
    pub kind: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How likely it is that it matches, 0 to 1; for a query of several parts, the mean over them.
    pub score: f64,
    /// The medium in which it matches best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modality: Option<String>,
}

impl RankedDocument {
    /// The document of a ranked item at a place, from 0.
    #[must_use]
    pub fn of(place: usize, ranked: &Ranked, item: &Item, explain: bool) -> Self {
        let reasons = || {
            let reason = |reason: &attuned_recommender::Reason| ReasonDocument {
                kind: reason.kind.name().to_owned(),
                weight: f64::from(reason.weight),
                text: reason.text.clone(),
                item: reason.item.as_ref().map(ToString::to_string),
                modality: reason.modality.map(|modality| modality.name().to_owned()),
                label: reason.label.as_ref().map(LabelDocument::of),
                shares: (!reason.shares.is_empty()).then(|| {
                    let name =
                        |(modality, share): &(Modality, f32)| (modality.name().to_owned(), f64::from(*share));
                    reason.shares.iter().map(name).collect()
                }),
                plugin: reason.plugin.as_ref().map(ToString::to_string),
            };
            ranked.reasons.iter().map(reason).collect()
        };
        Self {
            rank: u32::try_from(place + 1).unwrap_or(u32::MAX),
            item: item.id.to_string(),
            kind: item.kind.clone(),
            title: item.title.clone(),
            score: ranked.score(),
            propensity: (ranked.propensity < 1.0).then_some(ranked.propensity),
            bias: explain.then_some(f64::from(ranked.bias)),
            expected: ExpectedDocument::of(&ranked.expected).filter(|_| explain),
            reasons: explain.then(reasons),
        }
    }
}

impl ExpectedDocument {
    /// The document of what is expected; `None` if nothing is. Rounded to thousandths, as no more is known.
    fn of(expected: &Expectation) -> Option<Self> {
        let Expectation { stars, stars_deviation, like, completion, play } = *expected;
        let rounded = |value: Option<f32>| value.map(|value| (f64::from(value) * 1e3).round() / 1e3);
        (*expected != Expectation::default()).then(|| Self {
            stars: rounded(stars),
            stars_deviation: rounded(stars_deviation),
            like: rounded(like),
            completion: rounded(completion),
            play: rounded(play),
        })
    }
}

impl LabelDocument {
    /// The document of a label.
    #[must_use]
    pub fn of(label: &Label) -> Self {
        Self { name: label.name.clone(), score: f64::from(label.score) }
    }
}
