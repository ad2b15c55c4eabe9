//! The bridge from what was recognised to the shared space, by convex combination of label
//! embeddings.
//!
//! Source: Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings"
//! (ConSE), ICLR 2014.

use attuned_recommender::{Embedding, Label, SEMANTIC_DIM};
use half::f16;

use crate::encoding::LABELS_MAX;
use crate::error::ModelError;
use crate::model::{Model, RoleEntry};

/// The least score with which a label is named, where the model says nothing: below, it is a guess
/// that misleads.
const LABEL_SCORE_MIN: f32 = 0.02;

/// A model's labels, with the vector of each in the shared space.
#[derive(Debug)]
pub(crate) struct Bridge {
    names: Vec<String>,
    /// Row by row, shape `[labels, SEMANTIC_DIM]`; empty if the network leads to the shared space
    /// itself.
    vectors: Vec<f16>,
    temperature: f32,
    top: usize,
    exclusive: bool,
    score_min: f32,
}

impl Bridge {
    /// Reads the labels and their vectors. `labels` is how many the network gives, and `role` how
    /// they are to be read.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if there are not as many names or vectors as the network has labels.
    pub fn load(model: &Model, role: RoleEntry, labels: usize) -> Result<Bridge, ModelError> {
        let entry = model
            .document
            .bridge
            .as_ref()
            .ok_or_else(|| model.refused("model.toml: section [bridge] is missing, expected it"))?;
        let names = String::from_utf8(model.file(&entry.labels)?)
            .map_err(|error| model.refused(format!("file `{}`: {error}", entry.labels)))?;
        let names: Vec<String> = names.lines().map(|name| name.trim().to_owned()).collect();
        if names.len() != labels || names.iter().any(String::is_empty) {
            return Err(model.refused(format!(
                "file `{}` has {} names, expected {labels}, one a line and none empty",
                entry.labels,
                names.len()
            )));
        }
        let vectors = match &entry.label_vectors {
            Some(file) => label_vectors(model, file, labels)?,
            None => Vec::new(),
        };
        let exclusive = role == RoleEntry::Logits;
        let score_min = entry.label_score_min.unwrap_or(LABEL_SCORE_MIN);
        Ok(Bridge { names, vectors, temperature: entry.temperature, top: entry.top, exclusive, score_min })
    }

    /// The labels of one run, best first: at most [`LABELS_MAX`], scores in `[0, 1]`.
    pub fn labels(&self, outputs: &[f32]) -> Vec<Label> {
        let scores = self.probabilities(outputs, 1.0);
        best(&scores, LABELS_MAX)
            .into_iter()
            .filter(|at| scores[*at] >= self.score_min)
            .map(|at| Label { name: self.names[at].clone(), score: scores[at].clamp(0.0, 1.0) })
            .collect()
    }

    /// The content in the shared space: the vectors of the most probable labels, each weighted by
    /// its probability at the temperature, scaled to unit length.
    ///
    /// # Errors
    ///
    /// A sentence if no direction is left, as when nothing at all was recognised.
    pub fn semantic(&self, outputs: &[f32]) -> Result<Embedding, String> {
        let weights = self.probabilities(outputs, self.temperature);
        let mut sum = vec![0.0_f32; SEMANTIC_DIM];
        for at in best(&weights, self.top) {
            let row = &self.vectors[at * SEMANTIC_DIM..(at + 1) * SEMANTIC_DIM];
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += weights[at] * value.to_f32();
            }
        }
        Embedding::from_values(sum).map_err(|error| error.to_string())
    }

    /// Softmax divides logits by the temperature, which raises probabilities to its inverse, but
    /// for a factor; those of labels that are not exclusive are raised to it as they are.
    fn probabilities(&self, outputs: &[f32], temperature: f32) -> Vec<f32> {
        if !self.exclusive {
            return outputs.iter().map(|score| score.max(0.0).powf(temperature.recip())).collect();
        }
        let max = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f32> = outputs.iter().map(|logit| ((logit - max) / temperature).exp()).collect();
        let sum: f32 = powers.iter().sum();
        powers.into_iter().map(|power| power / sum).collect()
    }
}

fn label_vectors(model: &Model, file: &str, labels: usize) -> Result<Vec<f16>, ModelError> {
    let vectors = half_floats(&model.file(file)?);
    if vectors.len() != labels * SEMANTIC_DIM || vectors.iter().any(|value| !value.is_finite()) {
        return Err(model.refused(format!(
            "file `{file}` has {} values, expected {labels} x {SEMANTIC_DIM} finite ones",
            vectors.len()
        )));
    }
    Ok(vectors)
}

/// The places of the `n` largest values, largest first; of equal ones the first.
fn best(values: &[f32], n: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    places.truncate(n);
    places
}

/// Reads little-endian half floats; a last odd byte is left out.
pub(crate) fn half_floats(bytes: &[u8]) -> Vec<f16> {
    bytes.chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels `a`, `b`, `c`, each with an axis of its own.
    fn bridge(exclusive: bool, top: usize) -> Bridge {
        let mut vectors = vec![f16::ZERO; 3 * SEMANTIC_DIM];
        for label in 0..3 {
            vectors[label * SEMANTIC_DIM + label] = f16::ONE;
        }
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        Bridge { names, vectors, temperature: 2.0, top, exclusive, score_min: LABEL_SCORE_MIN }
    }

    fn named(labels: &[Label]) -> Vec<(&str, f32)> {
        labels.iter().map(|label| (label.name.as_str(), (label.score * 100.0).round() / 100.0)).collect()
    }

    #[test]
    fn exclusive_labels_share_one_probability() {
        let labels = bridge(true, 3).labels(&[0.0, 2.0, 1.0]);
        assert_eq!(named(&labels), [("b", 0.67), ("c", 0.24), ("a", 0.09)]);
    }

    #[test]
    fn other_labels_stand_for_themselves_and_faint_ones_are_not_named() {
        assert_eq!(named(&bridge(false, 3).labels(&[0.9, 0.001, 0.95])), [("c", 0.95), ("a", 0.9)]);
    }

    #[test]
    fn the_semantic_vector_lies_between_the_best_labels() {
        let logits = [2.0 * 3.0_f32.ln(), 0.0, -50.0];
        let semantic = bridge(true, 2).semantic(&logits).expect("a direction");
        let values = semantic.as_slice();
        assert_eq!(values.len(), SEMANTIC_DIM);
        assert!((values[0] / values[1] - 3.0).abs() < 1e-3, "{:?}", &values[..3]);
        assert_eq!(values[2], 0.0);
    }

    #[test]
    fn a_temperature_lets_lesser_labels_count_more() {
        let semantic = bridge(false, 3).semantic(&[0.81, 0.09, 0.0]).expect("a direction");
        let values = semantic.as_slice();
        assert!((values[0] / values[1] - 3.0).abs() < 1e-3, "{:?}", &values[..3]);
    }

    #[test]
    fn of_equal_values_the_first_is_best() {
        assert_eq!(best(&[0.5, 0.7, 0.5, 0.7], 3), [1, 3, 0]);
    }
}
