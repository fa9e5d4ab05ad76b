//! What an evaluation gives, whatever the clips come from.

use super::figures::Stress;
use super::rows::RowAnswer;
use super::unknowns::UnknownSounds;
use crate::stress::Condition;
use detections::Verdict;
use shard::Skipped;
use train::Metrics;

/// The content of the files, before they are written.
pub(super) struct Evaluated {
    pub(super) metrics: Metrics,
    /// A row a clip.
    pub(super) verdicts: Vec<Verdict>,
    /// Recordings that never became clips.
    pub(super) skipped: Vec<Skipped>,
    pub(super) stress: Option<Stress>,
    pub(super) unknown: Option<UnknownSounds>,
    /// Of recordings, the answers about rows of known classes: as they are, then under each condition.
    pub(super) by_row: Vec<(Option<Condition>, Vec<RowAnswer>)>,
}
