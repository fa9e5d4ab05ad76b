//! Every input that is kept, and for half a second each as many changed ones: no panic, bounded memory, bounded time.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use fuzz::{Budget, InFlight, read_corpus, remove_scratch, run, start, targets};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Seconds for each target.
const SECONDS: f64 = 0.5;

/// Seed of the changes.
const SEED: u64 = 1;

/// Bytes of one file of the corpus, and of all, at most.
const MOST_FILE_BYTES: u64 = 8 << 10;
const MOST_BYTES: u64 = 1 << 20;

const PROXIES: [&str; 6] = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

#[test]
fn hostile_input_is_an_error_and_nothing_else() {
    if PROXIES.iter().any(|name| std::env::var_os(name).is_some()) {
        // The target `hub` asks a server on this machine, and the HTTP client would ask the proxy.
        let mut again = Command::new(std::env::current_exe().unwrap());
        PROXIES.iter().for_each(|name| {
            again.env_remove(name);
        });
        let ended =
            again.args(["--exact", "hostile_input_is_an_error_and_nothing_else", "--nocapture"]).output().unwrap();
        let text = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    start();
    // Where this process ends in the middle, the input is here.
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("in-flight");
    let mut problems = Vec::new();
    for target in targets() {
        let corpus = match read_corpus(&target) {
            Ok(corpus) => corpus,
            Err(error) => {
                problems.push(error.to_string());
                continue;
            }
        };
        let mut in_flight = InFlight::new(&path).unwrap();
        let report = run(&target, corpus, SEED, Budget::Seconds(SECONDS), &mut in_flight).unwrap();
        if report.n_read == 0 {
            problems.push(format!("{}: no seed is read", target.name));
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(target.name);
        for finding in report.findings {
            std::fs::write(&folder, &finding.input).unwrap();
            problems.push(format!(
                "{}: {}: {} (the input is {})",
                target.name,
                finding.kind,
                finding.what,
                folder.display()
            ));
        }
    }
    remove_scratch();
    // The hook that keeps panics silent would keep this one silent, too.
    let _ = std::panic::take_hook();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_corpus_is_small_and_every_folder_has_a_target() {
    let names: BTreeSet<String> = targets().iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names.len(), targets().len(), "two targets have one name");
    let mut n_bytes = 0;
    for folder in std::fs::read_dir(fuzz::folder()).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if folder.is_file() {
            continue;
        }
        assert!(names.contains(&name), "fixtures/fuzz/{name}: no such target");
        for file in std::fs::read_dir(&folder).unwrap() {
            let file = file.unwrap();
            let length = file.metadata().unwrap().len();
            assert!(length <= MOST_FILE_BYTES, "{}: {length} bytes", file.path().display());
            n_bytes += length;
        }
    }
    assert!(n_bytes <= MOST_BYTES, "fixtures/fuzz: {n_bytes} bytes");
}
