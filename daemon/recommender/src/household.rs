//! What follows from all people's tastes together: popularity, and whose tastes are akin.
//!
//! Derived from the people's own states, so forgetting a person or undoing an event leaves no
//! trace here. Only liking counts: nobody's "not this" changes another person's list.

use std::collections::BTreeMap;

use crate::catalogue::Catalogue;
use crate::feature::Feature;
use crate::id::{ItemId, UserId};
use crate::settings::Settings;
use crate::state::{Fading, Tally, UserState};

/// Liking from which on an item counts as liked by a person.
const LIKED_MIN: f32 = 0.3;

/// The most one person adds to an item's popularity, so that one who replays a song all day does
/// not make it popular.
const POPULARITY_PER_USER_MAX: f32 = 2.0;

/// One person: what is stored, and what follows from it.
#[derive(Debug, Default)]
pub(crate) struct Person {
    pub state: UserState,
    /// Slots of the liked items, sorted.
    pub likes: Vec<u32>,
}

/// Everybody in the house.
#[derive(Debug, Default)]
pub(crate) struct Household {
    pub people: BTreeMap<UserId, Person>,
    /// When each item was first seen, in milliseconds since the Unix epoch.
    pub added: BTreeMap<ItemId, i64>,
    /// Liking by all people, by slot.
    popularity: Vec<Fading>,
    /// People who like the item, by slot.
    likers: Vec<u32>,
}

/// How much one person adds to an item's popularity, as of when they last liked it.
fn share(tally: &Tally) -> Fading {
    let liked = tally.leaning.liked;
    Fading { value: liked.value.min(POPULARITY_PER_USER_MAX), at: liked.at }
}

impl Household {
    /// Works out again what concerns one slot, after an item or a person's tally changed.
    pub(crate) fn refresh_slot(&mut self, slot: u32, item: Option<&ItemId>, settings: &Settings) {
        let index = slot as usize;
        if self.popularity.len() <= index {
            self.popularity.resize(index + 1, Fading::default());
            self.likers.resize(index + 1, 0);
        }
        let mut popularity = Fading::default();
        let mut likers = 0;
        for person in self.people.values_mut() {
            let tally = item.and_then(|item| person.state.taste.items.get(item));
            let likes = tally.is_some_and(|tally| tally.leaning.liked.value >= LIKED_MIN);
            match (person.likes.binary_search(&slot), likes) {
                (Ok(_), true) | (Err(_), false) => {}
                (Ok(at), false) => {
                    person.likes.remove(at);
                }
                (Err(at), true) => person.likes.insert(at, slot),
            }
            likers += u32::from(likes);
            if let Some(share) = tally.map(share).filter(|share| share.value > 0.0) {
                popularity.add(share.value, share.at, settings.popularity_half_life_days, f64::INFINITY);
            }
        }
        self.popularity[index] = popularity;
        self.likers[index] = likers;
    }

    /// Works out again what concerns the items of a person's taste, before and after it changed.
    pub(crate) fn refresh_items<'a>(
        &mut self,
        items: impl IntoIterator<Item = &'a ItemId>,
        catalogue: &Catalogue,
        settings: &Settings,
    ) {
        for item in items {
            if let Some(slot) = catalogue.slot(item) {
                self.refresh_slot(slot, Some(item), settings);
            }
        }
    }

    /// How much all people like the item of a slot now, at least 0.
    pub(crate) fn popularity(&self, slot: u32, now: i64, settings: &Settings) -> f32 {
        let sum = self.popularity.get(slot as usize).copied().unwrap_or_default();
        if sum.value == 0.0 {
            return 0.0;
        }
        sum.left(now, settings.popularity_half_life_days)
    }

    /// The same without the person whose tally of the item is given.
    pub(crate) fn popularity_with_others(
        &self,
        slot: u32,
        own: Option<&Tally>,
        now: i64,
        settings: &Settings,
    ) -> f32 {
        let all = self.popularity(slot, now, settings);
        let Some(own) = own.map(share).filter(|own| own.value > 0.0) else { return all };
        let others = all - own.left(now, settings.popularity_half_life_days);
        // What rounding leaves of one's own share is nobody's liking.
        if others < 1e-4 { 0.0 } else { others }
    }

    /// How strongly people with a taste like `user`'s like each item: one step of a walk from the
    /// person's items to the people who like them, and on to what these like.
    ///
    /// `s(i) = sum over people v who like i of d_v^-0.5 · sum over j liked by both of c_j^-0.3`, with
    /// the degrees d (items a person likes) and c (people who like an item). Returns the scores by
    /// slot and how much evidence there is, both at least 0; `None` if nobody shares a liking.
    pub(crate) fn walk(&self, user: &UserId) -> Option<(Vec<f32>, f32)> {
        const PERSON_POWER: f32 = -0.5;
        const ITEM_POWER: f32 = -0.3;
        let mine = &self.people.get(user)?.likes;
        if mine.is_empty() || self.people.len() < 2 {
            return None;
        }
        let mut scores = Vec::new();
        let mut evidence = 0.0;
        for (other, person) in &self.people {
            if other == user {
                continue;
            }
            let mut shared = 0.0;
            for_each_common(mine, &person.likes, |slot| {
                shared += (self.likers[slot as usize].max(1) as f32).powf(ITEM_POWER);
            });
            if shared == 0.0 {
                continue;
            }
            let kinship = shared * (person.likes.len() as f32).powf(PERSON_POWER);
            evidence += kinship;
            scores.resize(self.likers.len(), 0.0);
            for slot in &person.likes {
                scores[*slot as usize] += kinship;
            }
        }
        (evidence > 0.0).then_some((scores, evidence))
    }

    /// How far the choices of all people have moved a feature's weight: the mean over the people,
    /// each counting by their lessons, shrunk towards 0 while there are few.
    pub(crate) fn shared_weight(&self, feature: Feature, settings: &Settings) -> f32 {
        let (mut sum, mut lessons) = (0.0_f32, settings.household_lessons);
        for person in self.people.values() {
            let taste = &person.state.taste;
            if let Some(weight) = taste.weights.get(feature.name()) {
                // Negative events are no lessons for the house, so they must not count here either.
                let count = weight.shared_lessons as f32;
                sum += count * weight.shared;
                lessons += count;
            }
        }
        if lessons > 0.0 { sum / lessons } else { 0.0 }
    }
}

fn for_each_common(a: &[u32], b: &[u32], mut with: impl FnMut(u32)) {
    let (mut i, mut j) = (0, 0);
    while let (Some(left), Some(right)) = (a.get(i), b.get(j)) {
        match left.cmp(right) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                with(*left);
                i += 1;
                j += 1;
            }
        }
    }
}
