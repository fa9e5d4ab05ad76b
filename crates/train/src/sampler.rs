//! The clips of an epoch, their order and batches: a pure function of (seed, epoch).

use crate::config::TrainConfig;
use crate::seeds::{Purpose, generator};
use rand::Rng;
use std::collections::BTreeMap;
use std::ops::Range;

/// One occurrence of a training clip in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Index into the training clips.
    pub example: u32,
    /// Number of earlier occurrences in the same epoch: part of the seed of its augmentation.
    pub occurrence: u32,
}

/// Classes and groups of the training clips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strata {
    /// The class of each clip.
    pub classes: Vec<u32>,
    /// The group of each clip: equal numbers are one recording, animal or session.
    pub groups: Vec<u32>,
}

/// The turns of an epoch, as [`TrainConfig`] sets them.
///
/// With `balance` every class has the same number of turns (to within one), and the epoch is as long as without. Within
/// a class (within all clips, without `balance`) turns are assigned to groups in proportion to the number of their clips
/// to the power of `1 - group_balance`, each epoch rounding up other groups, and to the clips of a group by a shuffled
/// order that starts over when it ends. So with a `group_balance` of 0 two clips of one class differ by at most one
/// turn.
pub fn epoch_turns(strata: &Strata, config: &TrainConfig, epoch: usize) -> Vec<Turn> {
    let Strata { classes, groups } = strata;
    let mut random = generator(config.seed, Purpose::Order, epoch as u64, 0);
    let total = classes.len() * config.repeat;
    let mut order = Vec::with_capacity(total);
    let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (example, class) in (0..).zip(classes) {
        members.entry(if config.balance { *class } else { 0 }).or_default().push(example);
    }
    let mut present: Vec<Vec<u32>> = members.into_values().collect();
    shuffle(&mut present, &mut random); // which classes get the turns that are left over
    let n_present = present.len();
    for (i, members) in present.iter_mut().enumerate() {
        let turns = total / n_present + usize::from(i < total % n_present);
        if config.group_balance > 0.0 {
            fill_by_group(&mut order, members, groups, config.group_balance, turns, &mut random);
        } else {
            fill(&mut order, members, turns, &mut random);
        }
    }
    shuffle(&mut order, &mut random);
    let mut seen = vec![0_u32; classes.len()];
    let turn = |example: u32| {
        let seen = &mut seen[example as usize];
        *seen += 1;
        Turn { example, occurrence: *seen - 1 }
    };
    order.into_iter().map(turn).collect()
}

/// Assigns `turns` to groups by systematic sampling: marks at equal distances on a line on which the groups follow each
/// other in a random order, each as long as its weight.
fn fill_by_group(
    order: &mut Vec<u32>,
    members: &[u32],
    groups: &[u32],
    balance: f64,
    turns: usize,
    random: &mut impl Rng,
) {
    let mut by_group: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    members.iter().for_each(|example| by_group.entry(groups[*example as usize]).or_default().push(*example));
    let mut by_group: Vec<Vec<u32>> = by_group.into_values().collect();
    shuffle(&mut by_group, random);
    let weight = |group: &Vec<u32>| (group.len() as f64).powf(1.0 - balance);
    let whole: f64 = by_group.iter().map(weight).sum();
    let offset: f64 = random.random();
    let (mut reached, mut dealt) = (0.0, 0);
    let n_groups = by_group.len();
    for (i, group) in by_group.iter_mut().enumerate() {
        reached += weight(group) * turns as f64 / whole;
        let marks = if i + 1 == n_groups { turns } else { ((reached + offset) as usize).min(turns) };
        fill(order, group, marks - dealt, random);
        dealt = marks;
    }
}

/// Takes `turns` examples, shuffling before every pass.
fn fill(order: &mut Vec<u32>, members: &mut [u32], mut turns: usize, random: &mut impl Rng) {
    while turns > 0 {
        shuffle(members, random);
        let n = turns.min(members.len());
        order.extend_from_slice(&members[..n]);
        turns -= n;
    }
}

/// Fisher and Yates.
pub(crate) fn shuffle<T>(items: &mut [T], random: &mut impl Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, random.random_range(0..=i));
    }
}

/// Number of batches of [`batches`].
pub fn n_batches(n: usize, batch_size: usize) -> usize {
    n.div_ceil(batch_size).min(n / 2).max(usize::from(n > 0))
}

/// The batches of an epoch of `n` turns: as few as `batch_size` allows, their sizes equal to within one.
///
/// Nothing is dropped and there is no short last batch, whose batch normalization would be noise: 65 turns in
/// batches of 32 are 22, 22 and 21. A batch of one never comes up, so that an odd number of turns in batches of 2 has
/// one batch of 3.
pub fn batches(n: usize, batch_size: usize) -> impl Iterator<Item = Range<usize>> {
    let count = n_batches(n, batch_size);
    (0..count).map(move |i| i * n / count..(i + 1) * n / count)
}

/// `n` of the indices `0..len`, drawn from the seed, in ascending order.
pub(crate) fn subset(len: u32, n: usize, seed: u64) -> Vec<u32> {
    let mut all: Vec<u32> = (0..len).collect();
    shuffle(&mut all, &mut generator(seed, Purpose::Subset, 0, 0));
    all.truncate(n);
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn strata(classes: &[u32]) -> Strata {
        Strata { classes: classes.to_vec(), groups: (0..classes.len() as u32).collect() }
    }

    fn config(balance: bool, repeat: usize, seed: u64) -> TrainConfig {
        TrainConfig { balance, repeat, seed, ..TrainConfig::default() }
    }

    fn counts(turns: &[Turn], n: usize) -> Vec<usize> {
        let mut counts = vec![0; n];
        turns.iter().for_each(|turn| counts[turn.example as usize] += 1);
        counts
    }

    #[test]
    fn every_clip_once_in_another_order_every_epoch() {
        let strata = strata(&[0, 0, 0, 0, 1, 1, 1, 2, 2, 2]);
        let epoch = |epoch| epoch_turns(&strata, &config(false, 1, 7), epoch);
        assert_eq!(counts(&epoch(1), 10), [1; 10]);
        assert_eq!(epoch(1), epoch(1));
        assert_ne!(epoch(1), epoch(2));
        assert_ne!(epoch(1), epoch_turns(&strata, &config(false, 1, 8), 1));
    }

    #[test]
    fn repeats_count_their_occurrence() {
        let turns = epoch_turns(&strata(&[0, 1, 0]), &config(false, 4, 7), 1);
        assert_eq!(counts(&turns, 3), [4; 3]);
        for example in 0..3 {
            let seen: Vec<u32> = turns.iter().filter(|t| t.example == example).map(|t| t.occurrence).collect();
            assert_eq!(seen, [0, 1, 2, 3]);
        }
    }

    #[test]
    fn sizes_of_batches() {
        let sizes = |n, size| batches(n, size).map(|b| b.len()).collect::<Vec<_>>();
        assert_eq!(sizes(65, 32), [21, 22, 22]);
        assert_eq!(sizes(64, 32), [32, 32]);
        assert_eq!(sizes(5, 2), [2, 3]);
        assert_eq!(sizes(3, 32), [3]);
        assert_eq!(sizes(0, 32), [0; 0]);
    }

    #[test]
    fn a_subset_is_sorted_and_repeats() {
        assert_eq!(subset(5, 9, 1), [0, 1, 2, 3, 4]);
        assert_eq!(subset(100, 10, 1), subset(100, 10, 1));
        assert!(subset(100, 10, 1).is_sorted());
    }

    #[test]
    fn turns_of_groups_follow_the_power_of_their_size() {
        // Class 0: a group of 16 and four of one clip; class 1: five clips of a group each.
        let groups: Vec<u32> = std::iter::repeat_n(0, 16).chain(1..10).collect();
        let classes: Vec<u32> = std::iter::repeat_n(0, 20).chain(std::iter::repeat_n(1, 5)).collect();
        let strata = Strata { classes, groups };
        let turns_of = |group_balance: f64| -> Vec<f64> {
            let config = TrainConfig { group_balance, ..config(true, 2, 5) };
            let mut sums = vec![0.0; 10];
            for epoch in 1..=400 {
                let turns = epoch_turns(&strata, &config, epoch);
                assert_eq!(turns.len(), 50);
                assert_eq!(turns.iter().filter(|turn| strata.classes[turn.example as usize] == 0).count(), 25);
                turns.iter().for_each(|turn| sums[strata.groups[turn.example as usize] as usize] += 1.0 / 400.0);
            }
            sums
        };
        for (balance, large, small) in [(0.5, 12.5, 3.125), (1.0, 5.0, 5.0)] {
            let sums = turns_of(balance);
            assert!((sums[0] - large).abs() < 0.1, "{sums:?}");
            assert!(sums[1..5].iter().all(|sum| (sum - small).abs() < 0.1), "{sums:?}");
            assert!(sums[5..].iter().all(|sum| (sum - 5.0).abs() < 0.1), "{sums:?}");
        }
    }

    proptest! {
        #[test]
        fn balanced_to_within_one(sizes in prop::collection::vec(1_usize..20, 2..5), repeat in 1_usize..4, seed: u64) {
            let classes: Vec<u32> =
                sizes.iter().enumerate().flat_map(|(class, n)| std::iter::repeat_n(class as u32, *n)).collect();
            let turns = epoch_turns(&strata(&classes), &config(true, repeat, seed), 3);
            prop_assert_eq!(turns.len(), classes.len() * repeat);
            let clip = counts(&turns, classes.len());
            let mut of_class = vec![0; sizes.len()];
            clip.iter().zip(&classes).for_each(|(n, class)| of_class[*class as usize] += n);
            prop_assert!(of_class.iter().max().unwrap() - of_class.iter().min().unwrap() <= 1);
            for class in 0..sizes.len() {
                let own: Vec<usize> =
                    clip.iter().zip(&classes).filter(|(_, c)| **c as usize == class).map(|(n, _)| *n).collect();
                prop_assert!(own.iter().max().unwrap() - own.iter().min().unwrap() <= 1);
            }
        }

        #[test]
        fn batches_cover_everything_once(n in 2_usize..500, size in 2_usize..70) {
            let all: Vec<usize> = batches(n, size).flatten().collect();
            prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
            let sizes: Vec<usize> = batches(n, size).map(|b| b.len()).collect();
            prop_assert!(sizes.iter().all(|s| *s >= 2 && *s <= size.max(3)));
        }
    }
}
