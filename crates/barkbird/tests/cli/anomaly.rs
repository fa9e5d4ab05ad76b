//! Unknown sounds: methods compared, put into a model, used by `predict`, and made classes of.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::common::Work;
use candle_core::{DType, Device, Tensor};
use classifier::{ModelFile, Parameters};
use models_cnn::{Yamnet, YamnetConfig};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

/// Sounds, their spectrograms and a small network in `run`.
fn trained() -> Work {
    let work = Work::new();
    work.ok(&["synth", "--out", "sounds", "--clips", "200", "--seed", "3"]);
    work.ok(&["scan", "sounds/manifest.csv", "--out", "manifest.csv", "--split", "0.5,0.3,0.2"]);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let quick = ["--epochs", "4", "--set", "cnn.channels=[8, 8, 16]", "--set", "train.batch_size=16"];
    work.ok(&[&["train", "cnn", "--features", "features", "--out", "run", "--seed", "5"], &quick[..]].concat());
    work
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn read(work: &Work, name: &str) -> Value {
    json(&fs::read_to_string(work.path(name)).unwrap())
}

/// YAMNet with made-up weights, and the features that it takes.
fn backbone(work: &Work) {
    made_up_yamnet(&work.path("backbone.safetensors"));
    work.ok(&["features", "manifest.csv", "--out", "of-backbone", "--front-end", "yamnet"]);
}

/// Weights of YAMNet that nobody has trained.
pub(crate) fn made_up_yamnet(path: &Path) {
    let mut parameters = Parameters::seeded(0, &Device::Cpu);
    Yamnet::new(&YamnetConfig::default(), 1, 0, &mut parameters).unwrap();
    let mut weights: HashMap<String, Tensor> = parameters.snapshot().unwrap().into_iter().collect();
    for (name, tensor) in &mut weights {
        let n = tensor.elem_count();
        let fan_in = (n / tensor.dims()[0]) as f32;
        let value = |i: usize| ((i * 7919 + name.len() * 31) as f32 * 0.618).sin() * (6.0 / fan_in).sqrt();
        let values: Vec<f32> = (0..n).map(|i| if tensor.rank() > 1 { value(i) } else { 0.0 }).collect();
        *tensor = Tensor::from_vec(values, tensor.dims(), &Device::Cpu).unwrap().to_dtype(DType::F32).unwrap();
    }
    weights.retain(|name, _| !name.starts_with("head."));
    candle_core::safetensors::save(&weights, path).unwrap();
}

#[test]
fn methods_are_measured_and_the_chosen_one_is_used() {
    let work = trained();
    let bench = ["anomaly", "bench", "run", "--features", "features", "--synthetic", "3", "--out"];
    let result = json(&work.ok(&[&bench[..], &["bench", "--json"]].concat()));
    for set in ["ood-val vs validation", "ood-test vs test", "synthetic vs test", "silence vs test"] {
        let knn = &result["methods"]["knn"][set];
        for figure in ["auroc", "aupr", "fpr95"] {
            let [value, low, high] = [&knn[figure], &knn["intervals"][figure][0], &knn["intervals"][figure][1]];
            let [value, low, high] = [value, low, high].map(|value| value.as_f64().unwrap());
            assert!((0.0..=1.0).contains(&value) && low <= high, "{set} {figure}: {knn}");
        }
        assert!(result["sets"][set]["knowns"].as_u64().unwrap() > 0, "{set}");
    }
    assert_eq!(result["ranks_like"]["generalized_entropy"], "max_softmax");
    assert_eq!(result["learned_from_unknowns"], serde_json::json!(["background_class"]));
    assert_ne!(result["chosen"]["method"], "background_class");
    work.ok(&[&bench[..], &["again", "--threads", "1"]].concat());
    for name in ["anomaly.json", "scores.csv", "principal-classifier.svg", "isomap-classifier.svg"] {
        assert!(fs::read(work.path("bench").join(name)).unwrap() == fs::read(work.path("again").join(name)).unwrap());
    }

    let line = work.fails(&["predict", "run", "sounds/dog", "--reject", "auto"]);
    assert!(line.contains("barkbird anomaly fit run"), "{line}");
    let before = work.ok(&["predict", "run", "manifest.csv"]);
    let fit = ["anomaly", "fit", "run", "--features", "features", "--bench", "bench/anomaly.json"];
    let record = json(&work.ok(&[&fit[..], &["--json"]].concat()));
    assert_eq!(record["detectors"][0], result["chosen"]["method"]);
    let smallest = record["smallest_alpha"].as_f64().unwrap();
    assert!((1.0 / (record["calibration_groups"].as_f64().unwrap() + 1.0) - smallest).abs() < 1e-12);
    let line = work.fails(&fit);
    assert!(line.contains("another model"), "its bytes are others now: {line}");

    assert_eq!(work.ok(&["predict", "run", "manifest.csv", "--reject", "none"]), before);
    let line = work.fails(&["predict", "run", "sounds/dog", "--alpha", "0.0001"]);
    assert!(line.contains(&format!("the smallest is {smallest:.3}")), "{line}");
    let line = work.fails(&["predict", "run", "sounds/dog", "--reject", "isomap2"]);
    assert!(line.contains("the model has"), "{line}");
    let said = json(&work.ok(&["predict", "run", "manifest.csv", "--alpha", "0.3", "--json"]));
    for prediction in said["predictions"].as_array().unwrap() {
        let p = prediction["outlier_p"].as_f64().unwrap();
        assert_eq!(prediction["label"] == "neither", p <= 0.3, "{prediction}");
        assert_eq!(prediction["nearest"].as_array().unwrap().len(), 3);
    }
    assert_eq!(said["reject"]["alpha"], 0.3);
    let recordings = work.ok(&["predict", "run", "manifest.csv", "--alpha", "0.3", "--per-recording"]);
    assert_eq!(recordings.lines().count(), said["recordings"].as_array().unwrap().len() + 1);
    for (line, recording) in recordings.lines().skip(1).zip(said["recordings"].as_array().unwrap()) {
        assert!(line.contains(&format!(",{},", recording["label"].as_str().unwrap())), "{line} {recording}");
    }
    let csv = work.ok(&["predict", "run", "manifest.csv", "--alpha", "0.3"]);
    assert!(csv.lines().skip(1).any(|line| line.contains(",neither,")), "{csv}");
    work.ok(&["evaluate", "run", "--features", "features", "--split", "test", "--out", "run/test"]);
    let predictions = fs::read_to_string(work.path("run/test/predictions.csv")).unwrap();
    let p: Vec<f64> =
        predictions.lines().skip(1).map(|line| line.split(',').nth(5).unwrap().parse().unwrap()).collect();
    assert!(p.iter().all(|p| (smallest - 1e-6..=1.0).contains(p)), "{p:?}");
}

#[test]
fn a_model_carries_its_backbone() {
    let work = trained();
    backbone(&work);
    let of = ["--features", "features", "--backbone", "backbone.safetensors", "--backbone-features", "of-backbone"];
    let more = ["--method", "backbone_knn,knn,layer1_knn,autoencoder", "--out", "with"];
    work.ok(&[&["anomaly", "fit", "run"], &of[..], &more].concat());
    for name in ["backbone.safetensors", "of-backbone", "features"] {
        let path = work.path(name);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    let p = |method: &str| -> Vec<f64> {
        let said = json(&work.ok(&["predict", "with", "manifest.csv", "--reject", method, "--json"]));
        assert_eq!(said["reject"]["method"], if method == "auto" { "backbone_knn" } else { method });
        said["predictions"].as_array().unwrap().iter().map(|one| one["outlier_p"].as_f64().unwrap()).collect()
    };
    assert_eq!(p("auto"), p("backbone_knn"));
    assert_ne!(p("auto"), p("knn"));
    assert_ne!(p("layer1_knn"), p("knn"));
    assert_ne!(p("autoencoder"), p("knn"));
    work.ok(&["predict", "run", "sounds/dog"]);

    // What of the backbone's own classes spoke: in JSON always, in a table where it is asked for.
    let ask = |more: &[&str]| work.ok(&[&["predict", "with", "manifest.csv"], more].concat());
    let said = json(&ask(&["--format", "json"]));
    for one in said["predictions"].as_array().unwrap().iter().chain(said["recordings"].as_array().unwrap()) {
        let strengths: Vec<f64> =
            one["evidence"].as_array().unwrap().iter().map(|pair| pair[1].as_f64().unwrap()).collect();
        assert!(strengths.len() <= 5 && strengths.iter().all(|p| (0.05..=1.0).contains(p)), "{one}");
        assert!(strengths.is_sorted_by(|a, b| a >= b), "{one}");
    }
    assert!(ask(&["--evidence"]).lines().next().unwrap().ends_with(",p_dog,evidence,truth,note"));
    assert!(ask(&[]).lines().next().unwrap().ends_with(",p_dog,truth,note"));
    let line = work.fails(&["predict", "run", "sounds/dog", "--evidence"]);
    assert!(line.contains("contains no pretrained network") && line.contains("barkbird fit"), "{line}");
    let line = work.fails(&["predict", "with", "sounds/dog", "--evidence", "--reject", "none"]);
    assert!(line.contains("--reject none"), "{line}");

    // A file of version 0.1 has the old names, and so may --reject.
    fs::create_dir(work.path("old")).unwrap();
    with_old_names(&work.path("with/model.safetensors"), &work.path("old/model.safetensors"));
    let ask = |run: &str, method: &str| work.ok(&["predict", run, "manifest.csv", "--reject", method]);
    assert_eq!(ask("old", "trunk_knn"), ask("with", "backbone_knn"));
    let bench = work.path("old/model.safetensors");
    assert!(String::from_utf8_lossy(&fs::read(bench).unwrap()).contains("trunk_knn"));
}

/// Writes a model with a backbone as version 0.1 did.
fn with_old_names(from: &Path, to: &Path) {
    let mut file = ModelFile::from_bytes(&fs::read(from).unwrap(), from).unwrap();
    let mut detectors = file.header.outlier.take().unwrap();
    let backbone = detectors.as_object_mut().unwrap().remove("backbone").unwrap();
    detectors["trunk"] = backbone;
    for detector in detectors["detectors"].as_array_mut().unwrap() {
        let method = detector.as_object_mut().unwrap().remove("method").unwrap();
        let old = method.to_string().replace("backbone", "trunk");
        detector["way"] = serde_json::from_str(&old).unwrap();
    }
    file.header.outlier = Some(detectors);
    let old = |(name, tensor): (String, Tensor)| (name.replace("outlier.backbone.", "outlier.trunk."), tensor);
    let tensors: BTreeMap<String, Tensor> = file.tensors.into_iter().map(old).collect();
    fs::write(to, ModelFile::to_bytes(&file.header, &tensors).unwrap()).unwrap();
}

#[test]
fn what_does_not_fit_is_refused() {
    let work = trained();
    let line = work.fails(&["anomaly", "fit", "run", "--features", "features", "--method", "semantic"]);
    assert!(line.contains("no such method without a --backbone") && line.contains("knn"), "{line}");
    let line = work.fails(&["anomaly", "fit", "run", "--features", "features", "--val-split", "train"]);
    assert!(line.contains("has to be new"), "{line}");
    let line = work.fails(&["anomaly", "bench", "run", "--features", "features", "--known", "val", "--out", "bench"]);
    assert!(line.contains("--known val"), "{line}");
    work.ok(&["features", "manifest.csv", "--out", "of-backbone", "--front-end", "yamnet"]);
    let line = work.fails(&["anomaly", "bench", "run", "--features", "of-backbone", "--out", "bench"]);
    assert!(line.contains("another front end than the model's"), "{line}");
    assert!(!work.path("bench").exists());
}

#[test]
fn unknowns_become_a_class() {
    let work = trained();
    work.ok(&["anomaly", "fit", "run", "--features", "features", "--method", "mahalanobis"]);
    let discover = ["anomaly", "discover", "run", "sounds/neither", "sounds/dog", "--alpha", "0.5", "--clusters", "2"];
    let found = json(&work.ok(&[&discover[..], &["--out", "found", "--json"]].concat()));
    let clusters = found["clusters"].as_array().unwrap();
    assert_eq!(clusters.len(), 2, "{found}");
    let counted: u64 = clusters.iter().map(|cluster| cluster["windows"].as_u64().unwrap()).sum();
    assert_eq!(counted, found["rejected"].as_u64().unwrap());
    for cluster in clusters {
        assert!(fs::read(work.path("found").join(cluster["wav"].as_str().unwrap())).unwrap().starts_with(b"RIFF"));
    }
    let html = fs::read_to_string(work.path("found/discover.html")).unwrap();
    assert!(html.contains("<audio") && html.contains("Group 2"));

    let only = ["anomaly", "discover", "run", "sounds/neither", "--alpha", "0.5", "--clusters", "1", "--out", "named"];
    let name = ["--manifest", "manifest.csv", "--name", "1=noise"];
    let line = work.fails(&[&only[..], &["--manifest", "manifest.csv", "--name", "2=noise"]].concat());
    assert!(line.contains("there are 1 groups"), "{line}");
    work.ok(&[&only[..], &name[..], &["--features", "features"]].concat());
    let changed = &read(&work, "named/discover.json")["changed"]["classes"]["noise"];
    assert_eq!(changed["right"][0], 0.0, "{changed}");
    let manifest = fs::read_to_string(work.path("named/manifest.named.csv")).unwrap();
    let named = manifest.lines().filter(|line| line.contains(",noise,")).count();
    assert!(named > 10 && !manifest.contains("ood-val,noise"), "{manifest}");
    let said = work.ok(&["predict", "named/run", "sounds/neither", "--alpha", "0.1"]);
    assert!(
        said.starts_with("path,start,end,channel,label,probability,outlier_p,p_bird,p_dog,p_noise,truth,note"),
        "{said}"
    );
    assert!(said.contains(",noise,"), "{said}");
    work.ok(&["scan", "named/manifest.named.csv", "--out", "again.csv"]);
    let line = work.fails(
        &["anomaly", "discover", "run", "sounds/dog", "--alpha", "0.9", "--clusters", "1", "--out", "n2"]
            .into_iter()
            .chain(name)
            .collect::<Vec<_>>(),
    );
    assert!(line.contains("already, as dog"), "{line}");
}
