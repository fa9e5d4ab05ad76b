//! One calibration, and how far it is.

use crate::progress::Progress;
use crate::review::Answers;
use pipeline::{CancelToken, Event, Observer};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where a calibration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Another one runs.
    Waiting,
    Running,
    Done,
    /// The answers do not do; `error` says why, `advice` what to do.
    Refused,
    Failed,
    /// Somebody stopped it.
    Canceled,
}

impl State {
    /// Whether nothing more comes.
    pub(crate) fn is_over(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// What a client is told, and what a later server finds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The model that is calibrated.
    pub(crate) from: String,
    pub(crate) state: State,
    /// Answers that it is calibrated with.
    pub(crate) answers: usize,
    #[serde(flatten)]
    pub(crate) progress: Progress,
    pub(crate) error: Option<String>,
    pub(crate) advice: Option<String>,
    pub(crate) model: Option<String>,
}

/// A calibration.
pub(crate) struct Calibration {
    pub(super) folder: PathBuf,
    /// The run that is calibrated.
    pub(super) of: PathBuf,
    pub(super) cancel: CancelToken,
    /// The answers as a CSV.
    pub(super) csv: Vec<u8>,
    /// Full paths of recordings, and what the table calls them.
    names: Vec<(String, String)>,
    seen: Mutex<Seen>,
}

impl Calibration {
    pub(super) fn new(seen: Seen, folder: PathBuf, of: PathBuf, answers: Answers) -> Self {
        let Answers { csv, names, .. } = answers;
        Self { folder, of, cancel: CancelToken::default(), csv, names, seen: Mutex::new(seen) }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.lock())
    }

    /// The folder of the calibrated model.
    pub(super) fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// A text without paths of this machine: recordings by the names of the table, and the folders of models left out.
    pub(super) fn for_client(&self, text: &str) -> String {
        let named = self.names.iter().fold(text.to_owned(), |text, (full, name)| text.replace(full, name));
        let below = |text: String, folder: &PathBuf| text.replace(&format!("{}/", folder.display()), "");
        below(below(named, &self.folder), &self.of)
    }
}

impl Observer for Calibration {
    fn event(&self, event: Event<'_>) {
        let event = match event {
            Event::Message(text) => return self.say(text),
            Event::Warning(text) => return self.say(&format!("warning: {text}")),
            other => other,
        };
        self.lock().progress.take(&event);
    }
}

impl Calibration {
    fn say(&self, text: &str) {
        let text = self.for_client(text.trim());
        self.lock().progress.say(text);
    }
}
