//! A small model for tests.

use pipeline::strategy::ModelKind;
use pipeline::{Job, features, scan, synth, train};
use tempfile::TempDir;

/// A folder with a small model in `run`.
pub(crate) fn trained() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let job = Job::default();
    let sounds = synth::run(&synth::Options { out: path("sounds"), clips: 40 }, &job).unwrap().manifest;
    scan::run(&scan::Options::new(&sounds, path("manifest.csv")), &job).unwrap();
    features::run(&features::Options::new(path("manifest.csv"), path("features")), &job).unwrap();
    let mut options = train::Options::new(ModelKind::Cnn, path("features"), path("run"));
    options.config.set = vec![
        ("cnn.channels".into(), "[8, 8, 16]".into()),
        ("train.epochs".into(), "8".into()),
        ("train.batch_size".into(), "8".into()),
    ];
    train::run(&options, &job).unwrap();
    folder
}
