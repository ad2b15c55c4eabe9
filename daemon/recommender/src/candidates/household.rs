//! Candidates that others in the house like.

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
    let scored = (0_u32..).zip(scores).filter(|(slot, score)| *score > 0.0 && scope.allows(*slot)).collect();
    scope.best(scored, count)
}

/// Liked by many, lately; scored by the sum of people's fading liking.
pub(super) fn popular(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let now = scope.now.unix_ms();
    let scored = (0..scope.catalogue.slots_len() as u32)
        .filter(|slot| scope.allows(*slot))
        .map(|slot| (slot, scope.household.popularity(slot, now, scope.settings)))
        .filter(|(_, liking)| *liking > 0.0)
        .collect();
    scope.best(scored, count)
}
