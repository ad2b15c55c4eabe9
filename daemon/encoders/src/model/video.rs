//! `[video]`: how frames and their sound become the network's input.

use serde::Deserialize;

use super::expect;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VideoEntry {
    /// Frames that the network takes.
    pub frames: usize,
    /// The model of pictures whose embeddings of frames it takes, as `name@version`.
    pub frame_model: String,
}

impl VideoEntry {
    pub fn check(&self) -> Result<(), String> {
        expect((1..=256).contains(&self.frames), || format!("frames is {}, expected 1 to 256", self.frames))
    }
}
