//! A folder of `export hub`, served by a hub on 127.0.0.1 and taken back by `predict` and `--pretrained`.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::common::{Work, error_line, files};
use crate::hub::with_hub::{run, text};
use crate::test_hub::{REPO, TestHub};
use serde_json::Value;
use std::fs;

/// A small model, and its folder for the hub.
fn exported() -> Work {
    let work = Work::new();
    work.sounds(24);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let small = ["--set", "cnn.channels=[4, 8]", "--epochs", "3"];
    work.ok(&[&["train", "cnn", "--features", "features", "--out", "run"][..], &small].concat());
    work.ok(&["evaluate", "run", "--features", "features", "--split", "test", "--out", "run/test"]);
    work.ok(&["export", "hub", "run", "--out", "barks", "--name", REPO, "--license", "CC0-1.0"]);
    work
}

/// A hub that has the folder under two revisions.
fn hub(work: &Work) -> (TestHub, String) {
    let hub = TestHub::start();
    let all = files(&work.path("barks"));
    let all: Vec<(&str, &[u8])> = all.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    let commit = hub.publish("main", &all);
    hub.publish("v1.0", &all);
    (hub, commit)
}

#[test]
fn a_folder_of_the_hub_is_as_good_as_its_run() {
    let work = exported();
    let (hub, commit) = hub(&work);
    let predict = |model: &str, out: &str| {
        let output = run(&work, &hub, &["predict", model, "sounds", "--out", out], &[]);
        text(&output);
        fs::read(work.path(out)).unwrap()
    };
    let expected = predict("run", "run.csv");
    for (nth, model) in ["barks", REPO, &format!("hf:{REPO}"), &format!("{REPO}@v1.0"), &format!("{REPO}@{commit}")]
        .into_iter()
        .enumerate()
    {
        assert!(predict(model, &format!("{nth}.csv")) == expected, "{model}");
    }
    hub.requests();
    // The graph is not needed, and what is here is not asked for again.
    let offline = [("HF_HUB_OFFLINE", "1")];
    text(&run(&work, &hub, &["predict", REPO, "sounds", "--out", "offline.csv"], &offline));
    text(&run(&work, &hub, &["evaluate", REPO, "manifest.csv", "--out", "measured"], &offline));
    text(&run(&work, &hub, &["export", "onnx", REPO, "--out", "graph"], &offline));
    text(&run(&work, &hub, &["report", REPO, "--out", "report.html"], &offline));
    assert_eq!(hub.requests(), [""; 0]);
    assert!(fs::read(work.path("offline.csv")).unwrap() == expected);
    assert!(!work.path("acme").exists(), "nothing is written where a repository was named");
    let metrics = |name: &str| -> Value { serde_json::from_slice(&fs::read(work.path(name)).unwrap()).unwrap() };
    assert_eq!(metrics("measured/metrics.json")["confusion"], metrics("run/test/metrics.json")["confusion"]);
}

#[test]
fn a_folder_of_the_hub_is_a_start_for_a_training() {
    let work = exported();
    let (hub, commit) = hub(&work);
    text(&run(&work, &hub, &["features", "manifest.csv", "--like", REPO, "--out", "like"], &[]));
    let train = |pretrained: &str, out: &str| {
        let arguments =
            ["train", "cnn", "--features", "like", "--out", out, "--pretrained", pretrained, "--epochs", "1"];
        let said = text(&run(&work, &hub, &arguments, &[]));
        assert!(said.contains("begins with the weights of a model of the same classes"), "{said}");
        fs::read(work.path(out).join("model.safetensors")).unwrap()
    };
    assert!(train("barks", "local") == train(REPO, "fetched"));
    let config = fs::read_to_string(work.path("fetched/config.toml")).unwrap();
    assert!(config.contains(&format!("pretrained = \"{REPO}\"\nrevision = \"{commit}\"\n")), "{config}");
}

#[test]
fn a_transformer_goes_on_too() {
    let work = Work::new();
    work.sounds(24);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/checkpoints/vit");
    let train = |pretrained: &str, out: &str, strategy: &str| {
        let start = ["train", "vit", "--features", "features", "--out", out, "--pretrained", pretrained];
        work.run(&[&start[..], &["--strategy", strategy, "--epochs", "1", "--lr", "1e-7"]].concat())
    };
    text(&train(fixture, "run", "probe"));
    work.ok(&["export", "hub", "run", "--out", "barks"]);
    for strategy in ["probe", "last", "lora", "full"] {
        let said = text(&train("barks", strategy, strategy));
        assert!(said.contains("begins with the weights of a model of the same classes"), "{strategy}: {said}");
    }
    work.ok(&["predict", "run", "sounds", "--out", "run.csv"]);
    work.ok(&["predict", "lora", "sounds", "--out", "lora.csv"]);
    work.ok(&["features", "manifest.csv", "--out", "shorter", "--set", "clip.window.seconds=2"]);
    let shorter =
        ["train", "vit", "--features", "shorter", "--out", "x", "--pretrained", "barks", "--strategy", "probe"];
    assert!(work.fails(&shorter).contains("another front end than that of --pretrained barks"));
}

#[test]
fn what_is_no_model_of_ours_and_what_is_a_slip_is_said() {
    let work = exported();
    let hub = TestHub::start();
    hub.publish("main", &[("config.json", br#"{"model_type": "vit"}"#), ("model.safetensors", &[0; 64])]);
    let error = error_line(&run(&work, &hub, &["predict", REPO, "sounds"], &[]));
    assert!(error.contains("not a model of barkbird (model_type in its config.json: vit)"), "{error}");
    assert_eq!(hub.blobs().len(), 1, "its weights are not fetched");
    let error = error_line(&run(&work, &hub, &["predict", "acme/nobody", "sounds"], &[]));
    assert!(error.contains("acme/nobody@main: config.json: no such repository"), "{error}");
    hub.requests();
    let error = error_line(&run(&work, &hub, &["predict", "run/cnn", "sounds"], &[]));
    assert!(error.contains("since run is here; hf:run/cnn is the repository"), "{error}");
    let fit = ["anomaly", "fit", REPO, "--features", "features"];
    let error = error_line(&run(&work, &hub, &fit, &[]));
    assert!(error.contains("name a folder for the model with the detector with --out"), "{error}");
    assert_eq!(hub.requests(), [""; 0]);
}
