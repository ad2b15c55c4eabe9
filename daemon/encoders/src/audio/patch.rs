//! A spectrogram cut into the patches that a model takes.

use super::mel::Spectrogram;
use crate::model::AudioEntry;

/// Cuts a spectrogram into patches of shape `[mels, patch_frames]` that follow each other by `patch_hop_frames`, at most
/// `patches_max`, spread evenly.
///
/// A last patch that the recording does not fill is filled with its frames from the beginning, as
/// MusiCNN's training did ("repeat-pad"); so is the only patch of a recording shorter than that.
pub(crate) fn patches(spectrogram: &Spectrogram, entry: &AudioEntry, patches_max: usize) -> Vec<Vec<f32>> {
    let starts: Vec<usize> = (0..spectrogram.frames).step_by(entry.patch_hop_frames).collect();
    let taken = starts.len().min(patches_max.max(1));
    let step = (starts.len() - 1) as f64 / taken.saturating_sub(1).max(1) as f64;
    (0..taken)
        .map(|at| starts[(at as f64 * step).round() as usize])
        .map(|start| patch(spectrogram, start, entry.patch_frames))
        .collect()
}

fn patch(spectrogram: &Spectrogram, start: usize, patch_frames: usize) -> Vec<f32> {
    let frames = spectrogram.frames;
    let mut values = Vec::with_capacity(spectrogram.values.len() / frames * patch_frames);
    for band in spectrogram.values.chunks_exact(frames) {
        values.extend((start..start + patch_frames).map(|frame| band[frame % frames]));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::mel::tests::entry;

    /// Two bands that count frames, the second from 1000.
    fn counting(frames: usize) -> Spectrogram {
        let values = (0..frames).chain(1000..1000 + frames).map(|at| at as f32).collect();
        Spectrogram { values, frames }
    }

    fn firsts(frames: usize, patches_max: usize) -> Vec<f32> {
        let entry = AudioEntry { patch_frames: 4, patch_hop_frames: 4, ..entry() };
        patches(&counting(frames), &entry, patches_max).iter().map(|patch| patch[0]).collect()
    }

    #[test]
    fn patches_follow_each_other_to_the_end() {
        assert_eq!(firsts(8, 10), [0.0, 4.0]);
        assert_eq!(firsts(9, 10), [0.0, 4.0, 8.0]);
    }

    #[test]
    fn what_a_recording_does_not_fill_is_filled_from_its_beginning() {
        let entry = AudioEntry { patch_frames: 4, patch_hop_frames: 4, ..entry() };
        let cut = patches(&counting(6), &entry, 10);
        assert_eq!(cut[1], [4.0, 5.0, 0.0, 1.0, 1004.0, 1005.0, 1000.0, 1001.0]);
        assert_eq!(
            patches(&counting(1), &entry, 10)[0],
            [0.0, 0.0, 0.0, 0.0, 1000.0, 1000.0, 1000.0, 1000.0]
        );
    }

    #[test]
    fn at_the_limit_patches_are_spread_evenly() {
        assert_eq!(firsts(400, 3), [0.0, 200.0, 396.0]);
        assert_eq!(firsts(400, 1), [0.0]);
    }
}
