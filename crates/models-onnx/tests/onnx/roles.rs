//! Which outputs are what, and what is asked for where a model does not say.

use crate::writer::*;
use models_onnx::{Activation, OnnxBackbone, Result};

/// Opens the network with some metadata and a TOML file.
fn open(keys: &[&str], last: &str, toml: &str) -> Result<OnnxBackbone> {
    let folder = tempfile::tempdir().unwrap();
    let metadata: Vec<_> = METADATA.into_iter().filter(|(key, _)| keys.contains(key)).collect();
    let graph = network(&[Any("batch"), Is(N as i64)], false, last);
    OnnxBackbone::open(&save(folder.path(), &model(graph, 17, &metadata), toml))
}

fn error(keys: &[&str], last: &str, toml: &str) -> String {
    open(keys, last, toml).unwrap_err().to_string()
}

fn names(backbone: &OnnxBackbone) -> (Option<&str>, Option<&str>) {
    let description = backbone.description();
    let scores = description.scores.as_ref().map(|of| of.output.as_str());
    (scores, description.embedding.as_ref().map(|of| of.output.as_str()))
}

#[test]
fn outputs_are_found_by_their_width() {
    let backbone = open(&["sample_rate", "classes"], "Sigmoid", "").unwrap();
    assert_eq!(names(&backbone), (Some("scores"), Some("embedding")));
    assert_eq!(backbone.description().window_samples, Some(N));
}

#[test]
fn the_toml_file_goes_before_the_metadata() {
    let keys = METADATA.map(|(key, _)| key);
    let toml = "sample_rate_hz = 16000\nwindow_samples = 64\nclass_output = \"\"\nlicense = \"CC0-1.0\"";
    let backbone = open(&keys, "Sigmoid", toml).unwrap();
    assert_eq!(names(&backbone), (None, Some("embedding")));
    let description = backbone.description();
    assert_eq!((description.sample_rate_hz, description.license.as_deref()), (16000, Some("CC0-1.0")));
    let outputs = backbone.run(&[&[0.1; N]]).unwrap();
    assert_eq!((outputs.n_scores, outputs.scores.len(), outputs.embedding.len()), (0, 0, D));
    let backbone = open(&keys, "Sigmoid", "embedding_output = \"\"\nactivation = \"none\"").unwrap();
    assert_eq!(names(&backbone), (Some("scores"), None));
    assert_eq!(backbone.description().scores.as_ref().map(|of| of.activation), Some(Activation::None));
    assert_eq!(backbone.run(&[&[0.1; N]]).unwrap().dim, 0);
}

#[test]
fn one_output_may_be_both() {
    let backbone = open(&METADATA.map(|(key, _)| key), "Sigmoid", r#"embedding_output = "scores""#).unwrap();
    assert_eq!(names(&backbone), (Some("scores"), Some("scores")));
    let outputs = backbone.run(&[&[0.1; N], &[0.2; N]]).unwrap();
    assert_eq!((outputs.dim, &outputs.embedding), (K, &outputs.scores));
}

#[test]
fn classes_may_be_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("labels.txt"), "dog\n bird\n\nrain\n").unwrap();
    let graph = network(&[Any("batch"), Is(N as i64)], false, "Sigmoid");
    let path = save(folder.path(), &model(graph, 17, &METADATA[..2]), "classes_file = \"labels.txt\"");
    assert_eq!(OnnxBackbone::open(&path).unwrap().description().classes, ["dog", "bird", "rain"]);
    std::fs::remove_file(folder.path().join("labels.txt")).unwrap();
    let error = OnnxBackbone::open(&path).unwrap_err().to_string();
    assert!(error.ends_with("labels.txt: cannot be read"), "{error}");
}

#[test]
fn what_is_missing_is_asked_for_by_its_key() {
    let says = |error: String, parts: &[&str]| {
        parts.iter().for_each(|part| assert!(error.contains(part), "{error}: {part}"));
    };
    says(error(&["classes"], "Sigmoid", ""), &["sample rate", "put sample_rate_hz = 32000 into", "model.toml"]);
    says(
        error(&["sample_rate"], "Sigmoid", ""),
        &["scores: one of scores (3 wide), embedding (8 wide)", "class_output"],
    );
    says(error(&["sample_rate", "classes"], "Relu", ""), &["neither Sigmoid nor Softmax", r#"activation = "sigmoid""#]);
    says(
        error(&["sample_rate"], "Sigmoid", r#"class_output = "label""#),
        &["class_output", "scores [?, 3]", "got label"],
    );
    let toml = r#"classes = ["dog", "bird"]"#;
    says(error(&["sample_rate"], "Sigmoid", toml), &["classes: expected as many as an output is wide", "got 2"]);
    let toml = "class_output = \"scores\"\nclasses = [\"dog\"]";
    says(error(&["sample_rate"], "Sigmoid", toml), &["classes: expected 3 names, as scores is wide, got 1"]);
    says(error(&["sample_rate"], "Sigmoid", "input = \"sound\""), &["input: expected the name", "waveform [?, 64]"]);
    says(error(&["sample_rate", "classes"], "Sigmoid", "window_s = 1"), &["expected 64 samples", "got 32000"]);
}

#[test]
fn unusable_descriptions() {
    let all = METADATA.map(|(key, _)| key);
    let says = |toml: &str, part: &str| {
        let error = error(&all, "Sigmoid", toml);
        assert!(error.contains(part), "{error}: {part}");
    };
    says("sha256 = \"00\"", "SHA-256: expected 00, as");
    says("sample_rat = 3", "expected the keys of a backbone's description");
    says("sample_rate_hz = 3", "sample rate: expected 1000 to 1000000 Hz, got 3");
    says("input_peak = -1", "input_peak: expected a finite number above 0, got -1");
    says("normalize_peak = inf", "normalize_peak");
    says("window_samples = 3\nwindow_s = 1", "expected window_samples or window_s, got both");
    says("window_s = -1", "window: expected 1 to");
    says("window_samples = 0", "window: expected 1 to");
    says("classes = []\nclasses_file = \"a\"", "got both");
    says("input_shape = \"[N]\"", "input: expected a shape such as [N], got waveform [?, 64]");
    let folder = tempfile::tempdir().unwrap();
    for (key, value, part) in [
        ("sample_rate", "fast", "metadata sample_rate: expected a whole number of Hz, got fast"),
        ("sample_rate", "32000.5", "metadata sample_rate: expected a whole number of Hz, got 32000.5"),
        ("sample_duration", "NaN", "window: expected 1 to"),
        ("classes", "dog, bird", "metadata classes: expected a JSON list of names"),
    ] {
        let metadata = METADATA.map(|(own, old)| (own, if own == key { value } else { old }));
        let graph = network(&[Any("batch"), Is(N as i64)], false, "Sigmoid");
        let error = OnnxBackbone::open(&save(folder.path(), &model(graph, 17, &metadata), "")).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn the_stated_sha256_is_that_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let graph = network(&[Any("batch"), Is(N as i64)], false, "Sigmoid");
    let path = save(folder.path(), &model(graph, 17, &METADATA), "");
    let sha256 = OnnxBackbone::open(&path).unwrap().description().sha256.to_uppercase();
    std::fs::write(folder.path().join("model.toml"), format!("sha256 = \"{sha256}\"")).unwrap();
    OnnxBackbone::open(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = OnnxBackbone::open(&path).unwrap_err().to_string();
    assert!(error.contains("SHA-256: expected"), "{error}");
}
