//! What was heard in many patches to what was heard in all.
//!
//! A mean over all patches would understand a song after a minute of silence as silence, and a bark
//! in a quiet yard as a yard. Here a patch counts by three things, and its place by none:
//!
//! - **heard at all**: it is above -70 dB of full scale, and at most 20 dB below the mean energy of
//!   the patches above that. Gates of this form decide which blocks count for the loudness of a
//!   programme (ITU-R BS.1770-4, -10 dB) and for its range (EBU Tech 3342, -20 dB). In a recording
//!   of nothing but silence all patches count alike.
//! - **loud**: amplitude to the power of 0.6, as loudness grows with sound pressure (Stevens, "The
//!   measurement of loudness", 1955).
//! - **varied**: divided by the root of how many are like it, counted by their cosines, so that a
//!   long drone does not drown what happens beside it (the weights against bursts of Jégou, Douze
//!   and Schmid, "On the burstiness of visual elements", CVPR 2009).

/// Energy, of full scale 1, below which a patch is silence: -70 dB.
const SILENT_ENERGY: f64 = 1e-7;

/// How far below the mean energy a patch may be and still count: 20 dB.
const GATE: f64 = 0.01;

/// The power of amplitude by which loudness grows.
const LOUDNESS_POWER: f64 = 0.6;

/// How much each patch counts; adds up to 1. `amplitudes` are root mean squares, and `features` what
/// the network makes of the same patches; there is at least one.
pub(crate) fn weights(amplitudes: &[f32], features: &[&[f32]]) -> Vec<f32> {
    let energies: Vec<f64> = amplitudes.iter().map(|amplitude| f64::from(*amplitude).powi(2)).collect();
    let sounding: Vec<f64> = energies.iter().copied().filter(|energy| *energy >= SILENT_ENERGY).collect();
    if sounding.is_empty() {
        return vec![1.0 / energies.len() as f32; energies.len()];
    }
    let mean = sounding.iter().sum::<f64>() / sounding.len() as f64;
    let heard: Vec<usize> =
        (0..energies.len()).filter(|at| energies[*at] >= SILENT_ENERGY.max(GATE * mean)).collect();
    let mut weights = vec![0.0_f64; energies.len()];
    for at in &heard {
        let alike: f64 = heard
            .iter()
            .map(|other| if at == other { 1.0 } else { cosine(features[*at], features[*other]).max(0.0) })
            .sum();
        weights[*at] = energies[*at].sqrt().powf(LOUDNESS_POWER) / alike.sqrt();
    }
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| (weight / sum) as f32).collect()
}

/// The weighted means over patches of what a network gives for each: outputs in its order, each a
/// vector.
pub(crate) fn means(patches: &[Vec<Vec<f32>>], weights: &[f32]) -> Vec<Vec<f32>> {
    let mut means: Vec<Vec<f32>> = Vec::new();
    for (outputs, weight) in patches.iter().zip(weights) {
        means.resize_with(outputs.len(), Vec::new);
        for (mean, output) in means.iter_mut().zip(outputs) {
            mean.resize(output.len(), 0.0);
            for (mean, value) in mean.iter_mut().zip(output) {
                *mean += weight * value;
            }
        }
    }
    means
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| f64::from(a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>());
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAIN: &[f32] = &[1.0, 0.0];
    const BARK: &[f32] = &[0.0, 1.0];

    #[track_caller]
    fn check(patches: &[(f32, &[f32])], expected: &[f32]) {
        let (amplitudes, features): (Vec<f32>, Vec<&[f32]>) = patches.iter().copied().unzip();
        let found = weights(&amplitudes, &features);
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{found:?}");
    }

    #[test]
    fn what_is_equally_loud_and_unlike_counts_alike() {
        check(&[(0.1, RAIN), (0.1, BARK)], &[0.5, 0.5]);
        check(&[(0.1, RAIN)], &[1.0]);
    }

    #[test]
    fn silence_counts_for_nothing_beside_a_sound() {
        check(&[(0.0, RAIN), (0.2, BARK), (0.0, RAIN)], &[0.0, 1.0, 0.0]);
        // Nor does a quiet room, 40 dB below.
        check(&[(0.001, RAIN), (0.1, BARK), (0.001, RAIN), (0.001, RAIN)], &[0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn in_silence_all_counts_alike() {
        check(&[(0.0, RAIN), (1e-5, BARK)], &[0.5, 0.5]);
    }

    #[test]
    fn what_is_louder_counts_more_but_not_as_much_more_as_it_is_louder() {
        let ratio = 8.0_f32.powf(0.6);
        check(&[(0.8, RAIN), (0.1, BARK)], &[ratio / (1.0 + ratio), 1.0 / (1.0 + ratio)]);
    }

    #[test]
    fn a_long_drone_counts_by_its_root() {
        let mut patches = vec![(0.1, RAIN); 9];
        patches.push((0.1, BARK));
        // Nine of 1/3 against one of 1.
        let mut expected = vec![1.0 / 12.0; 9];
        expected.push(0.25);
        check(&patches, &expected);
    }

    #[test]
    fn the_order_of_patches_does_not_matter() {
        let patches = [(0.3, RAIN), (0.02, BARK), (0.1, &[0.6, 0.8][..]), (0.0, RAIN)];
        let pooled = |order: &[usize]| {
            let (amplitudes, features): (Vec<f32>, Vec<&[f32]>) = order.iter().map(|at| patches[*at]).unzip();
            let outputs: Vec<Vec<Vec<f32>>> =
                features.iter().map(|features| vec![features.to_vec()]).collect();
            means(&outputs, &weights(&amplitudes, &features)).swap_remove(0)
        };
        let (one, other) = (pooled(&[0, 1, 2, 3]), pooled(&[3, 1, 0, 2]));
        assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-6), "{one:?} {other:?}");
    }
}
