//! Arguments of `export`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Arguments of `export`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExportArgs {
    /// What is written
    #[command(subcommand)]
    pub(crate) command: ExportCommand,
}

/// What `export` writes.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ExportCommand {
    /// Write one ONNX graph: samples in; probabilities, embedding and the score of unknown sounds out
    #[command(
        after_help = "Example:\n  barkbird export onnx run --out onnx\n\nThe folder gets model.onnx, model.json, README.md and \
                      parity.safetensors, by which anybody can check the graph. docs/export.md says more."
    )]
    Onnx(OnnxArgs),
}

/// Arguments of `export onnx`.
#[derive(Debug, Clone, Args)]
pub(crate) struct OnnxArgs {
    /// Folder of a run, or a model file
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Where the graph begins
    #[arg(long, value_enum, default_value = "waveform", value_name = "WHAT")]
    pub(crate) from: From,
    /// Compare the graph with the model on 200 of these recordings, too: files, folders or manifests; repeatable
    #[arg(long, value_name = "INPUT")]
    pub(crate) compare_on: Vec<PathBuf>,
    /// Replace a graph that the folder holds
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Where a graph begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// With samples; the front end is inside
    Waveform,
    /// With the spectrogram of the front end
    Spectrogram,
}
