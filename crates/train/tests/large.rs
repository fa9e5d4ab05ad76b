//! Sets on disk: the bytes of a run are those of clips in memory, and of a set of many windows those of an unbroken run.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::clips;
use common::runs::{config, outcome_of, start};
use shard::{Clips, MelDtype, SpectrogramWriter, Spectrograms};
use std::path::Path;
use train::{Data, Start, TrainConfig, epoch_order, epoch_turns};

/// The clips as a folder of shards.
fn on_disk(clips: &Spectrograms, dir: &Path) -> Data {
    let header = clips.header.clone();
    let mut writer = SpectrogramWriter::create(
        dir,
        header.front_end,
        header.classes,
        header.splits,
        header.provenance,
        MelDtype::F32,
    )
    .unwrap();
    for (row, clip) in header.clips.into_iter().enumerate() {
        let (frames, label, split) = (clips.frames[row], clips.label[row], clips.split[row]);
        writer.push(clip, clips.clip(row), clips.n_mels, clips.n_frames, frames, label, split).unwrap();
    }
    writer.finish(Vec::new()).unwrap();
    Data::from_spectrograms(Clips::open(dir).unwrap(), "train", "val").unwrap()
}

#[test]
fn clips_on_disk_are_trained_on_as_those_in_memory() {
    let [dir, disk, memory] = [0; 3].map(|_| tempfile::tempdir().unwrap());
    let config = TrainConfig { epochs: 2, batch_size: 32, ..config() };
    let clips = clips(700, 30, 0, 25.0);
    let data = on_disk(&clips, dir.path());
    start(&data, &config, disk.path(), Start::Fresh, usize::MAX).unwrap();
    let in_memory = Data::from_spectrograms(clips, "train", "val").unwrap();
    assert_eq!(data.fingerprint(), in_memory.fingerprint());
    start(&in_memory, &config, memory.path(), Start::Fresh, usize::MAX).unwrap();
    assert_eq!(outcome_of(disk.path()), outcome_of(memory.path()));
}

#[test]
fn a_set_of_many_windows_is_trained_on_in_parts_and_goes_on_where_it_was_cut() {
    let [dir, whole, cut] = [0; 3].map(|_| tempfile::tempdir().unwrap());
    let data = on_disk(&clips(1300, 30, 0, 25.0), dir.path());
    // Six shards, in three windows.
    let shuffle_gb = data.train_bytes() as f64 / 2.5e9;
    let config = TrainConfig { epochs: 5, batch_size: 32, shuffle_gb, epoch_parts: 2, ..config() };
    let strata = data.strata();
    let order = |epoch| epoch_order(&data, &strata, &config, epoch);
    let shard = |turn: &train::Turn| Clips::shard_of(data.train[turn.example as usize].row as usize);
    for pass in [1, 2] {
        let turns = [order(2 * pass - 1), order(2 * pass)].concat();
        let key = |turn: &train::Turn| (turn.example, turn.occurrence);
        let sorted = |mut turns: Vec<train::Turn>| {
            turns.sort_by_key(key);
            turns
        };
        assert_eq!(sorted(turns.clone()), sorted(epoch_turns(&strata, &config, pass)));
        // Each shard is read in one of three stretches.
        let third = |at: usize| turns[at * turns.len() / 30..][..turns.len() / 60].iter().map(shard);
        let shards: Vec<std::collections::BTreeSet<usize>> = [4, 14, 24].map(|at| third(at).collect()).to_vec();
        assert!(shards[0].is_disjoint(&shards[1]) && shards[1].is_disjoint(&shards[2]), "{shards:?}");
    }
    assert_ne!(order(1), order(3));
    start(&data, &config, whole.path(), Start::Fresh, usize::MAX).unwrap();
    for steps in [30, 3, 25] {
        let _ = start(&data, &config, cut.path(), Start::Resume, steps);
    }
    start(&data, &config, cut.path(), Start::Resume, usize::MAX).unwrap();
    assert_eq!(outcome_of(cut.path()), outcome_of(whole.path()));
    let other = TrainConfig { shuffle_gb: 1.0, ..config };
    let error = start(&data, &other, cut.path(), Start::Resume, usize::MAX).unwrap_err().to_string();
    assert!(error.contains("shuffle_gb"), "{error}");
    let many = TrainConfig { epoch_parts: 651, ..TrainConfig::default() };
    let error = start(&data, &many, cut.path(), Start::Overwrite, usize::MAX).unwrap_err().to_string();
    assert!(error.contains("epoch_parts: expected at most 650"), "{error}");
}
