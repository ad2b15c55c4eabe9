//! What it costs an item to repeat those above it.

use std::collections::BTreeSet;

use super::Contender;
use super::places::PLACES_MAX;
use crate::catalogue::Catalogue;
use crate::request::Request;
use crate::settings::{DiversityMethod, Settings};
use crate::vector::{dot, ramp};

/// Cosine from which on two items of a list repeat each other, and at which they do so fully.
const REPEAT_COSINES: (f32, f32) = (0.2, 0.8);

/// The least part of an item that is taken to be its own, beside those above: a copy costs seven
/// times the weight and is not lost.
const OWN_PART_MIN: f32 = 1e-3;

/// How repetition is counted, and for what.
pub(super) struct Diversity<'a> {
    method: DiversityMethod,
    /// Log-odds for full repetition.
    weight: f32,
    catalogue: &'a Catalogue,
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
    pub(super) fn new(request: &Request, settings: &Settings, catalogue: &'a Catalogue) -> Diversity<'a> {
        let wanted = request.diversity.filter(|d| d.is_finite()).unwrap_or(settings.diversity);
        let weight = wanted.clamp(0.0, 1.0) * settings.diversity_weight;
        Diversity { method: settings.diversity_method, weight, catalogue, own: Vec::new() }
    }

    pub(super) fn is_sought(&self) -> bool {
        self.weight > 0.0
    }

    /// Begins with these candidates.
    pub(super) fn begin(&mut self, free: usize) {
        if self.is_sought() && self.method == DiversityMethod::Dpp {
            self.own = (0..free).map(|_| Own { row: Vec::with_capacity(PLACES_MAX), part: 1.0 }).collect();
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
            let likeness = repetition(chosen, other, self.catalogue);
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

/// How much two items of a list repeat each other, in `[0, 1]`: by content, else by the share of
/// their tags that both have.
fn repetition(a: &Contender, b: &Contender, catalogue: &Catalogue) -> f32 {
    let (Some(a), Some(b)) = (a.slot, b.slot) else { return 0.0 };
    if let (Some(left), Some(right)) = (catalogue.vector(a), catalogue.vector(b)) {
        return ramp(dot(left, right), REPEAT_COSINES);
    }
    if let Some(cosine) = catalogue.cosine(a, b) {
        return ramp(cosine, REPEAT_COSINES);
    }
    let (Some(a), Some(b)) = (catalogue.entry(a), catalogue.entry(b)) else { return 0.0 };
    let tags: BTreeSet<&String> = a.tags.iter().chain(&b.tags).collect();
    let common = a.tags.iter().filter(|tag| b.tags.binary_search(tag).is_ok()).count();
    if tags.is_empty() { 0.0 } else { common as f32 / tags.len() as f32 }
}
