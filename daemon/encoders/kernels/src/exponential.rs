//! The exponential of vectors.

use pulp::Simd;

/// `e^x` to a relative error of 3e-7 where the result is a normal number; what is smaller becomes the
/// smallest one, what is larger the largest power of two.
///
/// `e^x = 2^n e^g` with a whole `n` and `|g| <= ln 2 / 2`: the Taylor series to the sixth power.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // At this number the last bit of a float is worth 1: adding it rounds.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first of which times a small whole number is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const SERIES: [f32; 7] = [1.0, 1.0, 0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0];
    let splat = |value| simd.splat_f32s(value);
    let x = simd.min_f32s(simd.max_f32s(x, splat(-87.3)), splat(88.3));
    let rounded = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), splat(ROUND));
    let n = simd.sub_f32s(rounded, splat(ROUND));
    let g = simd.mul_add_e_f32s(n, splat(-LN_2[0]), x);
    let g = simd.mul_add_e_f32s(n, splat(-LN_2[1]), g);
    let mut series = splat(SERIES[6]);
    for factor in [SERIES[5], SERIES[4], SERIES[3], SERIES[2], SERIES[1], SERIES[0]] {
        series = simd.mul_add_e_f32s(series, g, splat(factor));
    }
    // The last bits of `rounded` are n; with the bias they become the exponent.
    let n = simd.add_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(127));
    let power = simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(n, simd.splat_u32s(23)));
    simd.mul_f32s(series, power)
}

#[cfg(test)]
mod tests {
    use pulp::WithSimd;

    use super::*;
    use crate::lanes::{on_every, widest};

    struct Exp(f32);

    impl WithSimd for Exp {
        type Output = f32;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f32 {
            simd.reduce_max_f32s(exp(simd, simd.splat_f32s(self.0)))
        }
    }

    #[test]
    fn it_is_as_near_as_it_says() {
        on_every::<()>(|| {
            for at in -8700..=8800 {
                let x = at as f32 * 1e-2;
                let (found, expected) = (f64::from(widest(Exp(x))), f64::from(x).exp());
                assert!((found / expected - 1.0).abs() < 3e-7, "exp({x}) = {found}, expected {expected}");
            }
            for x in [-1e9, f32::NEG_INFINITY, -88.0] {
                let found = widest(Exp(x));
                assert!((0.0..2e-38).contains(&found), "exp({x}) = {found}");
            }
            Ok(())
        })
        .expect("asserts");
    }
}
