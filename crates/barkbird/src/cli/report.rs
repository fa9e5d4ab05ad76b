//! Arguments of `report`.

use super::values::not_negative;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `report`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportArgs {
    /// Folders of runs; with --review at most one, whose classes can be answered
    #[arg(value_name = "RUN", required_unless_present = "review")]
    pub(crate) runs: Vec<PathBuf>,
    /// Manifest of the recordings, for spectrograms, players and the map; repeatable
    #[arg(long = "manifest", value_name = "FILE")]
    pub(crate) manifests: Vec<PathBuf>,
    /// Folder that `doctor` wrote, to show its findings
    #[arg(long, value_name = "DIR")]
    pub(crate) doctor: Option<PathBuf>,
    /// HTML file to write
    #[arg(long, default_value = "report.html", value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Number of recordings to show of each class
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) examples: usize,
    /// Number of clips to show and play in all; the page stays below 20 MB
    #[arg(long, default_value_t = 250, value_name = "N")]
    pub(crate) clips: usize,
    /// Answers of a review, to show the precision of each class; repeatable
    #[arg(long, value_name = "FILE", conflicts_with = "review")]
    pub(crate) reviews: Vec<PathBuf>,
    /// Table that the answers of --reviews are about, to show the precision of the whole table, too
    #[arg(long, value_name = "FILE", requires = "reviews")]
    pub(crate) detections: Option<PathBuf>,
    /// Write a page to review detections in place of a report: --clips of this table, with their sounds
    #[arg(long, value_name = "DETECTIONS", conflicts_with_all = ["manifests", "doctor"])]
    pub(crate) review: Option<PathBuf>,
    /// Where recordings are that --review does not find as written: a folder, or the one recording of the table
    #[arg(long, value_name = "DIR", requires = "review")]
    pub(crate) recordings: Option<PathBuf>,
    /// Sound before and after each detection that is reviewed
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS", value_parser = not_negative)]
    pub(crate) context: f64,
}
