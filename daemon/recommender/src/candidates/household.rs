//! Candidates that others in the house like.

use crate::vector::Best;

use super::{Scope, Walk};

/// Liked by people with a similar taste; scored by the best of the request's people, in `[0, 1]`.
pub(super) fn liked_by_similar(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    best_of_walks(scope, |walk| &walk.scores, count)
}

/// Like what people with a similar taste like; scored by the best of the request's people, in `[0, 1]`.
pub(super) fn projected(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    best_of_walks(scope, |walk| &walk.projected, count)
}

fn best_of_walks(scope: &Scope<'_>, scores: fn(&Walk) -> &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut all: Vec<f32> = Vec::new();
    for scores in scope.walks.iter().flatten().map(scores) {
        all.resize(all.len().max(scores.len()), 0.0);
        for (best, score) in all.iter_mut().zip(scores) {
            *best = best.max(*score);
        }
    }
    let allowed = (0..).zip(all).zip(scope.allowed).filter(|((_, score), allowed)| **allowed && *score > 0.0);
    scope.best(allowed.map(|(scored, _)| scored), count)
}

/// Liked by many, lately above all; scored by how many like it and what is left of their liking.
pub(super) fn popular(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let (household, now) = (scope.household, scope.now.unix_ms());
    let mut best = Best::new(count);
    for slot in scope.slots() {
        // Few can be popular enough, so it is seldom worked out what is left of their liking.
        if household.popularity_at_most(slot) < best.floor() {
            continue;
        }
        let liking = household.popularity(slot, now, scope.settings);
        if liking > 0.0 {
            best.offer(slot, liking, || scope.scatter(slot));
        }
    }
    best.into_sorted()
}
