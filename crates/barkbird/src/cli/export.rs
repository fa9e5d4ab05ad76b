//! Arguments of `export`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Arguments of `export`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExportArgs {
    /// What is written
    #[command(subcommand)]
    pub(crate) command: ExportCommand,
}

/// What `export` writes.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ExportCommand {
    /// Write one ONNX graph: samples in; probabilities, embedding and the score of unknown sounds out
    #[command(
        after_help = "Example:\n  barkbird export onnx run --out onnx\n\nThe folder gets model.onnx, model.json, README.md and \
                      parity.safetensors, by which anybody can check the graph. docs/export.md says more."
    )]
    Onnx(OnnxArgs),
    /// Write a folder for the Hugging Face hub: the model without paths of this machine, its graph, and a card with its figures
    #[command(
        after_help = "Examples:\n  barkbird export hub run --out bark --name ann/bark --license CC-BY-4.0\n  hf upload ann/bark \
                      bark\n  barkbird predict ann/bark recordings/\n\nThe folder gets model.safetensors, config.json, README.md \
                      (the card, with the figures of the evaluations in RUN) and onnx/. Read the card before you publish it. \
                      docs/export.md says more."
    )]
    Hub(HubArgs),
}

/// Arguments of `export hub`.
#[derive(Debug, Clone, Args)]
pub(crate) struct HubArgs {
    /// Folder of a run, a model file, or a model of the hub (owner/name)
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Name of the model, or its repository, which the examples of the card name then [default: the name of DIR]
    #[arg(long, value_name = "NAME|OWNER/NAME")]
    pub(crate) name: Option<String>,
    /// License of the model, an SPDX identifier such as CC-BY-4.0 [default: unknown]
    #[arg(long, value_name = "ID")]
    pub(crate) license: Option<String>,
    /// The collection of recordings, in words
    #[arg(long, value_name = "TEXT")]
    pub(crate) data_name: Option<String>,
    /// The data set of the hub that the collection is
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) dataset: Option<String>,
    /// Keep the paths of training recordings in the model file, for a repository that others cannot read
    #[arg(long)]
    pub(crate) private: bool,
    /// Compare the graph with the model on 200 of these recordings, too: files, folders or manifests; repeatable
    #[arg(long, value_name = "INPUT")]
    pub(crate) compare_on: Vec<PathBuf>,
    /// Replace a model that the folder holds
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Arguments of `export onnx`.
#[derive(Debug, Clone, Args)]
pub(crate) struct OnnxArgs {
    /// Folder of a run, a model file, or a model of the hub (owner/name)
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Where the graph begins
    #[arg(long, value_enum, default_value = "waveform", value_name = "WHAT")]
    pub(crate) from: From,
    /// Compare the graph with the model on 200 of these recordings, too: files, folders or manifests; repeatable
    #[arg(long, value_name = "INPUT")]
    pub(crate) compare_on: Vec<PathBuf>,
    /// Replace a graph that the folder holds
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Where a graph begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// With samples; the front end is inside
    Waveform,
    /// With the spectrogram of the front end
    Spectrogram,
}
