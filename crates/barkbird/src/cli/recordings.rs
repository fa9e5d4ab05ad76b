//! Arguments of the commands that work on recordings and their features.

use super::values::{part, positive, shares};
use super::{ConfigArgs, Strength};
use crate::commands::doctor::Kind;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Arguments of `synth`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SynthArgs {
    /// Folder to write into
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// How many clips
    #[arg(long, default_value_t = 400, value_name = "N", value_parser = positive)]
    pub(crate) clips: usize,
}

/// Arguments of `scan`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScanArgs {
    /// A folder with one folder a class, or a CSV
    #[arg(value_name = "DATA")]
    pub(crate) data: PathBuf,
    /// Manifest to write; what was found in each file goes beside it (manifest.scan.json)
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Shares of the groups for training, validation and test
    #[arg(long, default_value = "0.7,0.15,0.15", value_name = "A,B,C", value_parser = shares)]
    pub(crate) split: audio_io::split::Shares,
    /// Folds of a cross-validation (fold-0, fold-1, ...) in place of training, validation and test
    #[arg(long, value_name = "K", conflicts_with = "split")]
    pub(crate) folds: Option<usize>,
    /// A fold for each value of this column of the manifest (a source, a recordist), to be left out in turn
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["split", "folds"])]
    pub(crate) leave_out: Option<String>,
    /// Recordings shorter than this are unusable
    #[arg(long, default_value_t = 0.05, value_name = "SECONDS")]
    pub(crate) min_seconds: f64,
}

/// Arguments of `doctor`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DoctorArgs {
    /// What `scan` wrote, or a folder of class folders
    #[arg(value_name = "MANIFEST")]
    pub(crate) manifest: PathBuf,
    /// Folder for doctor.html, doctor.csv, doctor.json and manifest.clean.csv
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Compare clips by this trained model's embeddings instead of statistics of their spectrograms
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "set", "equalize"])]
    pub(crate) run: Option<PathBuf>,
    /// Make this the same in every clip before looking for shortcuts in clips, as `features --equalize` does: band,
    /// level, length
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) equalize: Vec<Nuisance>,
    /// Configuration of the clips that features would be made from; shortcuts are measured in those too
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Classes; all labels that are trained on by default
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) classes: Vec<String>,
    /// Fail (after writing everything) when there is a finding of one of these kinds
    #[arg(long, value_enum, value_name = "KIND,...", value_delimiter = ',')]
    pub(crate) fail_on: Vec<Kind>,
    /// Clips with doubtful labels that are listed and shown
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = positive)]
    pub(crate) suspects: usize,
    /// Megabytes that pictures and sounds of doctor.html may take
    #[arg(long, default_value_t = 24.0, value_name = "MB")]
    pub(crate) page_mb: f64,
}

/// Arguments of `features`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FeaturesArgs {
    /// What `scan` wrote
    #[arg(value_name = "MANIFEST", required_unless_present = "picture")]
    pub(crate) manifest: Option<PathBuf>,
    /// Folder for the shards; with --picture the PNG
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// Configuration of the front end
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Kind of spectrogram: log-mel, pcen, stft or mfcc; or all of a pretrained model's front end, rate included: yamnet
    /// or ast
    #[arg(long, value_name = "NAME", conflicts_with = "like")]
    pub(crate) front_end: Option<features::Preset>,
    /// What must not tell classes apart, and is made the same in every clip: band (one band, one noise floor), level,
    /// length (the loudest 2 s of each recording)
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) equalize: Vec<Nuisance>,
    /// The front end of this run or features folder; with --equalize band, of clips that have been equalised too
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "set"])]
    pub(crate) like: Option<PathBuf>,
    /// Compute this share of the recordings alone; once all are there, the same command without --part puts them together
    #[arg(long, value_name = "I/N", value_parser = part)]
    pub(crate) part: Option<(usize, usize)>,
    /// Classes, in order; all labels that are trained on by default
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) classes: Vec<String>,
    /// Go on where clips of one group are in more than one split, which makes every figure too good
    #[arg(long)]
    pub(crate) allow_crossing_groups: bool,
    /// How values are stored
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    pub(crate) dtype: Dtype,
    /// Keep no cache beside the shards (a killed run then starts over)
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Draw this recording's spectrogram as a PNG
    #[arg(long, value_name = "FILE", conflicts_with = "manifest")]
    pub(crate) picture: Option<PathBuf>,
}

/// What a recorder adds to a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Nuisance {
    /// Its band limit and its noise floor
    Band,
    /// How loud it is
    Level,
    /// How long it is
    Length,
}

/// How spectrogram values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtype {
    /// 32-bit floats
    F32,
    /// 16-bit floats: half the disk, about three digits
    F16,
}

impl From<Dtype> for shard::MelDtype {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
        }
    }
}

/// Arguments of `augment`.
#[derive(Debug, Clone, Args)]
pub(crate) struct AugmentArgs {
    /// What `scan` wrote, or a features folder
    #[arg(value_name = "DIR|MANIFEST", required_unless_present = "preview")]
    pub(crate) input: Option<PathBuf>,
    /// Folder for the shards; with --preview for sounds and the picture
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Views of each clip
    #[arg(long, default_value_t = 4, value_name = "K", value_parser = positive)]
    pub(crate) views: usize,
    /// Splits whose clips get views, separated by commas; the others are copied as they are
    #[arg(long, default_value = "train", value_name = "A,B", value_delimiter = ',')]
    pub(crate) splits: Vec<String>,
    /// How strongly: off, light or strong
    #[arg(long, value_enum)]
    pub(crate) augment: Option<Strength>,
    /// Recordings of places without what is to be told apart, to be mixed in
    #[arg(long, value_name = "DIR")]
    pub(crate) background: Option<PathBuf>,
    /// Configuration of augmentation and front end
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Front end, as for `features`
    #[arg(long, value_name = "NAME", conflicts_with = "like")]
    pub(crate) front_end: Option<features::Preset>,
    /// What must not tell classes apart, as for `features`; the noise floor is another one in each view
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) equalize: Vec<Nuisance>,
    /// The front end of this run or features folder
    #[arg(long, value_name = "DIR")]
    pub(crate) like: Option<PathBuf>,
    /// Compute this share of the recordings alone; once all are there, the same command without --part puts them together
    #[arg(long, value_name = "I/N", value_parser = part)]
    pub(crate) part: Option<(usize, usize)>,
    /// Classes, in order; all labels that are trained on by default
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) classes: Vec<String>,
    /// How values are stored
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    pub(crate) dtype: Dtype,
    /// Keep no cache beside the shards (a killed run then starts over)
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Write this recording after each step, and a picture of all of them
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    pub(crate) preview: Option<PathBuf>,
}
