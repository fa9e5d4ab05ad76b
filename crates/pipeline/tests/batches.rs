//! What is found in a recording does not depend on which others are classified with it, nor on how it is decoded.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod trained;

use inference::{Input, Judged, Model, PredictorOptions, Watch};
use pipeline::strategy::{ModelKind, Strategy};
use pipeline::{Job, train};
use std::path::{Path, PathBuf};

/// Overlap of windows, in seconds: many windows of short recordings.
const OVERLAP_S: f64 = 4.8;

/// Recordings of made sounds, the longest last, put together of several.
fn recordings(folder: &Path) -> Vec<Input> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for class in ["bird", "dog"] {
        let of_class = std::fs::read_dir(folder.join("sounds").join(class)).unwrap();
        paths.extend(of_class.map(|entry| entry.unwrap().path()));
    }
    paths.sort();
    let samples = |n: u32| (0..n).map(|i| ((i * i * 403) % 6_551) as f32 / 6_551.0 - 0.5).collect::<Vec<f32>>();
    let long = folder.join("long.wav");
    std::fs::write(&long, ::synth::to_wav_16(&samples(40 * 16_000), 16_000)).unwrap();
    paths.push(long);
    paths.iter().map(|path| Input::file(path)).collect()
}

/// All verdicts, of recordings that are given together or one by one.
fn judged(model: &Model, inputs: &[Input], at_once: usize, memory: Option<u64>) -> Vec<Judged> {
    let mut predictor =
        model.predictor(&PredictorOptions { overlap_s: OVERLAP_S, ..PredictorOptions::default() }).unwrap();
    if let Some(n_bytes) = memory {
        predictor.limit_memory(n_bytes);
    }
    let parts = inputs.chunks(at_once).enumerate();
    let of_part =
        |(nth, part): (usize, &[Input])| predictor.recordings(part, nth * at_once, &Watch::default()).unwrap().judged;
    parts.flat_map(of_part).collect()
}

#[test]
fn a_recording_has_the_same_verdicts_in_every_batch() {
    let folder = trained::trained();
    let folder = folder.path();
    let mut vit = train::Options::new(ModelKind::Vit, folder.join("features"), folder.join("vit"));
    vit.pretrained = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/checkpoints/vit").to_owned());
    (vit.strategy, vit.epochs) = (Some(Strategy::Lora), Some(1));
    train::run(&vit, &Job::default()).unwrap();
    let inputs = recordings(folder);
    for run in ["run", "vit"] {
        let model = Model::open(folder.join(run)).unwrap();
        let together = judged(&model, &inputs, 32, None);
        assert!(together.len() > 200, "{}", together.len());
        assert!(together == judged(&model, &inputs, 1, None), "{run}: one by one");
        assert!(together == judged(&model, &inputs, 7, None), "{run}: in sevens");
        // With little memory every recording counts as long.
        assert!(together == judged(&model, &inputs, 5, Some(1)), "{run}: while they are decoded");
    }
}
