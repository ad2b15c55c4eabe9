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
pub(crate) fn resample(samples: Vec<f32>, from_hz: u32, to_hz: u32) -> Result<Vec<f32>, String> {
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
    let mut resampler =
        Fft::<f32>::new(from_hz as usize, to_hz as usize, CHUNK_FRAMES, 1, 1, FixedSync::Both)
            .map_err(|error| failed(&error))?;
    let frames = samples.len();
    let mut resampled = vec![0.0; resampler.process_all_needed_output_len(frames)];
    let space = resampled.len();
    let input = InterleavedSlice::new(&samples, 1, frames).map_err(|error| failed(&error))?;
    let mut output = InterleavedSlice::new_mut(&mut resampled, 1, space).map_err(|error| failed(&error))?;
    let (_, written) = resampler
        .process_all_into_buffer(&input, &mut output, frames, None)
        .map_err(|error| failed(&error))?;
    resampled.truncate(written);
    Ok(resampled)
}
