//! A spectrogram cut into the patches that a model takes.

use super::mel::Spectrogram;
use crate::model::AudioEntry;

/// What a patch of silence weighs against one at full scale, so that a silent recording still has
/// an average.
const LOUDNESS_MIN: f32 = 1e-3;

/// One patch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Patch {
    /// Bands one after another, time innermost: shape `[mels, patch_frames]`.
    pub values: Vec<f32>,
    /// Its mean level, at least [`LOUDNESS_MIN`]: the weight it has among the others.
    pub loudness: f32,
}

/// Cuts a spectrogram into patches that follow each other by `patch_hop_frames`, at most
/// `patches_max`, spread evenly.
///
/// A last patch that the recording does not fill is filled with its frames from the beginning, as
/// MusiCNN's training did ("repeat-pad"); so is the only patch of a recording shorter than that.
pub(crate) fn patches(spectrogram: &Spectrogram, entry: &AudioEntry, patches_max: usize) -> Vec<Patch> {
    let starts: Vec<usize> = (0..spectrogram.frames).step_by(entry.patch_hop_frames).collect();
    let taken = starts.len().min(patches_max.max(1));
    let step = (starts.len() - 1) as f64 / taken.saturating_sub(1).max(1) as f64;
    (0..taken)
        .map(|at| starts[(at as f64 * step).round() as usize])
        .map(|start| patch(spectrogram, start, entry.patch_frames))
        .collect()
}

fn patch(spectrogram: &Spectrogram, start: usize, patch_frames: usize) -> Patch {
    let frames = spectrogram.frames;
    let mut values = Vec::with_capacity(spectrogram.values.len() / frames * patch_frames);
    for band in spectrogram.values.chunks_exact(frames) {
        values.extend((start..start + patch_frames).map(|frame| band[frame % frames]));
    }
    let level: f32 = (start..start + patch_frames).map(|frame| spectrogram.levels[frame % frames]).sum();
    Patch { values, loudness: (level / patch_frames as f32).max(LOUDNESS_MIN) }
}
