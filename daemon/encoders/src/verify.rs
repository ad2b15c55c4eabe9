//! Whether a model does what its original did: `golden/cases.json` of its folder.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::encoders::Encoders;
use crate::error::ModelError;
use crate::model::Model;

/// The least cosine between an embedding and the original's. The whole way is compared: decoders of
/// JPEG differ by up to 0.003, resamplers by 0.001, and sounds of several patches are pooled.
const COSINE_MIN: f32 = 0.95;

/// Largest file of cases in bytes.
const CASES_BYTES_MAX: u64 = 64 << 20;

/// What comparing with the original gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Golden {
    /// Inputs that were compared.
    pub cases: usize,
    /// The least cosine among them.
    pub least_cosine: f32,
}

impl Encoders {
    /// Compares the hashes of a model's files and its shapes with `model.toml`, and its embeddings
    /// with those of the original where the folder has them; `None` if it has none.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] says what is not as it should be.
    pub fn verify(&self, name: &str) -> Result<Option<Golden>, ModelError> {
        let only = self.only(name)?;
        let model = only.find(name)?;
        model.check_sizes()?;
        model.check_hashes()?;
        only.load(name)?;
        let folder = model.folder.join("golden");
        let file = folder.join("cases.json");
        if !file.exists() {
            return Ok(None);
        }
        let wrong = |reason: String| model.refused(format!("golden/cases.json: {reason}"));
        let bytes = fs::metadata(&file).map_err(|error| wrong(error.to_string()))?.len();
        if bytes > CASES_BYTES_MAX {
            return Err(wrong(format!("it has {bytes} bytes, expected at most {CASES_BYTES_MAX}")));
        }
        let text = fs::read(&file).map_err(|error| wrong(error.to_string()))?;
        let cases: Vec<Value> =
            serde_json::from_slice(&text).map_err(|error| wrong(format!("no list of cases: {error}")))?;
        let mut golden = Golden { cases: 0, least_cosine: 1.0 };
        for case in &cases {
            let Some((what, cosine)) = only.compare(&model, &folder, case).map_err(wrong)? else { continue };
            if cosine < COSINE_MIN {
                return Err(wrong(format!(
                    "`{what}` gives a cosine of {cosine:.4} with the original, expected at least {COSINE_MIN}"
                )));
            }
            golden.cases += 1;
            golden.least_cosine = golden.least_cosine.min(cosine);
        }
        Ok((golden.cases > 0).then_some(golden))
    }

    /// The input of a case and the cosine of its embedding with the original's; `None` for cases of
    /// another kind, of no words, and of more than one window.
    fn compare(&self, model: &Model, folder: &Path, case: &Value) -> Result<Option<(String, f32)>, String> {
        let Some(expected) = numbers(&case["embedding"]).or_else(|| numbers(&case["features"])) else {
            return Ok(None);
        };
        let (what, encoding) = if let Some(text) = case["text"].as_str() {
            let tokens_max = model.document.text.as_ref().map_or(usize::MAX, |text| text.tokens_max);
            let tokens = case["ids"].as_array().map_or(usize::MAX, Vec::len);
            if tokens <= 2 || tokens >= tokens_max {
                return Ok(None);
            }
            (text, self.encode_text(text))
        } else if let Some(file) = case["file"].as_str() {
            let bytes = fs::read(folder.join(file)).map_err(|error| format!("`{file}`: {error}"))?;
            let encode = match model.purpose.name() {
                "image" => Encoders::encode_image,
                "audio" => Encoders::encode_audio,
                _ => return Ok(None),
            };
            (file, encode(self, &bytes))
        } else {
            return Ok(None);
        };
        let found = encoding.map_err(|error| format!("`{what}`: {error}"))?.embedding;
        if found.dim() != expected.len() {
            let (found, expected) = (found.dim(), expected.len());
            return Err(format!("`{what}` gives {found} values, expected {expected}"));
        }
        let dot: f32 = found.as_slice().iter().zip(&expected).map(|(a, b)| a * b).sum();
        let length = expected.iter().map(|value| value * value).sum::<f32>().sqrt();
        Ok(Some((what.to_owned(), dot / length)))
    }
}

fn numbers(list: &Value) -> Option<Vec<f32>> {
    list.as_array()?.iter().map(|value| Some(value.as_f64()? as f32)).collect()
}
