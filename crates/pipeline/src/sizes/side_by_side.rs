//! Trainings side by side: each worker has threads of its own, and takes the next training that is open.
//!
//! One training alone does not keep all cores busy: its batches are small.

use crate::error::{Result, bail};
use crate::job::Job;
use crate::observer::{Event, Observer};
use crate::workers::side_by_side::side_by_side;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Trainings at once, at most: each holds its own activations in memory.
const MOST: usize = 4;

/// How many trainings run at once, and with how many threads each.
pub(super) fn workers(n_open: usize, job: &Job<'_>) -> (usize, usize) {
    let threads = rayon::current_num_threads().max(1);
    if let Some(workers) = job.workers {
        let n = workers.names.len().max(1);
        return (n.min(n_open.max(1)), (threads / n).max(1));
    }
    // A GPU takes one after the other.
    let most = if job.device.is_cpu() { MOST } else { 1 };
    let n = threads.min(most).min(n_open.max(1));
    (n, threads / n)
}

/// Passes on warnings, each once: of forty trainings their steps and epochs are too much.
pub(super) struct Quiet<'a> {
    outer: &'a dyn Observer,
    said: Mutex<BTreeSet<String>>,
}

impl<'a> Quiet<'a> {
    pub(super) fn new(outer: &'a dyn Observer) -> Self {
        Self { outer, said: Mutex::default() }
    }
}

impl Observer for Quiet<'_> {
    fn event(&self, event: Event<'_>) {
        if let Event::Warning(text) = event
            && self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned())
        {
            self.outer.event(event);
        }
    }
}

/// What a stopped run leaves behind.
pub(super) const KEPT: &str = "what is finished is kept; the same command goes on with the rest";

/// Does `work` for every number below `n`; `done` is told what is finished, one at a time. After an error nothing new begins.
///
/// # Errors
/// The first error, or a stop that was asked for.
pub(super) fn each<T: Send>(
    n: usize,
    job: &Job<'_>,
    work: &(dyn Fn(usize, &Job<'_>) -> Result<T> + Sync),
    done: &(dyn Fn(usize, T) + Sync),
) -> Result<()> {
    let (n_workers, threads) = workers(n, job);
    let quiet = Quiet::new(job.observer);
    let job = Job { observer: &quiet, ..job.clone() };
    let pool = |_| match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => Ok(pool),
        Err(error) => bail!("{threads} threads: cannot be started: {error}"),
    };
    let pools: Vec<rayon::ThreadPool> = (0..n_workers).map(pool).collect::<Result<_>>()?;
    let work = |nth: usize, worker: usize| pools[worker].install(|| work(nth, &job));
    side_by_side(n_workers, n, &job, KEPT, &work, done)
}
