//! How the logits of several models become one answer.

use crate::{Error, clip_loss};

/// Most that a vote says for or against a class: with two classes odds of e^6.
pub const MOST_VOTE: f32 = 3.0;
/// Scales that are tried, as powers of e.
const SCALES: (f64, f64) = (-7.0, 7.0);

/// Votes of a model `[N, C]`: its logits minus their mean over the classes, times a scale that makes models comparable,
/// within plus and minus 3, so that no single one can overrule the others.
pub fn votes(logits: &[f32], n_classes: usize, scale: f32) -> Vec<f32> {
    let mut votes = logits.to_vec();
    for row in votes.chunks_exact_mut(n_classes) {
        let mean = row.iter().sum::<f32>() / n_classes as f32;
        row.iter_mut().for_each(|value| *value = ((*value - mean) * scale).clamp(-MOST_VOTE, MOST_VOTE));
    }
    votes
}

/// The mean of several models' votes `[N, C]`, which all have one length.
pub fn mean_votes(votes: &[Vec<f32>]) -> Vec<f32> {
    let mut mean = vec![0.0f32; votes.first().map_or(0, Vec::len)];
    for of_model in votes {
        mean.iter_mut().zip(of_model).for_each(|(sum, vote)| *sum += vote);
    }
    mean.iter_mut().for_each(|sum| *sum /= votes.len() as f32);
    mean
}

/// The scale that makes a model's logits `[N, C]` of held-out clips most likely: with two classes the slope of a logistic
/// regression without intercept. `weights` are the clips' weights `[N]`.
///
/// # Errors
/// No clips, or numbers of labels and weights that do not match.
pub fn fit_scale(logits: &[f32], labels: &[u32], weights: &[f64], n_classes: usize) -> Result<f32, Error> {
    if labels.is_empty() || logits.len() != labels.len() * n_classes || weights.len() != labels.len() {
        return Err(Error::Fit(format!("scale: {} labels for {} logits", labels.len(), logits.len())));
    }
    let loss = |power: f64| -> f64 {
        let temperature = (-power).exp() as f32;
        let rows = logits.chunks_exact(n_classes).zip(labels).zip(weights);
        rows.map(|((row, label), weight)| weight * clip_loss(row, *label as usize, temperature)).sum()
    };
    let (mut low, mut high) = SCALES;
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    for _ in 0..60 {
        let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
        if loss(a) <= loss(b) { high = b } else { low = a }
    }
    Ok(((low + high) / 2.0).exp() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_are_centered_scaled_and_bounded() {
        assert_eq!(votes(&[1.0, 3.0, 50.0, 0.0], 2, 0.5), [-0.5, 0.5, 3.0, -3.0]);
        assert_eq!(mean_votes(&[vec![1.0, -1.0], vec![0.0, 0.0]]), [0.5, -0.5]);
    }

    #[test]
    fn a_scale_makes_logits_honest() {
        // A difference of 4, right in 73 of 100: it should be ln(73/27).
        let logits: Vec<f32> = (0..100).flat_map(|_| [4.0, 0.0]).collect();
        let labels: Vec<u32> = (0..100).map(|i| u32::from(i >= 73)).collect();
        let scale = fit_scale(&logits, &labels, &[1.0; 100], 2).unwrap();
        assert!((scale - (73.0_f32 / 27.0).ln() / 4.0).abs() < 1e-3, "{scale}");
        assert!(fit_scale(&logits, &labels[..3], &[1.0; 3], 2).is_err());
    }
}
