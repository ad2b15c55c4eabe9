//! What needs no person: what most chose, and chance.

use super::{Online, Ranker, Task};
use crate::evaluate::data::{Data, Interaction};
use crate::quality::statistics::Dice;

/// How many people chose each item, for everybody.
pub struct Popularity {
    counts: Vec<f32>,
}

impl Popularity {
    pub fn fit(task: &Task<'_>) -> Popularity {
        let counts = task.test().history.popularity(task.data.items.len());
        Popularity { counts: counts.into_iter().map(|count| count as f32).collect() }
    }
}

impl Ranker for Popularity {
    fn score(&self, _: u32, scores: &mut [f32]) {
        scores.copy_from_slice(&self.counts);
    }
}

/// An order by chance for each person, by this seed.
pub struct Random(pub u64);

impl Ranker for Random {
    fn score(&self, user: u32, scores: &mut [f32]) {
        let mut dice = Dice(self.0 ^ (u64::from(user) << 32));
        // More values than a 32-bit float holds would tie.
        scores.iter_mut().for_each(|score| *score = dice.below(1 << 24) as f32);
    }
}

impl Online for Popularity {
    fn score(&self, user: u32, scores: &mut [f32]) {
        Ranker::score(self, user, scores);
    }

    fn learn(&mut self, _: &Data, interaction: &Interaction) {
        if interaction.is_choice(None) {
            self.counts[interaction.item as usize] += 1.0;
        }
    }
}

impl Online for Random {
    fn score(&self, user: u32, scores: &mut [f32]) {
        Ranker::score(self, user, scores);
    }

    fn learn(&mut self, _: &Data, _: &Interaction) {}
}
