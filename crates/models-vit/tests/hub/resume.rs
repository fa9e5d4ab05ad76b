//! Transfers that are cut.

use crate::test_hub::{ALWAYS, Fault, sha256, weights, with_hub};
use crate::{fetch, fetched, refusal};
use models_vit::hub::Source;

const FILE: &str = "model.safetensors";
const MIB: usize = 1 << 20;

#[test]
fn a_transfer_that_was_cut_goes_on_where_it_was() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(100_000), 1);
        let (path, told) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert!(told[0].starts_with("retrying: acme/tiny-vit@main: model.safetensors: the transfer broke off after "));
        assert_eq!(told[1..], ["resuming at 100000 of 300000", "fetched 300000"]);
        let asked: Vec<_> = hub.requests().into_iter().filter(|request| request.starts_with("cdn GET")).collect();
        assert_eq!(asked, ["cdn GET model.safetensors", "cdn GET model.safetensors range=bytes=100000-299999"]);
    });
}

#[test]
fn a_transfer_goes_on_by_pieces_however_often_it_is_cut() {
    with_hub(|hub| {
        let bytes = weights(30 * MIB);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(MIB), 3);
        let (path, told) = fetch(&hub.source(), FILE);
        assert_eq!(sha256(&std::fs::read(path.unwrap()).unwrap()), sha256(&bytes));
        let resumed: Vec<_> = told.iter().filter(|line| line.starts_with("resuming")).collect();
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
fn a_connection_that_is_always_cut_is_an_error() {
    with_hub(|hub| {
        hub.publish("main", &[(FILE, &weights(300_000))]);
        hub.fault(FILE, Fault::Cut(1000), ALWAYS);
        let (result, told) = fetch(&hub.source(), FILE);
        let error = result.unwrap_err().to_string();
        let expected = "acme/tiny-vit@main: model.safetensors: the transfer broke off after 1000 bytes: check the \
                        network and run again, which goes on there";
        assert_eq!(error, expected);
        assert_eq!(told.iter().filter(|line| line.starts_with("retrying")).count(), 4);
        assert!(hub.blobs().is_empty());
    });
}

#[test]
fn a_connection_that_brings_nothing_is_tried_again_from_the_start() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(0), 4);
        let (path, told) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert_eq!(told.len(), 5, "{told:?}");
    });
}

#[test]
fn a_hub_that_does_not_know_ranges_sends_the_whole() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(100_000), 1);
        hub.fault(FILE, Fault::IgnoreRange, ALWAYS);
        assert_eq!(fetched(&hub.source(), FILE), bytes);
    });
}

#[test]
fn a_rest_that_is_refused_or_wrong_begins_again() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(100_000), 1);
        hub.fault(FILE, Fault::Flip(200_000), 2);
        let (path, told) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert!(told[2].starts_with("retrying: acme/tiny-vit@main: model.safetensors: expected SHA-256"), "{told:?}");
        assert_eq!(told[3..], ["fetched 300000"]);
    });
}

#[test]
fn a_short_rest_is_only_a_piece() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Short(0), 1); // the whole, as it is, but cut
        hub.fault(FILE, Fault::Cut(100_000), 1);
        hub.fault(FILE, Fault::Short(50_000), 1);
        let (path, told) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert_eq!(told[1..], ["resuming at 100000 of 300000", "fetched 300000"]);
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
fn a_later_run_goes_on_with_what_is_there() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(100_000), 1);
        let once = Source { n_attempts: 1, ..hub.source() };
        let error = refusal(&once, FILE);
        assert!(error.contains("the transfer broke off after 100000 bytes"), "{error}");
        let (path, told) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert_eq!(told, ["resuming at 100000 of 300000", "fetched 300000"]);
    });
}

#[test]
fn a_half_that_was_changed_meanwhile_does_not_get_through() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(100_000), 1);
        refusal(&Source { n_attempts: 1, ..hub.source() }, FILE);
        let half = hub.cache().join("models--acme--tiny-vit/blobs").join(sha256(&bytes) + ".incomplete");
        let mut changed = std::fs::read(&half).unwrap();
        changed[50_000] ^= 1;
        std::fs::write(&half, changed).unwrap();
        let (path, told) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert_eq!(told[0], "resuming at 100000 of 300000");
        assert!(told[1].contains("expected SHA-256"), "{told:?}");
        assert_eq!(told[2..], ["fetched 300000"]);
    });
}

#[test]
fn the_half_of_another_commit_is_given_up() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Cut(200_000), 1);
        refusal(&Source { n_attempts: 1, ..hub.source() }, FILE);
        hub.publish("main", &[(FILE, &bytes[..150_000])]);
        assert_eq!(fetched(&hub.source(), FILE), bytes[..150_000]);
    });
}
