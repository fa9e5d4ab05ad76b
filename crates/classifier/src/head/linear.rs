//! Logistic regression on embeddings.

use super::types::{Head, HeadKind, HeadRows, Labeled};
use rayon::prelude::*;
use stats::{Stop, minimize};

/// Clips of a group count as the square root of their number.
const GROUP_POWER: f64 = 0.5;
/// The inverse of the penalty on squared weights, for columns of variance 1/D and clips that add up to their number.
const INVERSE_PENALTY: f64 = 0.1;
/// Added to the standard deviation of each column, so that a constant one does not count.
const LEAST_DEVIATION: f64 = 1e-3;
/// Rows that one task sums over. It affects rounding, so it is a constant.
const BLOCK_ROWS: usize = 128;

/// Minimizes the weighted cross entropy with an L2 penalty, over columns scaled to one variance; the scaling is folded into
/// the weights.
pub(super) fn fit(rows: &HeadRows<'_>, labels: &Labeled<'_>) -> Head {
    let (dim, n_classes, n) = (rows.dim, labels.n_classes, rows.n_clips());
    let mut weights = labels.weights(GROUP_POWER);
    weights.iter_mut().for_each(|weight| *weight *= n as f64 / n_classes as f64);
    let (mut mean, mut deviation) = (vec![0.0f64; dim], vec![0.0f64; dim]);
    for row in rows.embedding.chunks_exact(dim) {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += f64::from(*value) / n as f64);
    }
    for row in rows.embedding.chunks_exact(dim) {
        let squares = deviation.iter_mut().zip(row.iter().zip(&mean));
        squares.for_each(|(sum, (value, mean))| *sum += (f64::from(*value) - mean).powi(2) / n as f64);
    }
    let root = (dim as f64).sqrt();
    deviation.iter_mut().for_each(|variance| *variance = (variance.sqrt() + LEAST_DEVIATION) * root);
    let scaled = |row: &[f32]| -> Vec<f64> {
        row.iter().zip(mean.iter().zip(&deviation)).map(|(value, (mean, by))| (f64::from(*value) - mean) / by).collect()
    };
    let values: Vec<f64> = rows.embedding.par_chunks_exact(dim).flat_map_iter(scaled).collect();
    let loss = |of: &[f64]| {
        let blocks = values.par_chunks(BLOCK_ROWS * dim).zip(labels.class.par_chunks(BLOCK_ROWS));
        let blocks = blocks.zip(weights.par_chunks(BLOCK_ROWS));
        let parts: Vec<_> =
            blocks.map(|((rows, class), weights)| cross_entropy(rows, class, weights, of, dim)).collect();
        let (mut value, mut gradient) = (0.0, vec![0.0; of.len()]);
        for (part, slopes) in parts {
            value += part;
            gradient.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += slope);
        }
        for (_, (slope, weight)) in gradient.iter_mut().zip(of).enumerate().filter(|(at, _)| at % (dim + 1) != dim) {
            value += 0.5 / INVERSE_PENALTY * weight * weight;
            *slope += weight / INVERSE_PENALTY;
        }
        gradient.iter_mut().for_each(|slope| *slope /= n as f64);
        (value / n as f64, gradient)
    };
    let found = minimize(vec![0.0; n_classes * (dim + 1)], Stop { gradient: 1e-6, n_steps: 500 }, loss);
    let (mut weight, mut bias) = (Vec::with_capacity(n_classes * dim), Vec::with_capacity(n_classes));
    for of_class in found.chunks_exact(dim + 1) {
        let scaled: Vec<f64> = of_class.iter().zip(&deviation).map(|(weight, by)| weight / by).collect();
        bias.push((of_class[dim] - scaled.iter().zip(&mean).map(|(weight, mean)| weight * mean).sum::<f64>()) as f32);
        weight.extend(scaled.iter().map(|weight| *weight as f32));
    }
    Head { kind: HeadKind::Linear, n_classes, weight, bias, center: Vec::new() }
}

/// The weighted sum of the rows' cross entropies and its gradient; `of` is `[C, D + 1]`, the last column the bias.
fn cross_entropy(rows: &[f64], class: &[u32], weights: &[f64], of: &[f64], dim: usize) -> (f64, Vec<f64>) {
    let (mut value, mut gradient) = (0.0, vec![0.0; of.len()]);
    for ((row, class), weight) in rows.chunks_exact(dim).zip(class).zip(weights) {
        let logit = |of: &[f64]| of[dim] + row.iter().zip(of).map(|(x, w)| x * w).sum::<f64>();
        let logits: Vec<f64> = of.chunks_exact(dim + 1).map(logit).collect();
        let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum = top + logits.iter().map(|z| (z - top).exp()).sum::<f64>().ln();
        value += weight * (sum - logits[*class as usize]);
        for (nth, (slopes, z)) in gradient.chunks_exact_mut(dim + 1).zip(&logits).enumerate() {
            let error = weight * ((z - sum).exp() - f64::from(u8::from(nth == *class as usize)));
            slopes.iter_mut().zip(row).for_each(|(slope, x)| *slope += error * x);
            slopes[dim] += error;
        }
    }
    (value, gradient)
}
