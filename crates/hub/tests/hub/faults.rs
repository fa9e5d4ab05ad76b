//! Wrong bytes: repaired if it happens once, refused if it happens again.

use crate::test_hub::{ALWAYS, Fault, weights, with_hub};
use crate::{fetch, fetched, refusal};

const CONFIG: &[u8] = b"{\"model_type\": \"vit\"}\n";

#[test]
fn a_changed_byte_is_detected_and_repaired() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[("config.json", CONFIG), ("model.safetensors", &bytes)]);
        for (file, expected, algorithm) in
            [("config.json", CONFIG, "git SHA-1"), ("model.safetensors", &bytes, "SHA-256")]
        {
            hub.fault(file, Fault::Flip(3), 1);
            let (path, events) = fetch(&hub.source(), file);
            assert_eq!(std::fs::read(path.unwrap()).unwrap(), expected);
            assert!(events[0].starts_with(&format!("retrying: acme/tiny-vit@main: {file}: expected {algorithm} ")));
            assert_eq!(events[1..], [format!("fetched {}", expected.len())]);
        }
    });
}

#[test]
fn a_byte_that_always_changes_is_an_error_and_leaves_nothing() {
    with_hub(|hub| {
        hub.publish("main", &[("config.json", CONFIG)]);
        hub.fault("config.json", Fault::Flip(0), ALWAYS);
        let error = refusal(&hub.source(), "config.json");
        assert_eq!(
            error,
            "acme/tiny-vit@main: config.json: expected git SHA-1 78c25d1b9730eaad3b842ddc35f57b64d1ced93d, got \
             d995dbde069abb3f1e76be9232487254a64a25c2: the copy is removed; run again, and if it happens again, something \
             between this computer and the hub (HF_ENDPOINT, a proxy, this disk) changes files"
        );
        assert!(hub.blobs().is_empty());
        let whole = hub.requests().iter().filter(|request| *request == "hub GET config.json").count();
        assert_eq!(whole, 2);
        let mut offline = hub.source();
        offline.offline = true;
        assert!(refusal(&offline, "config.json").contains("not in the cache"));
    });
}

#[test]
fn a_short_body_is_repaired_or_an_error() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[("model.safetensors", &bytes)]);
        hub.fault("model.safetensors", Fault::Short(1000), 1);
        assert_eq!(fetched(&hub.source(), "model.safetensors"), bytes);

        hub.publish("main", &[("model.safetensors", &bytes[1..])]);
        hub.fault("model.safetensors", Fault::Short(1000), ALWAYS);
        let error = refusal(&hub.source(), "model.safetensors");
        let expected = "acme/tiny-vit@main: model.safetensors: expected 299999 bytes, got 298999: the copy is removed";
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(hub.blobs().len(), 1);
    });
}

#[test]
fn an_error_page_is_not_a_file() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[("config.json", CONFIG), ("model.safetensors", &bytes)]);
        for file in ["config.json", "model.safetensors"] {
            hub.fault(file, Fault::Get(403), 2); // the file, and the question why
            let error = refusal(&hub.source(), file);
            assert!(error.starts_with(&format!("acme/tiny-vit@main: {file}: the hub answers 403: ")), "{error}");
            assert!(hub.blobs().is_empty());

            hub.fault(file, Fault::Get(500), ALWAYS);
            let error = refusal(&hub.source(), file);
            let expected =
                format!("acme/tiny-vit@main: {file}: the hub answers 500: a fault of the hub: try again later");
            assert_eq!(error, expected);
            assert!(hub.blobs().is_empty());
        }
    });
}

#[test]
fn an_error_page_is_repaired() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[("model.safetensors", &bytes)]);
        for n_times in [1, 2] {
            hub.publish("main", &[("model.safetensors", &bytes[n_times..])]);
            hub.fault("model.safetensors", Fault::Get(500), n_times);
            assert_eq!(fetched(&hub.source(), "model.safetensors"), bytes[n_times..], "{n_times} times");
        }
    });
}

#[test]
fn a_hub_without_checksums_is_refused() {
    with_hub(|hub| {
        hub.publish("main", &[("config.json", CONFIG)]);
        hub.fault("config.json", Fault::OtherEtag, 1 + 1); // HEAD and GET
        let error = refusal(&hub.source(), "config.json");
        let expected = "acme/tiny-vit@main: config.json: expected an ETag that is a SHA-256 or a git SHA-1, got \
                        \"5d41402abc4b2a76\"";
        assert!(error.starts_with(expected), "{error}");
        for blob in hub.blobs() {
            std::fs::remove_file(blob).unwrap(); // it is not known to be bad, so it stayed, but it is never used
        }
    });
}
