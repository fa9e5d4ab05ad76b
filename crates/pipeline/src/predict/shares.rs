//! Recordings that processes share, each with a part of its own.

use super::classify::KEPT;
use super::files::Part;
use super::options::{Options, Outcome};
use crate::error::{Result, bail};
use crate::job::Job;
use crate::observer::Event;
use crate::run_events::SoundProgress;
use crate::workers::pool::{Task, Workers};
use crate::workers::process;
use crate::workers::side_by_side::side_by_side;
use crate::workers::told::Told;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Refuses what cannot be shared.
pub(super) fn check(options: &Options, place: Option<&Path>, job: &Job<'_>) -> Result<()> {
    let Some(workers) = job.workers else { return Ok(()) };
    let devices = workers.names.join(", ");
    if options.watch.is_some() || options.part.is_some() || options.standard_input.is_some() {
        bail!(
            "several devices ({devices}) cannot be used together with --watch, --part or standard input; name one device"
        );
    }
    if place.is_none() {
        bail!("several devices ({devices}): expected --out FILE or DIR/, beside which each process keeps what it did");
    }
    Ok(())
}

/// Classifies `n` recordings in the processes, which leave what they did in the journals of their parts.
pub(super) fn classify(workers: &Workers, n: usize, outcome: &mut Outcome, job: &Job<'_>) -> Result<()> {
    let (began, count) = (Instant::now(), workers.names.len());
    let task = job.progress("predict", n);
    let sounds: Mutex<Vec<Option<SoundProgress>>> = Mutex::new(vec![None; count]);
    let of_part = |nth: usize, worker: usize| {
        let part = Task::Predict(Part { index: nth + 1, count });
        process::work(workers, worker, &part, job, &mut |told| match told {
            Told::Recording(recording) => job.observer.event(Event::Recording(&recording.done())),
            Told::Sound(sound) => {
                let mut sounds = sounds.lock().unwrap_or_else(PoisonError::into_inner);
                sounds[nth] = Some(sound);
                let all = together(&sounds, n, began.elapsed().as_secs_f64());
                job.observer.event(Event::Sound(&all));
                task.set(all.recordings_done);
            }
            _ => {}
        })
    };
    let worked = side_by_side(count, count, job, KEPT, &of_part, &|_, ()| {});
    let sounds = sounds.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome.classified_s += sounds.iter().flatten().map(|sound| sound.done_s).sum::<f64>();
    outcome.classifying_s += began.elapsed().as_secs_f64();
    outcome.failed += sounds.iter().flatten().map(|sound| sound.failed).sum::<usize>();
    match worked {
        Err(error @ crate::Error::Cancelled { .. }) => Err(error),
        Err(error) => bail!("{}; {KEPT}", crate::one_line(&error)),
        Ok(()) => Ok(()),
    }
}

/// How far all parts are together.
fn together(parts: &[Option<SoundProgress>], n: usize, elapsed_s: f64) -> SoundProgress {
    let told = || parts.iter().flatten();
    let done_s = told().map(|part| part.done_s).sum::<f64>();
    // Until each process has looked at its recordings, nobody knows.
    let total_s: Option<f64> = parts.iter().map(|part| part.as_ref()?.total_s).sum();
    let times_real_time = (done_s > 0.0 && elapsed_s > 0.0).then(|| done_s / elapsed_s);
    SoundProgress {
        done_s,
        total_s,
        is_estimate: told().any(|part| part.is_estimate),
        times_real_time,
        remaining_s: total_s.zip(times_real_time).map(|(total_s, speed)| (total_s - done_s).max(0.0) / speed),
        recordings_done: told().map(|part| part.recordings_done).sum(),
        recordings: n,
        failed: told().map(|part| part.failed).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_added_up_once_all_are_heard() {
        let part = SoundProgress {
            done_s: 10.0,
            total_s: Some(40.0),
            is_estimate: false,
            times_real_time: Some(1.0),
            remaining_s: Some(1.0),
            recordings_done: 2,
            recordings: 8,
            failed: 1,
        };
        assert_eq!(together(&[Some(part), None], 16, 2.0).total_s, None);
        let both = together(&[Some(part), Some(SoundProgress { is_estimate: true, ..part })], 16, 2.0);
        assert_eq!((both.done_s, both.total_s, both.remaining_s), (20.0, Some(80.0), Some(6.0)));
        assert_eq!((both.recordings_done, both.recordings, both.failed, both.is_estimate), (4, 16, 2, true));
    }
}
