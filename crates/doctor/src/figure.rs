//! Balanced accuracy, and how far it may be from what the clips at hand say.

use crate::random::{Purpose, generator};
use crate::truth::Truth;
use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Resamples below which a percentile says nothing.
const FEWEST: usize = 100;

/// A figure with its interval, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub value: f64,
    /// Low end of the 95 % interval.
    pub low: f64,
    /// High end of it.
    pub high: f64,
    /// Clips.
    pub n: usize,
    /// Groups that they come from.
    pub n_groups: usize,
}

/// How often each class was right: `right` holds 1 for a clip that was called what it is.
///
/// Of classes without weight there is no recall, and then no mean.
fn mean_recall(truth: &Truth, right: &[f64], weights: &[f64]) -> Option<f64> {
    let mut sums = vec![[0.0_f64; 2]; truth.n_classes()];
    for ((label, right), weight) in truth.labels.iter().zip(right).zip(weights) {
        sums[*label][0] += weight * right;
        sums[*label][1] += weight;
    }
    let recalls: Option<Vec<f64>> = sums.iter().map(|[right, all]| (*all > 0.0).then(|| right / all)).collect();
    recalls.map(|recalls| recalls.iter().sum::<f64>() / recalls.len() as f64)
}

/// The mean recall over the classes of calling clip `i` class `called[i]`, with the percentile interval of a bootstrap
/// over groups, since clips of one recording are alike and do not count as many. Resamples that lack a class are drawn
/// again in effect: they are left out. Where all clips are right, and every resample says so too, the low end is the
/// exact bound of that many groups (Clopper and Pearson, 1934), for the class that has the fewest.
pub fn balanced_accuracy(truth: &Truth, called: &[usize], resamples: usize, seed: u64) -> Figure {
    let right: Vec<f64> = called.iter().zip(&truth.labels).map(|(a, b)| f64::from(u8::from(a == b))).collect();
    let of = |weights: &[f64]| mean_recall(truth, &right, weights);
    figure(truth, resamples, seed, 0.0, of)
}

/// How much better `called` is than `other`, with the interval of a bootstrap in which both see the same groups.
pub fn difference(truth: &Truth, called: &[usize], other: &[usize], resamples: usize, seed: u64) -> Figure {
    let rights = |called: &[usize]| -> Vec<f64> {
        called.iter().zip(&truth.labels).map(|(a, b)| f64::from(u8::from(a == b))).collect()
    };
    let (called, other) = (rights(called), rights(other));
    let of = |weights: &[f64]| Some(mean_recall(truth, &called, weights)? - mean_recall(truth, &other, weights)?);
    figure(truth, resamples, seed, -1.0, of)
}

fn figure(truth: &Truth, resamples: usize, seed: u64, least: f64, of: impl Fn(&[f64]) -> Option<f64> + Sync) -> Figure {
    let value = of(&vec![1.0; truth.n_clips()]).unwrap_or(f64::NAN);
    let resample = |number: usize| {
        let mut random = generator(seed, Purpose::Bootstrap, number as u64);
        let mut drawn = vec![0.0_f64; truth.n_groups];
        (0..truth.n_groups).for_each(|_| drawn[random.random_range(0..truth.n_groups)] += 1.0);
        let weights: Vec<f64> = truth.groups.iter().map(|group| drawn[*group]).collect();
        of(&weights)
    };
    let mut values: Vec<f64> = (0..resamples).into_par_iter().filter_map(resample).collect();
    values.sort_by(f64::total_cmp);
    let fewest = truth.groups_by_class().into_iter().min().unwrap_or(0);
    let (low, high) = if values.len() < FEWEST {
        (least, 1.0)
    } else if value == 1.0 && values[0] == 1.0 {
        (exact_low(fewest), 1.0)
    } else {
        (percentile(&values, 0.025), percentile(&values, 0.975))
    };
    Figure { value, low, high, n: truth.n_clips(), n_groups: truth.n_groups }
}

/// The share that `n` draws, all of them right, still leave possible at 95 %.
fn exact_low(n: usize) -> f64 {
    if n == 0 { 0.0 } else { 0.025_f64.powf(1.0 / n as f64) }
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (at - at.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(n: usize, clips_a_group: usize) -> Truth {
        let labels: Vec<String> = (0..n).map(|i| if i < n / 2 { "a" } else { "b" }.to_owned()).collect();
        let groups: Vec<String> = (0..n).map(|i| (i / clips_a_group).to_string()).collect();
        Truth::new(&labels, &groups).unwrap()
    }

    #[test]
    fn known_by_hand() {
        let truth = truth(8, 1);
        // Class a: 3 of 4; class b: 2 of 4.
        let figure = balanced_accuracy(&truth, &[0, 0, 0, 1, 1, 1, 0, 0], 500, 1);
        assert_eq!(figure.value, 0.625);
        assert!(figure.low < 0.625 && figure.high > 0.625, "{figure:?}");
    }

    #[test]
    fn the_width_is_that_of_theory() {
        // Two classes of 100 groups, half right: the standard error is 0.05 / sqrt 2.
        let truth = truth(200, 1);
        let called: Vec<usize> = (0..200).map(|i| i % 2).collect();
        let figure = balanced_accuracy(&truth, &called, 2000, 3);
        assert!((figure.high - figure.low - 2.0 * 1.96 * 0.0354).abs() < 0.02, "{figure:?}");
    }

    #[test]
    fn clips_of_one_group_do_not_count_as_many() {
        let called: Vec<usize> = (0..200).map(|i| (i / 10) % 2).collect();
        let width = |truth: &Truth| {
            let figure = balanced_accuracy(truth, &called, 1000, 3);
            figure.high - figure.low
        };
        assert!(width(&truth(200, 10)) > 2.0 * width(&truth(200, 1)));
    }

    #[test]
    fn all_right_is_no_certainty() {
        let truth = truth(40, 2);
        let figure = balanced_accuracy(&truth, &truth.labels, 500, 1);
        assert_eq!((figure.value, figure.high), (1.0, 1.0));
        assert!((figure.low - 0.025_f64.powf(0.1)).abs() < 1e-12);
    }

    #[test]
    fn a_difference_sees_the_same_groups_on_both_sides() {
        let truth = truth(40, 1);
        let called: Vec<usize> = (0..40).map(|i| i % 2).collect();
        let none = difference(&truth, &called, &called, 300, 1);
        assert_eq!((none.value, none.low, none.high), (0.0, 0.0, 0.0));
        assert!(difference(&truth, &truth.labels, &called, 300, 1).low > 0.2);
    }
}
