//! Samples to a log-mel spectrogram, as librosa or TensorFlow computes it.
//!
//! Sources: librosa's `feature.melspectrogram`, `filters.mel` and `core.stft`, with the mel scale of
//! Slaney's Auditory Toolbox; TensorFlow's `tf.signal.stft` and `linear_to_mel_weight_matrix`, with
//! that of HTK.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

use crate::model::{AudioEntry, CompressionEntry, MelScaleEntry, PadEntry};

/// The constants of `log10(10000 x + 1)`, the compression that MusiCNN was trained with
/// (its package's extractor.py).
const COMPRESSION_GAIN: f32 = 10_000.0;

/// The constant of `log(x + 0.001)`, the compression that YAMNet was trained with (its params.py).
const COMPRESSION_OFFSET: f32 = 0.001;

/// Energy over time and frequency.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spectrogram {
    /// Bands one after another, time innermost: shape `[mels, frames]`.
    pub values: Vec<f32>,
    /// How many frames there are, at least 1.
    pub frames: usize,
}

/// A recording, padded, and how many frames it has.
pub(crate) struct Framed<'a> {
    padded: Cow<'a, [f32]>,
    /// At least 1.
    pub frames: usize,
}

/// A prepared transform.
pub(crate) struct MelFilter {
    entry: AudioEntry,
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    bands: Vec<Band>,
}

/// One triangular filter: its weights from a first bin on.
#[derive(Debug)]
struct Band {
    first: usize,
    weights: Vec<f32>,
}

impl fmt::Debug for MelFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MelFilter").field("entry", &self.entry).finish_non_exhaustive()
    }
}

impl MelFilter {
    /// Prepares the transform that `model.toml` describes.
    pub fn new(entry: &AudioEntry) -> MelFilter {
        let n = entry.win_length.unwrap_or(entry.n_fft);
        // Periodic, as scipy's `get_window` gives it.
        let window = (0..n).map(|at| 0.5 - 0.5 * (std::f64::consts::TAU * at as f64 / n as f64).cos());
        MelFilter {
            fft: RealFftPlanner::new().plan_fft_forward(entry.n_fft),
            window: window.map(|value| value as f32).collect(),
            bands: bands(entry),
            entry: entry.clone(),
        }
    }

    /// The spectrogram of samples in `[-1, 1]`; of none at all, that of one silent frame.
    #[cfg(test)]
    pub fn log_mel(&self, samples: &[f32]) -> Spectrogram {
        let framed = self.framed(samples);
        self.spectrogram(&framed, 0..framed.frames)
    }

    /// Samples with what stands before and after them.
    pub fn framed<'a>(&self, samples: &'a [f32]) -> Framed<'a> {
        // librosa puts a window that is shorter than the transform in its middle, and so frames on
        // either side into it that count for nothing; where it lies changes no magnitude.
        let n = self.window.len();
        let reach = if self.entry.center { n / 2 } else { 0 };
        let padded = padded(samples, reach, n, self.entry.pad);
        let frames = 1 + (padded.len() - n) / self.entry.hop;
        Framed { padded, frames }
    }

    /// The spectrogram of some of a recording's frames.
    pub fn spectrogram(&self, framed: &Framed<'_>, range: Range<usize>) -> Spectrogram {
        let n = self.window.len();
        let (first, frames) = (range.start, range.len());
        let mut values = vec![0.0; self.bands.len() * frames];
        let mut windowed = vec![0.0_f32; self.entry.n_fft];
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        let mut powers = vec![0.0_f32; self.entry.n_fft / 2 + 1];
        for frame in 0..frames {
            let from = &framed.padded[(first + frame) * self.entry.hop..][..n];
            for ((to, sample), weight) in windowed.iter_mut().zip(from).zip(&self.window) {
                *to = sample * weight;
            }
            // The transform leaves its own numbers in its input.
            windowed[n..].fill(0.0);
            self.fft
                .process_with_scratch(&mut windowed, &mut spectrum, &mut scratch)
                .expect("the buffers are of the lengths that the plan gave");
            for (power, bin) in powers.iter_mut().zip(&spectrum) {
                *power = if self.entry.power == 2.0 { bin.norm_sqr() } else { bin.norm() };
            }
            for (band, filter) in self.bands.iter().enumerate() {
                let bins = &powers[filter.first..][..filter.weights.len()];
                let energy: f32 =
                    bins.iter().zip(&filter.weights).map(|(power, weight)| power * weight).sum();
                values[band * frames + frame] = match self.entry.compression {
                    CompressionEntry::Log10 => (COMPRESSION_GAIN * energy + 1.0).log10(),
                    CompressionEntry::Natural => (energy + COMPRESSION_OFFSET).ln(),
                };
            }
        }
        Spectrogram { values, frames }
    }
}

/// Samples with `reach` more on either side, and at least `n` in all.
fn padded(samples: &[f32], reach: usize, n: usize, pad: PadEntry) -> Cow<'_, [f32]> {
    if reach == 0 && samples.len() >= n {
        return Cow::Borrowed(samples);
    }
    let mut padded = vec![0.0; (samples.len() + 2 * reach).max(n)];
    padded[reach..reach + samples.len()].copy_from_slice(samples);
    if pad == PadEntry::Reflect && samples.len() > 1 {
        // A mirror at the first and the last sample, without repeating them; short recordings are
        // mirrored as often as it takes.
        let period = 2 * (samples.len() - 1);
        let mirrored = |at: usize| if at < samples.len() { samples[at] } else { samples[period - at] };
        for away in 1..=reach {
            padded[reach - away] = mirrored(away % period);
            let end = samples.len() - 1 + away;
            padded[reach + end] = mirrored(end % period);
        }
    }
    Cow::Owned(padded)
}

fn bands(entry: &AudioEntry) -> Vec<Band> {
    let rate = f64::from(entry.sample_rate_hz);
    let scale = entry.mel_scale;
    let (low, high) = (scale.mel(f64::from(entry.f_min_hz)), scale.mel(f64::from(entry.f_max_hz)));
    let edges: Vec<f64> =
        (0..entry.mels + 2).map(|at| low + (high - low) * at as f64 / (entry.mels + 1) as f64).collect();
    edges
        .windows(3)
        .map(|edge| {
            let weights: Vec<f32> = (0..=entry.n_fft / 2)
                .map(|bin| scale.weight(edge, bin as f64 * rate / entry.n_fft as f64) as f32)
                .collect();
            let first = weights.iter().position(|weight| *weight > 0.0).unwrap_or(0);
            let end = weights.iter().rposition(|weight| *weight > 0.0).map_or(first, |last| last + 1);
            Band { first, weights: weights[first..end].to_vec() }
        })
        .collect()
}

/// Slaney's scale: linear up to 1 kHz (15 mels), then 27 mels for each factor of 6.4.
const LINEAR_HZ: f64 = 200.0 / 3.0;
const BREAK_HZ: f64 = 1000.0;

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

/// HTK's scale: `1127 ln(1 + f / 700)`.
const HTK_MELS: f64 = 1127.0;
const HTK_BREAK_HZ: f64 = 700.0;

impl MelScaleEntry {
    fn mel(self, hertz: f64) -> f64 {
        match self {
            Self::Slaney if hertz < BREAK_HZ => hertz / LINEAR_HZ,
            Self::Slaney => BREAK_HZ / LINEAR_HZ + (hertz / BREAK_HZ).ln() / log_step(),
            Self::Htk => HTK_MELS * (hertz / HTK_BREAK_HZ).ln_1p(),
        }
    }

    fn hertz(self, mel: f64) -> f64 {
        let knee = BREAK_HZ / LINEAR_HZ;
        match self {
            Self::Slaney if mel < knee => mel * LINEAR_HZ,
            Self::Slaney => BREAK_HZ * ((mel - knee) * log_step()).exp(),
            Self::Htk => HTK_BREAK_HZ * (mel / HTK_MELS).exp_m1(),
        }
    }

    /// The weight of a frequency in the triangle of which three edges, in mels, are given.
    fn weight(self, edge: &[f64], hertz: f64) -> f64 {
        let triangle = |at: f64, [from, centre, to]: [f64; 3]| {
            ((at - from) / (centre - from)).min((to - at) / (to - centre)).max(0.0)
        };
        let edge = [edge[0], edge[1], edge[2]];
        match self {
            Self::Slaney => {
                let edge = edge.map(|mel| self.hertz(mel));
                triangle(hertz, edge) * 2.0 / (edge[2] - edge[0])
            }
            // The mean of a frame is no sound.
            Self::Htk if hertz == 0.0 => 0.0,
            Self::Htk => triangle(self.mel(hertz), edge),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::WindowEntry;

    pub(crate) fn entry() -> AudioEntry {
        AudioEntry {
            sample_rate_hz: 16_000,
            n_fft: 512,
            win_length: None,
            hop: 256,
            mels: 96,
            mel_scale: MelScaleEntry::Slaney,
            f_min_hz: 0.0,
            f_max_hz: 8_000.0,
            _window: WindowEntry::Hann,
            center: true,
            pad: PadEntry::Constant,
            power: 2.0,
            compression: CompressionEntry::Log10,
            patch_frames: 187,
            patch_hop_frames: 187,
        }
    }

    #[test]
    fn any_number_of_samples_gives_frames() {
        for pad in [PadEntry::Constant, PadEntry::Reflect] {
            let filter = MelFilter::new(&AudioEntry { pad, ..entry() });
            for (samples, frames) in [(0, 1), (1, 1), (255, 1), (256, 2), (16_000, 63)] {
                let spectrogram = filter.log_mel(&vec![0.1; samples]);
                assert_eq!((spectrogram.frames, spectrogram.values.len()), (frames, 96 * frames));
                assert!(spectrogram.values.iter().all(|value| value.is_finite() && *value >= 0.0));
            }
        }
    }

    #[test]
    fn a_window_shorter_than_the_transform_gives_a_frame_for_each_of_its_places() {
        let entry = AudioEntry { win_length: Some(400), hop: 160, center: false, ..entry() };
        let filter = MelFilter::new(&entry);
        for (samples, frames) in [(0, 1), (400, 1), (559, 1), (560, 2), (16_000, 98)] {
            assert_eq!(filter.log_mel(&vec![0.1; samples]).frames, frames, "{samples} samples");
        }
        // The same sound gives the same frames, however many came before.
        let steady = filter.log_mel(&vec![0.1; 1_600]);
        for band in steady.values.chunks_exact(steady.frames) {
            assert!(band.iter().all(|value| (value - band[0]).abs() < 1e-4), "{band:?}");
        }
    }

    #[test]
    fn each_scale_comes_back_from_where_it_went() {
        for scale in [MelScaleEntry::Slaney, MelScaleEntry::Htk] {
            for hertz in [0.0, 125.0, 999.0, 1000.0, 1001.0, 7500.0] {
                assert!((scale.hertz(scale.mel(hertz)) - hertz).abs() < 1e-6, "{scale:?} {hertz} Hz");
            }
        }
        // HTK's scale is made so that 1000 Hz are 1000 mels.
        assert!((MelScaleEntry::Htk.mel(1000.0) - 1000.0).abs() < 0.1);
    }

    #[test]
    fn samples_are_mirrored_without_repeating_the_edge() {
        let mirrored = padded(&[1.0, 2.0, 3.0], 4, 1, PadEntry::Reflect);
        assert_eq!(*mirrored, [1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 3.0]);
        assert_eq!(*padded(&[1.0, 2.0], 2, 1, PadEntry::Constant), [0.0, 0.0, 1.0, 2.0, 0.0, 0.0]);
    }

    #[test]
    fn a_tone_is_loudest_in_its_band() {
        let tone: Vec<f32> = (0..16_000).map(|at| (0.05 * std::f32::consts::TAU * at as f32).sin()).collect();
        let spectrogram = MelFilter::new(&entry()).log_mel(&tone);
        let band = |at: usize| spectrogram.values[at * spectrogram.frames + 30];
        // 800 Hz lie at mel 12 of 45.2, so in band 0.265 * 97 - 1.
        let loudest = (0..96).max_by(|a, b| band(*a).total_cmp(&band(*b))).expect("bands");
        assert!((24..=26).contains(&loudest), "band {loudest}");
    }
}
