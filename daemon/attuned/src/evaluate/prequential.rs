//! Asking and learning event by event, in the order of time: what the daemon does all day.
//!
//! Nothing is divided. After the first tenth of the interactions, everybody's next new choice is
//! ranked before it is learnt from, by an engine that learns at once and by one that learns overnight.
//! Both choose their hyper-parameters anew by night whenever enough was learnt since.

use std::time::Instant;

use attuned_recommender::Settings;

use super::data::{Clock, Data, Interaction, Wrong};
use super::judging::{self, Case};
use super::lists::Shelf;
use super::measuring::{Measured, Person, scatters, stretches, top};
use super::ranker::{Kind, Online, Task, Told};
use super::ranking::Places;
use super::report::{Counts, Report};
use super::run::{Plan, Progress};
use super::split::{History, Stage, Stages};
use crate::quality::statistics::Dice;

/// Share of the interactions that are learnt from before anything is asked.
const WARM_UP_SHARE: f64 = 0.1;
/// Most choices that are ranked: more take longer and are hardly surer.
const ASKED_MAX: usize = 5000;
/// By how much the past must grow until hyper-parameters are chosen anew. The daemon does so every
/// night; between such nights little would change.
const TUNED_AFTER_GROWTH: f64 = 1.25;
/// Stretches of time of which figures are reported.
const STRETCHES: usize = 10;
/// Steps between two reports of progress.
const STEP: usize = 100;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Runs the plan event by event.
///
/// # Errors
///
/// The data has no times, or nothing could be ranked.
pub fn run(
    data: &Data,
    plan: &Plan,
    settings: &Settings,
    watch: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Report, Wrong> {
    if data.clock == Clock::None {
        return Err(Wrong(format!(
            "{} has no column `timestamp`, expected one for --split prequential",
            data.name
        )));
    }
    let mut rows: Vec<u32> = (0..data.interactions.len() as u32).collect();
    rows.sort_by_key(|row| data.interactions[*row as usize].at);
    let warm = (rows.len() as f64 * WARM_UP_SHARE) as usize;
    let stage =
        |rows: Vec<u32>| Stage { history: History::of(data, rows, plan.rating_min), ..Stage::default() };
    let stages = Stages { tune: None, test: stage(rows[..warm].to_vec()), same_history: false };
    let whole = History::of(data, rows.clone(), plan.rating_min);
    let shelf = Shelf::new(data, &whole);
    let asked = asked(data, plan, &rows, warm);
    if asked.is_empty() {
        return Err(Wrong(format!("{} has no new choice after its first tenth", data.name)));
    }
    let mut recommenders = Vec::new();
    let mut left_out = Vec::new();
    for kind in &plan.recommenders {
        let overnight = [false, true].into_iter().take(if *kind == Kind::Attuned { 2 } else { 1 });
        for overnight in overnight {
            let name = if overnight { format!("{kind}-overnight") } else { kind.name() };
            watch(Progress::Fitting(&name));
            let task = Task::new(data, &stages, plan.k, plan.seed, settings);
            let started = Instant::now();
            let mut online = match kind.online(&task) {
                Ok(Some(online)) => online,
                Ok(None) => {
                    left_out.push(format!("{name}: does not learn event by event"));
                    continue;
                }
                Err(wrong) => {
                    left_out.push(format!("{name}: {wrong}"));
                    continue;
                }
            };
            let fit_s = started.elapsed().as_secs_f64();
            let mut measured = walk(online.as_mut(), &task, (&rows, warm), &asked, overnight, &|done| {
                watch(Progress::Ranking(&name, done, rows.len() - warm));
            });
            measured.fit_s = fit_s;
            measured.over_time = stretches(&measured.people, STRETCHES, &shelf, &whole);
            measured.people = by_person(measured.people);
            recommenders.push(measured.row(name.clone(), plan.seed, &shelf, &whole));
        }
    }
    if recommenders.is_empty() {
        return Err(Wrong(left_out.join("; ")));
    }
    let counts = Counts {
        users: data.users.len(),
        items: data.items.len(),
        interactions: data.interactions.len(),
        known: warm,
        valid: 0,
        test: asked.len(),
        users_tested: {
            let mut users: Vec<u32> = asked.iter().map(|row| data.interactions[*row as usize].user).collect();
            users.sort_unstable();
            users.dedup();
            users.len()
        },
    };
    Ok(Report::new(data.name.clone(), plan, counts, recommenders, Vec::new(), left_out, data.notes.clone()))
}

/// The rows that are ranked, sorted: choices of items that the person had not met, by chance if
/// there are too many.
fn asked(data: &Data, plan: &Plan, rows: &[u32], warm: usize) -> Vec<u32> {
    let mut met = std::collections::HashSet::new();
    let mut asked = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        let interaction = &data.interactions[*row as usize];
        let new = met.insert((interaction.user, interaction.item));
        if new && place >= warm && interaction.is_choice(plan.rating_min) {
            asked.push(*row);
        }
    }
    let mut some: Vec<u32> =
        Dice(plan.seed).sample(asked.len(), ASKED_MAX).into_iter().map(|place| asked[place]).collect();
    some.sort_unstable();
    some
}

/// Asks, then learns, from the row `warm` on; overnight what was learnt is taken in when the day ends.
fn walk(
    online: &mut dyn Online,
    task: &Task<'_>,
    (rows, warm): (&[u32], usize),
    asked: &[u32],
    overnight: bool,
    watch: &dyn Fn(usize),
) -> Measured {
    let data = task.data;
    let items = data.items.len();
    let scatter = scatters(data);
    let mut known = task.test().history.known.clone();
    let mut measured = Measured::new(items);
    let mut cases = Vec::new();
    let (mut own, mut spent) = (true, 0.0);
    let mut scores = vec![0.0; items];
    let mut waiting: Vec<Interaction> = Vec::new();
    let day = |interaction: &Interaction| match data.clock {
        Clock::Time => interaction.at.map(|at| at.div_euclid(DAY_MS)),
        Clock::Order | Clock::None => None,
    };
    let mut tuned_after = 0.0;
    let mut today = None;
    for (place, row) in rows.iter().enumerate().skip(warm) {
        let interaction = data.interactions[*row as usize];
        let Interaction { user, item, .. } = interaction;
        let night = day(&interaction) != today || place == warm;
        today = day(&interaction);
        if night {
            waiting.drain(..).for_each(|interaction| online.learn(data, &interaction));
        }
        // Where only the order is known there are no nights.
        if (night || today.is_none()) && place as f64 >= tuned_after {
            online.tune(data, &rows[..place]);
            tuned_after = place as f64 * TUNED_AFTER_GROWTH;
        }
        if asked.binary_search(row).is_ok() {
            let started = Instant::now();
            online.score(user, &mut scores);
            spent += started.elapsed().as_secs_f64();
            scores.iter_mut().filter(|score| score.is_nan()).for_each(|score| *score = f32::NEG_INFINITY);
            let told = online.told(user, &[item]).map(|told| told[0]);
            own &= told.is_some();
            let told = told.unwrap_or(Told { liking: scores[item as usize], stars: None });
            cases.push(Case::of(&interaction, told));
            known[user as usize].iter().for_each(|known| scores[*known as usize] = f32::NAN);
            if let Some(places) = Places::of(&scores, &[item]) {
                measured.people.push(Person::of(
                    user,
                    &places,
                    task.k,
                    &measured.curve,
                    top(&scores, task.k, &scatter),
                ));
            }
        }
        if let Err(place) = known[user as usize].binary_search(&item) {
            known[user as usize].insert(place, item);
        }
        if overnight {
            waiting.push(interaction)
        } else {
            online.learn(data, &interaction)
        }
        if place % STEP == 0 {
            watch(place - warm);
        }
    }
    measured.ms_per_user = spent * 1e3 / measured.people.len().max(1) as f64;
    measured.judgement = judging::judge_cases(cases, own);
    measured.chosen = online.chosen().into_iter().collect();
    measured
}

/// One mean a person, so that intervals are over people here too; the lists stay as they are.
fn by_person(mut asked: Vec<Person>) -> Vec<Person> {
    asked.sort_by_key(|person| person.user);
    asked.chunk_by(|a, b| a.user == b.user).map(Person::mean).collect()
}
