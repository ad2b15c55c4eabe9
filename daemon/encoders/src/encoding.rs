//! What is understood of one piece of content.

use attuned_recommender::{Embedding, Label, Modality};

use crate::purpose::Purpose;

/// One piece of content, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoding {
    /// What the content is.
    pub modality: Modality,
    /// Name and version of the model, as `name@version`. Embeddings of two models are never
    /// compared.
    pub model: String,
    /// The content in the model's own space, shape `[dim of the model]`, unit length.
    pub embedding: Embedding,
    /// The content in the shared space, shape `[384]`, unit length.
    pub semantic: Embedding,
    /// What was recognised, best first, at most [`LABELS_MAX`]; empty for text, which says itself
    /// what it is about.
    pub labels: Vec<Label>,
}

/// Most labels of one piece of content.
pub const LABELS_MAX: usize = 5;

/// What is known of a model without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSummary {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Values of its embedding.
    pub dim: usize,
    /// Size of its files in bytes.
    pub bytes: u64,
    /// Its licence, as an SPDX expression.
    pub licence: String,
    /// Whether it is used only if somebody asks for it, or nothing else is there.
    pub optional: bool,
    /// The shared space that its semantic vectors lie in.
    pub space: String,
    /// The languages of the texts that it is for, beside the model for all texts; none for all.
    pub languages: Vec<String>,
    /// Whether it is in memory.
    pub loaded: bool,
}

impl ModelSummary {
    /// Name and version, as embeddings name their model.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// A folder of a model, whatever its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundModel {
    /// The folder's name.
    pub folder: String,
    /// What its `model.toml` says; absent if that cannot be read.
    pub summary: Option<ModelSummary>,
    /// Whether it is used.
    pub state: ModelState,
}

/// Whether a model is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelState {
    /// It is what content is understood with.
    InUse,
    /// It could be.
    Available,
    /// It cannot be, for this reason.
    Refused(String),
}
