//! What a hub, a network or a disk refuses, and the errors.

use crate::test_hub::{ALWAYS, Fault, weights, with_hub};
use crate::{fetch, fetched, refusal};
use hub::Source;

const FILE: &str = "config.json";
const CONFIG: &[u8] = b"{}";

#[test]
fn a_gated_repository_asks_for_a_token() {
    with_hub(|hub| {
        hub.publish("main", &[(FILE, CONFIG)]);
        hub.require_token("hf_right");
        let without = "acme/tiny-vit@main: config.json: the hub answers 401: the repository is private, gated or does \
                       not exist: check the name, accept the terms on its page, and set HF_TOKEN to a token with \
                       access to it";
        assert_eq!(refusal(&hub.source(), FILE), without);
        let wrong = Source { token: Some("hf_wrong".into()), ..hub.source() };
        let with = "acme/tiny-vit@main: config.json: the hub answers 403: the token that was sent (HF_TOKEN) has no \
                    access to it: check the name, accept the terms on the repository's page, or use another token";
        assert_eq!(refusal(&wrong, FILE), with);
        assert!(hub.blobs().is_empty());
    });
}

#[test]
fn what_does_not_exist_is_named() {
    with_hub(|hub| {
        hub.publish("main", &[(FILE, CONFIG)]);
        let nobody = Source { repo: "acme/nobody".into(), ..hub.source() };
        assert!(refusal(&nobody, FILE).starts_with("acme/nobody@main: config.json: no such repository: "));
        let v9 = Source { revision: "v9".into(), ..hub.source() };
        assert!(refusal(&v9, FILE).starts_with("acme/tiny-vit@v9: config.json: no such revision: "));
        let absent = refusal(&hub.source(), "absent.json");
        assert!(absent.starts_with("acme/tiny-vit@main: absent.json: no such file in this revision: "), "{absent}");
        hub.fault(FILE, Fault::Head(404), ALWAYS);
        let unknown = refusal(&hub.source(), FILE);
        let expected = "acme/tiny-vit@main: config.json: the hub answers 404: check repository, revision and file";
        assert_eq!(unknown, expected);
        assert!(hub.blobs().is_empty());
    });
}

#[test]
fn a_transient_fault_is_waited_for() {
    with_hub(|hub| {
        hub.publish("main", &[(FILE, CONFIG)]);
        hub.fault(FILE, Fault::Head(500), 1);
        let (path, events) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), CONFIG);
        let retrying = "retrying: acme/tiny-vit@main: config.json: the hub answers 500: a fault of the hub: try \
                        again later";
        assert_eq!(events, [retrying, "fetched 2"]);
    });
}

#[test]
fn a_permanent_fault_is_an_error() {
    with_hub(|hub| {
        hub.publish("main", &[(FILE, CONFIG)]);
        for (status, reason) in [(500, "a fault of the hub"), (429, "too many requests")] {
            hub.fault(FILE, Fault::Head(status), 3);
            hub.requests();
            let error = refusal(&Source { n_attempts: 3, ..hub.source() }, FILE);
            assert!(error.contains(&format!("the hub answers {status}: {reason}")), "{error}");
            assert_eq!(hub.requests().len(), 3);
        }
        hub.fault(FILE, Fault::Head(418), 1);
        let error = refusal(&hub.source(), FILE);
        assert!(
            error.ends_with("the hub answers 418: check HF_ENDPOINT, and whether the repository opens in a browser")
        );
        assert!(hub.blobs().is_empty());
    });
}

#[test]
fn no_connection() {
    with_hub(|hub| {
        let source = Source { endpoint: "http://127.0.0.1:1".into(), ..hub.source() };
        let (result, events) = fetch(&source, FILE);
        let error = result.unwrap_err().to_string();
        let expected = "acme/tiny-vit@main: config.json: cannot reach http://127.0.0.1:1: check the network, the proxy \
                        and HF_ENDPOINT; with HF_HUB_OFFLINE=1 only the cache is used";
        assert_eq!(error, expected);
        assert_eq!(events.len(), 4);
    });
}

#[test]
fn names_are_checked_before_any_request() {
    with_hub(|hub| {
        let source = hub.source();
        let refused = [
            refusal(&Source { repo: "../../etc".into(), ..source.clone() }, FILE),
            refusal(&Source { revision: "../main".into(), ..source.clone() }, FILE),
            refusal(&Source { endpoint: "hub".into(), ..source.clone() }, FILE),
            refusal(&Source { token: Some("two words".into()), ..source.clone() }, FILE),
            refusal(&source, "../config.json"),
        ];
        for (error, what) in refused.iter().zip(["repository", "revision", "endpoint (HF_ENDPOINT)", "token", "file"]) {
            assert!(error.starts_with(&format!("{what}: expected ")), "{error}");
        }
        assert!(hub.requests().is_empty() && !hub.cache().exists());
    });
}

/// A full disk, from the device that always is.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[("model.safetensors", &bytes)]);
        let blobs = hub.cache().join("models--acme--tiny-vit/blobs");
        std::fs::create_dir_all(&blobs).unwrap();
        let incomplete = blobs.join(crate::test_hub::sha256(&bytes) + ".incomplete");
        std::os::unix::fs::symlink("/dev/full", &incomplete).unwrap();
        let error = refusal(&hub.source(), "model.safetensors");
        let expected = format!("acme/tiny-vit@main: model.safetensors: no space left in {}: ", hub.cache().display());
        assert!(error.starts_with(&expected), "{error}");
        std::fs::remove_file(incomplete).unwrap();
        assert_eq!(fetched(&hub.source(), "model.safetensors"), bytes);
    });
}
