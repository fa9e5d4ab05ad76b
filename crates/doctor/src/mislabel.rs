//! Clips that may be labeled wrongly, the most likely first, for a person to listen to.
//!
//! Two kinds of evidence: confident learning (Northcutt, Jiang, Chuang, 2021, "Confident Learning: Estimating Uncertainty in
//! Dataset Labels") over probabilities from grouped cross-validation, and the labels of the most similar clips.
//! The first uses what a class has in common, the second what a recording or a place has in common.

use crate::cross_validation::OutOfFold;
use crate::error::{Error, Result};
use crate::neighbors::nearest;
use crate::table::Table;
use crate::truth::Truth;
use serde::{Deserialize, Serialize};

/// How clips are compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MislabelConfig {
    /// Number of nearest neighbors of a clip.
    #[serde(rename = "n_neighbours", alias = "n_neighbors")]
    pub n_neighbors: usize,
    /// Number of principal components for the comparison.
    pub n_directions: usize,
}

impl Default for MislabelConfig {
    fn default() -> Self {
        Self { n_neighbors: 10, n_directions: 20 }
    }
}

/// One clip, and the evidence against its label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// Index of the clip.
    pub clip: usize,
    /// Its label, as an index into the classes.
    pub given: usize,
    /// The most likely other class.
    pub suggested: usize,
    /// Probability of the label, from classifiers that were trained without the clip's group.
    pub p_given: f64,
    /// Probability of the suggested class.
    pub p_suggested: f64,
    /// Share of the nearest neighbors with another label, weighted by nearness.
    #[serde(rename = "neighbours_against", alias = "neighbors_against")]
    pub neighbors_against: f64,
    /// Score of the ranking, 0 to 1: the mean of both kinds of evidence against the label.
    pub score: f64,
    /// Whether confident learning counts it as mislabeled and most of its neighbors have another label.
    pub likely: bool,
}

/// All clips, ranked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mislabels {
    /// The most likely mistake first.
    pub ranked: Vec<Suspect>,
    /// Confident learning's count of clips by label (row) and likely class (column), `[n_classes][n_classes]`.
    pub counts: Vec<Vec<usize>>,
    /// Mean probability of each class among the clips with that label, `[n_classes]`. A clip must reach it to be counted
    /// for the class.
    pub thresholds: Vec<f64>,
    /// Number of clips that are [`Suspect::likely`].
    pub n_likely: usize,
}

/// Ranks every clip by the evidence against its label. `found` is from [`out_of_fold`](crate::out_of_fold). In
/// `embeddings`, similar clips are near each other.
///
/// # Errors
/// [`Error::Data`] where the three are not of the same clips.
#[tracing::instrument(level = "debug", skip_all, fields(n_clips = truth.n_clips()))]
pub fn rank(found: &OutOfFold, embeddings: &Table, truth: &Truth, config: &MislabelConfig) -> Result<Mislabels> {
    let n = truth.n_clips();
    if found.probabilities.len() != n * truth.n_classes() || embeddings.n_rows() != n {
        let got = format!("{} probabilities and {} embeddings", found.probabilities.len(), embeddings.n_rows());
        return Err(Error::Data { operation: "mislabels", expected: format!("those of {n} clips"), got });
    }
    let thresholds = thresholds(found, truth);
    let neighbors = nearest(embeddings, config.n_directions, config.n_neighbors);
    let mut counts = vec![vec![0; truth.n_classes()]; truth.n_classes()];
    let mut ranked = Vec::with_capacity(n);
    for (clip, near) in neighbors.iter().enumerate() {
        let (given, p) = (truth.labels[clip], found.row(clip));
        let confident = confident_class(p, &thresholds);
        if let Some(class) = confident {
            counts[given][class] += 1;
        }
        let votes = votes(near, truth);
        // Evidence for each class.
        let support: Vec<f64> = p.iter().zip(&votes).map(|(p, vote)| p + vote).collect();
        let others = (0..truth.n_classes()).rev().filter(|class| *class != given);
        let suggested = others.max_by(|a, b| support[*a].total_cmp(&support[*b])).unwrap_or(given);
        let neighbors_against = 1.0 - votes[given];
        ranked.push(Suspect {
            clip,
            given,
            suggested,
            p_given: p[given],
            p_suggested: p[suggested],
            neighbors_against,
            score: (1.0 - p[given] + neighbors_against) / 2.0,
            likely: confident.is_some_and(|class| class != given) && neighbors_against > 0.5,
        });
    }
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.clip.cmp(&b.clip)));
    let n_likely = ranked.iter().filter(|suspect| suspect.likely).count();
    Ok(Mislabels { ranked, counts, thresholds, n_likely })
}

/// The mean probability of each class among the clips labeled with it.
fn thresholds(found: &OutOfFold, truth: &Truth) -> Vec<f64> {
    let mut sums = vec![[0.0_f64; 2]; truth.n_classes()];
    for (clip, label) in truth.labels.iter().enumerate() {
        sums[*label][0] += found.row(clip)[*label];
        sums[*label][1] += 1.0;
    }
    sums.iter().map(|[sum, n]| sum / n.max(1.0)).collect()
}

/// The most probable of the classes whose threshold the clip reaches.
fn confident_class(p: &[f64], thresholds: &[f64]) -> Option<usize> {
    (0..p.len()).filter(|class| p[*class] >= thresholds[*class]).max_by(|a, b| p[*a].total_cmp(&p[*b]))
}

/// Weighted share of each class among the neighbors. Weights are one over the distance plus half the mean distance, so
/// that a copy of the clip does not decide alone.
fn votes(near: &[(usize, f32)], truth: &Truth) -> Vec<f64> {
    let mean = near.iter().map(|(_, distance)| f64::from(*distance)).sum::<f64>() / near.len().max(1) as f64;
    let mut votes = vec![0.0; truth.n_classes()];
    for (clip, distance) in near {
        votes[truth.labels[*clip]] += 1.0 / (f64::from(*distance) + 0.5 * mean + 1e-9);
    }
    let sum: f64 = votes.iter().sum();
    let none = truth.chance();
    votes.iter_mut().for_each(|vote| *vote = if sum > 0.0 { *vote / sum } else { none });
    votes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_validation::{CrossValidation, out_of_fold};
    use stats::seed::nth;

    #[test]
    fn swapped_labels_come_first() {
        // Three classes around centers of their own; every 17th clip has the label of the next class.
        let (n, classes) = (204, ["a", "b", "c"]);
        let swapped = |i: usize| i.is_multiple_of(17);
        let noise = |i: usize, c: usize| (nth(i as u64, c as u64) % 1000) as f32 / 500.0;
        let labels: Vec<&str> = (0..n).map(|i| classes[(i + usize::from(swapped(i))) % 3]).collect();
        let groups: Vec<String> = (0..n).map(|i| (i / 6).to_string()).collect();
        let truth = Truth::new(&labels, &groups.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let values =
            (0..n).flat_map(|i| (0..3).map(move |c| noise(i, c) + if i % 3 == c { 3.0 } else { 0.0 })).collect();
        let table = Table::new(values, 3).unwrap();
        let found = out_of_fold(&table, &truth, &CrossValidation::default()).unwrap();
        let mislabels = rank(&found, &table, &truth, &MislabelConfig::default()).unwrap();
        let n_swapped = (0..n).filter(|i| swapped(*i)).count();
        for suspect in &mislabels.ranked[..n_swapped] {
            assert!(swapped(suspect.clip) && suspect.suggested == suspect.clip % 3, "{suspect:?}");
        }
        assert!(mislabels.ranked[n_swapped..].iter().all(|suspect| !suspect.likely && suspect.score < 0.5));
        // A clip is confident where its probability reaches the mean of its class, which not all can.
        assert!(mislabels.n_likely > n_swapped / 2, "{}", mislabels.n_likely);
        let counted: usize = mislabels.counts.iter().enumerate().map(|(given, row)| row[(given + 2) % 3]).sum();
        assert_eq!(counted, mislabels.n_likely);
    }

    #[test]
    fn the_threshold_is_that_of_the_class() {
        // A class with low probabilities: 0.4 is confident for it.
        assert_eq!(confident_class(&[0.6, 0.4], &[0.9, 0.35]), Some(1));
        assert_eq!(confident_class(&[0.5, 0.5], &[0.9, 0.9]), None);
    }
}
