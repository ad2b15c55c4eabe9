//! `[text]`: how words become tokens, and `[semantic]`.

use serde::Deserialize;

use super::expect;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextEntry {
    pub tokenizer: String,
    pub tokens_max: usize,
    /// The languages (ISO 639-1) of the texts that it is for, besides the model for all others;
    /// none means that it is for all texts.
    #[serde(default)]
    pub languages: Vec<String>,
    /// Put before every text, as the model was trained.
    #[serde(default)]
    pub prefix: String,
    /// The file of the head that tells a text's sentiment.
    pub sentiment: Option<String>,
}

/// `[semantic]`: how an embedding of a text becomes a vector in the shared space.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SemanticEntry {
    pub mean: Option<String>,
}

impl TextEntry {
    pub fn check(&self) -> Result<(), String> {
        expect((3..=8192).contains(&self.tokens_max), || {
            format!("tokens_max is {}, expected 3 to 8192", self.tokens_max)
        })?;
        let is_language = |name: &&String| name.len() == 2 && name.bytes().all(|b| b.is_ascii_lowercase());
        match self.languages.iter().find(|name| !is_language(name)) {
            Some(name) => Err(format!("languages has `{name}`, expected two lower-case letters as in zh")),
            None => Ok(()),
        }
    }
}
