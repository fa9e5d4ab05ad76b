//! How weakly a backbone detects those of its own classes that go with the user's classes.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::{Error, Result, check};
use crate::inputs::{Input, Known};
use crate::rows::{Labels, Rows};
use crate::stored::Stored;

/// Settings of [`Semantic`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SemanticConfig {
    /// Most of the backbone's classes that are selected for one of the user's.
    pub n_fired: usize,
    /// Scores below this count as this, above 0 and below 0.5: differences between them are noise.
    pub floor: f64,
    /// Standard errors that are subtracted from a lift, from 0.
    pub n_errors: f64,
}

impl Default for SemanticConfig {
    fn default() -> Self {
        Self { n_fired: 8, floor: 0.001, n_errors: 2.0 }
    }
}

/// For each of the user's classes a weighted selection of the backbone's classes, learned on the user's training clips.
/// Score: minus the largest, over the user's classes, of the weighted mean log-odds of the selected classes.
///
/// For a backbone with classes of its own, such as AudioSet's 521. It was trained on far more sounds than the user's
/// clips. A clip in which it detects none of the selected classes is an unknown sound, whatever the classifier predicts.
///
/// # How classes are selected
/// For one of the user's classes and one of the backbone's, the *lift* is the mean log-odds over the class's clips minus
/// the larger of two: the mean over the clips of the user's other class with the largest one, and the mean of all of the
/// backbone's classes over the same clips (the base level). Standard errors are subtracted, since few clips prove little.
/// The result is the *evidence*. The classes with the largest evidence above 0 are selected for the user's class, with
/// their evidence as weights.
///
/// On YAMNet's scores of dogs and birds this selects dog, bark, bird, chirp and similar classes, and is as good as a
/// selection by hand. The floor matters: at 0.01, faint but relevant classes are lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Semantic {
    config: SemanticConfig,
    /// `[C, K]`: weights, which sum to 1 for each class.
    weights: Vec<f32>,
    n_columns: usize,
}

impl Semantic {
    /// Fits on a backbone's scores `[N, K]`, each 0 to 1, of the training clips. [`pool_rows`](crate::pool::pool_rows)
    /// combines windows to clips.
    ///
    /// # Errors
    /// Labels that do not belong to the rows, a score outside 0 to 1, a setting outside its range, or a class for which
    /// no class of the backbone is selected.
    pub fn fit(scores: Rows<'_>, labels: Labels<'_>, config: &SemanticConfig) -> Result<Self> {
        let (floor, errors) = (config.floor, config.n_errors);
        check(config.n_fired > 0, "n_fired", "from 1", config.n_fired)?;
        check(floor > 0.0 && floor < 0.5, "floor", "above 0 and below 0.5", floor)?;
        check(errors >= 0.0 && errors.is_finite(), "n_errors", "from 0", errors)?;
        scores.expect_rows("training rows for labels", labels.get().len())?;
        check_range(scores)?;
        let n_columns = scores.n_columns();
        let classes = Moments::of_classes(scores, labels, floor);
        let mut weights = Vec::with_capacity(classes.len() * n_columns);
        for class in 0..classes.len() {
            let evidence = evidence(&classes, class, errors);
            let mut order: Vec<usize> = (0..n_columns).filter(|&k| evidence[k] > 0.0).collect();
            order.sort_by(|&a, &b| evidence[b].total_cmp(&evidence[a]).then(a.cmp(&b)));
            order.truncate(config.n_fired);
            let total: f64 = order.iter().map(|&k| evidence[k]).sum();
            if order.is_empty() {
                let (expected, got) =
                    ("a class of the backbone that fires for every class", format!("none for {class}"));
                return Err(Error::Shape { what: "backbone scores", expected: expected.into(), got });
            }
            let mut of_class = vec![0.0; n_columns];
            order.iter().for_each(|&k| of_class[k] = (evidence[k] / total) as f32);
            weights.extend(of_class);
        }
        Ok(Self { config: config.clone(), weights, n_columns })
    }

    /// The backbone's classes that are selected for each of the user's, with their weights, the largest first.
    pub fn fired(&self) -> Vec<Vec<(usize, f32)>> {
        let of_class = |weights: &[f32]| {
            let mut fired: Vec<(usize, f32)> = weights.iter().copied().enumerate().filter(|(_, w)| *w > 0.0).collect();
            fired.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            fired
        };
        self.weights.chunks_exact(self.n_columns).map(of_class).collect()
    }

    /// Scores of clips from the backbone's scores `[M, K]`.
    ///
    /// # Errors
    /// Rows of another width than the training rows, or a score outside 0 to 1.
    pub fn score(&self, scores: Rows<'_>) -> Result<Vec<f64>> {
        scores.expect_columns(self.n_columns)?;
        check_range(scores)?;
        let fired = self.fired();
        let of_row = |row: usize| {
            let row = scores.row(row);
            let of_class = |fired: &Vec<(usize, f32)>| -> f64 {
                fired.iter().map(|&(k, weight)| f64::from(weight) * log_odds(row[k], self.config.floor)).sum()
            };
            -fired.iter().map(of_class).fold(f64::NEG_INFINITY, f64::max)
        };
        Ok((0..scores.n_rows()).into_par_iter().map(of_row).collect())
    }

    /// `weights` `[C, K]`.
    pub fn to_tensors(&self) -> Stored {
        let shape = [self.weights.len() / self.n_columns, self.n_columns];
        Stored::new(&self.config).with("weights", &shape, self.weights.clone())
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array or a setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let weights = stored.tensor("weights", &[None, None])?;
        if weights.values.is_empty() {
            let (expected, got) = ("a weight or more".to_owned(), "none".to_owned());
            return Err(Error::Stored { part: "weights".into(), expected, got });
        }
        let config: SemanticConfig = stored.settings()?;
        check(config.floor > 0.0 && config.floor < 0.5, "floor", "above 0 and below 0.5", config.floor)?;
        Ok(Self { config, n_columns: weights.shape[1], weights: weights.values.clone() })
    }
}

fn check_range(scores: Rows<'_>) -> Result<()> {
    match scores.values().iter().find(|score| !(0.0..=1.0).contains(*score)) {
        None => Ok(()),
        Some(score) => {
            let (expected, got) = ("0 to 1 (after the sigmoid)".to_owned(), score.to_string());
            Err(Error::Shape { what: "backbone score", expected, got })
        }
    }
}

/// Log-odds of a score, clamped between the floor and one minus it.
fn log_odds(score: f32, floor: f64) -> f64 {
    let held = f64::from(score).clamp(floor, 1.0 - floor);
    (held / (1.0 - held)).ln()
}

/// Mean log-odds of each of the backbone's classes over a class's clips, and the squared standard errors of the means.
struct Moments {
    mean: Vec<f64>,
    squared_error: Vec<f64>,
}

impl Moments {
    fn of_classes(scores: Rows<'_>, labels: Labels<'_>, floor: f64) -> Vec<Moments> {
        let of_class = |(class, n): (usize, usize)| {
            let mut sums = vec![(0.0, 0.0); scores.n_columns()];
            let rows = scores.iter().zip(labels.get()).filter(|(_, label)| **label as usize == class);
            for (row, _) in rows {
                for ((sum, squares), &score) in sums.iter_mut().zip(row) {
                    let value = log_odds(score, floor);
                    *sum += value;
                    *squares += value * value;
                }
            }
            let n = n as f64;
            let mean = sums.iter().map(|(sum, _)| sum / n).collect();
            // One clip has no variance: its error counts as 0.
            let error = |&(sum, squares): &(f64, f64)| (squares / n - (sum / n).powi(2)).max(0.0) / (n - 1.0).max(1.0);
            Moments { mean, squared_error: sums.iter().map(error).collect() }
        };
        labels.counts().into_iter().enumerate().map(of_class).collect()
    }
}

/// Lift of each of the backbone's classes for one of the user's, minus its standard errors.
fn evidence(classes: &[Moments], class: usize, n_errors: f64) -> Vec<f64> {
    let own = &classes[class];
    let base = own.mean.iter().sum::<f64>() / own.mean.len() as f64;
    let of_column = |k: usize| {
        let over = |level: f64, squared_error: f64| {
            own.mean[k] - level - n_errors * (own.squared_error[k] + squared_error).sqrt()
        };
        let others = classes.iter().enumerate().filter(|(other, _)| *other != class);
        others.map(|(_, other)| over(other.mean[k], other.squared_error[k])).fold(over(base, 0.0), f64::min)
    };
    (0..own.mean.len()).map(of_column).collect()
}

impl Declaration for Semantic {
    type Config = SemanticConfig;
    const DESCRIPTION: &'static str = "how little those of the backbone's own sounds fire that the classes fire";
    const NEEDS: &'static [Input] = &[Input::BackboneScores];

    fn fit_given(given: &Given<'_>, known: &Known<'_>, config: &SemanticConfig) -> Result<Self> {
        Self::fit(given.backbone_scores()?, known.labels, config)
    }

    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>> {
        self.score(given.backbone_scores()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of five classes of the backbone: 0 fires for the first class, 1 for the second, 2 for both, 3 for either now and then.
    fn clips() -> (Vec<f32>, Vec<u32>) {
        let clip = |i: u32| {
            let now_and_then = if i.is_multiple_of(7) { 0.5 } else { 0.002 };
            let wobble = 0.05 * (i as f32).sin();
            match i % 2 {
                0 => [0.8 + wobble, 0.02, 0.9, now_and_then, 0.001],
                _ => [0.01, 0.6 + wobble, 0.9, now_and_then, 0.001],
            }
        };
        ((0..40).flat_map(clip).collect(), (0..40).map(|i| i % 2).collect())
    }

    #[test]
    fn each_class_learns_what_it_alone_fires() {
        let (scores, labels) = clips();
        let labels = Labels::new(&labels, 2).unwrap();
        let fitted = Semantic::fit(Rows::new(&scores, 5).unwrap(), labels, &Default::default()).unwrap();
        let fired = fitted.fired();
        assert_eq!((fired[0][0], fired[1][0]), ((0, 1.0), (1, 1.0)));
        assert_eq!((fired[0].len(), fired[1].len()), (1, 1));
        // A clip of the first class, one of neither though the common class fires, and silence.
        let rows = [0.7, 0.0, 0.9, 0.0, 0.0, 0.02, 0.02, 0.9, 0.5, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0];
        let scores = fitted.score(Rows::new(&rows, 5).unwrap()).unwrap();
        assert!(scores[0] < scores[1] && scores[1] < scores[2], "{scores:?}");
    }

    #[test]
    fn what_cannot_be_learned_is_said() {
        let labels = [0, 1];
        let labels = Labels::new(&labels, 2).unwrap();
        let fit = |values: &[f32]| Semantic::fit(Rows::new(values, 2).unwrap(), labels, &Default::default());
        let error = fit(&[0.5, 0.5, 0.5, 0.5]).unwrap_err().to_string();
        assert_eq!(
            error,
            "backbone scores: expected a class of the backbone that fires for every class, got none for 0"
        );
        let error = fit(&[0.5, 0.5, 0.5, -3.0]).unwrap_err().to_string();
        assert_eq!(error, "backbone score: expected 0 to 1 (after the sigmoid), got -3");
    }
}
