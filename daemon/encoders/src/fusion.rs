//! Fusion: the vectors of an item's media in the shared space to one vector of the item.

use std::collections::BTreeMap;

use attuned_recommender::{Embedding, FusedContent, Modality, SEMANTIC_DIM};

use crate::error::{ModelError, one_line};
use crate::memory::Loadable;
use crate::model::{DatumEntry, DimEntry, Model, RoleEntry};
use crate::network::{Array, Network, Runtime};

/// Places for media: one token a modality, in the order of [`Modality::ALL`].
const TOKENS: usize = Modality::ALL.len();

/// Furthest that the sum of the shares may be from 1, in a network that gives shares at all.
const SHARES_TOLERANCE: f32 = 1e-3;

/// A fusion model.
#[derive(Debug)]
pub(crate) struct FusionModel {
    id: String,
    network: Network,
    fused_at: usize,
    shares_at: usize,
}

impl Loadable for FusionModel {
    fn load_from(model: &Model, runtime: Runtime) -> Result<FusionModel, ModelError> {
        let network = &model.document.network;
        let tokens = [DimEntry::Values(1), DimEntry::Values(TOKENS), DimEntry::Values(SEMANTIC_DIM)];
        let present = [DimEntry::Values(1), DimEntry::Values(TOKENS)];
        let is = |at: usize, shape: &[DimEntry]| {
            network.input.get(at).is_some_and(|input| input.shape == shape && input.datum == DatumEntry::F32)
        };
        if network.input.len() != 2 || !is(0, &tokens) || !is(1, &present) {
            return Err(model.refused(format!(
                "model.toml: a model of fusion has two inputs of f32: tokens [1, {TOKENS}, {SEMANTIC_DIM}], present [1, {TOKENS}]"
            )));
        }
        let output = |role, values: usize| {
            let at = network.output_at(role)?;
            (network.output[at].values() == Some(values)).then_some(at)
        };
        let (Some(fused_at), Some(shares_at)) =
            (output(RoleEntry::Semantic, SEMANTIC_DIM), output(RoleEntry::Shares, TOKENS))
        else {
            return Err(model.refused(format!(
                "model.toml: a model of fusion has two outputs: one of role semantic, [1, {SEMANTIC_DIM}], one of role shares, [1, {TOKENS}]"
            )));
        };
        Ok(FusionModel { id: model.id(), network: Network::load(model, runtime)?, fused_at, shares_at })
    }
}

impl FusionModel {
    /// Joins vectors of shape `[SEMANTIC_DIM]`; at least one is there, others are passed over.
    ///
    /// # Errors
    ///
    /// A sentence if the network fails, or gives shares that are none.
    pub fn fuse(&self, parts: &BTreeMap<Modality, Embedding>) -> Result<FusedContent, String> {
        let mut tokens = vec![0.0; TOKENS * SEMANTIC_DIM];
        let mut present = vec![0.0; TOKENS];
        for (at, modality) in Modality::ALL.iter().enumerate() {
            let part = parts.get(modality).filter(|part| part.dim() == SEMANTIC_DIM);
            if let Some(part) = part {
                tokens[at * SEMANTIC_DIM..(at + 1) * SEMANTIC_DIM].copy_from_slice(part.as_slice());
                present[at] = 1.0;
            }
        }
        let mut outputs = self
            .network
            .run(vec![
                Array::F32(vec![1, TOKENS, SEMANTIC_DIM], tokens),
                Array::F32(vec![1, TOKENS], present.clone()),
            ])
            .map_err(|reason| one_line(&reason))?;
        let shares = &outputs[self.shares_at];
        let sum: f32 = shares.iter().sum();
        let of_absent = shares.iter().zip(&present).any(|(share, there)| *there == 0.0 && *share != 0.0);
        if (sum - 1.0).abs() > SHARES_TOLERANCE || shares.iter().any(|share| *share < 0.0) || of_absent {
            return Err(format!(
                "output of role shares is {shares:?}, expected 1 together and 0 of what is absent"
            ));
        }
        let named = Modality::ALL.into_iter().zip(shares.iter().copied());
        let shares = named.filter(|(_, share)| *share > 0.0).collect();
        let embedding = Embedding::from_values(outputs.swap_remove(self.fused_at))
            .map_err(|error| format!("output of role semantic: {error}"))?;
        Ok(FusedContent { model: self.id.clone(), embedding, shares })
    }
}
