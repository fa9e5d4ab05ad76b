//! Predictions of a simple classifier in grouped, stratified cross-validation.
//!
//! A group (recording, session) is held out as a whole, so that the classifier never knows the place, day or animal of the
//! clip that it predicts. The folds are drawn several times and the probabilities averaged, so that a figure does not
//! depend on one partition.

use crate::error::{Error, Result};
use crate::folds::deal;
use crate::forest::{Forest, ForestConfig};
use crate::table::Table;
use crate::truth::Truth;
use serde::{Deserialize, Serialize};
use stats::seed::nth;

/// Settings of the cross-validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrossValidation {
    /// Number of folds; fewer where the smallest class has fewer groups.
    pub n_folds: usize,
    /// How often the folds are drawn.
    pub n_repeats: usize,
    /// The classifier.
    pub forest: ForestConfig,
    /// Number of bootstrap resamples for an interval.
    pub n_resamples: usize,
    /// Seed of folds, trees and resamples.
    pub seed: u64,
}

impl Default for CrossValidation {
    fn default() -> Self {
        Self { n_folds: 5, n_repeats: 3, forest: ForestConfig::default(), n_resamples: 1000, seed: 0 }
    }
}

/// Probabilities of clips, each from classifiers that were trained without its group.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfFold {
    /// `[n_clips, n_classes]`, row-major.
    pub probabilities: Vec<f64>,
    /// Number of classes.
    pub n_classes: usize,
    /// Number of folds.
    pub n_folds: usize,
}

impl OutOfFold {
    /// The probabilities of one clip, `[n_classes]`.
    pub fn row(&self, clip: usize) -> &[f64] {
        &self.probabilities[clip * self.n_classes..(clip + 1) * self.n_classes]
    }

    /// The most probable class of each clip, `[n_clips]`; the first of equals.
    pub fn called(&self) -> Vec<usize> {
        let largest = |row: &[f64]| (0..row.len()).rev().max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap_or(0);
        self.probabilities.chunks_exact(self.n_classes).map(largest).collect()
    }
}

/// Class probabilities of every clip from `table`, each by forests grown without its group.
///
/// # Errors
/// [`Error::TooFewGroups`] where a class has a single group, since no clip of the class would be left when that group is
/// held out; [`Error::Data`] where table and truth are not of the same clips.
#[tracing::instrument(level = "debug", skip_all, fields(n_clips = truth.n_clips(), n_columns = table.n_columns()))]
pub fn out_of_fold(table: &Table, truth: &Truth, config: &CrossValidation) -> Result<OutOfFold> {
    if table.n_rows() != truth.n_clips() {
        let (expected, got) = (format!("{} rows, one for each clip", truth.n_clips()), table.n_rows().to_string());
        return Err(Error::Data { operation: "cross-validation", expected, got });
    }
    let groups = truth.groups_by_class();
    if let Some(class) = (0..truth.n_classes()).find(|class| groups[*class] < 2) {
        return Err(Error::TooFewGroups { class: truth.classes[class].clone(), n_groups: groups[class], needed: 2 });
    }
    let n_folds = groups.into_iter().min().unwrap_or(2).min(config.n_folds).max(2);
    if n_folds < config.n_folds {
        tracing::debug!(n_folds, wanted = config.n_folds, "fewer folds: the smallest class has too few groups");
    }
    let (n_clips, n_classes, n_repeats) = (truth.n_clips(), truth.n_classes(), config.n_repeats.max(1));
    let mut probabilities = vec![0.0; n_clips * n_classes];
    for repeat in 0..n_repeats {
        let seed = nth(config.seed, repeat as u64);
        let folds = deal(truth, n_folds, seed);
        for fold in 0..n_folds {
            let (held, kept): (Vec<usize>, Vec<usize>) = (0..n_clips).partition(|clip| folds[*clip] == fold);
            let forest = Forest::fit(table, truth, &kept, &config.forest, nth(seed, fold as u64));
            for clip in held {
                let row = &mut probabilities[clip * n_classes..(clip + 1) * n_classes];
                let found = forest.probabilities(table.row(clip));
                row.iter_mut().zip(found).for_each(|(sum, p)| *sum += p / n_repeats as f64);
            }
        }
    }
    Ok(OutOfFold { probabilities, n_classes, n_folds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::balanced_accuracy;

    /// Two classes of `n_groups` groups of four; each group has a number of its own, `value(label, group)`.
    fn set(n_groups: usize, value: impl Fn(usize, usize) -> f32) -> (Table, Truth) {
        let n = 8 * n_groups;
        let label = |i: usize| usize::from(i >= n / 2);
        let labels: Vec<&str> = (0..n).map(|i| ["a", "b"][label(i)]).collect();
        let groups: Vec<String> = (0..n).map(|i| (i / 4).to_string()).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let values = (0..n).map(|i| value(label(i), i / 4)).collect();
        (Table::new(values, 1).unwrap(), Truth::new(&labels, &groups).unwrap())
    }

    fn quick() -> CrossValidation {
        CrossValidation {
            forest: ForestConfig { n_trees: 40, min_leaf: 1, ..ForestConfig::default() },
            ..CrossValidation::default()
        }
    }

    fn accuracy(table: &Table, truth: &Truth) -> f64 {
        let found = out_of_fold(table, truth, &quick()).unwrap();
        balanced_accuracy(truth, &found.called(), 200, 0).value
    }

    #[test]
    fn what_a_class_has_in_common_is_found_and_what_a_group_has_is_not() {
        let (table, truth) = set(12, |label, _| label as f32);
        assert_eq!(accuracy(&table, &truth), 1.0);
        // A number that identifies the group, in an order that is independent of the class.
        let (table, truth) = set(30, |_, group| (nth(5, group as u64) % 1000) as f32);
        let (grouped, random) = (accuracy(&table, &truth), accuracy(&table, &truth.ungrouped()));
        assert!(grouped < 0.65 && random > 0.85, "{grouped} {random}");
    }

    #[test]
    fn equal_arguments_give_equal_probabilities() {
        let (table, truth) = set(4, |label, group| label as f32 + (group % 3) as f32);
        assert_eq!(out_of_fold(&table, &truth, &quick()).unwrap(), out_of_fold(&table, &truth, &quick()).unwrap());
    }

    #[test]
    fn too_few_groups_are_said() {
        let (table, truth) = set(1, |label, _| label as f32);
        let message = out_of_fold(&table, &truth, &quick()).unwrap_err().to_string();
        assert!(message.starts_with("class a has 1 group"), "{message}");
    }
}
