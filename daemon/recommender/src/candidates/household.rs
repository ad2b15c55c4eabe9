//! Candidates that others in the house like.

use std::collections::BTreeMap;

use super::Scope;

/// Liked by people with a similar taste; scored by the best of the request's people, in `[0, 1]`.
pub(super) fn liked_by_similar(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let mut scores: Vec<f32> = Vec::new();
    for walk in scope.walks.iter().flatten() {
        scores.resize(scores.len().max(walk.scores.len()), 0.0);
        for (best, score) in scores.iter_mut().zip(&walk.scores) {
            *best = best.max(*score);
        }
    }
    let score = |slot: u32| scores.get(slot as usize).copied().unwrap_or(0.0);
    let scored = scope.slots().map(|slot| (slot, score(slot))).filter(|(_, score)| *score > 0.0);
    scope.best(scored, count)
}

/// Like what people with a similar taste like; scored by the best of the request's people, in `[0, 1]`.
pub(super) fn projected(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let mut best: BTreeMap<u32, f32> = BTreeMap::new();
    for (slot, score) in scope.walks.iter().flatten().flat_map(|walk| &walk.projected) {
        let known = best.entry(*slot).or_default();
        *known = known.max(*score);
    }
    scope.best(best.into_iter(), count)
}

/// Liked by many, lately above all; scored by how many like it and what is left of their liking.
pub(super) fn popular(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let now = scope.now.unix_ms();
    let scored = scope
        .slots()
        .map(|slot| (slot, scope.household.popularity(slot, now, scope.settings)))
        .filter(|(_, liking)| *liking > 0.0);
    scope.best(scored, count)
}
