//! Candidates near to what a person likes.

use crate::sketch::{TOGETHER, Together, estimates, together};
use crate::vector::Best;

use super::Scope;

/// How many of the latest liked items are followed.
const LATEST_MAX: usize = 2;

/// Nearest to each interest; every interest gives equally many, so that a strong one does not crowd
/// out the others. Scored by cosine.
pub(super) fn interests(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let anchors: Vec<u32> = scope
        .viewpoints
        .iter()
        .flat_map(|viewpoint| viewpoint.outlook.interests(scope.catalogue, scope.settings))
        .map(|interest| interest.medoid)
        .collect();
    near(scope, anchors, count)
}

/// Nearest to what was liked last. Scored by cosine.
pub(super) fn item_to_item(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let anchors: Vec<u32> = scope
        .viewpoints
        .iter()
        .flat_map(|viewpoint| viewpoint.outlook.latest_liked(LATEST_MAX))
        .map(|(slot, _)| slot)
        .collect();
    near(scope, anchors, count)
}

/// The nearest to each anchor, interleaved by rank, each slot once.
fn near(scope: &Scope<'_>, mut anchors: Vec<u32>, count: usize) -> Vec<(u32, f32)> {
    let mut known = std::collections::HashSet::new();
    let facts = scope.catalogue.facts();
    let comparable =
        |slot: u32| facts.get(slot as usize).is_some_and(|facts| facts.fused || facts.media != 0);
    anchors.retain(|anchor| comparable(*anchor) && known.insert(*anchor));
    if anchors.is_empty() {
        return Vec::new();
    }
    let each = count.div_ceil(anchors.len()).max(1);
    let lists: Vec<Vec<(u32, f32)>> = first_look(scope, &anchors, each)
        .into_iter()
        .zip(&anchors)
        .map(|(slots, anchor)| {
            let exact = slots.filter_map(|slot| {
                Some((slot, scope.catalogue.cosine(*anchor, slot)?)).filter(|(_, cosine)| *cosine > 0.0)
            });
            scope.best(exact, each)
        })
        .collect();
    let mut merged = Vec::with_capacity(count);
    let mut known = std::collections::HashSet::new();
    for rank in 0..each {
        for list in &lists {
            if let Some((slot, cosine)) = list.get(rank)
                && merged.len() < count
                && known.insert(*slot)
            {
                merged.push((*slot, *cosine));
            }
        }
    }
    merged
}

/// More than this many times the wanted number are looked at exactly.
const LOOKED_AT: usize = 4;

/// For each anchor the slots that may be among the nearest `each`, by their sketches: the first look
/// touches every item once, and in passing compares it with every anchor.
fn first_look(scope: &Scope<'_>, anchors: &[u32], each: usize) -> Vec<impl Iterator<Item = u32> + use<>> {
    let (catalogue, facts) = (scope.catalogue, scope.catalogue.facts());
    let sketches = catalogue.sketches();
    let fused = |slot: u32| facts.get(slot as usize).is_some_and(|facts| facts.fused);
    let mut best: Vec<(u32, bool, Best)> =
        anchors.iter().map(|a| (*a, fused(*a), Best::new(each * LOOKED_AT))).collect();
    let blocks: Vec<Together> = anchors
        .chunks(TOGETHER)
        .map(|anchors| together(&anchors.iter().map(|anchor| sketches.row(*anchor)).collect::<Vec<_>>()))
        .collect();
    for slot in scope.slots() {
        let slot_fused = fused(slot);
        for (block, best) in blocks.iter().zip(best.chunks_mut(TOGETHER)) {
            let estimates = estimates(block, sketches.row(slot));
            for ((anchor, anchor_fused, best), estimate) in best.iter_mut().zip(estimates) {
                if slot_fused && *anchor_fused {
                    best.offer(slot, estimate, || scope.scatter(slot));
                } else if let Some(cosine) = catalogue.cosine(*anchor, slot) {
                    best.offer(slot, cosine, || scope.scatter(slot));
                }
            }
        }
    }
    best.into_iter().map(|(_, _, best)| best.into_slots()).collect()
}
