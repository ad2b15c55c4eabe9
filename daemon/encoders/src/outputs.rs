//! What a network's outputs mean: the content in the model's own space, in the shared space, and
//! the names of what was recognised.

use attuned_recommender::{Embedding, Modality, SEMANTIC_DIM};

use crate::bridge::Bridge;
use crate::encoding::Encoding;
use crate::error::ModelError;
use crate::model::{Model, RoleEntry};

/// Where in a network's outputs everything is.
#[derive(Debug)]
pub(crate) struct Outputs {
    id: String,
    embedding_at: usize,
    /// The output that is in the shared space already; absent means that the labels lead there.
    semantic_at: Option<usize>,
    /// The labels, and the way from them to the shared space.
    labels: Option<(usize, Bridge)>,
}

impl Outputs {
    /// Finds the outputs by their roles, and reads the labels. A network needs labels or an output
    /// of role semantic; without one of role embedding, that one is the embedding too.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if a role or a shape is not as it should be.
    pub fn load(model: &Model) -> Result<Outputs, ModelError> {
        let network = &model.document.network;
        let semantic_at = network.output_at(RoleEntry::Semantic);
        let embedding_at = network.output_at(RoleEntry::Embedding).or(semantic_at);
        let labels_at = network.output_at(RoleEntry::Logits).or(network.output_at(RoleEntry::Probabilities));
        let (Some(embedding_at), true) = (embedding_at, semantic_at.or(labels_at).is_some()) else {
            return Err(model.refused(
                "model.toml: expected two outputs: one of role embedding, one of role logits, probabilities or semantic",
            ));
        };
        let expect = |at: usize, values: usize, reason: &str| match &network.output[at] {
            output if output.values() == Some(values) => Ok(()),
            output => Err(model.refused(format!(
                "model.toml: output `{}` has another shape than [1, {values}], expected that {reason}",
                output.name
            ))),
        };
        expect(embedding_at, model.document.dim, "as dim says")?;
        if let Some(at) = semantic_at {
            expect(at, SEMANTIC_DIM, "of a vector in the shared space")?;
        }
        let labels = match labels_at.filter(|_| model.document.bridge.is_some()) {
            None => None,
            Some(at) => {
                let output = &network.output[at];
                let labels = output.values().ok_or_else(|| {
                    let name = &output.name;
                    model
                        .refused(format!("model.toml: output `{name}` has no shape [1, labels], expected it"))
                })?;
                Some((at, Bridge::load(model, output.role, labels)?))
            }
        };
        if semantic_at.is_none() && labels.is_none() {
            return Err(model.refused("model.toml: section [bridge] is missing, expected it"));
        }
        Ok(Outputs { id: model.id(), embedding_at, semantic_at, labels })
    }

    /// The content of one run in the model's own space.
    pub fn embedding<'a>(&self, outputs: &'a [Vec<f32>]) -> &'a [f32] {
        &outputs[self.embedding_at]
    }

    /// What one run, or the mean of several, says of the content.
    ///
    /// # Errors
    ///
    /// A sentence if no direction is left, as when nothing at all was recognised.
    pub fn encoding(&self, modality: Modality, outputs: &[Vec<f32>]) -> Result<Encoding, String> {
        let direction =
            |at: usize| Embedding::from_values(outputs[at].clone()).map_err(|error| error.to_string());
        let labels = self.labels.as_ref();
        let semantic = match (self.semantic_at, labels) {
            (Some(at), _) => direction(at)?,
            (None, Some((at, bridge))) => bridge.semantic(&outputs[*at])?,
            (None, None) => return Err("the model gives nothing in the shared space".to_owned()),
        };
        Ok(Encoding {
            modality,
            model: self.id.clone(),
            embedding: direction(self.embedding_at)?,
            semantic,
            labels: labels.map_or_else(Vec::new, |(at, bridge)| bridge.labels(&outputs[*at])),
        })
    }
}
