//! What a text thinks of its subject, from -1 (hates it) to 1 (loves it).
//!
//! Two readers that fail on different texts are added up: a lexicon, which knows words and what
//! "not", "very" and "but" do to them, and a linear head on the embedding, which knows the rest of
//! the sentence. `models/train/sentiment.py` fits and measures them.
//!
//! Sources: Hutto and Gilbert, "VADER", ICWSM 2014, for the English lexicon and the constants; the
//! other lexicons are the project's own.

mod lexicon;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use attuned_recommender::Embedding;

use crate::error::ModelError;
use crate::language::Language;
use crate::model::Model;

use lexicon::Lexicons;

/// Below this a text says too little either way.
const SENTIMENT_MIN: f32 = 0.1;

/// What a lexicon alone is worth in ratings of -4 to 4.
const LEXICON_ALONE: f32 = 1.9;

/// The head of one text model: rating = weights · embedding + bias + lexicon · (what the lexicon
/// says, in `[-1, 1]`); ratings are -4 to 4.
#[derive(Debug)]
struct Head {
    weights: Vec<f32>,
    bias: f32,
    lexicon: f32,
}

impl Head {
    /// Reads a file of `dim + 2` fp32 values, little-endian: weights, bias, weight of the lexicon.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if it has another length or a value that is not finite.
    pub fn load(model: &Model, path: &str, dim: usize) -> Result<Head, ModelError> {
        let bytes = model.file(path)?;
        let mut weights: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect();
        if bytes.len() != 4 * (dim + 2) || weights.iter().any(|value| !value.is_finite()) {
            return Err(model.refused(format!(
                "file `{path}` has {} bytes, expected {} finite values of 4 bytes",
                bytes.len(),
                dim + 2
            )));
        }
        let last = weights.split_off(dim);
        Ok(Head { weights, bias: last[0], lexicon: last[1] })
    }

    fn rating(&self, embedding: &Embedding, lexical: f32) -> f32 {
        let dot: f32 =
            self.weights.iter().zip(embedding.as_slice()).map(|(weight, value)| weight * value).sum();
        dot + self.bias + self.lexicon * lexical
    }
}

/// What tells the sentiment of texts; everything in it is read when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Sentiments {
    lexicons: OnceLock<Lexicons>,
    /// By the model's name and version; `None` if the model has none that can be used.
    heads: Mutex<BTreeMap<String, Option<Arc<Head>>>>,
}

impl Sentiments {
    /// The sentiment of a text, in `[-1, 1]`; `None` if it has none that can be told. `made` are the
    /// text's embedding and the model that made it.
    pub fn of(&self, text: &str, made: Option<(&Model, &Embedding)>) -> Option<f32> {
        let lexicons = self.lexicons.get_or_init(Lexicons::bundled);
        let language = Language::of(text);
        let lexical = lexicons.read(text, language);
        let code = language.map(Language::code).or(lexical.map(|(_, code)| code));
        let understood = made
            .filter(|(model, _)| reads(model, code))
            .and_then(|(model, embedding)| Some((self.head(model)?, embedding)));
        let rating = match (understood, lexical) {
            (Some((head, embedding)), _) => head.rating(embedding, lexical.map_or(0.0, |(said, _)| said)),
            (None, Some((said, _))) => LEXICON_ALONE * said,
            (None, None) => return None,
        };
        // Ratings of 1, 2 and 3 become 0.46, 0.76 and 0.91.
        let sentiment = (rating / 2.0).tanh();
        (sentiment.abs() >= SENTIMENT_MIN).then_some(sentiment)
    }

    fn head(&self, model: &Model) -> Option<Arc<Head>> {
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads
            .entry(model.id())
            .or_insert_with(|| {
                let path = model.document.text.as_ref()?.sentiment.as_ref()?;
                Head::load(model, path, model.document.dim)
                    .inspect_err(|problem| tracing::warn!(%problem, "sentiment by words alone"))
                    .ok()
                    .map(Arc::new)
            })
            .clone()
    }
}

/// Whether the model understands a text of that language well enough for its head to judge it: the
/// one for all texts is English. A text of no known language without a known word is left alone.
fn reads(model: &Model, code: Option<&str>) -> bool {
    match code {
        Some(code) if model.languages().is_empty() => code == Language::ENGLISH.code(),
        Some(_) => true,
        None => false,
    }
}
