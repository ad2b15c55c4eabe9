//! Rows times a constant matrix: linear layers and 1x1 convolutions.

use pulp::{Simd, WithSimd};

use crate::Clamp;
use crate::lanes::widest;

/// Columns of a panel: one vector of AVX-512, two of AVX2, four of NEON.
pub(crate) const PANEL: usize = 16;

/// Inputs that are worked on at a time: as many as let the three panels beside each other that
/// belong to them stay in the first level cache, while all rows go past.
const INPUTS_MAX: usize = 160;

/// Bytes of rows that are worked on with one panel after another, so that they stay in the second
/// level cache, of which processors of this century have at least 256 kB and mostly more.
const BLOCK_BYTES: usize = 1 << 18;

/// A matrix `[inputs, outputs]` with a bias for each output, arranged for the loops below.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dense {
    inputs: usize,
    outputs: usize,
    /// Panel by panel, one row of `PANEL` columns for each input; columns that do not exist are 0.
    pub(crate) panels: Vec<[f32; PANEL]>,
    pub(crate) bias: Vec<[f32; PANEL]>,
}

impl Dense {
    /// Arranges the matrix whose value for an input and an output is `weight(input, output)`.
    pub fn new(
        inputs: usize,
        outputs: usize,
        weight: impl Fn(usize, usize) -> f32,
        bias: impl Fn(usize) -> f32,
    ) -> Dense {
        let columns = |panel: usize| {
            move |of: &dyn Fn(usize) -> f32| {
                std::array::from_fn(|lane| {
                    let output = panel * PANEL + lane;
                    if output < outputs { of(output) } else { 0.0 }
                })
            }
        };
        let count = outputs.div_ceil(PANEL);
        Dense {
            inputs,
            outputs,
            panels: (0..count)
                .flat_map(|panel| (0..inputs).map(move |input| (panel, input)))
                .map(|(panel, input)| columns(panel)(&|output| weight(input, output)))
                .collect(),
            bias: (0..count).map(|panel| columns(panel)(&bias)).collect(),
        }
    }

    /// Becomes a matrix of this size, of values of the last one and no biases: all are to be written. What
    /// is in columns that do not exist shows in no result.
    pub(crate) fn resize(&mut self, inputs: usize, outputs: usize) {
        let count = outputs.div_ceil(PANEL);
        self.panels.resize(count * inputs, [0.0; PANEL]);
        self.bias.clear();
        self.bias.resize(count, [0.0; PANEL]);
        (self.inputs, self.outputs) = (inputs, outputs);
    }

    /// Values in a row that goes in.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Values in a row that comes out.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// For every row of `x`, `[rows, inputs]`: `y = clamp(x · weights + bias + add)`, where `y` and
    /// `add` are `[rows, outputs]`.
    ///
    /// # Panics
    ///
    /// If the lengths are not those of whole rows, and of as many.
    pub fn run(&self, x: &[f32], add: Option<&[f32]>, clamp: Clamp, y: &mut [f32]) {
        assert_eq!(x.len() * self.outputs, y.len() * self.inputs, "as many rows go in as come out");
        assert_eq!(y.len().checked_rem(self.outputs).unwrap_or(0), 0, "rows are whole");
        assert!(add.is_none_or(|add| add.len() == y.len()), "what is added is of the result's shape");
        if !y.is_empty() {
            widest(Run { dense: self, x, add, clamp, y });
        }
    }
}

struct Run<'a> {
    dense: &'a Dense,
    x: &'a [f32],
    add: Option<&'a [f32]>,
    clamp: Clamp,
    y: &'a mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    /// Tiles of rows by panels are as large as the registers hold: 8 x 3 vectors of 32, 6 x 2 of 16.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => blocks::<S, 8, 1, 3, 2>(simd, self),
            8 => blocks::<S, 6, 2, 1, 1>(simd, self),
            4 => blocks::<S, 6, 4, 1, 1>(simd, self),
            _ => blocks::<S, 1, 16, 1, 1>(simd, self),
        }
    }
}

/// Works through blocks of rows, and in each through `MANY`, `SOME` or single panels at a time.
/// `VECTORS` make a panel.
#[inline(always)]
fn blocks<S: Simd, const ROWS: usize, const VECTORS: usize, const MANY: usize, const SOME: usize>(
    simd: S,
    run: Run<'_>,
) {
    let (inputs, outputs) = (run.dense.inputs, run.dense.outputs);
    let rows = run.y.len() / outputs;
    let in_work = inputs.clamp(1, INPUTS_MAX);
    let block = (BLOCK_BYTES / size_of::<f32>() / in_work).next_multiple_of(ROWS).max(ROWS);
    for from in (0..rows).step_by(block) {
        let to = rows.min(from + block);
        let mut part = Run {
            dense: run.dense,
            x: &run.x[from * inputs..to * inputs],
            add: run.add.map(|add| &add[from * outputs..to * outputs]),
            clamp: run.clamp,
            y: &mut run.y[from * outputs..to * outputs],
        };
        let count = run.dense.bias.len();
        let mut panel = 0;
        while panel < count {
            let left = count - panel;
            if left >= MANY {
                strip::<S, ROWS, VECTORS, MANY>(simd, &mut part, panel);
                panel += MANY;
            } else if left >= SOME {
                strip::<S, ROWS, VECTORS, SOME>(simd, &mut part, panel);
                panel += SOME;
            } else {
                strip::<S, ROWS, VECTORS, 1>(simd, &mut part, panel);
                panel += 1;
            }
        }
    }
}

/// All rows of a block by `PANELS` panels, some inputs after the others.
#[inline(always)]
fn strip<S: Simd, const ROWS: usize, const VECTORS: usize, const PANELS: usize>(
    simd: S,
    run: &mut Run<'_>,
    panel: usize,
) {
    let rows = run.y.len() / run.dense.outputs;
    let inputs = run.dense.inputs;
    let step = inputs.div_ceil(inputs.div_ceil(INPUTS_MAX).max(1)).max(1);
    let mut from = 0;
    loop {
        let part = Part { panel, from, to: inputs.min(from + step) };
        let mut row = 0;
        while row + ROWS <= rows {
            tile::<S, ROWS, VECTORS, PANELS>(simd, run, part, row);
            row += ROWS;
        }
        while row + 2 <= rows {
            tile::<S, 2, VECTORS, PANELS>(simd, run, part, row);
            row += 2;
        }
        if row < rows {
            tile::<S, 1, VECTORS, PANELS>(simd, run, part, row);
        }
        from = part.to;
        if from == inputs {
            return;
        }
    }
}

/// Panels from this one on, and the inputs of theirs that are worked on.
#[derive(Clone, Copy)]
struct Part {
    panel: usize,
    from: usize,
    to: usize,
}

/// `ROWS` rows; what earlier inputs gave lies in the result, which is finished after the last.
#[inline(always)]
fn tile<S: Simd, const ROWS: usize, const VECTORS: usize, const PANELS: usize>(
    simd: S,
    run: &mut Run<'_>,
    part: Part,
    row: usize,
) {
    let dense = run.dense;
    let (from, len) = (part.from, part.to - part.from);
    let panels: [&[[f32; PANEL]]; PANELS] =
        std::array::from_fn(|at| &dense.panels[(part.panel + at) * dense.inputs + from..][..len]);
    let rows: [&[f32]; ROWS] = std::array::from_fn(|at| &run.x[(row + at) * dense.inputs + from..][..len]);
    let first = part.panel * PANEL;
    let width = (dense.outputs - first).min(PANELS * PANEL);
    let begun: [[[S::f32s; VECTORS]; PANELS]; ROWS] = if from == 0 {
        [std::array::from_fn(|at| vectors::<S, VECTORS>(&dense.bias[part.panel + at])); ROWS]
    } else {
        std::array::from_fn(|at| {
            begun::<S, VECTORS, PANELS>(simd, &run.y[(row + at) * dense.outputs + first..][..width])
        })
    };
    let sums = products(simd, begun, rows, panels);
    let last = part.to == dense.inputs;
    let clamp = if last { run.clamp } else { Clamp::NONE };
    for (at, sums) in sums.into_iter().enumerate() {
        let to = (row + at) * dense.outputs + first;
        let add = run.add.filter(|_| last).map(|add| &add[to..to + width]);
        finish(simd, sums, add, clamp, &mut run.y[to..to + width]);
    }
}

/// Adds every row's products with the panels to its sums. The sums go in and out by value and are
/// only indexed by constants, without which the compiler keeps them in memory and not in registers.
#[inline(always)]
fn products<S: Simd, const ROWS: usize, const VECTORS: usize, const PANELS: usize>(
    simd: S,
    begun: [[[S::f32s; VECTORS]; PANELS]; ROWS],
    rows: [&[f32]; ROWS],
    panels: [&[[f32; PANEL]]; PANELS],
) -> [[[S::f32s; VECTORS]; PANELS]; ROWS] {
    let mut sums = begun;
    let len = rows[0].len();
    let rows: [&[f32]; ROWS] = std::array::from_fn(|at| &rows[at][..len]);
    let panels: [&[[f32; PANEL]]; PANELS] = std::array::from_fn(|at| &panels[at][..len]);
    for input in 0..len {
        let weights: [[S::f32s; VECTORS]; PANELS] =
            std::array::from_fn(|at| vectors::<S, VECTORS>(&panels[at][input]));
        for row in 0..ROWS {
            let value = simd.splat_f32s(rows[row][input]);
            for panel in 0..PANELS {
                for at in 0..VECTORS {
                    sums[row][panel][at] =
                        simd.mul_add_e_f32s(value, weights[panel][at], sums[row][panel][at]);
                }
            }
        }
    }
    sums
}

/// The sums of one row so far.
#[inline(always)]
fn begun<S: Simd, const VECTORS: usize, const PANELS: usize>(
    simd: S,
    y: &[f32],
) -> [[S::f32s; VECTORS]; PANELS] {
    std::array::from_fn(|panel| {
        std::array::from_fn(|at| {
            let from = panel * PANEL + at * S::F32_LANES;
            if y.len() == PANELS * PANEL {
                S::as_simd_f32s(&y[from..from + S::F32_LANES]).0[0]
            } else {
                simd.partial_load_f32s(&y[y.len().min(from)..])
            }
        })
    })
}

#[inline(always)]
fn vectors<S: Simd, const VECTORS: usize>(panel: &[f32; PANEL]) -> [S::f32s; VECTORS] {
    let (vectors, _) = S::as_simd_f32s(panel.as_slice());
    std::array::from_fn(|at| vectors[at])
}

/// Adds, clamps and stores the sums of one row; the last vector may be wanted in part only.
#[expect(clippy::needless_range_loop, reason = "an iterator would need the sums to be in memory")]
#[inline(always)]
fn finish<S: Simd, const VECTORS: usize, const PANELS: usize>(
    simd: S,
    sums: [[S::f32s; VECTORS]; PANELS],
    add: Option<&[f32]>,
    clamp: Clamp,
    y: &mut [f32],
) {
    let (low, high) = (simd.splat_f32s(clamp.low), simd.splat_f32s(clamp.high));
    let whole = y.len() == PANELS * PANEL;
    for panel in 0..PANELS {
        for at in 0..VECTORS {
            let from = panel * PANEL + at * S::F32_LANES;
            let end = if whole { from + S::F32_LANES } else { y.len().min(from + S::F32_LANES) };
            if from >= end {
                return;
            }
            let mut sum = sums[panel][at];
            if let Some(add) = add {
                let add = &add[from..end];
                let add = if whole { S::as_simd_f32s(add).0[0] } else { simd.partial_load_f32s(add) };
                sum = simd.add_f32s(sum, add);
            }
            let sum = simd.min_f32s(simd.max_f32s(sum, low), high);
            if whole {
                S::as_mut_simd_f32s(&mut y[from..end]).0[0] = sum;
            } else {
                simd.partial_store_f32s(&mut y[from..end], sum);
            }
        }
    }
}
