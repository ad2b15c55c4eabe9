//! The smooth part of all likes: what is left of the matrix of people and items when only its
//! strongest directions are kept.
//!
//! With `V` the first right singular vectors of `D^-1/2 X C^-1/2` (`X` people by items, `D` and `C` the
//! degrees), `s = C^1/2 V V^T C^-1/2 x` for a history `x`; so a new person needs no new fit. Source:
//! Shen et al., "How powerful is graph convolution for recommendation?", CIKM 2021 (the ideal
//! low-pass filter of GF-CF). The vectors come from subspace iteration with Rayleigh-Ritz (Halko,
//! Martinsson, Tropp, SIAM Review 53, 2011).

use crate::random::split_mix;

use super::Collaborative;

/// Directions kept.
const DIM: usize = 64;

/// Directions carried along beyond those, for the last ones to converge.
const SPARE: usize = 8;

/// Rounds of the iteration.
const ROUNDS: usize = 8;

/// Fewer people than this have no smooth part worth the name.
const PEOPLE_MIN: usize = 4 * DIM;

/// The filter as of when it was fitted; items that came later have no part in it.
#[derive(Debug, Clone)]
pub(crate) struct LowPass {
    /// Shape `[slots, DIM]`.
    vectors: Vec<f32>,
}

impl LowPass {
    /// Fits the filter to all histories; `None` for too few of them.
    pub(crate) fn fit(house: &Collaborative) -> Option<LowPass> {
        if house.people() < PEOPLE_MIN || house.slots() < 2 * (DIM + SPARE) {
            return None;
        }
        let width = DIM + SPARE;
        let slots = house.slots();
        let item: Vec<f32> = (0..slots).map(|s| (house.likers(s as u32).max(1) as f32).powf(-0.5)).collect();
        let mut block: Vec<f32> = (0..slots * width)
            .map(|i| (split_mix(i as u64) >> 40) as f32 / (1_u64 << 24) as f32 - 0.5)
            .collect();
        orthonormalise(&mut block, width);
        for _ in 1..ROUNDS {
            block = filtered(house, &item, &block, width);
            orthonormalise(&mut block, width);
        }
        let image = filtered(house, &item, &block, width);
        Some(LowPass { vectors: strongest(&block, &image, width) })
    }

    /// Adds the filter's scores for a history to `scores` (by slot).
    pub(super) fn score(&self, history: &[u32], house: &Collaborative, scores: &mut [f32]) {
        let root = |slot: u32| (house.likers(slot).max(1) as f32).sqrt();
        let mut sum = [0.0_f32; DIM];
        for slot in history {
            let Some(row) = self.row(*slot) else { continue };
            let weight = 1.0 / root(*slot);
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
        for ((slot, score), row) in (0..).zip(scores).zip(self.vectors.chunks_exact(DIM)) {
            *score += root(slot) * crate::vector::dot(&sum, row);
        }
    }

    fn row(&self, slot: u32) -> Option<&[f32]> {
        let start = slot as usize * DIM;
        self.vectors.get(start..start + DIM)
    }
}

/// `C^-1/2 X^T D^-1 X C^-1/2` times the block, shape `[slots, width]`.
fn filtered(house: &Collaborative, item: &[f32], block: &[f32], width: usize) -> Vec<f32> {
    let mut image = vec![0.0_f32; block.len()];
    let mut sum = vec![0.0_f32; width];
    for person in 0..house.people() {
        let history = house.history(person as u32);
        if history.is_empty() {
            continue;
        }
        sum.fill(0.0);
        for slot in history {
            let start = *slot as usize * width;
            for (sum, value) in sum.iter_mut().zip(&block[start..start + width]) {
                *sum += item[*slot as usize] * value;
            }
        }
        let weight = 1.0 / history.len() as f32;
        for slot in history {
            let start = *slot as usize * width;
            for (value, sum) in image[start..start + width].iter_mut().zip(&sum) {
                *value += weight * item[*slot as usize] * sum;
            }
        }
    }
    image
}

/// The inner products of the columns of two blocks, shape `[width, width]`.
fn products(a: &[f32], b: &[f32], width: usize) -> Vec<f64> {
    let mut sums = vec![0.0_f64; width * width];
    for (left, right) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
        for (row, left) in sums.chunks_exact_mut(width).zip(left) {
            if *left != 0.0 {
                for (sum, right) in row.iter_mut().zip(right) {
                    *sum += f64::from(*left) * f64::from(*right);
                }
            }
        }
    }
    sums
}

/// Makes the columns orthonormal by a Cholesky factor of their products, twice for accuracy. A
/// column that depends on the ones before it becomes small, not infinite.
fn orthonormalise(block: &mut [f32], width: usize) {
    const TINY: f64 = 1e-12;
    for _ in 0..2 {
        let mut factor = products(block, block, width);
        for i in 0..width {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| factor[i * width + k] * factor[j * width + k]).sum();
                let rest = factor[i * width + j] - known;
                factor[i * width + j] =
                    if i == j { rest.max(TINY).sqrt() } else { rest / factor[j * width + j] };
            }
        }
        for row in block.chunks_exact_mut(width) {
            for i in 0..width {
                let known: f64 = (0..i).map(|k| factor[i * width + k] * f64::from(row[k])).sum();
                row[i] = ((f64::from(row[i]) - known) / factor[i * width + i]) as f32;
            }
        }
    }
}

/// The strongest `DIM` directions within an orthonormal block, given its image under the filter.
fn strongest(block: &[f32], image: &[f32], width: usize) -> Vec<f32> {
    let (values, vectors) = eigen(products(block, image, width), width);
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
    let mut kept = Vec::with_capacity(block.len() / width * DIM);
    for row in block.chunks_exact(width) {
        for column in &order[..DIM] {
            let value: f64 =
                row.iter().enumerate().map(|(i, v)| f64::from(*v) * vectors[i * width + column]).sum();
            kept.push(value as f32);
        }
    }
    kept
}

/// Eigenvalues and, by column, eigenvectors of a symmetric matrix, by Jacobi rotations.
fn eigen(mut matrix: Vec<f64>, width: usize) -> (Vec<f64>, Vec<f64>) {
    const SWEEPS_MAX: usize = 16;
    const NEGLIGIBLE: f64 = 1e-14;
    for i in 0..width {
        for j in 0..i {
            let mean = 0.5 * (matrix[i * width + j] + matrix[j * width + i]);
            (matrix[i * width + j], matrix[j * width + i]) = (mean, mean);
        }
    }
    let mut vectors = vec![0.0; width * width];
    (0..width).for_each(|i| vectors[i * width + i] = 1.0);
    for _ in 0..SWEEPS_MAX {
        let mut turned = false;
        for p in 0..width {
            for q in p + 1..width {
                let off = matrix[p * width + q];
                if off.abs() < NEGLIGIBLE {
                    continue;
                }
                turned = true;
                let ratio = (matrix[q * width + q] - matrix[p * width + p]) / (2.0 * off);
                let tangent = ratio.signum() / (ratio.abs() + (ratio * ratio + 1.0).sqrt());
                let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
                let sine = tangent * cosine;
                let turn = |a: f64, b: f64| (cosine * a - sine * b, sine * a + cosine * b);
                for k in 0..width {
                    let at = (k * width + p, k * width + q);
                    (matrix[at.0], matrix[at.1]) = turn(matrix[at.0], matrix[at.1]);
                    (vectors[at.0], vectors[at.1]) = turn(vectors[at.0], vectors[at.1]);
                }
                for k in 0..width {
                    let at = (p * width + k, q * width + k);
                    (matrix[at.0], matrix[at.1]) = turn(matrix[at.0], matrix[at.1]);
                }
            }
        }
        if !turned {
            break;
        }
    }
    ((0..width).map(|i| matrix[i * width + i]).collect(), vectors)
}
