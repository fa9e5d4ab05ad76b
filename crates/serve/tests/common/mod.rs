//! A small model, a server that asks it, and a client of the plainest kind.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod client;
#[path = "../../../pipeline/tests/trained/mod.rs"]
mod trained;

use pipeline::{CancelToken, Job};
use serve::{Options, Server};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use trained::{make_features, train_in};

/// The folder of a run `run` and of the sounds `sounds` that it was trained on; made once, and left to the system's cleaning.
pub(crate) fn trained() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("serve-{}", env!("CARGO_CRATE_NAME")));
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).unwrap();
        make_features(&folder, 24, &[]);
        train_in(&folder, "run", &[("train.epochs", "3")], None);
        folder
    })
}

/// Recordings that the model was trained on.
pub(crate) fn sounds() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut folders = vec![trained().join("sounds")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == "wav") => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

/// Mono PCM of 16 bits as a WAV file.
pub(crate) fn wav(samples: &[i16], rate_hz: u32) -> Vec<u8> {
    let n = samples.len() as u32 * 2;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((n + 36).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(rate_hz.to_le_bytes());
    bytes.extend((rate_hz * 2).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(n.to_le_bytes());
    samples.iter().for_each(|sample| bytes.extend(sample.to_le_bytes()));
    bytes
}

/// A tone of so many seconds.
pub(crate) fn tone(seconds: f64, rate_hz: u32) -> Vec<i16> {
    let n = (seconds * f64::from(rate_hz)) as usize;
    (0..n).map(|i| (8000.0 * (i as f64 * 880.0 * std::f64::consts::TAU / f64::from(rate_hz)).sin()) as i16).collect()
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) cancel: CancelToken,
    thread: Option<JoinHandle<serve::Result<()>>>,
    pub(crate) folder: tempfile::TempDir,
}

impl Running {
    /// With the trained model, on a free port, after a change of the options.
    pub(crate) fn start(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(vec![trained().join("run")]);
        options.addr.set_port(0);
        options.reviews = folder.path().join("reviews.csv");
        options.work = Some(folder.path().join("work"));
        change(&mut options);
        let cancel = CancelToken::default();
        let server = Server::bind(options, &Job { cancel: cancel.clone(), ..Job::default() }).unwrap();
        let addr = server.addr();
        let thread = Some(std::thread::spawn(move || server.run()));
        Self { addr, cancel, thread, folder }
    }

    /// Asks it to stop, and waits for the end.
    pub(crate) fn stop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
