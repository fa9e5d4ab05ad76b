//! Balanced accuracy of weighted clips.

/// Mean recall over the classes that have clips, where clip `i` counts `weights[i]` times.
pub(crate) fn balanced_accuracy(right: &[bool], class: &[u32], n_classes: usize, weights: &[f64]) -> f64 {
    let (mut hits, mut all) = (vec![0.0; n_classes], vec![0.0; n_classes]);
    for ((right, class), weight) in right.iter().zip(class).zip(weights) {
        all[*class as usize] += weight;
        hits[*class as usize] += weight * f64::from(u8::from(*right));
    }
    let recalls: Vec<f64> =
        hits.iter().zip(&all).filter(|(_, all)| **all > 0.0).map(|(hits, all)| hits / all).collect();
    recalls.iter().sum::<f64>() / recalls.len().max(1) as f64
}
