//! Where candidates come from: named sources, each usable alone, merged by named quotas.
//!
//! A source answers with slots and its own score, best first, and only with items that the request
//! allows. Its score orders its own candidates; ranking is done afterwards, by the features.

mod arrivals;
mod household;
mod nearest;
mod query;

use std::collections::BTreeMap;

use crate::catalogue::Catalogue;
use crate::household::Household;
use crate::search::PreparedQuery;
use crate::settings::Settings;
use crate::time::Timestamp;
use crate::vector::Best;
use crate::viewpoint::Viewpoint;

/// A source of candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Matches what was asked for.
    Query,
    /// Nearest to each of a person's interests.
    Interests,
    /// Nearest to what was liked last.
    ItemToItem,
    /// Liked by people with a similar taste.
    LikedBySimilar,
    /// Like what people with a similar taste like, and liked by few themselves.
    Projected,
    /// Liked by many in the house, lately above all.
    Popular,
    /// New.
    Fresh,
    /// Something of every kind, for when nothing is known.
    ColdStart,
}

impl Source {
    /// Every source, in the order in which their candidates are merged.
    pub const ALL: [Source; 8] = [
        Source::Query,
        Source::Interests,
        Source::ItemToItem,
        Source::LikedBySimilar,
        Source::Projected,
        Source::Popular,
        Source::Fresh,
        Source::ColdStart,
    ];

    /// The name used in settings and measurements.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Source::Query => "query",
            Source::Interests => "interests",
            Source::ItemToItem => "item_to_item",
            Source::LikedBySimilar => "liked_by_similar",
            Source::Projected => "projected",
            Source::Popular => "popular",
            Source::Fresh => "fresh",
            Source::ColdStart => "cold_start",
        }
    }

    /// The share of the shortlist it may fill, relative to the others that have something to offer.
    #[must_use]
    pub const fn quota(self) -> f32 {
        match self {
            Source::Query => 6.0,
            Source::Interests => 3.0,
            Source::ItemToItem | Source::Projected | Source::Popular | Source::Fresh | Source::ColdStart => {
                1.0
            }
            Source::LikedBySimilar => 2.0,
        }
    }
}

/// How strongly people with a similar taste like each item.
pub(crate) struct Walk {
    /// By slot, in `[0, 1]`.
    pub scores: Vec<f32>,
    /// By slot, of items that few liked: how much their content is like what these people like, in
    /// `[0, 1]`.
    pub projected: Vec<f32>,
}

impl Walk {
    /// How strongly they like the item of a slot.
    pub(crate) fn score(&self, slot: u32) -> f32 {
        self.scores.get(slot as usize).copied().unwrap_or(0.0)
    }

    /// How much an item is like what they like.
    pub(crate) fn projected(&self, slot: u32) -> f32 {
        self.projected.get(slot as usize).copied().unwrap_or(0.0)
    }
}

/// What sources may look at for one request.
pub(crate) struct Scope<'a> {
    pub catalogue: &'a Catalogue,
    pub household: &'a Household,
    pub settings: &'a Settings,
    /// One for each person of the request; one for nobody if there is none.
    pub viewpoints: &'a [Viewpoint<'a>],
    /// One for each person of the request; `None` if no taste is akin.
    pub walks: &'a [Option<Walk>],
    pub query: Option<&'a PreparedQuery>,
    /// How much all people like what they like most.
    pub popularity_max: f32,
    /// By slot: whether the item may be in the list.
    pub allowed: &'a [bool],
    /// Whether items might have been in the list, and none of them matches the query.
    pub unmatched: bool,
    pub now: Timestamp,
}

impl Scope<'_> {
    /// The slots of all items that may be in the list.
    fn slots(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        (0..self.allowed.len() as u32).filter(|slot| self.allowed[*slot as usize])
    }

    /// The best `count` of `scored`. Ties go by a hash of the id: not the first letters of the
    /// alphabet are candidates, and the same ones everywhere.
    fn best(&self, scored: impl Iterator<Item = (u32, f32)>, count: usize) -> Vec<(u32, f32)> {
        let mut best = Best::new(count);
        for (slot, score) in scored {
            best.offer(slot, score, || self.scatter(slot));
        }
        best.into_sorted()
    }

    fn scatter(&self, slot: u32) -> u64 {
        self.catalogue.facts().get(slot as usize).map_or(0, |facts| facts.scatter)
    }
}

/// The candidates of one source, best first, at most `count`.
pub(crate) fn from_source(source: Source, scope: &Scope<'_>, count: usize) -> Vec<(u32, f32)> {
    match source {
        Source::Query => query::query(scope, count),
        Source::Interests => nearest::interests(scope, count),
        Source::ItemToItem => nearest::item_to_item(scope, count),
        Source::LikedBySimilar => household::liked_by_similar(scope, count),
        Source::Projected => household::projected(scope, count),
        Source::Popular => household::popular(scope, count),
        Source::Fresh => arrivals::fresh(scope, count),
        Source::ColdStart => arrivals::cold_start(scope, count),
    }
}

/// The merged candidates, each slot once, at most `candidates_max`. If no more items than that are
/// allowed, all of them are candidates.
pub(crate) fn merged(scope: &Scope<'_>) -> Vec<u32> {
    let max = scope.settings.candidates_max;
    let all: Vec<u32> = scope.slots().collect();
    if all.len() <= max {
        return all;
    }
    let [mut interests, mut item_to_item] = nearest::both(scope, max);
    let lists: Vec<(Source, Vec<u32>)> = Source::ALL
        .into_iter()
        .map(|source| {
            let list = match source {
                Source::Interests => std::mem::take(&mut interests),
                Source::ItemToItem => std::mem::take(&mut item_to_item),
                Source::Query
                | Source::LikedBySimilar
                | Source::Projected
                | Source::Popular
                | Source::Fresh
                | Source::ColdStart => from_source(source, scope, max),
            };
            (source, list.into_iter().map(|(slot, _)| slot).collect())
        })
        .collect();
    fill(&lists, &scope.settings.quotas, max)
}

/// Fills `max` places: first each source its share, in the order of the sources, then one by one
/// from each in turn, until the places or the lists are used up.
fn fill(lists: &[(Source, Vec<u32>)], quotas: &BTreeMap<Source, f32>, max: usize) -> Vec<u32> {
    let quota = |source: &Source| quotas.get(source).copied().unwrap_or(0.0).max(0.0);
    let total: f32 = lists.iter().filter(|(_, list)| !list.is_empty()).map(|(source, _)| quota(source)).sum();
    let mut taken = Vec::with_capacity(max);
    let mut known = std::collections::HashSet::new();
    let mut next: Vec<usize> = vec![0; lists.len()];
    if total > 0.0 {
        for (index, (source, list)) in lists.iter().enumerate() {
            let share = (quota(source) / total * max as f32) as usize;
            let mut own = 0;
            while own < share && taken.len() < max {
                let Some(slot) = list.get(next[index]) else { break };
                next[index] += 1;
                if known.insert(*slot) {
                    taken.push(*slot);
                    own += 1;
                }
            }
        }
    }
    loop {
        let mut exhausted = true;
        for (index, (source, list)) in lists.iter().enumerate() {
            if taken.len() >= max {
                return taken;
            }
            if quota(source) <= 0.0 {
                continue;
            }
            let Some(slot) = list.get(next[index]) else { continue };
            exhausted = false;
            next[index] += 1;
            if known.insert(*slot) {
                taken.push(*slot);
            }
        }
        if exhausted {
            return taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_kept_and_the_rest_is_filled_in_turn() {
        let lists = vec![
            (Source::Interests, (0..100).collect()),
            (Source::Popular, vec![200, 201]),
            (Source::Fresh, (50..150).collect()),
        ];
        let taken = fill(&lists, &Settings::default().quotas, 10);
        // Shares of 10 by 3 : 1 : 1 are 6, 2 and 2.
        assert_eq!(taken, [0, 1, 2, 3, 4, 5, 200, 201, 50, 51]);
        let all = fill(&lists, &Settings::default().quotas, 1_000);
        assert_eq!(all.len(), 152);
    }

    #[test]
    fn a_source_without_quota_gives_nothing() {
        let lists = vec![(Source::Interests, vec![1, 2]), (Source::Popular, vec![3])];
        assert_eq!(fill(&lists, &[(Source::Popular, 1.0)].into(), 10), [3]);
    }
}
