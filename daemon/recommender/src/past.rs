//! Tuning on a house's own past: the last of what each person came to like is held out, to be found by
//! what was known without it.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Event, EventType};
use crate::id::{ItemId, UserId};
use crate::recommender::{Input, Recommender};
use crate::time::Timestamp;
use crate::tuning::Tuning;

/// The share of a person's liked items that is held out, the last ones.
const HELD_OUT_SHARE: f64 = 0.2;

/// Liked items that a person must have before any is held out.
const LIKED_MIN: usize = 5;

/// Held-out items below which nothing is tuned: of fewer, chance would choose.
const HELD_OUT_MIN: usize = 20;

/// A tuning, and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct TunedOnPast {
    /// What was found.
    pub tuning: Tuning,
    /// People of whom something was held out.
    pub people: usize,
    /// Items that were held out, counted once for each person.
    pub held_out: usize,
}

impl Recommender {
    /// The tuning by which each person's latest new likes would have stood highest, by all events but
    /// those. `self` knows the items and none of the events, which are in the order of the log. `None`
    /// where too little was liked to tell. Takes seconds in a large house.
    #[must_use]
    pub fn tune_on_past(mut self, events: Vec<Event>, now: Timestamp) -> Option<TunedOnPast> {
        let held_out = held_out(&events);
        let count = held_out.values().map(BTreeSet::len).sum();
        if count < HELD_OUT_MIN {
            return None;
        }
        let is_held =
            |event: &Event| held_out.get(&event.user).is_some_and(|held| held.contains(&event.item));
        for event in events {
            if !is_held(&event) {
                self.apply(Input::Event(event), now);
            }
        }
        let held: Vec<(UserId, Vec<ItemId>)> =
            held_out.into_iter().map(|(user, items)| (user, items.into_iter().collect())).collect();
        let tuning = self.tune(&held, &[], now);
        Some(TunedOnPast { tuning, people: held.len(), held_out: count })
    }
}

/// By person: the last of the items that they came to like, by when they first did.
fn held_out(events: &[Event]) -> BTreeMap<UserId, BTreeSet<ItemId>> {
    let mut liked: BTreeMap<&UserId, Vec<(&ItemId, Vec<bool>)>> = BTreeMap::new();
    for event in events {
        let items = liked.entry(&event.user).or_default();
        let known = items.iter().position(|(item, _)| *item == &event.item);
        if event.event_type == EventType::Undo {
            if let Some(known) = known {
                items[known].1.pop();
            }
            continue;
        }
        let strength = event.strength();
        if strength == 0.0 {
            continue;
        }
        match known {
            Some(known) => items[known].1.push(strength > 0.0),
            None => items.push((&event.item, vec![strength > 0.0])),
        }
    }
    let last = |(user, mut items): (&UserId, Vec<(&ItemId, Vec<bool>)>)| {
        // What was disliked later is nothing to be found.
        items.retain(|(_, said)| said.last() == Some(&true));
        let count = (items.len() as f64 * HELD_OUT_SHARE) as usize;
        if items.len() < LIKED_MIN || count == 0 {
            return None;
        }
        let last = items.split_off(items.len() - count);
        Some((user.clone(), last.into_iter().map(|(item, _)| item.clone()).collect()))
    };
    liked.into_iter().filter_map(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;

    fn event(user: &str, item: &str, event_type: EventType) -> Event {
        Event {
            user: UserId::parse(user).expect("an id"),
            item: ItemId::parse(item).expect("an id"),
            event_type,
            value: None,
            at: Timestamp::from_unix_ms(0),
            context: Context::new(),
            comment: None,
        }
    }

    #[test]
    fn the_last_new_likes_are_held_out_and_nothing_that_was_taken_back() {
        let mut events: Vec<Event> =
            (0..10).map(|n| event("anna", &format!("i{n}"), EventType::Complete)).collect();
        // Liked again: it was new long ago. Disliked, or undone: nothing to be found.
        events.push(event("anna", "i0", EventType::Like));
        events.push(event("anna", "i9", EventType::Dislike));
        events.push(event("anna", "i8", EventType::Undo));
        events.extend((0..4).map(|n| event("ben", &format!("i{n}"), EventType::Complete)));
        let held: Vec<(UserId, BTreeSet<ItemId>)> = held_out(&events).into_iter().collect();
        let expected = BTreeSet::from([ItemId::parse("i7").expect("an id")]);
        assert_eq!(held, [(UserId::parse("anna").expect("an id"), expected)]);
    }
}
