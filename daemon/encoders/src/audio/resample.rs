//! Samples from one rate to another.

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

/// The rates that are taken, in Hz: below is no sound, above is a damaged header.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=384_000;

/// Frames a step; the filter's length follows from it, and with it how sharp the cut at half the
/// lower rate is.
const CHUNK_FRAMES: usize = 4096;

/// Resamples one channel, band-limited, without delay: sample `i` of the result is the sound at
/// `i / to_hz` seconds.
///
/// # Errors
///
/// A sentence, if the rate is out of range.
pub(crate) fn resample(mut samples: Vec<f32>, from_hz: u32, to_hz: u32) -> Result<Vec<f32>, String> {
    if !RATES_HZ.contains(&from_hz) {
        return Err(format!(
            "its sample rate is {from_hz} Hz, expected {} to {} Hz",
            RATES_HZ.start(),
            RATES_HZ.end()
        ));
    }
    if from_hz == to_hz || samples.is_empty() {
        return Ok(samples);
    }
    let failed = |error: &dyn std::fmt::Display| format!("its sound cannot be resampled: {error}");
    // An even number of the smallest whole steps: with an odd one the filter's delay is half a
    // sample off, and so is the result.
    let step = (from_hz / greatest_common_divisor(from_hz, to_hz)) as usize;
    let chunk = CHUNK_FRAMES.div_ceil(step).next_multiple_of(2) * step;
    let mut resampler = Fft::<f32>::new(from_hz as usize, to_hz as usize, chunk, 1, 1, FixedSync::Both)
        .map_err(|error| failed(&error))?;
    // Whole chunks of silence at the end push the last samples through the filter.
    let wanted = (samples.len() as u64 * u64::from(to_hz)).div_ceil(u64::from(from_hz)) as usize;
    let delay = resampler.output_delay();
    let (chunk_in, chunk_out) = (resampler.input_frames_next(), resampler.output_frames_next());
    let chunks = (wanted + delay).div_ceil(chunk_out);
    samples.resize(chunks * chunk_in, 0.0);
    let mut resampled = vec![0.0; chunks * chunk_out];
    for (from, to) in samples.chunks_exact(chunk_in).zip(resampled.chunks_exact_mut(chunk_out)) {
        let from = InterleavedSlice::new(from, 1, chunk_in).map_err(|error| failed(&error))?;
        let mut to = InterleavedSlice::new_mut(to, 1, chunk_out).map_err(|error| failed(&error))?;
        resampler.process_into_buffer(&from, &mut to, None).map_err(|error| failed(&error))?;
    }
    resampled.drain(..delay);
    resampled.truncate(wanted);
    Ok(resampled)
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f64, rate_hz: u32, frames: usize) -> Vec<f32> {
        let step = std::f64::consts::TAU * hertz / f64::from(rate_hz);
        (0..frames).map(|at| (step * at as f64).sin() as f32).collect()
    }

    #[test]
    fn a_tone_stays_in_place_at_any_rate() {
        for rate_hz in [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 7_919] {
            let seconds = 2;
            let frames = rate_hz as usize * seconds;
            let ours = resample(tone(440.0, rate_hz, frames), rate_hz, 16_000).expect("resamples");
            let theirs = tone(440.0, 16_000, 16_000 * seconds);
            assert_eq!(ours.len(), theirs.len(), "{rate_hz} Hz");
            // The ends ring, as the tone starts and stops at once.
            let middle = 2_000..30_000;
            let error = ours[middle.clone()].iter().zip(&theirs[middle]).map(|(a, b)| (a - b).abs());
            let error = error.fold(0.0_f32, f32::max);
            assert!(error < 2e-3, "{rate_hz} Hz: off by {error}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_left_out() {
        let left = resample(tone(12_000.0, 48_000, 48_000), 48_000, 16_000).expect("resamples");
        let most = left[1_000..15_000].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
        assert!(most < 1e-3, "{most}");
    }

    #[test]
    fn short_and_odd_inputs_are_taken() {
        assert_eq!(resample(Vec::new(), 44_100, 16_000), Ok(Vec::new()));
        assert_eq!(resample(vec![0.5], 16_000, 16_000), Ok(vec![0.5]));
        assert_eq!(resample(vec![0.5; 3], 48_000, 16_000).expect("resamples").len(), 1);
        let error = resample(vec![0.5], 4_000_000, 16_000).expect_err("refused");
        assert_eq!(error, "its sample rate is 4000000 Hz, expected 1000 to 384000 Hz");
    }
}
