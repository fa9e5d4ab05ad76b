//! Interrupted transfers.

use crate::test_hub::{ALWAYS, Fault, sha256, weights, with_hub};
use crate::{fetch, fetched, refusal};
use hub::Source;

const FILE: &str = "model.safetensors";
const MIB: usize = 1 << 20;

#[test]
fn an_interrupted_transfer_continues() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(100_000), 1);
        let (path, events) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert!(
            events[0]
                .starts_with("retrying: acme/tiny-vit@main: model.safetensors: the transfer was interrupted after ")
        );
        assert_eq!(events[1..], ["resuming at 100000 of 300000", "fetched 300000"]);
        let asked: Vec<_> = hub.requests().into_iter().filter(|request| request.starts_with("cdn GET")).collect();
        assert_eq!(asked, ["cdn GET model.safetensors", "cdn GET model.safetensors range=bytes=100000-299999"]);
    });
}

#[test]
fn a_transfer_continues_by_ranges_after_any_number_of_interruptions() {
    with_hub(|hub| {
        let bytes = weights(30 * MIB);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(MIB), 3);
        let (path, events) = fetch(&hub.source(), FILE);
        assert_eq!(sha256(&std::fs::read(path.unwrap()).unwrap()), sha256(&bytes));
        let resumed: Vec<_> = events.iter().filter(|line| line.starts_with("resuming")).collect();
        assert_eq!(resumed, [&format!("resuming at {MIB} of {}", 30 * MIB); 3]);
        let asked: Vec<_> = hub
            .requests()
            .into_iter()
            .filter(|request| request.starts_with("cdn GET") && request.contains("range"))
            .collect();
        let piece = |start: usize, end: usize| {
            format!("cdn GET model.safetensors range=bytes={}-{}", start * MIB, end * MIB - 1)
        };
        assert_eq!(asked, [piece(1, 9), piece(1, 9), piece(1, 9), piece(9, 17), piece(17, 25), piece(25, 30)]);
    });
}

#[test]
fn a_connection_that_is_always_interrupted_is_an_error() {
    with_hub(|hub| {
        hub.publish("main", &[(FILE, &weights(300_000))]);
        hub.fault(FILE, Fault::Cut(1000), ALWAYS);
        let (result, events) = fetch(&hub.source(), FILE);
        let error = result.unwrap_err().to_string();
        let expected = "acme/tiny-vit@main: model.safetensors: the transfer was interrupted after 1000 bytes: check the \
                        network and run again to continue there";
        assert_eq!(error, expected);
        assert_eq!(events.iter().filter(|line| line.starts_with("retrying")).count(), 4);
        assert!(hub.blobs().is_empty());
    });
}

#[test]
fn a_connection_without_any_bytes_is_retried_from_the_start() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(0), 4);
        let (path, events) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert_eq!(events.len(), 5, "{events:?}");
    });
}

#[test]
fn a_hub_without_ranges_sends_the_whole_file() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(100_000), 1);
        hub.fault(FILE, Fault::IgnoreRange, ALWAYS);
        assert_eq!(fetched(&hub.source(), FILE), bytes);
    });
}

#[test]
fn a_wrong_rest_starts_again() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(100_000), 1);
        hub.fault(FILE, Fault::Flip(200_000), 2);
        let (path, events) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert!(
            events[2].starts_with("retrying: acme/tiny-vit@main: model.safetensors: expected SHA-256"),
            "{events:?}"
        );
        assert_eq!(events[3..], ["fetched 300000"]);
    });
}

#[test]
fn a_short_rest_is_continued() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Short(0), 1); // the whole, as it is, but cut
        hub.fault(FILE, Fault::Cut(100_000), 1);
        hub.fault(FILE, Fault::Short(50_000), 1);
        let (path, events) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert_eq!(events[1..], ["resuming at 100000 of 300000", "fetched 300000"]);
        let asked: Vec<_> = hub
            .requests()
            .into_iter()
            .filter(|request| request.starts_with("cdn GET") && request.contains("range"))
            .collect();
        let rest = |start: usize| format!("cdn GET model.safetensors range=bytes={start}-299999");
        assert_eq!(asked, [rest(100_000), rest(250_000)]);
    });
}

#[test]
fn a_later_run_continues() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(100_000), 1);
        let once = Source { n_attempts: 1, ..hub.source() };
        let error = refusal(&once, FILE);
        assert!(error.contains("the transfer was interrupted after 100000 bytes"), "{error}");
        let (path, events) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert_eq!(events, ["resuming at 100000 of 300000", "fetched 300000"]);
    });
}

#[test]
fn a_partial_file_that_was_changed_meanwhile_is_refused() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(100_000), 1);
        refusal(&Source { n_attempts: 1, ..hub.source() }, FILE);
        let partial = hub.cache().join("models--acme--tiny-vit/blobs").join(sha256(&bytes) + ".incomplete");
        let mut changed = std::fs::read(&partial).unwrap();
        changed[50_000] ^= 1;
        std::fs::write(&partial, changed).unwrap();
        let (path, events) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert_eq!(events[0], "resuming at 100000 of 300000");
        assert!(events[1].contains("expected SHA-256"), "{events:?}");
        assert_eq!(events[2..], ["fetched 300000"]);
    });
}

#[test]
fn the_partial_file_of_another_commit_is_discarded() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(200_000), 1);
        refusal(&Source { n_attempts: 1, ..hub.source() }, FILE);
        hub.publish("main", &[(FILE, &bytes[..150_000])]);
        assert_eq!(fetched(&hub.source(), FILE), bytes[..150_000]);
    });
}
