//! What a rule sees: one request and one batch of candidates, pulled column by column. Only what the
//! manifest's `[input]` names is there; everything else reads as absent.

use crate::{Failure, Position};

#[cfg(not(target_arch = "wasm32"))]
use crate::sample::{Batch, Request};
#[cfg(target_arch = "wasm32")]
use crate::wasm::{Batch, Request};

/// The circumstances of one request.
#[derive(Debug)]
pub struct Context<'a>(&'a Request);

impl<'a> Context<'a> {
    pub(crate) fn new(request: &'a Request) -> Self {
        Self(request)
    }

    /// Local civil time of the household, minutes after midnight, in `0..1440`.
    #[must_use]
    pub fn minute_of_day(&self) -> u16 {
        self.0.minute_of_day()
    }

    /// 1 = Monday … 7 = Sunday (ISO 8601).
    #[must_use]
    pub fn weekday(&self) -> u8 {
        self.0.weekday()
    }

    /// How many candidates will be shown.
    #[must_use]
    pub fn slate_size(&self) -> u32 {
        self.0.slate_size()
    }

    /// A named circumstance: `daypart`, `occasion`, `device-class`, `surface`, `locale`, `room` …
    /// `None` if it is not known, or not named in the manifest.
    #[must_use]
    pub fn facet(&self, name: &str) -> Option<String> {
        self.0.facet(name)
    }

    /// Whether a facet is known and has this value.
    #[must_use]
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.facet(name).as_deref() == Some(value)
    }

    /// A pseudonym of the user that only this plugin sees. `None` without the `subject` grant, and
    /// for a group or for nobody in particular.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        self.0.subject()
    }

    /// The only randomness there is: the same request has the same seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.0.seed()
    }
}

/// A batch of candidates. Every column has one value for each of them.
#[derive(Debug)]
pub struct Candidates<'a>(&'a Batch);

impl<'a> Candidates<'a> {
    pub(crate) fn new(batch: &'a Batch) -> Self {
        Self(batch)
    }

    /// How many candidates there are, at most 1000.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "the host never asks about an empty batch")]
    pub fn len(&self) -> u32 {
        self.0.len()
    }

    /// The current scores in log-odds, shape `[len]`, after the rules that ran before this one.
    #[must_use]
    pub fn scores(&self) -> Vec<f32> {
        self.0.scores()
    }

    /// A numeric column, shape `[len]`; NaN where a candidate lacks the value.
    ///
    /// # Errors
    ///
    /// [`Failure::MissingInput`] if the manifest does not name the column, or the daemon has none;
    /// pass it on with `?`, or do without the column.
    pub fn column(&self, name: &str) -> Result<Vec<f32>, Failure> {
        self.0.feature(name).ok_or_else(|| Failure::MissingInput(name.to_owned()))
    }

    /// A text column, shape `[len]`.
    ///
    /// # Errors
    ///
    /// [`Failure::MissingInput`] if the manifest does not name the attribute.
    pub fn attribute(&self, name: &str) -> Result<Labels, Failure> {
        self.0.attribute_labels(name).ok_or_else(|| Failure::MissingInput(name.to_owned()))
    }

    /// Ascending positions of the candidates that carry a tag; none if the manifest does not name it.
    #[must_use]
    pub fn tagged(&self, tag: &str) -> Vec<Position> {
        self.0.tagged(tag)
    }

    /// Ascending positions of the candidates of a kind (`film`, `episode`, `music`, `scene` …); none
    /// if the manifest does not name it.
    #[must_use]
    pub fn of_kind(&self, kind: &str) -> Vec<Position> {
        self.0.of_kind(kind)
    }

    /// Stable catalogue ids, shape `[len]`. `None` without the `item-ids` grant.
    #[must_use]
    pub fn item_ids(&self) -> Option<Vec<String>> {
        self.0.item_ids()
    }
}

/// A text column in which each distinct value is kept once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    codes: Vec<u32>,
    values: Vec<String>,
}

impl Labels {
    /// A column from each candidate's place in `values`, shape `[len]`; a code past its end means
    /// that the candidate has no value.
    #[must_use]
    pub fn new(codes: Vec<u32>, values: Vec<String>) -> Self {
        Self { codes, values }
    }

    /// The value of a candidate; `None` if it has none.
    #[must_use]
    pub fn get(&self, position: Position) -> Option<&str> {
        let code = *self.codes.get(position as usize)?;
        self.values.get(code as usize).map(String::as_str)
    }

    /// The distinct values.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }
}
