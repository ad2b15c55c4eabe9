//! Convolutions over all channels: their patches are laid side by side and multiplied as rows.

use crate::{Clamp, Dense, MapShape, Window};

/// Bytes of patches laid out at a time; they should stay in the second level cache until they are
/// multiplied.
const PATCHES_BYTES: usize = 1 << 18;

/// A convolution whose every output sees every input channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    window: Window,
    channels: usize,
    dense: Dense,
}

impl Convolution {
    /// `dense` takes patches as `[kernel rows, kernel columns, channels]`.
    ///
    /// # Panics
    ///
    /// If it takes rows of another length.
    #[must_use]
    pub fn new(window: Window, channels: usize, dense: Dense) -> Convolution {
        assert_eq!(dense.inputs(), window.taps() * channels, "one input for each tap and channel");
        Convolution { window, channels, dense }
    }

    /// The shape of the result over a map of this shape; `None` if it does not fit.
    #[must_use]
    pub fn output(&self, input: MapShape) -> Option<MapShape> {
        let [height, width] = self.window.output(input.height, input.width)?;
        let channels = self.dense.outputs();
        (input.channels == self.channels).then_some(MapShape { height, width, channels })
    }

    /// Runs over maps of the shape `input` that lie one after another; `patches` is room to work in,
    /// which grows as needed. `add`, if given, is of the results' shape and is added before clamping.
    ///
    /// # Panics
    ///
    /// If the maps do not fit, or the lengths are not those of the shapes.
    pub fn run(
        &self,
        x: &[f32],
        input: MapShape,
        add: Option<&[f32]>,
        clamp: Clamp,
        patches: &mut Vec<f32>,
        y: &mut [f32],
    ) {
        let output = self.output(input).expect("the map fits the convolution, as whoever calls has asked");
        let (len_in, len_out) = (input.len().max(1), output.len().max(1));
        assert!(x.len().is_multiple_of(len_in), "maps are of their shape");
        assert_eq!(x.len() / len_in * output.len(), y.len(), "as many maps go in as come out");
        if self.is_dense() {
            return self.dense.run(x, add, clamp, y);
        }
        for (at, (x, y)) in x.chunks_exact(len_in).zip(y.chunks_exact_mut(len_out)).enumerate() {
            let add = add.map(|add| &add[at * len_out..][..len_out]);
            self.run_by_patches(x, input, add, clamp, patches, y);
        }
    }

    /// One map, some rows of patches after the others.
    fn run_by_patches(
        &self,
        x: &[f32],
        input: MapShape,
        add: Option<&[f32]>,
        clamp: Clamp,
        patches: &mut Vec<f32>,
        y: &mut [f32],
    ) {
        let output = self.output(input).expect("the map fits the convolution, as whoever calls has asked");
        let row_len = output.width * self.dense.inputs();
        let rows = (PATCHES_BYTES / size_of::<f32>() / row_len.max(1)).max(1);
        patches.resize(patches.len().max(rows.min(output.height) * row_len), 0.0);
        let stride = output.width * output.channels;
        for (at, y) in y.chunks_mut((rows * stride).max(1)).enumerate() {
            let first = at * rows;
            let count = y.len() / stride;
            let patches = &mut patches[..count * row_len];
            for (row, patches) in (first..).zip(patches.chunks_exact_mut(row_len)) {
                self.lay_out(x, input, row, patches);
            }
            let add = add.map(|add| &add[first * stride..][..y.len()]);
            self.dense.run(patches, add, clamp, y);
        }
    }

    /// Whether every patch is one position as it stands.
    fn is_dense(&self) -> bool {
        self.window == Window { kernel: [1, 1], stride: [1, 1], pad_before: [0, 0], pad_after: [0, 0] }
    }

    /// The patches of one row of outputs.
    fn lay_out(&self, x: &[f32], input: MapShape, row: usize, patches: &mut [f32]) {
        let [kernel_rows, kernel_columns] = self.window.kernel;
        let tap_row_len = kernel_columns * self.channels;
        let (tap_rows, top) = self.window.on_map(0, row, input.height);
        for (column, patch) in patches.chunks_exact_mut(self.dense.inputs()).enumerate() {
            let (tap_columns, left) = self.window.on_map(1, column, input.width);
            let len = tap_columns.len() * self.channels;
            if tap_columns.len() < kernel_columns || tap_rows.len() < kernel_rows {
                patch.fill(0.0);
            }
            for (tap_row, y) in tap_rows.clone().zip(top..) {
                let from = (y * input.width + left) * self.channels;
                let to = tap_row * tap_row_len + tap_columns.start * self.channels;
                patch[to..to + len].copy_from_slice(&x[from..from + len]);
            }
        }
    }
}
