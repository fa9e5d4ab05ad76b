//! Combines the scores of several detectors, fitted on validation scores.
//!
//! `scores` is always one list for each detector, in the order of the detectors, with a score for each clip. Fit on scores
//! of clips that the detectors were not fitted on: most detectors score their own training clips too low.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, at_least};
use crate::logistic::Logistic;
use crate::logits::log_sum_exp;
use crate::metrics::check_scores;
use crate::rows::{Labels, Rows};
use crate::stored::Stored;

/// The mean of the ranks that detectors' scores have among validation scores.
///
/// A rank is 0 to 1, linear between neighboring validation scores. Beyond the smallest and the largest it approaches 0
/// and 1 without reaching them, so that different scores never tie. Ranks resolve best in the range of the validation
/// scores: with only known sounds in validation, everything less like them is in the last step.
#[derive(Debug, Clone, PartialEq)]
pub struct RankMean {
    /// `[detectors][N]`: validation scores, the smallest first.
    sorted: Vec<Vec<f32>>,
}

impl RankMean {
    /// Keeps the validation scores.
    ///
    /// # Errors
    /// No detectors, fewer than two scores, lists of different lengths, or a score that is not finite.
    #[tracing::instrument(level = "debug", skip_all, fields(n_detectors = scores.len()))]
    pub fn fit(scores: &[&[f64]]) -> Result<Self> {
        let n = check_lists(scores)?;
        at_least("validation scores", 2, n)?;
        let sorted = |scores: &&[f64]| {
            let mut sorted: Vec<f32> = scores.iter().map(|&score| score as f32).collect();
            sorted.sort_by(f32::total_cmp);
            sorted
        };
        Ok(Self { sorted: scores.iter().map(sorted).collect() })
    }

    /// Scores of clips: means of ranks, `[M]`.
    ///
    /// # Errors
    /// Another number of detectors, or lists of different lengths.
    pub fn score(&self, scores: &[&[f64]]) -> Result<Vec<f64>> {
        expect_detectors(scores, self.sorted.len())?;
        let n = check_lists(scores)?;
        let mean = |clip: usize| {
            let ranks = self.sorted.iter().zip(scores).map(|(sorted, scores)| rank(sorted, scores[clip]));
            ranks.sum::<f64>() / self.sorted.len() as f64
        };
        Ok((0..n).map(mean).collect())
    }

    /// `sorted` `[detectors, N]`.
    pub fn to_tensors(&self) -> Stored {
        let shape = [self.sorted.len(), self.sorted[0].len()];
        Stored::new(&serde_json::json!({})).with("sorted", &shape, self.sorted.concat())
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let sorted = stored.tensor("sorted", &[None, None])?;
        at_least("stored validation scores", 2, sorted.shape[1])?;
        let lists: Vec<Vec<f32>> = sorted.values.chunks_exact(sorted.shape[1]).map(<[f32]>::to_vec).collect();
        if lists.is_empty() || !lists.iter().all(|list| list.is_sorted()) {
            let expected = "sorted lists".to_owned();
            return Err(Error::Stored { part: "sorted".into(), expected, got: format!("{} lists", lists.len()) });
        }
        Ok(Self { sorted: lists })
    }
}

/// The i-th of n scores has rank `i / (n + 1)`, i from 1.
fn rank(sorted: &[f32], score: f64) -> f64 {
    let n = sorted.len();
    let at = |i: usize| f64::from(sorted[i]);
    // Equal scores share the mean of their ranks.
    let below = sorted.partition_point(|&known| f64::from(known) < score);
    let up_to = sorted.partition_point(|&known| f64::from(known) <= score);
    let spread = (at(n - 1) - at(0)).max(f64::from(f32::MIN_POSITIVE));
    let place = if up_to > below {
        (below + 1 + up_to) as f64 / 2.0
    } else if below == 0 {
        1.0 / (1.0 + (at(0) - score) / spread)
    } else if below == n {
        n as f64 + 1.0 - 1.0 / (1.0 + (score - at(n - 1)) / spread)
    } else {
        below as f64 + (score - at(below - 1)) / (at(below) - at(below - 1))
    };
    place / (n + 1) as f64
}

/// Settings of [`LogisticFusion`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogisticFusionConfig {
    /// Weight of the sum of cross entropies relative to half the squared weights, above 0: scikit-learn's `C`.
    pub inverse_penalty: f64,
}

impl Default for LogisticFusionConfig {
    fn default() -> Self {
        Self { inverse_penalty: 1.0 }
    }
}

/// Logistic regression of unknown against known sounds on the detectors' scores. Score: the log-odds of an unknown sound.
/// It needs labeled unknown sounds, and learns to weigh the detectors for those.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticFusion {
    config: LogisticFusionConfig,
    logistic: Logistic,
}

impl LogisticFusion {
    /// Fits on validation scores and whether each clip is an unknown sound.
    ///
    /// # Errors
    /// No detectors, lists of different lengths, a score that is not finite, or only known or only unknown sounds.
    #[tracing::instrument(level = "debug", skip_all, fields(n_detectors = scores.len()))]
    pub fn fit(scores: &[&[f64]], is_unknown: &[bool], config: &LogisticFusionConfig) -> Result<Self> {
        check_lists(scores)?;
        let labels: Vec<u32> = is_unknown.iter().map(|&unknown| u32::from(unknown)).collect();
        let rows = transposed(scores);
        let rows = Rows::new(&rows, scores.len())?;
        let logistic = Logistic::fit(rows, Labels::new(&labels, 2)?, config.inverse_penalty)?;
        Ok(Self { config: config.clone(), logistic })
    }

    /// Scores of clips: log-odds of an unknown sound, `[M]`.
    ///
    /// # Errors
    /// Another number of detectors, or lists of different lengths.
    pub fn score(&self, scores: &[&[f64]]) -> Result<Vec<f64>> {
        check_lists(scores)?;
        let rows = transposed(scores);
        let probabilities = self.logistic.log_probabilities(Rows::new(&rows, scores.len())?)?;
        let log_odds = |row: &Vec<f64>| row[1] - log_sum_exp(row[..1].iter().copied());
        Ok(probabilities.iter().map(log_odds).collect())
    }

    /// `weights` `[2, detectors + 1]`, `column_mean` `[detectors]`, `column_factor` `[detectors]`.
    pub fn to_tensors(&self) -> Stored {
        self.logistic.store(Stored::new(&self.config))
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array or a setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let logistic = Logistic::from_tensors(stored)?;
        if logistic.n_classes() != 2 {
            let (expected, got) = ("two rows".to_owned(), logistic.n_classes().to_string());
            return Err(Error::Stored { part: "weights".into(), expected, got });
        }
        Ok(Self { config: stored.settings()?, logistic })
    }
}

/// Checks the lists and returns their common length.
fn check_lists(scores: &[&[f64]]) -> Result<usize> {
    at_least("detectors", 1, scores.len())?;
    for list in scores {
        check_scores("scores to combine", list)?;
        if list.len() != scores[0].len() {
            let (expected, got) = (scores[0].len().to_string(), list.len().to_string());
            return Err(Error::Shape { what: "scores of a detector", expected, got });
        }
    }
    Ok(scores[0].len())
}

fn expect_detectors(scores: &[&[f64]], expected: usize) -> Result<()> {
    if scores.len() == expected {
        return Ok(());
    }
    let (expected, got) = (expected.to_string(), scores.len().to_string());
    Err(Error::Shape { what: "detectors", expected, got })
}

/// `[N, detectors]`.
fn transposed(scores: &[&[f64]]) -> Vec<f32> {
    (0..scores[0].len()).flat_map(|clip| scores.iter().map(move |list| list[clip] as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_rise_strictly_and_ties_share() {
        let fitted = RankMean::fit(&[&[1.0, 2.0, 2.0, 4.0]]).unwrap();
        let scores = fitted.score(&[&[-9.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 99.0]]).unwrap();
        assert!(scores.is_sorted_by(|a, b| a < b) && scores[0] > 0.0 && scores[8] < 1.0, "{scores:?}");
        assert_eq!((scores[2], scores[4], scores[6]), (0.2, 0.5, 0.8));
        let two = RankMean::fit(&[&[1.0, 3.0], &[30.0, 10.0]]).unwrap();
        assert_eq!(two.score(&[&[1.0], &[30.0]]).unwrap(), [0.5]);
        assert!(two.score(&[&[1.0]]).is_err());
        assert_eq!(RankMean::from_tensors(&two.to_tensors()).unwrap(), two);
    }

    #[test]
    fn fusion_weighs_the_useful_detector() {
        let useful: Vec<f64> = (0..40).map(|i| f64::from(i % 2) + 0.3 * f64::from(i).sin()).collect();
        let noise: Vec<f64> = (0..40).map(|i| 100.0 * (f64::from(i) * 1.7).cos()).collect();
        let is_unknown: Vec<bool> = (0..40).map(|i| i % 2 == 1).collect();
        let fusion = LogisticFusion::fit(&[&useful, &noise], &is_unknown, &Default::default()).unwrap();
        let scores = fusion.score(&[&[0.0, 1.0, 1.0], &[100.0, -100.0, 100.0]]).unwrap();
        assert!(scores[0] < -1.0 && scores[1] > 1.0 && scores[2] > 1.0, "{scores:?}");
        assert!(LogisticFusion::fit(&[&useful], &[true; 40], &Default::default()).is_err());
    }
}
