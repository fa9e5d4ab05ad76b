//! Intervals by drawing the groups anew.

use crate::seeds::{Purpose, generator};
use rand::Rng;
use rayon::prelude::*;

/// How resamples are drawn and what is made of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// Resamples to draw.
    pub resamples: usize,
    /// Share of the resamples that an interval holds, such as 0.95.
    pub level: f64,
    /// Seed of the draws.
    pub seed: u64,
}

/// `figures` of each bootstrap sample: as many groups as there are, drawn with replacement.
///
/// Whole groups are drawn, because clips of one recording are alike and do not count as so many. `group` holds the
/// group of each clip, each below `n_groups`; `figures` gets the weight of each clip: how often its group was drawn.
/// A resample's draws depend on (seed, its number) alone.
pub fn bootstrap<T: Send>(
    group: &[usize],
    n_groups: usize,
    options: Bootstrap,
    figures: impl Fn(&[f64]) -> T + Sync,
) -> Vec<T> {
    let one = |number: usize| {
        let mut random = generator(options.seed, Purpose::Bootstrap, number as u64, 0);
        let mut drawn = vec![0.0_f64; n_groups];
        (0..n_groups).for_each(|_| drawn[random.random_range(0..n_groups)] += 1.0);
        let weights: Vec<f64> = group.iter().map(|group| drawn[*group]).collect();
        figures(&weights)
    };
    (0..options.resamples).into_par_iter().map(one).collect()
}

/// The value below which a `share` of the sorted values lies, interpolated between neighbours. None of nothing.
pub fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = share.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    Some(sorted[low] + (sorted[high] - sorted[low]) * (at - at.floor()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn options(resamples: usize, seed: u64) -> Bootstrap {
        Bootstrap { resamples, level: 0.95, seed }
    }

    #[test]
    fn percentiles_interpolate() {
        let sorted = [1.0, 2.0, 4.0];
        assert_eq!(percentile(&sorted, 0.0), Some(1.0));
        assert_eq!(percentile(&sorted, 0.5), Some(2.0));
        assert_eq!(percentile(&sorted, 0.75), Some(3.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn weights_add_up_and_groups_stay_together() {
        let group = [0, 0, 1, 2, 2, 2];
        let drawn = bootstrap(&group, 3, options(50, 1), <[f64]>::to_vec);
        for weights in &drawn {
            assert_eq!((weights[0], weights[3], weights[3]), (weights[1], weights[4], weights[5]));
            assert_eq!(weights[0] + weights[2] + weights[3], 3.0);
        }
        assert_eq!(drawn, bootstrap(&group, 3, options(50, 1), <[f64]>::to_vec));
        assert_ne!(drawn, bootstrap(&group, 3, options(50, 2), <[f64]>::to_vec));
    }

    #[test]
    fn the_spread_of_a_mean_is_that_of_theory() {
        // 100 groups of one clip, half of them right: the standard error of the mean is 0.05.
        let group: Vec<usize> = (0..100).collect();
        let mean = |w: &[f64]| w[..50].iter().sum::<f64>() / 100.0;
        let mut means = bootstrap(&group, 100, options(4000, 3), mean);
        means.sort_by(f64::total_cmp);
        let (low, high) = (percentile(&means, 0.025).unwrap(), percentile(&means, 0.975).unwrap());
        assert!((low - 0.402).abs() < 0.02 && (high - 0.598).abs() < 0.02, "{low} {high}");
    }
}
