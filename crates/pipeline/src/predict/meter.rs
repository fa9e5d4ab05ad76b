//! How far a classification is, in seconds of sound.

use super::estimate::{Estimate, Kind};
use super::files::Files;
use super::options::Outcome;
use super::record::Record;
use crate::job::Job;
use crate::observer::{Event, Observer, Progress};
use crate::run_events::{RecordingDone, SoundProgress};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Counts seconds, and tells the observer.
pub(super) struct Meter<'a> {
    observer: &'a dyn Observer,
    files: &'a Files<'a>,
    /// Recordings, for who counts those.
    task: Progress<'a>,
    began: Instant,
    total: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    estimate: Estimate,
    /// Seconds of the recordings that are done.
    done_s: f64,
    /// Seconds of those that are not.
    running_s: f64,
    recordings_done: usize,
    failed: usize,
}

impl<'a> Meter<'a> {
    /// Of the recordings that this run classifies.
    pub(super) fn start(files: &'a Files<'a>, todo: &[usize], job: &'a Job<'_>) -> Self {
        let task = job.progress("predict", todo.len());
        let sizes: Vec<_> = todo.iter().map(|&nth| (nth, kind(files, nth), files.key(nth).bytes)).collect();
        let header = |nth: usize| {
            // What comes through a pipe can be read once.
            let input = files.rows(nth).first().filter(|input| input.stream.is_none())?;
            let recording = input.open().ok()?;
            Some(recording.declared_frames()? as f64 / f64::from(recording.rate_hz().max(1)))
        };
        let state = State { estimate: Estimate::new(&sizes, header), ..State::default() };
        let (began, state) = (Instant::now(), Mutex::new(state));
        let meter = Self { observer: job.observer, files, task, began, total: todo.len(), state };
        meter.tell(&meter.state());
        meter
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many more seconds are classified, of a recording that may not be done.
    pub(super) fn classified(&self, seconds: f64) {
        let mut state = self.state();
        state.running_s += seconds;
        self.tell(&state);
    }

    /// A recording is done.
    pub(super) fn finish(&self, nth: usize, record: &Record) {
        let mut state = self.state();
        state.estimate.finish(nth, &kind(self.files, nth), self.files.key(nth).bytes, record.seconds);
        state.done_s += record.seconds;
        state.running_s = (state.running_s - record.seconds).max(0.0);
        state.recordings_done += 1;
        state.failed += usize::from(record.judged.is_empty() && !record.failed.is_empty());
        self.observer.event(Event::Recording(&RecordingDone {
            path: &self.files.rows(nth)[0].name,
            seconds: record.seconds,
            windows: record.judged.len(),
            warning: record.warning.as_deref(),
            failed: record.failed.first().map(|(_, reason)| reason.as_str()),
        }));
        self.tell(&state);
    }

    /// What is done so far is kept.
    pub(super) fn advance(&self) {
        let done = self.state().recordings_done;
        self.task.set(done);
    }

    /// Adds what was counted.
    pub(super) fn end(self, outcome: &mut Outcome) {
        let state = self.state();
        outcome.classified_s += state.done_s;
        outcome.classifying_s += self.began.elapsed().as_secs_f64();
        outcome.failed += state.failed;
    }

    fn tell(&self, state: &State) {
        let done_s = state.done_s + state.running_s;
        let elapsed_s = self.began.elapsed().as_secs_f64();
        let total_s = state.estimate.total_s().map(|total_s| total_s.max(done_s));
        let times_real_time = (done_s > 0.0 && elapsed_s > 0.0).then(|| done_s / elapsed_s);
        self.observer.event(Event::Sound(&SoundProgress {
            done_s,
            total_s,
            is_estimate: !state.estimate.is_exact(),
            times_real_time,
            remaining_s: total_s.zip(times_real_time).map(|(total_s, speed)| (total_s - done_s) / speed),
            recordings_done: state.recordings_done,
            recordings: self.total,
            failed: state.failed,
        }));
    }
}

fn kind(files: &Files<'_>, nth: usize) -> Kind {
    let key = files.key(nth);
    let extension = std::path::Path::new(&key.path).extension().unwrap_or_default();
    (extension.to_string_lossy().to_lowercase(), key.rows.is_empty())
}
