//! Log-sum-exp and maximum of logits, for the scores that need only logits.

/// `ln Σ exp(z)`, without overflow.
pub(crate) fn log_sum_exp(logits: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = logits.clone().fold(f64::NEG_INFINITY, f64::max);
    largest + logits.map(|z| (z - largest).exp()).sum::<f64>().ln()
}

/// The logits of a row divided by a temperature.
pub(crate) fn tempered(row: &[f32], temperature: f64) -> impl Iterator<Item = f64> + Clone + '_ {
    row.iter().map(move |&z| f64::from(z) / temperature)
}

pub(crate) fn max(row: &[f32]) -> f64 {
    row.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, f64::max)
}
