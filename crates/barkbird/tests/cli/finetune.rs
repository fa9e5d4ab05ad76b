//! Pretrained models from a folder, with each fine-tuning strategy, and wrong ones. The checkpoints are tiny and random.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::common::Work;
use std::path::{Path, PathBuf};

fn checkpoint(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/checkpoints").join(name);
    path.to_str().unwrap().to_owned()
}

fn train<'a>(features: &'a str, pretrained: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let start = ["train", "vit", "--features", features, "--out", out, "--pretrained", pretrained, "--epochs", "2"];
    [&start[..], more].concat()
}

fn text(path: PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// The figures follow from the table beside them.
fn check_figures(metrics: &serde_json::Value, table: &Path) {
    let (mut n, mut right) = (0, 0);
    let mut reader = csv::Reader::from_path(table).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (label, truth) = (column("label"), column("truth"));
    for record in reader.records() {
        let record = record.unwrap();
        n += 1;
        right += u64::from(record[label] == record[truth]);
    }
    let confusion: Vec<Vec<u64>> = serde_json::from_value(metrics["confusion"].clone()).unwrap();
    assert_eq!((metrics["n"].as_u64(), confusion.iter().flatten().sum::<u64>()), (Some(n), n), "{metrics}");
    let accuracy = metrics["accuracy"].as_f64().unwrap();
    assert!((accuracy - right as f64 / n as f64).abs() < 1e-9 && metrics["loss"].as_f64().unwrap() > 0.0, "{metrics}");
}

#[test]
fn every_strategy_makes_a_model_that_predicts_and_embeds() {
    let work = Work::new();
    work.sounds(24);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let vit = checkpoint("vit");
    let strategies: [(&str, &[&str], &str); 6] = [
        ("probe", &[], ""),
        ("probe-knn", &["--strategy", "probe", "--head", "neighbours"], "probe"),
        ("last", &["--strategy", "last", "--last", "1"], "last"),
        ("lora", &["--strategy", "lora"], "lora"),
        ("full", &["--strategy", "full", "--set", "train.average=0.9", "--set", "vit.patchout=[1, 1]"], "full"),
        ("image", &["--strategy", "probe", "--set", "vit.view=as-image"], "probe"),
    ];
    for (out, more, strategy) in strategies {
        // With few clips `auto` is a probe.
        let (more, strategy) =
            if strategy.is_empty() { (&["--strategy", "auto"][..], "probe") } else { (more, strategy) };
        work.ok(&train("features", &vit, out, more));
        let config = text(work.path(out).join("config.toml"));
        assert!(config.contains(&format!("strategy = \"{strategy}\"")), "{out}: {config}");
        let evaluated = format!("{out}/test");
        work.ok(&["evaluate", out, "--features", "features", "--split", "test", "--out", &evaluated]);
        let metrics: serde_json::Value =
            serde_json::from_str(&text(work.path(&evaluated).join("metrics.json"))).unwrap();
        check_figures(&metrics, &work.path(&evaluated).join("predictions.csv"));
        let embedded = format!("{out}/embedded");
        work.ok(&["embed", out, "--features", "features", "--out", &embedded]);
        let index: serde_json::Value = serde_json::from_str(&text(work.path(&embedded).join("index.json"))).unwrap();
        assert_eq!((index["schema"].as_str(), index["n_clips"].as_u64()), (Some("embedding/1"), Some(24)));
    }
    let verdicts = work.ok(&["predict", "lora", "sounds/manifest.csv", "--json"]);
    let verdicts: serde_json::Value = serde_json::from_str(&verdicts).unwrap();
    assert!(verdicts["predictions"].as_array().unwrap().len() >= 24);
}

#[test]
fn the_same_seed_gives_the_same_model_whatever_the_threads() {
    let work = Work::new();
    work.sounds(24);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let vit = checkpoint("dinov2");
    for strategy in ["probe", "lora"] {
        let model = |out: &str, threads: &str, seed: &str| {
            work.ok(&train("features", &vit, out, &["--strategy", strategy, "--threads", threads, "--seed", seed]));
            std::fs::read(work.path(out).join("model.safetensors")).unwrap()
        };
        let one = model(&format!("{strategy}-1"), "1", "4");
        assert!(one == model(&format!("{strategy}-2"), "2", "4"), "{strategy}");
        assert!(one != model(&format!("{strategy}-3"), "2", "5"), "{strategy}");
    }
}

/// Names of version 0.1 are still read: the flag `--way`, and the key `finetune.way`.
#[test]
fn old_names_are_read() {
    let work = Work::new();
    work.sounds(24);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    work.ok(&train("features", &checkpoint("vit"), "flag", &["--way", "lora"]));
    std::fs::write(work.path("old.toml"), "[finetune]\nway = \"lora\"\n").unwrap();
    work.ok(&train("features", &checkpoint("vit"), "key", &["--config", "old.toml"]));
    let model = |run: &str| std::fs::read(work.path(run).join("model.safetensors")).unwrap();
    assert!(model("flag") == model("key"));
    let config = std::fs::read_to_string(work.path("key/config.toml")).unwrap();
    assert!(config.contains("strategy = \"lora\""), "{config}");
}

#[test]
fn what_is_no_checkpoint_is_refused_with_what_to_do() {
    let work = Work::new();
    work.sounds(24);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let refused = |pretrained: &str, expected: &[&str]| {
        let line = work.fails(&train("features", pretrained, "run", &["--strategy", "probe"]));
        assert!(expected.iter().all(|part| line.contains(part)), "{line}");
    };
    refused("./nowhere", &["nowhere", "neither a folder"]);
    // Only pickled weights.
    std::fs::create_dir(work.path("pickled")).unwrap();
    std::fs::copy(Path::new(&checkpoint("vit")).join("config.json"), work.path("pickled/config.json")).unwrap();
    std::fs::write(work.path("pickled/pytorch_model.bin"), b"x").unwrap();
    refused("./pickled", &["pytorch_model.bin", "safetensors"]);
    // An audio transformer wants its own front end.
    refused(&checkpoint("ast"), &["--front-end ast"]);
    assert!(!work.path("run/model.safetensors").exists());
}

#[test]
fn yamnet_names_what_is_missing() {
    let work = Work::new();
    work.sounds(24);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let yamnet = |features: &str, more: &[&str]| {
        let start = ["train", "yamnet", "--features", features, "--out", "run"];
        work.fails(&[&start[..], more].concat())
    };
    std::fs::write(work.path("yamnet.tflite"), b"not a flatbuffer").unwrap();
    let line = yamnet("features", &["--pretrained", "./yamnet.tflite"]);
    assert!(line.contains("--front-end yamnet"), "{line}");
    work.ok(&["features", "manifest.csv", "--out", "of-yamnet", "--front-end", "yamnet"]);
    let line = yamnet("of-yamnet", &[]);
    assert!(line.contains("--pretrained"), "{line}");
    let line = yamnet("of-yamnet", &["--pretrained", "./yamnet.tflite"]);
    assert!(line.contains("yamnet.tflite"), "{line}");
}
