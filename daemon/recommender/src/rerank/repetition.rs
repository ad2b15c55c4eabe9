//! How much two items of a list repeat each other: by what they are, and by who likes them.

use std::collections::{BTreeSet, HashMap};

use crate::catalogue::Catalogue;
use crate::collaborative::Collaborative;
use crate::vector::{dot, ramp};

/// Cosine of meanings from which on two items repeat each other, and at which they do so fully.
const REPEAT_COSINES: (f32, f32) = (0.2, 0.8);

/// How much who likes two items says of their likeness beside what they are, in a large house.
const LIKERS_SHARE: f32 = 0.9;

/// People of a house with whom that counts half: among few, most that is liked at all has the same likers.
const PEOPLE_HALF: f32 = 20.0;

/// What candidates are compared by.
pub(super) struct Repetition<'a> {
    catalogue: &'a Catalogue,
    collaborative: &'a Collaborative,
    likers_share: f32,
    /// By slot, who likes the item.
    likers: HashMap<u32, Likers>,
}

/// A set of people.
struct Likers {
    /// A bit for each number of a person.
    bits: Vec<u64>,
    count: u32,
}

impl<'a> Repetition<'a> {
    pub(super) fn new(catalogue: &'a Catalogue, collaborative: &'a Collaborative) -> Repetition<'a> {
        let people = collaborative.people_who_like() as f32;
        let likers_share = LIKERS_SHARE * people / (people + PEOPLE_HALF);
        Repetition { catalogue, collaborative, likers_share, likers: HashMap::new() }
    }

    /// Takes note of an item that will be compared with others.
    pub(super) fn prepare(&mut self, slot: Option<u32>) {
        let Some(slot) = slot else { return };
        let people = self.collaborative.likers_of(slot);
        let mut bits = vec![0; self.collaborative.people().div_ceil(64)];
        people.iter().for_each(|person| bits[*person as usize / 64] |= 1 << (person % 64));
        self.likers.insert(slot, Likers { bits, count: people.len() as u32 });
    }

    /// How much two items repeat each other, in `[0, 1]`: in a large house mostly the cosine of their
    /// sets of likers, partly how like they are themselves; this alone where nobody likes one of them.
    /// Source of the cosine: Sarwar and others, "Item-based collaborative filtering recommendation
    /// algorithms", WWW 2001, section 3.1.1.
    pub(super) fn of(&self, a: Option<u32>, b: Option<u32>) -> f32 {
        let (Some(a), Some(b)) = (a, b) else { return 0.0 };
        let alike = alike(a, b, self.catalogue);
        match (self.likers.get(&a), self.likers.get(&b)) {
            (Some(a), Some(b)) if a.count > 0 && b.count > 0 => {
                alike + self.likers_share * (a.cosine(b) - alike)
            }
            _ => alike,
        }
    }
}

/// How like two items are themselves, in `[0, 1]`: by content, else by the share of their tags that both
/// have.
fn alike(a: u32, b: u32, catalogue: &Catalogue) -> f32 {
    if let (Some(left), Some(right)) = (catalogue.vector(a), catalogue.vector(b)) {
        return ramp(dot(left, right), REPEAT_COSINES);
    }
    if let Some(cosine) = catalogue.cosine(a, b) {
        return ramp(cosine, REPEAT_COSINES);
    }
    let (Some(a), Some(b)) = (catalogue.entry(a), catalogue.entry(b)) else { return 0.0 };
    let tags: BTreeSet<&String> = a.tags.iter().chain(&b.tags).collect();
    let common = a.tags.iter().filter(|tag| b.tags.binary_search(tag).is_ok()).count();
    if tags.is_empty() { 0.0 } else { common as f32 / tags.len() as f32 }
}

impl Likers {
    fn cosine(&self, other: &Likers) -> f32 {
        let common: u32 = self.bits.iter().zip(&other.bits).map(|(a, b)| (a & b).count_ones()).sum();
        common as f32 / (self.count as f32 * other.count as f32).sqrt()
    }
}
