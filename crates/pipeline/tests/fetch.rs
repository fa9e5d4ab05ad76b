//! Data sets from a server on 127.0.0.1: verified, unpacked, found again.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../../hub/tests/hub/archives.rs"]
#[allow(dead_code, reason = "the hub's tests use the rest")]
mod archives;
#[path = "../../hub/tests/hub/test_hub/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the hub's tests use the rest")]
mod test_hub;
#[path = "../../hub/tests/hub/web_server.rs"]
#[allow(dead_code, reason = "the hub's tests use the rest")]
mod web_server;

use archives::{entry, packed};
use pipeline::fetch::{Esc50, Form, Options, Outcome, Published, What, run};
use pipeline::{CancelToken, Event, Job, Observer, one_line};
use std::path::Path;
use std::sync::Mutex;
use test_hub::sha256;
use web_server::{Fault, WebServer, with_server};

const TABLE: &str = "filename,fold,target,category,esc10,src_file,take\n\
    1-1-A-0.wav,1,0,dog,True,1,A\n\
    1-1-B-0.wav,1,0,dog,True,1,B\n\
    2-7-A-2.wav,2,2,pig,False,7,A\n";
const TEN: &str = "filename,fold,target,category,esc10,src_file,take\n\
    1-1-A-0.wav,1,0,dog,True,1,A\n\
    1-1-B-0.wav,1,0,dog,True,1,B\n";

/// What `md5sum audio/*` prints for recordings with the text `a`, `b` and `c`.
const LIST: &str = "0cc175b9c0f1b6a831c399e269772661  audio/1-1-A-0.wav\n\
    92eb5ffee6ae2fec3ad71c777531578f  audio/1-1-B-0.wav\n\
    4a8a08f09d37b73795649038408b5f33  audio/2-7-A-2.wav\n";

fn archive() -> Vec<u8> {
    let folder = "ESC-50-33c8ce9";
    let file = |name: &str, bytes: &str| entry(&format!("{folder}/{name}"), bytes.as_bytes());
    packed(
        &[
            file("LICENSE", "by"),
            file("audio/1-1-A-0.wav", "a"),
            file("audio/1-1-B-0.wav", "b"),
            file("audio/2-7-A-2.wav", "c"),
            file("esc50.gif", "a picture"),
            file("meta/esc50.csv", TABLE),
        ],
        b"",
    )
}

/// Three recordings, or the two of ESC-10.
fn published(server: &WebServer, only_esc10: bool) -> Published {
    let n = if only_esc10 { 2 } else { 3 };
    let list: String = LIST.split_inclusive('\n').take(n).collect();
    Published {
        name: "mini".into(),
        what: "a data set of a test".into(),
        url: format!("{}/mini.zip", server.address()),
        n_bytes: 1000,
        license: "CC0".into(),
        citation: "nobody".into(),
        verified: "everything".into(),
        form: Form::Esc50(Esc50 {
            only_esc10,
            n_recordings: n,
            table_sha256: sha256(TABLE.as_bytes()),
            kept_table_sha256: sha256(if only_esc10 { TEN } else { TABLE }.as_bytes()),
            md5s_sha256: sha256(list.as_bytes()),
        }),
    }
}

/// Keeps the messages, and stops at the first one or task that has a text.
#[derive(Default)]
struct Watch {
    said: Mutex<Vec<String>>,
    stop_at: Option<&'static str>,
    cancel: CancelToken,
}

impl Observer for Watch {
    fn event(&self, event: Event<'_>) {
        let text = match event {
            Event::Message(text) => text,
            Event::Started { task, .. } => task,
            _ => return,
        };
        self.said.lock().unwrap().push(text.to_owned());
        if self.stop_at.is_some_and(|stop| text.contains(stop)) {
            self.cancel.cancel();
        }
    }
}

fn fetch(published: Published, out: &Path, options: Options) -> (Result<Outcome, String>, Vec<String>) {
    fetch_until(published, out, options, None)
}

fn fetch_until(
    published: Published,
    out: &Path,
    options: Options,
    stop_at: Option<&'static str>,
) -> (Result<Outcome, String>, Vec<String>) {
    let watch = Watch { stop_at, ..Watch::default() };
    let job = Job { observer: &watch, cancel: watch.cancel.clone(), ..Job::default() };
    let options = Options { what: What::Published(Box::new(published)), out: Some(out.to_owned()), ..options };
    let result = run(&options, &job).map_err(|error| one_line(&error));
    (result, watch.said.into_inner().unwrap())
}

/// Options whose `what` is not used.
fn defaults() -> Options {
    Options::new(What::Repository { name: String::new(), is_dataset: false })
}

fn read(path: std::path::PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_data_set_is_fetched_verified_and_found_again() {
    with_server(|server| {
        server.publish("/mini.zip", &archive(), Some("v1"));
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("mini");
        let (outcome, said) = fetch(published(server, false), &out, defaults());
        let outcome = outcome.unwrap();
        assert_eq!((outcome.files, outcome.bytes, outcome.cached), (5, 5 + TABLE.len() as u64, false));
        assert_eq!(hub::files_below(&out).unwrap().len(), 6);
        assert_eq!(read(out.join("audio/2-7-A-2.wav")), "c");
        assert!(!out.join("esc50.gif").exists());
        // Address, license, what is verified and the folder come before the transfer.
        let at =
            |text: &str| said.iter().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {said:?}"));
        let transfer = at("fetched archive.zip");
        for text in ["/mini.zip, about", "license: CC0", "cite: nobody", "verified: everything", "into "] {
            assert!(at(text) < transfer, "{text}: {said:?}");
        }
        let json: serde_json::Value = serde_json::from_str(&read(out.join("fetch.json"))).unwrap();
        assert_eq!((json["schema"].as_str(), json["license"].as_str()), (Some("fetch/1"), Some("CC0")));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        server.requests();

        // Again: everything is compared, nothing is asked for. What a user puts beside it is no change.
        std::fs::write(out.join("manifest.csv"), "mine").unwrap();
        let (again, said) = fetch(published(server, false), &out, defaults());
        assert!(again.unwrap().cached && said.iter().any(|line| line.contains("nothing to do")), "{said:?}");
        std::fs::write(out.join("audio/1-1-A-0.wav"), "x").unwrap();
        let error = fetch(published(server, false), &out, defaults()).0.unwrap_err();
        assert!(
            error.contains("1-1-A-0.wav: changed since it was fetched; fetch it again with --overwrite"),
            "{error}"
        );
        assert!(server.requests().is_empty());
        fetch(published(server, false), &out, Options { overwrite: true, ..defaults() }).0.unwrap();
        assert_eq!(read(out.join("audio/1-1-A-0.wav")), "a");
    });
}

#[test]
fn a_subset_has_its_rows_and_recordings_alone() {
    with_server(|server| {
        server.publish("/mini.zip", &archive(), None);
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("ten");
        fetch(published(server, true), &out, defaults()).0.unwrap();
        assert_eq!(read(out.join("meta/esc50.csv")), TEN);
        let files = hub::files_below(&out).unwrap();
        assert_eq!(files, ["LICENSE", "audio/1-1-A-0.wav", "audio/1-1-B-0.wav", "fetch.json", "meta/esc50.csv"]);
    });
}

#[test]
fn an_interrupted_fetch_goes_on() {
    with_server(|server| {
        let bytes = archive();
        server.publish("/mini.zip", &bytes, Some("v1"));
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("mini");
        server.faults(&[Fault::Stall(100)]);
        let (stopped, _) = fetch_until(published(server, false), &out, defaults(), Some("archive.zip"));
        assert!(stopped.unwrap_err().contains("stopped; what has arrived is kept in"));
        assert!(!out.exists() && dir.path().join("mini.download/archive.zip.partial").is_file());
        // And while it is unpacked: the archive is there.
        let (stopped, said) = fetch_until(published(server, false), &out, defaults(), Some("unpacking"));
        assert!(stopped.unwrap_err().contains("stopped while it was unpacked"), "{said:?}");
        assert!(said.iter().any(|line| line.contains("archive.zip: going on at 0.0 MB")), "{said:?}");
        assert!(!out.exists());
        server.requests();
        fetch(published(server, false), &out, defaults()).0.unwrap();
        assert!(server.requests().is_empty(), "the archive was complete");
    });
}

#[test]
fn what_is_not_what_was_published_is_refused_and_leaves_nothing_under_its_name() {
    with_server(|server| {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("mini");
        let file = |name: &str, bytes: &str| entry(&format!("x/{name}"), bytes.as_bytes());
        let table = || file("meta/esc50.csv", TABLE);
        let cases = [
            (vec![file("a", "1")], "no meta/esc50.csv: not an archive of ESC-50"),
            (vec![file("meta/esc50.csv", "filename,esc10\n")], "meta/esc50.csv is not the published one"),
            (vec![table(), file("audio/1-1-A-0.wav", "a")], "has 3 recordings, and 1 of them are there"),
            (
                vec![
                    table(),
                    file("audio/1-1-A-0.wav", "a"),
                    file("audio/1-1-B-0.wav", "b"),
                    file("audio/2-7-A-2.wav", "?"),
                ],
                "audio/*: expected MD5s whose list has SHA-256",
            ),
            (vec![table(), file("../../evil", "1")], "a name that leads out of the folder"),
        ];
        for (entries, expected) in cases {
            server.publish("/mini.zip", &packed(&entries, b""), None);
            let error = fetch(published(server, false), &out, defaults()).0.unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!out.exists(), "{error}");
            std::fs::remove_dir_all(dir.path().join("mini.download")).unwrap();
        }
    });
}

#[test]
fn a_mirror_is_asked_alone_and_may_have_an_archive_of_its_own() {
    with_server(|server| {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("mini");
        let own = packed(
            &[
                entry("meta/esc50.csv", TEN.replace("1-1-B-0", "1-2-A-0").as_bytes()),
                entry("audio/1-1-A-0.wav", b"q"),
                entry("audio/1-2-A-0.wav", b"r"),
            ],
            b"",
        );
        server.publish("/copy.zip", &own, None);
        let mirror = Some(format!("{}/copy.zip", server.address()));
        let options = || Options { mirror: mirror.clone(), ..defaults() };
        let error = fetch(published(server, true), &out, options()).0.unwrap_err();
        assert!(error.contains("not the published one: check the address (--mirror)"), "{error}");
        let error =
            fetch(published(server, true), &out, Options { sha256: Some(sha256(b"")), ..options() }).0.unwrap_err();
        assert!(error.contains("expected SHA-256"), "{error}");
        let (outcome, said) = fetch(published(server, true), &out, Options { sha256: Some(sha256(&own)), ..options() });
        assert!(outcome.unwrap().verified.contains("as was asked for"), "{said:?}");
        assert_eq!(read(out.join("audio/1-2-A-0.wav")), "r");
        assert!(server.requests().iter().all(|request| request.starts_with("/copy.zip")));
        let error = fetch(published(server, true), &out, Options { sha256: Some(sha256(&own)), ..defaults() }).0;
        assert!(error.unwrap_err().contains("it is for --mirror"));
    });
}

#[test]
fn a_folder_with_something_else_is_left_alone() {
    with_server(|server| {
        server.publish("/mini.zip", &archive(), None);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mine"), "precious").unwrap();
        for overwrite in [false, true] {
            let error = fetch(published(server, false), dir.path(), Options { overwrite, ..defaults() }).0.unwrap_err();
            assert!(error.contains("there already, and not from `barkbird fetch mini`"), "{error}");
        }
        let error = fetch(published(server, false), Path::new("s3://bucket/mini"), defaults()).0.unwrap_err();
        assert!(error.contains("expected a folder of this machine"), "{error}");
        assert!(server.requests().is_empty());
    });
}
