//! The scored candidates of one request, before rules and re-ranking.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::column::Column;
use crate::context::Value;
use crate::feature::Feature;
use crate::id::UserId;
use crate::item::Item;
use crate::ruling::Batch;
use crate::viewpoint::{Evidence, Observation};

/// One summand of a candidate's score.
#[derive(Debug, Clone)]
pub(crate) struct Summand {
    /// Whose view it is, if the list is for several people and it is not everybody's.
    pub user: Option<UserId>,
    pub feature: Feature,
    pub weight: f32,
    pub evidence: Evidence,
}

impl Summand {
    pub(crate) fn new(observation: Observation, weight: f32, user: Option<UserId>) -> Summand {
        let weight = weight * observation.value;
        Summand { user, feature: observation.feature, weight, evidence: observation.evidence }
    }
}

/// One candidate.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub item: Arc<Item>,
    pub summands: Vec<Summand>,
    /// The bias and all summands.
    pub log_odds: f32,
    /// The lowest log-odds any one person of a group would give it.
    pub least: f32,
    /// How much is known of things like it, in `[0, 1]`.
    pub known: f32,
    /// The standard deviation of what is believed of its log-odds, above 0.
    pub deviation: f32,
    pub columns: Columns,
}

/// What rules see of a candidate beside its score; NaN means absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    pub similarity: f32,
    pub novelty: f32,
    pub popularity: f32,
    pub recency: f32,
    pub play_count: f32,
    pub days_since_last: f32,
}

/// The scored candidates of one request, best first; equal scores are ordered by item id.
#[derive(Debug, Clone)]
pub struct Shortlist {
    pub(crate) bias: f32,
    pub(crate) rows: Vec<Row>,
    pub(crate) unmatched: bool,
}

impl Shortlist {
    /// How many candidates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing can be recommended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether items might have been in the list, and none of them matches what was asked for well
    /// enough.
    #[must_use]
    pub fn is_unmatched(&self) -> bool {
        self.unmatched
    }

    /// What rules see; every [`Column`] has shape `[len]`, NaN where it is absent.
    #[must_use]
    pub fn batch(&self) -> Batch {
        let column = |value: &dyn Fn(&Row) -> f32| self.rows.iter().map(value).collect::<Vec<f32>>();
        let features: BTreeMap<String, Vec<f32>> =
            Column::ALL.map(|name| (name.name().to_owned(), column(&|row| row.column(name)))).into();
        Batch {
            scores: column(&|row| row.log_odds),
            features,
            items: self.rows.iter().map(|row| Arc::clone(&row.item)).collect(),
        }
    }
}

impl Row {
    fn column(&self, column: Column) -> f32 {
        match column {
            Column::Similarity => self.columns.similarity,
            Column::Novelty => self.columns.novelty,
            Column::Popularity => self.columns.popularity,
            Column::Recency => self.columns.recency,
            Column::PlayCount => self.columns.play_count,
            Column::DaysSinceLast => self.columns.days_since_last,
            Column::Minutes => number(&self.item, "duration_min"),
            Column::AgeRating => number(&self.item, "age_rating"),
            Column::Loudness => number(&self.item, "loudness"),
        }
    }
}

fn number(item: &Item, attribute: &str) -> f32 {
    match item.attributes.get(attribute) {
        Some(Value::Number(number)) => *number as f32,
        _ => f32::NAN,
    }
}

/// The bias and the weights, added up once for all: in 64 bits, so that the order of the reasons
/// cannot matter.
pub(crate) fn log_odds(bias: f32, weights: impl Iterator<Item = f32>) -> f32 {
    (f64::from(bias) + weights.map(f64::from).sum::<f64>()) as f32
}
