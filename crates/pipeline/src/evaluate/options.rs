//! What is measured, and on what.

use std::path::PathBuf;

/// Options of [`run`](super::run).
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of a run, or a model file.
    pub run: PathBuf,
    /// Where the clips come from.
    pub source: Source,
    /// A split of the manifest; several are separated by commas.
    pub split: String,
    /// Folder for metrics.json and predictions.csv.
    pub out: PathBuf,
}

/// Where the clips come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// Spectrograms that were computed before.
    Features {
        /// Features folder.
        folder: PathBuf,
        /// Features folder of the same clips for the backbone of the model's detector.
        backbone: Option<PathBuf>,
        /// Take features of equalized clips, where the model's own are not.
        equalized: bool,
    },
    /// Recordings, which are decoded and cut as the model's training clips were.
    Recordings {
        /// Manifests, or folders of class folders.
        manifests: Vec<PathBuf>,
        /// Measure every [`Condition`](crate::stress::Condition), too.
        stress: bool,
    },
}

impl Options {
    /// The test split of a features folder.
    pub fn new(run: impl Into<PathBuf>, features: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        let source = Source::Features { folder: features.into(), backbone: None, equalized: false };
        Self { run: run.into(), source, split: "test".into(), out: out.into() }
    }

    /// The test split of manifests, without stress tests.
    pub fn of_recordings(run: impl Into<PathBuf>, manifests: Vec<PathBuf>, out: impl Into<PathBuf>) -> Self {
        let source = Source::Recordings { manifests, stress: false };
        Self { run: run.into(), source, split: "test".into(), out: out.into() }
    }
}
