//! The document of models.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SwitchDocument;

/// Whether a model is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelStateDocument {
    /// Content is understood with it.
    InUse,
    /// It comes into use when every item is understood by it.
    Next,
    /// It could be used.
    Available,
    /// It cannot be used, see `reason`.
    Refused,
}

/// One folder of the models' folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelDocument {
    /// The folder's name.
    pub folder: String,
    /// The model's name; absent, as what follows, if its `model.toml` cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it is for: text, image, audio, video or fusion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modality: Option<String>,
    /// Values of its embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dim: Option<u64>,
    /// Size of its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its licence, SPDX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// The shared space that its semantic vectors lie in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// Whether it is used only if somebody asks for it, or nothing else is there.
    #[serde(default)]
    pub optional: bool,
    /// The languages of the texts that it is for, beside the model for all texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// Whether it is used.
    pub state: ModelStateDocument,
    /// Why it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it is in memory.
    #[serde(default)]
    pub loaded: bool,
}

/// Every model, as `attuned model list` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "models")]
pub struct ModelsDocument {
    /// The models, by folder.
    pub models: Vec<ModelDocument>,
    /// The switch that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<SwitchDocument>,
    /// Why the last switch was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What is to be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "use-models")]
pub struct UseModelsDocument {
    /// Models as `name` or `name@version`.
    pub models: Vec<String>,
}

/// Where to go back to what was used before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "rollback-model")]
pub struct RollbackModelDocument {
    /// For what: text, image, audio, video or fusion.
    pub modality: String,
}
