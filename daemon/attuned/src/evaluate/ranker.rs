//! Recommenders that are compared. Each learns from a history, chooses its hyper-parameters on what
//! is valid, and scores all items for one person.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use attuned_recommender::{Settings, Source};

use super::data::{Data, Interaction, Wrong};
use super::split::{Stage, Stages};

mod ease;
mod engine;
mod item_knn;
mod popularity;
mod tuning;

pub(super) use engine::scatter;

/// What a recommender says of a person and an item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    /// The log-odds of liking it.
    pub liking: f32,
    /// The stars that it would be given, from 1 to 5.
    pub stars: Option<f32>,
}

/// Scores items for people.
pub trait Ranker: Send + Sync {
    /// Scores every item for a user into `scores`, shape `[items]`; the greatest is the best.
    /// `-inf` stands for items that the recommender would not show. What the user knows already
    /// need not be left out.
    fn score(&self, user: u32, scores: &mut [f32]);

    /// What it says of each of these items, each once, if it says more than an order.
    fn told(&self, _user: u32, _items: &[u32]) -> Option<Vec<Told>> {
        None
    }

    /// Whether its scores are more than an order of some items, so that they say something of any.
    fn scores_all(&self) -> bool {
        true
    }

    /// The hyper-parameters that were chosen, by name.
    fn chosen(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}

/// Scores items for people, and learns from each event as it comes.
pub trait Online {
    /// As [`Ranker::score`].
    fn score(&self, user: u32, scores: &mut [f32]);

    /// As [`Ranker::told`].
    fn told(&self, _user: u32, _items: &[u32]) -> Option<Vec<Told>> {
        None
    }

    /// Learns.
    fn learn(&mut self, data: &Data, interaction: &Interaction);

    /// Chooses its hyper-parameters anew, by all that it learnt: the rows `past`, in their order.
    fn tune(&mut self, _data: &Data, _past: &[u32]) {}

    /// As [`Ranker::chosen`], the last time.
    fn chosen(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}

/// Which recommender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The engine of the daemon, whole.
    Attuned,
    /// One source of the engine's candidates alone, in its own order.
    Source(Source),
    /// Everybody gets what most people chose.
    Popularity,
    /// Chance.
    Random,
    /// What is chosen together with what the person chose.
    ItemKnn,
    /// Items explained by all other items, in closed form.
    Ease,
}

impl Kind {
    /// Every recommender, the engine first.
    pub const ALL: [Kind; 12] = [
        Kind::Attuned,
        Kind::Source(Source::Interests),
        Kind::Source(Source::ItemToItem),
        Kind::Source(Source::LikedBySimilar),
        Kind::Source(Source::Projected),
        Kind::Source(Source::Popular),
        Kind::Source(Source::Fresh),
        Kind::Source(Source::ColdStart),
        Kind::Popularity,
        Kind::Random,
        Kind::ItemKnn,
        Kind::Ease,
    ];

    /// As it is written on the command line and in reports.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Kind::Attuned => "attuned".to_owned(),
            Kind::Source(source) => format!("source:{}", source.name()),
            Kind::Popularity => "popularity".to_owned(),
            Kind::Random => "random".to_owned(),
            Kind::ItemKnn => "item-knn".to_owned(),
            Kind::Ease => "ease".to_owned(),
        }
    }

    /// Learns.
    ///
    /// # Errors
    ///
    /// The data is more than this recommender can take.
    pub fn fit(self, task: &Task<'_>) -> Result<Box<dyn Ranker>, Wrong> {
        Ok(match self {
            Kind::Attuned => Box::new(engine::Whole(task.engine()?)),
            Kind::Source(source) => Box::new(engine::Alone(task.engine()?, source)),
            Kind::Popularity => Box::new(popularity::Popularity::fit(task)),
            Kind::Random => Box::new(popularity::Random(task.seed)),
            Kind::ItemKnn => Box::new(item_knn::ItemKnn::fit(task)),
            Kind::Ease => Box::new(ease::Ease::fit(task)?),
        })
    }
}

impl Kind {
    /// Learns what is known at first, to learn on from there; `None` if it cannot.
    ///
    /// # Errors
    ///
    /// As for [`Kind::fit`].
    pub fn online(self, task: &Task<'_>) -> Result<Option<Box<dyn Online>>, Wrong> {
        Ok(match self {
            Kind::Attuned => Some(Box::new(engine::Engine::fit(task)?)),
            Kind::Popularity => Some(Box::new(popularity::Popularity::fit(task))),
            Kind::Random => Some(Box::new(popularity::Random(task.seed))),
            Kind::Source(_) | Kind::ItemKnn | Kind::Ease => None,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Kind, String> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let names: Vec<String> = Kind::ALL.into_iter().map(Kind::name).collect();
            format!("expected one of {}", names.join(", "))
        })
    }
}

/// What is to be learnt from.
pub struct Task<'a> {
    /// The data.
    pub data: &'a Data,
    /// What is known, and what is held out to choose by.
    pub stages: &'a Stages,
    /// The length of the lists that are measured.
    pub k: usize,
    /// The only source of randomness.
    pub seed: u64,
    /// The settings of the daemon's engine.
    pub settings: &'a Settings,
    /// The engine, which its sources share.
    engine: OnceLock<Result<Arc<engine::Engine>, Wrong>>,
}

impl<'a> Task<'a> {
    /// Nothing is learnt yet.
    #[must_use]
    pub fn new(data: &'a Data, stages: &'a Stages, k: usize, seed: u64, settings: &'a Settings) -> Task<'a> {
        Task { data, stages, k, seed, settings, engine: OnceLock::new() }
    }

    /// What is measured.
    #[must_use]
    pub fn test(&self) -> &Stage {
        &self.stages.test
    }

    fn engine(&self) -> Result<Arc<engine::Engine>, Wrong> {
        self.engine.get_or_init(|| engine::Engine::fit(self).map(Arc::new)).clone()
    }
}
