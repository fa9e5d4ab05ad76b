//! An ONNX model as the backbone of a fit, and its outputs as features.

#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[allow(dead_code, reason = "the other tests of ONNX models use the rest")]
#[path = "../../models-onnx/tests/onnx/writer.rs"]
mod writer;

use inference::unknown::Detectors;
use inference::{Chain, Model, OnnxModel, PredictorOptions, ShowEvidence, decode, one_line};
use models_onnx::OnnxBackbone;
use pipeline::fit::{self, Outcome};
use pipeline::predict::{Output, Table, To};
use pipeline::{Job, evaluate, features, predict, scan, synth};
use std::path::{Path, PathBuf};
use writer::{Any, D, Is, K, METADATA, N, mean, model, network, save};

/// As slow as recordings go, so that a clip has few windows.
const TOML: &str = "sample_rate_hz = 1000\nwindow_samples = 64\nlicense = \"CC0-1.0\"";

/// A model of no meaning, in a folder of its own.
fn backbone(folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    save(folder, &model(network(&[Any("batch"), Is(N as i64)], false, "Sigmoid"), 17, &METADATA), TOML)
}

fn sounds(folder: &Path) -> PathBuf {
    let options = synth::Options { out: folder.join("sounds"), clips: 40 };
    synth::run(&options, &Job::default()).unwrap().manifest
}

fn computed(manifest: &Path, onnx: &Path, out: PathBuf) -> PathBuf {
    let mut options = features::Options::new(manifest, &out);
    options.front_end.onnx = Some(onnx.to_owned());
    features::run(&options, &Job::default()).unwrap();
    out
}

#[test]
fn features_are_what_the_model_computes() {
    let folder = tempfile::tempdir().unwrap();
    let onnx = backbone(&folder.path().join("model"));
    let data = sounds(folder.path());
    let manifest = folder.path().join("manifest.csv");
    scan::run(&scan::Options::new(&data, &manifest), &Job::default()).unwrap();
    let out = computed(&manifest, &onnx, folder.path().join("features"));
    let clips = shard::Clips::open(&out).unwrap();
    assert_eq!((clips.n_cells(), clips.n_frames), (D + K, 1));
    let front_end = &clips.header.front_end["onnx"];
    let named: OnnxModel = serde_json::from_value(front_end.clone()).unwrap();
    let sha256 = shard::sha256_hex(&std::fs::read(&onnx).unwrap());
    assert_eq!((named.sha256, named.license.as_deref()), (sha256, Some("CC0-1.0")));
    let network = OnnxBackbone::open(&onnx).unwrap();
    let chain = Chain::from_header(&clips.header.front_end, &out).unwrap();
    for (nth, record) in clips.records().unwrap().iter().enumerate().take(10) {
        let path = manifest.parent().unwrap().join(&record.path);
        let decoded = decode(&std::fs::read(&path).unwrap(), &path, None).unwrap();
        let clip = &chain.clips(&decoded, &audio_io::Row::default()).unwrap()[0].samples;
        let windows: Vec<&[f32]> = clip.chunks_exact(N).collect();
        let outputs = network.run(&windows).unwrap();
        let rows =
            |values: &[f32], width: usize| -> Vec<Vec<f32>> { values.chunks(width).map(<[f32]>::to_vec).collect() };
        let odds: Vec<Vec<f32>> = rows(&outputs.scores, K);
        let odds: Vec<Vec<f32>> = odds.iter().map(|row| row.iter().map(|p| p / (1.0 - p)).collect()).collect();
        let mut expected = mean(&rows(&outputs.embedding, D));
        expected.extend(mean(&odds).iter().map(|odds| odds.ln()));
        let mut row = vec![0.0; D + K];
        clips.read(nth, &mut row).unwrap();
        for (got, expected) in row.iter().zip(&expected) {
            assert!((got - expected).abs() < 1e-4, "{}: {row:?} for {expected:?}", record.path);
        }
    }
    // No spectrograms: no network is trained on them.
    let options = pipeline::train::Options::new(pipeline::strategy::ModelKind::Cnn, &out, folder.path().join("cnn"));
    let error = one_line(&pipeline::train::run(&options, &Job::default()).unwrap_err());
    assert!(error.contains("model.onnx computes, and no spectrograms"), "{error}");
}

/// The table of all recordings of a folder.
fn table(run: &Path, recordings: &Path) -> String {
    let mut options = predict::Options::new(run, vec![recordings.to_owned()]);
    options.predictor.evidence = ShowEvidence::Yes;
    let out = run.join("table.csv");
    let output = Output { table: Table::Windows, to: To::File(out.clone()) };
    predict::run(&options, vec![output], &Job::default()).unwrap();
    std::fs::read_to_string(out).unwrap()
}

fn refused(run: &Path, recordings: &Path) -> String {
    one_line(
        &predict::run(&predict::Options::new(run, vec![recordings.to_owned()]), Vec::new(), &Job::default())
            .err()
            .unwrap(),
    )
}

fn fitted(manifest: &Path, onnx: &Path, out: &Path) -> Outcome {
    let mut options = fit::Options::new(manifest, out);
    options.backbone = Some(onnx.display().to_string());
    options.minutes = 0.01; // heads alone
    fit::run(&options, &Job::default()).unwrap()
}

#[test]
fn a_fitted_model_refers_to_its_backbone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let onnx = backbone(&path("model"));
    let manifest = sounds(folder.path());
    let run = path("run");
    let outcome = fitted(&manifest, &onnx, &run);
    assert!(outcome.choice.candidates.len() > 1, "{:?}", outcome.choice);
    assert!(outcome.choice.candidates.iter().all(|of| !of.name.contains("yamnet")), "{:?}", outcome.choice);
    let sha256 = shard::sha256_hex(&std::fs::read(&onnx).unwrap());
    assert_eq!(outcome.backbone_sha256.as_ref(), Some(&sha256));
    assert!(outcome.notes.iter().any(|note| note.contains(&sha256) && note.contains("CC0-1.0")), "{:?}", outcome.notes);
    let test = outcome.test.as_ref().unwrap();
    assert!(test.metrics.n > 0 && test.stress.as_ref().unwrap().conditions.len() == 13);

    let opened = Model::open(&run).unwrap();
    assert_eq!(opened.pretrained_classes(), ["dog", "bird", "rain"]);
    assert!(Detectors::of(&opened).unwrap().unwrap().own_backbone);
    opened.predictor(&PredictorOptions::default()).unwrap();

    // What was computed before gives the same figures.
    let features = computed(&run.join("manifest.csv"), &onnx, path("features"));
    let cached = evaluate::run(&evaluate::Options::new(&run, &features, path("cached")), &Job::default()).unwrap();
    assert_eq!(cached.metrics.n, test.metrics.n);
    assert_eq!(cached.metrics.balanced_accuracy, test.metrics.balanced_accuracy);
    let difference = cached.metrics.loss.unwrap() - test.metrics.loss.unwrap();
    assert!(difference.abs() < 1e-6, "{difference}");

    // The file may be beside the model file, but has to be that file, read in that way.
    let recordings = manifest.parent().unwrap().to_owned();
    let before = table(&run, &recordings);
    assert!(before.lines().count() > 30 && before.contains("evidence"), "{before}");
    std::fs::rename(&onnx, run.join("model.onnx")).unwrap();
    let error = refused(&run, &recordings);
    assert!(error.contains("model.toml") || error.contains("sample_rate_hz"), "{error}");
    std::fs::rename(path("model/model.toml"), run.join("model.toml")).unwrap();
    assert_eq!(table(&run, &recordings), before);
    std::fs::write(run.join("model.toml"), format!("{TOML}\nnormalize_peak = 0.25")).unwrap();
    let error = refused(&run, &recordings);
    assert!(error.contains("model.toml: normalize_peak: expected none") && error.contains("got 0.25"), "{error}");
    std::fs::write(run.join("model.toml"), TOML).unwrap();
    let other = model(network(&[Any("batch"), Is(N as i64)], false, "Sigmoid"), 18, &METADATA);
    save(&run, &other, "");
    let error = refused(&run, &recordings);
    assert!(error.contains("another file") && error.contains(&sha256), "{error}");
    std::fs::remove_file(run.join("model.onnx")).unwrap();
    let error = refused(&run, &recordings);
    assert!(error.contains("no such file") && error.contains("model file"), "{error}");
}
