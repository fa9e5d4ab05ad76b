//! The files of a model.

use crate::test_hub::{ALWAYS, COMMIT, Fault, TestHub, chain, weights, with_hub};
use hub::{Error, Progress, Snapshot, Source, fetch_model};
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

const CONFIG: (&str, &[u8]) = ("config.json", b"{\"model_type\": \"vit\"}");

fn model(source: &Source) -> Result<Snapshot, Error> {
    fetch_model(source, &|_| ControlFlow::Continue(()))
}

fn refusal(hub: &TestHub) -> String {
    chain(&model(&hub.source()).unwrap_err())
}

/// The files of a folder.
fn read(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.file_name().unwrap().to_str().unwrap().into(), fs::read(&path).unwrap())).collect()
}

#[test]
fn a_snapshot_is_configuration_and_weights_of_one_commit() {
    with_hub(|hub| {
        let bytes = weights(5000);
        let commit = hub.publish("main", &[CONFIG, ("model.safetensors", &bytes), ("README.md", b"#")]);
        let snapshot = model(&hub.source()).unwrap();
        assert_eq!(snapshot.commit, commit);
        let expected = [CONFIG, ("model.safetensors", &bytes)].map(|(name, bytes)| (name.into(), bytes.into()));
        assert_eq!(read(&snapshot.folder), BTreeMap::from(expected));
        assert_eq!(hub.blobs().len(), 2, "nothing else is fetched");

        hub.requests();
        assert_eq!(model(&hub.source()).unwrap(), snapshot);
        assert_eq!(hub.requests().len(), 1, "one request is enough for all files");
        assert_eq!(model(&Source { offline: true, ..hub.source() }).unwrap(), snapshot);
        assert_eq!(model(&Source { revision: commit, ..hub.source() }).unwrap(), snapshot);
        assert!(hub.requests().is_empty());
    });
}

#[test]
fn a_branch_that_moves_meanwhile_does_not_mix_commits() {
    with_hub(|hub| {
        let (old, new) = (weights(5000), weights(6000));
        let commit = hub.publish("main", &[CONFIG, ("model.safetensors", &old)]);
        let snapshot = fetch_model(&hub.source(), &|progress| {
            if let Progress::Ready { file: "config.json", .. } = progress {
                hub.publish("main", &[CONFIG, ("model.safetensors", &new)]);
            }
            ControlFlow::Continue(())
        });
        let snapshot = snapshot.unwrap();
        assert_eq!((snapshot.commit, &read(&snapshot.folder)["model.safetensors"]), (commit, &old));
    });
}

#[test]
fn a_branch_that_moved_is_noticed_although_its_configuration_is_the_same() {
    with_hub(|hub| {
        let (old, new) = (weights(5000), weights(6000));
        hub.publish("main", &[CONFIG, ("model.safetensors", &old)]);
        model(&hub.source()).unwrap();
        let commit = hub.publish("main", &[CONFIG, ("model.safetensors", &new)]);
        let snapshot = model(&hub.source()).unwrap();
        assert_eq!((&snapshot.commit, &read(&snapshot.folder)["model.safetensors"]), (&commit, &new));
        assert_eq!(model(&Source { offline: true, ..hub.source() }).unwrap(), snapshot);
    });
}

#[test]
fn a_hub_with_a_fault_is_waited_for_or_the_cache_is_used() {
    with_hub(|hub| {
        hub.publish("main", &[CONFIG, ("model.safetensors", &weights(5000))]);
        hub.fault(COMMIT, Fault::Get(500), 1);
        let snapshot = model(&hub.source()).unwrap();
        hub.fault(COMMIT, Fault::Get(503), ALWAYS);
        assert_eq!(model(&hub.source()).unwrap(), snapshot);
        let unreachable = Source { endpoint: "http://127.0.0.1:1".into(), ..hub.source() };
        assert_eq!(model(&unreachable).unwrap(), snapshot);
        let nowhere = Source { cache: hub.cache().join("other"), ..unreachable };
        assert!(chain(&model(&nowhere).unwrap_err()).contains("config.json: cannot reach http://127.0.0.1:1: "));
    });
}

#[test]
fn weights_in_parts_are_found_by_their_index() {
    with_hub(|hub| {
        let index = br#"{"metadata": {}, "weight_map": {"b": "model-00002-of-00002.safetensors",
            "a": "model-00001-of-00002.safetensors", "c": "model-00002-of-00002.safetensors"}}"#;
        let (one, two) = (weights(5000), weights(6000));
        let files = [
            CONFIG,
            ("model.safetensors.index.json", index),
            ("model-00001-of-00002.safetensors", &one),
            ("model-00002-of-00002.safetensors", &two),
        ];
        hub.publish("main", &files);
        let snapshot = model(&hub.source()).unwrap();
        let expected = files.map(|(name, bytes)| (name.into(), bytes.into()));
        assert_eq!(read(&snapshot.folder), BTreeMap::from(expected));
        assert_eq!(model(&Source { offline: true, ..hub.source() }).unwrap(), snapshot);
    });
}

#[test]
fn a_part_that_is_missing_is_named() {
    with_hub(|hub| {
        let index = br#"{"weight_map": {"a": "model-00001-of-00001.safetensors"}}"#;
        hub.publish("main", &[CONFIG, ("model.safetensors.index.json", index)]);
        assert!(refusal(hub).contains("model-00001-of-00001.safetensors: no such file in this revision"));
    });
}

#[test]
fn an_index_names_nothing_outside() {
    with_hub(|hub| {
        for (index, reason) in [
            (r#"{"weight_map": {"a": "../../../../evil.safetensors"}}"#, "got \"../../../../evil.safetensors\""),
            (r#"{"weight_map": {"a": "/etc/passwd"}}"#, "got \"/etc/passwd\""),
            (r#"{"weight_map": {"a": "pytorch_model.bin"}}"#, "got \"pytorch_model.bin\""),
            (r#"{"weight_map": {}}"#, "expected a weight_map with files, got an empty one"),
            (r#"{"weight_map": 3}"#, "expected JSON with a weight_map from tensors to files, got something else"),
            ("<html>", "expected JSON with a weight_map from tensors to files, got something else"),
        ] {
            hub.publish("main", &[CONFIG, ("model.safetensors.index.json", index.as_bytes())]);
            let error = refusal(hub);
            assert!(error.contains("model.safetensors.index.json: ") && error.contains(reason), "{error}");
        }
    });
}

#[test]
fn pickled_weights_are_refused() {
    with_hub(|hub| {
        for file in ["pytorch_model.bin", "pytorch_model.bin.index.json"] {
            let commit = hub.publish("main", &[CONFIG, (file, b"\x80\x02c__builtin__\neval\n")]);
            let expected = format!(
                "acme/tiny-vit@{commit}: {file}: refused, since reading a Python pickle runs whatever code is in it: \
                 choose a repository with model.safetensors, or convert it \
                 (https://huggingface.co/spaces/safetensors/convert)"
            );
            assert_eq!(refusal(hub), expected);
            assert_eq!(hub.blobs().len(), 1, "it is not even fetched");
        }
    });
}

#[test]
fn a_repository_without_weights_is_an_error() {
    with_hub(|hub| {
        let commit = hub.publish("main", &[CONFIG]);
        let expected = format!(
            "acme/tiny-vit@{commit}: expected model.safetensors or model.safetensors.index.json, got neither: choose a \
             repository that holds a model"
        );
        assert_eq!(refusal(hub), expected);
        let offline = model(&Source { offline: true, ..hub.source() }).unwrap_err();
        assert_eq!(chain(&offline), expected);
    });
}

#[test]
fn offline_a_model_that_is_not_cached_is_an_error() {
    with_hub(|hub| {
        hub.publish("main", &[CONFIG, ("model.safetensors", &weights(10))]);
        let source = Source { offline: true, ..hub.source() };
        assert!(chain(&model(&source).unwrap_err()).contains("config.json: not in the cache"));
        hub::fetch(&hub.source(), "config.json", &|_| ControlFlow::Continue(())).unwrap();
        assert!(chain(&model(&source).unwrap_err()).contains("model.safetensors: not in the cache"));
        assert!(hub.requests().len() < 6);
    });
}
