//! Models of every kind as ONNX graphs: each is computed by the letter, and compared with the model.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod trained;

use audio_io::{ClipConfig, Level, Windowing};
use candle_core::{Device, Tensor};
use classifier::{Calibration, MODEL_SCHEMA, ModelFile, ModelHeader, Normalization, Place};
use features::{FrontEndConfig, Kind, Output, Preset, Reference, Spectrum};
use inference::{Chain, MODEL_FILE, MemberHeader, averaged, build};
use pipeline::Job;
use pipeline::anomaly::{RowsOptions, fit};
use pipeline::export::{Begin, Options, Outcome, run};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// A chain over windows of a second.
fn chain(spectrogram: FrontEndConfig, level: Level) -> Chain {
    let window = Windowing { seconds: 1.0, ..Windowing::default() };
    let clip = ClipConfig { sample_rate_hz: spectrogram.sample_rate_hz, level, window, ..ClipConfig::default() };
    Chain::new(clip, spectrogram)
}

fn size(chain: &Chain) -> [usize; 2] {
    let front_end = chain.build_picture().unwrap();
    [front_end.n_bands(), front_end.n_frames(chain.clip.sample_rate_hz as usize)]
}

/// Tensors that are no longer what a network begins with: of zeros, all outputs would be zero.
fn tensors(architecture: &Value, n_classes: usize, seed: u64) -> BTreeMap<String, Tensor> {
    let (_, parameters) = build(architecture, n_classes, seed, &Device::Cpu).unwrap();
    let mut state = 1 + seed as u32;
    let mut draw = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut changed = |(name, tensor): (String, Tensor)| {
        let n = tensor.elem_count();
        let fan_in = (n / tensor.dims()[0].max(1)).max(1) as f32;
        let scale = match name.rsplit('.').next() {
            _ if name.starts_with("neighbours.class") => 0.0,
            _ if name.contains("running_var") => 0.4,
            Some("bias" | "center") => 0.1,
            _ if tensor.rank() < 2 => 0.3,
            _ => (3.0 / fan_in).sqrt(),
        };
        let middle =
            if name.contains("running_var") || name.contains("norm") && name.ends_with("weight") { 1.0 } else { 0.0 };
        let mut values: Vec<f32> = (0..n).map(|_| middle + scale * draw()).collect();
        if name == "neighbours.embedding" {
            let dim = tensor.dims()[1];
            for row in values.chunks_exact_mut(dim) {
                let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
                row.iter_mut().for_each(|v| *v /= length);
            }
        }
        if name == "neighbours.class" {
            values
                .iter_mut()
                .enumerate()
                .for_each(|(i, v)| *v = f32::from(u8::from(i % n_classes == i / n_classes % n_classes)));
        }
        (name, Tensor::from_vec(values, tensor.dims(), &Device::Cpu).unwrap())
    };
    parameters.snapshot().unwrap().into_iter().map(&mut changed).collect()
}

fn header(architecture: Value, front_end: Value, normalization: Normalization) -> ModelHeader {
    ModelHeader {
        schema: MODEL_SCHEMA.into(),
        version: "0".into(),
        architecture,
        front_end,
        normalization,
        classes: ["bird", "cat", "dog"].map(str::to_owned).to_vec(),
        split: json!({}),
        seed: 1,
        training: json!({}),
        calibration: Some(Calibration { temperature: 1.5, n: 9 }),
        outlier: None,
        coverage: None,
        held_out: None,
        place: Some(Place { bias: vec![0.3, -0.2, -0.1], record: Value::Null }),
    }
}

fn normalization(n_bands: usize, is_raw: bool) -> Normalization {
    if is_raw {
        return Normalization::uniform(n_bands, 0.0, 1.0);
    }
    let mean = (0..n_bands).map(|band| -30.0 + band as f32 / 9.0).collect();
    Normalization { mean, std: (0..n_bands).map(|band| 9.0 + band as f32 / 30.0).collect() }
}

fn write(folder: &Path, header: &ModelHeader, tensors: &BTreeMap<String, Tensor>) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(MODEL_FILE), ModelFile::to_bytes(header, tensors).unwrap()).unwrap();
}

/// Exports a model of random weights.
fn exported(architecture: &Value, chain: &Chain, begin: Begin) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let is_yamnet = architecture["kind"] == "yamnet" || architecture["body"]["kind"] == "yamnet";
    let header = header(architecture.clone(), chain.to_header().unwrap(), normalization(size(chain)[0], is_yamnet));
    write(&folder.path().join("run"), &header, &tensors(architecture, 3, 7));
    let options = Options { begin, ..Options::new(folder.path().join("run"), folder.path().join("out")) };
    run(&options, &Job::default()).unwrap()
}

fn assert_near(outcome: &Outcome, what: &str) {
    let differences = &outcome.differences;
    assert!(differences.probabilities < 1e-4 && differences.embedding < 1e-3, "{what}: {differences:?}");
}

fn cnn(downsample: &str, pooling: &str, residual: bool) -> Value {
    json!({"kind": "cnn", "channels": [4, 6, 8], "downsample": downsample, "residual": residual, "dropout": 0.0, "pooling": pooling})
}

#[test]
fn every_form_of_the_cnn() {
    let chain = chain(Preset::LogMel.config(), Level::Peak);
    for (downsample, pooling, residual) in
        [("max-pool", "mean-max", true), ("average-pool", "mean", false), ("stride", "mean-max", true)]
    {
        let outcome = exported(&cnn(downsample, pooling, residual), &chain, Begin::Waveform);
        assert_near(&outcome, downsample);
        assert_eq!(outcome.about.input_shape, [1, 22_050]);
    }
    let outcome = exported(&cnn("max-pool", "mean-max", false), &chain, Begin::Spectrogram);
    assert_near(&outcome, "from spectrograms");
    assert_eq!(outcome.about.input_shape, [64, 22]);
}

#[test]
fn every_front_end_and_level() {
    let mut relative = Preset::LogMel.config();
    if let Kind::LogMel(log_mel) = &mut relative.kind {
        log_mel.output = Output::Db { reference: Reference::Max, top_db: Some(60.0) };
        log_mel.spectrum = Spectrum::Magnitude;
    }
    let configs = Preset::ALL.map(|preset| (preset.name(), preset.config()));
    for (name, config) in configs.into_iter().chain([("relative", relative)]) {
        let level = if name == "pcen" { Level::Rms } else { Level::Peak };
        assert_near(&exported(&cnn("max-pool", "mean-max", false), &chain(config, level), Begin::Waveform), name);
    }
    let plain = chain(Preset::LogMel.config(), Level::None);
    assert_near(&exported(&cnn("max-pool", "mean", false), &plain, Begin::Waveform), "no level");
}

#[test]
fn transformers() {
    let chain = chain(Preset::LogMel.config(), Level::Peak);
    let [bands, frames] = size(&chain);
    let plain = json!({
        "kind": "vit", "input": [bands, frames], "channels": 1, "input_scale": 1.0, "patch": [16, 8], "stride": [16, 8], "dim": 16,
        "layers": 2, "heads": 2, "hidden": 32, "epsilon": 1e-6, "layer_scale": false, "registers": 0, "distillation": false,
        "pooling": "class", "dropout": 0.0, "stochastic_depth": 0.0, "patchout": [0, 0],
    });
    let mut rich = plain.clone();
    for (key, value) in [
        ("resize", json!([32, 48])),
        ("channels", json!(3)),
        ("input_scale", json!(0.5)),
        ("stride", json!([8, 8])),
        ("layer_scale", json!(true)),
        ("registers", json!(2)),
        ("pooling", json!("class-mean")),
    ] {
        rich[key] = value;
    }
    let mut distilled = plain.clone();
    (distilled["distillation"], distilled["pooling"]) = (json!(true), json!("class-distillation"));
    (distilled["patch"], distilled["stride"]) = (json!([16, 8]), json!([16, 4]));
    for (what, architecture) in [("plain", plain), ("rich", rich), ("distilled", distilled)] {
        assert_near(&exported(&architecture, &chain, Begin::Waveform), what);
    }
}

fn yamnet() -> Value {
    json!({"kind": "yamnet", "hop_frames": 48, "dropout": 0.0})
}

#[test]
fn yamnet_its_heads_and_neighbors() {
    let mut chain = chain(Preset::Yamnet.config(), Level::Peak);
    chain.clip.window.seconds = 2.0;
    assert_near(&exported(&yamnet(), &chain, Begin::Waveform), "its own layer");
    let head = |name: &str, scale: f64| json!({"head": name, "scale": scale});
    let one = json!({"kind": "headed", "heads": [head("evidence", 1.0)], "body": yamnet()});
    let three = json!({"kind": "headed", "heads": [head("evidence", 0.7), head("linear", 2.0), head("prototype", 1.0)], "body": yamnet()});
    assert_near(&exported(&one, &chain, Begin::Waveform), "evidence");
    assert_near(&exported(&three, &chain, Begin::Waveform), "three heads");
    let neighbors = json!({"kind": "neighbours", "neighbours": {"k": 3, "temperature": 0.1}, "n_clips": 12, "body": cnn("max-pool", "mean", false)});
    assert_near(
        &exported(&neighbors, &self::chain(Preset::LogMel.config(), Level::Peak), Begin::Waveform),
        "neighbors",
    );
}

#[test]
fn networks_of_two_rates_are_one_graph() {
    let folder = tempfile::tempdir().unwrap();
    let chains = [chain(Preset::LogMel.config(), Level::Peak), chain(Preset::Yamnet.config(), Level::Peak)];
    let architectures = [
        cnn("max-pool", "mean-max", false),
        json!({"kind": "headed", "heads": [{"head": "linear", "scale": 1.0}], "body": yamnet()}),
    ];
    let members = chains.iter().zip(&architectures).enumerate().map(|(nth, (chain, architecture))| {
        let member = MemberHeader {
            name: format!("m{nth}"),
            scale: 0.8,
            n_votes: 1 + nth,
            architecture: architecture.clone(),
            front_end: chain.to_header().unwrap(),
            normalization: normalization(size(chain)[0], nth == 1),
        };
        (member, tensors(architecture, 3, nth as u64))
    });
    let (architecture, tensors) = averaged(members.collect());
    let of = header(architecture, chains[0].to_header().unwrap(), normalization(64, false));
    write(&folder.path().join("run"), &of, &tensors);
    let options = Options::new(folder.path().join("run"), folder.path().join("out"));
    let outcome = run(&options, &Job::default()).unwrap();
    assert_near(&outcome, "two rates");
    assert_eq!((outcome.about.sample_rate_hz, outcome.about.embedding_dim), (22_050, 1024));
    let message = run(&Options { overwrite: false, ..options.clone() }, &Job::default()).unwrap_err().to_string();
    assert!(message.contains("holds a graph"), "{message}");
    let message = run(&Options { begin: Begin::Spectrogram, overwrite: true, ..options }, &Job::default());
    assert!(message.unwrap_err().to_string().contains("several front ends"));
}

#[test]
fn detectors_are_in_the_graph_or_it_is_said_that_they_are_not() {
    let folder = trained::trained();
    let path = |name: &str| folder.path().join(name);
    for (method, is_in) in
        [("knn", true), ("max_softmax", true), ("energy", true), ("max_logit", true), ("isolation_forest", false)]
    {
        let rows = RowsOptions {
            run: path("run"),
            features: vec![path("features")],
            backbone: None,
            backbone_features: Vec::new(),
            train_split: vec!["train".into()],
            val_split: vec!["val".into()],
            choose_on: None,
        };
        fit::run(&fit::Options { method: vec![method.to_owned()], ..fit::Options::new(rows) }, &Job::default())
            .unwrap();
        let compare_on = vec![path("manifest.csv")];
        let options = Options { overwrite: true, compare_on, ..Options::new(path("run"), path("out")) };
        let outcome = run(&options, &Job::default()).unwrap();
        assert_near(&outcome, method);
        assert_eq!(outcome.about.detector.is_some(), is_in, "{method}: {:?}", outcome.about.left_out);
        assert_eq!(outcome.about.left_out.len(), usize::from(!is_in), "{method}");
        if let (Some(score), Some(p_value)) = (outcome.differences.unknown_score, outcome.differences.p_value) {
            assert!(score < 1e-3 && p_value < 0.2, "{method}: {:?}", outcome.differences);
        }
        for file in ["model.onnx", "model.json", "parity.safetensors", "README.md"] {
            assert!(path("out").join(file).is_file(), "{file}");
        }
    }
}
