//! What is listened for, and who is told.

use detections::EventSettings;
use inference::PredictorOptions;
use std::path::PathBuf;

/// An event ends after this long, in seconds, and the next begins: nobody should wait for the end of a chorus.
const LONGEST_EVENT_S: f64 = 60.0;

/// Options of [`run`](crate::run).
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of a run, or a model file.
    pub run: PathBuf,
    /// What the place is called: in topics, names of files and tables.
    pub name: String,
    /// How the model is asked. Windows overlap by half; a false-rejection rate of none is that of events.
    pub predictor: PredictorOptions,
    /// How windows become events.
    pub events: EventSettings,
    /// Whether windows are told, too.
    pub windows: bool,
    /// Where the sound of events is kept.
    pub clips: Option<ClipOptions>,
    /// The broker that messages go to.
    #[cfg(feature = "mqtt")]
    pub mqtt: Option<crate::MqttOptions>,
}

impl Options {
    /// Events of at most a minute, which only the caller is told of.
    pub fn new(run: impl Into<PathBuf>) -> Self {
        Self {
            run: run.into(),
            name: "barkbird".into(),
            predictor: PredictorOptions::default(),
            events: EventSettings { max_s: Some(LONGEST_EVENT_S), ..EventSettings::default() },
            windows: false,
            clips: None,
            #[cfg(feature = "mqtt")]
            mqtt: None,
        }
    }
}

/// Where the sound of events is kept, and how much of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipOptions {
    /// The folder: a folder a class, and the table `detections.csv`.
    pub folder: PathBuf,
    /// Sound before and after an event, in seconds.
    pub around_s: f64,
}

impl ClipOptions {
    /// With a second around each event.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), around_s: 1.0 }
    }
}
