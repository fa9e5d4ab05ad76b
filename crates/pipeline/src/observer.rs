//! Who watches a stage, and how it is stopped.

use crate::error::{Error, Result};
use crate::run_events::{RecordingDone, RunFinished, RunStarted, SoundProgress};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Something that happens while a stage runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A sentence for people.
    Message(&'a str),
    /// Something that a reader should act on.
    Warning(&'a str),
    /// A task of `total` units begins. One task runs at a time.
    Started {
        /// One word: `scan`, `training`, ...
        task: &'a str,
        /// Units of the whole task.
        total: u64,
        /// What is counted.
        unit: Unit,
    },
    /// So many units of the task are done.
    Advanced {
        /// The task.
        task: &'a str,
        /// Units done so far.
        done: u64,
    },
    /// The task is over, or was given up.
    Finished {
        /// The task.
        task: &'a str,
    },
    /// A pass over the training clips is over.
    Epoch(&'a train::EpochMetrics),
    /// Recordings are about to be classified.
    RunStarted(&'a RunStarted<'a>),
    /// A recording is classified, or could not be used.
    Recording(&'a RecordingDone<'a>),
    /// How far the classification is; comes often.
    Sound(&'a SoundProgress),
    /// Tables are under their names, with so many recordings: while recordings still come.
    TablesWritten {
        /// The tables.
        files: &'a [PathBuf],
        /// Recordings in them.
        recordings: usize,
    },
    /// Recordings are classified, and their tables written.
    RunFinished(&'a RunFinished<'a>),
}

/// What a task counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Recordings, clips, epochs, ...
    Items,
    /// Bytes of a download.
    Bytes,
}

/// Who watches. Events come from several threads.
pub trait Observer: Sync {
    /// Something happens.
    fn event(&self, event: Event<'_>);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event<'_>) {}
}

/// Asks stages to stop: they do so at the next safe place, with what is finished kept. Clones ask together.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody has asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Fails once somebody has asked to stop; `kept` says what the next run finds.
    pub(crate) fn check(&self, kept: &str) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::Cancelled { kept: kept.to_owned() });
        }
        Ok(())
    }

    /// The flag itself, for stages that look at it often.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.0
    }
}

/// A task's progress; over once it is dropped.
pub(crate) struct Progress<'a> {
    observer: &'a dyn Observer,
    task: String,
    done: AtomicUsize,
}

impl<'a> Progress<'a> {
    pub(crate) fn start(observer: &'a dyn Observer, task: &str, total: usize, unit: Unit) -> Self {
        observer.event(Event::Started { task, total: total as u64, unit });
        Self { observer, task: task.to_owned(), done: AtomicUsize::new(0) }
    }

    /// `n` more units are done.
    pub(crate) fn inc(&self, n: usize) {
        let done = self.done.fetch_add(n, Ordering::Relaxed) + n;
        self.observer.event(Event::Advanced { task: &self.task, done: done as u64 });
    }

    /// So many units are done in all.
    pub(crate) fn set(&self, done: usize) {
        self.done.store(done, Ordering::Relaxed);
        self.observer.event(Event::Advanced { task: &self.task, done: done as u64 });
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.observer.event(Event::Finished { task: &self.task });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Log(Mutex<Vec<String>>);

    impl Observer for Log {
        fn event(&self, event: Event<'_>) {
            self.0.lock().unwrap().push(format!("{event:?}"));
        }
    }

    #[test]
    fn a_task_ends_when_its_progress_is_dropped() {
        let log = Log::default();
        let progress = Progress::start(&log, "scan", 3, Unit::Items);
        progress.inc(2);
        drop(progress);
        let events = log.0.into_inner().unwrap();
        assert_eq!(events.len(), 3);
        assert!(events[1].contains("done: 2") && events[2].contains("Finished"), "{events:?}");
    }

    #[test]
    fn clones_of_a_token_ask_together() {
        let token = CancelToken::default();
        token.clone().cancel();
        assert!(token.is_cancelled());
    }
}
