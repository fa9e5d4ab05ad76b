//! The report is about the run that it shows, for every kind of model.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::anomaly::made_up_yamnet;
use crate::common::{Work, loads_nothing};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// `12345` as a page writes it.
fn with_commas(n: u64) -> String {
    let digits = n.to_string();
    let group = |(i, digit): (usize, char)| {
        let comma = i > 0 && (digits.len() - i).is_multiple_of(3);
        [Some(',').filter(|_| comma), Some(digit)].into_iter().flatten().collect::<String>()
    };
    digits.chars().enumerate().map(group).collect()
}

/// Trains, evaluates and reports; returns the page.
fn page(work: &Work, run: &str, features: &str, train: &[&str]) -> String {
    work.ok(&[train, &["--features", features, "--out", run, "--epochs", "2", "--seed", "7"]].concat());
    let test = format!("{run}/test");
    work.ok(&["evaluate", run, "--features", features, "--split", "test", "--out", &test]);
    let html = format!("{run}.html");
    work.ok(&["report", run, "--manifest", "manifest.csv", "--out", &html]);
    fs::read_to_string(work.path(&html)).unwrap()
}

#[test]
fn every_kind_of_model_has_its_own_commands_parameters_and_figures() {
    let work = Work::new();
    work.sounds(30);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    work.ok(&["features", "manifest.csv", "--out", "of-yamnet", "--front-end", "yamnet"]);
    made_up_yamnet(&work.path("yamnet.safetensors"));
    let vit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/checkpoints/vit");
    let vit = vit.to_str().unwrap();
    let kinds: [(&str, &str, &[&str]); 3] = [
        ("cnn", "features", &["train", "cnn", "--set", "cnn.channels=[8, 8, 16]"]),
        ("vit", "features", &["train", "vit", "--pretrained", vit, "--strategy", "full"]),
        ("yamnet", "of-yamnet", &["train", "yamnet", "--pretrained", "yamnet.safetensors", "--strategy", "probe"]),
    ];
    for (run, features, train) in kinds {
        let html = page(&work, run, features, train);
        assert!(loads_nothing(&html), "{run}");
        // How to do it again: the command line that was typed, splits, seed and pretrained weights included.
        let record = json(&work.path(run).join("run.json"));
        let words: Vec<&str> =
            record["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        assert_eq!(words[..2], train[..2], "{record}");
        assert!(words.windows(2).any(|two| two == ["--seed", "7"]), "{record}");
        let text = html.replace("&#39;", "'").replace("&#x27;", "'").replace("&quot;", "\"");
        assert!(text.contains(&format!("barkbird train {}", train[1])), "{run}: no command line of the training");
        assert_eq!(text.contains("--pretrained"), run != "cnn", "{run}");
        assert!(text.contains(&format!("barkbird evaluate {run}")), "{run}");
        // Parameters of this model alone.
        let bytes = fs::read(work.path(run).join("model.safetensors")).unwrap();
        let file = classifier::ModelFile::from_bytes(&bytes, Path::new(run)).unwrap();
        let parameters = file.tensors.iter().filter(|(name, _)| !name.contains("running_"));
        let n: u64 = parameters.map(|(_, tensor)| tensor.elem_count() as u64).sum();
        assert!(text.contains(&with_commas(n)), "{run}: {n} parameters");
        // The headline is that of the evaluation.
        let metrics = json(&work.path(run).join("test/metrics.json"));
        let accuracy = metrics["balanced_accuracy"].as_f64().unwrap();
        assert!(text.contains(&format!("balanced accuracy is {accuracy:.3}")), "{run}: {accuracy}");
    }
}

#[test]
fn a_model_with_a_detector_in_a_folder_of_its_own_has_a_report() {
    let work = Work::new();
    work.sounds(60);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    page(&work, "run", "features", &["train", "cnn", "--set", "cnn.channels=[8, 8, 16]"]);
    work.ok(&["anomaly", "fit", "run", "--features", "features", "--method", "knn", "--out", "with"]);
    work.ok(&["report", "with", "--out", "with.html"]);
    let html = fs::read_to_string(work.path("with.html")).unwrap();
    assert!(html.contains("barkbird train cnn") && html.contains("barkbird anomaly fit"), "no command lines");
}
