//! Arguments of the commands that train a model or use one.

use super::config::ConfigArgs;
use super::values::{above_zero, named, positive};
use clap::Args;
use pipeline::compute::Precision;
use pipeline::config::Strength;
use pipeline::sizes::{By, ModelSpec, Size};
use pipeline::train::{Head, ModelKind, Preset, Strategy};
use std::path::PathBuf;

/// Arguments of `train`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrainArgs {
    /// Model
    #[arg(value_parser = named::<ModelKind>())]
    pub(crate) model: ModelKind,
    /// Features folder
    #[arg(long, value_name = "DIR")]
    pub(crate) features: PathBuf,
    /// Folder of the run
    #[arg(long, value_name = "RUN")]
    pub(crate) out: PathBuf,
    /// Splits to train on
    #[arg(long, default_value = "train", value_name = "A,B")]
    pub(crate) train_split: String,
    /// Splits to choose the best epoch on; `none` keeps the last epoch
    #[arg(long, default_value = "val", value_name = "A,B")]
    pub(crate) val_split: String,
    /// Configuration of model and training
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Size of the CNN
    #[arg(long, value_parser = named::<Preset>())]
    pub(crate) preset: Option<Preset>,
    /// Number of epochs
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) epochs: Option<usize>,
    /// Batch size
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) batch_size: Option<usize>,
    /// Peak learning rate
    #[arg(long, value_name = "RATE", value_parser = above_zero)]
    pub(crate) lr: Option<f64>,
    /// Strength of the augmentation
    #[arg(long, value_parser = named::<Strength>())]
    pub(crate) augment: Option<Strength>,
    /// Arithmetic precision
    #[arg(long, value_parser = named::<Precision>())]
    pub(crate) precision: Option<Precision>,
    /// Pretrained weights: a folder, a file, yamnet once it is fetched, or a repository of the hub (owner/name, owner/name@revision); a model
    /// of barkbird is one, too
    #[arg(long, value_name = "DIR|REPO", help_heading = "Pretrained models")]
    pub(crate) pretrained: Option<String>,
    /// Branch, tag or commit of the repository
    #[arg(long, value_name = "NAME", help_heading = "Pretrained models")]
    pub(crate) revision: Option<String>,
    /// Use the cache only, as HF_HUB_OFFLINE=1 does
    #[arg(long, help_heading = "Pretrained models")]
    pub(crate) offline: bool,
    /// Cache folder for downloads [default: HF_HUB_CACHE, or the cache of Hugging Face in the home folder]
    #[arg(long, value_name = "DIR", help_heading = "Pretrained models")]
    pub(crate) cache: Option<PathBuf>,
    /// Fine-tuning strategy
    #[arg(long, alias = "way", value_parser = named::<Strategy>(), help_heading = "Pretrained models")]
    pub(crate) strategy: Option<Strategy>,
    /// The same as --strategy auto
    #[arg(long, conflicts_with = "strategy", help_heading = "Pretrained models")]
    pub(crate) auto: bool,
    /// Minutes that --strategy auto may take
    #[arg(long, value_name = "N", value_parser = above_zero, help_heading = "Pretrained models")]
    pub(crate) minutes: Option<f64>,
    /// Number of layers that --strategy last trains
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "Pretrained models")]
    pub(crate) last: Option<usize>,
    /// Head of --strategy probe
    #[arg(long, value_parser = named::<Head>(), help_heading = "Pretrained models")]
    pub(crate) head: Option<Head>,
    /// Folder for learning curves as event files of TensorBoard, in a folder with the name of the run
    #[arg(long, value_name = "DIR")]
    pub(crate) tensorboard: Option<PathBuf>,
    /// Continue an interrupted run of the same configuration
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) resume: bool,
    /// Replace an existing run
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Arguments of `fit`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FitModelArgs {
    /// A folder with one folder a class, or a CSV
    #[arg(value_name = "DATA")]
    pub(crate) data: PathBuf,
    /// Further clips to learn from, such as the answers of a review; repeatable
    #[arg(long, value_name = "REVIEWS")]
    pub(crate) add: Vec<PathBuf>,
    /// Folder of the run
    #[arg(long, value_name = "RUN")]
    pub(crate) out: PathBuf,
    /// Minutes that it may take, about; what does not fit is left out
    #[arg(long, default_value_t = pipeline::fit::MINUTES, value_name = "N", value_parser = above_zero)]
    pub(crate) minutes: f64,
    /// YAMNet's weights (yamnet once it is fetched, a file, a folder, or a repository of the hub, owner/name), an ONNX audio
    /// model (FILE.onnx), or none [default: YAMNet where it is found]
    #[arg(long, value_name = "PATH|REPO")]
    pub(crate) backbone: Option<String>,
    /// Folder with the checkpoint of a Vision Transformer, as a further candidate
    #[arg(long, value_name = "DIR")]
    pub(crate) pretrained: Option<PathBuf>,
    /// Use the cache only, as HF_HUB_OFFLINE=1 does
    #[arg(long)]
    pub(crate) offline: bool,
    /// Take this candidate, such as evidence+cnn, in place of the one that the rule chooses
    #[arg(long, value_name = "NAME")]
    pub(crate) candidate: Option<String>,
    /// Show the plan and how long it takes, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Go on with an interrupted fit
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) resume: bool,
    /// Replace an existing run
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Arguments of `evaluate`.
#[derive(Debug, Clone, Args)]
pub(crate) struct EvaluateArgs {
    /// Folder of a run, a model file, or a model of the hub (owner/name)
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Manifests of the recordings to measure, in place of --features
    #[arg(value_name = "MANIFEST", required_unless_present = "features", conflicts_with = "features")]
    pub(crate) manifests: Vec<PathBuf>,
    /// Features folder
    #[arg(long, value_name = "DIR")]
    pub(crate) features: Option<PathBuf>,
    /// Features folder of the same clips for the backbone of the model's detector
    #[arg(long, alias = "trunk-features", value_name = "DIR", requires = "features", conflicts_with = "manifests")]
    pub(crate) backbone_features: Option<PathBuf>,
    /// Accept features of equalized clips (`features --like RUN --equalize band`): shows recorder bias
    #[arg(long, requires = "features", conflicts_with = "manifests")]
    pub(crate) equalized: bool,
    /// Measure under other recording conditions, too: low sample rates, MP3, telephone, rooms, noise (needs MANIFEST)
    #[arg(long, requires = "manifests", conflicts_with = "features")]
    pub(crate) stress: bool,
    /// Split to measure; several are separated by commas
    #[arg(long, default_value = "test", value_name = "A,B")]
    pub(crate) split: String,
    /// Folder for metrics.json, predictions.csv and stress.csv
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

/// Arguments of `compare`.
#[derive(Debug, Clone, Args)]
pub(crate) struct CompareArgs {
    /// Two models or more: folders of runs, model files, or models of the hub (owner/name); runs of one model that differ in their seeds are joined with commas
    #[arg(value_name = "RUN", required_unless_present = "sizes", conflicts_with = "sizes")]
    pub(crate) runs: Vec<String>,
    /// Manifest of the recordings, or a folder of class folders (repeatable)
    #[arg(long = "manifest", value_name = "FILE", required = true)]
    pub(crate) manifests: Vec<PathBuf>,
    /// Split to measure; several are separated by commas, and with --sizes each is measured by itself
    #[arg(long, default_value = "test", value_name = "A,B")]
    pub(crate) split: String,
    /// Measure under other recording conditions, too: low sample rates, MP3, telephone, rooms, noise
    #[arg(long, conflicts_with = "sizes")]
    pub(crate) stress: bool,
    /// Folder for the figures, the picture, and an evaluation of each run
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Train on so many clips of the first manifest's split `train`, each contained in the next, such as 25,50,100,200,all
    #[arg(long, value_name = "N,N", value_delimiter = ',', requires = "models", help_heading = "Learning curves")]
    pub(crate) sizes: Vec<Size>,
    /// What --sizes counts
    #[arg(long, default_value = "clips", value_parser = named::<By>(), requires = "sizes", help_heading = "Learning curves")]
    pub(crate) by: By,
    /// Models to train: kind, fine-tuning strategy and weights, such as cnn,vit:lora=DIR,yamnet:last=FILE
    #[arg(long, value_name = "A,B", value_delimiter = ',', requires = "sizes", help_heading = "Learning curves")]
    pub(crate) models: Vec<ModelSpec>,
    /// Trainings of each model and size
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = positive, requires = "sizes", help_heading = "Learning curves")]
    pub(crate) seeds: usize,
    /// Repeat the clips of smaller sizes, so that every size has about as many steps
    #[arg(long, requires = "sizes", help_heading = "Learning curves")]
    pub(crate) equal_steps: bool,
    /// Do the training of this number alone: for processes that this program starts
    #[arg(long, hide = true, requires = "sizes", value_name = "N")]
    pub(crate) training: Option<usize>,
    /// Configuration of features, models and trainings of --sizes
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Arguments of `embed`.
#[derive(Debug, Clone, Args)]
pub(crate) struct EmbedArgs {
    /// Folder of a run, a model file, or a model of the hub (owner/name)
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Features folder
    #[arg(long, value_name = "DIR")]
    pub(crate) features: PathBuf,
    /// Folder for the shards of embeddings and logits
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

/// Arguments of `demo`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// Your recordings instead of made sounds, as for `fit`: a folder with one folder a class, or a CSV
    #[arg(long, value_name = "DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Folder for all results
    #[arg(long, default_value = "barkbird-demo", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Number of clips to make
    #[arg(long, default_value_t = 1600, value_name = "N", value_parser = positive)]
    pub(crate) clips: usize,
    /// Number of epochs
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) epochs: Option<usize>,
}
