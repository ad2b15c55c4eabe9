//! What a person would make of an item: whether they would begin it, how far they would get, whether
//! they would like it, and how many stars they would give it.
//!
//! Scores order a list. These say what to expect of one item, in units of their own, by what was done
//! with it and with others so far. Each head is an estimate of the same form over its own judgements.

use crate::id::{ItemId, UserId};
use crate::opinions::{Expected, Measure, Opinions};
use crate::recommender::Recommender;
use crate::state::Tally;

/// What is expected of a person and an item; of several people, the mean. A head is absent where nobody
/// in the house ever judged anything by its measure.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Expectation {
    /// The stars that they would give it, in `[1, 5]`, by what was rated, liked and disliked.
    pub stars: Option<f32>,
    /// One standard deviation of the stars, above 0: how far a single judgement may be from it.
    pub stars_deviation: Option<f32>,
    /// How likely they would give it 4 or 5 stars, in `[0, 1]`.
    pub like: Option<f32>,
    /// The share that they would get through once they began it, in `[0, 1]`.
    pub completion: Option<f32>,
    /// How likely they would begin it rather than leave it, when it is shown, in `[0, 1]`.
    pub play: Option<f32>,
}

/// A measure by which items are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    Stars,
    Completion,
    Play,
}

/// The deviations are those that were left on MovieLens 100k, of stars; of the others, those of what lies
/// evenly in `[0, 1]`, and of tosses of which one in five succeeds.
const fn measure(head: Head) -> Measure {
    match head {
        Head::Stars => Measure { least: 1.0, most: 5.0, usual: 3.5, deviation: 0.9 },
        Head::Completion => Measure { least: 0.0, most: 1.0, usual: 0.6, deviation: 0.29 },
        Head::Play => Measure { least: 0.0, most: 1.0, usual: 0.2, deviation: 0.4 },
    }
}

/// Stars from which on an item was liked: between 3, which is lukewarm, and 4.
const LIKED_STARS: f64 = 3.5;

/// Scales a logistic curve to the cumulative normal one. Source: Camilli, "Origin of the scaling
/// constant d = 1.7", J. Educ. Stat. 19, 1994.
const NORMAL: f64 = 1.702;

/// All judgements of the house, by head.
#[derive(Debug, Clone)]
pub(crate) struct Heads {
    stars: Opinions,
    completion: Opinions,
    play: Opinions,
}

impl Default for Heads {
    fn default() -> Self {
        let [stars, completion, play] =
            [Head::Stars, Head::Completion, Head::Play].map(|head| Opinions::new(measure(head)));
        Heads { stars, completion, play }
    }
}

impl Heads {
    /// What a person says of the item of a slot now.
    pub(crate) fn set(&mut self, person: u32, slot: u32, tally: Option<&Tally>) {
        self.stars.set(person, slot, tally.and_then(|tally| tally.stars));
        self.completion.set(person, slot, tally.and_then(|tally| tally.completion));
        let shown = tally.filter(|tally| tally.shown > 0);
        self.play.set(person, slot, shown.map(|tally| if tally.plays > 0 { 1.0 } else { 0.0 }));
    }

    fn each(&mut self) -> [&mut Opinions; 3] {
        [&mut self.stars, &mut self.completion, &mut self.play]
    }

    /// An item left its slot.
    pub(crate) fn clear_slot(&mut self, slot: u32) {
        self.each().into_iter().for_each(|opinions| opinions.clear_slot(slot));
    }

    /// A person leaves, or is to be set anew.
    pub(crate) fn clear_person(&mut self, person: u32) {
        self.each().into_iter().for_each(|opinions| opinions.clear_person(person));
    }
}

impl Recommender {
    /// What these people, or nobody in particular if there are none, would make of items, in the order
    /// of the items; nothing is expected of an item that is not in the catalogue.
    #[must_use]
    pub fn expect(&self, users: &[UserId], items: &[ItemId]) -> Vec<Expectation> {
        let heads = &self.household.heads;
        let mut people: Vec<Option<u32>> = users
            .iter()
            .take(self.settings.group_max)
            .map(|user| self.household.person(user).map(|person| person.number))
            .collect();
        if people.is_empty() {
            people.push(None);
        }
        let slots: Vec<Option<u32>> = items.iter().map(|item| self.catalogue.slot(item)).collect();
        let likeness = |a, b| self.catalogue.likeness(a, b);
        // By item: what each of the people would say of it; of nobody where nothing can be expected.
        let told = |opinions: &Opinions| -> Vec<Vec<Expected>> {
            if opinions.is_empty() {
                return vec![Vec::new(); slots.len()];
            }
            let standpoints: Vec<_> = people.iter().map(|person| opinions.standpoint(*person)).collect();
            let by_all = |slot: u32| {
                standpoints.iter().map(|standpoint| opinions.expected(standpoint, slot, likeness)).collect()
            };
            slots.iter().map(|slot| slot.map_or_else(Vec::new, by_all)).collect()
        };
        let mean = |said: &[Expected], read: fn(&Expected) -> f64| {
            let sum: f64 = said.iter().map(read).sum();
            (!said.is_empty()).then(|| (sum / said.len() as f64) as f32)
        };
        let [stars, completion, play] = [&heads.stars, &heads.completion, &heads.play].map(told);
        let of = |n: usize| Expectation {
            stars: mean(&stars[n], |said| said.mean),
            stars_deviation: mean(&stars[n], |said| said.deviation),
            like: mean(&stars[n], like),
            completion: mean(&completion[n], |said| said.mean),
            play: mean(&play[n], |said| said.mean),
        };
        (0..items.len()).map(of).collect()
    }
}

/// How likely the stars given are those of an item that is liked.
fn like(Expected { mean, deviation }: &Expected) -> f64 {
    1.0 / (1.0 + (-NORMAL * (mean - LIKED_STARS) / deviation).exp())
}
