//! The recommender's state and what changes it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::catalogue::Catalogue;
use crate::event::{Event, EventType};
use crate::feature::Feature;
use crate::household::Household;
use crate::id::{ItemId, UserId};
use crate::item::{Content, Item};
use crate::request::{Filter, Query};
use crate::search::{Found, Match, PreparedQuery};
use crate::settings::Settings;
use crate::shadow::Shadow;
use crate::state::{HouseholdState, PastEvent, Taste, UserState};
use crate::time::Timestamp;
use crate::tuning::Tuning;
use crate::viewpoint::{Surroundings, Viewpoint, circumstances_of, freshness};

/// Something that changes what is known. Inputs are applied in the order of the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// An item came, or came again with other words or more content.
    PutItem {
        /// The item.
        item: Item,
        /// What was understood of it so far; empty until it was encoded.
        content: Content,
    },
    /// An item left. What people did with it is kept, so that a copy that comes back is recognised.
    RemoveItem(ItemId),
    /// Somebody did something.
    Event(Event),
    /// Everything learnt about a person, and from them, goes.
    ForgetUser(UserId),
    /// What comments were about lies in a shared space that is no longer used: it is not compared
    /// any more. Everything else that they taught stays.
    ForgetMeanings,
}

/// Everything that is known, and every decision about ranking. One thread owns it; the same inputs
/// give the same lists, whatever the machine.
#[derive(Debug, Default)]
pub struct Recommender {
    pub(crate) settings: Settings,
    pub(crate) catalogue: Catalogue,
    pub(crate) household: Household,
    /// The prior weights before any tuning.
    pub(crate) priors: BTreeMap<Feature, f32>,
    pub(crate) tuning: Tuning,
    /// Another tuning that is compared with it.
    pub(crate) shadow: Option<Shadow>,
    /// How far the choices of all people have moved the weights, until something changes.
    pub(crate) shared_weights: OnceLock<BTreeMap<Feature, f32>>,
}

impl Recommender {
    /// Knows nobody and nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { priors: settings.priors.clone(), settings, ..Self::default() }
    }

    /// Takes an input in; events are learnt from at once.
    pub fn apply(&mut self, input: Input, now: Timestamp) {
        self.shared_weights = OnceLock::new();
        match input {
            Input::PutItem { item, content } => self.put_item(item, content, now),
            Input::RemoveItem(item) => {
                if let Some(slot) = self.catalogue.remove(&item) {
                    self.household.added.remove(&item);
                    self.household.clear_slot(slot);
                }
            }
            Input::Event(event) => match event.event_type {
                EventType::Undo => self.undo(&event.user, &event.item),
                _ => self.take_event(event, now),
            },
            Input::ForgetUser(user) => self.forget(&user),
            Input::ForgetMeanings => {
                self.household.states_mut().for_each(UserState::forget_meanings);
            }
        }
    }

    fn put_item(&mut self, item: Item, content: Content, now: Timestamp) {
        let id = item.id.clone();
        let added = self.household.added.get(&id).copied().unwrap_or(now.unix_ms());
        let added_at = Timestamp::from_unix_ms(added);
        let known = self.catalogue.slot(&id).is_some();
        let Some(slot) = self.catalogue.put(item, content, added_at, &self.settings) else { return };
        self.household.recount(slot, &self.catalogue);
        self.household.added.insert(id.clone(), added);
        if !known {
            self.household.fill_slot(&id, &self.catalogue, &self.settings);
        }
    }

    fn take_event(&mut self, event: Event, now: Timestamp) {
        // A device's clock may run ahead; what it reports has happened by now.
        let event_at = event.at.min(now);
        let past = past_event(&event, event_at, &self.settings);
        if self.household.person(&event.user).is_none()
            && self.household.people().len() >= self.settings.users_max
        {
            let stalest = self.household.people().iter().min_by_key(|(id, p)| (p.state.taste.last_at, *id));
            if let Some(stalest) = stalest.map(|(id, _)| id.clone()) {
                self.forget(&stalest);
            }
        }
        let state = &mut self.household.enter(event.user.clone(), UserState::default()).state;
        let lesson = Lesson { catalogue: &self.catalogue, settings: &self.settings };
        let forgotten = lesson.step(&mut state.taste, &past);
        state.recent.push(past);
        while state.recent.len() > self.settings.undo_max {
            let oldest = state.recent.remove(0);
            lesson.step(&mut state.base, &oldest);
        }
        for item in forgotten.iter().chain([&event.item]) {
            self.household.refresh_item(&event.user, item, &self.catalogue, &self.settings);
        }
    }

    /// Folds the events again without the latest one on that item. An event that is no longer kept
    /// for undoing, or never was, changes nothing.
    fn undo(&mut self, user: &UserId, item: &ItemId) {
        let Some(state) = self.household.state_mut(user) else { return };
        let Some(latest) = state.recent.iter().rposition(|event| event.item == *item) else { return };
        state.recent.remove(latest);
        let before: Vec<ItemId> = state.taste.items.keys().cloned().collect();
        state.taste = state.base.clone();
        let lesson = Lesson { catalogue: &self.catalogue, settings: &self.settings };
        for event in &state.recent {
            lesson.step(&mut state.taste, event);
        }
        let nothing_left = state.recent.is_empty() && state.taste == Taste::default();
        self.household.refresh_person(user, &before, &self.catalogue, &self.settings);
        if nothing_left {
            self.household.leave(user, &self.catalogue, &self.settings);
        }
    }

    fn forget(&mut self, user: &UserId) {
        self.household.leave(user, &self.catalogue, &self.settings);
    }

    /// The items that match a query best, best first, at most `n` and at most `list_max`; those
    /// that match none of its parts well enough are left out. Only of `kinds` (all if none is
    /// named), only what meets the filter and has not expired. Equal scores are ordered by item id.
    #[must_use]
    pub fn search(
        &self,
        query: &Query,
        kinds: &[String],
        filter: &Filter,
        n: usize,
        now: Timestamp,
    ) -> Found {
        let mut offered = self.offered(kinds, filter, now);
        let prepared = PreparedQuery::new(query, &self.catalogue);
        if let Some(like) = prepared.like() {
            offered[like as usize] = false;
        }
        let unmatched = prepared.cut_off(&mut offered, self.settings.relevance_min);
        let mut matches: Vec<Match> = self
            .catalogue
            .iter()
            .filter(|(slot, _)| offered[*slot as usize])
            .filter_map(|(slot, entry)| {
                let fit = prepared.fit(slot);
                let item = entry.item.id.clone();
                (fit.mean > 0.0).then_some(Match { item, score: fit.mean.min(1.0), modality: fit.modality })
            })
            .collect();
        let n = n.min(self.settings.list_max);
        crate::vector::keep_best(&mut matches, n, |m| m.score, |a, b| a.item.cmp(&b.item));
        Found { matches, unmatched }
    }

    /// The item of that id, if it is in the catalogue.
    #[must_use]
    pub fn item(&self, id: &ItemId) -> Option<&Arc<Item>> {
        Some(&self.catalogue.find(id)?.item)
    }

    /// What was understood of an item, if it is in the catalogue.
    #[must_use]
    pub fn content(&self, id: &ItemId) -> Option<&Content> {
        Some(&self.catalogue.find(id)?.content)
    }

    /// How many items there are.
    #[must_use]
    pub fn items_len(&self) -> usize {
        self.catalogue.len()
    }

    /// Everybody of whom something was learnt.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.household.people().keys()
    }

    /// Everything learnt about a person; `None` for one who did nothing.
    #[must_use]
    pub fn user_state(&self, user: &UserId) -> Option<UserState> {
        Some(self.household.person(user)?.state.clone())
    }

    /// What is known of the household as a whole.
    #[must_use]
    pub fn household_state(&self) -> HouseholdState {
        HouseholdState { added: self.household.added.clone() }
    }

    /// Puts a stored state in the place of what is known of a person.
    pub fn restore_user(&mut self, user: UserId, state: UserState) {
        self.shared_weights = OnceLock::new();
        self.forget(&user);
        self.household.enter(user.clone(), state);
        self.household.refresh_person(&user, &[], &self.catalogue, &self.settings);
    }

    /// Puts a stored state in the place of what is known of the household.
    pub fn restore_household(&mut self, state: HouseholdState) {
        for (item, at) in &state.added {
            self.catalogue.set_added(item, Timestamp::from_unix_ms(*at));
        }
        // Items that came before the state was restored and are not in it keep what is known.
        let known = std::mem::replace(&mut self.household.added, state.added);
        for (item, at) in known {
            self.household.added.entry(item).or_insert(at);
        }
    }
}

/// What an event is understood by.
struct Lesson<'a> {
    catalogue: &'a Catalogue,
    settings: &'a Settings,
}

impl Lesson<'_> {
    /// Folds one event into a taste. Returns the item that was forgotten for it, if any.
    fn step(&self, taste: &mut Taste, event: &PastEvent) -> Option<ItemId> {
        let slot = self.catalogue.slot(&event.item);
        let Some((slot, entry)) = slot.and_then(|slot| Some((slot, self.catalogue.entry(slot)?))) else {
            return taste.take(event, None, &[], self.settings);
        };
        let at = Timestamp::from_unix_ms(event.at);
        let facts = self.catalogue.facts().get(slot as usize).copied().unwrap_or_default();
        let freshness = freshness(&facts, at, self.settings);
        let surroundings = Surroundings { freshness, ..Surroundings::default() };
        let circumstances = event.circumstances.clone();
        let features: Vec<(Feature, f32)> =
            Viewpoint::new(taste, circumstances, self.catalogue, self.settings, at)
                .observe(slot, surroundings)
                .into_iter()
                .map(|observation| (observation.feature, observation.value))
                .collect();
        taste.take(event, Some((&entry.item, &entry.tags)), &features, self.settings)
    }
}

/// The event as it is kept.
fn past_event(event: &Event, at: Timestamp, settings: &Settings) -> PastEvent {
    let finite = |value: Option<f32>| value.filter(|value| value.is_finite());
    let comment = event.comment.as_ref().filter(|_| event.event_type == EventType::Comment);
    PastEvent {
        item: event.item.clone(),
        event_type: event.event_type,
        value: finite(event.value),
        at: at.unix_ms(),
        circumstances: circumstances_of(&event.context, settings.circumstances_per_event_max),
        sentiment: finite(comment.and_then(|comment| comment.sentiment)),
        semantic: comment
            .and_then(|comment| comment.semantic.as_ref())
            .filter(|semantic| semantic.dim() == crate::embedding::SEMANTIC_DIM)
            .map(|semantic| semantic.as_slice().to_vec()),
    }
}
