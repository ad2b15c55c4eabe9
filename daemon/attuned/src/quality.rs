//! How well content is understood: data sets recognised by their files, and figures with intervals.
//!
//! Owns the reading of data sets, the statistics, and what is measured of each kind of data. It
//! knows nothing of how encodings are made, which whoever calls it passes in, and of how a report
//! is shown.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use attuned_encoders::{Encoding, Watched};
use attuned_recommender::{Embedding, FusedContent, Modality};
use serde::Serialize;

mod captions;
mod classes;
mod csv;
mod cutoff;
mod films;
mod folders;
mod sounds;
pub mod statistics;

pub use folders::{Content, DataSet, find};
use statistics::Estimate;

/// One thing to encode.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// Words.
    Words(String),
    /// A picture, sound or film file.
    File(Modality, PathBuf),
}

/// Encodes pieces, in their order; `None` for what cannot be. The first argument says in a word
/// what they are, for whoever waits.
pub type Encode<'a> = dyn FnMut(&'static str, &[Piece]) -> Vec<Option<Arc<Encoding>>> + 'a;

/// Sees the [`PARTS`] of film files, in their order; `None` for those of which nothing can be seen.
pub type Watch<'a> = dyn FnMut(&[PathBuf]) -> Vec<Option<Vec<Watched>>> + 'a;

/// The parts of a film that are seen: the whole, and two of which each is to find the other.
pub const PARTS: [Range<f64>; 3] = [0.0..1.0, 0.0..0.7, 0.3..1.0];

/// Joins an item's vectors of the shared space.
pub type Fuse<'a> = dyn Fn(&BTreeMap<Modality, Embedding>) -> Option<FusedContent> + 'a;

/// A model that joins an item's media.
pub struct Fusion<'a> {
    /// Its `name@version`.
    pub model: String,
    /// Whether it is the one in use.
    pub used: bool,
    /// `None` if it cannot.
    pub fuse: Box<Fuse<'a>>,
}

/// What understands content.
pub struct Models<'a> {
    /// Single pieces.
    pub encode: Box<Encode<'a>>,
    /// Films, part by part.
    pub watch: Box<Watch<'a>>,
    /// Every model of fusion that there is.
    pub fusions: Vec<Fusion<'a>>,
}

/// What was measured of one data set, or of several together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// The data.
    pub data: String,
    /// The figures.
    pub measures: Vec<Measure>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// What was measured.
    pub name: String,
    /// Of how many cases.
    pub n: usize,
    /// The figure.
    pub value: f64,
    /// Its 95 % bootstrap interval.
    pub interval: [f64; 2],
    /// What a guess would reach; absent where that means nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chance: Option<f64>,
}

impl Part {
    fn of(data: &str) -> Part {
        Part { data: data.to_owned(), measures: Vec::new() }
    }

    /// Adds the mean of `values`; nothing if there are none.
    fn add(&mut self, name: impl Into<String>, values: &[f64], chance: Option<f64>) {
        self.put(name, statistics::mean(values), chance);
    }

    fn put(&mut self, name: impl Into<String>, estimate: Option<Estimate>, chance: Option<f64>) {
        if let Some(Estimate { value, interval, n }) = estimate {
            let interval = [interval.0, interval.1];
            self.measures.push(Measure { name: name.into(), n, value, interval, chance });
        }
    }
}

/// Measures every data set by what it is, in their order, and what takes several together at the
/// end. What cannot be measured is said in `left_out`.
pub fn measure(
    sets: &[DataSet],
    models: &mut Models<'_>,
    relevance_min: f32,
    left_out: &mut Vec<String>,
) -> Vec<Part> {
    let mut parts = Vec::new();
    for set in sets {
        if set.absent > 0 {
            left_out.push(format!("{}: {} files that its table names are absent", set.name, set.absent));
        }
        let mut part = Part::of(&set.name);
        match &set.content {
            Content::Captions(photos) => {
                captions::measure(photos, &mut models.encode, &models.fusions, &mut part);
            }
            Content::Classes(classes) => classes::measure(classes, &mut models.encode, &mut part),
            Content::Films(films) => films::measure(films, models, &mut part),
            // These count together with others, below.
            Content::Recordings(_) | Content::Spoken(_) | Content::Items(_) => continue,
        }
        if part.measures.is_empty() {
            left_out.push(format!("{}: nothing of it could be encoded", set.name));
        } else {
            parts.push(part);
        }
    }
    for (what, part) in [
        ("speech, music and noise", sounds::measure(sets, &mut models.encode)),
        ("relevance cut-off", cutoff::measure(sets, models, relevance_min)),
    ] {
        match part {
            Ok(part) => parts.push(part),
            Err(reason) => left_out.push(format!("{what}: {reason}")),
        }
    }
    parts
}

/// Encodes files of one modality.
fn files<'a>(
    encode: &mut Encode<'_>,
    what: &'static str,
    modality: Modality,
    files: impl Iterator<Item = &'a PathBuf>,
) -> Vec<Option<Arc<Encoding>>> {
    let pieces: Vec<Piece> = files.map(|file| Piece::File(modality, file.clone())).collect();
    encode(what, &pieces)
}

/// Encodes texts.
fn texts(encode: &mut Encode<'_>, texts: impl Iterator<Item = String>) -> Vec<Option<Arc<Encoding>>> {
    let pieces: Vec<Piece> = texts.map(Piece::Words).collect();
    encode("texts", &pieces)
}

/// How likely it is that one of `right` among `total` is among the first `k` by chance.
fn chance_at(k: usize, right: usize, total: usize) -> f64 {
    let missed = (0..k.min(total)).fold(1.0, |missed, drawn| {
        missed * (total - drawn).saturating_sub(right) as f64 / (total - drawn) as f64
    });
    1.0 - missed
}

#[cfg(test)]
mod tests;
