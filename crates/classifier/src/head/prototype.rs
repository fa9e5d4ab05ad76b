//! The mean direction of each class.

use super::types::{Head, HeadKind, HeadRows, Labeled};

/// A group counts as one, however many clips it has.
const GROUP_POWER: f64 = 1.0;

/// The logit of a class is the cosine similarity of the centered embedding with the mean direction of the class's clips.
/// The center is the mean embedding, classes and groups counted equally.
pub(super) fn fit(rows: &HeadRows<'_>, labels: &Labeled<'_>) -> Head {
    let (dim, n_classes) = (rows.dim, labels.n_classes);
    let weights = labels.weights(GROUP_POWER);
    let mut center = vec![0.0f64; dim];
    for (row, weight) in rows.embedding.chunks_exact(dim).zip(&weights) {
        center.iter_mut().zip(row).for_each(|(mean, value)| *mean += weight * f64::from(*value) / n_classes as f64);
    }
    let center: Vec<f32> = center.iter().map(|value| *value as f32).collect();
    let directions = directions(rows.embedding, &center);
    let mut prototypes = vec![0.0f64; n_classes * dim];
    for ((row, class), weight) in directions.chunks_exact(dim).zip(labels.class).zip(&weights) {
        let prototype = &mut prototypes[*class as usize * dim..][..dim];
        prototype.iter_mut().zip(row).for_each(|(mean, value)| *mean += weight * f64::from(*value));
    }
    for prototype in prototypes.chunks_exact_mut(dim) {
        let length = prototype.iter().map(|value| value * value).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        prototype.iter_mut().for_each(|value| *value /= length);
    }
    let weight = prototypes.iter().map(|value| *value as f32).collect();
    Head { kind: HeadKind::Prototype, n_classes, weight, bias: vec![0.0; n_classes], center }
}

/// Embeddings minus the center, scaled to length 1.
pub(super) fn directions(embedding: &[f32], center: &[f32]) -> Vec<f32> {
    let mut rows = embedding.to_vec();
    for row in rows.chunks_exact_mut(center.len()) {
        row.iter_mut().zip(center).for_each(|(value, center)| *value -= center);
        let length = row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt().max(1e-12) as f32;
        row.iter_mut().for_each(|value| *value /= length);
    }
    rows
}
