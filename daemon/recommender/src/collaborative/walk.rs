//! Walks from a history to the people who share it, and on to what these like.
//!
//! One round is the matrix product of item-to-item methods without the matrix: for a history `h`,
//! `s(i) = c_i^p · sum over people v who like i of d_v^-a · sum over j in h liked by v of c_j^-b`, with
//! the degrees `d` (likes of a person) and `c` (likers of an item). With an order of likes, each
//! pair `(j, i)` of another's history counts by how far `i` is from `j` there, and each `j` by how
//! long ago it was liked.

use super::{Collaborative, DeepWalk, Recipe, Sequence};

/// Most likers of one item that a walk visits; of more, every n-th is visited.
pub(super) const LIKERS_MAX: usize = 8_192;

/// Most items of a history that a walk starts from, latest first.
pub(super) const HISTORY_MAX: usize = 1_000;

/// Steps from a shared item within which the order counts.
const WINDOW: usize = 40;

/// What counts less than this for its age is passed over.
const MEMORY_MIN: f32 = 1e-4;

/// Working memory of walks, to be used again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// By number of a person; all 0 between uses.
    people: Vec<f32>,
    met: Vec<u32>,
    items: Vec<f32>,
    reached: Vec<u32>,
}

impl Collaborative {
    /// Adds the scores of one round to `scores` (by slot) and returns how much shared liking there is.
    pub(super) fn walk(
        &self,
        history: &[u32],
        except: Option<u32>,
        scratch: &mut Scratch,
        scores: &mut [f32],
    ) -> f32 {
        let recipe = self.recipe();
        scratch.people.resize(self.people().max(scratch.people.len()), 0.0);
        let memory = recipe.sequence.as_ref().map_or(1.0, |sequence| sequence.memory);
        let kernel = recipe.sequence.as_ref().map(Kernel::new);
        let mut evidence = 0.0;
        let mut remembered = 1.0;
        for slot in history.iter().rev().take(HISTORY_MAX) {
            if remembered < MEMORY_MIN {
                break;
            }
            let likers = self.likers.get(*slot as usize).map_or(&[][..], Vec::as_slice);
            let weight = remembered * (likers.len().max(1) as f32).powf(-recipe.item_power);
            remembered *= memory;
            for liker in likers.iter().step_by(likers.len().div_ceil(LIKERS_MAX).max(1)) {
                if Some(*liker) == except {
                    continue;
                }
                let met = &mut scratch.people[*liker as usize];
                if *met == 0.0 {
                    scratch.met.push(*liker);
                }
                *met += weight;
                if let Some(kernel) = &kernel {
                    let weight = weight * self.person_weights[*liker as usize];
                    kernel.spread(&self.histories[*liker as usize], *slot, weight, scores);
                }
            }
        }
        let anywhere = recipe.sequence.as_ref().map_or(1.0, |sequence| sequence.anywhere);
        for person in scratch.met.drain(..) {
            let shared = std::mem::take(&mut scratch.people[person as usize]);
            let kinship = shared * self.person_weights[person as usize];
            evidence += kinship;
            if anywhere > 0.0 {
                for slot in &self.histories[person as usize] {
                    scores[*slot as usize] += anywhere * kinship;
                }
            }
        }
        self.lift_popular(recipe, scores);
        evidence
    }

    fn lift_popular(&self, recipe: &Recipe, scores: &mut [f32]) {
        if recipe.popularity_power == 0.0 {
            return;
        }
        for (score, likers) in scores.iter_mut().zip(&self.likers) {
            if *score > 0.0 {
                *score *= (likers.len().max(1) as f32).powf(recipe.popularity_power);
            }
        }
    }

    /// Several rounds from items to people and back, each summing to 1, into `scores` (by slot).
    pub(super) fn deep_walk(
        &self,
        history: &[u32],
        deep: &DeepWalk,
        scratch: &mut Scratch,
        scores: &mut [f32],
    ) {
        scores.fill(0.0);
        scratch.people.resize(self.people().max(scratch.people.len()), 0.0);
        scratch.items.clear();
        scratch.items.resize(self.slots(), 0.0);
        scratch.reached.clear();
        let mean = self.mean_likes();
        let start = &history[history.len().saturating_sub(HISTORY_MAX)..];
        for slot in start {
            if let Some(mass) = scratch.items.get_mut(*slot as usize) {
                *mass = 1.0 / start.len() as f32;
                scratch.reached.push(*slot);
            }
        }
        for _ in 0..deep.rounds {
            for slot in scratch.reached.drain(..) {
                let mass = std::mem::take(&mut scratch.items[slot as usize]);
                let likers = &self.likers[slot as usize];
                for liker in likers.iter().step_by(likers.len().div_ceil(LIKERS_MAX).max(1)) {
                    let met = &mut scratch.people[*liker as usize];
                    if *met == 0.0 {
                        scratch.met.push(*liker);
                    }
                    *met += mass / likers.len() as f32;
                }
            }
            let mut sum = 0.0;
            for person in scratch.met.drain(..) {
                let mass = std::mem::take(&mut scratch.people[person as usize]);
                let likes = &self.histories[person as usize];
                let heavy = if likes.len() as f32 > mean { deep.heavy_share } else { 1.0 };
                let each = mass * heavy / likes.len().max(1) as f32;
                sum += mass * heavy;
                for slot in likes {
                    let reached = &mut scratch.items[*slot as usize];
                    if *reached == 0.0 {
                        scratch.reached.push(*slot);
                    }
                    *reached += each;
                }
            }
            if sum > 0.0 {
                scratch.reached.iter().for_each(|slot| scratch.items[*slot as usize] /= sum);
            }
        }
        for slot in scratch.reached.drain(..) {
            scores[slot as usize] = std::mem::take(&mut scratch.items[slot as usize]);
        }
    }
}

/// What an item counts by its distance from a shared one, nearest first.
struct Kernel {
    ahead: Vec<f32>,
    behind: Vec<f32>,
}

impl Kernel {
    fn new(sequence: &Sequence) -> Kernel {
        let fading = |first: f32, fade: f32| {
            let mut left = first;
            let mut values = Vec::new();
            while values.len() < WINDOW && left > MEMORY_MIN {
                values.push(left);
                left *= fade;
            }
            values
        };
        Kernel { ahead: fading(1.0, sequence.ahead), behind: fading(sequence.behind_share, sequence.behind) }
    }

    fn spread(&self, history: &[u32], shared: u32, weight: f32, scores: &mut [f32]) {
        let Some(place) = history.iter().position(|slot| *slot == shared) else { return };
        for (slot, counts) in history[place + 1..].iter().zip(&self.ahead) {
            scores[*slot as usize] += weight * counts;
        }
        for (slot, counts) in history[..place].iter().rev().zip(&self.behind) {
            scores[*slot as usize] += weight * counts;
        }
    }
}
