//! Options of every command.

use super::values::{Form, threads};
use clap::Args;
use std::path::PathBuf;

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Compute device: auto, cpu, cuda, cuda:N or metal; several (cuda:0,1) share the work of `fit`, `predict` and `compare --sizes`
    #[arg(long, global = true, default_value = "auto", value_name = "DEVICE", overrides_with = "device")]
    pub(crate) device: String,
    /// Random seed; equal seeds give equal bytes [default: 0]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Number of threads [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = threads, overrides_with = "threads")]
    pub(crate) threads: Option<usize>,
    /// Print the result as JSON on stdout; text stays on stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print warnings and errors only
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Form of messages and progress on stderr; `json` is an object a line, for programs (docs/predict.md)
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORM", overrides_with = "progress")]
    pub(crate) progress: Form,
    /// Show what the stages do and how long they take; -vv and -vvv show more
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Folder for blocks of what is read from buckets [default: that of the user's caches]
    #[cfg(feature = "buckets")]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) bucket_cache: Option<PathBuf>,
    /// Gigabytes that these blocks may take [default: 10]
    #[cfg(feature = "buckets")]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) bucket_cache_gb: Option<f64>,
    /// Write diagnostics to a file, as JSON lines
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Stop once standard input ends: for processes that this program starts
    #[arg(long, global = true, hide = true)]
    pub(crate) worker: bool,
}
