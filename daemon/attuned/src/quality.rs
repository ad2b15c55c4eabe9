//! How well content is understood: data sets recognised by their files, and figures with intervals.
//!
//! Owns the reading of data sets, the statistics, and what is measured of each kind of data. It
//! knows nothing of how encodings are made, which whoever calls it passes in, and of how a report
//! is shown.

use std::path::PathBuf;
use std::sync::Arc;

use attuned_encoders::Encoding;
use attuned_recommender::Modality;
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
    encode: &mut Encode<'_>,
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
            Content::Captions(photos) => captions::measure(photos, encode, &mut part),
            Content::Classes(classes) => classes::measure(classes, encode, &mut part),
            Content::Films(films) => films::measure(films, encode, &mut part),
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
        ("speech, music and noise", sounds::measure(sets, encode)),
        ("relevance cut-off", cutoff::measure(sets, encode, relevance_min)),
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
