//! Candidates near to what a person likes.

use crate::vector::dot;

use super::Scope;

/// How many of the latest liked items are followed.
const LATEST_MAX: usize = 3;

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
    anchors.retain(|anchor| known.insert(*anchor));
    if anchors.is_empty() {
        return Vec::new();
    }
    let each = count.div_ceil(anchors.len()).max(1);
    let lists: Vec<Vec<(u32, f32)>> =
        scan(scope, &anchors).into_iter().map(|scored| scope.best(scored, each)).collect();
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

/// The cosines of all allowed items to each anchor, those above 0, in one pass over the rows.
fn scan(scope: &Scope<'_>, anchors: &[u32]) -> Vec<Vec<(u32, f32)>> {
    let catalogue = scope.catalogue;
    let vectors: Vec<Option<&[f32]>> = anchors.iter().map(|anchor| catalogue.vector(*anchor)).collect();
    let mut found: Vec<Vec<(u32, f32)>> = vec![Vec::new(); anchors.len()];
    for slot in (0..catalogue.slots_len() as u32).filter(|slot| scope.allows(*slot)) {
        let row = catalogue.vector(slot);
        for (anchor, vector) in vectors.iter().enumerate() {
            let cosine = match (vector, row) {
                (Some(vector), Some(row)) => dot(vector, row),
                _ => catalogue.cosine(anchors[anchor], slot).unwrap_or(0.0),
            };
            if cosine > 0.0 {
                found[anchor].push((slot, cosine));
            }
        }
    }
    found
}
