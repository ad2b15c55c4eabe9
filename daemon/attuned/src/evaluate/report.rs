//! What a run found, as `--json` prints it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::judging::Judgement;
use super::lists::Figures;
use super::run::Plan;

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The data folder's name.
    pub data: String,
    /// How it was divided.
    pub split: &'static str,
    /// The length of the lists.
    pub k: usize,
    /// What the randomness was.
    pub seed: u64,
    /// How much there is.
    #[serde(flatten)]
    pub counts: Counts,
    /// A row for each recommender, the engine first.
    pub recommenders: Vec<Row>,
    /// The engine without parts of the content; empty where that was not asked for, or there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ablation: Vec<Ablation>,
    /// What could not be measured, each with its reason.
    pub left_out: Vec<String>,
    /// What a reader of the figures should know.
    pub notes: Vec<String>,
}

/// How much there is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counts {
    /// People.
    pub users: usize,
    /// Items; all of them are ranked.
    pub items: usize,
    /// Interactions in all.
    pub interactions: usize,
    /// Interactions that are known in the test.
    pub known: usize,
    /// Choices that are held out to choose hyper-parameters by.
    pub valid: usize,
    /// Choices that are to be found in the test.
    pub test: usize,
    /// People of whom something is to be found; every mean is over them.
    pub users_tested: usize,
}

/// What was measured of one recommender.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Share of the held out items among the first `k`.
    pub recall: f64,
    /// Normalised discounted cumulative gain at `k`.
    pub ndcg: f64,
    /// Share of the first `k` that was held out.
    pub precision: f64,
    /// Mean average precision at `k`.
    pub map: f64,
    /// Share of people with at least one hit among the first `k`.
    pub hit_rate: f64,
    /// Mean reciprocal rank of the first hit, among the first `k`.
    pub mrr: f64,
    /// How likely a held out item stands above another one.
    pub auc: f64,
    /// What its lists are like.
    #[serde(flatten)]
    pub lists: Figures,
    /// How well it tells liking and ratings; absent where the data has neither, or it only lists.
    #[serde(flatten)]
    pub judgement: Option<Judgement>,
    /// Seconds to learn, choosing hyper-parameters included.
    pub fit_s: f64,
    /// Milliseconds to score all items for one person, on one thread.
    pub ms_per_user: f64,
    /// The hyper-parameters that were chosen.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub chosen: BTreeMap<&'static str, f64>,
    /// Figures over the length of the list.
    pub curve: Curve,
    /// Figures over time, where people are asked in its order: of stretches of equally many lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub over_time: Vec<Stretch>,
    /// 95 % bootstrap intervals over people.
    pub interval: BTreeMap<&'static str, [f64; 2]>,
}

/// The engine without a part of the content.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ablation {
    /// Without what.
    pub name: String,
    /// People that were asked.
    pub n: usize,
    /// Share of the held out items among the first `k`.
    pub recall: f64,
    /// Normalised discounted cumulative gain at `k`.
    pub ndcg: f64,
    /// 95 % bootstrap intervals over people.
    pub interval: BTreeMap<&'static str, [f64; 2]>,
}

/// The lists of a stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stretch {
    /// Lists.
    pub n: usize,
    /// Share of lists whose first `k` items hold the next choice.
    pub recall: f64,
    /// Normalised discounted cumulative gain at `k`.
    pub ndcg: f64,
    /// What the lists are like.
    #[serde(flatten)]
    pub lists: Figures,
}

/// Figures at several lengths of the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// The lengths.
    pub k: Vec<usize>,
    /// Recall at each.
    pub recall: Vec<f64>,
    /// NDCG at each.
    pub ndcg: Vec<f64>,
}

impl Report {
    pub(super) fn new(
        data: String,
        plan: &Plan,
        counts: Counts,
        recommenders: Vec<Row>,
        ablation: Vec<Ablation>,
        left_out: Vec<String>,
        notes: Vec<String>,
    ) -> Report {
        Report {
            data,
            split: plan.split.name(),
            k: plan.k,
            seed: plan.seed,
            counts,
            recommenders,
            ablation,
            left_out,
            notes,
        }
    }
}
