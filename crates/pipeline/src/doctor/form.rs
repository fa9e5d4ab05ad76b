//! What is concluded about a set of recordings, as doctor.json has it.

use super::findings::Finding;
use ::doctor::{Balance, Leak, Shortcut, Suspect};
use audio_io::Row;
use serde::Serialize;
use std::collections::BTreeSet;

/// What is wrong with the set.
#[derive(Debug, Serialize)]
pub struct Examination {
    /// Rows of the manifest.
    pub n_rows: usize,
    /// Classes that statistics are about.
    pub classes: Vec<String>,
    /// Clips that statistics are made of: of the classes, usable, each sound once.
    pub n_clips: usize,
    /// Groups that they belong to.
    pub n_groups: usize,
    /// In words; filled in at the end.
    pub summary: Vec<String>,
    /// What could not be measured, and why.
    pub not_measured: Vec<String>,
    /// How well each nuisance of the recordings alone separates the classes.
    pub shortcuts: Vec<Shortcut>,
    /// The same in the clips that features are made from.
    pub shortcuts_in_clips: Vec<Shortcut>,
    /// A random split against one by group.
    pub leak: Option<Leak>,
    /// Clips whose labels are doubtful.
    pub mislabels: Option<Labels>,
    /// Clips with the same sound.
    pub pairs: Vec<Pair>,
    /// Groups that are taken for one session.
    pub sessions: Vec<Session>,
    /// How much there is.
    pub balance: Option<Balance>,
    /// What differs in manifest.clean.csv.
    pub changes: Changes,
    /// All of it, one row each.
    pub findings: Vec<Finding>,
}

/// Doubtful labels.
#[derive(Debug, Serialize)]
pub struct Labels {
    /// Clips that both witnesses speak against.
    pub n_likely: usize,
    /// Thresholds of confident learning, by class.
    pub thresholds: Vec<f64>,
    /// Counts of confident learning: label by suggested class.
    pub counts: Vec<Vec<usize>>,
    /// The likeliest mistakes first.
    pub ranked: Vec<Doubt>,
}

/// One doubtful label.
#[derive(Debug, Serialize)]
pub struct Doubt {
    /// Row of the manifest.
    pub row: usize,
    /// Path of the recording.
    pub path: String,
    /// Its label.
    pub label: String,
    /// The class that is most likely instead.
    pub suggested: String,
    #[serde(flatten)]
    pub suspect: Suspect,
}

/// Two rows of the manifest with the same sound.
#[derive(Debug, Clone, Serialize)]
pub struct Pair {
    /// Rows of the manifest.
    pub rows: [usize; 2],
    /// Paths of the recordings.
    pub paths: [String; 2],
    /// How far they agree, 0 to 1; 1 for the same samples.
    pub score: f64,
    /// Seconds that they share.
    pub overlap_s: f64,
    /// The same as a share of the shorter clip.
    pub overlap_share: f64,
    /// Whether the samples are the same.
    pub exact: bool,
    /// Whether the shorter is all within the longer, or nearly so.
    pub copy: bool,
    /// Whether their labels differ, ...
    pub labels_differ: bool,
    /// ... and their splits, which is a leak.
    pub splits_differ: bool,
}

/// Several groups that are taken for one.
#[derive(Debug, Clone, Serialize)]
pub struct Session {
    /// Their names, in the manifest's order.
    pub groups: Vec<String>,
    /// The pair of recordings that ties them, each with why.
    pub ties: Vec<String>,
    /// The splits of its recordings.
    pub splits: BTreeSet<String>,
    /// The first recording of it.
    pub path: String,
}

/// What was changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Changes {
    /// Rows that are left out as nothing can be learned from them.
    pub unusable: usize,
    /// Rows that are left out as another holds the same sound.
    pub copies: usize,
    /// Rows that have another group than before.
    pub regrouped: usize,
}

/// What holds a row's clips together: its group, or its file where it has none.
pub(super) fn group(row: &Row) -> &str {
    row.group.as_deref().unwrap_or(&row.path)
}
