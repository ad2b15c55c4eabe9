//! What a data folder says, in numbers.

use std::collections::HashMap;
use std::fmt::Display;

use attuned_recommender::{Content, EventType, Item, Modality};

/// Why a data folder cannot be evaluated, in one sentence. A person corrects what it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Wrong(pub String);

impl Wrong {
    /// A file is wrong.
    #[must_use]
    pub fn file(file: impl Display, what: impl Display) -> Wrong {
        Wrong(format!("{file} {what}"))
    }

    /// A line of a file is wrong, counted from 1.
    #[must_use]
    pub fn line(file: impl Display, line: usize, what: impl Display) -> Wrong {
        Wrong(format!("{file} line {line}: {what}"))
    }
}

/// Names, numbered in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    /// The number of a name, a new one if it is new.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
    }

    /// The number of a name that came before.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// All names by their numbers.
    #[must_use]
    pub fn all(&self) -> &[String] {
        &self.names
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// The part of the data that a line was given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// To learn from.
    Train,
    /// To choose hyper-parameters by.
    Valid,
    /// To measure by.
    Test,
}

/// One thing that somebody did with an item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interaction {
    /// Who.
    pub user: u32,
    /// With which item.
    pub item: u32,
    /// Did what; absent where the data only says that they met.
    pub event_type: Option<EventType>,
    /// To what degree; the range is the type's.
    pub value: Option<f32>,
    /// When, in milliseconds since the Unix epoch, or a place in an order; see [`Clock`].
    pub at: Option<i64>,
    /// The part it was given to, if the data says so.
    pub part: Option<Part>,
}

/// What `at` of interactions means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// There are no times.
    #[default]
    None,
    /// Only what came before what.
    Order,
    /// Milliseconds since the Unix epoch.
    Time,
}

/// Vectors of one modality that came with the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// Of which medium.
    pub modality: Modality,
    /// Values of one vector.
    pub dim: usize,
    /// By item: its vector of shape `[dim]`; `None` where it is absent or has no direction.
    pub rows: Vec<Option<Box<[f32]>>>,
}

/// One item as the data describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The item; its id is the data's own only if that is a valid one.
    pub item: Item,
    /// Its files, relative to the data folder.
    pub media: Vec<(Modality, String)>,
}

/// A data set.
#[derive(Debug, Clone, Default)]
pub struct Data {
    /// The folder's name.
    pub name: String,
    /// Everybody.
    pub users: Names,
    /// Every item that is named anywhere: all of them are ranked.
    pub items: Names,
    /// In the order of the file.
    pub interactions: Vec<Interaction>,
    /// What their times mean.
    pub clock: Clock,
    /// Vectors, at most one set a modality.
    pub features: Vec<Features>,
    /// By item: what is said of it. Shorter than the items where the last ones are not described.
    pub described: Vec<Option<Described>>,
    /// By item: what models understood of it; empty if none were asked.
    pub content: Vec<Content>,
    /// What a reader of the figures should know.
    pub notes: Vec<String>,
}

impl Interaction {
    /// Whether a person chose the item, so that it is worth finding: everything but what says no
    /// or nothing. A rating counts from `rating_min` on; all do if there is none.
    #[must_use]
    pub fn is_choice(&self, rating_min: Option<f32>) -> bool {
        match self.event_type {
            None => true,
            Some(event_type) => match event_type {
                EventType::Impression
                | EventType::Skip
                | EventType::Dislike
                | EventType::Hide
                | EventType::Undo => false,
                EventType::Rate => match (rating_min, self.value) {
                    (Some(min), Some(value)) => value >= min,
                    (None, _) | (_, None) => true,
                },
                EventType::Play => self.value.is_none_or(|share| share >= PLAYED_SHARE_MIN),
                EventType::Comment => self.value.is_none_or(|sentiment| sentiment >= 0.0),
                EventType::View
                | EventType::Complete
                | EventType::Like
                | EventType::Save
                | EventType::Purchase => true,
            },
        }
    }

    /// Whether it was liked; `None` where that was not said.
    #[must_use]
    pub fn liked(&self) -> Option<bool> {
        match self.event_type? {
            EventType::Like | EventType::Purchase | EventType::Save | EventType::Complete => Some(true),
            EventType::Dislike | EventType::Hide | EventType::Skip => Some(false),
            EventType::Rate => self.value.map(|stars| stars >= LIKED_STARS_MIN),
            EventType::Play => self.value.map(|share| share >= LIKED_SHARE_MIN),
            EventType::Comment => self.value.filter(|value| *value != 0.0).map(|value| value > 0.0),
            EventType::Impression | EventType::View | EventType::Undo => None,
        }
    }

    /// The rating, from 1 to 5.
    #[must_use]
    pub fn stars(&self) -> Option<f32> {
        self.value.filter(|_| self.event_type == Some(EventType::Rate))
    }
}

/// The share of an item below which playing it is a look inside; as the engine has it.
const PLAYED_SHARE_MIN: f32 = 0.15;
/// Stars from which on an item was liked: 4 and 5 of 5, as usual on MovieLens.
const LIKED_STARS_MIN: f32 = 3.5;
/// The share of an item from which on it was liked.
const LIKED_SHARE_MIN: f32 = 0.5;
