//! What is known, and what is asked for.

use std::fmt;
use std::str::FromStr;

use super::data::{Clock, Data, Part, Wrong};
use crate::quality::statistics::Dice;

/// How the data is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// By the column `split`. What is valid serves to choose hyper-parameters only: in the test it
    /// is neither known nor left out of the ranking.
    Given,
    /// Everybody's last interaction is the test, the last but one is valid, and known in the test.
    LeaveLastOut,
    /// The last tenth of all interactions by time is the test, the tenth before it is valid, and
    /// known in the test.
    GlobalTime,
    /// A fifth of all interactions by chance is the test, a tenth valid, and known in the test.
    Random,
    /// A fifth of the items by chance is new: all that people did with these is the test, of another
    /// tenth valid, and known in the test. Only what is new is ranked.
    ColdItems,
    /// A fifth of the people by chance is new: all but the first events of each is the test, of another
    /// tenth of the people valid, and known in the test. Holds how many first events are known.
    ColdUsers(usize),
    /// Nothing is divided: everybody's next choice is ranked, then learnt from.
    Prequential,
}

impl Split {
    /// As it is written on the command line, without the number of first events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Split::Given => "given",
            Split::LeaveLastOut => "leave-last-out",
            Split::GlobalTime => "global-time",
            Split::Random => "random",
            Split::ColdItems => "cold-items",
            Split::ColdUsers(_) => "cold-users",
            Split::Prequential => "prequential",
        }
    }

    /// The split that a data set suggests: the one that came with it, else by time.
    #[must_use]
    pub fn of(data: &Data) -> Split {
        let given = data.interactions.iter().any(|interaction| interaction.part.is_some());
        if given { Split::Given } else { Split::LeaveLastOut }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Split::ColdUsers(events) => write!(f, "{}:{events}", self.name()),
            Split::Given
            | Split::LeaveLastOut
            | Split::GlobalTime
            | Split::Random
            | Split::ColdItems
            | Split::Prequential => f.write_str(self.name()),
        }
    }
}

impl FromStr for Split {
    type Err = String;

    fn from_str(name: &str) -> Result<Split, String> {
        let plain = [
            Split::Given,
            Split::LeaveLastOut,
            Split::GlobalTime,
            Split::Random,
            Split::ColdItems,
            Split::Prequential,
        ];
        if let Some(split) = plain.into_iter().find(|split| split.name() == name) {
            return Ok(split);
        }
        let events = name.strip_prefix("cold-users:").and_then(|events| events.parse().ok());
        events.map(Split::ColdUsers).ok_or_else(|| {
            "expected given, leave-last-out, global-time, random, cold-items, cold-users:EVENTS or prequential"
                .to_owned()
        })
    }
}

/// What is known when it is asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// Places in [`Data::interactions`], in the order of time where there are times.
    pub rows: Vec<u32>,
    /// By user: the items that they chose, each once, sorted.
    pub chosen: Vec<Vec<u32>>,
    /// By user: every item that they met, each once, sorted. These are left out of the ranking.
    pub known: Vec<Vec<u32>>,
}

/// What is known, and what is to be found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stage {
    /// What is known.
    pub history: History,
    /// By user: the items to be found, each once, sorted; none of them is known.
    pub held: Vec<Vec<u32>>,
    /// Places in [`Data::interactions`] of everything that is held out, in the order of time.
    pub held_rows: Vec<u32>,
    /// By item: whether it is ranked; absent means that all are.
    pub offered: Option<Vec<bool>>,
    /// Held out choices that the user had met before, which a ranking without what is known cannot
    /// find.
    pub repeats: usize,
}

/// A divided data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Stages {
    /// To choose hyper-parameters by; `None` if nothing could be held out.
    pub tune: Option<Stage>,
    /// To measure by.
    pub test: Stage,
    /// Whether `tune` knows the same as `test`, so that what was fitted for it can be measured.
    pub same_history: bool,
}

/// Share of the train part that is held out where nothing is given as valid.
const HELD_OUT_SHARE: f64 = 0.1;
/// Interactions from which on something of a person is held out.
const HELD_OUT_OF_MIN: usize = 3;
/// Share of items in nobody's past from which on new items are thought of.
const NEW_SHARE_MIN: f64 = 0.05;
/// Shares of all interactions that are valid and test by time.
const BY_TIME_SHARE: f64 = 0.1;
/// Shares of what is divided by chance that are in the test, and in what is valid.
const CHANCE_SHARES: [f64; 2] = [0.2, 0.1];

/// Divides the data.
///
/// # Errors
///
/// The data lacks what the split goes by, or nothing is left to be found.
pub fn divide(data: &Data, split: Split, rating_min: Option<f32>, seed: u64) -> Result<Stages, Wrong> {
    let lacking = |what: &str| {
        Err(Wrong(format!("{} has no column `{what}`, expected one for --split {split}", data.name)))
    };
    let parts: Vec<Option<Part>> = match split {
        Split::Given => {
            if data.interactions.iter().all(|interaction| interaction.part.is_none()) {
                return lacking("split");
            }
            data.interactions.iter().map(|interaction| interaction.part).collect()
        }
        Split::LeaveLastOut | Split::GlobalTime | Split::Prequential if data.clock == Clock::None => {
            return lacking("timestamp");
        }
        Split::LeaveLastOut => last_ones(data),
        Split::GlobalTime | Split::Prequential => latest_ones(data),
        Split::Random => by_chance(data.interactions.len(), seed).into_iter().map(Some).collect(),
        Split::ColdItems => {
            let parts = by_chance(data.items.len(), seed);
            data.interactions.iter().map(|interaction| Some(parts[interaction.item as usize])).collect()
        }
        Split::ColdUsers(events) => later_ones(data, &by_chance(data.users.len(), seed), events, seed),
    };
    let rows = |wanted: &[Part]| -> Vec<u32> {
        let mut rows: Vec<u32> = (0..data.interactions.len() as u32)
            .filter(|row| parts[*row as usize].is_some_and(|part| wanted.contains(&part)))
            .collect();
        rows.sort_by_key(|row| data.interactions[*row as usize].at);
        rows
    };
    let stage = |known: Vec<u32>, held: Vec<u32>| Stage::of(data, known, held, rating_min);
    let (train, valid) = (rows(&[Part::Train]), rows(&[Part::Valid]));
    let valid_is_known = split != Split::Given;
    let mut test = stage(
        if valid_is_known { rows(&[Part::Train, Part::Valid]) } else { train.clone() },
        rows(&[Part::Test]),
    );
    if test.held.iter().all(Vec::is_empty) {
        return Err(Wrong(format!("{} has nothing to be found by --split {split}", data.name)));
    }
    let valid_is_given = !valid.is_empty();
    let mut tune = if valid_is_given {
        stage(train, valid)
    } else {
        let (held, known) = held_out(data, &train, seed);
        stage(known, held)
    };
    if split == Split::ColdItems {
        let parts = by_chance(data.items.len(), seed);
        let of = |wanted: Part| Some(parts.iter().map(|part| *part == wanted).collect());
        (tune.offered, test.offered) = (of(Part::Valid), of(Part::Test));
    }
    let same_history = valid_is_given && !valid_is_known;
    let tune = Some(tune).filter(|tune| tune.held.iter().any(|held| !held.is_empty()));
    Ok(Stages { tune, test, same_history })
}

/// Which of so many items, people or interactions are in the test or in what is valid, by chance.
fn by_chance(count: usize, seed: u64) -> Vec<Part> {
    let mut order = Dice(seed).sample(count, count).into_iter();
    let mut parts = vec![Part::Train; count];
    for (part, share) in [Part::Test, Part::Valid].into_iter().zip(CHANCE_SHARES) {
        order.by_ref().take((count as f64 * share) as usize).for_each(|place| parts[place] = part);
    }
    parts
}

/// All but the first `events` rows of each new person, in the order of time, or by chance where there
/// are no times; the other rows are known.
fn later_ones(data: &Data, people: &[Part], events: usize, seed: u64) -> Vec<Option<Part>> {
    let mut rows: Vec<usize> = Dice(seed).sample(data.interactions.len(), data.interactions.len());
    if data.clock != Clock::None {
        rows.sort_by_key(|row| (data.interactions[*row].at, *row));
    }
    let mut met = vec![0_usize; people.len()];
    let mut parts = vec![Some(Part::Train); data.interactions.len()];
    for row in rows {
        let user = data.interactions[row].user as usize;
        met[user] += 1;
        if met[user] > events {
            parts[row] = Some(people[user]);
        }
    }
    parts
}

/// A tenth of everybody's rows by chance, at least one of who has a few, and the others. Where many items
/// are in nobody's past, half of what is held out is all that is known of some items: so it shows how well
/// new ones are found, too.
fn held_out(data: &Data, rows: &[u32], seed: u64) -> (Vec<u32>, Vec<u32>) {
    let count = (rows.len() as f64 * HELD_OUT_SHARE) as usize;
    let mut of_items: Vec<Vec<u32>> = vec![Vec::new(); data.items.len()];
    let mut left_of_users: Vec<usize> = vec![0; data.users.len()];
    for row in rows {
        let interaction = &data.interactions[*row as usize];
        of_items[interaction.item as usize].push(*row);
        left_of_users[interaction.user as usize] += 1;
    }
    // What each person has left to be held out: who has few counts as much as who has many.
    for left in &mut left_of_users {
        let share = (*left as f64 * HELD_OUT_SHARE).round() as usize;
        *left = if *left >= HELD_OUT_OF_MIN { share.max(1) } else { 0 };
    }
    let unknown = of_items.iter().filter(|rows| rows.is_empty()).count();
    let mut held: Vec<u32> = Vec::with_capacity(count);
    if unknown as f64 >= NEW_SHARE_MIN * of_items.len() as f64 {
        for item in Dice(seed).sample(of_items.len(), of_items.len()) {
            if held.len() + of_items[item].len() <= count / 2 {
                held.append(&mut of_items[item]);
            }
        }
        left_of_users.iter_mut().for_each(|left| *left = left.div_ceil(2));
    }
    for place in Dice(seed).sample(rows.len(), rows.len()) {
        let interaction = &data.interactions[rows[place] as usize];
        let left = &mut left_of_users[interaction.user as usize];
        if *left > 0 && !of_items[interaction.item as usize].is_empty() {
            *left -= 1;
            held.push(rows[place]);
        }
    }
    held.sort_unstable();
    rows.iter().partition(|row| held.binary_search(row).is_ok())
}

/// Everybody's rows in their order; the same time keeps the order of the file.
fn last_ones(data: &Data) -> Vec<Option<Part>> {
    let mut by_user: Vec<Vec<u32>> = vec![Vec::new(); data.users.len()];
    for (row, interaction) in data.interactions.iter().enumerate() {
        by_user[interaction.user as usize].push(row as u32);
    }
    let mut parts = vec![Some(Part::Train); data.interactions.len()];
    for rows in &mut by_user {
        rows.sort_by_key(|row| data.interactions[*row as usize].at);
        // Of one interaction alone nothing could be learnt, of two nothing is left to choose by.
        for (row, part, least) in
            [(rows.len().wrapping_sub(1), Part::Test, 2), (rows.len().wrapping_sub(2), Part::Valid, 3)]
        {
            if rows.len() >= least {
                parts[rows[row] as usize] = Some(part);
            }
        }
    }
    parts
}

/// The latest tenth is the test, the tenth before it valid. What happened at the same moment stays
/// together.
fn latest_ones(data: &Data) -> Vec<Option<Part>> {
    let mut times: Vec<Option<i64>> = data.interactions.iter().map(|interaction| interaction.at).collect();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let (valid, test) = (at(1.0 - 2.0 * BY_TIME_SHARE), at(1.0 - BY_TIME_SHARE));
    let part = |at: Option<i64>| {
        Some(if at >= test {
            Part::Test
        } else if at >= valid {
            Part::Valid
        } else {
            Part::Train
        })
    };
    data.interactions.iter().map(|interaction| part(interaction.at)).collect()
}

impl History {
    /// What these rows say.
    #[must_use]
    pub fn of(data: &Data, rows: Vec<u32>, rating_min: Option<f32>) -> History {
        let mut chosen = vec![Vec::new(); data.users.len()];
        let mut known = vec![Vec::new(); data.users.len()];
        for row in &rows {
            let interaction = &data.interactions[*row as usize];
            known[interaction.user as usize].push(interaction.item);
            if interaction.is_choice(rating_min) {
                chosen[interaction.user as usize].push(interaction.item);
            }
        }
        for items in chosen.iter_mut().chain(&mut known) {
            items.sort_unstable();
            items.dedup();
        }
        History { rows, chosen, known }
    }

    /// By item: how many people chose it.
    #[must_use]
    pub fn popularity(&self, items: usize) -> Vec<u32> {
        let mut counts = vec![0; items];
        for item in self.chosen.iter().flatten() {
            counts[*item as usize] += 1;
        }
        counts
    }

    /// By item: who chose it, sorted.
    #[must_use]
    pub fn choosers(&self, items: usize) -> Vec<Vec<u32>> {
        let mut choosers = vec![Vec::new(); items];
        for (user, chosen) in self.chosen.iter().enumerate() {
            for item in chosen {
                choosers[*item as usize].push(user as u32);
            }
        }
        choosers
    }
}

impl Stage {
    fn of(data: &Data, known: Vec<u32>, held_rows: Vec<u32>, rating_min: Option<f32>) -> Stage {
        let history = History::of(data, known, rating_min);
        let mut held = vec![Vec::new(); data.users.len()];
        let mut repeats = 0;
        for row in &held_rows {
            let interaction = &data.interactions[*row as usize];
            if !interaction.is_choice(rating_min) {
                continue;
            }
            if history.known[interaction.user as usize].binary_search(&interaction.item).is_ok() {
                repeats += 1;
            } else {
                held[interaction.user as usize].push(interaction.item);
            }
        }
        for items in &mut held {
            items.sort_unstable();
            items.dedup();
        }
        Stage { history, held, held_rows, offered: None, repeats }
    }

    /// The items that are not ranked for anybody.
    pub fn withheld(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(self.offered.iter().flatten()).filter(|(_, offered)| !**offered).map(|(item, _)| item)
    }

    /// Makes what is not ranked for a user no number: what they know, and what is not offered.
    pub fn mask(&self, user: u32, scores: &mut [f32]) {
        for known in &self.history.known[user as usize] {
            scores[*known as usize] = f32::NAN;
        }
        for (score, offered) in scores.iter_mut().zip(self.offered.iter().flatten()) {
            if !offered {
                *score = f32::NAN;
            }
        }
    }

    /// The users of whom something is to be found.
    #[must_use]
    pub fn asked(&self) -> Vec<u32> {
        (0..self.held.len() as u32).filter(|user| !self.held[*user as usize].is_empty()).collect()
    }
}

#[cfg(test)]
mod tests;
