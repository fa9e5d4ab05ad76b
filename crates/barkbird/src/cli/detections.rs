//! Arguments of the commands that work on tables of detections.

use super::ask::AskArgs;
use super::values::{named, not_negative, positive};
use clap::Args;
use pipeline::clips::{Encoding, Pick};
use std::path::PathBuf;

/// A table, and where its recordings are.
#[derive(Debug, Clone, Args)]
pub(crate) struct TableArgs {
    /// Table of detections: of barkbird, Raven, BirdNET, Kaleidoscope or Audacity
    #[arg(value_name = "DETECTIONS")]
    pub(crate) detections: PathBuf,
    /// Where recordings are that are not found as written: a folder, or the one recording of the table
    #[arg(long, value_name = "DIR")]
    pub(crate) recordings: Option<PathBuf>,
    /// Column of the label, where it is not the usual one
    #[arg(long, value_name = "NAME")]
    pub(crate) label_column: Option<String>,
}

/// Arguments of `clips`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClipsArgs {
    /// The table
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Folder to write into
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Sound before and after each detection
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS", value_parser = not_negative)]
    pub(crate) context: f64,
    /// Maximum number of clips of each label
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) per_class: Option<usize>,
    /// Which detections --per-class takes
    #[arg(long, default_value = "random", value_parser = named::<Pick>())]
    pub(crate) pick: Pick,
    /// Minimum score
    #[arg(long, value_name = "SCORE")]
    pub(crate) min_score: Option<f64>,
    /// Maximum score
    #[arg(long, value_name = "SCORE")]
    pub(crate) max_score: Option<f64>,
    /// Labels to cut [default: all]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) label: Vec<String>,
    /// Format of the clips
    #[arg(long, default_value = "wav", value_parser = named::<Encoding>())]
    pub(crate) format: Encoding,
    /// Draw the spectrogram of each clip beside it (PNG)
    #[arg(long)]
    pub(crate) pictures: bool,
}

/// Arguments of `check`.
#[derive(Debug, Clone, Args)]
pub(crate) struct CheckArgs {
    /// The table
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Folder of a run, a model file, or a model of the hub (owner/name)
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// How the model is asked
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// Output file; FILE.json beside it says what made it [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Labels of the model to mark with `yes` in the column barkbird_mark
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) mark: Vec<String>,
}
