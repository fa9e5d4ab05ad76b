use crate::checkpoint::EpochMetrics;
use std::sync::atomic::{AtomicBool, Ordering};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// A step is done.
    Step {
        /// The epoch that it belongs to, from 1.
        epoch: usize,
        /// The most epochs that the run may take.
        epochs: usize,
        /// Batches of this epoch that are done.
        batch: usize,
        /// Batches of an epoch.
        batches: usize,
        /// Loss of the batch, a mean a clip.
        loss: f64,
    },
    /// An epoch is done and its checkpoint is on disk.
    Epoch(EpochMetrics),
}

/// What the caller of a run watches it with and stops it by.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Set it to end the run at the next step; the last checkpoint is kept.
    pub cancel: &'a AtomicBool,
    /// Called after every step and every epoch, in the thread that called [`run`](crate::run).
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

impl Control<'_> {
    pub(crate) fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}
