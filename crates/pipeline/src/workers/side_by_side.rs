//! Tasks that are shared among several who work.

use crate::error::{Error, Result};
use crate::job::Job;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Does `work(task, worker)` for every task below `n`, by so many workers at once; `done` is told what is finished, one at a time.
/// After an error nothing new begins, and what runs goes on to its end.
///
/// # Errors
/// The first error, or a stop that was asked for; `kept` says what the next run finds.
pub(crate) fn side_by_side<T: Send>(
    n_workers: usize,
    n: usize,
    job: &Job<'_>,
    kept: &str,
    work: &(dyn Fn(usize, usize) -> Result<T> + Sync),
    done: &(dyn Fn(usize, T) + Sync),
) -> Result<()> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let error: Mutex<Option<Error>> = Mutex::new(None);
    let turn: Mutex<()> = Mutex::new(());
    let of_worker = |worker: usize| -> Result<()> {
        while !failed.load(Ordering::Relaxed) && !job.cancel.is_cancelled() {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= n {
                break;
            }
            let result = work(nth, worker)?;
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            done(nth, result);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        for worker in 0..n_workers {
            let (of_worker, failed, error) = (&of_worker, &failed, &error);
            scope.spawn(move || {
                if let Err(of_worker) = of_worker(worker) {
                    failed.store(true, Ordering::Relaxed);
                    error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(of_worker);
                }
            });
        }
    });
    job.check(kept)?;
    match error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
