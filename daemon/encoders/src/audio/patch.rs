//! A recording cut into the patches that a model takes.

use super::mel::{MelFilter, Spectrogram};
use crate::model::AudioEntry;

/// A stretch of a recording, as a model takes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Patch {
    /// Bands one after another, time innermost: shape `[mels, patch_frames]`.
    pub values: Vec<f32>,
    /// The root mean square of the samples under it, of full scale 1.
    pub amplitude: f32,
}

/// Cuts a recording into patches that follow each other by `patch_hop_frames`. The last begins
/// earlier where it would pass the end; a recording shorter than a patch is repeated.
///
/// Of more than `patches_max`, the loudest of each of as many equal stretches is taken, so that a
/// long recording is heard all over and its pauses are not.
pub(crate) fn patches(
    filter: &MelFilter,
    samples: &[f32],
    entry: &AudioEntry,
    patches_max: usize,
) -> Vec<Patch> {
    let framed = filter.framed(samples);
    places(framed.frames, samples, entry, patches_max)
        .into_iter()
        .map(|(start, amplitude)| {
            let end = (start + entry.patch_frames).min(framed.frames);
            let values = repeated(&filter.spectrogram(&framed, start..end), entry.patch_frames);
            Patch { values, amplitude }
        })
        .collect()
}

/// Where patches begin, in frames, and the root mean square of the samples under each.
fn places(frames: usize, samples: &[f32], entry: &AudioEntry, patches_max: usize) -> Vec<(usize, f32)> {
    let last = frames.saturating_sub(entry.patch_frames);
    let mut starts: Vec<usize> =
        (0..frames).step_by(entry.patch_hop_frames).map(|start| start.min(last)).collect();
    starts.dedup();
    let places: Vec<(usize, f32)> =
        starts.into_iter().map(|start| (start, amplitude(samples, start, entry))).collect();
    let taken = places.len().min(patches_max.max(1));
    (0..taken)
        .map(|stretch| &places[stretch * places.len() / taken..(stretch + 1) * places.len() / taken])
        .map(|stretch| {
            stretch.iter().fold(stretch[0], |best, place| if place.1 > best.1 { *place } else { best })
        })
        .collect()
}

fn amplitude(samples: &[f32], start: usize, entry: &AudioEntry) -> f32 {
    let from = (start * entry.hop).min(samples.len());
    let to = (from + entry.patch_frames * entry.hop).min(samples.len());
    let under = &samples[from..to];
    let energy: f64 = under.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (energy / under.len().max(1) as f64).sqrt() as f32
}

/// The values of a spectrogram, repeated from its beginning until they fill a patch.
fn repeated(spectrogram: &Spectrogram, patch_frames: usize) -> Vec<f32> {
    let frames = spectrogram.frames;
    let mut values = Vec::with_capacity(spectrogram.values.len() / frames * patch_frames);
    for band in spectrogram.values.chunks_exact(frames) {
        values.extend((0..patch_frames).map(|frame| band[frame % frames]));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::mel::tests::entry;

    /// Frames of one sample, four to a patch.
    fn four() -> AudioEntry {
        AudioEntry { patch_frames: 4, patch_hop_frames: 4, hop: 1, ..entry() }
    }

    fn firsts(samples: &[f32], patches_max: usize) -> Vec<usize> {
        places(samples.len(), samples, &four(), patches_max).iter().map(|place| place.0).collect()
    }

    #[test]
    fn patches_follow_each_other_to_the_end() {
        assert_eq!(firsts(&[0.0; 8], 10), [0, 4]);
        assert_eq!(firsts(&[0.0; 9], 10), [0, 4, 5]);
    }

    #[test]
    fn what_is_shorter_than_a_patch_is_repeated() {
        let counting = Spectrogram { values: vec![0.0, 1.0, 2.0, 1000.0, 1001.0, 1002.0], frames: 3 };
        assert_eq!(repeated(&counting, 4), [0.0, 1.0, 2.0, 0.0, 1000.0, 1001.0, 1002.0, 1000.0]);
        assert_eq!(places(3, &[0.5; 3], &four(), 10), [(0, 0.5)]);
        assert_eq!(places(1, &[], &four(), 10), [(0, 0.0)]);
    }

    #[test]
    fn at_the_limit_each_stretch_gives_its_loudest_patch() {
        assert_eq!(firsts(&[0.0; 400], 4), [0, 100, 200, 300]);
        let mut samples = vec![0.1; 400];
        samples[44..48].fill(0.9);
        samples[396..].fill(-0.9);
        assert_eq!(firsts(&samples, 4), [44, 100, 200, 396]);
        assert_eq!(firsts(&samples, 1), [44]);
        assert_eq!(firsts(&samples, 0), [44]);
    }

    #[test]
    fn a_patch_is_that_part_of_the_whole_spectrogram() {
        let entry = AudioEntry { patch_frames: 20, patch_hop_frames: 20, ..entry() };
        let filter = MelFilter::new(&entry);
        let samples: Vec<f32> = (0..16_000).map(|at| ((at * at) % 997) as f32 / 997.0 - 0.5).collect();
        let whole = filter.log_mel(&samples);
        let cut = patches(&filter, &samples, &entry, 10);
        for (patch, start) in cut.iter().zip([0, 20, 40, 43]) {
            for (band, values) in patch.values.chunks_exact(20).enumerate() {
                assert_eq!(values, &whole.values[band * whole.frames + start..][..20]);
            }
        }
        assert_eq!(cut.len(), 4);
    }
}
