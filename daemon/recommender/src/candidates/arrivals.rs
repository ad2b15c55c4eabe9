//! Candidates for which nobody's taste is needed: new ones, and some of every kind.

use std::collections::BTreeMap;

use crate::random::hash;
use crate::vector::keep_best;
use crate::viewpoint::freshness;

use super::Scope;

fn freshnesses(scope: &Scope<'_>) -> Vec<(u32, f32)> {
    scope
        .catalogue
        .iter()
        .filter(|(slot, _)| scope.allows(*slot))
        .map(|(slot, entry)| {
            let added = scope.household.added.get(&entry.item.id).copied();
            (slot, freshness(entry, added, scope.now, scope.settings))
        })
        .collect()
}

/// New items, newest first; scored by freshness.
pub(super) fn fresh(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let mut scored = freshnesses(scope);
    scored.retain(|(_, freshness)| *freshness > 0.0);
    scope.best(scored, count)
}

/// Items of every kind in turn, within a kind the newest first and equally new ones scattered, so
/// that not the first letters of the alphabet are shown. Scored by the inverse of the place.
pub(super) fn cold_start(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let mut kinds: BTreeMap<&str, Vec<(u32, f32)>> = BTreeMap::new();
    for (slot, freshness) in freshnesses(scope) {
        if let Some(entry) = scope.catalogue.entry(slot) {
            kinds.entry(entry.item.kind.as_str()).or_default().push((slot, freshness));
        }
    }
    let scatter =
        |slot: u32| scope.catalogue.entry(slot).map(|entry| (hash(entry.item.id.as_str()), &entry.item.id));
    for list in kinds.values_mut() {
        keep_best(list, count, |s| s.1, |a, b| scatter(a.0).cmp(&scatter(b.0)));
    }
    let longest = kinds.values().map(Vec::len).max().unwrap_or(0);
    (0..longest)
        .flat_map(|place| kinds.values().filter_map(move |list| list.get(place)))
        .take(count)
        .enumerate()
        .map(|(place, (slot, _))| (*slot, 1.0 / (place + 1) as f32))
        .collect()
}
