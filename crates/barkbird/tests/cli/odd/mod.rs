//! Odd inputs, outputs that are taken, and people who press Ctrl-C.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod arguments;
mod places;
mod recordings;
mod scan;

use crate::common::Work;
use serde_json::Value;
use std::fs;
use std::process::Output;

/// A WAV file of 16 bits; `samples` are `[n_frames][channels]`, one after the other.
pub(crate) fn wav(rate_hz: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
    let n_bytes = 2 * samples.len() as u32;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + n_bytes).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    out.extend(channels.to_le_bytes());
    out.extend(rate_hz.to_le_bytes());
    out.extend((rate_hz * u32::from(channels) * 2).to_le_bytes());
    out.extend((channels * 2).to_le_bytes());
    out.extend(b"\x10\0data");
    out.extend(n_bytes.to_le_bytes());
    out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    out
}

/// A tone that swells and fades.
pub(crate) fn tone(n: usize) -> Vec<i16> {
    (0..n).map(|i| (9000.0 * (i as f32 * 0.3).sin() * (i as f32 * 0.001).sin()) as i16).collect()
}

/// Sounds, features and a small network in `run`.
pub(crate) fn trained() -> Work {
    let work = Work::new();
    work.sounds(40);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    work.ok(&["train", "cnn", "--features", "features", "--out", "run", "--epochs", "1", "--set", "cnn.channels=[8]"]);
    work
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn index(work: &Work, folder: &str) -> Value {
    serde_json::from_slice(&fs::read(work.path(folder).join("index.json")).unwrap()).unwrap()
}
