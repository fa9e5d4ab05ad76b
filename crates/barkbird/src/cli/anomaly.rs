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
    /// Compare all methods to detect unknown sounds, on your own unknown sounds and on noises
    #[command(
        after_help = "Examples:\n  barkbird anomaly bench run --features features --out bench\n  barkbird anomaly bench \
                      run --features features --backbone yamnet --backbone-features features-yamnet --out bench\n\n\
                      Unknown sounds are the clips in splits named ood-... and those without a label of the model's classes. \
                      Methods are fitted on the training split and chosen on --choose-on (by default ood-val) beside the \
                      validation split; every other figure is of sounds that had no part in the choice. A backbone \
                      that was pretrained on sounds detects unknown sounds far better than most classifiers: `barkbird fetch yamnet`, \
                      then --backbone yamnet, and compute features with `--front-end yamnet` from the same manifest. DIR gets anomaly.json, scores.csv, and pictures (principal-*.svg, isomap-*.svg)."
    )]
    Bench(BenchArgs),
    /// Fit and calibrate a detector of unknown sounds, and add it to the model file
    #[command(
        after_help = "Examples:\n  barkbird anomaly fit run --features features\n  barkbird anomaly fit run --features \
                      features --backbone yamnet --backbone-features features-yamnet --bench bench/anomaly.json\n  \
                      barkbird anomaly fit run --features features --method knn,max_softmax --out run-with-detector"
    )]
    Fit(FitArgs),
    /// Group rejected sounds, to listen to them and to make new classes of them
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
    /// Folder of a run, a model file, or a model of the hub (owner/name)
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Features folder (repeatable)
    #[arg(long, value_name = "DIR", required = true)]
    pub(crate) features: Vec<PathBuf>,
    /// Weights of a backbone pretrained on sounds: YAMNet as .tflite or safetensors, or yamnet once it is fetched
    #[arg(long, alias = "trunk", value_name = "FILE", requires = "backbone_features")]
    pub(crate) backbone: Option<PathBuf>,
    /// Features folder of the same clips for the backbone, made with --front-end yamnet (repeatable)
    #[arg(long, alias = "trunk-features", value_name = "DIR", requires = "backbone")]
    pub(crate) backbone_features: Vec<PathBuf>,
    /// Splits to fit methods on
    #[arg(long, default_value = "train", value_name = "A,B", value_delimiter = ',')]
    pub(crate) train_split: Vec<String>,
    /// Splits of known sounds to choose and calibrate methods on; never one that was trained on
    #[arg(long, default_value = "val", value_name = "A,B", value_delimiter = ',')]
    pub(crate) val_split: Vec<String>,
    /// Split of unknown sounds to choose the method on [default: ood-val, where there is one]
    #[arg(long, value_name = "NAME")]
    pub(crate) choose_on: Option<String>,
}

impl From<&RowsArgs> for pipeline::anomaly::RowsOptions {
    fn from(args: &RowsArgs) -> Self {
        Self {
            run: args.run.clone(),
            features: args.features.clone(),
            backbone: args.backbone.clone(),
            backbone_features: args.backbone_features.clone(),
            train_split: args.train_split.clone(),
            val_split: args.val_split.clone(),
            choose_on: args.choose_on.clone(),
        }
    }
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
    /// Splits of known sounds to compare with [default: all labeled ones that had no part in fitting]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) known: Vec<String>,
    /// Number of made noises, silences, tones and pieces of music of each kind; 0 for none
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) synthetic: usize,
    /// Maximum false-rejection rate at which the detected share is reported
    #[arg(long, default_value_t = 0.05, value_name = "A", value_parser = alpha)]
    pub(crate) alpha: f64,
}

/// Arguments of `anomaly fit`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FitArgs {
    /// Where rows come from.
    #[command(flatten)]
    pub(crate) rows: RowsArgs,
    /// Methods to add, the first for `predict --reject auto` [default: recommended by --bench, or best on --choose-on]
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "bench")]
    pub(crate) method: Vec<String>,
    /// anomaly.json that `anomaly bench` wrote for this model
    #[arg(long, value_name = "FILE")]
    pub(crate) bench: Option<PathBuf>,
    /// Write a copy of the model into this folder instead of changing the run
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Arguments of `anomaly discover`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DiscoverArgs {
    /// Folder of a run, a model file, or a model of the hub (owner/name), with a detector
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Recordings, folders of recordings, or manifests
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Folder for the page, the sounds and discover.json
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Detector of unknown sounds; auto is the model's first
    #[arg(long, default_value = "auto", value_name = "METHOD")]
    pub(crate) reject: String,
    /// Maximum false-rejection rate [default: 0.05, or the smallest that the calibration allows]
    #[arg(long, value_name = "A", value_parser = alpha)]
    pub(crate) alpha: Option<f64>,
    /// Number of groups [default: as many as are well separated]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) clusters: Option<usize>,
    /// Label of a group (repeatable)
    #[arg(long, value_name = "GROUP=LABEL", requires = "manifest", value_parser = named)]
    pub(crate) name: Vec<(usize, String)>,
    /// Manifest to add named windows to
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Features folder that the model was trained on; with --name, trains a model that knows the new classes (repeatable)
    #[arg(long, value_name = "DIR", requires = "name")]
    pub(crate) features: Vec<PathBuf>,
    /// Features folder of the same clips for the model's backbone (repeatable)
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
