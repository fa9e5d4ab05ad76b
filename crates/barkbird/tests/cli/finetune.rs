//! Pretrained models from a folder, each way, and what becomes of wrong ones. The checkpoints are tiny and random.

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

#[test]
fn every_way_makes_a_model_that_predicts_and_embeds() {
    let work = Work::new();
    work.sounds(24);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let vit = checkpoint("vit");
    let ways: [(&str, &[&str], &str); 6] = [
        ("probe", &[], ""),
        ("probe-knn", &["--way", "probe", "--head", "neighbours"], "probe"),
        ("last", &["--way", "last", "--last", "1"], "last"),
        ("lora", &["--way", "lora"], "lora"),
        ("full", &["--way", "full", "--set", "train.average=0.9", "--set", "vit.patchout=[1, 1]"], "full"),
        ("image", &["--way", "probe", "--set", "vit.view=as-image"], "probe"),
    ];
    for (out, more, way) in ways {
        // Few clips: left to itself it is a probe.
        let (more, way) = if way.is_empty() { (&["--way", "auto"][..], "probe") } else { (more, way) };
        work.ok(&train("features", &vit, out, more));
        let config = text(work.path(out).join("config.toml"));
        assert!(config.contains(&format!("way = \"{way}\"")), "{out}: {config}");
        let evaluated = format!("{out}/test");
        work.ok(&["evaluate", out, "--features", "features", "--split", "test", "--out", &evaluated]);
        let metrics: serde_json::Value =
            serde_json::from_str(&text(work.path(&evaluated).join("metrics.json"))).unwrap();
        assert!(metrics["balanced_accuracy"].as_f64().unwrap() >= 0.0, "{out}: {metrics}");
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
    for way in ["probe", "lora"] {
        let model = |out: &str, threads: &str, seed: &str| {
            work.ok(&train("features", &vit, out, &["--way", way, "--threads", threads, "--seed", seed]));
            std::fs::read(work.path(out).join("model.safetensors")).unwrap()
        };
        let one = model(&format!("{way}-1"), "1", "4");
        assert!(one == model(&format!("{way}-2"), "2", "4"), "{way}");
        assert!(one != model(&format!("{way}-3"), "2", "5"), "{way}");
    }
}

#[test]
fn what_is_no_checkpoint_is_refused_with_what_to_do() {
    let work = Work::new();
    work.sounds(24);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let refused = |pretrained: &str, expected: &[&str]| {
        let line = work.fails(&train("features", pretrained, "run", &["--way", "probe"]));
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
fn yamnet_says_what_it_wants() {
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
