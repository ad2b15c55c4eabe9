//! `[bridge]`: the labels of a network, and where they lie in the shared space.

use serde::Deserialize;

use super::expect;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BridgeEntry {
    pub labels: String,
    /// Absent if the network has an output of role semantic; then temperature and top are not used.
    pub label_vectors: Option<String>,
    #[serde(default = "one")]
    pub temperature: f32,
    #[serde(default = "all")]
    pub top: usize,
    /// The least score with which a label is named; absent, 0.02.
    pub label_score_min: Option<f32>,
    #[serde(rename = "label_prompt")]
    _label_prompt: Option<String>,
}

const fn one() -> f32 {
    1.0
}

const fn all() -> usize {
    usize::MAX
}

impl BridgeEntry {
    pub fn check(&self) -> Result<(), String> {
        expect(self.temperature > 0.0, || format!("temperature is {}, expected above 0", self.temperature))?;
        expect(self.top > 0, || format!("top is {}, expected at least 1", self.top))?;
        let least = self.label_score_min.unwrap_or_default();
        expect((0.0..1.0).contains(&least), || format!("label_score_min is {least}, expected 0 to below 1"))
    }
}
