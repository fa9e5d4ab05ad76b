//! Every front end against librosa's values, which scripts/golden-features.sh writes.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its input fails")]

use std::collections::BTreeMap;
use std::path::Path;

use features::{FrontEnd, FrontEndConfig, Kind, Output, Precision};
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
    front_end: FrontEndConfig,
}

fn golden() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/features.safetensors");
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}; write it with scripts/golden-features.sh", path.display()))
}

fn cases(bytes: &[u8]) -> BTreeMap<String, Case> {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let golden: Golden = serde_json::from_str(&header.metadata().as_ref().unwrap()["golden"]).unwrap();
    for library in ["librosa", "numpy", "scipy"] {
        assert!(golden.versions.contains_key(library), "the version of {library} is not in the file");
    }
    golden.cases
}

fn values(file: &SafeTensors, name: &str) -> Vec<f32> {
    let tensor = file.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
    tensor.data().as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect()
}

/// The largest difference that counts as equal, for values of magnitude up to `largest`.
fn tolerance(config: &FrontEndConfig, largest: f32) -> f32 {
    match &config.kind {
        Kind::LogMel(log_mel) if log_mel.output != Output::Linear => 1e-4,
        Kind::Stft(stft) if stft.output != Output::Linear => 1e-4,
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
    (difference, tolerance(config, largest))
}

#[test]
fn every_front_end_equals_librosa() {
    let bytes = golden();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let cases = cases(&bytes);
    assert!(cases.len() >= 40, "{} cases", cases.len());
    let mut failed = Vec::new();
    for (name, case) in &cases {
        let (difference, tolerance) = compare(&file, name, case, &case.front_end);
        println!("{name}: {difference:e} (at most {tolerance:e})");
        if difference.is_nan() || difference > tolerance {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "differ from librosa: {failed:?}");
}

/// The f32 transform is within what [`Precision`] says of it where the floor of `top_db` is.
#[test]
fn the_f32_transform_is_close_where_a_floor_cuts_its_noise() {
    let bytes = golden();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for (name, case) in cases(&bytes).iter().filter(|(name, _)| name.starts_with("log-mel/")) {
        let config = FrontEndConfig { precision: Precision::F32, ..case.front_end.clone() };
        let (difference, _) = compare(&file, name, case, &config);
        println!("{name}: {difference:e}");
        assert!(difference < 5e-3, "{name}: {difference:e}");
    }
}
