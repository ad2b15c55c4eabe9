//! Which ranker makes the lists: found on the house's own past, compared as a shadow, put in use, and
//! gone back from.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use attuned_recommender::off_policy::{Estimate, Logged, Method, OffPolicyError, estimate};
use attuned_recommender::{
    Event, Explored, Input, Instead, ItemId, Recommender, Request, Settings, Timestamp, TunedOnPast, Tuning,
    UserId,
};

use super::{Pipeline, Shared, circumstances, now, reject_by_store};
use crate::config::TuneConfig;
use crate::document::{
    EarningsDocument, EstimateDocument, RankerDocument, RankersDocument, Rejection, RejectionCode,
    timestamp_text,
};
use crate::store::{Ranker, Rankers, Store, StoreError, StoredShown, Write};

/// How often it is looked whether it is time to look for a better ranker.
const LOOK_EVERY: Duration = Duration::from_secs(900);
/// The hours of the night, local, in which it is looked for: the house sleeps, and nobody waits.
const NIGHT: std::ops::Range<i8> = 2..6;
/// Events since the last look from which on another one is worth the work.
const EVENTS_MIN: u64 = 100;
/// Events that are looked at, the latest ones.
const EVENTS_MAX: usize = 500_000;
/// Items of which the content is looked at; of more, their words and tags count alone, as a second
/// catalogue of vectors takes as much memory as the first.
const CONTENTS_MAX: usize = 20_000;
/// Strength of an event from which on an item was taken up, as it counts as liked from there on: looking at
/// the details is less.
const TAKEN_UP_MIN: f32 = 0.3;
/// For how long what somebody does with an item is owed to its having been shown, milliseconds.
const OWED_MS: i64 = 86_400_000;

/// The rankers of the house, and whether another one is looked for.
pub(super) struct Choice {
    rankers: Mutex<Rankers>,
    looking: AtomicBool,
    looked: Mutex<Option<String>>,
}

impl Choice {
    pub(super) fn new(rankers: Rankers) -> Choice {
        Choice { rankers: Mutex::new(rankers), looking: AtomicBool::new(false), looked: Mutex::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Rankers> {
        self.rankers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, what: String) {
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }
}

/// Takes the mark of looking off again, however it ends.
struct Looking<'a>(&'a Choice);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.looking.store(false, Ordering::Release);
    }
}

impl Pipeline {
    /// The rankers, with what each would have earned.
    ///
    /// # Errors
    ///
    /// The store cannot be read now.
    pub async fn rankers(&self) -> Result<RankersDocument, Rejection> {
        self.shared.rankers_document().await
    }

    /// Looks for a better ranker from now on, beside everything else; the document says `looking` until
    /// that is done. What is found is compared with the one in use, or put in use, as configured.
    ///
    /// # Errors
    ///
    /// It is looked for already, or the store cannot be read now.
    pub async fn tune(&self) -> Result<RankersDocument, Rejection> {
        self.shared.begin_look()?;
        self.shared.rankers_document().await
    }

    /// Puts the shadow in use.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be written down.
    pub async fn promote_ranker(&self) -> Result<RankersDocument, Rejection> {
        let none = "there is no shadow to put in use; `attuned ranker tune` looks for one";
        self.shared.choose_rankers(Rankers::promote, none).await?;
        self.shared.rankers_document().await
    }

    /// Goes back to the ranker that was used before.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be written down.
    pub async fn roll_back_ranker(&self) -> Result<RankersDocument, Rejection> {
        self.shared.choose_rankers(Rankers::roll_back, "no other ranker was ever used").await?;
        self.shared.rankers_document().await
    }
}

impl Shared {
    /// Notes what was shown at places that were left to chance; nobody waits for it.
    pub(super) async fn note_shown(&self, request: &Request, explored: Vec<Explored>, now: Timestamp) {
        let shown = {
            let rankers = self.rankers.lock();
            StoredShown {
                at: now,
                users: request.users.clone(),
                ranker: rankers.current.number,
                shadow: rankers.shadow.as_ref().map(|shadow| shadow.number),
                explored,
            }
        };
        self.journal.note(vec![Write::PushShown { request: request.seed, shown }]).await;
    }

    /// Changes which rankers there are, in the store and in the engine.
    async fn choose_rankers(
        &self,
        change: impl FnOnce(&mut Rankers) -> bool,
        none: &str,
    ) -> Result<(), Rejection> {
        let changed = {
            let mut rankers = self.rankers.lock();
            let mut changed = rankers.clone();
            if !change(&mut changed) {
                return Err(Rejection::new(RejectionCode::NotFound, none.to_owned()));
            }
            changed.write(self.store.path()).map_err(reject_by_store)?;
            *rankers = changed.clone();
            changed
        };
        self.engine.set_rankers(changed.current.tuning, changed.shadow.map(|shadow| shadow.tuning)).await
    }

    fn begin_look(self: &Arc<Self>) -> Result<(), Rejection> {
        if self.rankers.looking.swap(true, Ordering::AcqRel) {
            let message = "a better ranker is being looked for, expected to be asked again when that is done";
            return Err(Rejection::new(RejectionCode::Unavailable, message.to_owned()));
        }
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let _looking = Looking(&shared.rankers);
            if let Err(rejection) = shared.look().await {
                tracing::warn!(reason = %rejection, "no better ranker was found");
                shared.rankers.note(format!("no better ranker was found: {rejection}"));
            }
        });
        Ok(())
    }

    async fn look(&self) -> Result<(), Rejection> {
        let through = self.events.load(Ordering::Relaxed);
        let (store, settings, at) = (self.store.clone(), self.settings.engine.clone(), now());
        let found = tokio::task::spawn_blocking(move || tuned(&store, settings, at));
        let found = found.await.map_err(|error| Rejection::internal(error.to_string()))?;
        let found = found.map_err(reject_by_store)?;
        let apply = self.settings.tune == TuneConfig::Apply;
        let mut said = String::new();
        let change = |rankers: &mut Rankers| {
            rankers.looked_through = through;
            said = match found {
                None => "too little was liked to tell rankers apart".to_owned(),
                Some(found) if found.tuning == rankers.current.tuning => {
                    "the ranker in use is the best that was found".to_owned()
                }
                Some(TunedOnPast { tuning, people, held_out }) => {
                    let made_at = Some(at);
                    rankers.propose(Ranker { number: 0, made_at, people, held_out, tuning });
                    let number = rankers.last;
                    if apply && !rankers.held {
                        rankers.promote();
                        format!("ranker {number} was found and put in use")
                    } else {
                        format!("ranker {number} was found and is compared with the one in use")
                    }
                }
            };
            true
        };
        self.choose_rankers(change, "").await?;
        tracing::info!("{said}");
        self.rankers.note(said);
        Ok(())
    }

    /// Whether it is night, and enough has happened since the last look.
    fn is_due(&self) -> bool {
        let local = circumstances::local(now(), &self.settings.timezone);
        let looked_through = self.rankers.lock().looked_through;
        self.settings.tune != TuneConfig::Off
            && NIGHT.contains(&local.hour())
            && self.events.load(Ordering::Relaxed) >= looked_through + EVENTS_MIN
    }

    async fn rankers_document(&self) -> Result<RankersDocument, Rejection> {
        let Rankers { current, shadow, past, held, .. } = self.rankers.lock().clone();
        let store = self.store.clone();
        let places = tokio::task::spawn_blocking(move || places(&store)).await;
        let places = places.map_err(|error| Rejection::internal(error.to_string()))?;
        let places = places.map_err(reject_by_store)?;
        Ok(RankersDocument {
            current: document(&current, &places),
            shadow: shadow.map(|shadow| document(&shadow, &places)),
            past: past.iter().map(|ranker| ranker.number).collect(),
            held,
            looking: self.rankers.looking.load(Ordering::Acquire),
            looked: self.rankers.looked.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        })
    }
}

/// Looks for a better ranker by night.
pub(super) async fn run(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        if shared.is_due()
            && let Err(rejection) = shared.begin_look()
        {
            tracing::debug!(reason = %rejection, "it is looked for a better ranker already");
        }
    }
}

/// The tuning that the stored past suggests; blocks for seconds in a large house.
fn tuned(store: &Store, settings: Settings, now: Timestamp) -> Result<Option<TunedOnPast>, StoreError> {
    let mut recommender = Recommender::new(settings);
    for (number, stored) in store.items().enumerate() {
        match stored {
            Ok(stored) => {
                let content = stored.content.filter(|_| number < CONTENTS_MAX).unwrap_or_default();
                recommender.apply(Input::PutItem { item: stored.item, content }, now);
            }
            Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let mut events: Vec<Event> = Vec::new();
    for stored in store.events_after(0) {
        match stored {
            Ok(mut stored) => {
                // Some comments' meanings may lie in an earlier shared space.
                if let Some(comment) = &mut stored.event.comment {
                    comment.semantic = None;
                }
                events.push(stored.event);
                if events.len() >= 2 * EVENTS_MAX {
                    events.drain(..EVENTS_MAX);
                }
            }
            Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let over = events.len().saturating_sub(EVENTS_MAX);
    Ok(recommender.tune_on_past(events.split_off(over), now))
}

/// An explored place, what came of it, and what rankers would have shown there, by their numbers.
struct Place {
    explored: Explored,
    reward: f64,
    rankers: Vec<(u32, Instead)>,
}

/// All explored places that are remembered.
fn places(store: &Store) -> Result<Vec<Place>, StoreError> {
    let mut places = Vec::new();
    let mut taken_up: HashMap<UserId, Arc<BTreeMap<ItemId, Vec<i64>>>> = HashMap::new();
    for shown in store.shown() {
        let shown = match shown {
            Ok(shown) => shown,
            Err(StoreError::Damaged { .. }) => continue,
            Err(error) => return Err(error),
        };
        let mut of_all = Vec::with_capacity(shown.users.len());
        for user in &shown.users {
            if !taken_up.contains_key(user) {
                taken_up.insert(user.clone(), Arc::new(taken_up_by(store, user)?));
            }
            of_all.extend(taken_up.get(user).cloned());
        }
        let owed = shown.at.unix_ms()..=shown.at.unix_ms() + OWED_MS;
        for explored in shown.explored {
            let mut moments = of_all.iter().filter_map(|taken| taken.get(&explored.item)).flatten();
            let reward = if moments.any(|at| owed.contains(at)) { 1.0 } else { 0.0 };
            let present = Some((shown.ranker, explored.present));
            let shadow = shown.shadow.zip(explored.shadow);
            places.push(Place { rankers: present.into_iter().chain(shadow).collect(), explored, reward });
        }
    }
    Ok(places)
}

/// When a person liked, played or saved what.
fn taken_up_by(store: &Store, user: &UserId) -> Result<BTreeMap<ItemId, Vec<i64>>, StoreError> {
    let mut taken: BTreeMap<ItemId, Vec<i64>> = BTreeMap::new();
    for stored in store.events_of(user)? {
        match stored {
            Ok(stored) if stored.event.strength() >= TAKEN_UP_MIN => {
                taken.entry(stored.event.item).or_default().push(stored.event.at.unix_ms());
            }
            Ok(_) | Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

fn document(ranker: &Ranker, places: &[Place]) -> RankerDocument {
    let earned = earnings(ranker.number, places);
    RankerDocument {
        number: ranker.number,
        made_at: ranker.made_at.map(timestamp_text),
        people: ranker.people as u64,
        held_out: ranker.held_out as u64,
        chosen: chosen(&ranker.tuning),
        unknown: earned.as_ref().err().map(ToString::to_string),
        earnings: earned.ok(),
    }
}

/// What a ranker would have earned at the explored places.
fn earnings(number: u32, places: &[Place]) -> Result<EarningsDocument, OffPolicyError> {
    let known: Vec<(&Place, Instead)> = places
        .iter()
        .filter_map(|place| {
            let instead = place.rankers.iter().find(|(ranker, _)| *ranker == number)?;
            Some((place, instead.1))
        })
        .collect();
    // Scores say how likely an item is liked, which is more than how likely it is taken up today.
    let sum = |of: fn(&Place) -> f64| known.iter().map(|(place, _)| of(place)).sum::<f64>();
    let scale = sum(|place| place.reward) / sum(|place| place.explored.score).max(f64::MIN_POSITIVE);
    let logged: Vec<Logged> = known
        .iter()
        .map(|(place, instead)| Logged {
            reward: place.reward,
            propensity: place.explored.propensity,
            target: if instead.same { 1.0 } else { 0.0 },
            predicted: scale * place.explored.score,
            expected: scale * instead.score,
        })
        .collect();
    let by = |method| estimate(&logged, method);
    let told = |estimate: Estimate| EstimateDocument { value: estimate.value, interval: estimate.interval };
    let ips = by(Method::Ips)?;
    Ok(EarningsDocument {
        places: logged.len() as u64,
        effective_places: ips.effective_n,
        ips: told(ips),
        snips: told(by(Method::Snips)?),
        doubly_robust: told(by(Method::DoublyRobust)?),
    })
}

/// What makes up a tuning, by name.
fn chosen(tuning: &Tuning) -> BTreeMap<String, f64> {
    tuning.named().into_iter().map(|(name, value)| (name.to_owned(), f64::from(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(item: &str, propensity: f64, reward: f64, same: bool) -> Place {
        let instead = Instead { same, score: 0.5 };
        let item = ItemId::parse(item).expect("an id");
        let explored = Explored { place: 0, item, propensity, score: 0.5, present: instead, shadow: None };
        Place { explored, reward, rankers: vec![(3, instead)] }
    }

    #[test]
    fn earnings_are_those_of_the_places_that_the_ranker_is_known_at() {
        let places = [place("a", 0.5, 1.0, true), place("b", 0.5, 0.0, false), place("c", 0.25, 0.0, true)];
        let earned = earnings(3, &places).expect("an estimate");
        assert_eq!(earned.places, 3);
        assert!((earned.ips.value - 2.0 / 3.0).abs() < 1e-12, "{earned:?}");
        assert!((earned.snips.value - 2.0 / 6.0).abs() < 1e-12, "{earned:?}");
        // A third is taken up, so the model expects a third everywhere.
        let by_hand = 1.0 / 3.0 + (2.0 * (1.0 - 1.0 / 3.0) + 4.0 * (0.0 - 1.0 / 3.0)) / 3.0;
        assert!((earned.doubly_robust.value - by_hand).abs() < 1e-12, "{earned:?}");
        assert_eq!(earnings(4, &places), Err(OffPolicyError::TooFew { n: 0 }));
    }
}
