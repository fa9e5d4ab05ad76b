//! Arguments of `listen`.

use super::ask::AskArgs;
use super::values::{above_zero, not_negative, threshold};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Arguments of `listen`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListenArgs {
    /// Folder of a run, a model file, or a model of the hub (owner/name)
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// - for standard input: WAV, FLAC, OGG, MP3, AAC or, with --rate, raw samples [default: the microphone]
    #[arg(value_name = "INPUT", value_parser = ["-"])]
    pub(crate) input: Option<String>,
    /// Name of the place, for topics and clips
    #[arg(long, default_value = "barkbird", value_name = "NAME")]
    pub(crate) name: String,
    /// What is written to standard output
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) format: ListenFormat,
    /// Write windows, too
    #[arg(long)]
    pub(crate) windows: bool,
    /// Where sound comes from
    #[command(flatten)]
    pub(crate) sound: SoundArgs,
    /// How the model is asked
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// Score that an event reaches somewhere, for all classes or by class (0.6,dog=0.8) [default: 0.5]
    #[arg(long, value_name = "P", value_delimiter = ',', value_parser = threshold)]
    pub(crate) threshold: Vec<(Option<String>, f32)>,
    /// Longest gap between two events of a class that become one
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS", value_parser = not_negative)]
    pub(crate) max_gap: f64,
    /// Longest event; a longer one is told in parts
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS", value_parser = above_zero)]
    pub(crate) max_length: f64,
    /// Folder that the sound of events is kept in, with a table that `serve --review` opens
    #[arg(long, value_name = "DIR")]
    pub(crate) clips: Option<PathBuf>,
    /// Sound before and after an event in its clip
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS", value_parser = not_negative, requires = "clips")]
    pub(crate) around: f64,
    /// Messages
    #[cfg(feature = "mqtt")]
    #[command(flatten)]
    pub(crate) mqtt: MqttArgs,
}

/// Where sound comes from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sound")]
pub(crate) struct SoundArgs {
    /// Name of the microphone [default: that of the system]
    #[arg(long, value_name = "NAME", conflicts_with = "input")]
    pub(crate) microphone: Option<String>,
    /// Samples a second: what comes is raw samples
    #[arg(long, value_name = "HZ", requires = "input")]
    pub(crate) rate: Option<u32>,
    /// Channels of raw samples
    #[arg(long, default_value_t = 1, value_name = "N", requires = "rate")]
    pub(crate) channels: u16,
    /// Form of raw samples, little-endian
    #[arg(long, value_enum, default_value = "s16", value_name = "FORM", requires = "rate")]
    pub(crate) samples: Samples,
}

/// Messages.
#[cfg(feature = "mqtt")]
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "MQTT")]
pub(crate) struct MqttArgs {
    /// Send events to this broker, such as mqtt://USER@HOST; password in $BARKBIRD_MQTT_PASSWORD
    #[arg(long, value_name = "URL")]
    pub(crate) mqtt: Option<listen::Broker>,
    /// First part of the topics
    #[arg(long, default_value = "barkbird", value_name = "TOPIC", requires = "mqtt")]
    pub(crate) mqtt_topic: String,
    /// Discovery prefix of Home Assistant; none for no discovery
    #[arg(long, default_value = "homeassistant", value_name = "TOPIC", requires = "mqtt")]
    pub(crate) discovery: String,
}

/// Forms of raw samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Samples {
    /// 8 bits, unsigned
    U8,
    /// 16 bits
    S16,
    /// 24 bits in three bytes
    S24,
    /// 32 bits
    S32,
    /// Floating point of 32 bits
    F32,
}

/// What is written while it is listened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListenFormat {
    /// A line an event
    Text,
    /// An object a line
    Jsonl,
}
