//! Arguments of `backbone`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `backbone`.
#[derive(Debug, Clone, Args)]
pub(crate) struct BackboneArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: BackboneCommand,
}

/// What `backbone` does.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum BackboneCommand {
    /// Check that an ONNX model works as a backbone, and how fast it is
    #[command(
        after_help = "Example:\n  barkbird backbone check perch.onnx\n\nShows what the model takes and gives, its license and \
                      SHA-256. Runs it over windows of noise and tones: outputs have to be finite, the same bits twice, \
                      and the same for one window as for several at once. What the file does not say of itself (sample \
                      rate, window, classes, outputs) is in perch.toml beside it; docs/backbones.md lists the keys. \
                      Needs a build with `cargo build --release --features onnx`."
    )]
    Check(CheckArgs),
}

/// Arguments of `backbone check`.
#[derive(Debug, Clone, Args)]
pub(crate) struct CheckArgs {
    /// ONNX model that takes a waveform
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
