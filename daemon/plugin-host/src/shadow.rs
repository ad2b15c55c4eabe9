//! Plugins in shadow: they run on every request as the others do, after it was answered, and nothing of
//! what they say is applied. What it would have changed is counted.

use std::collections::VecDeque;

use attuned_recommender::Timestamp;

use crate::bounds::Change;
use crate::chain::Chain;
use crate::limits::SHADOW_EXAMPLES;

/// What a plugin in shadow would have changed since it was loaded. Lists are compared as the rules leave
/// them, before the final order makes them different and balanced.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShadowReport {
    /// Requests on which it gave a ruling.
    pub requests: u64,
    /// Requests on which it was not asked, as others waited already or the time of all was over.
    pub skipped: u64,
    /// Lists that would have had other items, or the same in another order.
    pub changed_lists: u64,
    /// Items of those lists that would have stood at another place.
    pub moved_items: u64,
    /// By how many places, all together.
    pub moved_places: u64,
    /// Items of those lists that would have been taken off.
    pub excluded_items: u64,
    /// The newest changes, oldest first; at most [`SHADOW_EXAMPLES`].
    pub examples: VecDeque<ShadowExample>,
}

/// One item of a list that would have been another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowExample {
    /// When the request came in.
    pub at: Timestamp,
    /// The item.
    pub item: String,
    /// Its place, from 1.
    pub from: usize,
    /// The place that it would have had, from 1; `None` if it would have been taken off.
    pub to: Option<usize>,
}

impl ShadowReport {
    /// By how many places an item that moves would have moved, in the mean; 0 if none would have.
    #[must_use]
    pub fn mean_places(&self) -> f64 {
        if self.moved_items == 0 { 0.0 } else { self.moved_places as f64 / self.moved_items as f64 }
    }

    /// Counts what `changes` would have made of the list of `slate` items that `chain` leaves. `name`
    /// tells the item at a position.
    pub(crate) fn count(
        &mut self,
        chain: &Chain,
        changes: &[Change],
        slate: usize,
        now: Timestamp,
        name: impl Fn(usize) -> String,
    ) {
        self.requests += 1;
        let mut other = chain.clone();
        other.apply(changes);
        let (before, after) = (chain.order(), other.order());
        let shown = |order: &[usize]| order[..slate.min(order.len())].to_vec();
        if shown(&before) == shown(&after) {
            return;
        }
        self.changed_lists += 1;
        let mut places = vec![None; chain.scores.len()];
        for (place, position) in after.iter().enumerate() {
            places[*position] = Some(place);
        }
        for (place, position) in before.iter().enumerate().take(slate) {
            let to = places[*position];
            if to == Some(place) {
                continue;
            }
            match to {
                Some(to) => {
                    self.moved_items += 1;
                    self.moved_places += to.abs_diff(place) as u64;
                }
                None => self.excluded_items += 1,
            }
            if self.examples.len() == SHADOW_EXAMPLES {
                self.examples.pop_front();
            }
            self.examples.push_back(ShadowExample {
                at: now,
                item: name(*position),
                from: place + 1,
                to: to.map(|to| to + 1),
            });
        }
    }
}

impl Chain {
    /// The positions that stay, best first, as the rules leave them.
    fn order(&self) -> Vec<usize> {
        let mut pins: Vec<(usize, usize)> = self.pins.clone();
        // The same order for the same pins, whoever asked for them first.
        pins.sort_unstable();
        let is_pinned = |position: &usize| pins.iter().any(|(_, pinned)| pinned == position);
        let stays = |position: &usize| !self.excluded[*position];
        let mut order: Vec<usize> =
            (0..self.scores.len()).filter(|position| stays(position) && !is_pinned(position)).collect();
        order.sort_by(|a, b| self.scores[*b].total_cmp(&self.scores[*a]));
        for (slot, position) in pins.iter().filter(|(_, position)| stays(position)) {
            order.insert((*slot).min(order.len()), *position);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use attuned_recommender::ruling::Effect;

    use super::*;

    /// Five candidates that score 0, -1, -2 …, of which the first is off already, and three are shown:
    /// what these changes would have made of that.
    fn check(changes: &[(usize, Effect)], expected: &str) {
        let scores = (0..5).map(|n| 0.0 - n as f32).collect();
        let chain = Chain { scores, excluded: vec![true, false, false, false, false], pins: Vec::new() };
        let changes: Vec<Change> = changes
            .iter()
            .map(|(position, effect)| Change { position: *position, effect: *effect, reason: None })
            .collect();
        let mut report = ShadowReport::default();
        report.count(&chain, &changes, 3, Timestamp::from_unix_ms(0), |position| position.to_string());
        let example = |example: &ShadowExample| {
            let to = example.to.map_or("off".to_owned(), |to| to.to_string());
            format!("{}: {} to {to}", example.item, example.from)
        };
        let examples: Vec<String> = report.examples.iter().map(example).collect();
        let ShadowReport { requests, changed_lists, moved_items, moved_places, excluded_items, .. } = report;
        assert_eq!(requests, 1);
        assert_eq!(
            format!(
                "{changed_lists} changed, {moved_items} by {moved_places}, {excluded_items} off; {}",
                examples.join(", ")
            ),
            expected
        );
    }

    #[test]
    fn only_what_is_shown_counts() {
        check(&[], "0 changed, 0 by 0, 0 off; ");
        check(&[(4, Effect::Add(0.5)), (0, Effect::Exclude)], "0 changed, 0 by 0, 0 off; ");
        check(&[(3, Effect::Add(5.0))], "1 changed, 3 by 4, 0 off; 1: 1 to 2, 2: 2 to 3, 3: 3 to 1");
        check(&[(1, Effect::Exclude)], "1 changed, 2 by 2, 1 off; 1: 1 to off, 2: 2 to 1, 3: 3 to 2");
        check(&[(4, Effect::Pin(1))], "1 changed, 2 by 2, 0 off; 2: 2 to 3, 3: 3 to 4");
    }

    #[test]
    fn only_the_newest_examples_are_kept() {
        let chain = Chain { scores: vec![0.0, -1.0], excluded: vec![false; 2], pins: Vec::new() };
        let change = Change { position: 0, effect: Effect::Exclude, reason: None };
        let mut report = ShadowReport::default();
        for at in 0..100 {
            report.count(&chain, &[change], 1, Timestamp::from_unix_ms(at), |position| position.to_string());
        }
        assert_eq!((report.requests, report.excluded_items), (100, 100));
        assert_eq!(report.examples.len(), SHADOW_EXAMPLES);
        assert_eq!(report.examples[0].at, Timestamp::from_unix_ms(100 - SHADOW_EXAMPLES as i64));
    }
}
