//! A model's header without what it says of the machine that it was made on.
//!
//! | place in the header | what it had | what it has then |
//! | --- | --- | --- |
//! | `outlier.known[].path` | paths of up to 2000 training recordings | `training recording CLASS-NNN`, a number a recording |
//! | `onnx.path` of each front end | where an ONNX network was | the name of its file, by which it is found beside the model |
//! | texts of `training`, `split`, `place.record`, `outlier.record` | what happens to hold a path | `a path was here` |
//!
//! Nothing that an answer is computed from is changed.

use classifier::ModelHeader;
use serde_json::Value;
use std::collections::BTreeMap;

/// What stands for a text with a path in it.
const REMOVED: &str = "a path was here";

/// Digits of a recording's number, at least.
const DIGITS: usize = 3;

/// Replaces every path in the header; returns how many values were replaced. A header without any is not changed.
pub fn without_paths(header: &mut ModelHeader) -> usize {
    let mut n = 0;
    if let Some(outlier) = &mut header.outlier {
        n += outlier.get_mut("known").map_or(0, nameless);
        n += outlier.get_mut("backbone").and_then(|of| of.get_mut("front_end")).map_or(0, front_end);
        n += outlier.get_mut("record").map_or(0, texts);
    }
    n += front_end(&mut header.front_end);
    let members = header.architecture.get_mut("members").and_then(Value::as_array_mut);
    n += members.into_iter().flatten().filter_map(|of| of.get_mut("front_end")).map(front_end).sum::<usize>();
    n += texts(&mut header.training) + texts(&mut header.split);
    n + header.place.as_mut().map_or(0, |place| texts(&mut place.record))
}

/// Whether a text may name a place on a machine.
fn is_path(text: &str) -> bool {
    text.contains(['/', '\\'])
}

/// Gives the known clips names: those of one recording share one.
fn nameless(known: &mut Value) -> usize {
    let mut names = BTreeMap::<String, String>::new();
    let mut n_of_class = BTreeMap::<String, usize>::new();
    let mut n = 0;
    for clip in known.as_array_mut().into_iter().flatten() {
        let label = clip["label"].as_str().filter(|label| !label.is_empty()).unwrap_or("unlabeled").to_owned();
        let Some(Value::String(path)) = clip.get_mut("path") else { continue };
        let name = names.entry(path.clone()).or_insert_with(|| {
            let number = n_of_class.entry(label.clone()).or_default();
            *number += 1;
            format!("training recording {label}-{number:0DIGITS$}")
        });
        n += usize::from(path != name);
        path.clone_from(name);
    }
    n
}

/// Leaves the name of an ONNX network's file.
fn front_end(front_end: &mut Value) -> usize {
    let Some(Value::String(path)) = front_end.get_mut("onnx").and_then(|of| of.get_mut("path")) else { return 0 };
    match path.rfind(['/', '\\']) {
        None => 0,
        Some(at) => {
            drop(path.drain(..=at));
            1
        }
    }
}

/// Replaces every text that may hold a path, keys of objects too.
fn texts(value: &mut Value) -> usize {
    match value {
        Value::String(text) if is_path(text) => {
            REMOVED.clone_into(text);
            1
        }
        Value::Array(values) => values.iter_mut().map(texts).sum(),
        Value::Object(fields) => {
            let keys: Vec<String> = fields.keys().filter(|key| is_path(key)).cloned().collect();
            keys.iter().for_each(|key| drop(fields.remove(key)));
            keys.len() + fields.iter_mut().map(|(_, value)| texts(value)).sum::<usize>()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use classifier::{MODEL_SCHEMA, Normalization, Place};
    use serde_json::json;

    fn header() -> ModelHeader {
        let onnx = json!({"onnx": {"path": "/home/ann/models/perch.onnx", "sha256": "00"}});
        let known = |path: &str, label: &str, start: f64| json!({"path": path, "label": label, "start": start});
        ModelHeader {
            schema: MODEL_SCHEMA.into(),
            version: "0".into(),
            architecture: json!({"kind": "average", "members": [{"name": "a", "front_end": onnx}]}),
            front_end: onnx.clone(),
            normalization: Normalization { mean: vec![0.0], std: vec![1.0] },
            classes: vec!["bird".into(), "dog".into()],
            split: json!({"train": {"splits": "train", "clips": 3}}),
            seed: 1,
            training: json!({"epochs": 3, "noises": ["C:\\Users\\ann\\noise"], "/home/ann/a.wav": 1}),
            calibration: None,
            outlier: Some(json!({
                "known": [known("../ann/b1.wav", "bird", 0.0), known("../ann/d.wav", "dog", 0.0),
                          known("../ann/b1.wav", "bird", 5.0), known("../ann/b2.wav", "bird", 1.0)],
                "backbone": {"kind": "yamnet", "front_end": onnx},
                "detectors": [{"settings": {"0": {"k": 1}}}],
                "record": {"why": "chosen on ood-val", "from": "/home/ann/bench"},
            })),
            coverage: Some(json!({"classes": [1, 2]})),
            held_out: Some(json!({"group": [0, 1]})),
            place: Some(Place { bias: vec![0.1, -0.1], record: json!({"notes": ["garden/a.wav: silent", "fine"]}) }),
        }
    }

    #[test]
    fn no_path_is_left_and_the_rest_is_as_it_was() {
        let (before, mut after) = (header(), header());
        assert_eq!(without_paths(&mut after), 11);
        let text = serde_json::to_string(&after).unwrap();
        let text = text.replacen(MODEL_SCHEMA, "", 1);
        assert!(!text.contains("ann") && !text.contains('/') && !text.contains(".wav"), "{text}");
        let known = &after.outlier.as_ref().unwrap()["known"];
        let names: Vec<&str> = (0..4).map(|nth| known[nth]["path"].as_str().unwrap()).collect();
        let [one, two] = ["training recording bird-001", "training recording bird-002"];
        assert_eq!(names, [one, "training recording dog-001", one, two]);
        assert_eq!(known[2]["start"], 5.0);
        assert_eq!(after.front_end["onnx"]["path"], "perch.onnx");
        assert_eq!(after.outlier.as_ref().unwrap()["record"]["why"], "chosen on ood-val");
        assert_eq!(after.place.as_ref().unwrap().bias, before.place.as_ref().unwrap().bias);
        assert_eq!(
            (&after.coverage, &after.held_out, &after.split),
            (&before.coverage, &before.held_out, &before.split)
        );
        let again = after.clone();
        assert_eq!(without_paths(&mut after), 0);
        assert_eq!(after, again);
    }
}
