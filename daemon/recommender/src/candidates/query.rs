//! Candidates that match what was asked for.

use super::Scope;

/// Matches of the query's words, picture, sound or item; scored in `[0, 1]`.
pub(super) fn query(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let Some(query) = scope.query else { return Vec::new() };
    let scored = scope
        .slots()
        .map(|slot| {
            let fit = query.fit(slot);
            (slot, fit.asked.max(fit.like))
        })
        .filter(|(_, score)| *score > 0.0);
    scope.best(scored, count)
}
