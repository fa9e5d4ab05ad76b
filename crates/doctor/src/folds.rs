//! Stratified group folds: groups are assigned to folds so that every fold has its share of every class.

use crate::random::{Purpose, generator};
use crate::truth::Truth;
use rand::Rng;

/// The fold of each clip, `[n_clips]`. Groups stay whole. The largest groups are assigned first, equal ones in a random
/// order, each to the fold that has the least of its classes.
pub(crate) fn deal(truth: &Truth, n_folds: usize, seed: u64) -> Vec<usize> {
    let n_classes = truth.n_classes();
    let mut counts = vec![vec![0.0_f64; n_classes]; truth.n_groups]; // [n_groups][n_classes]
    let mut totals = vec![0.0_f64; n_classes];
    for (label, group) in truth.labels.iter().zip(&truth.groups) {
        counts[*group][*label] += 1.0;
        totals[*label] += 1.0;
    }
    // As shares of the class, so that a small class weighs as much as a large one.
    for counts in &mut counts {
        counts.iter_mut().zip(&totals).for_each(|(count, total)| *count /= total.max(1.0));
    }
    let mut random = generator(seed, Purpose::Folds, 0);
    let mut order: Vec<(f64, u64, usize)> =
        (0..truth.n_groups).map(|group| (counts[group].iter().sum(), random.random::<u64>(), group)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut held = vec![vec![0.0_f64; n_classes]; n_folds]; // [n_folds][n_classes]
    let mut fold_of = vec![0; truth.n_groups];
    for (_, _, group) in order {
        // The increase of the squared shares: smallest where the fold has the least of the group's classes.
        let cost = |fold: &usize| -> f64 {
            let of = |(held, count): (&f64, &f64)| (held + count).powi(2) - held.powi(2);
            held[*fold].iter().zip(&counts[group]).map(of).sum()
        };
        let chosen = (0..n_folds).min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(0);
        held[chosen].iter_mut().zip(&counts[group]).for_each(|(held, count)| *held += count);
        fold_of[group] = chosen;
    }
    truth.groups.iter().map(|group| fold_of[*group]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stay_whole_and_every_fold_has_every_class() {
        let labels: Vec<String> = (0..120).map(|i| if i < 100 { "dog" } else { "bird" }.to_owned()).collect();
        let groups: Vec<String> = (0..120).map(|i| (i / 4).to_string()).collect();
        let truth = Truth::new(&labels, &groups).unwrap();
        let folds = deal(&truth, 5, 1);
        for first in (0..120).step_by(4) {
            assert!(folds[first..first + 4].iter().all(|fold| *fold == folds[first]));
        }
        for fold in 0..5 {
            let of = |label: usize| (0..120).filter(|i| folds[*i] == fold && truth.labels[*i] == label).count();
            assert_eq!((of(1), of(0)), (20, 4));
        }
        assert_eq!(folds, deal(&truth, 5, 1));
        assert_ne!(folds, deal(&truth, 5, 2));
    }
}
