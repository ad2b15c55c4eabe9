//! `[audio]`: how a sound becomes the network's input.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AudioEntry {
    pub sample_rate_hz: u32,
    pub n_fft: usize,
    /// Samples under the window, the rest of `n_fft` being silence; absent, all of them.
    pub win_length: Option<usize>,
    pub hop: usize,
    pub mels: usize,
    pub mel_scale: MelScaleEntry,
    pub f_min_hz: f32,
    pub f_max_hz: f32,
    #[serde(rename = "window")]
    pub _window: WindowEntry,
    pub center: bool,
    pub pad: PadEntry,
    pub power: f32,
    pub compression: CompressionEntry,
    pub patch_frames: usize,
    pub patch_hop_frames: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MelScaleEntry {
    /// Slaney's scale, triangles straight in Hz and of unit area, as librosa has it.
    Slaney,
    /// HTK's scale, triangles straight in mels and 1 at their peak, as TensorFlow has it.
    Htk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WindowEntry {
    Hann,
}

/// What stands before the first and after the last sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PadEntry {
    Constant,
    Reflect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum CompressionEntry {
    /// As MusiCNN was trained.
    #[serde(rename = "log10(10000x+1)")]
    Log10,
    /// As YAMNet was trained.
    #[serde(rename = "log(x+0.001)")]
    Natural,
}

impl AudioEntry {
    pub fn check(&self) -> Result<(), String> {
        let nyquist = self.sample_rate_hz as f32 / 2.0;
        let checks = [
            ("sample_rate_hz", (8_000..=48_000).contains(&self.sample_rate_hz), "8000 to 48000"),
            (
                "n_fft",
                self.n_fft.is_power_of_two() && (64..=8192).contains(&self.n_fft),
                "a power of 2 in 64 to 8192",
            ),
            (
                "win_length",
                self.win_length.is_none_or(|length| (1..=self.n_fft).contains(&length)),
                "1 to n_fft",
            ),
            ("hop", (1..=self.n_fft).contains(&self.hop), "1 to n_fft"),
            ("mels", (1..=512).contains(&self.mels), "1 to 512"),
            ("f_min_hz", (0.0..self.f_max_hz).contains(&self.f_min_hz), "0 up to below f_max_hz"),
            ("f_max_hz", self.f_max_hz <= nyquist, "at most half the sample rate"),
            ("power", self.power == 2.0 || self.power == 1.0, "1 or 2"),
            ("patch_frames", (1..=100_000).contains(&self.patch_frames), "1 to 100000"),
            ("patch_hop_frames", (1..=100_000).contains(&self.patch_hop_frames), "1 to 100000"),
        ];
        match checks.iter().find(|(_, holds, _)| !holds) {
            Some((field, _, expected)) => {
                Err(format!("{field} of [audio] is out of range, expected {expected}"))
            }
            None => Ok(()),
        }
    }
}
