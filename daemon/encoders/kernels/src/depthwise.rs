//! Convolutions of each channel on its own.

use pulp::{Simd, WithSimd};

use crate::lanes::widest;
use crate::{Clamp, MapShape, Window};

/// One kernel and one bias for each channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Depthwise {
    window: Window,
    channels: usize,
    /// `[taps, channels]`.
    taps: Vec<f32>,
    bias: Vec<f32>,
}

impl Depthwise {
    /// `taps` are `[kernel rows, kernel columns, channels]`, `bias` `[channels]`.
    ///
    /// # Panics
    ///
    /// If the lengths do not agree.
    #[must_use]
    pub fn new(window: Window, taps: Vec<f32>, bias: Vec<f32>) -> Depthwise {
        assert_eq!(taps.len(), window.taps() * bias.len(), "one tap for each position and channel");
        Depthwise { window, channels: bias.len(), taps, bias }
    }

    /// The shape of the result over a map of this shape; `None` if it does not fit.
    #[must_use]
    pub fn output(&self, input: MapShape) -> Option<MapShape> {
        let [height, width] = self.window.output(input.height, input.width)?;
        (input.channels == self.channels).then_some(MapShape { height, width, channels: self.channels })
    }

    /// Runs over maps of the shape `input` that lie one after another.
    ///
    /// # Panics
    ///
    /// If the maps do not fit, or the lengths are not those of the shapes.
    pub fn run(&self, x: &[f32], input: MapShape, clamp: Clamp, y: &mut [f32]) {
        let output = self.output(input).expect("the map fits the convolution, as whoever calls has asked");
        let (len_in, len_out) = (input.len().max(1), output.len().max(1));
        assert!(x.len().is_multiple_of(len_in), "maps are of their shape");
        assert_eq!(x.len() / len_in * output.len(), y.len(), "as many maps go in as come out");
        for (x, y) in x.chunks_exact(len_in).zip(y.chunks_exact_mut(len_out)) {
            widest(Run { depthwise: self, x, input, output, clamp, y });
        }
    }
}

struct Run<'a> {
    depthwise: &'a Depthwise,
    x: &'a [f32],
    input: MapShape,
    output: MapShape,
    clamp: Clamp,
    y: &'a mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    /// Goes through the channels some vectors at a time; the last are fewer than a vector.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.depthwise.channels;
        let mut from = 0;
        while from < channels {
            let vectors = (channels - from) / S::F32_LANES;
            from += if vectors >= 4 && S::REGISTER_COUNT >= 32 {
                group::<S, 4>(simd, &mut self, from)
            } else if vectors >= 2 {
                group::<S, 2>(simd, &mut self, from)
            } else if vectors >= 1 {
                group::<S, 1>(simd, &mut self, from)
            } else {
                remainder(simd, &mut self, from)
            };
        }
    }
}

/// All positions of `VECTORS` vectors of channels; gives how many channels that were.
#[inline(always)]
fn group<S: Simd, const VECTORS: usize>(simd: S, run: &mut Run<'_>, from: usize) -> usize {
    let window = run.depthwise.window;
    let interior = window.interior(1, run.input.width, run.output.width);
    for row in 0..run.output.height {
        let mut column = 0;
        while column < run.output.width {
            let inside = interior.end.saturating_sub(column);
            column += if column < interior.start || inside < 2 {
                positions::<S, 1, VECTORS>(simd, run, from, row, column)
            } else if inside < 4 {
                positions::<S, 2, VECTORS>(simd, run, from, row, column)
            } else {
                positions::<S, 4, VECTORS>(simd, run, from, row, column)
            };
        }
    }
    VECTORS * S::F32_LANES
}

/// `COUNT` neighbouring outputs, which have the same taps on the map; gives `COUNT`. The sums are
/// only indexed by constants, without which the compiler keeps them in memory and not in registers.
#[expect(clippy::needless_range_loop, reason = "an iterator would need the sums to be in memory")]
#[inline(always)]
fn positions<S: Simd, const COUNT: usize, const VECTORS: usize>(
    simd: S,
    run: &mut Run<'_>,
    from: usize,
    row: usize,
    column: usize,
) -> usize {
    let depthwise = run.depthwise;
    let channels = depthwise.channels;
    let lanes = VECTORS * S::F32_LANES;
    let [_, kernel_columns] = depthwise.window.kernel;
    let (tap_rows, top) = depthwise.window.on_map(0, row, run.input.height);
    let (tap_columns, left) = depthwise.window.on_map(1, column, run.input.width);
    let (bias, _) = S::as_simd_f32s(&depthwise.bias[from..from + lanes]);
    let mut sums: [[S::f32s; VECTORS]; COUNT] = [std::array::from_fn(|at| bias[at]); COUNT];
    let step = depthwise.window.stride[1] * channels;
    for (tap_row, y) in tap_rows.zip(top..) {
        for (tap_column, x) in tap_columns.clone().zip(left..) {
            let tap = (tap_row * kernel_columns + tap_column) * channels + from;
            let (taps, _) = S::as_simd_f32s(&depthwise.taps[tap..tap + lanes]);
            let taps: [S::f32s; VECTORS] = std::array::from_fn(|at| taps[at]);
            let first = (y * run.input.width + x) * channels + from;
            for position in 0..COUNT {
                let (values, _) = S::as_simd_f32s(&run.x[first + position * step..][..lanes]);
                for at in 0..VECTORS {
                    sums[position][at] = simd.mul_add_e_f32s(values[at], taps[at], sums[position][at]);
                }
            }
        }
    }
    let (low, high) = (simd.splat_f32s(run.clamp.low), simd.splat_f32s(run.clamp.high));
    for position in 0..COUNT {
        let to = (row * run.output.width + column + position) * channels + from;
        let (y, _) = S::as_mut_simd_f32s(&mut run.y[to..to + lanes]);
        for at in 0..VECTORS {
            y[at] = simd.min_f32s(simd.max_f32s(sums[position][at], low), high);
        }
    }
    COUNT
}

/// All positions of the last channels, fewer than a vector; gives how many these are.
#[inline(always)]
fn remainder<S: Simd>(simd: S, run: &mut Run<'_>, from: usize) -> usize {
    let depthwise = run.depthwise;
    let channels = depthwise.channels;
    let [_, kernel_columns] = depthwise.window.kernel;
    let (low, high) = (simd.splat_f32s(run.clamp.low), simd.splat_f32s(run.clamp.high));
    for row in 0..run.output.height {
        for column in 0..run.output.width {
            let (tap_rows, top) = depthwise.window.on_map(0, row, run.input.height);
            let (tap_columns, left) = depthwise.window.on_map(1, column, run.input.width);
            let mut sum = simd.partial_load_f32s(&depthwise.bias[from..]);
            for (tap_row, y) in tap_rows.zip(top..) {
                for (tap_column, x) in tap_columns.clone().zip(left..) {
                    let tap = (tap_row * kernel_columns + tap_column) * channels;
                    let taps = simd.partial_load_f32s(&depthwise.taps[tap + from..tap + channels]);
                    let at = (y * run.input.width + x) * channels;
                    let values = simd.partial_load_f32s(&run.x[at + from..at + channels]);
                    sum = simd.mul_add_e_f32s(values, taps, sum);
                }
            }
            let to = (row * run.output.width + column) * channels;
            let sum = simd.min_f32s(simd.max_f32s(sum, low), high);
            simd.partial_store_f32s(&mut run.y[to + from..to + channels], sum);
        }
    }
    channels - from
}
