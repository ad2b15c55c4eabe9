//! Text: words to tokens, tokens to one direction.

use attuned_recommender::{Embedding, Modality, SEMANTIC_DIM};
use tokenizers::{Tokenizer, TruncationParams};

use crate::bridge::half_floats;
use crate::encoding::Encoding;
use crate::error::{EncodeError, ModelError, one_line};
use crate::limits::Limits;
use crate::model::{Model, RoleEntry};
use crate::network::{Array, Network};

/// Bytes of UTF-8 that one token stands for at most, for all but contrived texts; bounds how much
/// of a long text is cut into tokens at all.
const TOKEN_BYTES: usize = 32;

/// A text model with its tokenizer.
#[derive(Debug)]
pub(crate) struct TextModel {
    id: String,
    tokenizer: Tokenizer,
    network: Network,
    tokens_max: usize,
    dim: usize,
    /// Subtracted from an embedding to centre the shared space; shape `[SEMANTIC_DIM]`.
    mean: Option<Vec<f32>>,
}

impl TextModel {
    /// Loads tokenizer and network.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if the model is not what its `model.toml` says.
    pub fn load(model: &Model) -> Result<TextModel, ModelError> {
        let document = &model.document;
        let entry =
            document.text.as_ref().ok_or_else(|| model.refused("model.toml: section [text] is missing"))?;
        if document.dim != SEMANTIC_DIM {
            return Err(model.refused(format!(
                "model.toml: dim is {}, expected {SEMANTIC_DIM}, as texts are the shared space",
                document.dim
            )));
        }
        if document.network.output.len() != 1 || document.network.output[0].role != RoleEntry::Embedding {
            return Err(model.refused("model.toml: a text model has one output, of role embedding"));
        }
        if document.network.input.len() != 2 {
            return Err(model.refused("model.toml: a text model has two inputs: token ids and their mask"));
        }
        let tokenizer = tokenizer(&model.file(&entry.tokenizer)?, entry.tokens_max)
            .map_err(|error| model.refused(format!("file `{}`: {error}", entry.tokenizer)))?;
        let mean = document.semantic.as_ref().and_then(|semantic| semantic.mean.as_ref());
        let mean = mean.map(|path| read_mean(model, path)).transpose()?;
        Ok(TextModel {
            id: model.id(),
            tokenizer,
            network: Network::load(model)?,
            tokens_max: entry.tokens_max,
            dim: document.dim,
            mean,
        })
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
        let read_max = limits.text_windows_max * self.tokens_max * TOKEN_BYTES;
        let text = &text[..text.floor_char_boundary(read_max)];
        let encoding = self
            .tokenizer
            .encode(text, true)
            .map_err(|error| EncodeError::unreadable(Modality::Text, error.to_string()))?;
        let windows: Vec<Vec<i64>> = std::iter::once(&encoding)
            .chain(encoding.get_overflowing())
            .filter(|window| window.get_special_tokens_mask().contains(&0))
            .take(limits.text_windows_max)
            .map(|window| window.get_ids().iter().map(|id| i64::from(*id)).collect())
            .collect();
        if windows.is_empty() {
            return Err(EncodeError::unreadable(Modality::Text, "it has no words, expected at least one"));
        }
        Ok(windows)
    }

    /// Understands a text. Of one longer than the model's limit, the windows' embeddings are
    /// averaged by their number of tokens.
    ///
    /// # Errors
    ///
    /// As [`tokens`](Self::tokens); [`EncodeError::Unavailable`] if the network fails.
    pub fn encode(&self, text: &str, limits: &Limits) -> Result<Encoding, EncodeError> {
        let unavailable =
            |reason: String| EncodeError::Unavailable { modality: Modality::Text, reason: one_line(&reason) };
        let mut sum = vec![0.0_f32; self.dim];
        for ids in self.tokens(text, limits)? {
            let weight = ids.len() as f32;
            for (sum, value) in sum.iter_mut().zip(self.window(ids).map_err(unavailable)?) {
                *sum += weight * value;
            }
        }
        let embedding = Embedding::from_values(sum).map_err(|error| unavailable(error.to_string()))?;
        let semantic = match &self.mean {
            None => embedding.clone(),
            Some(mean) => {
                let centred =
                    embedding.as_slice().iter().zip(mean).map(|(value, mean)| value - mean).collect();
                Embedding::from_values(centred).map_err(|error| unavailable(error.to_string()))?
            }
        };
        Ok(Encoding {
            modality: Modality::Text,
            model: self.id.clone(),
            embedding,
            semantic,
            labels: Vec::new(),
        })
    }

    /// The network's embedding of one window of token ids, shape `[dim]`.
    pub fn window(&self, ids: Vec<i64>) -> Result<Vec<f32>, String> {
        let shape = vec![1, ids.len()];
        let mask = Array::I64(shape.clone(), vec![1; ids.len()]);
        Ok(self.network.run(vec![Array::I64(shape, ids), mask])?.swap_remove(0))
    }
}

fn tokenizer(bytes: &[u8], tokens_max: usize) -> Result<Tokenizer, String> {
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| error.to_string())?;
    let truncation = TruncationParams { max_length: tokens_max, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation)).map_err(|error| error.to_string())?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
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
