//! `barkbird`: learns to tell sounds apart, and says when a sound is neither.
//!
//! The binary owns what the stages must not know: arguments, configuration, the device, progress, logs and the glue
//! from one folder on disk to the next.

mod cancel;
mod cli;
mod commands;
mod compute;
mod config;
mod device;
mod embeddings;
mod exhibit;
mod finetune;
mod front_end;
mod hub;
mod inputs;
mod model;
mod outlier;
mod partners;
mod predictions;
mod pretrained;
mod ui;
mod views;
mod windows;

use clap::Parser;
use std::process::ExitCode;

/// Keeps its memory between training steps, where the system's allocator hands pages back and faults them in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a run exits with when it was interrupted, as shells have it for SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let pages = if cli.command.streams() { kernels::Pages::Small } else { kernels::Pages::Huge };
    kernels::settle_process(cli.global.threads, pages);
    let ui = ui::Ui::new(&cli.global);
    let outcome = prepare(&cli).and_then(|()| commands::run(&cli, &ui));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ui.error(&one_line(&error));
            if cancel::requested() { ExitCode::from(INTERRUPTED) } else { ExitCode::FAILURE }
        }
    }
}

/// An error and its causes; a cause that the text before it repeats already is left out.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.is_empty() {
            line = cause;
        } else if !line.ends_with(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line
}

fn prepare(cli: &cli::Cli) -> anyhow::Result<()> {
    cancel::install()?;
    ui::install_log();
    if let Some(threads) = cli.global.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::anyhow!("disk on fire").context("a.csv: cannot be read: disk on fire").context("scan");
        assert_eq!(one_line(&error), "scan: a.csv: cannot be read: disk on fire");
        assert_eq!(one_line(&anyhow::anyhow!("inner").context("outer")), "outer: inner");
    }
}
