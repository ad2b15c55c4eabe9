//! Self-attention of several heads: what every row of a text takes from the others.

use crate::Clamp;
use crate::dense::{Dense, PANEL};
use crate::rows::proportions;

/// Self-attention over rows that hold the queries of all heads, then their keys, then their values
/// (Vaswani et al. 2017, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attention {
    heads: usize,
    width: usize,
    scale: f32,
}

/// Memory that runs work in. It grows to what they need and can be used again.
#[derive(Debug, Default)]
pub struct AttentionRoom {
    queries: Vec<f32>,
    keys: Dense,
    scores: Vec<f32>,
    factors: Vec<f32>,
    values: Dense,
    taken: Vec<f32>,
}

impl Attention {
    /// So many heads, each of `width` values; products of queries with keys are multiplied by `scale`.
    #[must_use]
    pub fn new(heads: usize, width: usize, scale: f32) -> Attention {
        Attention { heads, width, scale }
    }

    /// Values in a row that goes in.
    #[must_use]
    pub fn inputs(&self) -> usize {
        3 * self.heads * self.width
    }

    /// Values in a row that comes out.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.heads * self.width
    }

    /// `x` is `[rows, inputs]`, `mask` is added to the score of each row's key, `[rows]`, and `y` is
    /// `[rows, outputs]`: for every head `softmax(q kᵀ scale + mask) v`.
    ///
    /// # Panics
    ///
    /// If the lengths are not those of as many rows.
    pub fn run(&self, x: &[f32], mask: &[f32], room: &mut AttentionRoom, y: &mut [f32]) {
        let rows = mask.len();
        assert_eq!(
            (x.len(), y.len()),
            (rows * self.inputs(), rows * self.outputs()),
            "as many rows go in as come out"
        );
        if y.is_empty() {
            return;
        }
        room.scores.resize(rows * rows, 0.0);
        room.taken.resize(rows * self.width, 0.0);
        for head in 0..self.heads {
            let part = |of: usize| {
                let from = (of * self.heads + head) * self.width;
                x.chunks_exact(self.inputs()).map(move |row| &row[from..from + self.width])
            };
            room.queries.clear();
            room.queries.extend(part(0).flatten().map(|value| value * self.scale));
            room.keys.become_columns(self.width, part(1), mask);
            room.keys.run(&room.queries, None, Clamp::NONE, &mut room.scores);
            proportions(&mut room.scores, rows, &mut room.factors);
            room.values.become_rows(self.width, part(2));
            room.values.run(&room.scores, None, Clamp::NONE, &mut room.taken);
            let to = y.chunks_exact_mut(self.outputs()).map(|y| &mut y[head * self.width..][..self.width]);
            for ((to, taken), factor) in to.zip(room.taken.chunks_exact(self.width)).zip(&room.factors) {
                for (to, taken) in to.iter_mut().zip(taken) {
                    *to = taken * factor;
                }
            }
        }
    }
}

/// Matrices that are made of rows of a text, in the memory of the last.
impl Dense {
    /// The matrix whose columns these are, `[width, rows]`, with a bias for each.
    fn become_columns<'a>(
        &mut self,
        width: usize,
        columns: impl ExactSizeIterator<Item = &'a [f32]>,
        bias: &[f32],
    ) {
        let outputs = columns.len();
        self.resize(width, outputs);
        for (panel, bias) in self.bias.iter_mut().zip(bias.chunks(PANEL)) {
            panel[..bias.len()].copy_from_slice(bias);
        }
        for (at, column) in columns.enumerate() {
            let panel = &mut self.panels[at / PANEL * width..][..width];
            for (row, value) in panel.iter_mut().zip(column) {
                row[at % PANEL] = *value;
            }
        }
    }

    /// The matrix whose rows these are, `[rows, width]`, without a bias.
    fn become_rows<'a>(&mut self, width: usize, rows: impl ExactSizeIterator<Item = &'a [f32]>) {
        let inputs = rows.len();
        self.resize(inputs, width);
        for (at, row) in rows.enumerate() {
            for (panel, values) in row.chunks(PANEL).enumerate() {
                self.panels[panel * inputs + at][..values.len()].copy_from_slice(values);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lanes::on_every;
    use crate::reference::{close, noise};

    /// The formula, one score after another.
    fn formula(attention: Attention, x: &[f32], mask: &[f32]) -> Vec<f32> {
        let (rows, inputs) = (mask.len(), attention.inputs());
        let mut y = vec![0.0; rows * attention.outputs()];
        for head in 0..attention.heads {
            let value = |row: usize, of: usize, at: usize| {
                x[row * inputs + (of * attention.heads + head) * attention.width + at]
            };
            for row in 0..rows {
                let score = |other: usize| {
                    let product: f32 =
                        (0..attention.width).map(|at| value(row, 0, at) * value(other, 1, at)).sum();
                    (product * attention.scale + mask[other]).exp()
                };
                let scores: Vec<f32> = (0..rows).map(score).collect();
                let sum: f32 = scores.iter().sum();
                for at in 0..attention.width {
                    let taken: f32 = (0..rows).map(|other| scores[other] / sum * value(other, 2, at)).sum();
                    y[row * attention.outputs() + head * attention.width + at] = taken;
                }
            }
        }
        y
    }

    proptest! {
        #[test]
        fn it_is_the_formula(rows in 0_usize..40, heads in 1_usize..4, width in 1_usize..40, hidden in 0_usize..9, seed: u32) {
            let attention = Attention::new(heads, width, 0.5);
            let x = noise(rows * attention.inputs(), seed);
            let mut mask = noise(rows, seed ^ 1);
            // Others are hidden, as padding is.
            for hidden in mask.iter_mut().skip(1).take(hidden) {
                *hidden = -1e9;
            }
            let expected = formula(attention, &x, &mask);
            // A room that another text was worked on in is as good as a new one.
            let mut room = AttentionRoom::default();
            let before = noise(50 * attention.inputs(), seed ^ 2);
            attention.run(&before, &[0.5; 50], &mut room, &mut vec![0.0; 50 * attention.outputs()]);
            on_every(|| {
                let mut y = vec![f32::NAN; expected.len()];
                attention.run(&x, &mask, &mut room, &mut y);
                close(&y, &expected)
            })?;
        }
    }
}
