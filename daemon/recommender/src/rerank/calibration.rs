//! What it costs an item that the list has its share of the item's subjects already.
//!
//! A subject is a tag, or the kind of an item without tags; the items of a mix share their weight
//! among their subjects.

use std::collections::{BTreeMap, HashMap};

use super::Contender;
use super::places::PLACES_MAX;
use crate::catalogue::{Catalogue, Entry};
use crate::recommender::Recommender;
use crate::request::Request;
use crate::state::Taste;
use crate::time::Timestamp;

/// Liked items with which a person's mix is half trusted.
const ITEMS_HALF: f32 = 5.0;

/// Places that are due to a subject that the person never chose, so that it costs no more than one
/// that is long worn out.
const SMOOTHING: f32 = 0.25;

/// The person's mix, and that of the list so far.
pub(super) struct Calibration {
    /// Log-odds for a subject with far more than its share.
    weight: f32,
    /// Numbers of subjects.
    numbers: HashMap<String, usize>,
    /// By subject, how many places are the person's share.
    due: Vec<f32>,
    /// By subject, how many places it has.
    taken: Vec<f32>,
    /// By candidate that is not chosen yet, its subjects; by its slot.
    subjects: HashMap<u32, Vec<usize>>,
}

impl Recommender {
    /// Calibration of a list with `n` places to the mix of what the request's people liked; of a
    /// group, the mean of their mixes. `None` if it is not sought, or nothing was liked.
    pub(super) fn calibration(&self, request: &Request, n: usize, now: Timestamp) -> Option<Calibration> {
        let settings = &self.settings;
        let wanted = request.calibration.filter(|c| c.is_finite()).unwrap_or(settings.calibration);
        let weight = wanted.clamp(0.0, 1.0) * settings.calibration_weight;
        if weight <= 0.0 {
            return None;
        }
        let people = request.users.iter().take(settings.group_max);
        let tastes = people.filter_map(|user| Some(&self.household.person(user)?.state.taste));
        let mut mix: BTreeMap<&str, f32> = BTreeMap::new();
        let mut total = 0.0;
        for taste in tastes {
            total += add_mix(taste, &self.catalogue, &mut mix, now, settings.liking_half_life_days);
        }
        if total <= 0.0 {
            return None;
        }
        let places = n.min(PLACES_MAX) as f32;
        let mut calibration = Calibration {
            weight: weight * total / (total + ITEMS_HALF),
            numbers: HashMap::new(),
            due: Vec::new(),
            taken: Vec::new(),
            subjects: HashMap::new(),
        };
        for (subject, share) in mix {
            let number = calibration.number(subject);
            calibration.due[number] = places * share / total;
        }
        Some(calibration)
    }
}

/// Adds the mix of what a person liked, each item by how much it is liked still, at most 1. Returns
/// the weight of all items together.
fn add_mix<'c>(
    taste: &Taste,
    catalogue: &'c Catalogue,
    mix: &mut BTreeMap<&'c str, f32>,
    now: Timestamp,
    half_life_days: f64,
) -> f32 {
    let mut total = 0.0;
    for (item, tally) in &taste.items {
        let liked = tally.leaning.liked.left(now.unix_ms(), half_life_days).min(1.0);
        let Some(entry) = catalogue.find(item).filter(|_| liked > 0.0) else { continue };
        let count = subjects(entry).count() as f32;
        subjects(entry).for_each(|subject| *mix.entry(subject).or_default() += liked / count);
        total += liked;
    }
    total
}

fn subjects(entry: &Entry) -> impl Iterator<Item = &str> {
    let kind = entry.tags.is_empty().then_some(entry.item.kind.as_str());
    entry.tags.iter().map(String::as_str).chain(kind)
}

impl Calibration {
    fn number(&mut self, subject: &str) -> usize {
        if let Some(number) = self.numbers.get(subject) {
            return *number;
        }
        self.numbers.insert(subject.to_owned(), self.due.len());
        self.due.push(0.0);
        self.taken.push(0.0);
        self.due.len() - 1
    }

    /// Begins with these candidates.
    pub(super) fn begin(&mut self, free: &mut [Contender], catalogue: &Catalogue) {
        for contender in free {
            let Some(slot) = contender.slot else { continue };
            let Some(entry) = catalogue.entry(slot) else { continue };
            let numbers: Vec<usize> = subjects(entry).map(|subject| self.number(subject)).collect();
            self.charge(contender, &numbers);
            self.subjects.insert(slot, numbers);
        }
    }

    /// Takes note that an item is in the list, and what that costs the others.
    pub(super) fn heed(&mut self, chosen: &Contender, free: &mut [Contender]) {
        let chosen = chosen.slot.and_then(|slot| self.subjects.get(&slot)).cloned().unwrap_or_default();
        for number in &chosen {
            self.taken[*number] += 1.0 / chosen.len() as f32;
        }
        for other in free {
            let Some(numbers) = other.slot.and_then(|slot| self.subjects.get(&slot)) else { continue };
            // What the item just taken has nothing to do with costs what it did before.
            if numbers.iter().any(|number| chosen.contains(number)) {
                self.charge(other, numbers);
            }
        }
    }

    /// What an item of these subjects costs now.
    ///
    /// A subject that would have `taken` of the places with the item, of which `due` are its share,
    /// costs `taken / (taken + due)` of the weight. That is the slope, up to a constant, of Steck's
    /// divergence of the list from the person's mix, `sum of share · ln(places)`, where the list
    /// begins with one imagined place for each that is due: it costs little at the top, where accuracy
    /// counts most, and it only grows.
    /// Source: Steck, "Calibrated recommendations", RecSys 2018, sections 3 and 4.
    fn charge(&self, contender: &mut Contender, numbers: &[usize]) {
        let part = 1.0 / numbers.len() as f32;
        let worn = |number: usize| {
            let taken = self.taken[number] + part;
            taken / (taken + self.due[number] + SMOOTHING)
        };
        let worn = numbers.iter().map(|number| (worn(*number), *number));
        contender.calibration = -self.weight * part * worn.clone().map(|(worn, _)| worn).sum::<f32>();
        let most = worn.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        contender.worn = most.map(|(_, number)| number);
    }

    /// The name of a subject.
    pub(super) fn name(&self, number: usize) -> Option<&str> {
        self.numbers.iter().find(|(_, known)| **known == number).map(|(name, _)| name.as_str())
    }
}
