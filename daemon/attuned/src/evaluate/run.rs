//! The run: divide, learn, rank everybody, measure.

use std::time::Instant;

use attuned_recommender::Settings;

use super::ablation::ablate;
use super::data::{Data, Wrong};
use super::judging::judge;
use super::lists::Shelf;
use super::measuring::rank;
use super::prequential;
use super::ranker::{Kind, Task};
use super::report::{Counts, Report};
use super::split::{Split, divide};

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How to divide.
    pub split: Split,
    /// Which recommenders, in the order of the report.
    pub recommenders: Vec<Kind>,
    /// The length of the lists that are measured; at least 1.
    pub k: usize,
    /// The only source of randomness.
    pub seed: u64,
    /// The stars from which on a rating is a choice; absent means all.
    pub rating_min: Option<f32>,
    /// How different the items of the engine's lists are, in `[0, 1]`.
    pub diversity: f32,
    /// How closely the engine's lists keep to a person's mix, in `[0, 1]`.
    pub calibration: f32,
    /// Whether the engine is measured without each kind of content too.
    pub ablation: bool,
}

/// How far a run has come, for whoever waits.
pub enum Progress<'a> {
    /// A recommender learns.
    Fitting(&'a str),
    /// So many of so many people have their lists.
    Ranking(&'a str, usize, usize),
}

/// Measures the recommenders of the plan on the data. What could not be measured is left out with
/// a sentence.
///
/// # Errors
///
/// The data cannot be divided so, or no recommender could be measured.
pub fn evaluate(
    data: &Data,
    plan: &Plan,
    settings: &Settings,
    watch: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Report, Wrong> {
    let settings = &Settings { diversity: plan.diversity, calibration: plan.calibration, ..settings.clone() };
    if plan.split == Split::Prequential {
        return prequential::run(data, plan, settings, watch);
    }
    let stages = divide(data, plan.split, plan.rating_min, plan.seed)?;
    let task = Task::new(data, &stages, plan.k, plan.seed, settings);
    let shelf = Shelf::new(data, &stages.test.history);
    let mut notes = data.notes.clone();
    if stages.test.repeats > 0 {
        notes.push(format!(
            "{} held out choices were known before, and are not asked for",
            stages.test.repeats
        ));
    }
    if stages.tune.is_none() {
        notes.push("nothing could be held out to choose hyper-parameters by".to_owned());
    }
    let mut rows = Vec::new();
    let mut left_out = Vec::new();
    for kind in &plan.recommenders {
        let name = kind.name();
        watch(Progress::Fitting(&name));
        let started = Instant::now();
        let ranker = match kind.fit(&task) {
            Ok(ranker) => ranker,
            Err(wrong) => {
                left_out.push(format!("{name}: {wrong}"));
                continue;
            }
        };
        let fit_s = started.elapsed().as_secs_f64();
        let test = &stages.test;
        let mut measured = rank(ranker.as_ref(), &task, &test.asked(), &|done, of| {
            watch(Progress::Ranking(&name, done, of))
        });
        measured.fit_s = fit_s;
        measured.chosen = ranker.chosen().into_iter().collect();
        if ranker.scores_all() {
            measured.judgement = judge(ranker.as_ref(), data, test);
        }
        rows.push(measured.row(name, plan.seed, &shelf, &test.history));
    }
    if rows.is_empty() {
        return Err(Wrong(left_out.join("; ")));
    }
    let ablation = if plan.ablation { ablate(&task, watch)? } else { Vec::new() };
    let test = &stages.test;
    let counts = Counts {
        users: data.users.len(),
        items: data.items.len(),
        interactions: data.interactions.len(),
        known: test.history.rows.len(),
        valid: stages.tune.as_ref().map_or(0, |tune| tune.held.iter().map(Vec::len).sum()),
        test: test.held.iter().map(Vec::len).sum(),
        users_tested: test.asked().len(),
    };
    Ok(Report::new(data.name.clone(), plan, counts, rows, ablation, left_out, notes))
}
