//! All figures of a command.

use super::curve::Curve;
use super::one::Run;
use super::options::By;
use super::settings::Settings;
use super::versus::{AtSize, Spread};
use crate::named::Named;
use serde::Serialize;
use std::path::PathBuf;

/// A set of recordings that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Set {
    /// The split.
    pub name: String,
    /// Recordings of known classes that every model could be asked about.
    pub n: usize,
    /// Their groups.
    pub n_groups: usize,
    /// Recordings that some model could not be asked about: they are in no figure of the curves.
    pub left_out: usize,
}

/// `sizes.json`, or `groups.json` where groups are counted.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// `sizes/1`.
    pub schema: &'static str,
    /// The command line, where there was one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// What all trainings share.
    pub settings: Settings,
    /// What a size counts.
    pub by: By,
    /// Seed of the resamples, and the first of the trainings.
    pub seed: u64,
    /// Trainings of each model and size.
    pub seeds: usize,
    /// Training clips that there are, and their groups.
    pub n_clips: usize,
    /// Groups of the training clips.
    pub n_groups: usize,
    /// Trainings at once, and threads of each, of this run of the command.
    pub side_by_side: [usize; 2],
    /// Trainings that were done now; the others were found.
    pub n_trained: usize,
    /// The sets.
    pub sets: Vec<Set>,
    /// Every training.
    pub runs: Vec<Run>,
    /// Means over the seeds, and the power law.
    pub curves: Vec<Curve>,
    /// Which model is best at each size.
    pub at_sizes: Vec<AtSize>,
    /// By groups: as many clips of as many groups as there are, against few groups with all their clips.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spread: Vec<Spread>,
    /// The answers in words.
    pub sentences: Vec<String>,
    /// The files.
    #[serde(skip)]
    pub files: Vec<PathBuf>,
}

/// `252 clips`, of what a size counts.
pub(super) fn counted(by: By, size: &str, n_clips: f64) -> String {
    match by {
        By::Clips => format!("{n_clips:.0} clips"),
        By::Groups => format!("{size} {}", by.name()),
    }
}
