//! A small model for tests, of this crate and of those above it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use pipeline::strategy::ModelKind;
use pipeline::{Job, config, features, scan, synth, train};
use std::path::Path;
use tempfile::TempDir;

/// Settings of a training that learns the clips in a second.
pub(crate) const LEARNS: [(&str, &str); 2] = [("train.epochs", "30"), ("train.lr", "0.003")];

/// A folder with a small model in `run`.
pub(crate) fn trained() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    make_features(folder.path(), 40, &[]);
    train_in(folder.path(), "run", &[("train.epochs", "8")], None);
    folder
}

/// Makes sounds, and from them `manifest.csv` and `features`.
pub(crate) fn make_features(folder: &Path, clips: usize, set: &[(&str, &str)]) {
    let path = |name: &str| folder.join(name);
    let job = Job::default();
    let sounds = synth::run(&synth::Options { out: path("sounds"), clips }, &job).unwrap().manifest;
    scan::run(&scan::Options::new(&sounds, path("manifest.csv")), &job).unwrap();
    let mut options = features::Options::new(path("manifest.csv"), path("features"));
    options.front_end.config.set = owned(set);
    features::run(&options, &job).unwrap();
}

/// Trains a small CNN on `features`.
pub(crate) fn train_in(folder: &Path, run: &str, set: &[(&str, &str)], augment: Option<config::Strength>) {
    let mut options = train::Options::new(ModelKind::Cnn, folder.join("features"), folder.join(run));
    options.config.set = owned(&[("cnn.channels", "[8, 8, 16]"), ("train.batch_size", "8")]);
    options.config.set.extend(owned(set));
    options.augment = augment;
    train::run(&options, &Job::default()).unwrap();
}

fn owned(set: &[(&str, &str)]) -> Vec<(String, String)> {
    set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
