//! Exponential and GELU on vectors.

use crate::simd::Simd;

/// `e^x` within 2 units in the last place; 0 and infinity where `f32` ends, and what is no number stays none.
///
/// With `x = n ln 2 + r`, `e^x = 2^n e^r`; the polynomial for `e^r` is that of the Cephes library (S. Moshier).
///
/// # Safety
/// The processor has the instructions of `S`. So for all functions of this file.
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::Vector) -> S::Vector {
    const LARGEST: f32 = 88.02;
    const SMALLEST: f32 = -87.33;
    /// ln 2 in two parts, the first of which has few bits, so that its product with `n` is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const TERMS: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5.000_000_3e-1];
    // SAFETY: the function's own contract.
    unsafe {
        let x = S::min(S::splat(LARGEST), S::max(S::splat(SMALLEST), x));
        let n = S::round(S::mul(x, S::splat(std::f32::consts::LOG2_E)));
        let r = S::multiply_add(n, S::splat(-LN_2[0]), x);
        let r = S::multiply_add(n, S::splat(-LN_2[1]), r);
        let mut sum = S::splat(TERMS[0]);
        for term in &TERMS[1..] {
            sum = S::multiply_add(sum, r, S::splat(*term));
        }
        let power = S::add(S::multiply_add(sum, S::mul(r, r), r), S::splat(1.0));
        S::times_power_of_two(power, n)
    }
}

/// The standard normal distribution at `x`: the share below it, and its density.
///
/// The share is within 1e-7: formula 7.1.26 of M. Abramowitz and I. Stegun, "Handbook of Mathematical Functions", 1964,
/// for the smaller tail, so that small shares keep their digits.
#[inline(always)]
unsafe fn normal<S: Simd>(x: S::Vector) -> [S::Vector; 2] {
    /// One over the root of 2 pi.
    const HEIGHT: f32 = 0.398_942_3;
    const SLOPE: f32 = 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2;
    const TERMS: [f32; 5] = [1.061_405_4, -1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6];
    // SAFETY: the function's own contract.
    unsafe {
        let bell = exp::<S>(S::mul(S::mul(x, x), S::splat(-0.5)));
        let distance = S::max(S::sub(S::splat(0.0), x), x);
        let t = S::div(S::splat(1.0), S::multiply_add(distance, S::splat(SLOPE), S::splat(1.0)));
        let mut sum = S::splat(TERMS[0]);
        for term in &TERMS[1..] {
            sum = S::multiply_add(sum, t, S::splat(*term));
        }
        let tail = S::mul(S::mul(S::mul(sum, t), bell), S::splat(0.5));
        let above = S::greater_or_nan(x, S::splat(0.0));
        let share = S::select(above, S::sub(S::splat(1.0), tail), tail);
        [share, S::mul(bell, S::splat(HEIGHT))]
    }
}

/// `x` times the share of the standard normal distribution below it (D. Hendrycks and K. Gimpel, "Gaussian Error Linear
/// Units", 2016, in its exact form).
#[inline(always)]
pub(crate) unsafe fn gelu<S: Simd>(x: S::Vector) -> S::Vector {
    // SAFETY: the function's own contract.
    unsafe { S::mul(x, normal::<S>(x)[0]) }
}

/// [`gelu`] and its slope.
#[inline(always)]
pub(crate) unsafe fn gelu_and_slope<S: Simd>(x: S::Vector) -> [S::Vector; 2] {
    // SAFETY: the function's own contract.
    unsafe {
        let [share, density] = normal::<S>(x);
        [S::mul(x, share), S::multiply_add(x, density, share)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Path;
    use crate::dispatch::Work;
    use crate::stored::{load_first, store_first};
    use crate::table::Table;

    struct Each<'a>(&'a [f32], [&'a mut [f32]; 4]);

    impl Work for Each<'_> {
        type Out = ();
        #[inline(always)]
        unsafe fn run<S: Simd>(self) {
            let Self(x, [exponential, value, again, slope]) = self;
            for at in (0..x.len()).step_by(S::LANES) {
                let n = S::LANES.min(x.len() - at);
                // SAFETY: `n` values from `at` on are inside of each.
                unsafe {
                    let v = load_first::<S, f32>(x[at..].as_ptr(), n);
                    store_first::<S, f32>(exponential[at..].as_mut_ptr(), exp::<S>(v), n);
                    store_first::<S, f32>(value[at..].as_mut_ptr(), gelu::<S>(v), n);
                    let [of_both, gradient] = gelu_and_slope::<S>(v);
                    store_first::<S, f32>(again[at..].as_mut_ptr(), of_both, n);
                    store_first::<S, f32>(slope[at..].as_mut_ptr(), gradient, n);
                }
            }
        }
    }

    fn each(path: Path, x: &[f32]) -> [Vec<f32>; 4] {
        let mut out: [Vec<f32>; 4] = std::array::from_fn(|_| vec![0.0; x.len()]);
        let [a, b, c, d] = &mut out;
        Table::of(path).run(Each(x, [a, b, c, d]));
        out
    }

    /// The share below `x`, by Simpson's rule.
    fn share(x: f64) -> f64 {
        const STEPS: i32 = 400;
        let step = x / f64::from(STEPS);
        let density = |i: i32| (-0.5 * (f64::from(i) * step).powi(2)).exp();
        let weight = |i: i32| if i == 0 || i == STEPS { 1.0 } else { 2.0 + 2.0 * f64::from(i % 2) };
        let area: f64 = (0..=STEPS).map(|i| weight(i) * density(i)).sum::<f64>() * step / 3.0;
        0.5 + area / (2.0 * std::f64::consts::PI).sqrt()
    }

    #[test]
    fn functions_are_exact_to_rounding_on_every_path() {
        let n = if cfg!(miri) { 21 } else { 4001 };
        let x: Vec<f32> = (-n..n).map(|i| i as f32 * 50.0 / n as f32).collect();
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            let [exponential, value, again, slope] = each(path, &x);
            assert_eq!(value, again);
            for (i, &x) in x.iter().enumerate() {
                let x = f64::from(x);
                let error = f64::from(exponential[i]) / x.exp() - 1.0;
                assert!(error.abs() < 2.5e-7, "{path}: exp({x}): {error:e}");
                if x.abs() < 8.0 {
                    let below = share(x);
                    let error = f64::from(value[i]) - x * below;
                    assert!(error.abs() < 3e-7 * (1.0 + x.abs()), "{path}: gelu({x}): {error:e}");
                    let exact = below + x * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
                    let error = f64::from(slope[i]) - exact;
                    assert!(error.abs() < 4e-7 * (1.0 + x.abs()), "{path}: slope at {x}: {error:e}");
                }
            }
        }
    }

    #[test]
    fn the_ends_of_the_numbers() {
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            let [exponential, value, _, slope] = each(path, &[f32::NAN, -1e30, 1e30, -40.0, 40.0]);
            assert!(exponential[0].is_nan() && value[0].is_nan() && slope[0].is_nan(), "{path}");
            assert!(exponential[1] < 1.3e-38 && exponential[2] > 1e38, "{path}: {exponential:?}");
            assert!(value[3].abs() < 1e-30 && value[4] == 40.0 && slope[4] == 1.0, "{path}: {value:?} {slope:?}");
        }
    }
}
