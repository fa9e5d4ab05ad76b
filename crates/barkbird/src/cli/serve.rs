//! Arguments of `serve`.

use super::ask::AskArgs;
use super::values::positive;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Arguments of `serve`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// Folders of runs, model files, or models of the hub (owner/name)
    #[arg(value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// Address and port; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub(crate) addr: SocketAddr,
    /// Secret that requests have to bring; needed where others can reach the address [default: $BARKBIRD_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Further name that the server is asked by, such as that of this machine; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
    /// How models are asked
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// What is reviewed
    #[command(flatten)]
    pub(crate) review: ReviewArgs,
    /// Folder for what is uploaded to train on and for its models [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,
    /// Train nothing
    #[arg(long)]
    pub(crate) no_fit: bool,
    /// Pretrained network of trainings: a file of YAMNet, an ONNX model, or none [default: YAMNet where it is found]
    #[arg(long, value_name = "FILE", conflicts_with = "no_fit")]
    pub(crate) backbone: Option<String>,
    /// Bounds
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// What is reviewed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Review")]
pub(crate) struct ReviewArgs {
    /// Table of detections to review: of barkbird, Raven, BirdNET, Kaleidoscope or Audacity
    #[arg(long, value_name = "DETECTIONS")]
    pub(crate) review: Option<PathBuf>,
    /// Where recordings are that are not found as written: a folder, or the one recording of the table
    #[arg(long, value_name = "DIR", requires = "review")]
    pub(crate) recordings: Option<PathBuf>,
    /// File that answers are appended to
    #[arg(long, default_value = "reviews.csv", value_name = "FILE")]
    pub(crate) reviews: PathBuf,
}

/// Bounds.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Largest recording
    #[arg(long, default_value_t = 512, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..1 << 20))]
    pub(crate) max_upload_mib: u64,
    /// Longest recording, in seconds of sound
    #[arg(long, default_value_t = 86_400, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_seconds: u64,
    /// All clips of a training together
    #[arg(long, default_value_t = 4096, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..1 << 20))]
    pub(crate) max_fit_mib: u64,
    /// Recordings that are classified at a time
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = positive)]
    pub(crate) jobs: usize,
    /// Memory for windows and what networks compute of them, over all jobs, about
    #[arg(long, default_value_t = 256, value_name = "MIB", value_parser = clap::value_parser!(u64).range(16..1 << 20))]
    pub(crate) memory: u64,
}
