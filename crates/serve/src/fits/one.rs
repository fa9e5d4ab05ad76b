//! One training: what was uploaded for it, and how far it is.

use crate::progress::Progress;
use pipeline::{CancelToken, Event, Observer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Where a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Clips are received.
    Uploading,
    /// Another training runs.
    Waiting,
    Running,
    Done,
    Failed,
    /// Somebody stopped it; it can be started again, and goes on where it was.
    Canceled,
}

/// What a client is told.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) minutes: f64,
    pub(crate) state: State,
    pub(crate) classes: BTreeMap<String, usize>,
    pub(crate) bytes: u64,
    #[serde(flatten)]
    pub(crate) progress: Progress,
    pub(crate) error: Option<String>,
    pub(crate) report: Option<String>,
    pub(crate) model: Option<String>,
}

/// An uploaded clip.
#[derive(Debug, Clone)]
pub(crate) struct Clip {
    /// Its file below the folder, of a name of our own.
    pub(crate) file: String,
    pub(crate) class: String,
    /// Clips that belong together; empty where nothing is known.
    pub(crate) group: String,
}

/// A training.
pub(crate) struct Fit {
    pub(crate) folder: PathBuf,
    /// Opens the report where a browser cannot send the token.
    pub(crate) key: String,
    cancel: Mutex<CancelToken>,
    inner: Mutex<Inner>,
    /// Told whenever something changes.
    pub(crate) changed: watch::Sender<()>,
}

pub(crate) struct Inner {
    pub(crate) seen: Seen,
    pub(crate) clips: Vec<Clip>,
    /// Clips that were begun, and may still be coming.
    pub(crate) n_begun: usize,
    /// Clips that are coming.
    pub(crate) n_coming: usize,
}

impl Fit {
    pub(crate) fn new(id: String, name: String, minutes: f64, folder: PathBuf) -> Self {
        let seen = Seen {
            id,
            name,
            minutes,
            state: State::Uploading,
            classes: BTreeMap::new(),
            bytes: 0,
            progress: Progress::default(),
            error: None,
            report: None,
            model: None,
        };
        Self {
            folder,
            key: format!("{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>()),
            cancel: Mutex::default(),
            inner: Mutex::new(Inner { seen, clips: Vec::new(), n_begun: 0, n_coming: 0 }),
            changed: watch::Sender::new(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it is stopped.
    pub(crate) fn cancel(&self) -> CancelToken {
        self.cancel.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a training that was stopped ready to go on.
    pub(crate) fn renew(&self) {
        *self.cancel.lock().unwrap_or_else(PoisonError::into_inner) = CancelToken::default();
    }

    /// Changes it, and says so to who waits.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let outcome = change(&mut self.lock());
        self.changed.send_replace(());
        outcome
    }

    /// Looks at it without changing it.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.lock())
    }

    pub(crate) fn seen(&self) -> Seen {
        self.lock().seen.clone()
    }

    pub(crate) fn state(&self) -> State {
        self.lock().seen.state
    }

    /// The folder of its run.
    pub(crate) fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    pub(crate) fn report(&self) -> PathBuf {
        self.run().join("report.html")
    }
}

impl State {
    /// Whether nothing more comes by itself.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Canceled)
    }
}

impl Observer for Fit {
    fn event(&self, event: Event<'_>) {
        let changes = self.lock().seen.progress.take(&event);
        if changes {
            self.changed.send_replace(());
        }
    }
}

/// A path of the server is of no use to a client: what is below the folder is named without it.
pub(crate) fn without_folder(text: &str, folder: &Path) -> String {
    text.replace(&format!("{}/", folder.display()), "")
}
