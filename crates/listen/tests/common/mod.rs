//! A small model that has learned made sounds, and sound that comes through a pipe.
#![allow(dead_code, reason = "each test file uses a part of it")]

#[path = "../../../pipeline/tests/trained/mod.rs"]
mod trained;

use listen::{Options, Pcm, SampleFormat, Sound, Told};
use pipeline::{Job, config};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use trained::{LEARNS, make_features, train_in};

/// The folder of a run `run` and of the manifest `manifest.csv` that it was trained on; made once, and left to the system's cleaning.
pub(crate) fn trained() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("listen-{}", env!("CARGO_CRATE_NAME")));
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).unwrap();
        make_features(&folder, 24, &[("clip.window.seconds", "1.0")]);
        train_in(&folder, "run", &LEARNS, Some(config::Strength::Off));
        folder
    })
}

/// Samples a second of what [`garden`] gives.
pub(crate) const RAW: Pcm = Pcm { format: SampleFormat::S16, rate_hz: 16_000, n_channels: 1 };

/// Six clips of the data set, each after two seconds of silence; with two more at the end. As raw samples.
pub(crate) fn garden() -> Vec<u8> {
    let manifest = audio_io::Manifest::open(&trained().join("manifest.csv")).unwrap();
    let mut samples = Vec::new();
    for row in manifest.rows.iter().take(6) {
        samples.extend(std::iter::repeat_n(0.0, 32_000));
        let decoded = audio_io::decode_file(&manifest.root.join(&row.path)).unwrap();
        samples.extend(audio_io::resample(&decoded.channels[0], decoded.rate_hz, 16_000).unwrap());
    }
    samples.extend(std::iter::repeat_n(0.0, 32_000));
    samples.iter().flat_map(|sample| ((sample * 32767.0) as i16).to_le_bytes()).collect()
}

pub(crate) fn options() -> Options {
    Options { name: "garden".into(), ..Options::new(trained().join("run")) }
}

/// All that is told while it is listened to a pipe.
pub(crate) fn told(options: &Options, pipe: impl Read + Send + 'static, job: &Job<'_>) -> Vec<Told> {
    let mut all = Vec::new();
    let sound = Sound::pipe(Box::new(pipe), Some(RAW)).unwrap();
    listen::run(options, sound, job, &mut |told| {
        all.push(told.clone());
        Ok(())
    })
    .unwrap();
    all
}
