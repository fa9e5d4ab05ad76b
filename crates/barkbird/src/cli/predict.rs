//! Arguments of `predict`.

use super::ask::AskArgs;
use super::values::{alpha, interval, not_negative, part, share, threshold};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Arguments of `predict`.
#[derive(Debug, Clone, Args)]
pub(crate) struct PredictArgs {
    /// Folder of a run, a model file, or a model of the hub (owner/name)
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Recordings, folders of recordings, or manifests; - for standard input
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Formats of the tables, separated by commas; several need a folder
    #[arg(long, value_enum, value_delimiter = ',', default_value = "csv", value_name = "FORMAT")]
    pub(crate) format: Vec<Format>,
    /// File or, with a / at its end, folder to write to; - for standard output [default: -]
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// Write a table for each recording into the folder --out
    #[arg(long, requires = "out")]
    pub(crate) separate: bool,
    /// How the model is asked
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// Give the classes that each window may be, so that the true one is among them with this probability (a model of `fit`)
    #[arg(long, value_name = "C", value_parser = alpha)]
    pub(crate) coverage: Option<f64>,
    /// Name the strongest of the pretrained network's own classes (CSV column; JSON has them where the model does)
    #[arg(long)]
    pub(crate) evidence: bool,
    /// Write one row per recording instead of one per window (CSV; JSON has both)
    #[arg(long, conflicts_with = "events")]
    pub(crate) per_recording: bool,
    /// Overlap of consecutive windows [default: 0, or half a window with --events]
    #[arg(long, value_name = "SECONDS", value_parser = not_negative)]
    pub(crate) overlap: Option<f64>,
    /// Go on with a run that was broken off
    #[arg(long, requires = "out", conflicts_with = "overwrite")]
    pub(crate) resume: bool,
    /// Begin again where a run was broken off
    #[arg(long, requires = "out")]
    pub(crate) overwrite: bool,
    /// Classify share I of N of the recordings; afterwards run once without --part to write the tables
    #[arg(long, value_name = "I/N", value_parser = part, requires = "out")]
    pub(crate) part: Option<(usize, usize)>,
    /// Write the activity by hour of day, a picture (.svg, .png) or a table (.csv); repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) activity: Vec<PathBuf>,
    /// Go on with recordings that come into the folders later, until Ctrl-C
    #[arg(long, requires = "out", conflicts_with = "part")]
    pub(crate) watch: bool,
    /// How often --watch looks; a recording that has not changed since the last look is taken
    #[arg(long, value_name = "SECONDS", value_parser = interval, default_value = "10", requires = "watch")]
    pub(crate) watch_interval: f64,
    /// Memory for windows and what networks compute of them, in MiB, about [default: 256]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(16..))]
    pub(crate) memory: Option<u64>,
    /// How windows become events
    #[command(flatten)]
    pub(crate) events: EventArgs,
}

/// How windows become events.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Events")]
pub(crate) struct EventArgs {
    /// Write events in place of windows: stretches in which a class sounds
    #[arg(long)]
    pub(crate) events: bool,
    /// Configuration file (TOML) whose section `[events]` has the settings; flags come before it
    #[arg(long, value_name = "FILE", requires = "events")]
    pub(crate) config: Option<PathBuf>,
    /// Score that an event reaches somewhere, for all classes or by class (0.6,dog=0.8) [default: 0.5]
    #[arg(long, value_name = "P", value_delimiter = ',', value_parser = threshold, requires = "events")]
    pub(crate) threshold: Vec<(Option<String>, f32)>,
    /// Take the thresholds that have this precision on clips that the model was not fitted on (a model of `fit`)
    #[arg(long, value_name = "P", value_parser = alpha, requires = "events", conflicts_with = "threshold")]
    pub(crate) target_precision: Option<f64>,
    /// Share of the threshold below which an event ends [default: 0.8]
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "events")]
    pub(crate) low: Option<f32>,
    /// Stretches between window borders that a score is averaged over, an odd number [default: 1]
    #[arg(long, value_name = "N", requires = "events")]
    pub(crate) smooth: Option<usize>,
    /// Longest gap between two events of a class that become one [default: 0]
    #[arg(long, value_name = "SECONDS", value_parser = not_negative, requires = "events")]
    pub(crate) max_gap: Option<f64>,
    /// Shortest event [default: 0]
    #[arg(long, value_name = "SECONDS", value_parser = not_negative, requires = "events")]
    pub(crate) min_length: Option<f64>,
}

/// Forms of a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A row a window, or an event
    Csv,
    /// An object with `predictions` and `skipped`
    Json,
    /// An object a line
    Jsonl,
    /// Apache Parquet
    Parquet,
    /// Selection table of Raven
    Raven,
    /// Label track of Audacity
    Audacity,
    /// `id.csv` of Kaleidoscope
    Kaleidoscope,
    /// CSV of BirdNET-Analyzer
    Birdnet,
    /// Selection table of BirdNET-Analyzer
    BirdnetTable,
}
