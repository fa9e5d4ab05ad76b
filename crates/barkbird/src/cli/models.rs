//! Arguments of the commands that train a model or use one.

use super::values::{alpha, positive, share};
use super::{ConfigArgs, Strength};
use crate::compute::Precision;
use crate::finetune::{Head, Way};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Arguments of `train`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrainArgs {
    /// Which model
    #[arg(value_enum)]
    pub(crate) model: ModelKind,
    /// Features folder
    #[arg(long, value_name = "DIR")]
    pub(crate) features: PathBuf,
    /// Folder of the run
    #[arg(long, value_name = "RUN")]
    pub(crate) out: PathBuf,
    /// Splits that are trained on, separated by commas
    #[arg(long, default_value = "train", value_name = "A,B")]
    pub(crate) train_split: String,
    /// Splits that the epoch is chosen on, separated by commas; with `none` the last epoch is kept
    #[arg(long, default_value = "val", value_name = "A,B")]
    pub(crate) val_split: String,
    /// Configuration of model and training
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Size of the network
    #[arg(long, value_enum)]
    pub(crate) preset: Option<Preset>,
    /// Passes over the training clips
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<usize>,
    /// Clips a step
    #[arg(long, value_name = "N")]
    pub(crate) batch_size: Option<usize>,
    /// Highest learning rate
    #[arg(long, value_name = "RATE")]
    pub(crate) lr: Option<f64>,
    /// How strongly clips are varied: off, light or strong
    #[arg(long, value_enum)]
    pub(crate) augment: Option<Strength>,
    /// What the factors of products are rounded to
    #[arg(long, value_enum)]
    pub(crate) precision: Option<Precision>,
    /// Where a pretrained model comes from: a folder or file, or a repository of the hub (owner/name)
    #[arg(long, value_name = "DIR|REPO", help_heading = "Pretrained models")]
    pub(crate) pretrained: Option<String>,
    /// Branch, tag or commit of the repository
    #[arg(long, value_name = "NAME", help_heading = "Pretrained models")]
    pub(crate) revision: Option<String>,
    /// Take a repository from the cache and ask nobody, as HF_HUB_OFFLINE=1 does
    #[arg(long, help_heading = "Pretrained models")]
    pub(crate) offline: bool,
    /// Folder that keeps what comes from the hub; by default HF_HUB_CACHE, or the one in the home folder that other
    /// programs of Hugging Face use
    #[arg(long, value_name = "DIR", help_heading = "Pretrained models")]
    pub(crate) cache: Option<PathBuf>,
    /// What of it is trained
    #[arg(long, value_enum, help_heading = "Pretrained models")]
    pub(crate) way: Option<Way>,
    /// Let the number of clips and the time decide (the default)
    #[arg(long, conflicts_with = "way", help_heading = "Pretrained models")]
    pub(crate) auto: bool,
    /// Minutes that --auto may take
    #[arg(long, value_name = "N", help_heading = "Pretrained models")]
    pub(crate) minutes: Option<f64>,
    /// Layers that `--way last` trains
    #[arg(long, value_name = "N", help_heading = "Pretrained models")]
    pub(crate) last: Option<usize>,
    /// What `--way probe` puts on top
    #[arg(long, value_enum, help_heading = "Pretrained models")]
    pub(crate) head: Option<Head>,
    /// Go on where an earlier run of the same configuration stopped
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) resume: bool,
    /// Replace a run that is there
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// The models that can be trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelKind {
    /// A convolutional network, from scratch
    Cnn,
    /// A pretrained Vision Transformer
    Vit,
    /// YAMNet, which has learned from the sounds of AudioSet
    Yamnet,
}

/// Sizes of the convolutional network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// Four blocks of 16 to 128 channels
    Small,
    /// Wider, with residual blocks
    Base,
}

/// Arguments of `evaluate`.
#[derive(Debug, Clone, Args)]
pub(crate) struct EvaluateArgs {
    /// Folder of a run, or a model file
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Features folder
    #[arg(long, value_name = "DIR")]
    pub(crate) features: PathBuf,
    /// Features folder of the same clips for the backbone of the model's detector of unknown sounds
    #[arg(long, alias = "trunk-features", value_name = "DIR")]
    pub(crate) backbone_features: Option<PathBuf>,
    /// Take features of equalised clips (`features --like RUN --equalize band`), where the model's own are not: what it
    /// then gets wrong, it tells by the recorder
    #[arg(long)]
    pub(crate) equalized: bool,
    /// Which clips: a split of the manifest, or all
    #[arg(long, default_value = "test", value_name = "NAME")]
    pub(crate) split: String,
    /// Where metrics.json and predictions.csv go
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

/// Arguments of `embed`.
#[derive(Debug, Clone, Args)]
pub(crate) struct EmbedArgs {
    /// Folder of a run, or a model file
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Features folder
    #[arg(long, value_name = "DIR")]
    pub(crate) features: PathBuf,
    /// Folder for the shards (embedding/1)
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

/// Arguments of `predict`.
#[derive(Debug, Clone, Args)]
pub(crate) struct PredictArgs {
    /// Folder of a run, or a model file
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Recordings, folders of recordings, or manifests
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub(crate) format: Format,
    /// File for the result instead of stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Say `unsure` where no class reaches this probability
    #[arg(long, default_value_t = 0.5, value_name = "P", value_parser = share)]
    pub(crate) unsure_below: f32,
    /// How to tell unknown sounds: a detector that the model has, auto (the first, and the default where it has one) or none
    #[arg(long, value_name = "METHOD")]
    pub(crate) reject: Option<String>,
    /// Share of known recordings that may be called `neither`; 0.05, or with few calibration groups the smallest that
    /// there is
    #[arg(long, value_name = "A", value_parser = alpha)]
    pub(crate) alpha: Option<f64>,
    /// One row of the CSV for each recording as a whole, in place of each window
    #[arg(long)]
    pub(crate) per_recording: bool,
    /// Seconds by which the windows over a long recording overlap
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS")]
    pub(crate) overlap: f64,
}

/// Forms of a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A row a window
    Csv,
    /// An object with `predictions` and `skipped`
    Json,
}

/// Arguments of `report`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportArgs {
    /// Folders of runs
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<PathBuf>,
    /// The manifest of the recordings, for spectrograms and players
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// HTML file to write
    #[arg(long, default_value = "report.html", value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Recordings to show of each class
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) examples: usize,
}

/// Arguments of `demo`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// Your recordings (a folder with one folder a class, or a CSV) instead of made sounds
    #[arg(long, value_name = "DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Folder for everything that is written
    #[arg(long, default_value = "barkbird-demo", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Clips to make
    #[arg(long, default_value_t = 1600, value_name = "N", value_parser = positive)]
    pub(crate) clips: usize,
    /// Passes over the training clips
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<usize>,
}
