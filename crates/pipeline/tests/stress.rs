//! A model measured from recordings: as they are, which must be what it is on their features, and under each condition.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use pipeline::evaluate::{self, Options, Source};
use pipeline::stress::Condition;
use pipeline::{Job, Named, features, scan, synth, train};
use std::fs;
use std::path::Path;

/// The cells of a table of predictions.
fn cells(folder: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder.join("predictions.csv")).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// Whether two cells are the same words, or numbers that differ by rounding.
fn same(a: &str, b: &str) -> bool {
    a == b || a.parse::<f64>().ok().zip(b.parse::<f64>().ok()).is_some_and(|(a, b)| (a - b).abs() < 1e-5)
}

#[test]
fn recordings_give_the_figures_of_their_features_and_those_of_each_condition() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let job = Job::default();
    let sounds = synth::run(&synth::Options { out: at("sounds"), clips: 80 }, &job).unwrap();
    scan::run(&scan::Options::new(&sounds.manifest, at("manifest.csv")), &job).unwrap();
    features::run(&features::Options::new(at("manifest.csv"), at("features")), &job).unwrap();
    let mut options = train::Options::new(train::ModelKind::Cnn, at("features"), at("run"));
    options.epochs = Some(1);
    train::run(&options, &job).unwrap();

    let expected = evaluate::run(&Options::new(at("run"), at("features"), at("one")), &job).unwrap();
    let of_recordings = |out: &str, stress| {
        let source = Source::Recordings { manifests: vec![at("manifest.csv")], stress };
        let options = Options { source, ..Options::of_recordings(at("run"), Vec::new(), at(out)) };
        evaluate::run(&options, &job).unwrap()
    };
    let got = of_recordings("two", false);
    assert_eq!(got.metrics.confusion, expected.metrics.confusion);
    assert_eq!(got.metrics.intervals["balanced_accuracy"], expected.metrics.intervals["balanced_accuracy"]);
    assert_eq!((got.metrics.n, got.metrics.n_groups), (expected.metrics.n, expected.metrics.n_groups));
    let (one, two) = (cells(&at("one")), cells(&at("two")));
    assert_eq!(one.len(), two.len());
    for (a, b) in one.iter().flatten().zip(two.iter().flatten()) {
        assert!(same(a, b), "{a} {b}");
    }
    assert!(got.stress.is_none() && !at("two/stress.csv").exists());

    // The recordings as they are do not change by what is measured beside them, nor does anything by the threads.
    let stressed = of_recordings("three", true);
    assert_eq!(fs::read(at("three/predictions.csv")).unwrap(), fs::read(at("two/predictions.csv")).unwrap());
    let stress = stressed.stress.unwrap();
    assert_eq!(stress.conditions.len(), Condition::ALL.len());
    for (condition, figures) in &stress.conditions {
        assert_eq!((figures.n, figures.n_groups), (got.metrics.n, got.metrics.n_groups), "{}", condition.name());
        assert!(figures.balanced_accuracy.is_some() && figures.recall.len() == 2);
    }
    let lowest = stress.conditions.iter().filter_map(|(_, f)| f.balanced_accuracy).fold(1.0, f64::min);
    assert_eq!(stress.worst.unwrap().balanced_accuracy, lowest);
    of_recordings("four", true);
    assert_eq!(fs::read(at("three/stress.csv")).unwrap(), fs::read(at("four/stress.csv")).unwrap());

    let job = Job::default();
    job.cancel.cancel();
    let error = evaluate::run(&Options::of_recordings(at("run"), vec![at("manifest.csv")], at("five")), &job);
    assert!(matches!(error, Err(pipeline::Error::Cancelled { .. })));
}
