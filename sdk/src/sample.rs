//! Plain requests and batches, so that a rule is tested like any other function, without a sandbox.
//! The module exists on every target but wasm32.
//!
//! Grants and projections are not modelled: what a sample is given is what the rule sees. Fixtures
//! under a plugin's `tests/` run it behind both, in the real host.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::{Candidates, Context, Labels, Level, Position};

/// One request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    minute_of_day: u16,
    weekday: u8,
    slate_size: u32,
    facets: BTreeMap<String, String>,
    subject: Option<String>,
    seed: u64,
}

impl Request {
    /// A request on Monday at midnight for ten candidates, of which nothing else is known.
    #[must_use]
    pub fn new() -> Self {
        Self { weekday: 1, slate_size: 10, ..Self::default() }
    }

    /// At this local time: minutes after midnight, and 1 = Monday … 7 = Sunday.
    #[must_use]
    pub fn at(mut self, minute_of_day: u16, weekday: u8) -> Self {
        (self.minute_of_day, self.weekday) = (minute_of_day, weekday);
        self
    }

    /// For this many candidates.
    #[must_use]
    pub fn with_slate(mut self, size: u32) -> Self {
        self.slate_size = size;
        self
    }

    /// With a facet.
    #[must_use]
    pub fn with_facet(mut self, name: &str, value: &str) -> Self {
        self.facets.insert(name.to_owned(), value.to_owned());
        self
    }

    /// For the user with this pseudonym.
    #[must_use]
    pub fn with_subject(mut self, pseudonym: &str) -> Self {
        self.subject = Some(pseudonym.to_owned());
        self
    }

    /// With this seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    pub(crate) fn minute_of_day(&self) -> u16 {
        self.minute_of_day
    }

    pub(crate) fn weekday(&self) -> u8 {
        self.weekday
    }

    pub(crate) fn slate_size(&self) -> u32 {
        self.slate_size
    }

    pub(crate) fn facet(&self, name: &str) -> Option<String> {
        self.facets.get(name).cloned()
    }

    pub(crate) fn subject(&self) -> Option<String> {
        self.subject.clone()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// The request as a rule sees it.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context::new(self)
    }
}

/// One batch of candidates.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    len: u32,
    scores: Vec<f32>,
    features: BTreeMap<String, Vec<f32>>,
    attributes: BTreeMap<String, Labels>,
    tags: BTreeMap<String, Vec<Position>>,
    kinds: BTreeMap<String, Vec<Position>>,
    item_ids: Option<Vec<String>>,
}

impl Batch {
    /// `len` candidates that all score 0 and have nothing else.
    #[must_use]
    pub fn new(len: u32) -> Self {
        Self { len, scores: vec![0.0; len as usize], ..Self::default() }
    }

    /// With these scores in log-odds, shape `[len]`.
    #[must_use]
    pub fn with_scores(mut self, scores: &[f32]) -> Self {
        self.scores = scores.to_vec();
        self
    }

    /// With a numeric column, shape `[len]`; NaN means absent.
    #[must_use]
    pub fn with_feature(mut self, name: &str, values: &[f32]) -> Self {
        self.features.insert(name.to_owned(), values.to_vec());
        self
    }

    /// With a text column, shape `[len]`.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, values: &[Option<&str>]) -> Self {
        let mut distinct: Vec<String> = Vec::new();
        let codes = values.iter().map(|value| match value {
            None => u32::MAX,
            Some(value) => distinct.iter().position(|known| known == value).unwrap_or_else(|| {
                distinct.push((*value).to_owned());
                distinct.len() - 1
            }) as u32,
        });
        let codes = codes.collect();
        self.attributes.insert(name.to_owned(), Labels::new(codes, distinct));
        self
    }

    /// With a tag on these positions, ascending.
    #[must_use]
    pub fn with_tag(mut self, tag: &str, positions: &[Position]) -> Self {
        self.tags.insert(tag.to_owned(), positions.to_vec());
        self
    }

    /// With these positions, ascending, being of a kind.
    #[must_use]
    pub fn with_kind(mut self, kind: &str, positions: &[Position]) -> Self {
        self.kinds.insert(kind.to_owned(), positions.to_vec());
        self
    }

    /// With catalogue ids, shape `[len]`.
    #[must_use]
    pub fn with_ids(mut self, ids: &[&str]) -> Self {
        self.item_ids = Some(ids.iter().map(|id| (*id).to_owned()).collect());
        self
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn scores(&self) -> Vec<f32> {
        self.scores.clone()
    }

    pub(crate) fn feature(&self, name: &str) -> Option<Vec<f32>> {
        self.features.get(name).cloned()
    }

    pub(crate) fn attribute_labels(&self, name: &str) -> Option<Labels> {
        self.attributes.get(name).cloned()
    }

    pub(crate) fn tagged(&self, tag: &str) -> Vec<Position> {
        self.tags.get(tag).cloned().unwrap_or_default()
    }

    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Position> {
        self.kinds.get(kind).cloned().unwrap_or_default()
    }

    pub(crate) fn item_ids(&self) -> Option<Vec<String>> {
        self.item_ids.clone()
    }

    /// The batch as a rule sees it.
    #[must_use]
    pub fn candidates(&self) -> Candidates<'_> {
        Candidates::new(self)
    }
}

thread_local! {
    static SETTINGS: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

/// Sets what [`setting`](crate::setting) reads on this thread, as the person who installs a plugin
/// would.
pub fn set_setting(name: &str, value: &str) {
    SETTINGS.with_borrow_mut(|settings| settings.insert(name.to_owned(), value.to_owned()));
}

pub(crate) fn setting(name: &str) -> Option<String> {
    SETTINGS.with_borrow(|settings| settings.get(name).cloned())
}

#[expect(clippy::print_stderr, reason = "a test runner shows standard error of the tests that fail")]
pub(crate) fn log(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}
