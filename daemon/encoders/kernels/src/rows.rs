//! What transformers do to rows between their products, in place: layer norm, GELU, softmax.

use pulp::{Simd, WithSimd};

use crate::exponential::exp;
use crate::lanes::widest;

/// Values that a row's length must be a multiple of: those of the widest vector.
pub(crate) const LANES_MAX: usize = 16;

/// Brings every row to mean 0 and variance 1, and then scales and shifts each of its values: layer
/// norm of Ba et al. 2016.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    scale: Vec<f32>,
    shift: Vec<f32>,
    /// Added to the variance.
    epsilon: f32,
}

impl LayerNorm {
    /// For rows of as many values as `scale` and `shift` have; `None` if these are not as many as
    /// each other, none, or not a multiple of 16.
    #[must_use]
    pub fn new(scale: Vec<f32>, shift: Vec<f32>, epsilon: f32) -> Option<LayerNorm> {
        let fits = scale.len() == shift.len() && !scale.is_empty() && scale.len().is_multiple_of(LANES_MAX);
        fits.then_some(LayerNorm { scale, shift, epsilon })
    }

    /// Values in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.scale.len()
    }

    /// Changes every row of `x`, `[rows, width]`.
    ///
    /// # Panics
    ///
    /// If the rows are not whole.
    pub fn run(&self, x: &mut [f32]) {
        assert_eq!(x.len() % self.width(), 0, "rows are whole");
        widest(Normalise { norm: self, x });
    }
}

struct Normalise<'a> {
    norm: &'a LayerNorm,
    x: &'a mut [f32],
}

impl WithSimd for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let LayerNorm { scale, shift, epsilon } = self.norm;
        let ((scales, _), (shifts, _)) = (S::as_simd_f32s(scale), S::as_simd_f32s(shift));
        let width = scale.len();
        for row in self.x.chunks_exact_mut(width) {
            let (row, _) = S::as_mut_simd_f32s(row);
            let mut sum = simd.splat_f32s(0.0);
            for value in row.iter() {
                sum = simd.add_f32s(sum, *value);
            }
            let mean = simd.splat_f32s(simd.reduce_sum_f32s(sum) / width as f32);
            let mut squares = simd.splat_f32s(0.0);
            for value in row.iter() {
                let from_mean = simd.sub_f32s(*value, mean);
                squares = simd.mul_add_e_f32s(from_mean, from_mean, squares);
            }
            let variance = simd.reduce_sum_f32s(squares) / width as f32;
            let inverse = simd.splat_f32s(1.0 / (variance + epsilon).sqrt());
            for ((value, scale), shift) in row.iter_mut().zip(scales).zip(shifts) {
                let unit = simd.mul_f32s(simd.sub_f32s(*value, mean), inverse);
                *value = simd.mul_add_e_f32s(unit, *scale, *shift);
            }
        }
    }
}

/// Changes every value to `x Φ(x)`, with Φ the normal distribution: GELU of Hendrycks and Gimpel 2016,
/// to an absolute error of 3e-7 |x|.
///
/// The error function is Abramowitz and Stegun's 7.1.26.
pub fn gelu(x: &mut [f32]) {
    widest(Gelu { x });
}

struct Gelu<'a> {
    x: &'a mut [f32],
}

impl WithSimd for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (whole, rest) = S::as_mut_simd_f32s(self.x);
        for value in whole {
            *value = gelu_of(simd, *value);
        }
        let last = gelu_of(simd, simd.partial_load_f32s(rest));
        simd.partial_store_f32s(rest, last);
    }
}

#[inline(always)]
fn gelu_of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    const P: f32 = 0.327_591_1;
    const A: [f32; 5] = [0.254_829_6, -0.284_496_72, 1.421_413_8, -1.453_152, 1.061_405_4];
    let magnitude = simd.abs_f32s(x);
    let z = simd.mul_f32s(magnitude, simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2));
    let one = simd.splat_f32s(1.0);
    let t = simd.div_f32s(one, simd.mul_add_e_f32s(simd.splat_f32s(P), z, one));
    let mut sum = simd.splat_f32s(A[4]);
    for a in [A[3], A[2], A[1], A[0]] {
        sum = simd.mul_add_e_f32s(sum, t, simd.splat_f32s(a));
    }
    // Half of 1 - erf(z): the share of the normal distribution beyond |x|.
    let tail = simd.mul_f32s(simd.mul_f32s(sum, t), exp(simd, simd.neg_f32s(simd.mul_f32s(z, z))));
    let tail = simd.mul_f32s(tail, simd.splat_f32s(0.5));
    let positive = simd.max_f32s(x, simd.splat_f32s(0.0));
    simd.sub_f32s(positive, simd.mul_f32s(magnitude, tail))
}

/// Changes every row of `x` to exponentials that are in the proportions of its softmax, the greatest
/// 1; gives what to multiply each row by.
pub(crate) fn proportions(x: &mut [f32], width: usize, factors: &mut Vec<f32>) {
    factors.clear();
    if width > 0 {
        widest(Proportions { x, width, factors });
    }
}

struct Proportions<'a> {
    x: &'a mut [f32],
    width: usize,
    factors: &'a mut Vec<f32>,
}

impl WithSimd for Proportions<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for row in self.x.chunks_exact_mut(self.width) {
            let (whole, rest) = S::as_mut_simd_f32s(row);
            let mut most = simd.splat_f32s(f32::NEG_INFINITY);
            for value in whole.iter() {
                most = simd.max_f32s(most, *value);
            }
            let most = rest.iter().copied().fold(simd.reduce_max_f32s(most), f32::max);
            let most = simd.splat_f32s(most);
            let mut sum = simd.splat_f32s(0.0);
            for value in whole {
                *value = exp(simd, simd.sub_f32s(*value, most));
                sum = simd.add_f32s(sum, *value);
            }
            let mut sum = simd.reduce_sum_f32s(sum);
            if !rest.is_empty() {
                let last = exp(simd, simd.sub_f32s(simd.partial_load_f32s(rest), most));
                simd.partial_store_f32s(rest, last);
                sum += rest.iter().sum::<f32>();
            }
            self.factors.push(1.0 / sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lanes::on_every;
    use crate::reference::{close, noise};

    /// erf by its Taylor series, to the precision of `f64` for such arguments.
    fn erf(z: f64) -> f64 {
        let (mut term, mut sum) = (z, z);
        for n in 1..200 {
            let n = f64::from(n);
            term *= -z * z / n;
            sum += term / (2.0 * n + 1.0);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn gelu_is_as_near_as_it_says() {
        let xs: Vec<f32> = (-5000..=5001).map(|x| x as f32 * 1e-3).chain([-0.0, 20.0, -20.0, 1e30]).collect();
        on_every::<()>(|| {
            let mut found = xs.clone();
            gelu(&mut found);
            for (x, found) in xs.iter().zip(found) {
                let x = f64::from(*x);
                let erf = if x.abs() > 6.0 { x.signum() } else { erf(x / 2_f64.sqrt()) };
                let expected = 0.5 * x * (1.0 + erf);
                let error = (f64::from(found) - expected).abs();
                assert!(error <= 3e-7 * x.abs() + 1e-12, "gelu({x}) = {found}, expected {expected}");
            }
            Ok(())
        })
        .expect("asserts");
    }

    proptest! {
        #[test]
        fn layer_norm_is_that_of_the_paper(rows in 0_usize..9, vectors in 1_usize..9, seed: u32) {
            let width = vectors * LANES_MAX;
            let (x, scale, shift) = (noise(rows * width, seed), noise(width, seed ^ 1), noise(width, seed ^ 2));
            let norm = LayerNorm::new(scale.clone(), shift.clone(), 1e-5).expect("fits");
            let expected: Vec<f32> = x.chunks_exact(width).flat_map(|row| {
                let mean = row.iter().sum::<f32>() / width as f32;
                let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / width as f32;
                let deviation = (variance + 1e-5).sqrt();
                row.iter().zip(&scale).zip(&shift).map(|((x, scale), shift)| (x - mean) / deviation * scale + shift).collect::<Vec<_>>()
            }).collect();
            on_every(|| {
                let mut found = x.clone();
                norm.run(&mut found);
                close(&found, &expected)
            })?;
        }
    }

    #[test]
    fn layer_norm_refuses_what_it_cannot_do() {
        assert_eq!(LayerNorm::new(vec![1.0; 17], vec![0.0; 17], 0.0), None);
        assert_eq!(LayerNorm::new(vec![1.0; 16], vec![0.0; 32], 0.0), None);
        assert_eq!(LayerNorm::new(Vec::new(), Vec::new(), 0.0), None);
    }
}
