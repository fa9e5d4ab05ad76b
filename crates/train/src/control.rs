use crate::checkpoint::EpochMetrics;
use std::sync::atomic::{AtomicBool, Ordering};

/// Progress of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// A step is finished.
    Step {
        /// The epoch that it belongs to, from 1.
        epoch: usize,
        /// Maximum number of epochs of the run.
        epochs: usize,
        /// Finished batches of this epoch.
        batch: usize,
        /// Batches of an epoch.
        batches: usize,
        /// Loss of the batch, a mean per clip.
        loss: f64,
    },
    /// An epoch is finished and its checkpoint is on disk.
    Epoch(EpochMetrics),
}

/// Cancellation and progress of a run.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Set it to true to stop the run at the next step; the last checkpoint is kept.
    pub cancel: &'a AtomicBool,
    /// Called for every step and after every epoch, in their order, on the thread that called [`run`](crate::run).
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

impl Control<'_> {
    pub(crate) fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}
