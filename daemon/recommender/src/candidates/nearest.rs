//! Candidates near to what a person likes.

use crate::sketch::{LANES, Sketch};
use crate::vector::Best;

use super::Scope;

/// How many of the latest liked items are followed.
const LATEST_MAX: usize = 2;

/// Nearest to each interest; every interest gives equally many, so that a strong one does not crowd
/// out the others. Scored by cosine.
pub(super) fn interests(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let [interests] = near(scope, [medoids(scope)], count);
    interests
}

/// Nearest to what was liked last. Scored by cosine.
pub(super) fn item_to_item(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let [item_to_item] = near(scope, [latest(scope)], count);
    item_to_item
}

/// The candidates of `interests` and of `item_to_item`, for which every item is looked at only once.
pub(super) fn both(scope: &Scope<'_>, count: usize) -> [Vec<(u32, f32)>; 2] {
    near(scope, [medoids(scope), latest(scope)], count)
}

fn medoids(scope: &Scope<'_>) -> Vec<u32> {
    let interests = scope
        .viewpoints
        .iter()
        .flat_map(|viewpoint| viewpoint.outlook.interests(scope.catalogue, scope.settings));
    interests.map(|interest| interest.medoid).collect()
}

fn latest(scope: &Scope<'_>) -> Vec<u32> {
    let latest = scope.viewpoints.iter().flat_map(|viewpoint| viewpoint.outlook.latest_liked(LATEST_MAX));
    latest.map(|(slot, _)| slot).collect()
}

/// More than this many times the wanted number are looked at exactly.
const LOOKED_AT: usize = 4;

/// What others are compared with.
struct Anchor {
    slot: u32,
    fused: bool,
    sketch: Sketch,
    /// How many are wanted.
    each: usize,
    /// What may be among the nearest.
    best: Best,
}

/// For each group of anchors, given by their slots: the nearest to each, interleaved by rank, each slot
/// once.
fn near<const GROUPS: usize>(
    scope: &Scope<'_>,
    groups: [Vec<u32>; GROUPS],
    count: usize,
) -> [Vec<(u32, f32)>; GROUPS] {
    let mut groups = groups.map(|slots| anchors(scope, slots, count));
    first_look(scope, groups.iter_mut().flatten().collect());
    groups.map(|anchors| {
        let lists: Vec<Vec<(u32, f32)>> = anchors.into_iter().map(|anchor| anchor.nearest(scope)).collect();
        interleaved(&lists, count)
    })
}

fn anchors(scope: &Scope<'_>, mut slots: Vec<u32>, count: usize) -> Vec<Anchor> {
    let mut known = std::collections::HashSet::new();
    let facts = scope.catalogue.facts();
    let comparable =
        |slot: u32| facts.get(slot as usize).is_some_and(|facts| facts.fused || facts.media != 0);
    slots.retain(|slot| comparable(*slot) && known.insert(*slot));
    let each = count.div_ceil(slots.len().max(1)).max(1);
    let anchor = |slot: u32| Anchor {
        slot,
        fused: scope.catalogue.vector(slot).is_some(),
        sketch: scope.catalogue.sketches().row(slot),
        each,
        best: Best::new(each * LOOKED_AT),
    };
    slots.into_iter().map(anchor).collect()
}

/// Finds what may be among the nearest to each anchor, by their sketches: the first look touches every
/// item once, and in passing compares it with every anchor.
fn first_look(scope: &Scope<'_>, mut anchors: Vec<&mut Anchor>) {
    if anchors.is_empty() {
        return;
    }
    let (catalogue, facts) = (scope.catalogue, scope.catalogue.facts());
    let blocks = catalogue.sketches().blocks().iter().zip(scope.allowed.chunks(LANES));
    for ((block, allowed), first) in blocks.zip((0..).step_by(LANES)) {
        if !allowed.contains(&true) {
            continue;
        }
        let slots = || (first..).zip(allowed).filter(|(_, allowed)| **allowed).map(|(slot, _)| slot);
        let all_fused = slots().all(|slot| facts[slot as usize].fused);
        for anchor in &mut anchors {
            let estimates = block.dots(&anchor.sketch);
            if all_fused && anchor.fused {
                let floor = anchor.best.floor();
                if estimates.iter().fold(false, |some, estimate| some | (*estimate >= floor)) {
                    for slot in slots() {
                        anchor.best.offer(slot, estimates[(slot - first) as usize], || scope.scatter(slot));
                    }
                }
                continue;
            }
            for slot in slots() {
                let nearness = if anchor.fused && facts[slot as usize].fused {
                    Some(estimates[(slot - first) as usize])
                } else {
                    catalogue.cosine(anchor.slot, slot)
                };
                if let Some(nearness) = nearness {
                    anchor.best.offer(slot, nearness, || scope.scatter(slot));
                }
            }
        }
    }
}

impl Anchor {
    /// The nearest by their cosines.
    fn nearest(self, scope: &Scope<'_>) -> Vec<(u32, f32)> {
        let mut slots: Vec<u32> = self.best.into_slots().collect();
        // In the order in which their vectors lie in memory.
        slots.sort_unstable();
        let (fours, rest) = slots.as_chunks::<4>();
        let by_four =
            fours.iter().flat_map(|four| four.iter().zip(scope.catalogue.four_cosines(self.slot, *four)));
        let one_by_one = rest.iter().map(|slot| (slot, scope.catalogue.cosine(self.slot, *slot)));
        let exact = by_four.chain(one_by_one).filter_map(|(slot, cosine)| Some((*slot, cosine?)));
        scope.best(exact.filter(|(_, cosine)| *cosine > 0.0), self.each)
    }
}

fn interleaved(lists: &[Vec<(u32, f32)>], count: usize) -> Vec<(u32, f32)> {
    let mut merged = Vec::with_capacity(count);
    let mut known = std::collections::HashSet::new();
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    for rank in 0..longest {
        for list in lists {
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
