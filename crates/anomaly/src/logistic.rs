//! Multinomial logistic regression on standardized columns.

use rayon::prelude::*;

use crate::error::{Result, check};
use crate::logits::log_sum_exp;
use crate::rows::{Labels, Rows};
use crate::scaler::Scaler;
use crate::stored::Stored;
use stats::{Stop, minimize};

/// Rows that one task sums over. It affects rounding, so it is a constant.
const BLOCK_ROWS: usize = 256;

/// Weights that turn rows into the log-probabilities of classes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Logistic {
    scaler: Scaler,
    /// `[C, D + 1]`: the last column is the bias.
    weights: Vec<f32>,
}

impl Logistic {
    /// Minimizes `inverse_penalty * Σ cross entropy + ½ Σ weights²`, without penalty on the biases, on columns
    /// standardized by the rows' own mean and standard deviation.
    pub(crate) fn fit(rows: Rows<'_>, labels: Labels<'_>, inverse_penalty: f64) -> Result<Self> {
        let fine = inverse_penalty > 0.0 && inverse_penalty.is_finite();
        check(fine, "inverse_penalty", "above 0", inverse_penalty)?;
        rows.expect_rows("training rows for labels", labels.get().len())?;
        let scaler = Scaler::fit(rows);
        let (values, d, n_classes) = (scaler.apply(rows), rows.n_columns(), labels.n_classes());
        // Divided by the number of rows, so that one bound on the gradient suits any number.
        let n = rows.n_rows() as f64;
        let loss = |weights: &[f64]| {
            let blocks = values.par_chunks(BLOCK_ROWS * d).zip(labels.get().par_chunks(BLOCK_ROWS));
            let parts: Vec<(f64, Vec<f64>)> =
                blocks.map(|(rows, labels)| cross_entropy(rows, labels, weights, d)).collect();
            let (mut value, mut gradient) = (0.0, vec![0.0; weights.len()]);
            for (part_value, part_gradient) in parts {
                value += part_value;
                gradient.iter_mut().zip(part_gradient).for_each(|(sum, part)| *sum += part);
            }
            let penalty = 1.0 / inverse_penalty;
            for (at, (slope, weight)) in gradient.iter_mut().zip(weights).enumerate() {
                if at % (d + 1) != d {
                    value += 0.5 * penalty * weight * weight;
                    *slope += penalty * weight;
                }
                *slope /= n;
            }
            (value / n, gradient)
        };
        let stop = Stop { gradient: 1e-6, n_steps: 500 };
        let weights = minimize(vec![0.0; n_classes * (d + 1)], stop, loss);
        Ok(Self { scaler, weights: weights.iter().map(|&weight| weight as f32).collect() })
    }

    /// Log-probabilities `[M, C]` of the classes of rows `[M, D]`.
    pub(crate) fn log_probabilities(&self, rows: Rows<'_>) -> Result<Vec<Vec<f64>>> {
        let d = self.scaler.n_columns();
        rows.expect_columns(d)?;
        let values = self.scaler.apply(rows);
        let weights: Vec<f64> = self.weights.iter().map(|&weight| f64::from(weight)).collect();
        let of_row = |row: &[f32]| {
            let logits = logits(row, &weights, d);
            let sum = log_sum_exp(logits.iter().copied());
            logits.iter().map(|z| z - sum).collect()
        };
        Ok(values.chunks_exact(d).map(of_row).collect())
    }

    /// Number of classes.
    pub(crate) fn n_classes(&self) -> usize {
        self.weights.len() / (self.scaler.n_columns() + 1)
    }

    /// Adds `weights` `[C, D + 1]`, `column_mean` `[D]` and `column_factor` `[D]`.
    pub(crate) fn store(&self, stored: Stored) -> Stored {
        let shape = [self.n_classes(), self.scaler.n_columns() + 1];
        self.scaler.store(stored).with("weights", &shape, self.weights.clone())
    }

    pub(crate) fn from_tensors(stored: &Stored) -> Result<Self> {
        let scaler = Scaler::from_tensors(stored)?;
        let weights = stored.values("weights", &[None, Some(scaler.n_columns() + 1)])?;
        Ok(Self { scaler, weights })
    }
}

fn logits(row: &[f32], weights: &[f64], d: usize) -> Vec<f64> {
    let of_class = |weights: &[f64]| {
        let mut lanes = [0.0; 4];
        let ((rows, row_rest), (fours, rest)) = (row.as_chunks::<4>(), weights[..d].as_chunks::<4>());
        for (row, weights) in rows.iter().zip(fours) {
            for ((lane, &value), weight) in lanes.iter_mut().zip(row).zip(weights) {
                *lane += f64::from(value) * weight;
            }
        }
        let rest: f64 = row_rest.iter().zip(rest).map(|(&value, weight)| f64::from(value) * weight).sum();
        weights[d] + lanes.iter().sum::<f64>() + rest
    };
    weights.chunks_exact(d + 1).map(of_class).collect()
}

/// Sum of the rows' cross entropies and its gradient.
fn cross_entropy(rows: &[f32], labels: &[u32], weights: &[f64], d: usize) -> (f64, Vec<f64>) {
    let (mut value, mut gradient) = (0.0, vec![0.0; weights.len()]);
    for (row, &label) in rows.chunks_exact(d).zip(labels) {
        let logits = logits(row, weights, d);
        let sum = log_sum_exp(logits.iter().copied());
        value += sum - logits[label as usize];
        for (class, (gradient, z)) in gradient.chunks_exact_mut(d + 1).zip(&logits).enumerate() {
            let error = (z - sum).exp() - f64::from(u8::from(class == label as usize));
            gradient.iter_mut().zip(row).for_each(|(slope, &value)| *slope += error * f64::from(value));
            gradient[d] += error;
        }
    }
    (value, gradient)
}
