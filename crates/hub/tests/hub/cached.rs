//! Files in the cache: used without a request where that is right, and never if damaged.

use crate::test_hub::{ALWAYS, Fault, replace_link_by_copy, weights, with_hub};
use crate::{fetch, fetched, refusal};
use hub::Source;
use std::fs;

const FILE: &str = "model.safetensors";

fn offline(source: Source) -> Source {
    Source { offline: true, endpoint: "http://127.0.0.1:1".into(), ..source }
}

#[test]
fn offline_uses_the_cache_and_sends_no_request() {
    with_hub(|hub| {
        let bytes = weights(5000);
        hub.publish("main", &[(FILE, &bytes)]);
        fetched(&hub.source(), FILE);
        hub.requests();
        let source = Source { offline: true, ..hub.source() };
        let (path, events) = fetch(&source, FILE);
        assert_eq!(fs::read(path.unwrap()).unwrap(), bytes);
        assert_eq!(events, ["cached 5000"]);
        assert!(hub.requests().is_empty());
    });
}

#[test]
fn offline_names_what_is_not_cached() {
    with_hub(|hub| {
        hub.publish("main", &[(FILE, &weights(5000))]);
        let source = Source { offline: true, ..hub.source() };
        let expected = format!(
            "acme/tiny-vit@main: {FILE}: not in the cache {}, and offline nothing is downloaded: run once online, or copy a \
             cache that has it",
            hub.cache().display()
        );
        assert_eq!(refusal(&source, FILE), expected);
        assert!(hub.requests().is_empty());

        // What the hub answered to be missing is another error.
        refusal(&hub.source(), "absent.json");
        assert!(refusal(&source, "absent.json").contains("no such file in this revision"));
    });
}

#[test]
fn a_copy_that_was_damaged_later_is_downloaded_again() {
    with_hub(|hub| {
        let bytes = weights(5000);
        let commit = hub.publish("main", &[(FILE, &bytes)]);
        for revision in ["main", &commit] {
            let source = Source { revision: revision.into(), ..hub.source() };
            fetched(&source, FILE);
            let mut changed = bytes.clone();
            changed[4999] ^= 1;
            fs::write(&hub.blobs()[0], changed).unwrap();
            let (path, events) = fetch(&source, FILE);
            assert_eq!(fs::read(path.unwrap()).unwrap(), bytes);
            let expected = format!("damaged: acme/tiny-vit@{revision}: {FILE}: expected SHA-256 ");
            assert!(events[0].starts_with(&expected), "{events:?}");
            assert_eq!(events[1..], ["fetched 5000"]);
        }
    });
}

#[test]
fn offline_a_damaged_copy_is_removed_and_an_error() {
    with_hub(|hub| {
        hub.publish("main", &[(FILE, &weights(5000))]);
        fetched(&hub.source(), FILE);
        fs::write(&hub.blobs()[0], "error page").unwrap();
        let source = offline(hub.source());
        assert!(refusal(&source, FILE).contains("expected SHA-256"));
        assert!(hub.blobs().is_empty());
        assert!(refusal(&source, FILE).contains("not in the cache"));
    });
}

#[test]
fn without_the_hub_the_cache_is_used() {
    with_hub(|hub| {
        let bytes = weights(5000);
        hub.publish("main", &[(FILE, &bytes)]);
        fetched(&hub.source(), FILE);
        let unreachable = Source { endpoint: "http://127.0.0.1:1".into(), ..hub.source() };
        assert_eq!(fetched(&unreachable, FILE), bytes);
        hub.fault(FILE, Fault::Head(503), ALWAYS);
        assert_eq!(fetched(&hub.source(), FILE), bytes);
    });
}

#[test]
fn a_cache_of_copies_is_verified_too() {
    with_hub(|hub| {
        let bytes = weights(5000);
        hub.publish("main", &[(FILE, &bytes)]);
        let (path, _) = fetch(&hub.source(), FILE);
        let path = path.unwrap();
        replace_link_by_copy(&path);
        let source = offline(hub.source());
        assert_eq!(fetched(&source, FILE), bytes);

        fs::write(&path, &bytes[1..]).unwrap();
        assert!(refusal(&source, FILE).contains("expected SHA-256 of a file in "));
        assert!(!path.exists());
        assert_eq!(fetched(&hub.source(), FILE), bytes);

        // The blob of a copy can be damaged as well.
        replace_link_by_copy(&path);
        fs::write(&path, "error page").unwrap();
        fs::write(&hub.blobs()[0], "error page").unwrap();
        assert_eq!(fetched(&hub.source(), FILE), bytes);
    });
}
