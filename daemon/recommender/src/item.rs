//! Items, and what was understood of their content.

use std::collections::BTreeMap;

use crate::context::Value;
use crate::embedding::Embedding;
use crate::id::ItemId;
use crate::modality::Modality;
use crate::time::Timestamp;

/// One thing that can be recommended, as its provider describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its name in topics, events and lists.
    pub id: ItemId,
    /// Free text: film, music, picture, article, recipe, scene, setting, device …
    pub kind: String,
    /// What people call it.
    pub title: Option<String>,
    /// A description.
    pub text: Option<String>,
    /// Words that describe it, in the provider's order.
    pub tags: Vec<String>,
    /// Named facts: `duration_min`, `age_rating`, `language` …
    pub attributes: BTreeMap<String, Value>,
    /// When it came out; absent means not known.
    pub published_at: Option<Timestamp>,
    /// From when on it must not be recommended; absent means never.
    pub expires_at: Option<Timestamp>,
    /// Who offers it.
    pub provider: Option<String>,
}

/// An embedding and the model that made it. Embeddings of two models are never compared.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelEmbedding {
    /// Name and version of the model, e.g. `efficientnet-lite0@1`, or `device` for vectors that
    /// came with the item.
    pub model: String,
    /// The direction, shape `[dim of the model]`.
    pub embedding: Embedding,
}

/// Something that was seen, heard or read, in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The words, e.g. `tabby cat` or `piano`.
    pub name: String,
    /// How sure the model is, in `[0, 1]`.
    pub score: f32,
}

/// What an item's media say together.
#[derive(Debug, Clone, PartialEq)]
pub struct FusedContent {
    /// Name and version of the model that joined them.
    pub model: String,
    /// The whole in the shared space, shape `[SEMANTIC_DIM]`.
    pub embedding: Embedding,
    /// How much each medium counted: above 0, together 1; absent ones are not there.
    pub shares: BTreeMap<Modality, f32>,
}

/// What was understood of an item's content. A modality that is absent from a map was not given,
/// or could not be understood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Content {
    /// One embedding a modality, in the modality's own space.
    pub embeddings: BTreeMap<Modality, ModelEmbedding>,
    /// One vector a modality in the shared space, shape `[SEMANTIC_DIM]`.
    pub semantic: BTreeMap<Modality, Embedding>,
    /// The vectors of `semantic` as one; absent means that their weighted mean stands for them.
    pub fused: Option<Box<FusedContent>>,
    /// What was recognised, best first.
    pub labels: BTreeMap<Modality, Vec<Label>>,
}
