//! Every layer against loops that are easy to read.

use proptest::prelude::*;

use crate::lanes::on_every;
use crate::{Clamp, Convolution, Dense, Depthwise, MapShape, Window};

/// Small numbers, told by their place.
pub(crate) fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as f32 / 32_768.0 - 1.0
        })
        .collect()
}

fn clamps() -> impl Strategy<Value = Clamp> {
    prop_oneof![Just(Clamp::NONE), Just(Clamp { low: 0.0, high: 6.0 }), Just(Clamp { low: -0.5, high: 0.25 })]
}

fn windows() -> impl Strategy<Value = Window> {
    let pair = |range: std::ops::Range<usize>| [range.clone(), range];
    (pair(1..6), pair(1..4), pair(0..4), pair(0..4))
        .prop_map(|(kernel, stride, pad_before, pad_after)| Window { kernel, stride, pad_before, pad_after })
}

/// The input values under each tap of each output position, zeros beside the map.
fn under_taps(window: Window, x: &[f32], input: MapShape) -> Vec<Vec<f32>> {
    let [height, width] = window.output(input.height, input.width).expect("fits");
    let mut all = Vec::new();
    for row in 0..height {
        for column in 0..width {
            let mut patch = Vec::new();
            for tap_row in 0..window.kernel[0] {
                for tap_column in 0..window.kernel[1] {
                    let y = (row * window.stride[0] + tap_row).checked_sub(window.pad_before[0]);
                    let x_at = (column * window.stride[1] + tap_column).checked_sub(window.pad_before[1]);
                    let at = match (y, x_at) {
                        (Some(y), Some(x)) if y < input.height && x < input.width => {
                            Some(y * input.width + x)
                        }
                        _ => None,
                    };
                    patch.extend(
                        (0..input.channels)
                            .map(|channel| at.map_or(0.0, |at| x[at * input.channels + channel])),
                    );
                }
            }
            all.push(patch);
        }
    }
    all
}

pub(crate) fn close(found: &[f32], expected: &[f32]) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        prop_assert!((found - expected).abs() <= 2e-4, "{} at {}, expected {}", found, at, expected);
    }
    Ok(())
}

proptest! {
    #[test]
    fn dense_is_the_matrix_product(
        rows in 0_usize..40, inputs in prop_oneof![0_usize..70, 150_usize..500], outputs in 1_usize..120, added: bool, clamp in clamps(), seed: u32
    ) {
        let (x, weights, bias) = (noise(rows * inputs, seed), noise(inputs * outputs, seed ^ 1), noise(outputs, seed ^ 2));
        let add = noise(rows * outputs, seed ^ 3);
        let dense = Dense::new(inputs, outputs, |input, output| weights[input * outputs + output], |output| bias[output]);
        // Without inputs the rows cannot be counted from `x`.
        prop_assume!(inputs > 0 || rows == 0);
        let expected: Vec<f32> = (0..rows * outputs).map(|at| {
            let (row, output) = (at / outputs, at % outputs);
            let sum: f32 = (0..inputs).map(|input| x[row * inputs + input] * weights[input * outputs + output]).sum();
            (sum + bias[output] + if added { add[at] } else { 0.0 }).clamp(clamp.low, clamp.high)
        }).collect();
        on_every(|| {
            let mut y = vec![f32::NAN; rows * outputs];
            dense.run(&x, added.then_some(&add[..]), clamp, &mut y);
            close(&y, &expected)
        })?;
    }

    #[test]
    fn depthwise_is_the_sum_over_taps(
        window in windows(), height in 1_usize..14, width in 1_usize..14, channels in 1_usize..150, clamp in clamps(), seed: u32
    ) {
        let input = MapShape { height, width, channels };
        let (x, taps, bias) = (noise(input.len(), seed), noise(window.taps() * channels, seed ^ 1), noise(channels, seed ^ 2));
        let depthwise = Depthwise::new(window, taps.clone(), bias.clone());
        let Some(output) = depthwise.output(input) else {
            prop_assert!(window.output(height, width).is_none());
            return Ok(());
        };
        let expected: Vec<f32> = under_taps(window, &x, input).iter().flat_map(|patch| {
            (0..channels).map(|channel| {
                let sum: f32 = (0..window.taps()).map(|tap| patch[tap * channels + channel] * taps[tap * channels + channel]).sum();
                (sum + bias[channel]).clamp(clamp.low, clamp.high)
            }).collect::<Vec<_>>()
        }).collect();
        on_every(|| {
            let mut y = vec![f32::NAN; output.len()];
            depthwise.run(&x, input, clamp, &mut y);
            close(&y, &expected)
        })?;
    }

    #[test]
    fn a_convolution_is_the_sum_over_taps_and_channels(
        window in windows(), height in 1_usize..12, width in 1_usize..12, channels in 1_usize..5, outputs in 1_usize..40, added: bool, clamp in clamps(), seed: u32
    ) {
        let input = MapShape { height, width, channels };
        let inputs = window.taps() * channels;
        let (x, weights, bias) = (noise(input.len(), seed), noise(inputs * outputs, seed ^ 1), noise(outputs, seed ^ 2));
        let dense = Dense::new(inputs, outputs, |input, output| weights[input * outputs + output], |output| bias[output]);
        let convolution = Convolution::new(window, channels, dense);
        let Some(output) = convolution.output(input) else {
            prop_assert!(window.output(height, width).is_none());
            return Ok(());
        };
        let add = noise(output.len(), seed ^ 3);
        let expected: Vec<f32> = under_taps(window, &x, input).iter().enumerate().flat_map(|(at, patch)| {
            let (weights, bias, add) = (&weights, &bias, &add);
            (0..outputs).map(move |output| {
                let sum: f32 = patch.iter().enumerate().map(|(input, value)| value * weights[input * outputs + output]).sum();
                (sum + bias[output] + if added { add[at * outputs + output] } else { 0.0 }).clamp(clamp.low, clamp.high)
            })
        }).collect();
        on_every(|| {
            let mut y = vec![f32::NAN; output.len()];
            // What was laid out before must not show.
            let mut patches = vec![f32::NAN; 1000];
            convolution.run(&x, input, added.then_some(&add[..]), clamp, &mut patches, &mut y);
            close(&y, &expected)
        })?;
    }
}
