//! What is understood of one piece of content.

use attuned_recommender::{Embedding, Label, Modality};

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
    /// Its name, which is also that of its folder.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it understands.
    pub modality: Modality,
    /// Values of its embedding.
    pub dim: usize,
    /// Size of its files in bytes.
    pub bytes: u64,
    /// Its licence, as an SPDX expression.
    pub licence: String,
    /// Whether it is in memory.
    pub loaded: bool,
}
