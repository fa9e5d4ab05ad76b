//! Diagnostics: `-v` or `RUST_LOG` on stderr, `--log FILE` as JSON lines.
//!
//! Spans of the stages say how long each took when they close.

use crate::cli::{Form, Global};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::IsTerminal;
use std::sync::Mutex;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Starts the logs that the arguments and the environment ask for.
pub(crate) fn install(global: &Global) -> Result<()> {
    // Our own warnings are shown by the observer; without -v nothing is shown twice.
    let level = match global.verbose {
        0 => "off",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let spans = if global.verbose > 0 { FmtSpan::CLOSE } else { FmtSpan::NONE };
    let filter = match global.progress {
        Form::Text => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level)),
        // All of stderr is for programs.
        Form::Json => EnvFilter::new("off"),
    };
    let terminal = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false)
        .with_span_events(spans)
        .with_filter(filter);
    let file = match global.log.as_ref().filter(|_| !global.worker) {
        None => None,
        Some(path) => {
            let file = File::create(path).with_context(|| format!("--log {}: cannot be written", path.display()))?;
            let layer = tracing_subscriber::fmt::layer()
                .json()
                .with_writer(Mutex::new(file))
                .log_internal_errors(false)
                .with_span_events(FmtSpan::CLOSE);
            Some(layer.with_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("debug"))))
        }
    };
    Ok(tracing_subscriber::registry().with(terminal).with(file).try_init()?)
}
