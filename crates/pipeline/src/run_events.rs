//! What observers are told while recordings are classified.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Recordings are about to be classified.
#[derive(Debug, Clone, Copy)]
pub struct RunStarted<'a> {
    /// Recordings, those that an earlier run has classified included.
    pub recordings: usize,
    /// The model file.
    pub model: &'a Path,
    /// Its SHA-256.
    pub model_sha256: &'a str,
}

/// A recording is classified, or could not be used.
#[derive(Debug, Clone, Copy)]
pub struct RecordingDone<'a> {
    /// The recording, as results name it.
    pub path: &'a str,
    /// Seconds of sound.
    pub seconds: f64,
    /// Windows that were classified.
    pub windows: usize,
    /// What a reader should know: damage, silence.
    pub warning: Option<&'a str>,
    /// Why it, or a row of it, could not be used.
    pub failed: Option<&'a str>,
}

/// How far the classification is. An earlier run's recordings do not count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoundProgress {
    /// Seconds of sound that are classified.
    pub done_s: f64,
    /// Seconds of sound in all; none before any length is known.
    pub total_s: Option<f64>,
    /// Whether the total is estimated from the sizes of files.
    pub is_estimate: bool,
    /// Seconds of sound in a second.
    pub times_real_time: Option<f64>,
    /// Seconds until the end, at the speed so far.
    pub remaining_s: Option<f64>,
    /// Recordings that are done, those that could not be used included.
    pub recordings_done: usize,
    /// Recordings in all.
    pub recordings: usize,
    /// Recordings that could not be used.
    pub failed: usize,
}

/// Recordings are classified, and their tables written.
#[derive(Debug, Clone, Copy)]
pub struct RunFinished<'a> {
    /// Recordings and rows of manifests that were given.
    pub recordings: usize,
    /// Of these, those that could not be used.
    pub failed: usize,
    /// Windows that were classified.
    pub windows: usize,
    /// Rows of the tables by label: windows, or events.
    pub labels: &'a BTreeMap<String, usize>,
    /// Seconds of sound, those of an earlier run included.
    pub sound_s: f64,
    /// Seconds of sound that this run classified.
    pub classified_s: f64,
    /// Seconds that this run took.
    pub seconds: f64,
    /// Of these, seconds in which it waited for new recordings.
    pub waited_s: f64,
    /// What was written.
    pub files: &'a [PathBuf],
}

impl RunFinished<'_> {
    /// Seconds of sound in a second; none where nothing was classified.
    pub fn times_real_time(&self) -> Option<f64> {
        let seconds = self.seconds - self.waited_s;
        (self.classified_s > 0.0 && seconds > 0.0).then(|| self.classified_s / seconds)
    }
}
