//! The grouped bootstrap: whole groups are resampled with replacement.
//!
//! Clips of one recording are alike. Resampling clips would count them as independent, and intervals would be too
//! narrow.
//!
//! Source: Efron (1979), "Bootstrap Methods: Another Look at the Jackknife"; Davison and Hinkley (1997), "Bootstrap
//! Methods and their Application", section 3.8, for groups.

use rand::Rng;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The group of each clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    of_clip: Vec<usize>,
    n_groups: usize,
}

impl Groups {
    /// Takes the number of each clip's group, `[N]`, each below `n_groups`.
    ///
    /// # Panics
    /// Where a number is not below `n_groups`.
    pub fn new(of_clip: Vec<usize>, n_groups: usize) -> Self {
        assert!(of_clip.iter().all(|group| *group < n_groups), "a group's number is not below {n_groups}");
        Self { of_clip, n_groups }
    }

    /// Numbers the groups of the clips, `[N]`, in the order of their names.
    pub fn from_names<G: Ord>(names: &[G]) -> Self {
        let mut numbers: BTreeMap<&G, usize> = names.iter().map(|name| (name, 0)).collect();
        numbers.values_mut().enumerate().for_each(|(number, of_name)| *of_name = number);
        Self { of_clip: names.iter().map(|name| numbers[name]).collect(), n_groups: numbers.len() }
    }

    /// Number of clips, N.
    pub fn n_clips(&self) -> usize {
        self.of_clip.len()
    }

    /// Number of groups.
    pub fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// The clips of each group, in rising order, `[n_groups]`.
    pub fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.n_groups];
        self.of_clip.iter().enumerate().for_each(|(clip, group)| members[*group].push(clip));
        members
    }

    /// One resample: as many groups as there are, drawn with replacement. Returns the weight of each clip, `[N]`: how
    /// often its group was drawn.
    pub fn resample(&self, random: &mut impl Rng) -> Vec<f64> {
        let mut drawn = vec![0.0_f64; self.n_groups];
        (0..self.n_groups).for_each(|_| drawn[random.random_range(0..self.n_groups)] += 1.0);
        self.of_clip.iter().map(|group| drawn[*group]).collect()
    }
}

/// `figures` of each of `n_resamples` resamples, in order.
///
/// Each of the `sets` is resampled on its own, one after the other from the generator of the resample; `figures` gets
/// the weights of their clips ([`Groups::resample`]). Pass one set for a plain grouped bootstrap; pass known and unknown
/// sounds as two sets where both have to be there in every resample.
///
/// `generator` makes the generator of resample `i`. The result depends on the generators only, never on the number of
/// threads.
pub fn bootstrap<const SETS: usize, R: Rng, T: Send>(
    sets: [&Groups; SETS],
    n_resamples: usize,
    generator: impl Fn(usize) -> R + Sync,
    figures: impl Fn([&[f64]; SETS]) -> T + Sync,
) -> Vec<T> {
    let one = |number: usize| {
        let mut random = generator(number);
        let weights = sets.map(|groups| groups.resample(&mut random));
        figures(weights.each_ref().map(Vec::as_slice))
    };
    (0..n_resamples).into_par_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{quantile_sorted, seed};
    use proptest::prelude::{prop, prop_assert_eq, proptest};

    fn generator(number: usize) -> impl Rng {
        seed::stream(1, number as u64)
    }

    #[test]
    fn groups_are_numbered_by_name() {
        let groups = Groups::from_names(&["b", "a", "b", "c"]);
        assert_eq!(groups, Groups::new(vec![1, 0, 1, 2], 3));
        assert_eq!(groups.members(), [vec![1], vec![0, 2], vec![3]]);
        assert_eq!((groups.n_clips(), groups.n_groups()), (4, 3));
        assert_eq!(Groups::from_names::<u8>(&[]).n_groups(), 0);
    }

    #[test]
    fn two_sets_share_one_generator() {
        let (a, b) = (Groups::new(vec![0, 1, 1], 2), Groups::new(vec![2, 1, 0], 3));
        let both = bootstrap([&a, &b], 20, generator, |[a, b]| (a.to_vec(), b.to_vec()));
        for (number, (of_a, of_b)) in both.into_iter().enumerate() {
            let mut random = generator(number);
            assert_eq!((of_a, of_b), (a.resample(&mut random), b.resample(&mut random)));
        }
    }

    #[test]
    fn the_width_of_an_interval_agrees_with_theory() {
        // 100 groups of one clip, half of them right: the standard error of the mean is 0.05.
        let groups = Groups::new((0..100).collect(), 100);
        let mean = |[w]: [&[f64]; 1]| w[..50].iter().sum::<f64>() / 100.0;
        let mut means = bootstrap([&groups], 4000, generator, mean);
        means.sort_by(f64::total_cmp);
        let (low, high) = (quantile_sorted(&means, 0.025).unwrap(), quantile_sorted(&means, 0.975).unwrap());
        assert!((low - 0.402).abs() < 0.02 && (high - 0.598).abs() < 0.02, "{low} {high}");
    }

    proptest! {
        /// The weights of a resample equal the counts of the groups that a plain loop draws.
        #[test]
        fn weights_equal_a_plain_loop(of_clip in prop::collection::vec(0_usize..6, 1..30), number in 0_usize..1000) {
            let groups = Groups::new(of_clip.clone(), 6);
            let weights = bootstrap([&groups], number + 1, generator, |[w]| w.to_vec()).pop();
            let mut random = generator(number);
            let drawn: Vec<usize> = (0..6).map(|_| random.random_range(0..6_usize)).collect();
            let expected: Vec<f64> =
                of_clip.iter().map(|group| drawn.iter().filter(|g| *g == group).count() as f64).collect();
            prop_assert_eq!(weights, Some(expected));
        }
    }
}
