//! All figures of a set of scored clips, with a weight for each clip: once for the clips as they are, then for each
//! bootstrap resample.

use super::confusion::{Confusion, mean};
use classifier::{Rows, largest};
use stats::{CalibrationBins, Ranking};

/// Clips whose true class is known, with the model's predictions.
#[derive(Debug, Clone)]
pub struct Scored {
    n_classes: usize,
    truth: Vec<usize>,
    predicted: Vec<usize>,
    confidence: Vec<f64>,
    /// By class: the clips ranked by the class's log-odds.
    rankings: Vec<Ranking>,
}

/// Figures of a set of clips. A figure is `None` where the clips do not define it.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// True against predicted classes.
    pub confusion: Confusion,
    /// Of each class against the rest, `[C]`.
    pub auroc: Vec<Option<f64>>,
    /// Expected calibration error.
    pub ece: Option<f64>,
}

impl Scored {
    /// Takes the clips `(row, class)`.
    ///
    /// A class's score is its log-odds, `z_c - log(sum of exp(z_k) over the others)` of the logits divided by the
    /// temperature. It orders clips as the probability does. The probability itself would round to 1 for confident
    /// clips and create false ties.
    pub fn new(rows: &Rows, clips: &[(usize, usize)], temperature: f32) -> Self {
        let n_classes = rows.n_classes;
        let logits = |row: usize| &rows.logits[row * n_classes..(row + 1) * n_classes];
        let scores = |class: usize| -> Vec<f64> {
            clips.iter().map(|(row, _)| log_odds(logits(*row), class, f64::from(temperature))).collect()
        };
        let ranking = |class: usize| Ranking::new(&scores(class), |i| clips[i].1 == class);
        let predicted: Vec<usize> = clips.iter().map(|(row, _)| largest(logits(*row))).collect();
        let confidence = |((row, _), class): (&(usize, usize), &usize)| f64::from(rows.probability(*row)[*class]);
        Self {
            n_classes,
            truth: clips.iter().map(|(_, class)| *class).collect(),
            confidence: clips.iter().zip(&predicted).map(confidence).collect(),
            predicted,
            rankings: (0..n_classes).map(ranking).collect(),
        }
    }

    /// The true class of each clip.
    pub fn truth(&self) -> &[usize] {
        &self.truth
    }

    /// Every figure, where clip `i` occurs `weights[i]` times.
    pub fn figures(&self, weights: &[f64]) -> Figures {
        let mut confusion = Confusion::new(self.n_classes);
        let mut bins = CalibrationBins::new();
        for (i, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            confusion.add(self.truth[i], self.predicted[i], *weight);
            bins.add(self.confidence[i], self.truth[i] == self.predicted[i], *weight);
        }
        let auroc = self.rankings.iter().map(|ranking| ranking.auroc(weights)).collect();
        Figures { confusion, auroc, ece: bins.ece() }
    }
}

impl Figures {
    /// Mean AUROC over the classes for which it is defined; with two classes, that of the second class.
    pub fn macro_auroc(&self) -> Option<f64> {
        match self.auroc.as_slice() {
            [_, second] => *second,
            all => mean(all.iter().copied().flatten()),
        }
    }
}

fn log_odds(logits: &[f32], class: usize, temperature: f64) -> f64 {
    let others = || logits.iter().enumerate().filter(|(k, _)| *k != class).map(|(_, z)| f64::from(*z) / temperature);
    let largest = others().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = others().map(|z| (z - largest).exp()).sum();
    f64::from(logits[class]) / temperature - largest - sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use classifier::Calibration;

    #[test]
    fn log_odds_agree_with_the_probability() {
        let (logits, temperature) = ([0.3_f32, -1.2, 2.0], 1.7_f32);
        let p = Calibration::probabilities(temperature, &logits, 3);
        for (class, p) in p.into_iter().map(f64::from).enumerate() {
            let odds = p / (1.0 - p);
            assert!((log_odds(&logits, class, f64::from(temperature)) - odds.ln()).abs() < 1e-5);
        }
    }

    #[test]
    fn confident_clips_do_not_tie() {
        // Both probabilities of class 1 round to 1, the ranks differ.
        let logits = vec![0.0, 40.0, 0.0, 50.0];
        let probability = Calibration::probabilities(1.0, &logits, 2);
        let rows = Rows { n_classes: 2, logits, probability, ..Rows::default() };
        let figures = Scored::new(&rows, &[(0, 0), (1, 1)], 1.0).figures(&[1.0, 1.0]);
        assert_eq!(figures.macro_auroc(), Some(1.0));
        assert_eq!(figures.confusion.accuracy(), Some(0.5));
    }
}
