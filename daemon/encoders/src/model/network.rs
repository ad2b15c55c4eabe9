//! `[network]`: the ONNX file, and what goes in and comes out.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkEntry {
    pub file: String,
    pub input: Vec<InputEntry>,
    pub output: Vec<OutputEntry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputEntry {
    pub name: String,
    #[serde(rename = "type")]
    pub datum: DatumEntry,
    pub shape: Vec<DimEntry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutputEntry {
    pub name: String,
    pub role: RoleEntry,
    pub shape: Vec<DimEntry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DatumEntry {
    F32,
    I64,
}

/// What an output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleEntry {
    /// The content in the model's own space.
    Embedding,
    /// The content in the shared space.
    Semantic,
    /// How much each medium counted, of a model of fusion.
    Shares,
    /// One number a label; softmax makes them probabilities that add up to 1.
    Logits,
    /// One probability a label, each for itself.
    Probabilities,
}

/// One dimension of a shape: so many values, or a named number that is known when it runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum DimEntry {
    Values(usize),
    Symbol(String),
}

impl NetworkEntry {
    /// The place of the first output of that role.
    pub fn output_at(&self, role: RoleEntry) -> Option<usize> {
        self.output.iter().position(|output| output.role == role)
    }
}

impl OutputEntry {
    /// The values of one run over one piece of content, if the shape is `[1, values]`; the 1 may be
    /// a symbol, as of networks that take several pieces at once.
    pub fn values(&self) -> Option<usize> {
        match self.shape.as_slice() {
            [DimEntry::Values(1) | DimEntry::Symbol(_), DimEntry::Values(values)] => Some(*values),
            _ => None,
        }
    }
}
