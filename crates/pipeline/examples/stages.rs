//! Every stage from made sounds to figures, in a folder that goes away: `cargo run -p pipeline --example stages`.

#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use pipeline::{Job, evaluate, features, scan, synth, train};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let job = Job { seed: Some(1), ..Job::default() };

    let sounds = synth::Options { clips: 60, ..synth::Options::new(path("sounds")) };
    let made = synth::run(&sounds, &job)?;
    let scanned = scan::run(&scan::Options::new(&made.manifest, path("manifest.csv")), &job)?;
    assert_eq!(scanned.usable, 60);
    features::run(&features::Options::new(&scanned.manifest, path("features")), &job)?;

    let mut options = train::Options::new(train::ModelKind::Cnn, path("features"), path("run"));
    options.epochs = Some(2);
    options.config.set.push(("cnn.channels".into(), "[8, 8]".into()));
    let trained = train::run(&options, &job)?;
    assert_eq!(trained.epochs, 2);

    let measured = evaluate::run(&evaluate::Options::new(path("run"), path("features"), path("test")), &job)?;
    assert!(path("test").join("predictions.csv").exists() && measured.metrics.n > 0);
    println!("balanced accuracy after two epochs: {:?}", measured.metrics.balanced_accuracy);
    Ok(())
}
