//! `barkbird`: learns to tell sounds apart, and says when a sound is neither.
//!
//! The binary turns arguments into options, calls a stage of the crate `pipeline`, and prints what comes back. It alone
//! knows the terminal, signals, logs and exit codes, and chooses the device.

mod cli;
mod commands;
mod device;
mod log;
mod reference;
mod text;
mod ui;
mod workers;

use clap::Parser;
use cli::Command;
use pipeline::{CancelToken, process};
use std::process::ExitCode;

/// Keeps its memory between training steps, where the system's allocator hands pages back and faults them in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code after an interruption, as shells have it for SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    // One rule for all commands: what is not UTF-8 can stand in no manifest, table or JSON.
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(word) = words.iter().find(|word| word.to_str().is_none()) {
        ui::line(&format!("error: {}: the name is not UTF-8; rename it", word.to_string_lossy()));
        return ExitCode::FAILURE;
    }
    let cli = cli::Cli::parse();
    let pages = if streams(&cli.command) { process::Pages::Small } else { process::Pages::Huge };
    process::settle_process(cli.global.threads, pages);
    let ui = ui::Ui::new(&cli.global);
    let cancel = CancelToken::default();
    let outcome = prepare(&cli, &cancel).and_then(|()| commands::run(&cli, &ui, &cancel));
    match outcome {
        Ok(()) if ui.is_incomplete() => ExitCode::from(ui::INCOMPLETE),
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = pipeline::one_line(error.as_ref());
            let advice = pipeline::advice(error.as_ref()).filter(|_| !text.contains("make room"));
            let text = advice.map_or_else(|| text.clone(), |advice| format!("{text}; {advice}"));
            ui.error(&text, cancel.is_cancelled());
            if cancel.is_cancelled() { ExitCode::from(INTERRUPTED) } else { ExitCode::FAILURE }
        }
    }
}

/// Whether recordings stream through a command, so that little memory is touched, and none of it twice for long.
fn streams(command: &Command) -> bool {
    use Command::{Augment, Clips, Doctor, Features, Scan, Synth};
    matches!(command, Synth(_) | Scan(_) | Doctor(_) | Features(_) | Augment(_) | Clips(_))
}

fn prepare(cli: &cli::Cli, cancel: &CancelToken) -> anyhow::Result<()> {
    catch_signals(cancel, cli.global.progress)?;
    log::install(&cli.global)?;
    if cli.global.worker {
        pipeline::stop_with_standard_input(cancel);
    }
    #[cfg(feature = "buckets")]
    pipeline::buckets::mount(cli.global.bucket_cache.clone(), cli.global.bucket_cache_gb)?;
    if let Some(threads) = cli.global.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    }
    Ok(())
}

/// The first Ctrl-C (or SIGTERM) asks the stage to stop after the step it is in, the second ends the process.
fn catch_signals(cancel: &CancelToken, form: cli::Form) -> anyhow::Result<()> {
    let cancel = cancel.clone();
    let handler = move || {
        if cancel.is_cancelled() {
            std::process::exit(i32::from(INTERRUPTED));
        }
        cancel.cancel();
        if form == cli::Form::Text {
            ui::line("\nstopping after this step, so that what is done is kept (press again to stop at once)");
        }
    };
    Ok(process::with_hangup_kept(|| ctrlc::set_handler(handler))?)
}
