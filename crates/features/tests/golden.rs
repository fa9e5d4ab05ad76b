//! Every front end against its reference's values, which scripts/golden-features.sh and scripts/golden-features-16k.sh
//! write.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its input fails")]

use std::collections::BTreeMap;
use std::path::Path;

use features::{FrontEnd, FrontEndConfig, Kind, LogMelConfig, Output, Precision, Preset, StftConfig};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

/// The file's description.
#[derive(Deserialize)]
struct Golden {
    versions: BTreeMap<String, String>,
    cases: BTreeMap<String, Case>,
}

/// What one entry was computed from.
#[derive(Deserialize)]
struct Case {
    signal: String,
    /// Every how manieth frame is in the file.
    stride: usize,
    n_frames: usize,
    /// What computed it; librosa where nothing is said.
    reference: Option<String>,
    front_end: FrontEndConfig,
}

/// The file that `scripts/golden-NAME.sh` writes.
fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden");
    let path = folder.join(format!("{name}.safetensors"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}; write it with scripts/golden-{name}.sh", path.display()))
}

fn cases(bytes: &[u8], libraries: &[&str]) -> BTreeMap<String, Case> {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let golden: Golden = serde_json::from_str(&header.metadata().as_ref().unwrap()["golden"]).unwrap();
    for &library in libraries {
        assert!(golden.versions.contains_key(library), "the version of {library} is not in the file");
    }
    golden.cases
}

fn values(file: &SafeTensors, name: &str) -> Vec<f32> {
    let tensor = file.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
    tensor.data().as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect()
}

const LIBROSA: [&str; 3] = ["librosa", "numpy", "scipy"];

/// The largest difference that counts as equal, for values of magnitude up to `largest`.
fn tolerance(case: &Case, largest: f32) -> f32 {
    match &case.front_end.kind {
        // Of energies in 32 bits, under a loud band the rounding of the loud one.
        Kind::LogMel(_) if case.reference.as_deref() == Some("ASTFeatureExtractor") => 1e-3,
        Kind::LogMel(LogMelConfig { output: Output::Ln(_), .. }) => 1e-5,
        Kind::LogMel(LogMelConfig { output: Output::Db { .. }, .. }) => 1e-4,
        Kind::Stft(StftConfig { output: Output::Db { .. }, .. }) => 1e-4,
        // Sums of 128 decibel values, rounded to f32 by librosa on the way.
        Kind::Mfcc(_) => 3e-4,
        _ => 1e-6 * largest,
    }
}

/// The largest difference of a case and what it may be.
fn compare(file: &SafeTensors, name: &str, case: &Case, config: &FrontEndConfig) -> (f32, f32) {
    let samples = values(file, &format!("signal/{}", case.signal));
    let front_end = FrontEnd::new(config).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(front_end.n_frames(samples.len()), case.n_frames, "{name}");
    let ours = front_end.compute_one(&samples).unwrap();
    let theirs = values(file, &format!("values/{name}"));
    let kept = case.n_frames.div_ceil(case.stride);
    assert_eq!(theirs.len(), front_end.n_bands() * kept, "{name}");
    let ours = ours.chunks_exact(case.n_frames).flat_map(|row| row.iter().step_by(case.stride));
    let difference = ours.zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let largest = theirs.iter().fold(0.0, |largest: f32, value| largest.max(value.abs()));
    (difference, tolerance(case, largest))
}

fn compare_all(name: &str, libraries: &[&str], at_least: usize) {
    let bytes = golden(name);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let cases = cases(&bytes, libraries);
    assert!(cases.len() >= at_least, "{} cases", cases.len());
    let mut failed = Vec::new();
    for (name, case) in &cases {
        let (difference, tolerance) = compare(&file, name, case, &case.front_end);
        eprintln!("{name}: {difference:e} (at most {tolerance:e})");
        if difference.is_nan() || difference > tolerance {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "differ from their reference: {failed:?}");
}

#[test]
fn every_front_end_equals_librosa() {
    compare_all("features", &LIBROSA, 40);
}

#[test]
fn those_of_pretrained_models_equal_their_definition() {
    compare_all("features-16k", &["numpy", "torch", "torchaudio", "transformers"], 30);
}

/// The golden values are of the presets: what a user gets by name.
#[test]
fn the_presets_are_what_was_compared() {
    let bytes = golden("features-16k");
    let cases = cases(&bytes, &[]);
    for preset in [Preset::Yamnet, Preset::Ast] {
        assert_eq!(cases[&format!("{preset}/noise")].front_end, preset.config(), "{preset}");
    }
}

/// The f32 transform is within what [`Precision`] says of it where the floor of `top_db` is.
#[test]
fn the_f32_transform_is_close_where_a_floor_cuts_its_noise() {
    let bytes = golden("features");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for (name, case) in cases(&bytes, &LIBROSA).iter().filter(|(name, _)| name.starts_with("log-mel/")) {
        let config = FrontEndConfig { precision: Precision::F32, ..case.front_end.clone() };
        let (difference, _) = compare(&file, name, case, &config);
        println!("{name}: {difference:e}");
        assert!(difference < 5e-3, "{name}: {difference:e}");
    }
}
