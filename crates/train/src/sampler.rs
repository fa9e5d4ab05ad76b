//! Which clips an epoch sees, in which order and in which batches: a pure function of (seed, epoch).

use crate::seeds::{Purpose, generator};
use rand::Rng;
use std::ops::Range;

/// One turn of a training clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Index into the training clips.
    pub example: usize,
    /// How often the clip was seen earlier in the same epoch: part of the seed of its augmentation.
    pub occurrence: u64,
}

/// The turns of an epoch.
///
/// Without `balance` every clip has `repeat` turns, each pass over the clips shuffled anew. With it the epoch is as
/// long, but every class has the same number of turns (to within one): the clips of a class take turns in a shuffled
/// order that starts over when it ends, so that two clips of one class differ by at most one turn.
///
/// `classes` holds the class of each training clip, each below `n_classes`.
pub fn epoch_turns(
    classes: &[u32],
    n_classes: usize,
    balance: bool,
    repeat: usize,
    seed: u64,
    epoch: usize,
) -> Vec<Turn> {
    let mut random = generator(seed, Purpose::Order, epoch as u64, 0);
    let total = classes.len() * repeat;
    let mut order = Vec::with_capacity(total);
    if balance {
        let mut members = vec![Vec::new(); n_classes];
        classes.iter().enumerate().for_each(|(example, class)| members[*class as usize].push(example));
        let mut present: Vec<Vec<usize>> = members.into_iter().filter(|m| !m.is_empty()).collect();
        shuffle(&mut present, &mut random); // which classes get the turns that are left over
        let n_present = present.len();
        for (i, members) in present.iter_mut().enumerate() {
            let turns = total / n_present + usize::from(i < total % n_present);
            fill(&mut order, members, turns, &mut random);
        }
        shuffle(&mut order, &mut random);
    } else {
        let mut all: Vec<usize> = (0..classes.len()).collect();
        fill(&mut order, &mut all, total, &mut random);
    }
    let mut seen = vec![0_u64; classes.len()];
    let turn = |example: usize| {
        seen[example] += 1;
        Turn { example, occurrence: seen[example] - 1 }
    };
    order.into_iter().map(turn).collect()
}

/// Takes `turns` examples, shuffling before every pass.
fn fill(order: &mut Vec<usize>, members: &mut [usize], mut turns: usize, random: &mut impl Rng) {
    while turns > 0 {
        shuffle(members, random);
        let n = turns.min(members.len());
        order.extend_from_slice(&members[..n]);
        turns -= n;
    }
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], random: &mut impl Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, random.random_range(0..=i));
    }
}

/// Number of batches that [`batches`] makes.
pub fn n_batches(n: usize, batch_size: usize) -> usize {
    n.div_ceil(batch_size).min(n / 2).max(usize::from(n > 0))
}

/// The batches of an epoch of `n` turns: as few as `batch_size` allows, their sizes equal to within one.
///
/// Nothing is dropped and there is no short last batch, over which batch normalisation would be noise: 65 turns in
/// batches of 32 are 22, 22 and 21. A batch of one never comes up, so that an odd number of turns in batches of 2 has
/// one batch of 3.
pub fn batches(n: usize, batch_size: usize) -> impl Iterator<Item = Range<usize>> {
    let count = n_batches(n, batch_size);
    (0..count).map(move |i| i * n / count..(i + 1) * n / count)
}

/// `n` of the indices `0..len`, chosen by the seed, in rising order.
pub(crate) fn subset(len: usize, n: usize, seed: u64) -> Vec<usize> {
    let mut all: Vec<usize> = (0..len).collect();
    shuffle(&mut all, &mut generator(seed, Purpose::Subset, 0, 0));
    all.truncate(n);
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(turns: &[Turn], n: usize) -> Vec<usize> {
        let mut counts = vec![0; n];
        turns.iter().for_each(|turn| counts[turn.example] += 1);
        counts
    }

    #[test]
    fn every_clip_once_in_another_order_every_epoch() {
        let classes = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2];
        let epoch = |epoch| epoch_turns(&classes, 3, false, 1, 7, epoch);
        assert_eq!(counts(&epoch(1), 10), [1; 10]);
        assert_eq!(epoch(1), epoch(1));
        assert_ne!(epoch(1), epoch(2));
        assert_ne!(epoch(1), epoch_turns(&classes, 3, false, 1, 8, 1));
    }

    #[test]
    fn repeats_count_their_occurrence() {
        let turns = epoch_turns(&[0, 1, 0], 2, false, 4, 7, 1);
        assert_eq!(counts(&turns, 3), [4; 3]);
        for example in 0..3 {
            let seen: Vec<u64> = turns.iter().filter(|t| t.example == example).map(|t| t.occurrence).collect();
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

    proptest! {
        #[test]
        fn balanced_to_within_one(sizes in prop::collection::vec(1_usize..20, 2..5), repeat in 1_usize..4, seed: u64) {
            let classes: Vec<u32> =
                sizes.iter().enumerate().flat_map(|(class, n)| std::iter::repeat_n(class as u32, *n)).collect();
            let turns = epoch_turns(&classes, sizes.len(), true, repeat, seed, 3);
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
