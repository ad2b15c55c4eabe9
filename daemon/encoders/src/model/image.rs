//! `[image]`: how a picture becomes the network's input.

use serde::Deserialize;

use super::expect;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageEntry {
    pub resize_shorter_side: u32,
    pub crop: u32,
    #[serde(rename = "filter")]
    pub _filter: FilterEntry,
    pub scale: f32,
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FilterEntry {
    /// The cubic of a = -0.5 with antialiasing, as PIL has it.
    Bicubic,
}

impl ImageEntry {
    pub fn check(&self) -> Result<(), String> {
        let (crop, side) = (self.crop, self.resize_shorter_side);
        expect((1..=4096).contains(&crop) && (crop..=4096).contains(&side), || {
            format!(
                "crop is {crop} and resize_shorter_side {side}, expected 1 <= crop <= resize_shorter_side <= 4096"
            )
        })?;
        expect(self.std.iter().all(|std| *std > 0.0), || {
            format!("std is {:?}, expected numbers above 0", self.std)
        })
    }
}
