//! Arguments that say how data of other tools are read.

use super::values::{above_zero, named};
use clap::Args;
use pipeline::import::{Layout, Options};
use std::path::PathBuf;

/// How data are read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data of other tools")]
pub(crate) struct ImportArgs {
    /// What the data are [default: found out, and said]
    #[arg(long, value_parser = named::<Layout>(), value_name = "LAYOUT")]
    pub(crate) layout: Option<Layout>,
    /// Folder of the recordings that a table names, or the one recording that it is of
    #[arg(long, value_name = "PATH")]
    pub(crate) recordings: Option<PathBuf>,
    /// Column of the label [default: that of the tool]
    #[arg(long, value_name = "NAME")]
    pub(crate) label_column: Option<String>,
    /// Extend shorter annotations into the sound around them, up to annotations of other labels
    #[arg(long, value_parser = above_zero, value_name = "SECONDS")]
    pub(crate) clip_seconds: Option<f64>,
    /// Take up to N clips of each annotated recording, where nothing is annotated, as `neither`
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) background: usize,
    /// Leave out annotations with a lower score
    #[arg(long, value_name = "P")]
    pub(crate) min_score: Option<f64>,
}

impl ImportArgs {
    /// The options.
    pub(crate) fn options(&self) -> Options {
        let Self { layout, recordings, label_column, clip_seconds, background, min_score } = self.clone();
        Options { layout, recordings, label_column, clip_s: clip_seconds, background, min_score }
    }
}
