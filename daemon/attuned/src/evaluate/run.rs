//! The run: divide, learn, rank everybody, measure.

use std::collections::BTreeMap;
use std::time::Instant;

use attuned_recommender::Settings;

use super::data::{Data, Wrong};
use super::lists::Shelf;
use super::ranker::{Kind, Ranker, Task};
use super::ranking::{self, FIGURES, Places};
use super::report::{Counts, Curve, Report, Row};
use super::split::{Split, divide};
use super::{bootstrap, ranker};

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
}

/// How far a run has come, for whoever waits.
pub enum Progress<'a> {
    /// A recommender learns.
    Fitting(&'a str),
    /// So many of so many people have their lists.
    Ranking(&'a str, usize, usize),
}

/// Lengths of lists for which curves are drawn.
const CURVE: [usize; 7] = [1, 5, 10, 20, 50, 100, 200];

/// People between two reports of progress.
const STEP: usize = 64;

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
        let ranked = rank(ranker.as_ref(), &task, &|done, of| watch(Progress::Ranking(&name, done, of)));
        rows.push(row(name.clone(), ranker.as_ref(), &ranked, &task, &shelf, fit_s));
    }
    if rows.is_empty() {
        return Err(Wrong(left_out.join("; ")));
    }
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
    Ok(Report::new(data.name.clone(), plan, counts, rows, left_out, notes))
}

/// What was measured of one person.
struct Person {
    user: u32,
    figures: [f64; FIGURES],
    curve: Vec<[f64; 2]>,
    list: Vec<u32>,
}

struct Ranked {
    people: Vec<Person>,
    curve: Vec<usize>,
    ms_per_user: f64,
}

/// Ranks everybody of whom something is to be found, on all processors.
fn rank(ranker: &dyn Ranker, task: &Task<'_>, watch: &(dyn Fn(usize, usize) + Sync)) -> Ranked {
    let stage = task.test();
    let items = task.data.items.len();
    let scatter: Vec<u64> = task.data.items.all().iter().map(|name| ranker::scatter(name)).collect();
    let curve: Vec<usize> = CURVE.into_iter().filter(|k| *k <= items).collect();
    let asked = stage.asked();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = asked.len().div_ceil(threads).max(1);
    let done = std::sync::atomic::AtomicUsize::new(0);
    let work = |users: &[u32]| {
        let mut people = Vec::with_capacity(users.len());
        let mut scores = vec![0.0; items];
        let mut spent = 0.0;
        for (place, user) in users.iter().enumerate() {
            let started = Instant::now();
            ranker.score(*user, &mut scores);
            spent += started.elapsed().as_secs_f64();
            // What is no number is not shown.
            scores.iter_mut().filter(|score| score.is_nan()).for_each(|score| *score = f32::NEG_INFINITY);
            for known in &stage.history.known[*user as usize] {
                scores[*known as usize] = f32::NAN;
            }
            let Some(places) = Places::of(&scores, &stage.held[*user as usize]) else { continue };
            people.push(Person {
                user: *user,
                figures: places.figures(task.k),
                curve: curve.iter().map(|k| [places.recall(*k), places.ndcg(*k)]).collect(),
                list: top(&scores, task.k, &scatter),
            });
            if (place + 1) % STEP == 0 {
                let before = done.fetch_add(STEP, std::sync::atomic::Ordering::Relaxed);
                watch(before + STEP, asked.len());
            }
        }
        (people, spent)
    };
    let parts: Vec<(Vec<Person>, f64)> = std::thread::scope(|scope| {
        let workers: Vec<_> = asked.chunks(share).map(|users| scope.spawn(move || work(users))).collect();
        workers.into_iter().map(|worker| worker.join().expect("ranking does not panic")).collect()
    });
    let mut people = Vec::with_capacity(asked.len());
    let mut spent = 0.0;
    for (part, seconds) in parts {
        people.extend(part);
        spent += seconds;
    }
    let ms_per_user = spent * 1e3 / people.len().max(1) as f64;
    Ranked { people, curve, ms_per_user }
}

/// The items of the `k` greatest scores, best first; ties by a hash of the items' names, which says
/// nothing of them.
fn top(scores: &[f32], k: usize, scatter: &[u64]) -> Vec<u32> {
    let better = |a: &u32, b: &u32| {
        scores[*b as usize]
            .total_cmp(&scores[*a as usize])
            .then(scatter[*a as usize].cmp(&scatter[*b as usize]))
            .then(a.cmp(b))
    };
    let listed = |item: &u32| !scores[*item as usize].is_nan() && scores[*item as usize] > f32::NEG_INFINITY;
    let mut items: Vec<u32> = (0..scores.len() as u32).filter(listed).collect();
    if items.len() > k {
        items.select_nth_unstable_by(k, better);
        items.truncate(k);
    }
    items.sort_unstable_by(better);
    items
}

fn row(
    name: String,
    ranker: &dyn Ranker,
    ranked: &Ranked,
    task: &Task<'_>,
    shelf: &Shelf,
    fit_s: f64,
) -> Row {
    let figures: Vec<[f64; FIGURES]> = ranked.people.iter().map(|person| person.figures).collect();
    let count = figures.len() as f64;
    let mean = |place: usize| figures.iter().map(|person| person[place]).sum::<f64>() / count;
    let lists: Vec<(u32, Vec<u32>)> =
        ranked.people.iter().map(|person| (person.user, person.list.clone())).collect();
    let of_curve = |which: usize| {
        (0..ranked.curve.len())
            .map(|place| ranked.people.iter().map(|person| person.curve[place][which]).sum::<f64>() / count)
            .collect()
    };
    let intervals = bootstrap::intervals(&figures, task.seed);
    Row {
        name,
        recall: mean(0),
        ndcg: mean(1),
        precision: mean(2),
        map: mean(3),
        hit_rate: mean(4),
        mrr: mean(5),
        auc: mean(6),
        lists: shelf.judge(&lists, &task.test().history),
        fit_s,
        ms_per_user: ranked.ms_per_user,
        chosen: ranker.chosen().into_iter().collect::<BTreeMap<_, _>>(),
        curve: Curve { k: ranked.curve.clone(), recall: of_curve(0), ndcg: of_curve(1) },
        interval: ranking::NAMES.into_iter().zip(intervals).collect(),
    }
}
