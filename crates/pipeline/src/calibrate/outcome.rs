//! What became of a calibration.

use super::fitted::Fitted;
use serde::Serialize;
use shard::Skipped;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `calibrate.json`: what was fitted for the place, and what held-out clips say of it.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// `calibrate/1`.
    pub schema: &'static str,
    /// Version of barkbird.
    pub version: &'static str,
    /// SHA-256 of the model that was calibrated.
    pub from_sha256: String,
    /// Its name: the file as it was given.
    pub from: String,
    /// Clips of each class, and of unknown sounds under `neither`.
    pub clips: BTreeMap<String, usize>,
    /// Groups of the clips of known classes.
    pub n_groups: usize,
    /// What was fitted.
    #[serde(flatten)]
    pub fitted: Fitted,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// Clips that could not be used, and why.
    pub skipped: Vec<Skipped>,
    /// The model for the place.
    pub model: PathBuf,
    /// The command line, where there was one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}
