//! Candidates for which nobody's taste is needed: new ones, and some of every kind.

use std::collections::BTreeMap;

use crate::viewpoint::freshness;

use super::Scope;

/// New items, newest first; scored by freshness.
pub(super) fn fresh(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    scope.best(freshnesses(scope).filter(|(_, freshness)| *freshness > 0.0), count)
}

/// Items of every kind in turn, within a kind the newest first. Scored by the inverse of the place.
pub(super) fn cold_start(scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    let facts = scope.catalogue.facts();
    let mut by_kind: BTreeMap<u32, Vec<(u32, f32)>> = BTreeMap::new();
    for (slot, freshness) in freshnesses(scope) {
        by_kind.entry(facts[slot as usize].kind).or_default().push((slot, freshness));
    }
    // Kinds in the order of their names: their numbers depend on which item came first.
    let mut kinds: Vec<(&str, Vec<(u32, f32)>)> = by_kind
        .into_values()
        .filter_map(|list| {
            let first = scope.catalogue.entry(list.first()?.0)?;
            Some((first.item.kind.as_str(), scope.best(list.into_iter(), count)))
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

fn freshnesses<'a>(scope: &'a Scope<'_>) -> impl Iterator<Item = (u32, f32)> + 'a {
    let facts = scope.catalogue.facts();
    scope.slots().map(move |slot| (slot, freshness(&facts[slot as usize], scope.now, scope.settings)))
}
