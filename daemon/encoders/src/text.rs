//! Text: words to tokens, tokens to one direction.

mod normal_form;
mod protobuf;
mod sentencepiece;
mod tokenizer;

use attuned_recommender::{Embedding, Modality, SEMANTIC_DIM};

use crate::batch;
use crate::bridge::half_floats;
use crate::encoding::Encoding;
use crate::error::{EncodeError, ModelError, one_line};
use crate::limits::Limits;
use crate::model::{Model, RoleEntry};
use crate::network::{Array, Network, Runtime};

use tokenizer::Tokenizer;

/// Bytes of UTF-8 that one token stands for at most, for all but contrived texts; bounds how much
/// of a long text is cut into tokens at all.
const TOKEN_BYTES: usize = 32;

/// A text model with its tokenizer.
#[derive(Debug)]
pub(crate) struct TextModel {
    id: String,
    tokenizer: Tokenizer,
    network: Network,
    semantic: Semantic,
}

/// How an embedding gets into the shared space.
#[derive(Debug)]
enum Semantic {
    /// It is there.
    Same,
    /// By subtracting this, shape `[SEMANTIC_DIM]`.
    Centred(Vec<f32>),
    /// The network's second output is it.
    Projected,
}

impl TextModel {
    /// Loads tokenizer and network.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if the model is not what its `model.toml` says.
    pub fn load(model: &Model, runtime: Runtime) -> Result<TextModel, ModelError> {
        let document = &model.document;
        let entry =
            document.text.as_ref().ok_or_else(|| model.refused("model.toml: section [text] is missing"))?;
        let roles: Vec<RoleEntry> = document.network.output.iter().map(|output| output.role).collect();
        let projected = match roles.as_slice() {
            [RoleEntry::Embedding] => false,
            [RoleEntry::Embedding, RoleEntry::Semantic] => true,
            _ => {
                return Err(model.refused(
                    "model.toml: a text model has one output, of role embedding, and perhaps a second, of role semantic",
                ));
            }
        };
        if !projected && document.dim != SEMANTIC_DIM {
            return Err(model.refused(format!(
                "model.toml: dim is {}, expected {SEMANTIC_DIM}, as no output of role semantic leads to the shared space",
                document.dim
            )));
        }
        if document.network.input.len() != 2 {
            return Err(model.refused("model.toml: a text model has two inputs: token ids and their mask"));
        }
        let tokenizer = Tokenizer::read(
            &entry.tokenizer,
            &model.file(&entry.tokenizer)?,
            &entry.prefix,
            entry.tokens_max,
        )
        .map_err(|error| model.refused(format!("file `{}`: {error}", entry.tokenizer)))?;
        let mean = document.semantic.as_ref().and_then(|semantic| semantic.mean.as_ref());
        let semantic = match (projected, mean) {
            (true, _) => Semantic::Projected,
            (false, Some(path)) => Semantic::Centred(read_mean(model, path)?),
            (false, None) => Semantic::Same,
        };
        Ok(TextModel { id: model.id(), tokenizer, network: Network::load(model, runtime)?, semantic })
    }

    /// Token ids of the windows of a text, special tokens included, each at most as long as the
    /// model takes.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unreadable`] if there is no word in it, [`EncodeError::OverLimit`] if it is
    /// too long.
    pub fn tokens(&self, text: &str, limits: &Limits) -> Result<Vec<Vec<i64>>, EncodeError> {
        if text.len() > limits.text_bytes_max {
            return Err(EncodeError::OverLimit {
                modality: Modality::Text,
                limit: "text_bytes_max",
                found: format!("{} bytes", text.len()),
                max: format!("{} bytes", limits.text_bytes_max),
            });
        }
        let read_max = limits.text_windows_max * self.tokenizer.tokens_max() * TOKEN_BYTES;
        let text = &text[..text.floor_char_boundary(read_max)];
        let windows = self
            .tokenizer
            .windows(text, limits.text_windows_max)
            .map_err(|error| EncodeError::unreadable(Modality::Text, error))?;
        if windows.is_empty() {
            return Err(EncodeError::unreadable(Modality::Text, "it has no words, expected at least one"));
        }
        Ok(windows)
    }

    /// Understands a text. Of one longer than the model's limit, the windows' embeddings are
    /// averaged by their number of tokens, so that a last window of a few words counts for little.
    ///
    /// # Errors
    ///
    /// As [`tokens`](Self::tokens); [`EncodeError::Unavailable`] if the network fails.
    pub fn encode(&self, text: &str, limits: &Limits) -> Result<Encoding, EncodeError> {
        self.encoding(&self.run_all(self.tokens(text, limits)?))
    }

    /// [`encode`](Self::encode) for each of several texts, short ones in one run as [`batch`] says.
    pub fn encode_all(&self, texts: &[&str], limits: &Limits) -> Vec<Result<Encoding, EncodeError>> {
        let mut windows = Vec::new();
        let counts: Vec<Result<usize, EncodeError>> = texts
            .iter()
            .map(|text| {
                let of_text = self.tokens(text, limits)?;
                let count = of_text.len();
                windows.extend(of_text);
                Ok(count)
            })
            .collect();
        let ran = self.run_all(windows);
        let mut left = ran.as_slice();
        counts
            .into_iter()
            .map(|count| {
                let (of_text, others) = left.split_at(count?);
                left = others;
                self.encoding(of_text)
            })
            .collect()
    }

    /// What the windows of one text say together.
    fn encoding(&self, windows: &[Ran]) -> Result<Encoding, EncodeError> {
        let unavailable =
            |reason: &str| EncodeError::Unavailable { modality: Modality::Text, reason: one_line(reason) };
        let mut sums: Vec<Vec<f32>> = Vec::new();
        for window in windows {
            let weight = window.tokens as f32;
            let outputs = window.outputs.as_ref().map_err(|reason| unavailable(reason))?;
            sums.resize_with(outputs.len(), Vec::new);
            for (sum, values) in sums.iter_mut().zip(outputs) {
                sum.resize(values.len(), 0.0);
                for (sum, value) in sum.iter_mut().zip(values) {
                    *sum += weight * value;
                }
            }
        }
        let direction = |values: Vec<f32>| {
            Embedding::from_values(values).map_err(|error| unavailable(&error.to_string()))
        };
        let projected = sums.split_off(1).pop();
        let embedding = direction(sums.swap_remove(0))?;
        let semantic = match (&self.semantic, projected) {
            (Semantic::Projected, Some(projected)) => direction(projected)?,
            (Semantic::Centred(mean), _) => {
                direction(embedding.as_slice().iter().zip(mean).map(|(value, mean)| value - mean).collect())?
            }
            (Semantic::Same | Semantic::Projected, _) => embedding.clone(),
        };
        Ok(Encoding {
            modality: Modality::Text,
            model: self.id.clone(),
            embedding,
            semantic,
            labels: Vec::new(),
        })
    }

    /// Runs the network over windows of token ids, in as few runs as the model and [`batch`] allow.
    fn run_all(&self, windows: Vec<Vec<i64>>) -> Vec<Ran> {
        let tokens: Vec<usize> = windows.iter().map(Vec::len).collect();
        let runs = if self.network.takes_several() {
            batch::runs_of_texts(&tokens)
        } else {
            (0..windows.len()).map(|place| vec![place]).collect()
        };
        let mut ran: Vec<(usize, Ran)> = Vec::with_capacity(windows.len());
        for places in runs {
            let together: Vec<&[i64]> = places.iter().map(|place| windows[*place].as_slice()).collect();
            let outputs: Vec<Result<Vec<Vec<f32>>, String>> = match self.run(&together) {
                Ok(outputs) => outputs.into_iter().map(Ok).collect(),
                Err(reason) => vec![Err(reason); places.len()],
            };
            let with_tokens = places.iter().zip(outputs);
            ran.extend(with_tokens.map(|(place, outputs)| (*place, Ran { tokens: tokens[*place], outputs })));
        }
        ran.sort_by_key(|(place, _)| *place);
        ran.into_iter().map(|(_, ran)| ran).collect()
    }

    /// One run of the network over windows of token ids, those shorter than the longest padded: for
    /// each its outputs, of shape `[dim]`: the embedding, and the semantic vector of a model that has
    /// one of its own.
    pub fn run(&self, windows: &[&[i64]]) -> Result<Vec<Vec<Vec<f32>>>, String> {
        let longest = windows.iter().map(|ids| ids.len()).max().unwrap_or_default();
        let padded = |value: fn(i64) -> i64| {
            let row = |ids: &&[i64]| -> Vec<i64> {
                ids.iter().map(|id| value(*id)).chain(std::iter::repeat(0)).take(longest).collect()
            };
            Array::I64(vec![windows.len(), longest], windows.iter().flat_map(row).collect())
        };
        self.network.run_pieces(windows.len(), vec![padded(|id| id), padded(|_| 1)])
    }
}

/// What a run of the network gave for one window of token ids.
struct Ran {
    tokens: usize,
    outputs: Result<Vec<Vec<f32>>, String>,
}

fn read_mean(model: &Model, path: &str) -> Result<Vec<f32>, ModelError> {
    let mean: Vec<f32> = half_floats(&model.file(path)?).into_iter().map(f32::from).collect();
    if mean.len() != SEMANTIC_DIM || mean.iter().any(|value| !value.is_finite()) {
        return Err(model.refused(format!(
            "file `{path}` has {} values, expected {SEMANTIC_DIM} finite ones",
            mean.len()
        )));
    }
    Ok(mean)
}
