//! Differences of models on the same recordings, by a bootstrap over groups.
//!
//! A resample draws groups with replacement, the same for all models, so that what is hard for one model and for the other alike
//! does not count (B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993; by group since clips of one animal
//! depend on each other). With few groups such intervals are too narrow, and where two models err on no recording they are empty.

use super::model::OfRun;
use crate::balanced::balanced_accuracy;
use crate::error::{Result, bail};
use crate::evaluate::RowAnswer;
use serde::Serialize;
use stats::{Groups, bootstrap, quantile_sorted, seed};
use std::collections::{BTreeMap, BTreeSet};

/// Resamples of the groups.
const RESAMPLES: usize = 2000;
/// What the stream of the resamples is for.
const STREAM: u64 = 0x636f_6d70_6172_6521;

/// What a model has below the best one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The model.
    pub model: String,
    /// The best one's balanced accuracy minus this one's.
    pub below_best: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// Whether the interval holds 0: the model cannot be distinguished from the best one.
    pub is_level: bool,
}

/// A balanced accuracy and its resamples.
pub(super) struct Sampled {
    pub(super) value: f64,
    /// That of each run.
    pub(super) runs: Vec<f64>,
    resamples: Vec<f64>,
}

impl Sampled {
    pub(super) fn interval(&self) -> [f64; 2] {
        interval(self.resamples.clone(), self.value)
    }

    pub(super) fn highest(&self) -> f64 {
        self.runs.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// What a balanced accuracy is a mean over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Over {
    /// Recordings as they are.
    AsRecorded,
    /// Every condition of the stress tests.
    Conditions,
}

/// The rows that all models answered, under all conditions.
pub(super) struct Rows {
    rows: Vec<usize>,
    class: Vec<u32>,
    groups: Groups,
    n_classes: usize,
    /// Rows that some model did not answer.
    pub(super) left_out: usize,
}

impl Rows {
    pub(super) fn common(measured: &[Vec<OfRun>]) -> Result<Self> {
        let all = || measured.iter().flatten().flat_map(|run| run.evaluation.by_row.iter().map(|(_, answers)| answers));
        let rows = |answers: &Vec<RowAnswer>| answers.iter().map(|answer| answer.row).collect::<BTreeSet<usize>>();
        let some: BTreeSet<usize> = all().flat_map(rows).collect();
        let common = all().map(rows).reduce(|a, b| a.intersection(&b).copied().collect()).unwrap_or_default();
        let by_row: BTreeMap<usize, &RowAnswer> = all().flatten().map(|answer| (answer.row, answer)).collect();
        let (left_out, rows) = (some.len() - common.len(), common.into_iter().collect::<Vec<_>>());
        if rows.is_empty() {
            bail!("there is no recording of a known class that every model could be asked about");
        }
        let names: Vec<&str> = rows.iter().map(|row| by_row[row].group.as_str()).collect();
        Ok(Self {
            class: rows.iter().map(|row| by_row[row].class).collect(),
            groups: Groups::from_names(&names),
            n_classes: by_row[&rows[0]].probability.len(),
            left_out,
            rows,
        })
    }

    pub(super) fn n(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn n_groups(&self) -> usize {
        self.groups.n_groups()
    }

    /// By model; all of the same resamples.
    pub(super) fn balanced_accuracies(&self, measured: &[Vec<OfRun>], over: Over, seed: u64) -> Vec<Sampled> {
        // By model, run and condition: whether the answer about each row is right.
        let right: Vec<Vec<Vec<Vec<bool>>>> =
            measured.iter().map(|runs| runs.iter().map(|run| self.right(run, over)).collect()).collect();
        let of_run = |run: &Vec<Vec<bool>>, weights: &[f64]| {
            let of = |right: &Vec<bool>| balanced_accuracy(right, &self.class, self.n_classes, weights);
            run.iter().map(of).sum::<f64>() / run.len().max(1) as f64
        };
        let of_model = |runs: &Vec<Vec<Vec<bool>>>, weights: &[f64]| {
            runs.iter().map(|run| of_run(run, weights)).sum::<f64>() / runs.len().max(1) as f64
        };
        let generator = |resample: usize| seed::stream(seed ^ STREAM, resample as u64);
        let resamples: Vec<Vec<f64>> = bootstrap([&self.groups], RESAMPLES, generator, |[weights]| {
            right.iter().map(|runs| of_model(runs, weights)).collect()
        });
        let ones = vec![1.0; self.rows.len()];
        let sampled = |(nth, runs): (usize, &Vec<Vec<Vec<bool>>>)| Sampled {
            value: of_model(runs, &ones),
            runs: runs.iter().map(|run| of_run(run, &ones)).collect(),
            resamples: resamples.iter().map(|all| all[nth]).collect(),
        };
        right.iter().enumerate().map(sampled).collect()
    }

    /// By condition: whether the most probable class of each row is the true one.
    fn right(&self, run: &OfRun, over: Over) -> Vec<Vec<bool>> {
        let conditions = run.evaluation.by_row.iter();
        let conditions = conditions.filter(|(condition, _)| condition.is_none() == (over == Over::AsRecorded));
        conditions
            .map(|(_, answers)| {
                let by_row: BTreeMap<usize, &RowAnswer> = answers.iter().map(|answer| (answer.row, answer)).collect();
                self.rows.iter().map(|row| is_right(by_row[row])).collect()
            })
            .collect()
    }
}

/// Whether the most probable class is the true one.
pub(crate) fn is_right(answer: &RowAnswer) -> bool {
    let class = answer.class as usize;
    // As elsewhere, the first of equals.
    let other = |(nth, p): (usize, &f64)| {
        if nth < class { *p >= answer.probability[class] } else { *p > answer.probability[class] }
    };
    !answer.probability.iter().enumerate().filter(|(nth, _)| *nth != class).any(other)
}

/// The number of the model with the highest value, the first of equals.
pub(super) fn best(all: &[Sampled]) -> usize {
    (1..all.len()).fold(0, |best, nth| if all[nth].value > all[best].value { nth } else { best })
}

/// What every other model has below the best one.
pub(super) fn differences(names: &[String], all: &[Sampled], best: usize) -> Vec<Difference> {
    let difference = |nth: usize| {
        let pairs = all[best].resamples.iter().zip(&all[nth].resamples);
        let below_best = all[best].value - all[nth].value;
        let interval = interval(pairs.map(|(best, of)| best - of).collect(), below_best);
        Difference {
            model: names[nth].clone(),
            below_best,
            interval,
            is_level: interval[0] <= 0.0 && interval[1] >= 0.0,
        }
    };
    (0..all.len()).filter(|&nth| nth != best).map(difference).collect()
}

fn interval(mut resamples: Vec<f64>, value: f64) -> [f64; 2] {
    resamples.sort_by(f64::total_cmp);
    [0.025, 0.975].map(|share| quantile_sorted(&resamples, share).unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(value: f64, resamples: &[f64]) -> Sampled {
        Sampled { value, runs: vec![value], resamples: resamples.to_vec() }
    }

    #[test]
    fn what_is_common_to_both_does_not_hide_a_difference() {
        // Both vary by 0.2 over the resamples, and one is always 0.05 below the other.
        let high: Vec<f64> = (0..100).map(|i| 0.8 + 0.002 * f64::from(i)).collect();
        let low: Vec<f64> = high.iter().map(|value| value - 0.05).collect();
        let names = ["a", "b"].map(str::to_owned);
        let all = [sampled(0.85, &low), sampled(0.9, &high)];
        assert_eq!(best(&all), 1);
        let difference = &differences(&names, &all, 1)[0];
        assert!(difference.model == "a" && !difference.is_level, "{difference:?}");
        assert!(difference.interval.iter().all(|end| (end - 0.05).abs() < 1e-9), "{difference:?}");
        // Of each by itself the intervals overlap.
        assert!(all[0].interval()[1] > all[1].interval()[0]);
    }

    #[test]
    fn the_first_of_equal_probabilities_counts() {
        let answer = |class, probability: &[f64]| RowAnswer {
            row: 0,
            class,
            group: String::new(),
            probability: probability.to_vec(),
        };
        assert!(is_right(&answer(0, &[0.5, 0.5])) && !is_right(&answer(1, &[0.5, 0.5])));
        assert!(is_right(&answer(1, &[0.4, 0.6])) && !is_right(&answer(0, &[0.4, 0.6])));
    }
}
