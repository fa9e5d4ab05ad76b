//! Exact confidence intervals of a share of a finite population, of which a part was looked at without replacement.
//!
//! Sources: Katz (1953), "Confidence Intervals for the Number Showing a Certain Characteristic in a Population when Sampling is without
//! Replacement"; Konijn (1973), "Statistical Theory of Sample Survey Design and Analysis"; Wright (1991), "Exact Confidence Bounds when
//! Sampling from Small Finite Universes".

use crate::beta::ln_gamma;
use crate::exact::clopper_pearson;

/// Tails that are equal to the wanted one but for rounding count as large enough: the interval is never too short by that.
const ROUNDING: f64 = 1e-7;
/// Terms of a sum below this share of it change nothing.
const NEGLIGIBLE: f64 = 1e-17;

/// The exact two-sided interval `[low, high]` of the share of successes in a population of `population`, of which `n` were drawn without
/// replacement and `k` were successes.
///
/// Its ends are the smallest and the largest number of successes in the population for which `k` or more, and `k` or fewer, have a
/// probability of `(1 - level) / 2` at least, divided by `population`. It holds the true share with a probability of `level` at least,
/// whatever depends on what in the population: the draw alone is random. Where all were drawn it is `[k / n, k / n]`; with a population far
/// above `n` it is that of [`clopper_pearson`]. With nothing drawn it is `[0, 1]`.
///
/// # Panics
/// Where `k` is above `n`, `n` above `population`, or `level` is not above 0 and below 1.
pub fn finite_population(k: usize, n: usize, population: usize, level: f64) -> [f64; 2] {
    assert!(k <= n && n <= population, "{k} successes of {n} drawn of {population}");
    assert!(level > 0.0 && level < 1.0, "level: expected above 0 and below 1, got {level}");
    if n == 0 {
        return [0.0, 1.0];
    }
    // Failures are successes of the mirror image.
    let high = population - fewest(n - k, n, population, level);
    [fewest(k, n, population, level) as f64 / population as f64, high as f64 / population as f64]
}

/// The interval of [`finite_population`] where the population is known, and that of [`clopper_pearson`] where it is not.
///
/// # Panics
/// As these.
pub fn interval_of_share(k: usize, n: usize, population: Option<usize>, level: f64) -> [f64; 2] {
    population.map_or_else(|| clopper_pearson(k, n, level), |population| finite_population(k, n, population, level))
}

/// How many must be drawn beyond `n` until [`interval_of_share`] is at most `2 * half` wide, if the share of successes stays about what it
/// is. The whole population at most; it is 0 where the interval is narrow enough.
///
/// # Panics
/// As [`interval_of_share`], and where `half` is not above 0.
pub fn draws_until(half: f64, k: usize, n: usize, population: Option<usize>, level: f64) -> usize {
    assert!(half > 0.0, "half: expected above 0, got {half}");
    // With few draws, one more of either kind is as likely as not.
    let share = (k as f64 + 0.5) / (n as f64 + 1.0);
    let is_narrow = |extra: usize| {
        let successes = k + (share * extra as f64).round() as usize;
        let [low, high] = interval_of_share(successes, n + extra, population, level);
        high - low <= 2.0 * half + 1e-9
    };
    if n > 0 && is_narrow(0) {
        return 0;
    }
    let most = population.map_or(usize::MAX, |population| population - n);
    let (mut low, mut high) = (0, most.min(16));
    while high < most && !is_narrow(high) {
        (low, high) = (high, most.min(high.saturating_mul(2)));
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_narrow(middle) { high = middle } else { low = middle }
    }
    high
}

/// The fewest successes in the population with which `k` or more of `n` have the probability of a tail.
fn fewest(k: usize, n: usize, population: usize, level: f64) -> usize {
    if k == 0 {
        return 0;
    }
    let tail = (1.0 - level) / 2.0 * (1.0 - ROUNDING);
    // With as many as were not seen to fail, `k` or more are certain.
    let (mut too_few, mut enough) = (k - 1, population - (n - k));
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if at_least(k, n, middle, population) >= tail { enough = middle } else { too_few = middle }
    }
    enough
}

/// The probability of `k` or more successes among `n` drawn from a population that has `successes`.
fn at_least(k: usize, n: usize, successes: usize, population: usize) -> f64 {
    let (first, last) = (n.saturating_sub(population - successes), n.min(successes));
    if k <= first {
        return 1.0;
    }
    if k > last {
        return 0.0;
    }
    let mode = ((n + 1) as f64 * (successes + 1) as f64 / (population + 2) as f64) as usize;
    // Each sum runs away from the mode, where its terms only fall.
    if k > mode {
        tail_sum(k, n, successes, population, |i| {
            let factor = (successes - i) as f64 * (n - i) as f64;
            (i < last).then(|| (i + 1, factor / ((i + 1) as f64 * (population + i + 1 - successes - n) as f64)))
        })
    } else {
        1.0 - tail_sum(k - 1, n, successes, population, |i| {
            let factor = i as f64 * (population + i - successes - n) as f64;
            (i > first).then(|| (i - 1, factor / ((successes - i + 1) as f64 * (n - i + 1) as f64)))
        })
    }
}

/// The sum of probabilities from `from` on; `next` is the following number of successes and the ratio of the probabilities.
fn tail_sum(
    from: usize,
    n: usize,
    successes: usize,
    population: usize,
    next: impl Fn(usize) -> Option<(usize, f64)>,
) -> f64 {
    let log = ln_choose(successes, from) + ln_choose(population - successes, n - from) - ln_choose(population, n);
    let (mut term, mut sum, mut i) = (1.0, 1.0, from);
    while let Some((following, ratio)) = next(i) {
        term *= ratio;
        sum += term;
        i = following;
        if term < sum * NEGLIGIBLE {
            break;
        }
    }
    (log.exp() * sum).min(1.0)
}

/// The logarithm of the number of ways to choose `k` of `n`.
fn ln_choose(n: usize, k: usize) -> f64 {
    let of = |count: usize| ln_gamma(count as f64 + 1.0);
    of(n) - of(k) - of(n - k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn choose(n: u128, k: u128) -> u128 {
        if k > n { 0 } else { (0..k).fold(1, |all, i| all * (n - i) / (i + 1)) }
    }

    /// The definition, by whole numbers: twice the ways against the level, in thousandths.
    fn by_counting(k: u128, n: u128, population: u128, level_thousandths: u128) -> [f64; 2] {
        let all = choose(population, n);
        let ways = |m: u128, drawn: std::ops::RangeInclusive<u128>| {
            drawn.map(|i| if i > n { 0 } else { choose(m, i) * choose(population - m, n - i) }).sum()
        };
        let is_possible = |ways: u128| ways * 2000 >= all * (1000 - level_thousandths);
        let low = (0..=population).find(|&m| is_possible(ways(m, k..=n))).unwrap();
        let high = (0..=population).rev().find(|&m| is_possible(ways(m, 0..=k))).unwrap();
        [low as f64 / population as f64, high as f64 / population as f64]
    }

    #[test]
    fn known_values() {
        assert_eq!(finite_population(0, 0, 7, 0.95), [0.0, 1.0]);
        assert_eq!(finite_population(0, 0, 0, 0.95), [0.0, 1.0]);
        assert_eq!(finite_population(3, 4, 4, 0.95), [0.75, 0.75]);
        // Two of two right, of four: one right of four cannot be; two of four have both drawn in 1 of 6.
        assert_eq!(finite_population(2, 2, 4, 0.95), [0.5, 1.0]);
        // What the pages show (scripts/check-page.test.mjs).
        for ((k, n, population), [low, high]) in [
            ((8, 10, 40), [0.5, 0.95]),
            ((45, 50, 200), [0.8, 0.955]),
            ((95, 100, 1000), [0.891, 0.982]),
            ((950, 1000, 1_000_000), [0.934_618, 0.962_658]),
        ] {
            let got = finite_population(k, n, population, 0.95);
            assert!((got[0] - low).abs() < 1e-9 && (got[1] - high).abs() < 1e-9, "{k} {n} {population}: {got:?}");
        }
        assert_eq!(draws_until(0.05, 40, 40, Some(40), 0.95), 0);
        assert_eq!((draws_until(0.05, 10, 10, None, 0.95), draws_until(0.05, 8, 10, Some(40), 0.95)), (69, 23));
        assert_eq!(interval_of_share(4, 10, None, 0.95), clopper_pearson(4, 10, 0.95));
    }

    /// Over all samples of small populations.
    #[test]
    fn holds_the_true_share_as_often_as_it_says() {
        for population in [5_u128, 17, 40] {
            for n in 1..=population {
                for successes in 0..=population {
                    let truth = successes as f64 / population as f64;
                    let is_in = |k: u128| {
                        let [low, high] = finite_population(k as usize, n as usize, population as usize, 0.9);
                        low <= truth && truth <= high
                    };
                    let possible = n.saturating_sub(population - successes)..=n.min(successes);
                    let ways = |k: u128| choose(successes, k) * choose(population - successes, n - k);
                    let covered: u128 = possible.filter(|&k| is_in(k)).map(ways).sum();
                    assert!(covered * 10 >= choose(population, n) * 9, "{successes} of {population}, {n} drawn");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn equals_the_definition(population in 1_u128..60, a in 0.0..=1.0_f64, b in 0.0..=1.0_f64, level in 500_u128..999) {
            let n = (a * population as f64).round() as u128;
            let k = (b * n as f64).round() as u128;
            prop_assume!(n > 0);
            let got = finite_population(k as usize, n as usize, population as usize, level as f64 / 1000.0);
            prop_assert_eq!(got, by_counting(k, n, population, level));
        }

        #[test]
        fn a_large_population_is_that_of_independent_trials(n in 1_usize..60, at in 0.0..=1.0_f64, level in 0.5..0.99_f64) {
            let k = (at * n as f64).round() as usize;
            let (got, limit) = (finite_population(k, n, 10_000_000, level), clopper_pearson(k, n, level));
            prop_assert!((got[0] - limit[0]).abs() < 2e-5 && (got[1] - limit[1]).abs() < 2e-5, "{got:?} {limit:?}");
        }

        /// Never wider than with independent trials, but for one of the population; failures mirror successes.
        #[test]
        fn is_no_wider_and_mirrors(population in 1_usize..1_000_000, a in 0.0..=1.0_f64, b in 0.0..=1.0_f64) {
            let n = ((a * a * population as f64).round() as usize).max(1);
            let k = (b * n as f64).round() as usize;
            let [low, high] = finite_population(k, n, population, 0.95);
            let [of_trials_low, of_trials_high] = clopper_pearson(k, n, 0.95);
            let one = 1.0 / population as f64;
            prop_assert!(low >= of_trials_low - one && high <= of_trials_high + one);
            prop_assert!(low <= k as f64 / n as f64 + one && k as f64 / n as f64 <= high + one);
            let [other_low, other_high] = finite_population(n - k, n, population, 0.95);
            prop_assert!((low - (1.0 - other_high)).abs() < 1e-12 && (high - (1.0 - other_low)).abs() < 1e-12);
        }

        #[test]
        fn so_many_draws_make_it_narrow(population in 1_usize..5000, a in 0.0..=1.0_f64, b in 0.0..=1.0_f64) {
            let n = (a * population as f64).round() as usize;
            let k = (b * n as f64).round() as usize;
            let more = draws_until(0.05, k, n, Some(population), 0.95);
            prop_assert!(n + more <= population);
            let share = (k as f64 + 0.5) / (n as f64 + 1.0);
            let width = |extra: usize| {
                let successes = k + (share * extra as f64).round() as usize;
                let [low, high] = finite_population(successes, n + extra, population, 0.95);
                high - low
            };
            prop_assert!(width(more) <= 0.1 + 1e-9);
            prop_assert!(more == 0 || width(more - 1) > 0.1);
            prop_assert!(more <= draws_until(0.05, k, n, None, 0.95) + 2);
        }
    }
}
