//! Arguments of `anomaly`.

use super::values::{alpha, positive};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `anomaly`.
#[derive(Debug, Clone, Args)]
pub(crate) struct AnomalyArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: AnomalyCommand,
}

/// What `anomaly` does.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum AnomalyCommand {
    /// Measure every way to tell unknown sounds, on your own unknown sounds and on noises
    #[command(
        after_help = "Examples:\n  barkbird anomaly bench run --features features --out bench\n  barkbird anomaly bench \
                      run --features features --backbone yamnet.tflite --backbone-features features-yamnet --out bench\n\n\
                      Unknown sounds are the clips in splits named ood-... and those without a label of the model's classes. \
                      Ways are fitted on the training split and chosen on --choose-on (by default ood-val) beside the \
                      validation split; every other figure is of sounds that had no part in the choice. A backbone that \
                      learned from sounds tells unknown sounds far better than most classifiers can: fetch yamnet.tflite \
                      (google/yamnet on Kaggle Models), and compute features with `--front-end yamnet` from the same \
                      manifest. DIR gets anomaly.json, scores.csv, and pictures (principal-*.svg, isomap-*.svg)."
    )]
    Bench(BenchArgs),
    /// Fit a way to tell unknown sounds, calibrate it, and put it into the model's file for `predict`
    #[command(
        after_help = "Examples:\n  barkbird anomaly fit run --features features\n  barkbird anomaly fit run --features \
                      features --backbone yamnet.tflite --backbone-features features-yamnet --bench bench/anomaly.json\n  \
                      barkbird anomaly fit run --features features --method knn,max_softmax --out run-with-detector"
    )]
    Fit(FitArgs),
    /// Group what the model calls neither, to hear it and to make new classes of it
    #[command(
        after_help = "Examples:\n  barkbird anomaly discover run recordings/ --out found     (look at found/discover.html)\n  \
                      barkbird anomaly discover run recordings/ --out found --manifest manifest.csv --name 1=frog --name \
                      3=rain\n\nWith --name the windows of those groups are added to the manifest as \
                      found/manifest.named.csv, each recording a group of its own; train on it, and fit the detector \
                      again."
    )]
    Discover(DiscoverArgs),
}

/// Where rows come from.
#[derive(Debug, Clone, Args)]
pub(crate) struct RowsArgs {
    /// Folder of a run, or a model file
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Features folder, as often as there are
    #[arg(long, value_name = "DIR", required = true)]
    pub(crate) features: Vec<PathBuf>,
    /// Weights of a backbone that learned from sounds: YAMNet's .tflite or safetensors
    #[arg(long, alias = "trunk", value_name = "FILE", requires = "backbone_features")]
    pub(crate) backbone: Option<PathBuf>,
    /// Features folder of the same clips for the backbone (`barkbird features --front-end yamnet`), as often as there are
    #[arg(long, alias = "trunk-features", value_name = "DIR", requires = "backbone")]
    pub(crate) backbone_features: Vec<PathBuf>,
    /// Splits that ways are fitted on
    #[arg(long, default_value = "train", value_name = "A,B", value_delimiter = ',')]
    pub(crate) train_split: Vec<String>,
    /// Splits of known sounds that ways are chosen and calibrated on; never one that was trained on
    #[arg(long, default_value = "val", value_name = "A,B", value_delimiter = ',')]
    pub(crate) val_split: Vec<String>,
    /// Split of unknown sounds that the way is chosen on, and that background classes learn from; by default ood-val where there is one
    #[arg(long, value_name = "NAME")]
    pub(crate) choose_on: Option<String>,
}

/// Arguments of `anomaly bench`.
#[derive(Debug, Clone, Args)]
pub(crate) struct BenchArgs {
    /// Where rows come from.
    #[command(flatten)]
    pub(crate) rows: RowsArgs,
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Splits of known sounds that unknown sounds are told from, each by itself; by default all labelled ones that had no part
    /// in fitting
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) known: Vec<String>,
    /// Noises, silences, tones and pieces of music of each kind that are made as unknown sounds; 0 for none
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) synthetic: usize,
    /// Share of false rejections at which the detected share is told too
    #[arg(long, default_value_t = 0.05, value_name = "A", value_parser = alpha)]
    pub(crate) alpha: f64,
}

/// Arguments of `anomaly fit`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FitArgs {
    /// Where rows come from.
    #[command(flatten)]
    pub(crate) rows: RowsArgs,
    /// Ways to put into the model, the first for `predict --reject auto`. By default the one that --bench recommends, or
    /// the best on --choose-on, or what has done best elsewhere
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "bench")]
    pub(crate) method: Vec<String>,
    /// What `anomaly bench` has written for this model
    #[arg(long, value_name = "FILE")]
    pub(crate) bench: Option<PathBuf>,
    /// Write a copy of the model here, in place of changing the run's own
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Arguments of `anomaly discover`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DiscoverArgs {
    /// Folder of a run, or a model file, that `anomaly fit` has given a detector
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Recordings, folders of recordings, or manifests
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Folder for the page, the sounds and discover.json
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Detector to ask; auto is the model's first
    #[arg(long, default_value = "auto", value_name = "METHOD")]
    pub(crate) reject: String,
    /// Share of known recordings that may be called neither; 0.05, or with few calibration groups the smallest that there is
    #[arg(long, value_name = "A", value_parser = alpha)]
    pub(crate) alpha: Option<f64>,
    /// Groups to make; by default as many as stay apart
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) clusters: Option<usize>,
    /// Give a group's windows this label, as often as needed
    #[arg(long, value_name = "GROUP=LABEL", requires = "manifest", value_parser = named)]
    pub(crate) name: Vec<(usize, String)>,
    /// Manifest that named windows are added to
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Features folder that the model was trained on: with --name, a model that knows the new classes too is made of it
    #[arg(long, value_name = "DIR", requires = "name")]
    pub(crate) features: Vec<PathBuf>,
    /// Features folder of the same clips for the model's backbone
    #[arg(long, alias = "trunk-features", value_name = "DIR", requires = "features")]
    pub(crate) backbone_features: Vec<PathBuf>,
}

fn named(text: &str) -> Result<(usize, String), String> {
    let parsed = text.split_once('=').and_then(|(group, label)| Some((group.trim().parse().ok()?, label.trim())));
    match parsed {
        Some((group, label)) if group > 0 && !label.is_empty() => Ok((group, label.to_owned())),
        _ => Err(format!("{text}: expected GROUP=LABEL, such as 3=frog")),
    }
}
