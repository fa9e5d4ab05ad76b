//! Ctrl-C: the first asks the stage to stop after the step it is in, the second ends the process.

use anyhow::{Context, Result, bail};
use std::sync::atomic::{AtomicBool, Ordering};

/// Set once somebody has asked to stop.
pub(crate) static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Whether somebody has asked to stop.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Fails once somebody has asked to stop; `kept` says what the next run finds.
pub(crate) fn check(kept: &str) -> Result<()> {
    if requested() {
        bail!("stopped; {kept}");
    }
    Ok(())
}

/// Catches SIGINT and SIGTERM.
pub(crate) fn install() -> Result<()> {
    let handler = || {
        if REQUESTED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(crate::INTERRUPTED));
        }
        eprintln!("\nstopping after this step, so that what is done is kept (press again to stop at once)");
    };
    ctrlc::set_handler(handler).context("cannot catch Ctrl-C")
}
