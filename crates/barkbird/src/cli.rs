//! The arguments. Each command's `--help` ends with an example that can be pasted.

mod anomaly;

pub(crate) use anomaly::{AnomalyArgs, AnomalyCommand, BenchArgs, DiscoverArgs, FitArgs, RowsArgs};

use crate::commands::doctor::Kind;
use crate::compute::Precision;
use crate::config::parse_set;
use crate::finetune::{Head, Way};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Learns to tell sounds apart, and says when a sound is neither.
///
/// From folders of recordings to a trained classifier with an honest figure of how good it is: `barkbird demo` shows
/// all of it on sounds of its own making.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Where tensors are computed: auto, cpu, cuda, cuda:N or metal
    #[arg(long, global = true, default_value = "auto", value_name = "DEVICE")]
    pub(crate) device: String,
    /// Seed of everything random; equal seeds give equal bytes
    #[arg(long, global = true, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Threads to use; all cores by default
    #[arg(long, global = true, value_name = "N", value_parser = positive)]
    pub(crate) threads: Option<usize>,
    /// Print the result as JSON on stdout; text for people stays on stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing but warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

impl Global {
    /// The seed, 0 where none was given.
    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or(0)
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make sounds of our own: barks, songs and what is neither, in folders of WAV files
    #[command(after_help = "Example:\n  barkbird synth --out sounds --clips 400 --seed 1")]
    Synth(SynthArgs),
    /// Look at every recording and write a manifest: checks, hashes, duplicates, groups and a split
    #[command(
        after_help = "Example:\n  barkbird scan recordings --out manifest.csv\n\nDATA is a folder with one folder \
                            a class, or a CSV with at least the columns path,label (group, split, start, end and \
                            channel are understood, all others are carried along). Recordings of one animal, session \
                            or file belong to one group: name it, or clips of one recording end up on both sides of \
                            the split and every figure is too good. The label `neither` is for strangers: never a \
                            class, never trained on."
    )]
    Scan(ScanArgs),
    /// Say what is wrong with a set of recordings before anything is trained on it
    #[command(
        after_help = "Examples:\n  barkbird doctor manifest.csv --out doctor\n  barkbird doctor manifest.csv --out \
                            doctor --fail-on leak,shortcut\n  barkbird doctor manifest.csv --out doctor --equalize \
                            band,level,length     (are the shortcuts gone?)\n  barkbird doctor manifest.csv --out doctor --run run\n\n\
                            Looks for damaged recordings, the same sound twice (other formats, levels, rates and \
                            excerpts too), recordings on both sides of the split, shortcuts (what tells the classes \
                            apart without hearing them: bandwidth, noise floor, level, length, ...), likely wrong \
                            labels, and classes too small to conclude from. DIR gets doctor.html to read, doctor.csv \
                            (a row a finding), doctor.json, and manifest.clean.csv to go on with: without unusable \
                            recordings and copies, groups merged that hold the same sound."
    )]
    Doctor(DoctorArgs),
    /// Turn a manifest's recordings into spectrograms on disk
    #[command(after_help = "Examples:\n  barkbird features manifest.csv --out features\n  barkbird features \
                            manifest.csv --out features --equalize band,level,length\n  barkbird features \
                            manifest.csv --out features --part 1/4     (then 2/4 ... and once without --part)\n  \
                            barkbird features --picture bark.wav --out bark.png")]
    Features(FeaturesArgs),
    /// Make varied views of clips, of their sound or of their spectrograms, to train on
    #[command(after_help = "Examples:\n  barkbird augment manifest.csv --out views --views 4\n  barkbird augment \
                            manifest.csv --out views --views 8 --augment strong --background noises/\n  barkbird \
                            augment features --out views --views 4     (of spectrograms, without the recordings)\n  \
                            barkbird augment --preview bark.wav --out preview\n  barkbird train cnn --features views \
                            --out run\n\nThe folder holds every clip itself and, of the splits in --splits, so many \
                            views beside it; it is trained on and evaluated as one that `features` wrote. Ranges are \
                            keys of the configuration: --set augment.waveform.pitch.share=0.5, --set \
                            'augment.waveform.stretch.factor=[0.9, 1.1]', or sections [augment.waveform.pitch] of \
                            the file.")]
    Augment(AugmentArgs),
    /// Train a classifier on spectrograms
    #[command(after_help = "Examples:\n  barkbird train cnn --features features --out run\n  barkbird train cnn \
                            --features features --out run --resume\n  barkbird train cnn --features features --out \
                            run --set train.label_smoothing=0.1\n  barkbird train vit --features features --out run \
                            --pretrained facebook/dinov2-small --way lora\n  barkbird train vit --features features \
                            --out run --pretrained facebook/dinov2-small --revision main --offline\n  barkbird train \
                            yamnet --features features-yamnet --out run --pretrained yamnet.tflite\n\nA repository \
                            of the Hugging Face hub is fetched once, and every file is verified by size and hash. \
                            HF_TOKEN (or the token that `hf auth login` has left) opens private and gated ones; \
                            HF_ENDPOINT names another hub. The run's config.toml keeps the commit.")]
    Train(TrainArgs),
    /// Write what a model makes of clips: embeddings and logits
    #[command(after_help = "Example:\n  barkbird embed run --features features --out embeddings")]
    Embed(EmbedArgs),
    /// Measure a trained classifier on clips that it has not seen
    #[command(after_help = "Example:\n  barkbird evaluate run --features features --split test --out run/test")]
    Evaluate(EvaluateArgs),
    /// Tell sounds that are neither: measure the ways to, put one into a model, make classes of what was rejected
    #[command(after_help = "Examples:\n  barkbird anomaly bench run --features features --out bench\n  barkbird \
                            anomaly fit run --features features\n  barkbird anomaly discover run recordings/ --out found")]
    Anomaly(AnomalyArgs),
    /// Say what is heard in files, folders or a manifest
    #[command(
        after_help = "Examples:\n  barkbird predict run garden.wav\n  barkbird predict run recordings/ --format \
                            json --out verdicts.json\n  barkbird predict run recordings/ --reject auto --alpha 0.05\n\n\
                            A model that `barkbird anomaly fit` has given a detector says `neither` of what is stranger \
                            than all but a share --alpha of known recordings; outlier_p is that share for each window. \
                            The probability beside `neither` is still that of the most likely class."
    )]
    Predict(PredictArgs),
    /// One HTML file that shows a run: sounds, learning curves, confusion, figures with intervals
    #[command(after_help = "Example:\n  barkbird report run --manifest manifest.csv --out report.html")]
    Report(ReportArgs),
    /// All of it, one stage after the other, on sounds of our own making or on your folders
    #[command(after_help = "Examples:\n  barkbird demo\n  barkbird demo --data recordings --out first-look")]
    Demo(DemoArgs),
}

impl Command {
    /// Whether recordings stream through, so that little memory is touched, and none of it twice for long.
    pub(crate) fn streams(&self) -> bool {
        matches!(self, Self::Synth(_) | Self::Scan(_) | Self::Doctor(_) | Self::Features(_) | Self::Augment(_))
    }
}

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

/// Configuration: a file and single keys.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration (TOML); the resolved one is written beside the results
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One key of the configuration, as often as needed: front_end.hop=256
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_set)]
    pub(crate) set: Vec<(String, String)>,
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
    /// The front end of this run or features folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "set", "equalize"])]
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
    #[arg(long, value_name = "DIR", conflicts_with = "equalize")]
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

/// How strongly training clips are varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strength {
    /// Not at all
    Off,
    /// Masks, roll, gain, mixup
    Light,
    /// More of all, tilt, floors and band limits too
    Strong,
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
    /// Features folder of the same clips for the trunk of the model's detector of strangers
    #[arg(long, value_name = "DIR")]
    pub(crate) trunk_features: Option<PathBuf>,
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
    /// How to tell strangers: a detector that the model has, auto (the first, and the default where it has one) or none
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

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("{text}: expected a whole number above 0"))
}

fn share(text: &str) -> Result<f32, String> {
    let parsed = text.parse().ok().filter(|p| (0.0..=1.0).contains(p));
    parsed.ok_or_else(|| format!("{text}: expected a number from 0 to 1"))
}

fn alpha(text: &str) -> Result<f64, String> {
    let parsed = text.parse().ok().filter(|a| *a > 0.0 && *a < 1.0);
    parsed.ok_or_else(|| format!("{text}: expected a number between 0 and 1, such as 0.05"))
}

fn part(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    parsed
        .filter(|(i, n): &(usize, usize)| *i >= 1 && i <= n)
        .ok_or_else(|| format!("{text}: expected I/N with 1 <= I <= N, such as 2/4"))
}

fn shares(text: &str) -> Result<audio_io::split::Shares, String> {
    let wrong = || format!("{text}: expected three shares from 0 to 1 that add up to 1, such as 0.7,0.15,0.15");
    let parsed: Vec<f64> =
        text.split(',').map(|s| s.trim().parse::<f64>()).collect::<Result<_, _>>().map_err(|_| wrong())?;
    match parsed[..] {
        [train, val, test]
            if [train, val, test].iter().all(|s| (0.0..=1.0).contains(s))
                && (train + val + test - 1.0).abs() < 1e-6 =>
        {
            Ok(audio_io::split::Shares { train, val, test })
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("barkbird {}", command.get_name())), "{}", command.get_name());
        }
    }

    #[test]
    fn parts_and_shares_are_checked() {
        assert_eq!(part("2/4"), Ok((2, 4)));
        for wrong in ["0/4", "5/4", "2", "a/b", "1/0"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
        assert!(shares("0.7,0.2,0.1").is_ok());
        for wrong in ["0.7,0.2", "0.7,0.7,0.1", "1.2,-0.1,-0.1", "a,b,c"] {
            assert!(shares(wrong).is_err(), "{wrong}");
        }
    }
}
