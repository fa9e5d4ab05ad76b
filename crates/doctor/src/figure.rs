//! Balanced accuracy with a confidence interval over groups.

use crate::random::{Purpose, generator};
use crate::truth::Truth;
use serde::{Deserialize, Serialize};
use stats::{bootstrap, lower_bound_all, quantile_sorted};

/// Fewest resamples that an interval is taken from.
const FEWEST: usize = 100;

/// Probability of each tail outside a 95 % interval.
const TAIL: f64 = 0.025;

/// A figure with its confidence interval and the number of clips and groups behind it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The measured value.
    pub value: f64,
    /// Low end of the 95 % interval.
    pub low: f64,
    /// High end of the 95 % interval.
    pub high: f64,
    /// Number of clips.
    pub n: usize,
    /// Number of groups that the clips come from.
    pub n_groups: usize,
}

/// Mean recall over the classes, where clip `i` occurs `weights[i]` times and `right[i]` is 1 if it is predicted
/// correctly. None where a class has no weight.
fn mean_recall(truth: &Truth, right: &[f64], weights: &[f64]) -> Option<f64> {
    let mut sums = vec![[0.0_f64; 2]; truth.n_classes()];
    for ((label, right), weight) in truth.labels.iter().zip(right).zip(weights) {
        sums[*label][0] += weight * right;
        sums[*label][1] += weight;
    }
    let recalls: Option<Vec<f64>> = sums.iter().map(|[right, all]| (*all > 0.0).then(|| right / all)).collect();
    recalls.map(|recalls| recalls.iter().sum::<f64>() / recalls.len() as f64)
}

/// Balanced accuracy of predicting class `predicted[i]` for clip `i`, with the percentile interval of a bootstrap over
/// groups ([`stats::bootstrap`]).
///
/// Resamples that lack a class are left out, which is the same as drawing them again. Where all clips are right, so they
/// are in every resample: the low end is then the exact bound (Clopper and Pearson, 1934) for the number of groups of the
/// class that has the fewest.
pub fn balanced_accuracy(truth: &Truth, predicted: &[usize], resamples: usize, seed: u64) -> Figure {
    let right = right(truth, predicted);
    let of = |weights: &[f64]| mean_recall(truth, &right, weights);
    figure(truth, resamples, seed, 0.0, of)
}

/// Balanced accuracy of `predicted` minus that of `other`, with the interval of a bootstrap in which both are measured on
/// the same resamples.
pub fn difference(truth: &Truth, predicted: &[usize], other: &[usize], resamples: usize, seed: u64) -> Figure {
    let (right, other) = (right(truth, predicted), right(truth, other));
    let of = |weights: &[f64]| Some(mean_recall(truth, &right, weights)? - mean_recall(truth, &other, weights)?);
    figure(truth, resamples, seed, -1.0, of)
}

/// 1 for each clip that is predicted correctly, else 0, `[n_clips]`.
fn right(truth: &Truth, predicted: &[usize]) -> Vec<f64> {
    predicted.iter().zip(&truth.labels).map(|(a, b)| f64::from(u8::from(a == b))).collect()
}

fn figure(truth: &Truth, resamples: usize, seed: u64, least: f64, of: impl Fn(&[f64]) -> Option<f64> + Sync) -> Figure {
    let value = of(&vec![1.0; truth.n_clips()]).unwrap_or(f64::NAN);
    let of_resample = |number| generator(seed, Purpose::Bootstrap, number as u64);
    let drawn = bootstrap([&truth.grouped()], resamples, of_resample, |[weights]| of(weights));
    let mut values: Vec<f64> = drawn.into_iter().flatten().collect();
    values.sort_by(f64::total_cmp);
    let fewest = truth.groups_by_class().into_iter().min().unwrap_or(0);
    let end = |share| quantile_sorted(&values, share).unwrap_or(value);
    let (low, high) = if values.len() < FEWEST {
        (least, 1.0)
    } else if value == 1.0 && values[0] == 1.0 {
        (lower_bound_all(fewest, TAIL), 1.0)
    } else {
        (end(TAIL), end(0.975))
    };
    Figure { value, low, high, n: truth.n_clips(), n_groups: truth.n_groups }
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
    fn by_hand() {
        let truth = truth(8, 1);
        // Class a: 3 of 4; class b: 2 of 4.
        let figure = balanced_accuracy(&truth, &[0, 0, 0, 1, 1, 1, 0, 0], 500, 1);
        assert_eq!(figure.value, 0.625);
        assert!(figure.low < 0.625 && figure.high > 0.625, "{figure:?}");
    }

    #[test]
    fn the_width_agrees_with_theory() {
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
    fn all_right_still_has_an_interval() {
        let truth = truth(40, 2);
        let figure = balanced_accuracy(&truth, &truth.labels, 500, 1);
        assert_eq!((figure.value, figure.high), (1.0, 1.0));
        assert!((figure.low - 0.025_f64.powf(0.1)).abs() < 1e-12);
    }

    #[test]
    fn a_difference_is_measured_on_the_same_resamples() {
        let truth = truth(40, 1);
        let called: Vec<usize> = (0..40).map(|i| i % 2).collect();
        let none = difference(&truth, &called, &called, 300, 1);
        assert_eq!((none.value, none.low, none.high), (0.0, 0.0, 0.0));
        assert!(difference(&truth, &truth.labels, &called, 300, 1).low > 0.2);
    }
}
