//! Arguments of `calibrate`.

use clap::Args;
use std::path::PathBuf;

/// Arguments of `calibrate`.
#[derive(Debug, Clone, Args)]
pub(crate) struct CalibrateArgs {
    /// Folder of a run, a model file, or a model of the hub (owner/name)
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Labeled clips of the place: a folder with one folder a class, a manifest, or answers of a review
    #[arg(value_name = "CLIPS", required = true)]
    pub(crate) clips: Vec<PathBuf>,
    /// Folder of the model for the place
    #[arg(long, value_name = "RUN")]
    pub(crate) out: PathBuf,
    /// Splits of the manifest to take [default: all rows]
    #[arg(long, value_name = "A,B")]
    pub(crate) split: Option<String>,
    /// Replace a model that the folder holds
    #[arg(long)]
    pub(crate) overwrite: bool,
}
