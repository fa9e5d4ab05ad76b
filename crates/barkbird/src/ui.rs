//! What a person sees: text and progress on stderr, machine-readable results alone on stdout. With `--progress json`, stderr
//! is for programs.

use crate::cli::{Form, Global};
use crate::text;
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use pipeline::train::EpochMetrics;
use pipeline::{CancelToken, Event, Job, JsonLines, Observer, SoundProgress, Unit};
use serde::Serialize;
use std::io::{BufWriter, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where stderr is no terminal, progress in seconds of sound is a line so often.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// Exit code where the work is done, except for recordings that could not be used.
pub(crate) const INCOMPLETE: u8 = 3;

/// Where text, progress and results go.
#[derive(Debug)]
pub(crate) struct Ui {
    json: bool,
    quiet: bool,
    terminal: bool,
    bar: Mutex<Option<Bar>>,
    /// When the last line of progress was written.
    last_line: Mutex<Option<Instant>>,
    incomplete: AtomicBool,
    /// For programs, in the place of all text.
    lines: Option<JsonLines>,
}

/// What is seen of a task.
#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    /// It counts seconds of sound, not recordings.
    of_sound: bool,
    /// Those of a training, whose curves are below the bar.
    epochs: Vec<EpochMetrics>,
}

/// A line on stderr; where that has gone away, the work goes on.
pub(crate) fn line(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

impl Ui {
    /// As the flags ask.
    pub(crate) fn new(global: &Global) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self {
            json: global.json,
            quiet: global.quiet && !global.worker,
            terminal,
            bar: Mutex::new(None),
            last_line: Mutex::new(None),
            incomplete: AtomicBool::new(false),
            lines: (global.progress == Form::Json).then(|| JsonLines::new(std::io::stderr())),
        }
    }

    /// What a stage is given beside its options.
    pub(crate) fn job<'a>(&'a self, global: &Global, cancel: &CancelToken, command: Vec<String>) -> Result<Job<'a>> {
        let device = crate::device::open(&crate::device::list(&global.device)?[0])?;
        Ok(Job { device, seed: global.seed, observer: self, cancel: cancel.clone(), command, workers: None })
    }

    /// A line for the reader.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        match &self.lines {
            _ if self.quiet => {}
            Some(lines) => lines.event(Event::Message(text.as_ref())),
            None => self.above_the_bar(text.as_ref()),
        }
    }

    /// A warning: shown with `--quiet` too.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        match &self.lines {
            Some(lines) => lines.event(Event::Warning(text.as_ref())),
            None => self.above_the_bar(&format!("warning: {}", text.as_ref())),
        }
    }

    /// The one line that says why the command failed, or that somebody has interrupted it.
    pub(crate) fn error(&self, text: &str, interrupted: bool) {
        match &self.lines {
            Some(lines) => lines.failed(text, interrupted),
            None => self.above_the_bar(&format!("error: {text}")),
        }
    }

    /// Some recordings could not be used: the exit code says so.
    pub(crate) fn incomplete(&self) {
        self.incomplete.store(true, Ordering::Relaxed);
    }

    /// Whether some recordings could not be used.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.incomplete.load(Ordering::Relaxed)
    }

    fn above_the_bar(&self, text: &str) {
        match &*self.bar() {
            Some(Bar { bar, .. }) => bar.suspend(|| line(text)),
            None => line(text),
        }
    }

    fn bar(&self) -> MutexGuard<'_, Option<Bar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, task: &str, total: u64, unit: Unit) {
        if self.quiet || !self.terminal {
            return;
        }
        let template = match unit {
            Unit::Items => "{prefix:>10} {bar:30} {pos}/{len} [{elapsed} < {eta}, {per_sec}]",
            Unit::Bytes => "{prefix:>10} {bar:30} {bytes}/{total_bytes} [{elapsed} < {eta}, {bytes_per_sec}]",
        };
        let bar = ProgressBar::new(total).with_prefix(task.to_owned()).with_style(style(template));
        *self.bar() = Some(Bar { bar, of_sound: false, epochs: Vec::new() });
    }

    fn sound(&self, progress: &SoundProgress) {
        if let Some(Bar { bar, of_sound, .. }) = &mut *self.bar() {
            if !*of_sound {
                bar.set_style(style("{prefix:>10} {bar:12} {wide_msg}"));
                *of_sound = true;
            }
            // A length of 0 is a full bar.
            bar.set_length(progress.total_s.map_or(1, |total_s| (total_s.ceil() as u64).max(1)));
            bar.set_position(progress.total_s.map_or(0, |_| progress.done_s as u64));
            bar.set_message(text::progress(progress));
        } else if !self.quiet && !self.terminal {
            let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
            if last.get_or_insert_with(Instant::now).elapsed() >= LINE_EVERY {
                line(&text::progress(progress));
                *last = Some(Instant::now());
            }
        }
    }

    /// Draws the learning curves anew, below the bar.
    fn curves(&self, epoch: &EpochMetrics) {
        if let Some(Bar { bar, epochs, .. }) = &mut *self.bar() {
            epochs.push(*epoch);
            bar.set_style(style("{prefix:>10} {bar:30} {pos}/{len} [{elapsed} < {eta}, {per_sec}]\n{msg}"));
            bar.set_message(pipeline::train::curves(epochs));
        }
    }

    /// The result of the command, on stdout, when `--json` asks for it.
    pub(crate) fn result(&self, value: &impl Serialize) -> Result<()> {
        if self.json {
            let mut stdout = BufWriter::new(std::io::stdout().lock());
            let written = serde_json::to_writer_pretty(&mut stdout, value).map_err(std::io::Error::from);
            return unless_closed(written.and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush()));
        }
        Ok(())
    }

    /// Raw bytes on stdout.
    pub(crate) fn stdout(&self, bytes: &[u8]) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        unless_closed(stdout.write_all(bytes).and_then(|()| stdout.flush()))
    }

    /// Whether `--json` was given.
    pub(crate) fn json(&self) -> bool {
        self.json
    }
}

/// Nobody reads on: that is no error.
fn unless_closed(written: std::io::Result<()>) -> Result<()> {
    match written {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to stdout"),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Observer for Ui {
    fn event(&self, event: Event<'_>) {
        if let Some(lines) = &self.lines {
            if !self.quiet || matches!(event, Event::Warning(_)) {
                lines.event(event);
            }
            return;
        }
        match event {
            Event::Message(text) => self.say(text),
            Event::Warning(text) => self.warn(text),
            Event::Started { task, total, unit } => self.start(task, total, unit),
            Event::Advanced { done, .. } => {
                if let Some(Bar { bar, of_sound: false, .. }) = &*self.bar() {
                    bar.set_length(bar.length().unwrap_or(0).max(done));
                    bar.set_position(done);
                }
            }
            Event::Finished { .. } => {
                if let Some(Bar { bar, .. }) = self.bar().take() {
                    bar.finish_and_clear();
                }
            }
            Event::Epoch(epoch) => {
                self.say(text::epoch(epoch));
                self.curves(epoch);
            }
            Event::Sound(progress) => self.sound(progress),
            _ => {}
        }
    }
}
