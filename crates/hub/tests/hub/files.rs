//! One file, without faults.

use crate::test_hub::{REPO, git_sha1, rerun, sha256, weights, with_hub};
use crate::{fetch, fetched};
use hub::{Progress, Source};
use std::cell::RefCell;
use std::fs;
use std::ops::ControlFlow;

const CONFIG: &[u8] = b"{\"model_type\": \"vit\"}\n";

#[test]
fn a_small_file_is_named_by_its_git_checksum() {
    with_hub(|hub| {
        let commit = hub.publish("main", &[("config.json", CONFIG)]);
        let (path, events) = fetch(&hub.source(), "config.json");
        let path = path.unwrap();
        assert_eq!(fs::read(&path).unwrap(), CONFIG);
        assert_eq!(path, hub.cache().join(format!("models--acme--tiny-vit/snapshots/{commit}/config.json")));
        assert!(hub.blobs()[0].ends_with(git_sha1(CONFIG)));
        assert_eq!(hub.requests(), ["hub HEAD config.json", "hub GET config.json"]); // and no token
        assert_eq!(events, ["fetched 22"]);
    });
}

#[test]
fn a_large_file_comes_from_another_server_and_is_named_by_its_sha256() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[("model.safetensors", &bytes)]);
        let received = RefCell::new(Vec::new());
        let path = hub::fetch(&hub.source(), "model.safetensors", &|progress| {
            if let Progress::Receiving { n_bytes, size, .. } = progress {
                received.borrow_mut().push((n_bytes, size));
            }
            ControlFlow::Continue(())
        });
        assert_eq!(fs::read(path.unwrap()).unwrap(), bytes);
        assert!(hub.blobs()[0].ends_with(sha256(&bytes)));
        let requests = ["hub HEAD model.safetensors", "hub GET model.safetensors", "cdn GET model.safetensors"];
        assert_eq!(hub.requests(), requests);
        let received = received.into_inner();
        assert!(received.is_sorted() && received.iter().all(|(_, size)| *size == Some(300_000)));
        assert_eq!(received.last().unwrap().0, 300_000);
    });
}

#[test]
fn a_branch_is_requested_but_not_downloaded_again() {
    with_hub(|hub| {
        hub.publish("main", &[("config.json", CONFIG)]);
        fetched(&hub.source(), "config.json");
        hub.requests();
        let (path, events) = fetch(&hub.source(), "config.json");
        assert_eq!(fs::read(path.unwrap()).unwrap(), CONFIG);
        let asked = format!("hub HEAD config.json if-none-match=\"{}\"", git_sha1(CONFIG)); // the answer is 304
        assert_eq!(hub.requests(), [asked]);
        assert_eq!(events, ["cached 22"]);
    });
}

#[test]
fn a_branch_that_moved_is_fetched() {
    with_hub(|hub| {
        let before = hub.publish("main", &[("config.json", CONFIG)]);
        fetched(&hub.source(), "config.json");
        hub.publish("main", &[("config.json", b"{}")]);
        let (path, events) = fetch(&hub.source(), "config.json");
        assert_eq!(fs::read(path.unwrap()).unwrap(), b"{}");
        assert_eq!(events, ["fetched 2"]);
        let mut source = hub.source();
        source.revision = before;
        hub.requests();
        assert_eq!(fetched(&source, "config.json"), CONFIG);
        assert!(hub.requests().is_empty(), "a commit that is cached is not requested");
    });
}

#[test]
fn a_revision_is_a_tag_a_branch_with_slashes_or_a_commit() {
    with_hub(|hub| {
        hub.publish("main", &[("config.json", CONFIG)]);
        let commit = hub.publish("v1", &[("config.json", b"{\"v\": 1}")]);
        hub.publish("main", &[("config.json", b"{}")]);
        for revision in ["v1", &commit] {
            let mut source = hub.source();
            source.revision = revision.into();
            assert_eq!(fetched(&source, "config.json"), b"{\"v\": 1}", "{revision}");
        }
    });
}

#[test]
fn a_file_in_a_folder_and_an_empty_one() {
    with_hub(|hub| {
        hub.publish("main", &[("onnx/config.json", CONFIG), ("empty", b"")]);
        let (path, _) = fetch(&hub.source(), "onnx/config.json");
        assert!(path.unwrap().ends_with("onnx/config.json"));
        assert_eq!(fetched(&hub.source(), "empty"), b"");
    });
}

#[test]
fn a_token_goes_to_the_hub_and_not_to_where_it_redirects() {
    with_hub(|hub| {
        hub.publish("main", &[("model.safetensors", &weights(1000))]);
        hub.require_token("hf_secret");
        let mut source = hub.source();
        source.token = Some("hf_secret".into());
        assert_eq!(fetched(&source, "model.safetensors").len(), 1000);
        let requests = [
            "hub HEAD model.safetensors authorization=Bearer hf_secret",
            "hub GET model.safetensors authorization=Bearer hf_secret",
            "cdn GET model.safetensors",
        ];
        assert_eq!(hub.requests(), requests);
    });
}

#[test]
fn the_environment_is_read_by_from_environment_only() {
    const VARIABLES: [(&str, &str); 4] = [
        ("HF_TOKEN", "hf_of_the_environment"),
        ("HF_ENDPOINT", "http://127.0.0.1:1"),
        ("HF_HUB_CACHE", "/nowhere"),
        ("BARKBIRD_TEST_IS_RERUN", "yes"),
    ];
    with_hub(|hub| {
        if std::env::var_os("BARKBIRD_TEST_IS_RERUN").is_none() {
            return rerun("files::the_environment_is_read_by_from_environment_only", &VARIABLES);
        }
        hub.publish("main", &[("config.json", CONFIG)]);
        assert_eq!(fetched(&hub.source(), "config.json"), CONFIG);
        assert_eq!(hub.requests(), ["hub HEAD config.json", "hub GET config.json"]); // and no token
        let source = Source::from_environment(REPO, None).unwrap();
        assert_eq!(source.token.unwrap(), "hf_of_the_environment");
        assert_eq!((source.endpoint.as_str(), source.cache.to_str().unwrap()), ("http://127.0.0.1:1", "/nowhere"));
    });
}

#[test]
fn processes_that_want_the_same_file_fetch_it_once() {
    with_hub(|hub| {
        let bytes = weights(3 << 20);
        hub.publish("main", &[("model.safetensors", &bytes)]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(fetched(&hub.source(), "model.safetensors"), bytes));
            }
        });
        let n_fetched = hub.requests().iter().filter(|request| request.starts_with("cdn GET")).count();
        assert_eq!(n_fetched, 1);
    });
}
