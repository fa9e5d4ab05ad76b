//! What a person sees: text and progress on stderr, machine-readable results alone on stdout.

use crate::cli::Global;
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Where text, progress and results go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    json: bool,
    quiet: bool,
    terminal: bool,
}

impl Ui {
    /// As the flags ask.
    pub(crate) fn new(global: &Global) -> Self {
        Self { json: global.json, quiet: global.quiet, terminal: std::io::stderr().is_terminal() }
    }

    /// The same without results on stdout: for a stage that runs inside another.
    pub(crate) fn nested(self) -> Self {
        Self { json: false, ..self }
    }

    /// A line for the reader.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            eprintln!("{}", text.as_ref());
        }
    }

    /// A warning: shown with `--quiet` too.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        eprintln!("warning: {}", text.as_ref());
    }

    /// The one line that says why the command failed.
    pub(crate) fn error(&self, text: &str) {
        eprintln!("error: {text}");
    }

    /// A progress bar over `n` steps; hidden where nobody watches.
    pub(crate) fn bar(&self, n: usize, what: &str) -> ProgressBar {
        let template = "{msg:>10} {bar:30} {pos}/{len} [{elapsed} < {eta}, {per_sec}]";
        self.styled(ProgressBar::new(n as u64).with_message(what.to_owned()), template)
    }

    /// A progress bar over the bytes of files that come from elsewhere; hidden where nobody watches.
    #[cfg(feature = "hub")]
    pub(crate) fn bytes(&self) -> ProgressBar {
        let template = "{msg:>10} {bar:30} {bytes}/{total_bytes} [{elapsed} < {eta}, {bytes_per_sec}]";
        self.styled(ProgressBar::new(0), template)
    }

    fn styled(&self, bar: ProgressBar, template: &str) -> ProgressBar {
        if self.quiet || !self.terminal {
            return ProgressBar::hidden();
        }
        bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
    }

    /// The result of the command, on stdout, when `--json` asks for it.
    pub(crate) fn result(&self, value: &impl Serialize) -> Result<()> {
        if self.json {
            let text = serde_json::to_string_pretty(value)?;
            self.stdout(text.as_bytes())?;
            self.stdout(b"\n")?;
        }
        Ok(())
    }

    /// Raw bytes on stdout.
    pub(crate) fn stdout(&self, bytes: &[u8]) -> Result<()> {
        let written = std::io::stdout().lock().write_all(bytes);
        match written {
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.context("cannot write to stdout"),
        }
    }

    /// Whether `--json` was given.
    pub(crate) fn json(&self) -> bool {
        self.json
    }
}

/// Lines up columns for a terminal: the first to the left, the others to the right.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let columns = header.len();
    let mut widths: Vec<usize> = header.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let cell = |(i, (cell, width)): (usize, (&&str, &usize))| {
            if i == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        };
        let joined: Vec<_> = cells.iter().zip(&widths).enumerate().map(cell).collect();
        format!("  {}", joined.join("  ")).trim_end().to_owned()
    };
    let mut lines = vec![line(header.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().take(columns).map(String::as_str).collect())));
    lines.join("\n")
}

/// Diagnostics that `RUST_LOG` asks for; warnings by default.
pub(crate) fn install_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    // A second call (there is none) would keep the first log.
    drop(tracing_subscriber::registry().with(filter).with(layer).try_init());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["dog".into(), "12".into()], vec!["nightingale".into(), "3".into()]];
        assert_eq!(table(&["class", "n"], &rows), "  class         n\n  dog          12\n  nightingale   3");
    }
}
