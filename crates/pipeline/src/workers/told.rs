//! What a process says: the lines that [`JsonLines`](crate::JsonLines) writes, read again.

use crate::run_events::{RecordingDone, SoundProgress};
use serde_json::Value;

/// A line of another process.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    /// Something that a reader should act on.
    Warning(String),
    /// Why the process failed, or that it was stopped.
    Failed(String),
    /// How far recordings are classified.
    Sound(SoundProgress),
    /// A recording is classified, or could not be used.
    Recording(Recording),
    /// Another event.
    Event,
    /// No event.
    Other(String),
}

/// A recording that another process has classified.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Recording {
    path: String,
    seconds: f64,
    windows: usize,
    warning: Option<String>,
    failed: Option<String>,
}

impl Recording {
    /// As an observer is told of it.
    pub(crate) fn done(&self) -> RecordingDone<'_> {
        RecordingDone {
            path: &self.path,
            seconds: self.seconds,
            windows: self.windows,
            warning: self.warning.as_deref(),
            failed: self.failed.as_deref(),
        }
    }
}

impl Told {
    /// Reads a line without its end.
    pub(crate) fn of_line(line: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(line) else { return Self::Other(line.to_owned()) };
        let Some(event) = value["event"].as_str() else { return Self::Other(line.to_owned()) };
        let payload = &value["payload"];
        match event {
            "warning" => Self::Warning(text(&payload["text"])),
            "error" | "cancelled" => Self::Failed(text(&payload["message"])),
            "file_completed" => Self::Recording(Recording {
                path: text(&payload["file"]),
                seconds: payload["seconds"].as_f64().unwrap_or(0.0),
                windows: count(&payload["segments"]),
                warning: payload["warning"].as_str().map(str::to_owned),
                failed: payload["error"]["message"].as_str().map(str::to_owned),
            }),
            "progress" if payload["sound_s"].is_number() => Self::Sound(SoundProgress {
                done_s: payload["sound_s"].as_f64().unwrap_or(0.0),
                total_s: payload["total_sound_s"].as_f64(),
                is_estimate: payload["total_is_estimate"].as_bool().unwrap_or(true),
                times_real_time: payload["realtime_factor"].as_f64(),
                remaining_s: payload["remaining_s"].as_f64(),
                recordings_done: count(&payload["batch"]["current"]),
                recordings: count(&payload["batch"]["total"]),
                failed: count(&payload["files_failed"]),
            }),
            _ => Self::Event,
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn count(value: &Value) -> usize {
    value.as_u64().unwrap_or(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_lines::JsonLines;
    use crate::observer::{Event, Observer};
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let kept = Kept::default();
        let lines = JsonLines::new(kept.clone());
        let sound = SoundProgress {
            done_s: 12.5,
            total_s: Some(20.0),
            is_estimate: false,
            times_real_time: Some(100.0),
            remaining_s: None,
            recordings_done: 2,
            recordings: 2,
            failed: 1,
        };
        let recording =
            RecordingDone { path: "a.wav", seconds: 3.5, windows: 0, warning: None, failed: Some("not a sound") };
        lines.event(Event::Sound(&sound));
        lines.event(Event::Recording(&recording));
        lines.event(Event::Warning("a.wav: silent"));
        lines.event(Event::Message("hello"));
        lines.failed("no room", false);
        let bytes = kept.0.lock().unwrap().clone();
        let told: Vec<Told> = String::from_utf8(bytes).unwrap().lines().map(Told::of_line).collect();
        let Told::Recording(done) = &told[1] else { panic!("{told:?}") };
        assert_eq!((done.done().path, done.done().seconds, done.done().failed), ("a.wav", 3.5, Some("not a sound")));
        assert_eq!(told[0], Told::Sound(sound));
        let rest = [Told::Warning("a.wav: silent".into()), Told::Event, Told::Failed("no room".into())];
        assert_eq!(told[2..], rest);
        for line in ["out of memory", "{}", "[1]", ""] {
            assert_eq!(Told::of_line(line), Told::Other(line.into()));
        }
    }
}
