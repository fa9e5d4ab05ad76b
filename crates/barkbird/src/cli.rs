//! The arguments. Each command's `--help` ends with an example that can be pasted.

mod anomaly;
mod ask;
mod backbone;
mod calibrate;
mod config;
mod detections;
mod export;
#[cfg(feature = "hub")]
mod fetch;
mod global;
mod import;
mod listen;
mod models;
mod predict;
mod recordings;
mod report;
#[cfg(feature = "serve")]
mod serve;
mod shell;
mod values;

pub(crate) use anomaly::{AnomalyArgs, AnomalyCommand, BenchArgs, DiscoverArgs, FitArgs};
pub(crate) use backbone::{BackboneArgs, BackboneCommand};
pub(crate) use calibrate::CalibrateArgs;
pub(crate) use detections::{CheckArgs, ClipsArgs};
pub(crate) use export::{ExportArgs, ExportCommand, From, HubArgs, OnnxArgs};
#[cfg(feature = "hub")]
pub(crate) use fetch::FetchArgs;
pub(crate) use global::Global;
#[cfg(feature = "mqtt")]
pub(crate) use listen::MqttArgs;
pub(crate) use listen::{ListenArgs, ListenFormat, Samples};
pub(crate) use models::{CompareArgs, DemoArgs, EmbedArgs, EvaluateArgs, FitModelArgs, TrainArgs};
pub(crate) use predict::{EventArgs, Format, PredictArgs};
pub(crate) use recordings::{AugmentArgs, DoctorArgs, FeaturesArgs, FrontEndArgs, ScanArgs, SynthArgs};
pub(crate) use report::ReportArgs;
pub(crate) use shell::{CompletionsArgs, ManArgs};

#[cfg(feature = "serve")]
pub(crate) use serve::ServeArgs;

use clap::{CommandFactory, Parser, Subcommand};
pub(crate) use values::Form;

/// Version, commit, and what this program was built with.
const LONG_VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (", env!("BARKBIRD_COMMIT"), ")\nfeatures: ", env!("BARKBIRD_FEATURES"));

/// Learns to tell sounds apart, and says when a sound is neither.
///
/// Turns folders of recordings into a trained sound classifier, and measures how good it is. Start with `barkbird demo`,
/// which runs every stage on made sounds.
#[derive(Debug, Parser)]
#[command(version, long_version = LONG_VERSION, max_term_width = 100)]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fit the best model for your recordings: from folders to a model, its figures and a page
    #[command(
        after_help = "Examples:\n  barkbird fit recordings --out run\n  barkbird fit recordings --out run --dry-run\n  \
                            barkbird fit manifest.csv --out run --backbone yamnet.tflite --minutes 30\n\nDATA has one \
                            folder a class, or is a CSV as for `scan`. Candidates (heads over YAMNet, a CNN, and what is \
                            named) are compared by cross-validation over groups, on the clips as they are and under stress \
                            tests (low sample rates, codecs, noise, rooms); the choice, averages included, follows a stated \
                            rule. The test split is looked at once, at the end. RUN gets model.safetensors (all that \
                            `predict` needs), report.html, fit.json, manifest.csv, doctor/ and test/.\n\nYAMNet's weights \
                            are found where `barkbird fetch yamnet` puts them (~/.cache/barkbird/yamnet), or named with \
                            --backbone (a .tflite or safetensors file)."
    )]
    Fit(FitModelArgs),
    /// Fetch a data set or a pretrained model by name: verified, with its license
    #[cfg(feature = "hub")]
    #[command(after_help = fetch::HELP)]
    Fetch(FetchArgs),
    /// Make artificial barks, songs and other sounds, in folders of WAV files
    #[command(after_help = "Example:\n  barkbird synth --out sounds --clips 400 --seed 1")]
    Synth(SynthArgs),
    /// Check every recording and write a manifest with groups and a split
    #[command(
        after_help = "Examples:\n  barkbird scan recordings --out manifest.csv\n  barkbird scan recordings --out \
                            manifest.csv --resume     (with new recordings)\n  barkbird scan annotated --out manifest.csv \
                            --clip-seconds 3 --background 20\n\nDATA is a folder with one folder \
                            a class, or a CSV with at least the columns path,label; or data of another tool (docs/import.md). The columns group, split, start, \
                            end and channel are understood; all others are copied. Recordings of one animal or \
                            session belong to one group. Name it: otherwise clips of one recording end up on both \
                            sides of the split, and every figure is too good. The label `neither` is for unknown \
                            sounds; it is never a class and never trained on."
    )]
    Scan(ScanArgs),
    /// Find faults of a data set before training: damage, duplicates, leaks, shortcuts, wrong labels
    #[command(
        after_help = "Examples:\n  barkbird doctor manifest.csv --out doctor\n  barkbird doctor manifest.csv --out \
                            doctor --fail-on leak,shortcut\n  barkbird doctor manifest.csv --out doctor --equalize \
                            band,level,length     (measures shortcuts in equalized clips)\n  barkbird doctor manifest.csv --out doctor --run run\n\n\
                            Looks for damaged recordings, the same sound twice (other formats, levels, rates and \
                            excerpts too), recordings on both sides of the split, shortcuts (what separates the \
                            classes besides the sound itself: bandwidth, noise floor, level, length, ...), likely wrong \
                            labels, and classes too small to conclude from. DIR gets doctor.html to read, doctor.csv \
                            (a row a finding), doctor.json, and manifest.clean.csv to go on with: without unusable \
                            recordings and copies, groups merged that hold the same sound."
    )]
    Doctor(DoctorArgs),
    /// Compute spectrograms of the recordings in a manifest
    #[command(after_help = "Examples:\n  barkbird features manifest.csv --out features\n  barkbird features \
                            manifest.csv --out features --equalize band,level,length\n  barkbird features \
                            manifest.csv --out features --part 1/4     (then 2/4 ... and once without --part)\n  \
                            barkbird features --picture bark.wav --out bark.png")]
    Features(FeaturesArgs),
    /// Make augmented views of clips to train on
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
                            --pretrained facebook/dinov2-small --strategy lora\n  barkbird train vit --features features \
                            --out run --pretrained facebook/dinov2-small --revision main --offline\n  barkbird train \
                            yamnet --features features-yamnet --out run --pretrained yamnet\n\nA repository \
                            of the Hugging Face hub is fetched once, and every file is verified by size and hash. \
                            HF_TOKEN (or the token that `hf auth login` has left) opens private and gated ones; \
                            HF_ENDPOINT names another hub. The run's config.toml keeps the commit.")]
    Train(TrainArgs),
    /// Compute embeddings and logits of clips
    #[command(after_help = "Example:\n  barkbird embed run --features features --out embeddings")]
    Embed(EmbedArgs),
    /// Measure a trained classifier on clips that it has not seen
    #[command(after_help = "Examples:\n  barkbird evaluate run --features features --split test --out run/test\n  \
                            barkbird features manifest.csv --like run --equalize band --out equalized\n  barkbird \
                            evaluate run --features equalized --equalized --split test --out run/equalized\n  \
                            barkbird evaluate run manifest.csv --split test --stress --out run/stress")]
    Evaluate(EvaluateArgs),
    /// Compare models on the same recordings: figures, paired differences, cost
    #[command(after_help = "Examples:\n  barkbird compare cnn vit yamnet --manifest manifest.csv --out comparison\n  \
                            barkbird compare cnn-0,cnn-1,cnn-2 vit-0,vit-1,vit-2 --manifest manifest.csv --stress --out \
                            comparison\n  barkbird compare --sizes 25,50,100,all --models cnn,vit=models/dinov2-small --manifest \
                            manifest.csv --out sizes\n\ndocs/comparison.md says what the figures mean.")]
    Compare(CompareArgs),
    /// Detect unknown sounds: compare methods, add one to a model, make classes of rejected sounds
    #[command(after_help = "Examples:\n  barkbird anomaly bench run --features features --out bench\n  barkbird \
                            anomaly fit run --features features\n  barkbird anomaly discover run recordings/ --out found")]
    Anomaly(AnomalyArgs),
    /// Use networks that others have trained: check an ONNX model
    #[command(after_help = "Example:\n  barkbird backbone check perch.onnx")]
    Backbone(BackboneArgs),
    /// Classify recordings: files, folders or a manifest
    #[command(after_help = "Examples:\n  barkbird predict run garden.wav\n  barkbird predict run season/ --events \
                            --max-gap 2 --format csv,raven --out tables/\n  barkbird predict run recordings/ --format \
                            json --out verdicts.json\n  barkbird predict run recordings/ --reject auto --alpha 0.05\n  barkbird predict \
                            owner/name recordings/     (a model of the hub; owner/name@revision)\n\n\
                            With a detector from `barkbird anomaly fit`, a window is labeled `neither` where its \
                            outlier_p is --alpha or less. outlier_p is a p-value: the share of known sounds that are \
                            at least as unusual. --alpha is the maximum false-rejection rate. \
                            The probability beside `neither` is still that of the most likely class.\n\n\
                            The label is the first that applies:\n  \
                            neither   the window is silent, or the detector rejects it: look for what else it is\n  \
                            unsure    no class has a probability of --unsure-below: listen to it\n  \
                            a class   the most likely one\n\n\
                            With --coverage 0.95, clips like those of the calibration have their true class in `set` in \
                            95 of 100 cases, for each class. A set of two or more classes says that the sound is \
                            ambiguous; an empty set, that it is unlike every class, or silent. The set does not change \
                            the label. docs/predict.md says more.")]
    Predict(PredictArgs),
    /// Cut the sound of detections out of their recordings, to listen to
    #[command(
        after_help = "Examples:\n  barkbird clips detections.csv --out clips --per-class 20 --pick spread --pictures\n  \
                            barkbird clips night.selections.txt --out clips --recordings cards/ --label dog\n\n\
                            docs/clips.md says how recordings are found and clips are named."
    )]
    Clips(ClipsArgs),
    /// Say what a model calls the detections of another tool: its table with columns added
    #[command(after_help = "Example:\n  barkbird check BirdNET_CombinedTable.csv run --mark dog --out checked.csv")]
    Check(CheckArgs),
    /// Calibrate a model for a place, from some ten labeled clips of it
    #[command(
        after_help = "Examples:\n  barkbird calibrate run garden/ --out run-garden\n  barkbird calibrate run reviews.csv \
                            --out run-garden\n\nThe folder has one folder a class, and `neither` for unknown sounds. Clips \
                            that were left out by group decide whether it helps; docs/calibrate.md says more."
    )]
    Calibrate(CalibrateArgs),
    /// Write a model for others: an ONNX graph, or a folder for the Hugging Face hub
    #[command(
        after_help = "Examples:\n  barkbird export onnx run --out onnx\n  barkbird export hub run --out bark --license CC-BY-4.0"
    )]
    Export(ExportArgs),
    /// Write one HTML file that shows a run: sounds, learning curves, confusion matrix, figures
    #[command(
        after_help = "Examples:\n  barkbird report run --manifest manifest.csv --out report.html\n  barkbird report run \
                            --review detections.csv --out review.html"
    )]
    Report(ReportArgs),
    /// Listen to a microphone or a pipe: events as they happen, to the terminal, as clips, over MQTT
    #[command(
        after_help = "Examples:\n  arecord -t raw -f S16_LE -r 48000 | barkbird listen run - --rate 48000\n  barkbird listen \
                            run --name garden --clips clips/ --mqtt mqtt://homeassistant.local\n  ffmpeg -i rtsp://camera/1 -f \
                            wav - | barkbird listen run - --format jsonl\n\nCtrl-C ends it: what has come is still classified. \
                            docs/listen.md says more."
    )]
    Listen(ListenArgs),
    /// Serve a web page and an HTTP API: classify, listen, review, train
    #[cfg(feature = "serve")]
    #[command(
        after_help = "Examples:\n  barkbird serve run\n  barkbird serve run other-run --jobs 2\n  barkbird serve run --review \
                            detections.csv --recordings cards/ --reviews reviews.csv\n  BARKBIRD_TOKEN=$(openssl rand -hex 16) \
                            barkbird serve run --addr 0.0.0.0:8080\n\nThe page is at http://127.0.0.1:8080/, the description of \
                            the API at /openapi.json. Ctrl-C finishes what was begun and takes nothing new; docs/serve.md says \
                            more."
    )]
    Serve(ServeArgs),
    /// Run every stage on made sounds, or `fit` on your recordings
    #[command(after_help = "Examples:\n  barkbird demo\n  barkbird demo --data recordings --out first-look")]
    Demo(DemoArgs),
    /// Print a script by which a shell completes commands, flags and values
    Completions(CompletionsArgs),
    /// Write manual pages
    Man(ManArgs),
    /// Print the reference of all commands as Markdown
    #[command(hide = true, after_help = "Example:\n  barkbird docs > docs/commands.md")]
    Docs,
}

/// Ends the program as clap does where arguments cannot be used together.
pub(crate) fn conflict(text: &str) -> ! {
    Cli::command().error(clap::error::ErrorKind::ArgumentConflict, text).exit()
}

#[cfg(test)]
mod tests;
