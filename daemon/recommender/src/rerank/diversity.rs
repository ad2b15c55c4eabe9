//! What it costs an item to repeat those above it.

use super::Contender;
use super::places::PLACES_MAX;
use super::repetition::Repetition;
use crate::request::Request;
use crate::settings::{DiversityMethod, Settings};
use crate::vector::dot;

/// The least part of an item that is taken to be its own, beside those above: a copy costs seven
/// times the weight and is not lost.
const OWN_PART_MIN: f32 = 1e-3;

/// How repetition is counted, and for what.
pub(super) struct Diversity<'a> {
    method: DiversityMethod,
    /// Log-odds for full repetition, or for a part of its own that is smaller by a factor of e.
    weight: f32,
    repetition: Repetition<'a>,
    /// Of [`DiversityMethod::Dpp`]: by candidate that is not chosen yet, in the order of `free`.
    own: Vec<Own>,
}

/// The incremental Cholesky factor of the kernel of the chosen items and one more.
struct Own {
    /// Its row, one value for each chosen item.
    row: Vec<f32>,
    /// The part of the item that the chosen ones do not have, in `(0, 1]`.
    part: f32,
}

impl<'a> Diversity<'a> {
    pub(super) fn new(request: &Request, settings: &Settings, repetition: Repetition<'a>) -> Diversity<'a> {
        let wanted = request.diversity.filter(|d| d.is_finite()).unwrap_or(settings.diversity);
        let method = settings.diversity_method;
        let full = match method {
            DiversityMethod::Mmr => settings.mmr_weight,
            DiversityMethod::Dpp => settings.dpp_weight,
        };
        Diversity { method, weight: wanted.clamp(0.0, 1.0) * full, repetition, own: Vec::new() }
    }

    pub(super) fn is_sought(&self) -> bool {
        self.weight > 0.0
    }

    /// Begins with these candidates.
    pub(super) fn begin(&mut self, free: &[Contender]) {
        if !self.is_sought() {
            return;
        }
        free.iter().for_each(|contender| self.repetition.prepare(contender.slot));
        if self.method == DiversityMethod::Dpp {
            let own = |_| Own { row: Vec::with_capacity(PLACES_MAX), part: 1.0 };
            self.own = free.iter().map(own).collect();
        }
    }

    /// Takes note that the candidate at `index` of `free` was taken out by `swap_remove`, and what
    /// that costs the others if it is in the list from now on.
    pub(super) fn heed(&mut self, index: usize, chosen: &Contender, listed: bool, free: &mut [Contender]) {
        if !self.is_sought() {
            return;
        }
        let chosen_own = (self.method == DiversityMethod::Dpp).then(|| self.own.swap_remove(index));
        if !listed {
            return;
        }
        for (place, other) in free.iter_mut().enumerate() {
            let likeness = self.repetition.of(chosen.slot, other.slot);
            if likeness > other.repeats.as_ref().map_or(0.0, |(most, _)| *most) {
                other.repeats = Some((likeness, chosen.row.item.id.clone()));
            }
            other.diversity = match &chosen_own {
                None => -self.weight * other.repeats.as_ref().map_or(0.0, |(most, _)| *most),
                Some(chosen) => {
                    let own = &mut self.own[place];
                    own.heed(chosen, likeness);
                    self.weight * own.part.ln()
                }
            };
        }
    }
}

impl Own {
    /// One step of the fast greedy search for the most likely set of a determinantal point process.
    /// Source: Chen, Zhang, Zhou, "Fast greedy MAP inference for determinantal point process to
    /// improve recommendation diversity", NeurIPS 2018, algorithm 1, with the items' qualities left
    /// to the score: the logarithm of a set's determinant is the sum of twice the logarithms of the
    /// qualities and of the logarithms of these parts. A likeness that is no proper kernel, as of
    /// several kinds of content together, only makes a part smaller than it should be.
    fn heed(&mut self, chosen: &Own, likeness: f32) {
        let step = (likeness - dot(&chosen.row, &self.row)) / chosen.part.sqrt();
        self.row.push(step);
        self.part = (self.part - step * step).max(OWN_PART_MIN);
    }
}
