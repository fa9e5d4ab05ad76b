//! Exact confidence intervals of a proportion.
//!
//! Source: Clopper and Pearson (1934), "The Use of Confidence or Fiducial Limits Illustrated in the Case of the
//! Binomial".

use crate::beta::regularized_incomplete_beta;

/// The exact two-sided interval `[low, high]` of a proportion, where `k` of `n` independent trials were successes.
///
/// At `low`, `k` or more successes would have probability `(1 - level) / 2`; at `high`, `k` or fewer. With no trial it is
/// `[0, 1]`.
///
/// # Panics
/// Where `k` is above `n`, or `level` is not above 0 and below 1.
pub fn clopper_pearson(k: usize, n: usize, level: f64) -> [f64; 2] {
    assert!(k <= n, "{k} successes of {n} trials");
    assert!(level > 0.0 && level < 1.0, "level: expected above 0 and below 1, got {level}");
    let tail = (1.0 - level) / 2.0;
    let low = match k {
        0 => 0.0,
        k if k == n => lower_bound_all(n, tail),
        // P(X >= k) at p is I_p(k, n - k + 1).
        k => solve(tail, |p| regularized_incomplete_beta(k as f64, (n - k + 1) as f64, p)),
    };
    let high = match k {
        k if k == n => 1.0,
        0 => 1.0 - lower_bound_all(n, tail),
        // P(X <= k) at p is 1 - I_p(k + 1, n - k).
        k => solve(1.0 - tail, |p| regularized_incomplete_beta((k + 1) as f64, (n - k) as f64, p)),
    };
    [low, high]
}

/// The lower end of the exact interval where all of `n` trials were successes: the proportion at which that would happen
/// with probability `tail`, such as 0.025 for a two-sided 95 % interval. 0 with no trial.
///
/// With 80 of 80 and a tail of 0.025 it is 0.955. The upper end is 1; where all trials were failures the interval is
/// the mirror image.
pub fn lower_bound_all(n: usize, tail: f64) -> f64 {
    if n == 0 { 0.0 } else { tail.powf(1.0 / n as f64) }
}

/// Where a rising function of 0 to 1 has the value `target`, by bisection to the last bit.
fn solve(target: f64, rising: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return middle;
        }
        if rising(middle) < target {
            low = middle;
        } else {
            high = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        assert!((lower_bound_all(80, 0.025) - 0.9549).abs() < 5e-5);
        assert!((lower_bound_all(400, 0.025) - 0.9908).abs() < 5e-5);
        assert!((lower_bound_all(1, 0.025) - 0.025).abs() < 1e-12);
        assert_eq!(lower_bound_all(0, 0.025), 0.0);
        assert_eq!(clopper_pearson(0, 0, 0.95), [0.0, 1.0]);
        assert_eq!(clopper_pearson(80, 80, 0.95), [lower_bound_all(80, (1.0 - 0.95) / 2.0), 1.0]);
        // 4 of 10, from the tables: 0.1216 to 0.7376.
        let [low, high] = clopper_pearson(4, 10, 0.95);
        assert!((low - 0.1216).abs() < 5e-5 && (high - 0.7376).abs() < 5e-5, "{low} {high}");
    }

    /// P(X = i) for i of 0 to n, by the recurrence in logarithms.
    fn binomial(n: usize, p: f64) -> Vec<f64> {
        let mut log = n as f64 * (-p).ln_1p();
        let mut all = vec![log.exp()];
        for i in 1..=n {
            log += ((n - i + 1) as f64 / i as f64).ln() + p.ln() - (-p).ln_1p();
            all.push(log.exp());
        }
        all
    }

    proptest! {
        /// The ends have the tail probabilities of their definition, summed term by term.
        #[test]
        fn tails_equal_the_sums(n in 1_usize..300, at in 0.0..=1.0_f64, level in 0.5..0.999_f64) {
            let k = (at * n as f64).round() as usize;
            let [low, high] = clopper_pearson(k, n, level);
            let tail = (1.0 - level) / 2.0;
            prop_assert!(low <= k as f64 / n as f64 && k as f64 / n as f64 <= high);
            if k > 0 {
                let upper: f64 = binomial(n, low)[k..].iter().sum();
                prop_assert!((upper - tail).abs() < 1e-9, "low {low}: {upper}");
            } else {
                prop_assert_eq!(low, 0.0);
            }
            if k < n {
                let lower: f64 = binomial(n, high)[..=k].iter().sum();
                prop_assert!((lower - tail).abs() < 1e-9, "high {high}: {lower}");
            } else {
                prop_assert_eq!(high, 1.0);
            }
        }

        #[test]
        fn successes_mirror_failures(n in 1_usize..200, k in 0_usize..200) {
            let k = k.min(n);
            let ([low, high], [other_low, other_high]) = (clopper_pearson(k, n, 0.9), clopper_pearson(n - k, n, 0.9));
            prop_assert!((low - (1.0 - other_high)).abs() < 1e-12 && (high - (1.0 - other_low)).abs() < 1e-12);
        }
    }
}
