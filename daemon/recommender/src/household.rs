//! What follows from all people's tastes together: popularity, and whose tastes are akin.
//!
//! Derived from the people's own states, so forgetting a person or undoing an event leaves no
//! trace here. For lists only liking counts: nobody's "not this" changes another person's. What is
//! expected of an item beside its place counts every judgement.

use std::collections::BTreeMap;

use crate::catalogue::Catalogue;
use crate::collaborative::Collaborative;
use crate::expectation::Heads;
use crate::feature::Feature;
use crate::id::{ItemId, UserId};
use crate::projection::Projection;
use crate::settings::Settings;
use crate::state::{Fading, Tally, UserState};

/// Liking from which on an item counts as liked by a person.
const LIKED_MIN: f32 = 0.3;

/// The most one person adds to an item's popularity, so that one who replays a song all day does
/// not make it popular.
const POPULARITY_PER_USER_MAX: f32 = 2.0;

/// One person: what is stored, and their number in what is derived.
#[derive(Debug, Default)]
pub(crate) struct Person {
    pub state: UserState,
    pub number: u32,
}

/// Everybody in the house.
#[derive(Debug, Default)]
pub(crate) struct Household {
    people: BTreeMap<UserId, Person>,
    /// When each item was first seen, in milliseconds since the Unix epoch.
    pub added: BTreeMap<ItemId, i64>,
    /// Who liked what, in which order.
    pub collaborative: Collaborative,
    /// The same by a shadow's tuning, where one is compared.
    pub shadow: Option<Collaborative>,
    /// What the items that were liked are.
    pub projection: Projection,
    /// What was judged, by every measure.
    pub heads: Heads,
    /// Numbers of people who left, to be used again.
    free: Vec<u32>,
    /// How much each person likes the item, by slot, with the person's number.
    shares: Vec<Vec<(u32, Fading)>>,
    /// Liking by all people, by slot.
    popularity: Vec<Fading>,
}

/// How much one person adds to an item's popularity, as of when they last liked it.
fn share(tally: &Tally) -> Fading {
    let liked = tally.leaning.liked;
    Fading { value: liked.value.min(POPULARITY_PER_USER_MAX), at: liked.at }
}

fn likes(tally: &Tally) -> bool {
    tally.leaning.liked.value >= LIKED_MIN
}

impl Household {
    pub(crate) fn people(&self) -> &BTreeMap<UserId, Person> {
        &self.people
    }

    pub(crate) fn person(&self, user: &UserId) -> Option<&Person> {
        self.people.get(user)
    }

    /// A person's state, to be changed; what follows from it is worked out by the `refresh` calls.
    pub(crate) fn state_mut(&mut self, user: &UserId) -> Option<&mut UserState> {
        Some(&mut self.people.get_mut(user)?.state)
    }

    pub(crate) fn states_mut(&mut self) -> impl Iterator<Item = &mut UserState> {
        self.people.values_mut().map(|person| &mut person.state)
    }

    /// The person, new with `state` unless known.
    pub(crate) fn enter(&mut self, user: UserId, state: UserState) -> &mut Person {
        let (free, numbers) = (&mut self.free, self.people.len() as u32);
        self.people.entry(user).or_insert_with(|| {
            let number = free.pop().unwrap_or(numbers);
            Person { state, number }
        })
    }

    /// A person leaves, with everything that follows from them.
    pub(crate) fn leave(&mut self, user: &UserId, catalogue: &Catalogue, settings: &Settings) {
        let Some(person) = self.people.remove(user) else { return };
        self.set_history(person.number, Vec::new(), catalogue);
        self.heads.clear_person(person.number);
        for item in person.state.taste.items.keys() {
            if let Some(slot) = catalogue.slot(item) {
                self.set_share(slot, person.number, None, settings);
            }
        }
        self.free.push(person.number);
    }

    /// An item left its slot.
    pub(crate) fn clear_slot(&mut self, slot: u32) {
        for person in self.collaborative.likers_of(slot).to_vec() {
            self.each_collaborative(|collaborative| collaborative.unlike(person, slot));
        }
        self.projection.set(slot, None);
        self.heads.clear_slot(slot);
        if let Some(shares) = self.shares.get_mut(slot as usize) {
            shares.clear();
            self.popularity[slot as usize] = Fading::default();
        }
    }

    /// An item of which people may know something came into a slot.
    pub(crate) fn fill_slot(&mut self, item: &ItemId, catalogue: &Catalogue, settings: &Settings) {
        let known: Vec<UserId> = self
            .people
            .iter()
            .filter(|(_, person)| person.state.taste.items.contains_key(item))
            .map(|(user, _)| user.clone())
            .collect();
        for user in known {
            self.refresh_person(&user, &[], catalogue, settings);
        }
    }

    /// Works out again what follows from what one person did with one item just now.
    pub(crate) fn refresh_item(
        &mut self,
        user: &UserId,
        item: &ItemId,
        catalogue: &Catalogue,
        settings: &Settings,
    ) {
        let (Some(slot), Some(person)) = (catalogue.slot(item), self.people.get(user)) else { return };
        let number = person.number;
        let taste = &person.state.taste;
        let tally = taste.items.get(item);
        let share = tally.map(share);
        self.heads.set(number, slot, tally);
        match tally.filter(|tally| likes(tally)) {
            Some(tally) if tally.liked_turn == taste.events => {
                self.each_collaborative(|collaborative| collaborative.like(number, slot));
            }
            Some(_) => {}
            None => self.each_collaborative(|collaborative| collaborative.unlike(number, slot)),
        }
        self.count(slot, catalogue);
        self.set_share(slot, number, share, settings);
    }

    /// Works out again what follows from all that a person did; `gone` names items that were in their
    /// taste before.
    pub(crate) fn refresh_person(
        &mut self,
        user: &UserId,
        gone: &[ItemId],
        catalogue: &Catalogue,
        settings: &Settings,
    ) {
        let Some(person) = self.people.get(user) else { return };
        let number = person.number;
        let known = person.state.taste.items.iter();
        let known: Vec<(u32, &Tally)> =
            known.filter_map(|(item, tally)| Some((catalogue.slot(item)?, tally))).collect();
        let mut history: Vec<(u64, u32)> =
            known.iter().filter(|(_, t)| likes(t)).map(|(slot, t)| (t.liked_turn, *slot)).collect();
        history.sort_unstable();
        self.heads.clear_person(number);
        known.iter().for_each(|(slot, tally)| self.heads.set(number, *slot, Some(tally)));
        let shares: Vec<(u32, Fading)> = known.iter().map(|(slot, tally)| (*slot, share(tally))).collect();
        self.set_history(number, history.into_iter().map(|(_, slot)| slot).collect(), catalogue);
        for slot in gone.iter().filter_map(|item| catalogue.slot(item)) {
            self.set_share(slot, number, None, settings);
        }
        for (slot, share) in shares {
            self.set_share(slot, number, Some(share), settings);
        }
    }

    /// Does the same with what is in use and with the shadow's.
    fn each_collaborative(&mut self, change: impl Fn(&mut Collaborative)) {
        change(&mut self.collaborative);
        self.shadow.iter_mut().for_each(change);
    }

    fn set_history(&mut self, number: u32, history: Vec<u32>, catalogue: &Catalogue) {
        let touched: Vec<u32> = self.collaborative.history(number).iter().chain(&history).copied().collect();
        self.each_collaborative(|collaborative| collaborative.replace(number, history.clone()));
        touched.into_iter().for_each(|slot| self.count(slot, catalogue));
    }

    /// The item of a slot is liked by somebody now, or by nobody.
    fn count(&mut self, slot: u32, catalogue: &Catalogue) {
        let liked = self.collaborative.likers(slot) > 0;
        if liked != self.projection.counts(slot) {
            self.projection.set(slot, catalogue.descriptor(slot).filter(|_| liked));
        }
    }

    /// What is known of the item of a slot changed.
    pub(crate) fn recount(&mut self, slot: u32, catalogue: &Catalogue) {
        if self.projection.counts(slot) {
            self.projection.set(slot, catalogue.descriptor(slot));
        }
    }

    fn set_share(&mut self, slot: u32, number: u32, share: Option<Fading>, settings: &Settings) {
        let index = slot as usize;
        if self.popularity.len() <= index {
            self.popularity.resize(index + 1, Fading::default());
            self.shares.resize(index + 1, Vec::new());
        }
        let shares = &mut self.shares[index];
        let place = shares.binary_search_by_key(&number, |(person, _)| *person);
        match (place, share.filter(|share| share.value > 0.0)) {
            (Ok(at), Some(share)) => shares[at].1 = share,
            (Ok(at), None) => {
                shares.remove(at);
            }
            (Err(at), Some(share)) => shares.insert(at, (number, share)),
            (Err(_), None) => return,
        }
        // In 64 bits and as of the latest, so that the order of the people cannot matter.
        let at = shares.iter().map(|(_, share)| share.at).max().unwrap_or_default();
        let sum: f64 = shares
            .iter()
            .map(|(_, share)| f64::from(share.left(at, settings.popularity_half_life_days)))
            .sum();
        self.popularity[index] = Fading { value: sum as f32, at };
    }

    /// How popular the item of a slot is now, at least 0: how many people like it, and what is left of
    /// their liking, so that what is liked lately is ahead of what was liked as much once.
    ///
    /// Of new people of MovieLens 100k, the lists by both find more of what they like than by either.
    pub(crate) fn popularity(&self, slot: u32, now: i64, settings: &Settings) -> f32 {
        let sum = self.popularity.get(slot as usize).copied().unwrap_or_default();
        if sum.value == 0.0 {
            return 0.0;
        }
        self.collaborative.likers(slot) as f32 + sum.left(now, settings.popularity_half_life_days)
    }

    /// What an item's popularity is at no time above: nothing of the liking has faded yet.
    pub(crate) fn popularity_at_most(&self, slot: u32) -> f32 {
        let sum = self.popularity.get(slot as usize).copied().unwrap_or_default();
        if sum.value == 0.0 { 0.0 } else { self.collaborative.likers(slot) as f32 + sum.value }
    }

    /// How popular the most popular item is now, at least 0.
    pub(crate) fn popularity_max(&self, now: i64, settings: &Settings) -> f32 {
        (0..self.popularity.len() as u32).fold(0.0, |most: f32, slot| {
            let is_more = self.popularity_at_most(slot) > most;
            if is_more { most.max(self.popularity(slot, now, settings)) } else { most }
        })
    }

    /// How popular an item is with the others now, without the person whose tally of it is given.
    pub(crate) fn popularity_with_others(
        &self,
        slot: u32,
        own: Option<&Tally>,
        now: i64,
        settings: &Settings,
    ) -> f32 {
        let all = self.popularity(slot, now, settings);
        let Some(own) = own.filter(|own| own.leaning.liked.value > 0.0) else { return all };
        let liker = if likes(own) { 1.0 } else { 0.0 };
        let others = all - liker - share(own).left(now, settings.popularity_half_life_days);
        // What rounding leaves of one's own share is nobody's liking.
        if others < 1e-4 { 0.0 } else { others }
    }

    /// How far the choices of all people have moved each feature's weight.
    pub(crate) fn shared_weights(&self, settings: &Settings) -> BTreeMap<Feature, f32> {
        Feature::ALL.into_iter().map(|feature| (feature, self.shared_weight(feature, settings))).collect()
    }

    /// How far the choices of all people have moved a feature's weight: the mean over the people,
    /// each counting by their lessons, shrunk towards 0 while there are few.
    fn shared_weight(&self, feature: Feature, settings: &Settings) -> f32 {
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
