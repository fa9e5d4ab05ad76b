//! Published files by their addresses.

use crate::test_hub::{rerun, sha256, weights};
use crate::web_server::{Fault, WebServer, with_server};
use hub::{Downloaded, Progress, WebError, WebFile};
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::Path;

const PATH: &str = "/data/file.zip";

fn download(file: &WebFile, to: &Path) -> (Result<Downloaded, WebError>, Vec<String>) {
    let events = RefCell::new(Vec::new());
    let result = hub::download(file, to, &|progress| {
        events.borrow_mut().extend(crate::line(&progress));
        ControlFlow::Continue(())
    });
    (result, events.into_inner())
}

fn refusal(file: &WebFile, to: &Path) -> String {
    let error = download(file, to).0.unwrap_err();
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

fn bytes() -> Vec<u8> {
    weights(300_000)
}

#[test]
fn a_file_is_downloaded_once() {
    with_server(|server| {
        server.publish(PATH, &bytes(), Some("v1"));
        let file = server.file(PATH, &[&sha256(&bytes())]);
        let (result, events) = download(&file, &server.to());
        assert_eq!(result.unwrap(), Downloaded { n_bytes: 300_000, sha256: sha256(&bytes()), cached: false });
        assert_eq!(events, ["fetched 300000"]);
        assert_eq!(std::fs::read(server.to()).unwrap(), bytes());
        assert_eq!(server.here(), ["file.zip", "file.zip.lock"]);
        assert_eq!(server.requests(), [PATH]);
        assert_eq!(download(&file, &server.to()).1, ["cached 300000"]);
        assert!(server.requests().is_empty());
    });
}

#[test]
fn a_file_that_was_damaged_meanwhile_is_fetched_again() {
    with_server(|server| {
        server.publish(PATH, &bytes(), None);
        std::fs::write(server.to(), "damaged").unwrap();
        let (result, events) = download(&server.file(PATH, &[&sha256(&bytes())]), &server.to());
        assert_eq!(result.unwrap().sha256, sha256(&bytes()));
        assert!(events[0].starts_with("damaged: "), "{events:?}");
    });
}

#[test]
fn an_interrupted_transfer_continues_where_it_was() {
    with_server(|server| {
        server.publish(PATH, &bytes(), Some("v1"));
        server.faults(&[Fault::Cut(100_000), Fault::Cut(50_000)]);
        let (result, events) = download(&server.file(PATH, &[&sha256(&bytes())]), &server.to());
        assert_eq!(result.unwrap().sha256, sha256(&bytes()));
        assert!(events[0].contains("file.zip: the transfer was interrupted after 100000 bytes"), "{events:?}");
        assert_eq!(events[1], "resuming at 100000 of 300000");
        assert_eq!(events[3..], ["resuming at 150000 of 300000", "fetched 300000"]);
        let expected = [
            PATH.to_owned(),
            format!("{PATH} range=bytes=100000- if-range=\"v1\""),
            format!("{PATH} range=bytes=150000- if-range=\"v1\""),
        ];
        assert_eq!(server.requests(), expected);
    });
}

#[test]
fn a_later_run_continues_and_a_server_without_etags_is_trusted_for_its_lengths() {
    with_server(|server| {
        for etag in [Some("v1"), None] {
            server.publish(PATH, &bytes(), etag);
            server.faults(&[Fault::Cut(200_000)]);
            let file = server.file(PATH, &[&sha256(&bytes())]);
            let error = refusal(&WebFile { n_attempts: 1, ..file.clone() }, &server.to());
            assert!(
                error.ends_with("interrupted after 200000 bytes: check the network and run again to continue there")
            );
            assert_eq!(server.here(), ["file.zip.lock", "file.zip.partial", "file.zip.partial.json"]);
            let (result, events) = download(&file, &server.to());
            assert_eq!(result.unwrap().sha256, sha256(&bytes()));
            assert_eq!(events, ["resuming at 200000 of 300000", "fetched 300000"]);
            std::fs::remove_file(server.to()).unwrap();
        }
    });
}

#[test]
fn a_file_that_changed_in_between_is_never_a_mixture() {
    with_server(|server| {
        let newer: Vec<u8> = bytes().iter().map(|byte| !byte).collect();
        // A server that compares, one that sends a part of the new file, and one that sends no parts.
        for fault in [None, Some(Fault::IgnoreIfRange), Some(Fault::IgnoreRange)] {
            server.publish(PATH, &bytes(), Some("v1"));
            server.faults(&[Fault::Cut(100_000)]);
            let file = server.file(PATH, &[]);
            refusal(&WebFile { n_attempts: 1, ..file.clone() }, &server.to());
            server.publish(PATH, &newer, Some("v2"));
            server.faults(fault.as_slice());
            let (result, events) = download(&file, &server.to());
            assert_eq!(result.unwrap().sha256, sha256(&newer));
            assert!(events[0].contains("the file has changed, or it cannot send parts"), "{events:?}");
            assert_eq!(std::fs::read(server.to()).unwrap(), newer);
            std::fs::remove_file(server.to()).unwrap();
        }
        // Another length, from a server that has no ETag.
        server.publish(PATH, &bytes(), None);
        server.faults(&[Fault::Cut(100_000)]);
        let file = server.file(PATH, &[]);
        refusal(&WebFile { n_attempts: 1, ..file.clone() }, &server.to());
        server.publish(PATH, &newer[..200_000], None);
        assert_eq!(download(&file, &server.to()).0.unwrap().sha256, sha256(&newer[..200_000]));
    });
}

#[test]
fn bytes_of_another_address_are_not_gone_on_with() {
    with_server(|server| {
        server.publish(PATH, &bytes(), None);
        server.publish("/mirror.zip", &bytes(), None);
        server.faults(&[Fault::Cut(100_000)]);
        refusal(&WebFile { n_attempts: 1, ..server.file(PATH, &[]) }, &server.to());
        server.requests();
        download(&server.file("/mirror.zip", &[]), &server.to()).0.unwrap();
        assert_eq!(server.requests(), ["/mirror.zip"]);
    });
}

#[test]
fn a_wrong_checksum_is_an_error_the_second_time() {
    with_server(|server| {
        server.publish(PATH, &bytes(), Some("v1"));
        let file = server.file(PATH, &[&sha256(b"other"), &sha256(&bytes())]);
        server.faults(&[Fault::Flip(7)]);
        let (result, events) = download(&file, &server.to());
        assert_eq!(result.unwrap().sha256, sha256(&bytes()));
        assert!(events[0].contains("expected SHA-256"), "{events:?}");
        std::fs::remove_file(server.to()).unwrap();
        server.faults(&[Fault::Flip(7), Fault::Flip(7)]);
        let error = refusal(&file, &server.to());
        assert!(error.contains("the file at this address is not the published one"), "{error}");
        assert_eq!(server.here(), ["file.zip.lock"]);
    });
}

#[test]
fn too_many_bytes_are_refused_whether_or_not_the_server_says_so() {
    with_server(|server| {
        server.publish(PATH, &bytes(), None);
        let file = WebFile { most_bytes: 299_999, ..server.file(PATH, &[]) };
        for fault in [None, Some(Fault::Endless)] {
            server.faults(fault.as_slice());
            let error = refusal(&file, &server.to());
            assert!(
                error.ends_with("expected at most 299999 bytes, got more: check the address (--mirror)"),
                "{error}"
            );
            assert_eq!(server.here(), ["file.zip.lock"]);
        }
        server.faults(&[Fault::Endless]);
        download(&WebFile { most_bytes: 300_000, ..file }, &server.to()).0.unwrap();
    });
}

#[test]
fn faults_of_the_server_are_retried_and_refusals_are_not() {
    with_server(|server| {
        server.publish(PATH, &bytes(), None);
        server.faults(&[Fault::Status(503), Fault::Status(429), Fault::Redirect]);
        let (result, events) = download(&server.file(PATH, &[]), &server.to());
        result.unwrap();
        assert!(events[0].contains("file.zip: the server answers 503: a fault of the server"), "{events:?}");
        assert_eq!(server.requests().len(), 4);
        let error = refusal(&server.file("/none?token=secret", &[]), &server.to().with_extension("other"));
        assert!(error.contains("/none: the server answers 404: it has no such file"), "{error}");
        assert!(!error.contains("secret"), "{error}");
        assert_eq!(server.requests().len(), 1);
        server.faults(&[Fault::Status(500); 5]);
        let error = refusal(&server.file(PATH, &[]), &server.to().with_extension("other"));
        assert!(error.contains("the server answers 500"), "{error}");
        assert_eq!(server.requests().len(), 5);
    });
}

#[test]
fn nobody_there_is_said() {
    with_server(|server| {
        let mut file = server.file(PATH, &[]);
        file.url = "http://127.0.0.1:1/file.zip".into();
        let error = refusal(&file, &server.to());
        assert!(
            error.starts_with("http://127.0.0.1:1/file.zip: cannot reach the server: check the network"),
            "{error}"
        );
        for (url, sha256) in [("file:///etc/passwd", None), ("http://127.0.0.1/a", Some("ABC"))] {
            let sha256 = sha256.into_iter().map(str::to_owned).collect();
            let file = WebFile { url: url.into(), sha256, ..file.clone() };
            assert!(matches!(download(&file, &server.to()).0, Err(WebError::Invalid { .. })), "{url}");
        }
    });
}

#[test]
fn a_stop_keeps_what_is_there() {
    with_server(|server| {
        server.publish(PATH, &bytes(), Some("v1"));
        let file = server.file(PATH, &[&sha256(&bytes())]);
        server.faults(&[Fault::Stall(100_000)]);
        let error = hub::download(&file, &server.to(), &|progress| match progress {
            // Nothing arrives: this is the opportunity.
            Progress::Idle { .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        let error = error.unwrap_err().to_string();
        assert!(error.contains("stopped; what has arrived is kept in"), "{error}");
        assert_eq!(download(&file, &server.to()).1, ["resuming at 100000 of 300000", "fetched 300000"]);
    });
}

#[test]
fn a_second_process_waits_and_finds_the_file() {
    with_server(|server| {
        server.publish(PATH, &bytes(), None);
        let (file, to) = (server.file(PATH, &[]), server.to());
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..3).map(|_| scope.spawn(|| download(&file, &to).0.unwrap().cached)).collect();
            let cached = all.into_iter().map(|one| one.join().unwrap()).filter(|cached| *cached).count();
            assert_eq!(cached, 2);
        });
        assert_eq!(server.requests().len(), 1);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said() {
    with_server(|server| {
        server.publish(PATH, &bytes(), None);
        // Every write to this device fails for want of space.
        let partial = server.to().with_file_name("file.zip.partial");
        std::os::unix::fs::symlink("/dev/full", &partial).unwrap();
        let error = refusal(&server.file(PATH, &[]), &server.to());
        assert!(error.contains("no space left for") && error.contains("(--out)"), "{error}");
    });
}

/// In a process of its own: the variable is one of the whole process.
#[test]
fn the_proxy_of_the_environment_is_asked() {
    const NAME: &str = "web::the_proxy_of_the_environment_is_asked";
    const OF_TEST: &str = "BARKBIRD_TEST_SHA256";
    if let Ok(expected) = std::env::var(OF_TEST) {
        let dir = tempfile::tempdir().unwrap();
        // There is no such host: only the proxy can answer.
        let file = WebFile::new("http://files.invalid/data/file.zip", vec![expected], 1 << 20);
        download(&file, &dir.path().join("file.zip")).0.unwrap();
        return;
    }
    let server = WebServer::start();
    server.publish(PATH, &bytes(), None);
    let proxy = server.address();
    rerun(NAME, &[("HTTP_PROXY", &proxy), ("http_proxy", &proxy), (OF_TEST, &sha256(&bytes()))]);
    assert_eq!(server.requests(), ["http://files.invalid/data/file.zip"]);
}
