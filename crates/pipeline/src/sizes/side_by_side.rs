//! Trainings side by side: each worker has threads of its own, and takes the next training that is open.
//!
//! One training alone does not keep all cores busy: its batches are small.

use crate::error::{Error, Result, bail};
use crate::job::Job;
use crate::observer::{Event, Observer};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Trainings at once, at most: each holds its own activations in memory.
const MOST: usize = 4;

/// How many trainings run at once, and with how many threads each.
pub(super) fn workers(n_open: usize, job: &Job<'_>) -> (usize, usize) {
    let threads = rayon::current_num_threads().max(1);
    // A GPU takes one after the other.
    let most = if job.device.is_cpu() { MOST } else { 1 };
    let n = threads.min(most).min(n_open.max(1));
    (n, threads / n)
}

/// Passes on warnings, each once: of forty trainings their steps and epochs are too much.
struct Quiet<'a> {
    outer: &'a dyn Observer,
    said: Mutex<BTreeSet<String>>,
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
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let error: Mutex<Option<Error>> = Mutex::new(None);
    let turn: Mutex<()> = Mutex::new(());
    let quiet = Quiet { outer: job.observer, said: Mutex::default() };
    let job = Job { observer: &quiet, ..job.clone() };
    let worker = || -> Result<()> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = match pool {
            Ok(pool) => pool,
            Err(error) => bail!("{threads} threads: cannot be started: {error}"),
        };
        while !failed.load(Ordering::Relaxed) && !job.cancel.is_cancelled() {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= n {
                break;
            }
            let result = pool.install(|| work(nth, &job))?;
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            done(nth, result);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..n_workers {
            scope.spawn(|| {
                if let Err(of_worker) = worker() {
                    failed.store(true, Ordering::Relaxed);
                    error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(of_worker);
                }
            });
        }
    });
    job.check("what is finished is kept; the same command goes on with the rest")?;
    match error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
