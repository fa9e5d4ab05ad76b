//! What is found among windows that were called neither: `discover.json`, and what leads to it.

use inference::unknown::Outputs;
use serde::Serialize;
use shard::Skipped;
use std::collections::BTreeMap;

/// A window that is neither.
pub(super) struct Rejected {
    /// Number of its recording among the inputs.
    pub input: usize,
    /// Start in the recording, in seconds.
    pub start_s: f64,
    /// The channel, where each is a window of its own.
    pub channel: Option<u16>,
    /// Seconds of sound.
    pub seconds: f64,
    /// p-value of "this is a known sound".
    pub p: f64,
    /// The class that the classifier predicts.
    pub class: usize,
}

/// `discover.json`.
#[derive(Debug, Clone, Serialize)]
pub struct DiscoverFile {
    /// `discover/1`.
    pub schema: &'static str,
    /// Which model classified them.
    pub model_sha256: String,
    /// The detector of unknown sounds.
    pub method: String,
    /// Maximum false-rejection rate.
    pub alpha: f64,
    /// Windows that were classified.
    pub windows: usize,
    /// Windows that were called neither.
    pub rejected: usize,
    /// Mean silhouette of the groups: 1 for well separated groups, 0 for overlapping ones.
    pub silhouette: f64,
    /// The groups.
    pub clusters: Vec<ClusterFile>,
    /// Recordings that could not be used.
    pub skipped: Vec<Skipped>,
    /// What the new classes changed, where some were named and features were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
}

/// One group of rejected windows.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterFile {
    /// Number of the group, from 1.
    pub cluster: usize,
    /// The label that it was given.
    pub label: Option<String>,
    /// Windows in it.
    pub windows: usize,
    /// Recordings that they are of.
    pub recordings: usize,
    /// Classes that the classifier predicts, with the number of windows.
    pub said: BTreeMap<String, usize>,
    /// The most typical window.
    pub medoid: MemberFile,
    /// The medoid as a WAV file.
    pub wav: String,
    /// All windows.
    pub members: Vec<MemberFile>,
}

/// One rejected window.
#[derive(Debug, Clone, Serialize)]
pub struct MemberFile {
    /// The recording.
    pub path: String,
    /// The channel; none where channels are mixed.
    pub channel: Option<u16>,
    /// Start in it, in seconds.
    pub start: f64,
    /// End of its sound, in seconds.
    pub end: f64,
    /// p-value of "this is a known sound".
    pub outlier_p: f64,
}

/// What was found in all recordings.
pub(super) struct Found {
    /// Windows that were called neither.
    pub rejected: Vec<Rejected>,
    /// What the networks compute for them.
    pub outputs: Option<Outputs>,
    /// Windows that were classified.
    pub n_windows: usize,
    /// Recordings that could not be used.
    pub skipped: Vec<Skipped>,
}

/// A window that has a label now.
pub(super) struct Named {
    /// Its row among the rejected ones.
    pub(super) row: usize,
    pub(super) label: String,
    /// The group that its recording belongs to.
    pub(super) group: String,
    /// The split that its recording was dealt to.
    pub(super) split: String,
}

/// What the new classes changed, on test clips.
#[derive(Debug, Clone, Serialize)]
pub struct Changed {
    /// Folder of the new run.
    pub run: String,
    /// Maximum false-rejection rate.
    pub alpha: f64,
    /// By class.
    pub classes: BTreeMap<String, OfClass>,
}

/// Of one class's test clips.
#[derive(Debug, Clone, Serialize)]
pub struct OfClass {
    /// How many.
    pub clips: usize,
    /// Share that got its class and was not called neither, before and after.
    pub right: [f64; 2],
    /// Share that was called neither, before and after.
    pub neither: [f64; 2],
}
