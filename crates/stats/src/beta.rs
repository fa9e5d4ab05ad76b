//! The incomplete beta function.

/// The regularized incomplete beta function `I_x(a, b)`: the probability that a Beta(a, b) variable is at most `x`.
///
/// By the continued fraction of DiDonato and Morris (1992), evaluated with the method of Lentz (1976).
///
/// # Panics
/// Where `a` or `b` is not above 0.
pub fn regularized_incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    assert!(a > 0.0 && b > 0.0, "expected parameters above 0, got {a} and {b}");
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast below the mean; above it the mirror image does.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - tail(b, a, 1.0 - x, (-x).ln_1p(), x.ln());
    }
    tail(a, b, x, x.ln(), (-x).ln_1p())
}

/// `x^a (1-x)^b / (a B(a, b))` times the continued fraction; the logarithms are those of `x` and `1 - x`.
fn tail(a: f64, b: f64, x: f64, ln_x: f64, ln_rest: f64) -> f64 {
    let front = (a * ln_x + b * ln_rest - ln_beta(a, b)).exp() / a;
    front / fraction(a, b, x)
}

/// `1 + d1/(1 + d2/(1 + ...))` with the coefficients of `I_x(a, b)`.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guarded = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut value, mut c, mut d) = (1.0_f64, 1.0_f64, 0.0_f64);
    for step in 1..10_000 {
        let m = f64::from(step / 2);
        let coefficient = if step % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        d = 1.0 / guarded(1.0 + coefficient * d);
        c = guarded(1.0 + coefficient / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// Logarithm of the gamma function above 0: Stirling's series, after steps up to where it is exact to the last bits.
pub(crate) fn ln_gamma(z: f64) -> f64 {
    let (mut shifted, mut product) = (z, 1.0_f64);
    while shifted < 16.0 {
        product *= shifted;
        shifted += 1.0;
    }
    // Bernoulli numbers: B_2k / (2k (2k - 1)).
    const COEFFICIENTS: [f64; 6] =
        [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0];
    let square = 1.0 / (shifted * shifted);
    let series = COEFFICIENTS.iter().rev().fold(0.0, |sum, coefficient| sum * square + coefficient) / shifted;
    (shifted - 0.5) * shifted.ln() - shifted + 0.5 * std::f64::consts::TAU.ln() + series - product.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn logarithms_of_factorials() {
        let mut expected = 0.0_f64;
        for n in 1..200_u32 {
            assert!((ln_gamma(f64::from(n)) - expected).abs() < 1e-13 * expected.max(1.0), "{n}");
            expected += f64::from(n).ln();
        }
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-14);
    }

    #[test]
    fn closed_forms() {
        for x in [0.0, 0.01, 0.3, 0.5, 0.9, 1.0_f64] {
            assert!((regularized_incomplete_beta(1.0, 1.0, x) - x).abs() < 1e-14);
            assert!((regularized_incomplete_beta(5.0, 1.0, x) - x.powi(5)).abs() < 1e-14);
            assert!((regularized_incomplete_beta(1.0, 5.0, x) - (1.0 - (1.0 - x).powi(5))).abs() < 1e-14);
            // The arcsine distribution.
            let arcsine = 2.0 / std::f64::consts::PI * x.sqrt().asin();
            assert!((regularized_incomplete_beta(0.5, 0.5, x) - arcsine).abs() < 1e-14);
        }
    }

    proptest! {
        /// Equals the integral of the density, by Simpson's rule.
        #[test]
        fn equals_the_integral(a in 1_u32..40, b in 1_u32..40, x in 0.0..=1.0_f64) {
            let (a, b) = (f64::from(a), f64::from(b));
            let density = |t: f64| t.powf(a - 1.0) * (1.0 - t).powf(b - 1.0);
            let steps = 4000;
            let at = |i: usize| density(x * i as f64 / steps as f64);
            let inner: f64 = (1..steps).map(|i| at(i) * if i % 2 == 0 { 2.0 } else { 4.0 }).sum();
            let integral = (at(0) + inner + at(steps)) * x / (3 * steps) as f64 / ln_beta(a, b).exp();
            let got = regularized_incomplete_beta(a, b, x);
            prop_assert!((got - integral).abs() < 1e-8, "{got} {integral}");
        }
    }
}
