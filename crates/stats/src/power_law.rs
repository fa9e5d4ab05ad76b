//! The power law of learning curves: error = a n^-b + c.
//!
//! Source: Hestness et al. (2017), "Deep Learning Scaling is Predictable, Empirically"; Figueroa et al. (2012), "Predicting
//! sample size required for classification performance", which weights the points by their rank.

/// Bounds of the exponent. Below them the curve cannot be distinguished from a logarithm, above them from a step.
const EXPONENTS: [f64; 2] = [0.05, 3.0];
/// Exponents that are tried before the best is refined.
const N_GRID: usize = 48;
/// Steps of the refinement.
const N_STEPS: usize = 40;

/// error(n) = `a` n^-`b` + `c`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerLaw {
    /// Height of what falls, at n = 1; not below 0.
    pub a: f64,
    /// How fast it falls, from 0.05 to 3.
    pub b: f64,
    /// What no number of clips takes away; not below 0.
    pub c: f64,
}

impl PowerLaw {
    /// The curve through `errors`, `[N]`, at `sizes`, `[N]`, with the least sum of squares weighted by `weights`, `[N]`. For
    /// each exponent the best a and c are exact; the exponent is searched. None with fewer than three sizes.
    ///
    /// # Panics
    /// Where the lengths differ.
    pub fn fit(sizes: &[f64], errors: &[f64], weights: &[f64]) -> Option<Self> {
        assert!(sizes.len() == errors.len() && sizes.len() == weights.len(), "lengths of sizes, errors and weights");
        let largest = sizes.iter().copied().fold(0.0, f64::max);
        if sizes.len() < 3 || largest <= 0.0 {
            return None;
        }
        // Sizes as shares of the largest, so that a is the height there.
        let of = |b: f64| {
            let x: Vec<f64> = sizes.iter().map(|size| (size / largest).powf(-b)).collect();
            let (a, c) = line(&x, errors, weights);
            let residuals = x.iter().zip(errors).zip(weights).map(|((x, e), w)| w * (a * x + c - e).powi(2));
            (residuals.sum::<f64>(), Self { a: a * largest.powf(b), b, c })
        };
        let [low, high] = EXPONENTS.map(f64::ln);
        let step = (high - low) / (N_GRID - 1) as f64;
        let at = |nth: usize| low + step * nth as f64;
        let grid: Vec<f64> = (0..N_GRID).map(|nth| of(at(nth).exp()).0).collect();
        let best = (0..N_GRID).min_by(|&i, &j| grid[i].total_cmp(&grid[j]))?;
        // Golden section between the neighbors of the best.
        let golden = (5f64.sqrt() - 1.0) / 2.0;
        let (mut from, mut to) = (at(best.saturating_sub(1)), at((best + 1).min(N_GRID - 1)));
        for _ in 0..N_STEPS {
            let (left, right) = (to - golden * (to - from), from + golden * (to - from));
            if of(left.exp()).0 <= of(right.exp()).0 { to = right } else { from = left }
        }
        let refined = of((0.5 * (from + to)).exp());
        Some(if refined.0 <= grid[best] { refined.1 } else { of(at(best).exp()).1 })
    }

    /// The error with `n` clips.
    pub fn error(&self, n: f64) -> f64 {
        self.a * n.powf(-self.b) + self.c
    }

    /// With how many clips the error is `error`; infinity where it never is.
    pub fn size_of(&self, error: f64) -> f64 {
        let above = error - self.c;
        if above <= 0.0 || self.a <= 0.0 { f64::INFINITY } else { (self.a / above).powf(1.0 / self.b) }
    }
}

/// a and c of the weighted least squares of a x + c, neither below 0.
fn line(x: &[f64], y: &[f64], weights: &[f64]) -> (f64, f64) {
    let sum = |of: &dyn Fn(usize) -> f64| (0..x.len()).map(|i| weights[i] * of(i)).sum::<f64>();
    let (n, sx, sy) = (sum(&|_| 1.0), sum(&|i| x[i]), sum(&|i| y[i]));
    let (sxx, sxy) = (sum(&|i| x[i] * x[i]), sum(&|i| x[i] * y[i]));
    let determinant = n * sxx - sx * sx;
    let a = if determinant > 1e-15 * n * sxx { (n * sxy - sx * sy) / determinant } else { 0.0 };
    if a <= 0.0 {
        return (0.0, (sy / n).max(0.0));
    }
    let c = (sy - a * sx) / n;
    if c < 0.0 { ((sxy / sxx).max(0.0), 0.0) } else { (a, c) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, proptest};

    const SIZES: [f64; 6] = [25.0, 50.0, 100.0, 200.0, 400.0, 800.0];

    #[test]
    fn a_flat_or_rising_curve_is_its_mean() {
        let flat = PowerLaw::fit(&SIZES, &[0.2; 6], &[1.0; 6]).unwrap();
        assert!(flat.a < 1e-9 || (flat.error(25.0) - flat.error(800.0)).abs() < 1e-6, "{flat:?}");
        assert!((flat.error(1600.0) - 0.2).abs() < 1e-6, "{flat:?}");
        let rising = PowerLaw::fit(&SIZES, &[0.1, 0.1, 0.2, 0.2, 0.3, 0.3], &[1.0; 6]).unwrap();
        assert!(rising.a == 0.0 && (rising.c - 0.2).abs() < 1e-9, "{rising:?}");
        assert_eq!(rising.size_of(0.1), f64::INFINITY);
        assert_eq!(PowerLaw::fit(&SIZES[..2], &[0.2, 0.1], &[1.0; 2]), None);
    }

    #[test]
    fn a_curve_below_zero_ends_at_zero() {
        let errors = SIZES.map(|n| (2.0 * n.powf(-0.6) - 0.03).max(0.0));
        let fit = PowerLaw::fit(&SIZES, &errors, &[1.0; 6]).unwrap();
        assert!(fit.c == 0.0 && fit.b > 0.6, "{fit:?}");
    }

    proptest! {
        /// What made the points is found again, and with it the size of an error.
        #[test]
        fn known_numbers_are_found(a in 0.5..5.0_f64, b in 0.2..1.5_f64, c in 0.0..0.2_f64) {
            let of = PowerLaw { a, b, c };
            let weights: Vec<f64> = (1..=SIZES.len()).map(|rank| rank as f64).collect();
            let fit = PowerLaw::fit(&SIZES, &SIZES.map(|n| of.error(n)), &weights).unwrap();
            prop_assert!((fit.b - b).abs() < 0.01 && (fit.c - c).abs() < 0.005, "{fit:?}");
            prop_assert!((fit.error(1600.0) - of.error(1600.0)).abs() < 1e-3, "{fit:?}");
            let error = of.error(1000.0);
            prop_assert!((of.size_of(error) / 1000.0 - 1.0).abs() < 1e-6);
        }
    }
}
