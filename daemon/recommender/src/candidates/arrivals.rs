//! Candidates for which nobody's taste is needed: new ones, and some of every kind.

use crate::catalogue::Facts;
use crate::time::Timestamp;
use crate::vector::Best;
use crate::viewpoint::freshness;

use super::Scope;

/// New items, newest first; scored by freshness.
pub(super) fn fresh(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let mut freshest = Freshest::new(Best::at_least(f32::MIN_POSITIVE, count));
    scope.slots().rev().for_each(|slot| freshest.offer(slot, scope));
    freshest.best.into_sorted()
}

/// Items of every kind in turn, within a kind the newest first. Scored by the inverse of the place.
pub(super) fn cold_start(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let mut by_kind: Vec<Freshest> = Vec::new();
    for slot in scope.slots().rev() {
        let kind = scope.catalogue.facts()[slot as usize].kind as usize;
        if by_kind.len() <= kind {
            by_kind.resize_with(kind + 1, || Freshest::new(Best::new(count)));
        }
        by_kind[kind].offer(slot, scope);
    }
    // Kinds in the order of their names: their numbers depend on which item came first.
    let mut kinds: Vec<(&str, Vec<(u32, f32)>)> = by_kind
        .into_iter()
        .filter_map(|freshest| {
            let list = freshest.best.into_sorted();
            Some((scope.catalogue.entry(list.first()?.0)?.item.kind.as_str(), list))
        })
        .collect();
    kinds.sort_unstable_by_key(|(kind, _)| *kind);
    let longest = kinds.iter().map(|(_, list)| list.len()).max().unwrap_or(0);
    (0..longest)
        .flat_map(|place| kinds.iter().filter_map(move |(_, list)| list.get(place)))
        .take(count)
        .enumerate()
        .map(|(place, (slot, _))| (*slot, 1.0 / (place + 1) as f32))
        .collect()
}

/// The freshest of a stream. What is no newer than something that was too old is too old itself, so few
/// items need more than a look at their dates; fewest if the newest come first.
struct Freshest {
    best: Best,
    /// The latest dates at which an item was not fresh at all, and not fresh enough to be kept: of items that
    /// were first seen then, and of those that came out then.
    stale: [Option<Timestamp>; 2],
    late: [Option<Timestamp>; 2],
}

impl Freshest {
    fn new(best: Best) -> Freshest {
        Freshest { best, stale: [None; 2], late: [None; 2] }
    }

    #[inline]
    fn offer(&mut self, slot: u32, scope: &Scope<'_>) {
        let facts = &scope.catalogue.facts()[slot as usize];
        if Some(facts.since) > self.late[usize::from(facts.dated)] {
            self.look_at(slot, facts, scope);
        }
    }

    fn look_at(&mut self, slot: u32, facts: &Facts, scope: &Scope<'_>) {
        let (since, sort) = (Some(facts.since), usize::from(facts.dated));
        let score = if since <= self.stale[sort] { 0.0 } else { freshness(facts, scope.now, scope.settings) };
        if score == 0.0 {
            self.stale[sort] = self.stale[sort].max(since);
        }
        if score < self.best.floor() {
            self.late[sort] = since;
        }
        self.best.offer(slot, score, || facts.scatter);
    }
}
