//! Which ranker is in use, which is compared with it, and what was used before.
//!
//! Owns the file `rankers.json`. A ranker is a tuning of the engine; all learn from the same events.

use std::collections::BTreeMap;
use std::path::Path;

use attuned_recommender::{DeepWalk, Feature, Recipe, Sequence, Timestamp, Tuning};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::notes::{self, Note};

/// Most earlier rankers that can be gone back to.
const PAST_MAX: usize = 8;

/// A tuning, and what it rests on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ranker {
    /// 0 is the one that comes with the program.
    pub number: u32,
    /// When it was found; absent for number 0.
    pub made_at: Option<Timestamp>,
    /// People whose likes it was found by.
    pub people: usize,
    /// Likes that it was to find.
    pub held_out: usize,
    /// What it is.
    pub tuning: Tuning,
}

/// The rankers of a house.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rankers {
    /// The one in use.
    pub current: Ranker,
    /// The one that is compared with it.
    pub shadow: Option<Ranker>,
    /// What was used before, the latest last.
    pub past: Vec<Ranker>,
    /// The number of the last ranker that was found.
    pub last: u32,
    /// The number of the last event when one was last looked for.
    pub looked_through: u64,
    /// A person went back to an earlier one: none is put in use by itself until one is promoted.
    pub held: bool,
}

impl Rankers {
    /// Reads them in the store's folder; the one that comes with the program if none was ever found.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooNew`] and [`StoreError::Unavailable`].
    pub fn read(store: &Path) -> Result<Rankers, StoreError> {
        Ok(notes::read::<RankersV1>(store)?.into())
    }

    /// Writes them in the store's folder, durably.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]: the old ones are still there.
    pub fn write(&self, store: &Path) -> Result<(), StoreError> {
        notes::write(&mut RankersV1::from(self), store)
    }

    /// Compares what was found with the ranker in use from now on.
    pub fn propose(&mut self, found: Ranker) {
        self.last += 1;
        self.shadow = Some(Ranker { number: self.last, ..found });
    }

    /// Puts the shadow in use; `false` if there is none. What was in use becomes the shadow, so that it shows
    /// whether the change was for the better.
    pub fn promote(&mut self) -> bool {
        let Some(shadow) = self.shadow.take() else { return false };
        let before = std::mem::replace(&mut self.current, shadow);
        self.shadow = Some(before.clone());
        self.past.push(before);
        let over = self.past.len().saturating_sub(PAST_MAX);
        self.past.drain(..over);
        self.held = false;
        true
    }

    /// Goes back to what was used before, and stays there; `false` if nothing else ever was. What was in
    /// use becomes the shadow.
    pub fn roll_back(&mut self) -> bool {
        let Some(before) = self.past.pop() else { return false };
        self.shadow = Some(std::mem::replace(&mut self.current, before));
        self.held = true;
        true
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct RankersV1 {
    format: u32,
    current: RankerV1,
    shadow: Option<RankerV1>,
    past: Vec<RankerV1>,
    last: u32,
    looked_through: u64,
    held: bool,
}

impl Note for RankersV1 {
    const NAME: &'static str = "rankers.json";
    const WHAT: &'static str = "the choice of rankers";
    const FORMAT: u32 = 1;

    fn format(&self) -> u32 {
        self.format
    }

    fn set_format(&mut self, format: u32) {
        self.format = format;
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct RankerV1 {
    number: u32,
    made_at_ms: Option<i64>,
    people: usize,
    held_out: usize,
    recipe: RecipeV1,
    /// By the feature's name.
    factors: BTreeMap<String, f32>,
}

/// Absent values are those of the recipe that comes with the program.
#[derive(Debug, Default, Serialize, Deserialize)]
struct RecipeV1 {
    person_power: Option<f32>,
    item_power: Option<f32>,
    popularity_power: Option<f32>,
    walk_share: Option<f32>,
    low_pass: Option<f32>,
    sequence: Option<SequenceV1>,
    deep: Option<DeepWalkV1>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SequenceV1 {
    memory: f32,
    ahead: f32,
    behind_share: f32,
    behind: f32,
    anywhere: f32,
}

#[derive(Debug, Serialize, Deserialize)]
struct DeepWalkV1 {
    rounds: usize,
    heavy_share: f32,
    share: f32,
}

impl From<&Rankers> for RankersV1 {
    fn from(rankers: &Rankers) -> RankersV1 {
        let Rankers { current, shadow, past, last, looked_through, held } = rankers;
        RankersV1 {
            format: 0,
            current: current.into(),
            shadow: shadow.as_ref().map(RankerV1::from),
            past: past.iter().map(RankerV1::from).collect(),
            last: *last,
            looked_through: *looked_through,
            held: *held,
        }
    }
}

impl From<RankersV1> for Rankers {
    fn from(rankers: RankersV1) -> Rankers {
        let RankersV1 { format: _, current, shadow, past, last, looked_through, held } = rankers;
        Rankers {
            current: current.into(),
            shadow: shadow.map(Ranker::from),
            past: past.into_iter().map(Ranker::from).collect(),
            last,
            looked_through,
            held,
        }
    }
}

impl From<&Ranker> for RankerV1 {
    fn from(ranker: &Ranker) -> RankerV1 {
        let Ranker { number, made_at, people, held_out, tuning: Tuning { recipe, factors } } = ranker;
        RankerV1 {
            number: *number,
            made_at_ms: made_at.map(Timestamp::unix_ms),
            people: *people,
            held_out: *held_out,
            recipe: recipe.into(),
            factors: factors.iter().map(|(feature, factor)| (feature.name().to_owned(), *factor)).collect(),
        }
    }
}

impl From<RankerV1> for Ranker {
    fn from(ranker: RankerV1) -> Ranker {
        let RankerV1 { number, made_at_ms, people, held_out, recipe, factors } = ranker;
        // A feature that there is no more has no weight to multiply.
        let known = |name: &str| Feature::ALL.into_iter().find(|feature| feature.name() == name);
        let factors = factors.into_iter().filter_map(|(name, factor)| Some((known(&name)?, factor)));
        Ranker {
            number,
            made_at: made_at_ms.map(Timestamp::from_unix_ms),
            people,
            held_out,
            tuning: Tuning { recipe: recipe.into(), factors: factors.collect() },
        }
    }
}

impl From<&Recipe> for RecipeV1 {
    fn from(recipe: &Recipe) -> RecipeV1 {
        let Recipe { person_power, item_power, popularity_power, sequence, walk_share, deep, low_pass } =
            recipe;
        let sequence_v1 = |sequence: &Sequence| {
            let Sequence { memory, ahead, behind_share, behind, anywhere } = *sequence;
            SequenceV1 { memory, ahead, behind_share, behind, anywhere }
        };
        let deep_v1 = |deep: &DeepWalk| {
            let DeepWalk { rounds, heavy_share, share } = *deep;
            DeepWalkV1 { rounds, heavy_share, share }
        };
        RecipeV1 {
            person_power: Some(*person_power),
            item_power: Some(*item_power),
            popularity_power: Some(*popularity_power),
            walk_share: Some(*walk_share),
            low_pass: Some(*low_pass),
            sequence: sequence.as_ref().map(sequence_v1),
            deep: deep.as_ref().map(deep_v1),
        }
    }
}

impl From<RecipeV1> for Recipe {
    fn from(recipe: RecipeV1) -> Recipe {
        let usual = Recipe::default();
        let from_v1 = |sequence: SequenceV1| {
            let SequenceV1 { memory, ahead, behind_share, behind, anywhere } = sequence;
            Sequence { memory, ahead, behind_share, behind, anywhere }
        };
        let deep_from_v1 = |deep: DeepWalkV1| {
            let DeepWalkV1 { rounds, heavy_share, share } = deep;
            DeepWalk { rounds, heavy_share, share }
        };
        Recipe {
            person_power: recipe.person_power.unwrap_or(usual.person_power),
            item_power: recipe.item_power.unwrap_or(usual.item_power),
            popularity_power: recipe.popularity_power.unwrap_or(usual.popularity_power),
            walk_share: recipe.walk_share.unwrap_or(usual.walk_share),
            low_pass: recipe.low_pass.unwrap_or(usual.low_pass),
            sequence: recipe.sequence.map(from_v1),
            deep: recipe.deep.map(deep_from_v1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(people: usize) -> Ranker {
        let recipe = Recipe {
            item_power: 0.7,
            sequence: Some(Sequence::default()),
            deep: Some(DeepWalk::default()),
            ..Recipe::default()
        };
        let factors = [(Feature::Popular, 0.25), (Feature::Liked, 2.0)].into();
        let made_at = Some(Timestamp::from_unix_ms(1_795_000_000_000));
        Ranker { number: 0, made_at, people, held_out: 10 * people, tuning: Tuning { recipe, factors } }
    }

    #[test]
    fn they_are_read_back_and_absent_or_damaged_they_are_what_comes_with_the_program() {
        let store = tempfile::tempdir().expect("a folder");
        assert_eq!(Rankers::read(store.path()), Ok(Rankers::default()));
        let mut rankers = Rankers { looked_through: 7, ..Rankers::default() };
        rankers.propose(found(3));
        assert!(rankers.promote());
        rankers.propose(found(4));
        rankers.write(store.path()).expect("written");
        assert_eq!(Rankers::read(store.path()), Ok(rankers));
        std::fs::write(store.path().join("rankers.json"), "{").expect("written");
        assert_eq!(Rankers::read(store.path()), Ok(Rankers::default()));
        std::fs::write(store.path().join("rankers.json"), r#"{"format":2}"#).expect("written");
        assert!(matches!(Rankers::read(store.path()), Err(StoreError::TooNew { format: 2, .. })));
    }

    #[test]
    fn one_goes_back_step_by_step_and_stays_there() {
        let mut rankers = Rankers::default();
        assert!(!rankers.promote() && !rankers.roll_back());
        for people in 1..=PAST_MAX + 2 {
            rankers.propose(found(people));
            assert!(rankers.promote());
        }
        assert_eq!((rankers.current.number, rankers.past.len()), (PAST_MAX as u32 + 2, PAST_MAX));
        assert!(rankers.roll_back() && rankers.held);
        assert_eq!(rankers.current.people, PAST_MAX + 1);
        assert_eq!(rankers.shadow.as_ref().map(|shadow| shadow.people), Some(PAST_MAX + 2));
        assert!(rankers.promote() && !rankers.held);
        assert_eq!(rankers.current.people, PAST_MAX + 2);
        rankers.propose(found(99));
        let numbers = rankers.shadow.as_ref().map(|shadow| shadow.number);
        assert_eq!(numbers, Some(PAST_MAX as u32 + 3), "no number is given twice");
    }
}
