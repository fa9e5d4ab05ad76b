//! Events for other programs: a JSON object a line.
//!
//! Every line is `{"spec_version", "timestamp", "event", "payload"}`, as birda writes them: where its events and fields fit,
//! they have its names. docs/predict.md lists them all.

use crate::observer::{Event, Observer, Unit};
use crate::run_events::{RecordingDone, RunFinished, SoundProgress};
use audio_io::LocalTime;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Changes where a reader of the lines has to change.
const SPEC_VERSION: &str = "1.0";

/// Lines of `progress` do not come faster.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes every event as one line, whole whatever the threads. What cannot be written is left out, and the work goes on.
pub struct JsonLines(Mutex<Lines>);

struct Lines {
    writer: Box<dyn Write + Send>,
    /// When the last line of `progress` was written.
    last: Option<Instant>,
    task: Task,
}

/// The task that runs.
#[derive(Default)]
struct Task {
    total: u64,
    done: u64,
    unit: &'static str,
    /// Its progress is told in seconds of sound.
    of_sound: bool,
}

impl std::fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JsonLines")
    }
}

impl JsonLines {
    /// Lines go to `writer`, each in one call.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self(Mutex::new(Lines { writer: Box::new(writer), last: None, task: Task::default() }))
    }

    /// The last line of a command that failed, or that somebody has interrupted.
    pub fn failed(&self, message: &str, interrupted: bool) {
        let mut lines = self.lines();
        if interrupted {
            lines.write("cancelled", &json!({"reason": "user_interrupt", "message": message}));
        } else {
            lines.write("error", &json!({"code": "failed", "severity": "fatal", "message": message}));
        }
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for JsonLines {
    fn event(&self, event: Event<'_>) {
        let mut lines = self.lines();
        match event {
            Event::Message(text) => lines.write("message", &json!({"text": text})),
            Event::Warning(text) => lines.write("warning", &json!({"text": text})),
            Event::Started { task, total, unit } => {
                lines.task = Task { total, unit: word(unit), ..Task::default() };
                lines.last = None;
                lines.write("task_started", &json!({"task": task, "total": total, "unit": word(unit)}));
            }
            Event::Advanced { task, done } => {
                lines.task.done = done;
                let Task { total, unit, .. } = lines.task;
                let payload = json!({"task": task, "done": done, "total": total.max(done), "unit": unit});
                if !lines.task.of_sound {
                    lines.progress(&payload, false);
                }
            }
            Event::Finished { task } => {
                let Task { total, done, unit, .. } = std::mem::take(&mut lines.task);
                let payload = json!({"task": task, "done": done, "total": total.max(done), "unit": unit});
                lines.write("task_completed", &payload);
            }
            Event::Epoch(epoch) => {
                let payload = serde_json::to_value(epoch).unwrap_or_default();
                lines.write("epoch", &payload);
            }
            Event::RunStarted(run) => {
                let payload = json!({
                    "total_files": run.recordings, "model": run.model, "model_sha256": run.model_sha256,
                    "version": env!("CARGO_PKG_VERSION"),
                });
                lines.write("pipeline_started", &payload);
            }
            Event::Recording(recording) => lines.write("file_completed", &completed(recording)),
            Event::Sound(progress) => {
                lines.task.of_sound = true;
                lines.progress(&of_sound(progress), progress.recordings_done == progress.recordings);
            }
            Event::TablesWritten { files, recordings } => {
                lines.write("tables_written", &json!({"tables": files, "recordings": recordings}));
            }
            Event::RunFinished(run) => lines.write("pipeline_completed", &finished(run)),
        }
    }
}

impl Lines {
    fn progress(&mut self, payload: &Value, is_last: bool) {
        if is_last || self.last.is_none_or(|last| last.elapsed() >= PAUSE) {
            self.write("progress", payload);
            self.last = Some(Instant::now());
        }
    }

    fn write(&mut self, event: &str, payload: &Value) {
        let line = format!(
            "{{\"spec_version\":\"{SPEC_VERSION}\",\"timestamp\":\"{}\",\"event\":\"{event}\",\"payload\":{payload}}}\n",
            now()
        );
        // One call a line, so that nothing of another process comes between.
        drop(self.writer.write_all(line.as_bytes()).and_then(|()| self.writer.flush()));
    }
}

fn word(unit: Unit) -> &'static str {
    match unit {
        Unit::Items => "items",
        Unit::Bytes => "bytes",
    }
}

fn completed(recording: &RecordingDone<'_>) -> Value {
    let RecordingDone { path, seconds, windows, warning, failed } = *recording;
    let status = if failed.is_some() && windows == 0 { "failed" } else { "processed" };
    let mut payload = json!({"file": path, "status": status, "seconds": rounded(seconds), "segments": windows});
    if let Some(warning) = warning {
        payload["warning"] = warning.into();
    }
    if let Some(failed) = failed {
        payload["error"] = json!({"code": "unusable", "message": failed});
    }
    payload
}

fn of_sound(progress: &SoundProgress) -> Value {
    let SoundProgress { done_s, total_s, is_estimate, times_real_time, remaining_s, .. } = *progress;
    let percent = total_s.filter(|total_s| *total_s > 0.0).map(|total_s| rounded(100.0 * done_s / total_s));
    json!({
        "task": "predict",
        "batch": {"current": progress.recordings_done, "total": progress.recordings, "percent": percent},
        "files_failed": progress.failed, "sound_s": rounded(done_s), "total_sound_s": total_s.map(rounded),
        "total_is_estimate": is_estimate, "realtime_factor": times_real_time.map(rounded),
        "remaining_s": remaining_s.map(rounded),
    })
}

fn finished(run: &RunFinished<'_>) -> Value {
    json!({
        "status": if run.failed == 0 { "success" } else { "partial_success" },
        "files_processed": run.recordings.saturating_sub(run.failed), "files_failed": run.failed,
        "total_detections": run.labels.values().sum::<usize>(), "total_segments": run.windows, "labels": run.labels,
        "sound_s": rounded(run.sound_s), "classified_sound_s": rounded(run.classified_s),
        "duration_ms": (run.seconds * 1000.0) as u64, "realtime_factor": run.times_real_time().map(rounded),
        "tables": run.files,
    })
}

/// With three decimals at most.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The time in UTC, as ISO 8601 with milliseconds.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = LocalTime::from_unix_s(u32::try_from(since.as_secs()).unwrap_or(u32::MAX));
    format!("{}.{:03}Z", time.to_string().trim_end_matches('Z'), since.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // A little at a time, as a pipe that is nearly full.
            let n = bytes.len().min(7);
            self.0.lock().unwrap().extend_from_slice(&bytes[..n]);
            Ok(n)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Kept {
        fn lines(&self) -> Vec<Value> {
            let bytes = self.0.lock().unwrap().clone();
            String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    #[test]
    fn lines_of_several_threads_are_whole() {
        let kept = Kept::default();
        let lines = JsonLines::new(kept.clone());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let lines = &lines;
                scope.spawn(move || {
                    for nth in 0..50 {
                        lines.event(Event::Warning(&format!("thread {thread}\nline {nth}")));
                    }
                });
            }
        });
        let all = kept.lines();
        assert_eq!(all.len(), 200);
        assert!(all.iter().all(|line| line["event"] == "warning" && line["spec_version"] == "1.0"));
        let time = all[0]["timestamp"].as_str().unwrap();
        assert!(LocalTime::parse(time).is_some() && time.ends_with('Z'), "{time}");
    }

    #[test]
    fn a_task_has_a_first_line_of_progress_and_its_end() {
        let kept = Kept::default();
        let lines = JsonLines::new(kept.clone());
        lines.event(Event::Started { task: "scan", total: 9, unit: Unit::Items });
        for done in 1..=9 {
            lines.event(Event::Advanced { task: "scan", done });
        }
        lines.event(Event::Finished { task: "scan" });
        lines.failed("no", false);
        let all = kept.lines();
        assert_eq!(all[0]["payload"], json!({"task": "scan", "total": 9, "unit": "items"}));
        assert_eq!(all[1]["payload"], json!({"task": "scan", "done": 1, "total": 9, "unit": "items"}));
        let (last, end) = (&all[all.len() - 1], &all[all.len() - 2]);
        assert_eq!((end["event"].as_str(), &end["payload"]["done"]), (Some("task_completed"), &json!(9)));
        assert_eq!(last["payload"], json!({"code": "failed", "severity": "fatal", "message": "no"}));
    }
}
