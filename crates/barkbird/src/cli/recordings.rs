//! Arguments of the commands that work on recordings and their features.

use super::config::ConfigArgs;
use super::import::ImportArgs;
use super::values::{folds, named, not_negative, part, positive, shares};
use clap::Args;
use pipeline::config::{Dtype, Nuisance, Strength};
use pipeline::doctor::Kind;
use pipeline::features::Preset;
use pipeline::scan::Shares;
use std::path::PathBuf;

/// Arguments of `synth`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SynthArgs {
    /// Folder to write into
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Number of clips
    #[arg(long, default_value_t = 400, value_name = "N", value_parser = positive)]
    pub(crate) clips: usize,
}

/// Arguments of `scan`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScanArgs {
    /// A folder with one folder a class, a CSV, or data of another tool
    #[arg(value_name = "DATA")]
    pub(crate) data: PathBuf,
    /// Manifest to write; details of each file go beside it (manifest.scan.json)
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Shares of the groups for training, validation and test
    #[arg(long, default_value = "0.7,0.15,0.15", value_name = "A,B,C", value_parser = shares)]
    pub(crate) split: Shares,
    /// Folds of a cross-validation (fold-0, fold-1, ...) in place of training, validation and test
    #[arg(long, value_name = "K", value_parser = folds, conflicts_with = "split")]
    pub(crate) folds: Option<usize>,
    /// A fold for each value of this column of the manifest (a source, a recordist), to be left out in turn
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["split", "folds"])]
    pub(crate) leave_out: Option<String>,
    /// Group rows that name no group by session (one place, noon to noon), site or device, as recorders wrote them, or by a column
    #[arg(long, value_name = "WHAT")]
    pub(crate) group_by: Option<String>,
    /// Minimum length of a usable recording
    #[arg(long, default_value_t = 0.05, value_name = "SECONDS", value_parser = not_negative)]
    pub(crate) min_seconds: f64,
    /// Take what a finished scan with this --out has found: only recordings that are new, or have another size or time of
    /// change, are read (manifest.scan.journal has it; a scan that was broken off always goes on from it)
    #[arg(long)]
    pub(crate) resume: bool,
    /// Data of other tools.
    #[command(flatten)]
    pub(crate) import: ImportArgs,
}

/// Arguments of `doctor`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DoctorArgs {
    /// Manifest that `scan` wrote, or a folder of class folders
    #[arg(value_name = "MANIFEST")]
    pub(crate) manifest: PathBuf,
    /// Folder for doctor.html, doctor.csv, doctor.json and manifest.clean.csv
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Compare clips by this trained model's embeddings instead of statistics of their spectrograms
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "set", "equalize"])]
    pub(crate) run: Option<PathBuf>,
    /// Equalize clips before measuring shortcuts in them, as `features --equalize` does
    #[arg(long, value_parser = named::<Nuisance>(), value_name = "WHAT", value_delimiter = ',')]
    pub(crate) equalize: Vec<Nuisance>,
    /// Configuration of the clips; shortcuts are measured in those too.
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Classes [default: all labels that are trained on]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) classes: Vec<String>,
    /// Exit with status 1 when there is a finding of one of these kinds
    #[arg(long, value_parser = named::<Kind>(), value_name = "KIND,...", value_delimiter = ',')]
    pub(crate) fail_on: Vec<Kind>,
    /// Number of clips with doubtful labels to list
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = positive)]
    pub(crate) suspects: usize,
    /// Megabytes of pictures and sounds in doctor.html
    #[arg(long, default_value_t = 24.0, value_name = "MB", value_parser = not_negative)]
    pub(crate) page_mb: f64,
}

/// What turns recordings into spectrograms.
#[derive(Debug, Clone, Args)]
pub(crate) struct FrontEndArgs {
    /// Configuration of the front end.
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Front end: log-mel, pcen, stft or mfcc; yamnet or ast for that of a pretrained model
    #[arg(long, value_name = "NAME", conflicts_with = "like")]
    pub(crate) front_end: Option<Preset>,
    /// Equalize clips: band (bandwidth and noise floor), level, length (the loudest 2 s)
    #[arg(long, value_parser = named::<Nuisance>(), value_name = "WHAT", value_delimiter = ',')]
    pub(crate) equalize: Vec<Nuisance>,
    /// Use the front end of this run or features folder, in place of the configuration's
    #[arg(long, value_name = "DIR")]
    pub(crate) like: Option<PathBuf>,
    /// ONNX audio model: compute its embedding and class scores in place of spectrograms
    #[arg(long, value_name = "FILE", conflicts_with_all = ["like", "front_end", "config", "set"])]
    pub(crate) backbone: Option<PathBuf>,
}

impl From<&FrontEndArgs> for pipeline::features::FrontEndOptions {
    fn from(args: &FrontEndArgs) -> Self {
        let FrontEndArgs { config, front_end, equalize, like, backbone } = args;
        let (like, onnx) = (like.clone(), backbone.clone());
        Self { config: config.into(), front_end: *front_end, equalize: equalize.clone(), like, onnx }
    }
}

/// Arguments of `features`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FeaturesArgs {
    /// Manifest that `scan` wrote
    #[arg(value_name = "MANIFEST", required_unless_present = "picture")]
    pub(crate) manifest: Option<PathBuf>,
    /// Folder for the shards; with --picture the PNG file
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// The front end.
    #[command(flatten)]
    pub(crate) front_end: FrontEndArgs,
    /// Compute share I of N of the recordings; afterwards run once without --part
    #[arg(long, value_name = "I/N", value_parser = part)]
    pub(crate) part: Option<(usize, usize)>,
    /// Classes, in order [default: all labels that are trained on]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) classes: Vec<String>,
    /// Accept groups that are in more than one split; figures are then too good
    #[arg(long)]
    pub(crate) allow_crossing_groups: bool,
    /// Precision of stored values
    #[arg(long, value_parser = named::<Dtype>(), default_value = "f32")]
    pub(crate) dtype: Dtype,
    /// Keep no cache beside the shards; a killed run then starts over
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Draw this recording's spectrogram as a PNG
    #[arg(long, value_name = "FILE", conflicts_with = "manifest")]
    pub(crate) picture: Option<PathBuf>,
}

/// Arguments of `augment`.
#[derive(Debug, Clone, Args)]
pub(crate) struct AugmentArgs {
    /// Manifest that `scan` wrote, or a features folder
    #[arg(value_name = "DIR|MANIFEST", required_unless_present = "preview")]
    pub(crate) input: Option<PathBuf>,
    /// Folder for the shards; with --preview for sounds and the picture
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Views of each clip
    #[arg(long, default_value_t = 4, value_name = "K", value_parser = positive)]
    pub(crate) views: usize,
    /// Splits to augment; the others are copied as they are
    #[arg(long, default_value = "train", value_name = "A,B", value_delimiter = ',')]
    pub(crate) splits: Vec<String>,
    /// Strength of the augmentation
    #[arg(long, value_parser = named::<Strength>())]
    pub(crate) augment: Option<Strength>,
    /// Recordings of background noise to mix in
    #[arg(long, value_name = "DIR")]
    pub(crate) background: Option<PathBuf>,
    /// The front end, and the configuration of the augmentation.
    #[command(flatten)]
    pub(crate) front_end: FrontEndArgs,
    /// Compute share I of N of the recordings; afterwards run once without --part
    #[arg(long, value_name = "I/N", value_parser = part)]
    pub(crate) part: Option<(usize, usize)>,
    /// Classes, in order [default: all labels that are trained on]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) classes: Vec<String>,
    /// Precision of stored values
    #[arg(long, value_parser = named::<Dtype>(), default_value = "f32")]
    pub(crate) dtype: Dtype,
    /// Keep no cache beside the shards; a killed run then starts over
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Write this recording after each step, and a picture of all steps
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    pub(crate) preview: Option<PathBuf>,
}
