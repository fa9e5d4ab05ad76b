//! What a person sees: text and progress on stderr, machine-readable results alone on stdout.

use crate::cli::Global;
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use pipeline::{CancelToken, Event, Job, Observer, Unit};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where text, progress and results go.
#[derive(Debug)]
pub(crate) struct Ui {
    json: bool,
    quiet: bool,
    terminal: bool,
    bar: Mutex<Option<ProgressBar>>,
    incomplete: AtomicBool,
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
            quiet: global.quiet,
            terminal,
            bar: Mutex::new(None),
            incomplete: AtomicBool::new(false),
        }
    }

    /// What a stage is given beside its options.
    pub(crate) fn job<'a>(&'a self, global: &Global, cancel: &CancelToken, command: Vec<String>) -> Result<Job<'a>> {
        let device = crate::device::open(&global.device)?;
        Ok(Job { device, seed: global.seed, observer: self, cancel: cancel.clone(), command })
    }

    /// A line for the reader.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.above_the_bar(text.as_ref());
        }
    }

    /// A warning: shown with `--quiet` too.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        self.above_the_bar(&format!("warning: {}", text.as_ref()));
    }

    /// The one line that says why the command failed.
    pub(crate) fn error(&self, text: &str) {
        self.above_the_bar(&format!("error: {text}"));
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
            Some(bar) => bar.suspend(|| line(text)),
            None => line(text),
        }
    }

    fn bar(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, task: &str, total: u64, unit: Unit) {
        if self.quiet || !self.terminal {
            return;
        }
        let template = match unit {
            Unit::Items => "{msg:>10} {bar:30} {pos}/{len} [{elapsed} < {eta}, {per_sec}]",
            Unit::Bytes => "{msg:>10} {bar:30} {bytes}/{total_bytes} [{elapsed} < {eta}, {bytes_per_sec}]",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        *self.bar() = Some(ProgressBar::new(total).with_message(task.to_owned()).with_style(style));
    }

    /// The result of the command, on stdout, when `--json` asks for it.
    pub(crate) fn result(&self, value: &impl Serialize) -> Result<()> {
        if self.json {
            let mut text = serde_json::to_string_pretty(value)?;
            text.push('\n');
            self.stdout(text.as_bytes())?;
        }
        Ok(())
    }

    /// Raw bytes on stdout.
    pub(crate) fn stdout(&self, bytes: &[u8]) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.context("cannot write to stdout"),
        }
    }

    /// Whether `--json` was given.
    pub(crate) fn json(&self) -> bool {
        self.json
    }
}

impl Observer for Ui {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Message(text) => self.say(text),
            Event::Warning(text) => self.warn(text),
            Event::Started { task, total, unit } => self.start(task, total, unit),
            Event::Advanced { done, .. } => {
                if let Some(bar) = &*self.bar() {
                    bar.set_length(bar.length().unwrap_or(0).max(done));
                    bar.set_position(done);
                }
            }
            Event::Finished { .. } => {
                if let Some(bar) = self.bar().take() {
                    bar.finish_and_clear();
                }
            }
            Event::Epoch(epoch) => self.say(crate::text::epoch(epoch)),
            _ => {}
        }
    }
}
