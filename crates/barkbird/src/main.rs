//! `barkbird`: learns to tell sounds apart, and says when a sound is neither.
//!
//! The binary owns what the stages must not know: arguments, configuration, the device, progress, logs and the glue
//! from one folder on disk to the next.

mod cancel;
mod cli;
mod commands;
mod config;
mod device;
mod front_end;
mod inputs;
mod model;
mod ui;

use clap::Parser;
use std::process::ExitCode;

/// Keeps its memory between training steps, where the system's allocator hands pages back and faults them in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a run exits with when it was interrupted, as shells have it for SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let ui = ui::Ui::new(&cli.global);
    let outcome = prepare(&cli).and_then(|()| commands::run(&cli, &ui));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if cancel::requested() => {
            ui.error(&format!("{error:#}"));
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            ui.error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn prepare(cli: &cli::Cli) -> anyhow::Result<()> {
    cancel::install()?;
    ui::install_log();
    if let Some(threads) = cli.global.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    }
    Ok(())
}
