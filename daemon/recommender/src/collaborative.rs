//! Who liked what, in which order, and what follows from it for others.
//!
//! Everything is worked out from the histories when it is asked for: an event changes one history,
//! a new person is served from the first event on, and nothing has to be fitted but the `low_pass`,
//! which is optional. `recipe` has the constants, `tuning` finds them for the house at hand.
//!
//! Knows slots and numbers of people, neither items nor their content.

mod low_pass;
mod recipe;
mod tuning;
mod walk;

pub(crate) use low_pass::LowPass;
pub use recipe::{DeepWalk, Recipe, Sequence};
pub(crate) use tuning::{HeldOut, advantage, gain_of_ranks, tuned};
pub(crate) use walk::Scratch;

/// Steps to which a score is rounded, so that the order in which people came, which moves the last
/// bits of sums, cannot move a list.
const SCORE_STEPS: f32 = 65_536.0;

/// The histories of all people, from both sides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Collaborative {
    recipe: Recipe,
    /// By number of the person: the slots of what they liked, latest last, each once.
    histories: Vec<Vec<u32>>,
    /// By slot: the numbers of the people who liked it, in no order that means anything.
    likers: Vec<Vec<u32>>,
    /// By number of the person: what one of their likes counts, from the number of their likes.
    person_weights: Vec<f32>,
    /// All likes of all people.
    likes: usize,
    low_pass: Option<LowPass>,
}

/// What others' likes say of every item, for one history.
#[derive(Debug, Clone)]
pub(crate) struct Affinity {
    /// By slot, at least 0.
    pub scores: Vec<f32>,
    /// How much shared liking it rests on, at least 0.
    pub evidence: f32,
}

impl Collaborative {
    #[cfg(test)]
    fn new(recipe: Recipe) -> Collaborative {
        Collaborative { recipe, ..Collaborative::default() }
    }

    pub(crate) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Puts another recipe in use; the histories stay.
    pub(crate) fn set_recipe(&mut self, recipe: Recipe) {
        self.recipe = recipe;
        for person in 0..self.histories.len() {
            self.weigh(person);
        }
    }

    pub(crate) fn set_low_pass(&mut self, low_pass: Option<LowPass>) {
        self.low_pass = low_pass;
    }

    pub(crate) fn history(&self, person: u32) -> &[u32] {
        self.histories.get(person as usize).map_or(&[], Vec::as_slice)
    }

    /// The numbers of the people who liked the item of a slot.
    pub(crate) fn likers_of(&self, slot: u32) -> &[u32] {
        self.likers.get(slot as usize).map_or(&[], Vec::as_slice)
    }

    /// How many people liked the item of a slot.
    pub(crate) fn likers(&self, slot: u32) -> usize {
        self.likers_of(slot).len()
    }

    pub(crate) fn people(&self) -> usize {
        self.histories.len()
    }

    /// How many people like anything.
    pub(crate) fn people_who_like(&self) -> usize {
        self.histories.iter().filter(|history| !history.is_empty()).count()
    }

    pub(crate) fn slots(&self) -> usize {
        self.likers.len()
    }

    /// The mean number of likes of those who liked anything, at least 1.
    pub(crate) fn mean_likes(&self) -> f32 {
        (self.likes as f32 / self.people_who_like().max(1) as f32).max(1.0)
    }

    /// A person liked the item of a slot (again): it is the latest of their history now.
    pub(crate) fn like(&mut self, person: u32, slot: u32) {
        self.make_room(person, slot);
        let history = &mut self.histories[person as usize];
        if history.last() == Some(&slot) {
            return;
        }
        if let Some(place) = history.iter().position(|known| *known == slot) {
            history.remove(place);
            history.push(slot);
            return;
        }
        history.push(slot);
        self.likers[slot as usize].push(person);
        self.likes += 1;
        self.weigh(person as usize);
    }

    /// A person likes the item of a slot no more.
    pub(crate) fn unlike(&mut self, person: u32, slot: u32) {
        let Some(history) = self.histories.get_mut(person as usize) else { return };
        let Some(place) = history.iter().position(|known| *known == slot) else { return };
        history.remove(place);
        self.likers[slot as usize].retain(|liker| *liker != person);
        self.likes -= 1;
        self.weigh(person as usize);
    }

    /// A person's whole history, latest last, in the place of what was known.
    pub(crate) fn replace(&mut self, person: u32, history: Vec<u32>) {
        for slot in self.history(person).to_vec() {
            self.unlike(person, slot);
        }
        for slot in history {
            self.like(person, slot);
        }
    }

    fn make_room(&mut self, person: u32, slot: u32) {
        if self.histories.len() <= person as usize {
            self.histories.resize(person as usize + 1, Vec::new());
            self.person_weights.resize(person as usize + 1, 1.0);
        }
        if self.likers.len() <= slot as usize {
            self.likers.resize(slot as usize + 1, Vec::new());
        }
    }

    fn weigh(&mut self, person: usize) {
        let likes = self.histories[person].len().max(1) as f32;
        self.person_weights[person] = likes.powf(-self.recipe.person_power);
    }

    /// What the likes of others say for a history; `except` is the person whose history it is, as
    /// nobody is their own company. `None` if nobody shares a liking.
    pub(crate) fn affinity(
        &self,
        history: &[u32],
        except: Option<u32>,
        scratch: &mut Scratch,
    ) -> Option<Affinity> {
        let slots = self.likers.len();
        let mut scores = vec![0.0; slots];
        let evidence = self.walk(history, except, scratch, &mut scores);
        if evidence <= 0.0 {
            return None;
        }
        let recipe = &self.recipe;
        if recipe.deep.is_none() && (recipe.low_pass == 0.0 || self.low_pass.is_none()) {
            return Some(Affinity { scores, evidence });
        }
        scale(&mut scores, recipe.walk_share);
        let mut part = vec![0.0; slots];
        if let Some(deep) = &recipe.deep {
            self.deep_walk(history, deep, scratch, &mut part);
            scale(&mut part, deep.share);
            add(&mut scores, &part);
        }
        if let Some(low_pass) = self.low_pass.as_ref().filter(|_| recipe.low_pass != 0.0) {
            part.fill(0.0);
            low_pass.score(history, self, &mut part);
            scale(&mut part, recipe.low_pass);
            add(&mut scores, &part);
        }
        scores.iter_mut().for_each(|score| *score = score.max(0.0));
        Some(Affinity { scores, evidence })
    }
}

impl Affinity {
    /// The scores of what is allowed, scaled so that the greatest is 1, and rounded; all others 0. With
    /// them, what they were divided by: where nothing that is allowed has any, the greatest of all.
    /// `None` if nothing has any.
    pub(crate) fn normalised(mut self, allowed: &[bool]) -> Option<(Vec<f32>, f32)> {
        self.scores.truncate(allowed.len());
        let greatest = |scores: &[f32]| scores.iter().copied().fold(0.0_f32, f32::max);
        let of_all = greatest(&self.scores);
        for (score, allowed) in self.scores.iter_mut().zip(allowed) {
            *score = if *allowed { *score } else { 0.0 };
        }
        let of_allowed = greatest(&self.scores);
        let most = if of_allowed > 0.0 { of_allowed } else { of_all };
        if most <= 0.0 || !most.is_finite() {
            return None;
        }
        for score in &mut self.scores {
            *score = rounded(*score / most);
        }
        Some((self.scores, most))
    }
}

/// A score of a walk, at least 0, in the steps that are told apart, at most 1.
pub(crate) fn rounded(score: f32) -> f32 {
    // In 64 bits the sum is exact, so this is `round`, which would be a call for every item.
    (f64::from(score.min(1.0) * SCORE_STEPS) + 0.5) as u32 as f32 / SCORE_STEPS
}

/// Divides by the standard deviation, so that parts of different scales can be added, and
/// multiplies with the share.
fn scale(scores: &mut [f32], share: f32) {
    let count = scores.len().max(1) as f64;
    let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
    for score in scores.iter() {
        sum += f64::from(*score);
        squares += f64::from(*score).powi(2);
    }
    let deviation = (squares / count - (sum / count).powi(2)).max(0.0).sqrt();
    let factor = if deviation > 0.0 { f64::from(share) / deviation } else { 0.0 };
    scores.iter_mut().for_each(|score| *score = (f64::from(*score) * factor) as f32);
}

fn add(scores: &mut [f32], part: &[f32]) {
    for (score, part) in scores.iter_mut().zip(part) {
        *score += part;
    }
}

#[cfg(test)]
mod tests;
