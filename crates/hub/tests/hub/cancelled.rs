//! Calls that the caller stops.

use crate::test_hub::{ALWAYS, Fault, chain, weights, with_hub};
use crate::{fetch, fetched};
use hub::{Error, Progress, Source, fetch_model};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

const FILE: &str = "model.safetensors";

/// Stops at the first event that `is_it`.
fn stopped(source: &Source, is_it: impl Fn(&Progress<'_>) -> bool) -> Error {
    let n_after = Cell::new(0);
    let error = hub::fetch(source, FILE, &|progress| {
        n_after.set(n_after.get() + usize::from(n_after.get() > 0));
        if !is_it(&progress) {
            return ControlFlow::Continue(());
        }
        n_after.set(n_after.get() + 1);
        ControlFlow::Break(())
    });
    assert_eq!(n_after.get(), 1, "nothing is reported after the caller has stopped");
    error.unwrap_err()
}

#[test]
fn a_stalled_transfer_is_stopped_and_continued_later() {
    with_hub(|hub| {
        let bytes = weights(300_000);
        hub.publish("main", &[(FILE, &bytes)]);
        hub.fault(FILE, Fault::Stall(100_000), 1);
        let (start, n_received) = (Instant::now(), Cell::new(0));
        let error = stopped(&hub.source(), |progress| {
            if let Progress::Receiving { n_bytes, .. } = progress {
                n_received.set(*n_bytes);
            }
            n_received.get() == 100_000 && matches!(progress, Progress::Idle { .. })
        });
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        let expected = format!(
            "acme/tiny-vit@main: {FILE}: stopped; what has arrived is kept in {}: run again to continue",
            hub.cache().display()
        );
        assert_eq!(chain(&error), expected);
        let (path, events) = fetch(&hub.source(), FILE);
        assert_eq!(std::fs::read(path.unwrap()).unwrap(), bytes);
        assert_eq!(events, ["resuming at 100000 of 300000", "fetched 300000"]);
    });
}

#[test]
fn a_pause_between_attempts_is_stopped() {
    with_hub(|hub| {
        hub.publish("main", &[(FILE, &weights(5000))]);
        hub.fault(FILE, Fault::Head(503), 1);
        let source = Source { pause: Duration::from_secs(60), ..hub.source() };
        let start = Instant::now();
        let is_paused = Cell::new(false);
        let error = stopped(&source, |progress| match progress {
            Progress::Retrying { .. } => is_paused.replace(true),
            _ => is_paused.get(),
        });
        assert!(matches!(error, Error::Cancelled { .. }), "{error}");
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        assert_eq!(fetched(&hub.source(), FILE).len(), 5000);
    });
}

#[test]
fn waiting_for_another_process_is_stopped() {
    with_hub(|hub| {
        hub.publish("main", &[(FILE, &weights(5000))]);
        let lock = hub.cache().join(".locks/models--acme--tiny-vit/barkbird.lock");
        std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
        let other = std::fs::File::create(&lock).unwrap();
        other.lock().unwrap();
        let error = stopped(&hub.source(), |progress| matches!(progress, Progress::Idle { .. }));
        assert!(matches!(error, Error::Cancelled { .. }), "{error}");
        drop(other);
        assert_eq!(fetched(&hub.source(), FILE).len(), 5000);
    });
}

#[test]
fn a_model_is_stopped_between_two_files() {
    with_hub(|hub| {
        hub.publish("main", &[("config.json", b"{}"), (FILE, &weights(5000))]);
        hub.fault(FILE, Fault::Get(500), ALWAYS); // it is not even requested
        let error = fetch_model(&hub.source(), &|progress| match progress {
            Progress::Ready { file: "config.json", .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        assert!(matches!(error.unwrap_err(), Error::Cancelled { .. }));
        assert_eq!(hub.blobs().len(), 1);
    });
}

#[test]
fn a_call_inside_of_an_async_runtime_works() {
    with_hub(|hub| {
        hub.publish("main", &[("config.json", b"{}")]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { assert_eq!(fetched(&hub.source(), "config.json"), b"{}") });
    });
}
