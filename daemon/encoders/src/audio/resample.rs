//! Samples from one rate to another.

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

/// The rates that are taken, in Hz: below is no sound, above is a damaged header.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=384_000;

/// Frames a step; the filter's length follows from it, and with it how sharp the cut at half the
/// lower rate is.
const CHUNK_FRAMES: usize = 4096;

/// Resamples one channel as it comes, band-limited and without delay: sample `i` of the result is
/// the sound at `i / to_hz` seconds. Only the result is kept, so that a long recording at a high
/// rate takes no more memory than at the rate that is wanted.
pub(crate) struct RateConverter {
    /// `None` where the rates are the same.
    steps: Option<Steps>,
    taken: u64,
    from_hz: u32,
    to_hz: u32,
    resampled: Vec<f32>,
}

/// The filter, and what waits for its next step.
struct Steps {
    filter: Fft<f32>,
    waiting: Vec<f32>,
    step_in: usize,
    step_out: usize,
}

impl RateConverter {
    /// # Errors
    ///
    /// A sentence, if the rate is out of range.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<RateConverter, String> {
        if !RATES_HZ.contains(&from_hz) {
            return Err(format!(
                "its sample rate is {from_hz} Hz, expected {} to {} Hz",
                RATES_HZ.start(),
                RATES_HZ.end()
            ));
        }
        let steps = if from_hz == to_hz { None } else { Some(Steps::new(from_hz, to_hz)?) };
        Ok(RateConverter { steps, taken: 0, from_hz, to_hz, resampled: Vec::new() })
    }

    /// How many samples were taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes the samples that follow.
    ///
    /// # Errors
    ///
    /// A sentence, if the filter fails.
    pub fn push(&mut self, samples: &[f32]) -> Result<(), String> {
        self.taken += samples.len() as u64;
        match &mut self.steps {
            None => {
                self.resampled.extend_from_slice(samples);
                Ok(())
            }
            Some(steps) => steps.push(samples, &mut self.resampled),
        }
    }

    /// What all samples became.
    ///
    /// # Errors
    ///
    /// A sentence, if the filter fails.
    pub fn finish(mut self) -> Result<Vec<f32>, String> {
        let Some(mut steps) = self.steps else { return Ok(self.resampled) };
        if self.taken == 0 {
            return Ok(Vec::new());
        }
        // Silence at the end pushes the last samples through the filter.
        let wanted = (self.taken * u64::from(self.to_hz)).div_ceil(u64::from(self.from_hz)) as usize;
        let delay = steps.filter.output_delay();
        let silence = vec![0.0; steps.step_in];
        while self.resampled.len() < wanted + delay {
            steps.push(&silence, &mut self.resampled)?;
        }
        self.resampled.drain(..delay);
        self.resampled.truncate(wanted);
        Ok(self.resampled)
    }
}

impl Steps {
    fn new(from_hz: u32, to_hz: u32) -> Result<Steps, String> {
        // An even number of the smallest whole steps: with an odd one the filter's delay is half a
        // sample off, and so is the result.
        let step = (from_hz / greatest_common_divisor(from_hz, to_hz)) as usize;
        let chunk = CHUNK_FRAMES.div_ceil(step).next_multiple_of(2) * step;
        let filter = Fft::<f32>::new(from_hz as usize, to_hz as usize, chunk, 1, 1, FixedSync::Both)
            .map_err(|error| failed(&error))?;
        let (step_in, step_out) = (filter.input_frames_next(), filter.output_frames_next());
        Ok(Steps { filter, waiting: Vec::new(), step_in, step_out })
    }

    /// Runs as many whole steps as there are samples for.
    fn push(&mut self, samples: &[f32], resampled: &mut Vec<f32>) -> Result<(), String> {
        self.waiting.extend_from_slice(samples);
        let mut done = 0;
        while self.waiting.len() - done >= self.step_in {
            let end = resampled.len();
            resampled.resize(end + self.step_out, 0.0);
            let from = &self.waiting[done..done + self.step_in];
            let from = InterleavedSlice::new(from, 1, self.step_in).map_err(|error| failed(&error))?;
            let mut to = InterleavedSlice::new_mut(&mut resampled[end..], 1, self.step_out)
                .map_err(|error| failed(&error))?;
            self.filter.process_into_buffer(&from, &mut to, None).map_err(|error| failed(&error))?;
            done += self.step_in;
        }
        self.waiting.drain(..done);
        Ok(())
    }
}

fn failed(error: &dyn std::fmt::Display) -> String {
    format!("its sound cannot be resampled: {error}")
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All at once, and again in pieces, which must be the same.
    fn resample(samples: Vec<f32>, from_hz: u32, to_hz: u32) -> Result<Vec<f32>, String> {
        let in_pieces_of = |length: usize| {
            let mut converter = RateConverter::new(from_hz, to_hz)?;
            samples.chunks(length).try_for_each(|piece| converter.push(piece))?;
            assert_eq!(converter.taken(), samples.len() as u64);
            converter.finish()
        };
        let whole = in_pieces_of(samples.len().max(1));
        assert_eq!(whole, in_pieces_of(1_152));
        whole
    }

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
