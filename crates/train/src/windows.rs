//! The order of an epoch over a set that is larger than memory: shards in a random order, some at a time.
//!
//! A clip that is drawn anywhere in a terabyte is a place on the disk of its own. So the shards of a large set are put into
//! windows, each of about as many bytes as [`TrainConfig::shuffle_gb`] says, and the turns of an epoch go through the windows one
//! after the other: each shard is read in one stretch of time, once an epoch. Within a window the order is random.

use crate::config::TrainConfig;
use crate::data::Data;
use crate::sampler::{Strata, Turn, epoch_turns, shuffle};
use crate::seeds::{Purpose, generator};
use shard::Clips;
use std::collections::BTreeMap;

/// Bytes of a gigabyte.
const GB: f64 = 1e9;

/// The turns of an epoch, from 1, in the order in which they are trained: those of [`epoch_turns`], and of a set of more than
/// [`TrainConfig::shuffle_gb`] put into windows; with [`TrainConfig::epoch_parts`] one part of them after the other. A pure
/// function of clips, configuration and epoch.
pub fn epoch_order(data: &Data, strata: &Strata, config: &TrainConfig, epoch: usize) -> Vec<Turn> {
    let (n_parts, before) = (config.epoch_parts.max(1), epoch.saturating_sub(1));
    let mut turns = pass(data, strata, config, before / n_parts + 1);
    let (part, n) = (before % n_parts, turns.len());
    turns.truncate((part + 1) * n / n_parts);
    turns.drain(..part * n / n_parts);
    turns
}

/// Turns of the longest epoch.
pub(crate) fn n_turns(n_clips: usize, config: &TrainConfig) -> usize {
    (n_clips * config.repeat).div_ceil(config.epoch_parts.max(1))
}

/// All turns of a pass over the clips.
fn pass(data: &Data, strata: &Strata, config: &TrainConfig, pass: usize) -> Vec<Turn> {
    let turns = epoch_turns(strata, config, pass);
    let n_windows = (data.train_bytes() as f64 / (config.shuffle_gb * GB)).ceil() as usize;
    if n_windows < 2 {
        return turns;
    }
    let shard_of = |example: usize| Clips::shard_of(data.train[example].row as usize);
    let windows = windows(shard_of, &strata.classes, n_windows, config.seed, pass);
    in_windows(&turns, |turn| windows[shard_of(turn.example as usize)], n_windows)
}

/// The window of each shard. Shards are put into a random order and dealt to the windows in turn, those of one class after each
/// other, so that a class has about as many in each window: shards often hold the clips of one folder, which is one class.
fn windows(
    shard_of: impl Fn(usize) -> usize,
    classes: &[u32],
    n_windows: usize,
    seed: u64,
    epoch: usize,
) -> Vec<usize> {
    let mut random = generator(seed, Purpose::Windows, epoch as u64, 0);
    let mut order = main_classes(&shard_of, classes);
    let n_shards = order.iter().map(|(shard, _)| shard + 1).max().unwrap_or(0);
    let n_classes = classes.iter().max().map_or(0, |last| *last as usize + 1);
    let mut ranks: Vec<usize> = (0..n_classes).collect();
    shuffle(&mut ranks, &mut random);
    shuffle(&mut order, &mut random);
    order.sort_by_key(|(_, class)| ranks[*class as usize]);
    let mut windows = vec![0; n_shards];
    order.iter().enumerate().for_each(|(nth, (shard, _))| windows[*shard] = nth % n_windows);
    windows
}

/// Each shard with training clips, and the class of most of them.
fn main_classes(shard_of: impl Fn(usize) -> usize, classes: &[u32]) -> Vec<(usize, u32)> {
    let mut found: Vec<(usize, u32)> = Vec::new();
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for (example, class) in classes.iter().enumerate() {
        let shard = shard_of(example);
        if found.last().is_none_or(|(last, _)| *last != shard) {
            counts.clear();
            found.push((shard, *class));
        }
        *counts.entry(*class).or_default() += 1;
        if let Some((_, most)) = found.last_mut()
            && counts[class] > counts[most]
        {
            *most = *class;
        }
    }
    found
}

/// The turns of each window in their order, one window after the other. Since the order is random, so is that within a window.
fn in_windows(turns: &[Turn], window_of: impl Fn(&Turn) -> usize, n_windows: usize) -> Vec<Turn> {
    let mut next = vec![0; n_windows + 1];
    turns.iter().for_each(|turn| next[window_of(turn) + 1] += 1);
    (1..next.len()).for_each(|window| next[window] += next[window - 1]);
    let mut placed = turns.to_vec();
    for turn in turns {
        let at = &mut next[window_of(turn)];
        placed[*at] = *turn;
        *at += 1;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::spectrograms;
    use proptest::prelude::*;

    /// Shards of four clips.
    fn order(classes: &[u32], n_windows: usize, config: &TrainConfig, epoch: usize) -> (Vec<Turn>, Vec<usize>) {
        let strata = Strata { classes: classes.to_vec(), groups: (0..classes.len() as u32).collect() };
        let windows = windows(|example| example / 4, classes, n_windows, config.seed, epoch);
        let turns = epoch_turns(&strata, config, epoch);
        let placed = in_windows(&turns, |turn| windows[turn.example as usize / 4], n_windows);
        (placed, windows)
    }

    #[test]
    fn every_epoch_has_another_order_of_shards() {
        let classes: Vec<u32> = (0..400).map(|example| example / 100).collect();
        let config = TrainConfig::default();
        let first = |epoch: usize| order(&classes, 5, &config, epoch).1;
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }

    #[test]
    fn every_window_has_every_class() {
        // Sorted by class: 25 shards of each.
        let classes: Vec<u32> = (0..400).map(|example| example / 100).collect();
        let windows = order(&classes, 5, &TrainConfig::default(), 3).1;
        for window in 0..5 {
            let of_class =
                |class: usize| (class * 25..(class + 1) * 25).filter(|shard| windows[*shard] == window).count();
            assert_eq!([0, 1, 2, 3].map(of_class), [5; 4], "window {window}");
        }
    }

    #[test]
    fn parts_of_a_pass_are_the_pass() {
        let rows = [("dog", "a", "train"), ("bird", "b", "train"), ("dog", "c", "train"), ("bird", "d", "train")];
        let data = Data::from_spectrograms(spectrograms(&rows.repeat(5)), "train", "none").unwrap();
        let config = TrainConfig { epoch_parts: 3, ..TrainConfig::default() };
        let whole = TrainConfig::default();
        let order = |config: &TrainConfig, epoch| epoch_order(&data, &data.strata(), config, epoch);
        for pass in [1, 2] {
            let parts: Vec<Vec<Turn>> = (1..=3).map(|part| order(&config, (pass - 1) * 3 + part)).collect();
            assert_eq!(parts.concat(), order(&whole, pass));
            assert_eq!(parts.iter().map(Vec::len).max(), Some(n_turns(20, &config)));
        }
        assert_eq!(order(&whole, 2), epoch_turns(&data.strata(), &whole, 2));
    }

    #[test]
    fn the_main_class_of_a_shard_is_that_of_most_clips() {
        let shard_of = |example: usize| [0, 0, 0, 2, 2][example];
        assert_eq!(main_classes(shard_of, &[3, 1, 1, 0, 2]), [(0, 1), (2, 0)]);
    }

    proptest! {
        #[test]
        fn windows_hold_the_same_turns_one_window_after_the_other(
            classes in prop::collection::vec(0_u32..4, 8..120),
            n_windows in 2_usize..6,
            repeat in 1_usize..3,
            seed: u64,
            balance: bool,
        ) {
            let config = TrainConfig { balance, repeat, seed, ..TrainConfig::default() };
            let (placed, windows) = order(&classes, n_windows, &config, 2);
            prop_assert_eq!(&placed, &order(&classes, n_windows, &config, 2).0);
            // The same turns, occurrences included.
            let strata = Strata { classes: classes.clone(), groups: (0..classes.len() as u32).collect() };
            let key = |turn: &Turn| (turn.example, turn.occurrence);
            let sorted = |mut turns: Vec<Turn>| { turns.sort_by_key(key); turns };
            let plain = epoch_turns(&strata, &config, 2);
            prop_assert_eq!(sorted(placed.clone()), sorted(plain.clone()));
            // Windows follow each other, so each shard is read in one stretch.
            let of_turns: Vec<usize> = placed.iter().map(|turn| windows[turn.example as usize / 4]).collect();
            prop_assert!(of_turns.is_sorted());
            // Within a window the order is that of the epoch without windows.
            for window in 0..n_windows {
                let of_window = |turn: &&Turn| windows[turn.example as usize / 4] == window;
                prop_assert!(placed.iter().filter(of_window).eq(plain.iter().filter(of_window)));
            }
            // Windows have as many shards as each other, to within one.
            let n_shards: Vec<usize> = (0..n_windows).map(|w| windows.iter().filter(|of| **of == w).count()).collect();
            prop_assert!(n_shards.iter().max().unwrap() - n_shards.iter().min().unwrap() <= 1);
        }
    }
}
