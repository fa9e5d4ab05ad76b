//! Any files of a repository, of a model or a data set.

use crate::test_hub::{TestHub, chain, weights, with_hub};
use hub::{Error, RepoKind, Snapshot, Source, fetch_repository};
use std::fs;
use std::ops::ControlFlow;

fn repository(source: &Source, end: &str) -> Result<Snapshot, Error> {
    fetch_repository(source, &|file| file.ends_with(end), &|_| ControlFlow::Continue(()))
}

fn dataset(hub: &TestHub) -> Source {
    Source { kind: RepoKind::Dataset, ..hub.source() }
}

#[test]
fn the_wanted_files_are_downloaded_once() {
    with_hub(|hub| {
        let bytes = weights(5000);
        let commit = hub.publish("main", &[("audio/a.bin", &bytes), ("audio/b.bin", b"b"), ("README.md", b"#")]);
        let snapshot = repository(&dataset(hub), ".bin").unwrap();
        assert_eq!(snapshot.commit, commit);
        assert_eq!(snapshot.folder, hub.cache().join(format!("datasets--acme--tiny-vit/snapshots/{commit}")));
        assert_eq!(fs::read(snapshot.folder.join("audio/a.bin")).unwrap(), bytes);
        assert_eq!(fs::read(snapshot.folder.join("audio/b.bin")).unwrap(), b"b");
        assert!(!snapshot.folder.join("README.md").exists());

        hub.requests();
        assert_eq!(repository(&dataset(hub), ".bin").unwrap(), snapshot);
        assert_eq!(hub.requests().len(), 1, "only the commit of the branch is requested");
        assert_eq!(repository(&Source { offline: true, ..dataset(hub) }, ".bin").unwrap(), snapshot);
        assert!(hub.requests().is_empty());
        let error = repository(&Source { offline: true, ..dataset(hub) }, ".md").unwrap_err();
        assert!(chain(&error).contains("README.md: not in the cache"), "{error}");
    });
}

#[test]
fn a_model_is_a_repository_too() {
    with_hub(|hub| {
        let commit = hub.publish("main", &[("model.onnx", b"onnx"), ("config.json", b"{}")]);
        let snapshot = repository(&hub.source(), "").unwrap();
        assert_eq!(snapshot.folder, hub.cache().join(format!("models--acme--tiny-vit/snapshots/{commit}")));
        assert_eq!(fs::read_dir(&snapshot.folder).unwrap().count(), 2);
    });
}

#[test]
fn a_selection_without_files_and_an_unknown_list_are_errors() {
    with_hub(|hub| {
        hub.publish("main", &[("config.json", b"{}")]);
        let error = chain(&repository(&hub.source(), ".wav").unwrap_err());
        assert_eq!(error, "files of the repository: expected a selection that some file matches, got none of 1 files");
        let offline = Source { offline: true, ..dataset(hub) };
        let error = chain(&repository(&offline, ".wav").unwrap_err());
        assert!(error.starts_with("acme/tiny-vit@main: list of files: not in the cache"), "{error}");
    });
}
