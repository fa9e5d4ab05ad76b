//! What every stage is given beside its options.

use crate::error::Result;
use crate::observer::{CancelToken, Event, Observer, Progress, Silent, Unit};
use crate::workers::pool::Workers;
use candle_core::Device;

/// Where a stage computes, its seed, who watches it, and how it is stopped.
#[derive(Clone)]
pub struct Job<'a> {
    /// Where tensors are computed.
    pub device: Device,
    /// Seed of everything random, where one was asked for; equal seeds give equal bytes.
    pub seed: Option<u64>,
    /// Who watches.
    pub observer: &'a dyn Observer,
    /// How it is stopped.
    pub cancel: CancelToken,
    /// The command line behind it, without the program's name; empty where there is none. A run records it.
    pub command: Vec<String>,
    /// Processes that share the work, each on a device of its own; without them all of it is done here.
    pub workers: Option<&'a Workers>,
}

impl Default for Job<'_> {
    /// On the CPU, with seed 0, unwatched.
    fn default() -> Self {
        let cancel = CancelToken::default();
        Self { device: Device::Cpu, seed: None, observer: &Silent, cancel, command: Vec::new(), workers: None }
    }
}

impl Job<'_> {
    /// The seed, 0 where none was asked for.
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(0)
    }

    /// A sentence for people.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        self.observer.event(Event::Message(text.as_ref()));
    }

    /// Something that a reader should act on.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        tracing::warn!("{}", text.as_ref());
        self.observer.event(Event::Warning(text.as_ref()));
    }

    /// A task of `total` items begins.
    pub(crate) fn progress(&self, task: &str, total: usize) -> Progress<'_> {
        Progress::start(self.observer, task, total, Unit::Items)
    }

    /// Fails once somebody has asked to stop; `kept` says what the next run finds.
    pub(crate) fn check(&self, kept: &str) -> Result<()> {
        self.cancel.check(kept)
    }
}
