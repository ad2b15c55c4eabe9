//! Ranking people's items by one recommender, and the figures of it.

use std::collections::BTreeMap;
use std::time::Instant;

use super::bootstrap;
use super::data::Data;
use super::judging::Judgement;
use super::lists::Shelf;
use super::ranker::{self, Ranker, Task};
use super::ranking::{self, FIGURES, Places};
use super::report::{Curve, Row, Stretch};
use super::split::History;

/// Lengths of lists for which curves are drawn.
const CURVE: [usize; 7] = [1, 5, 10, 20, 50, 100, 200];

/// People between two reports of progress.
const STEP: usize = 64;

/// What was measured of one person.
pub struct Person {
    /// Who.
    pub user: u32,
    figures: [f64; FIGURES],
    /// Recall and NDCG at each length of the curve.
    curve: Vec<[f64; 2]>,
    lists: Vec<Vec<u32>>,
}

/// What was measured of one recommender.
pub struct Measured {
    /// The people.
    pub people: Vec<Person>,
    /// The lengths of lists of the curve.
    pub curve: Vec<usize>,
    /// How well it tells liking and ratings.
    pub judgement: Option<Judgement>,
    /// The hyper-parameters that were chosen.
    pub chosen: BTreeMap<&'static str, f64>,
    /// What was measured of stretches of time; empty unless people are asked in its order.
    pub over_time: Vec<Stretch>,
    /// Seconds to learn.
    pub fit_s: f64,
    /// Milliseconds to score all items for one person.
    pub ms_per_user: f64,
}

impl Person {
    /// Measures one list.
    pub fn of(user: u32, places: &Places, k: usize, curve: &[usize], list: Vec<u32>) -> Person {
        let curve = curve.iter().map(|k| [places.recall(*k), places.ndcg(*k)]).collect();
        Person { user, figures: places.figures(k), curve, lists: vec![list] }
    }

    /// One person's mean over several lists; at least one.
    pub fn mean(several: &[Person]) -> Person {
        let count = several.len() as f64;
        let mut figures = [0.0; FIGURES];
        let mut curve = vec![[0.0; 2]; several[0].curve.len()];
        for one in several {
            figures.iter_mut().zip(one.figures).for_each(|(sum, value)| *sum += value / count);
            for (sums, values) in curve.iter_mut().zip(&one.curve) {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value / count);
            }
        }
        let lists = several.iter().flat_map(|one| one.lists.iter().cloned()).collect();
        Person { user: several[0].user, figures, curve, lists }
    }
}

impl Measured {
    /// Nothing yet.
    pub fn new(items: usize) -> Measured {
        Measured {
            people: Vec::new(),
            curve: CURVE.into_iter().filter(|k| *k <= items).collect(),
            judgement: None,
            chosen: BTreeMap::new(),
            over_time: Vec::new(),
            fit_s: 0.0,
            ms_per_user: 0.0,
        }
    }

    /// The figures of everybody.
    pub fn figures(&self) -> Vec<[f64; FIGURES]> {
        self.people.iter().map(|person| person.figures).collect()
    }

    /// The row of the report. `history` is what people chose, to compare their lists with.
    pub fn row(&self, name: String, seed: u64, shelf: &Shelf, history: &History) -> Row {
        let figures = self.figures();
        let count = figures.len().max(1) as f64;
        let mean = |place: usize| figures.iter().map(|person| person[place]).sum::<f64>() / count;
        let of_curve = |which: usize| {
            (0..self.curve.len())
                .map(|place| self.people.iter().map(|person| person.curve[place][which]).sum::<f64>() / count)
                .collect()
        };
        Row {
            name,
            recall: mean(0),
            ndcg: mean(1),
            precision: mean(2),
            map: mean(3),
            hit_rate: mean(4),
            mrr: mean(5),
            auc: mean(6),
            lists: shelf.judge(&lists(&self.people), history),
            over_time: self.over_time.clone(),
            judgement: self.judgement.clone(),
            fit_s: self.fit_s,
            ms_per_user: self.ms_per_user,
            chosen: self.chosen.clone(),
            curve: Curve { k: self.curve.clone(), recall: of_curve(0), ndcg: of_curve(1) },
            interval: ranking::NAMES.into_iter().zip(bootstrap::intervals(&figures, seed)).collect(),
        }
    }
}

/// What was shown to whom.
fn lists(people: &[Person]) -> Vec<(u32, &[u32])> {
    people.iter().flat_map(|person| person.lists.iter().map(|list| (person.user, list.as_slice()))).collect()
}

/// The lists of people who were asked one after the other, in `count` stretches of equal size.
pub fn stretches(asked: &[Person], count: usize, shelf: &Shelf, history: &History) -> Vec<Stretch> {
    let stretch = |asked: &[Person]| {
        let mean =
            |place: usize| asked.iter().map(|one| one.figures[place]).sum::<f64>() / asked.len() as f64;
        let lists = shelf.judge(&lists(asked), history);
        Stretch { n: asked.len(), recall: mean(0), ndcg: mean(1), lists }
    };
    asked.chunks(asked.len().div_ceil(count).max(1)).map(stretch).collect()
}

/// By item: a number that says nothing of it, to order what is equal.
pub fn scatters(data: &Data) -> Vec<u64> {
    data.items.all().iter().map(|name| ranker::scatter(name)).collect()
}

/// Ranks everybody of whom something is to be found, on all processors.
pub fn rank(
    ranker: &dyn Ranker,
    task: &Task<'_>,
    asked: &[u32],
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Measured {
    let stage = task.test();
    let items = task.data.items.len();
    let scatter = scatters(task.data);
    let mut measured = Measured::new(items);
    let curve = &measured.curve;
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
            stage.mask(*user, &mut scores);
            let Some(places) = Places::of(&scores, &stage.held[*user as usize]) else { continue };
            people.push(Person::of(*user, &places, task.k, curve, top(&scores, task.k, &scatter)));
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
    let mut spent = 0.0;
    for (part, seconds) in parts {
        measured.people.extend(part);
        spent += seconds;
    }
    measured.ms_per_user = spent * 1e3 / measured.people.len().max(1) as f64;
    measured
}

/// The items of the `k` greatest scores, best first; ties by a hash of the items' names, which says
/// nothing of them.
pub fn top(scores: &[f32], k: usize, scatter: &[u64]) -> Vec<u32> {
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
