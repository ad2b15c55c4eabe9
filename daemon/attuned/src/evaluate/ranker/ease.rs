//! Items explained by all other items at once, in closed form.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayBase, ArrayView2, ArrayViewMut2, Axis, Data, DataMut, Ix2, Slice};

use super::{Ranker, Task, tuning};
use crate::evaluate::data::Wrong;
use crate::evaluate::split::History;

/// Most items: the matrix of all pairs takes 4 bytes each, twice while values are tried.
pub const ITEMS_MAX: usize = 12_500;

/// Where the search for the ridge begins, and by how much it goes on.
const RIDGE_START: f32 = 100.0;
const RIDGE_STEP: f32 = 2.5;
/// Most steps of the search.
const STEPS_MAX: usize = 4;

/// Rows and columns that are worked on at a time.
const BLOCK: usize = 128;

/// The weights `B` that best reproduce who chose what without any item explaining itself:
/// `B = I - P / diag(P)`, `P = (XᵀX + ridge)⁻¹`.
///
/// Source: Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019.
pub struct Ease {
    chosen: Vec<Vec<u32>>,
    /// `P`, symmetric.
    inverse: Array2<f32>,
    ridge: f32,
}

impl Ease {
    pub fn fit(task: &Task<'_>) -> Result<Ease, Wrong> {
        let items = task.data.items.len();
        if items > ITEMS_MAX {
            return Err(Wrong(format!("{items} items, expected at most {ITEMS_MAX}")));
        }
        let test = &task.test().history;
        let Some(tune) = &task.stages.tune else { return Ok(Ease::with(test, items, RIDGE_START)) };
        let measure = |ridge: f32| {
            let ease = Ease::with(&tune.history, items, ridge);
            let ndcg = tuning::ndcg(tune, items, task.k, task.seed, |user, scores| ease.score(user, scores));
            (ndcg, ease)
        };
        let (mut best, mut ease) = measure(RIDGE_START);
        let mut steps = 0;
        for step in [RIDGE_STEP, 1.0 / RIDGE_STEP] {
            let began = ease.ridge;
            while steps < STEPS_MAX {
                steps += 1;
                let (ndcg, other) = measure(ease.ridge * step);
                if ndcg <= best {
                    break;
                }
                (best, ease) = (ndcg, other);
            }
            if ease.ridge != began {
                break;
            }
        }
        if task.stages.same_history { Ok(ease) } else { Ok(Ease::with(test, items, ease.ridge)) }
    }

    fn with(history: &History, items: usize, ridge: f32) -> Ease {
        let mut inverse = Array2::<f32>::eye(items) * ridge;
        for chosen in &history.chosen {
            for a in chosen {
                let mut row = inverse.row_mut(*a as usize);
                for b in chosen {
                    row[*b as usize] += 1.0;
                }
            }
        }
        invert(&mut inverse);
        Ease { chosen: history.chosen.clone(), inverse, ridge }
    }
}

impl Ranker for Ease {
    fn score(&self, user: u32, scores: &mut [f32]) {
        scores.fill(0.0);
        for item in &self.chosen[user as usize] {
            let row = self.inverse.row(*item as usize);
            for (score, weight) in scores.iter_mut().zip(row) {
                *score -= weight;
            }
            // No item explains itself.
            scores[*item as usize] += self.inverse[[*item as usize, *item as usize]];
        }
        for (score, own) in scores.iter_mut().zip(self.inverse.diag()) {
            *score /= own;
        }
    }

    fn chosen(&self) -> Vec<(&'static str, f64)> {
        vec![("ridge", f64::from(self.ridge))]
    }
}

/// Inverts a symmetric positive definite matrix in place, by sweeping blocks of it: what is swept
/// stays symmetric, so only one triangle is worked on, by all processors.
///
/// Source: Goodnight, "A tutorial on the SWEEP operator", The American Statistician 33, 1979.
fn invert(matrix: &mut Array2<f32>) {
    let n = matrix.nrows();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for start in (0..n).step_by(BLOCK) {
        let end = (start + BLOCK).min(n);
        let pivot = inverse_of_block(part(matrix, start..end, start..end));
        // The columns of the block, of which the part above it stands in its rows.
        let width = end - start;
        let mut columns = Array2::<f32>::zeros((n, width));
        part_mut(&mut columns, 0..start, 0..width).assign(&part(matrix, start..end, 0..start).t());
        part_mut(&mut columns, start..n, 0..width).assign(&part(matrix, start..n, start..end));
        let swept = columns.dot(&pivot);
        let mut shares: Vec<Vec<(usize, ArrayViewMut2<'_, f32>)>> =
            (0..threads).map(|_| Vec::new()).collect();
        for (place, rows) in matrix.axis_chunks_iter_mut(Axis(0), BLOCK).enumerate() {
            shares[place % threads].push((place * BLOCK, rows));
        }
        std::thread::scope(|scope| {
            for share in shares {
                let (columns, swept, pivot) = (&columns, &swept, &pivot);
                scope.spawn(move || {
                    for (first, rows) in share {
                        sweep(rows, first, start, columns.view(), swept.view(), pivot.view());
                    }
                });
            }
        });
    }
    for row in 0..n {
        for column in 0..=row {
            let value = -matrix[[row, column]];
            matrix[[row, column]] = value;
            matrix[[column, row]] = value;
        }
    }
}

/// Sweeps the rows from `first` on, up to the diagonal, by the block that starts at `start`.
fn sweep(
    mut rows: ArrayViewMut2<'_, f32>,
    first: usize,
    start: usize,
    columns: ArrayView2<'_, f32>,
    swept: ArrayView2<'_, f32>,
    pivot: ArrayView2<'_, f32>,
) {
    let last = first + rows.nrows();
    let end = start + pivot.nrows();
    let width = pivot.nrows();
    let height = rows.nrows();
    if first == start {
        part_mut(&mut rows, 0..height, 0..start).assign(&part(&swept, 0..start, 0..width).t());
        part_mut(&mut rows, 0..height, start..end).assign(&pivot.mapv(|value| -value));
        return;
    }
    let (own, others) = (part(&swept, first..last, 0..width), part(&columns, 0..last, 0..width));
    general_mat_mul(-1.0, &own, &others.t(), 1.0, &mut part_mut(&mut rows, 0..height, 0..last));
    if first > start {
        part_mut(&mut rows, 0..height, start..end).assign(&own);
    }
}

/// Some rows and columns. The macro for this needs `unsafe`.
fn part<S: Data<Elem = f32>>(
    matrix: &ArrayBase<S, Ix2>,
    rows: Range<usize>,
    columns: Range<usize>,
) -> ArrayView2<'_, f32> {
    matrix.slice_each_axis(|axis| {
        Slice::from(if axis.axis == Axis(0) { rows.clone() } else { columns.clone() })
    })
}

/// The same, to be changed.
fn part_mut<S: DataMut<Elem = f32>>(
    matrix: &mut ArrayBase<S, Ix2>,
    rows: Range<usize>,
    columns: Range<usize>,
) -> ArrayViewMut2<'_, f32> {
    matrix.slice_each_axis_mut(|axis| {
        Slice::from(if axis.axis == Axis(0) { rows.clone() } else { columns.clone() })
    })
}

/// The inverse of a small symmetric positive definite matrix of which the lower triangle is given,
/// by Gauss and Jordan in 64 bits.
fn inverse_of_block(block: ArrayView2<'_, f32>) -> Array2<f32> {
    let n = block.nrows();
    let mut a = Array2::<f64>::from_shape_fn((n, n), |(row, column)| {
        f64::from(block[if row >= column { [row, column] } else { [column, row] }])
    });
    for pivot in 0..n {
        let scale = 1.0 / a[[pivot, pivot]];
        a[[pivot, pivot]] = 1.0;
        for column in 0..n {
            a[[pivot, column]] *= scale;
        }
        for row in (0..n).filter(|row| *row != pivot) {
            let factor = std::mem::take(&mut a[[row, pivot]]);
            for column in 0..n {
                a[[row, column]] -= factor * a[[pivot, column]];
            }
        }
    }
    a.mapv(|value| value as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::statistics::Dice;

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        // Sizes on both sides of a block, and of several.
        for n in [1, 5, BLOCK, BLOCK + 1, 3 * BLOCK + 17] {
            let mut dice = Dice(n as u64);
            let mut matrix = Array2::<f32>::eye(n) * 3.0;
            for _ in 0..4 * n {
                let some = dice.sample(n, 3);
                for a in &some {
                    for b in &some {
                        matrix[[*a, *b]] += 1.0;
                    }
                }
            }
            let mut inverse = matrix.clone();
            invert(&mut inverse);
            let product = matrix.dot(&inverse);
            let off = (&product - &Array2::<f32>::eye(n)).mapv(f32::abs).fold(0.0, |a: f32, b| a.max(*b));
            assert!(off < 1e-4, "{n}: {off}");
        }
    }

    #[test]
    fn no_item_explains_itself() {
        // Two people of three items: with ridge 1, G + 1 = [[2,1,0],[1,3,1],[0,1,2]].
        let chosen = vec![vec![0, 1], vec![1, 2]];
        let history = History { rows: Vec::new(), known: chosen.clone(), chosen };
        let ease = Ease::with(&history, 3, 1.0);
        let mut scores = [0.0; 3];
        ease.score(0, &mut scores);
        // P = [[5,-2,1],[-2,4,-2],[1,-2,5]] / 8; B_ij = -P_ij / P_jj.
        let expected = [2.0 / 5.0, 2.0 / 4.0, -1.0 / 5.0 + 2.0 / 5.0];
        for (score, expected) in scores.iter().zip(expected) {
            assert!((score - expected).abs() < 1e-5, "{scores:?}");
        }
    }
}
