//! One repository, asked through hf-hub. Nothing is retried or verified here.

use crate::source::{RepoKind, Source};
use futures::TryStreamExt;
use hf_hub::progress::{DownloadEvent, Progress, ProgressEvent, ProgressHandler};
use hf_hub::repository::RepoTreeEntry;
use hf_hub::{HFClient, HFError, HFRepository, HFResult, RepoTypeAny};
use std::future::{Future, poll_fn};
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::task::Poll;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Without a token, hf-hub would look for one in the environment. A value that is not valid in a header prevents that
/// and is not sent.
const NO_TOKEN: &str = "\n";
/// How often a call is checked for cancellation, and the listener is called while nothing arrives.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// What the cache holds of a file.
pub(crate) enum Cached {
    Here(PathBuf),
    /// The hub answered earlier that the commit has no such file.
    KnownToBeMissing,
    Unknown,
}

/// Which file is requested.
#[derive(Clone, Copy)]
pub(crate) struct Location<'a> {
    pub(crate) revision: &'a str,
    pub(crate) file: &'a str,
}

/// What happens during a call.
pub(crate) enum Event {
    /// The hub answered with the file's length, if it gave one.
    Size(Option<u64>),
    /// So many bytes of this transfer have arrived.
    Bytes(u64),
    /// Nothing for [`TICK`].
    Idle,
}

/// Why a call gave no result.
pub(crate) enum CallError {
    Hub(HFError),
    /// The listener asked to stop.
    Cancelled,
}

impl From<HFError> for CallError {
    fn from(error: HFError) -> Self {
        Self::Hub(error)
    }
}

/// What is called with each [`Event`], on the thread of the caller; `Break` cancels the call.
type Listener<'a> = &'a mut dyn FnMut(Event) -> ControlFlow<()>;

/// A repository of the hub.
pub(crate) struct Client {
    client: HFClient,
    repository: HFRepository<RepoTypeAny>,
    kind: RepoKind,
    runtime: Background,
}

impl Client {
    pub(crate) fn new(source: &Source, owner: &str, name: &str) -> HFResult<Self> {
        let client = HFClient::builder()
            .endpoint(&source.endpoint)
            .cache_dir(&source.cache)
            .token(source.token.as_deref().unwrap_or(NO_TOKEN))
            .user_agent(concat!("barkbird/", env!("CARGO_PKG_VERSION")))
            .retry_max_attempts(0) // every attempt is reported
            .build()?;
        let kind = match source.kind {
            RepoKind::Model => RepoTypeAny::Model,
            RepoKind::Dataset => RepoTypeAny::Dataset,
        };
        let repository = client.repository(kind, owner, name);
        Ok(Self { client, repository, kind: source.kind, runtime: Background::start()? })
    }

    /// Looks into the cache only.
    pub(crate) fn cached(&self, at: Location<'_>) -> Result<Cached, CallError> {
        let call =
            |_| self.repository.download_file().filename(at.file).revision(at.revision).local_files_only(true).send();
        match self.call(call, &mut |_| ControlFlow::Continue(())) {
            Ok(path) => Ok(Cached::Here(path)),
            Err(CallError::Hub(HFError::LocalEntryNotFound { .. })) => Ok(Cached::Unknown),
            Err(CallError::Hub(HFError::EntryNotFound { .. })) => Ok(Cached::KnownToBeMissing),
            Err(error) => Err(error),
        }
    }

    /// The commit that a revision names, if the hub names one.
    pub(crate) fn commit(&self, revision: &str, on_event: Listener<'_>) -> Result<Option<String>, CallError> {
        let (owner, name) = (self.repository.owner(), self.repository.name());
        let expand = vec!["sha".to_owned()];
        match self.kind {
            RepoKind::Model => {
                let repository = self.client.model(owner, name);
                let call = |_| repository.info().revision(revision).expand(expand).send();
                Ok(self.call(call, on_event)?.sha)
            }
            RepoKind::Dataset => {
                let repository = self.client.dataset(owner, name);
                let call = |_| repository.info().revision(revision).expand(expand).send();
                Ok(self.call(call, on_event)?.sha)
            }
        }
    }

    /// The files of a commit, by their paths in the repository, and their lengths in bytes.
    pub(crate) fn list(&self, commit: &str, on_event: Listener<'_>) -> Result<Vec<(String, u64)>, CallError> {
        let call = |_| async {
            let tree = self.repository.list_tree().revision(commit).recursive(true).send()?;
            let entries: Vec<RepoTreeEntry> = tree.try_collect().await?;
            let file = |entry| match entry {
                RepoTreeEntry::File { path, size, .. } => Some((path, size)),
                RepoTreeEntry::Directory { .. } => None,
            };
            Ok(entries.into_iter().filter_map(file).collect())
        };
        self.call(call, on_event)
    }

    /// The path of a file in the cache after the hub was asked. `force` downloads it even if a blob of that name exists.
    pub(crate) fn download(&self, at: Location<'_>, force: bool, on_event: Listener<'_>) -> Result<PathBuf, CallError> {
        let request = self.repository.download_file().filename(at.file).revision(at.revision).force_download(force);
        self.call(|progress| request.progress(progress).send(), on_event)
    }

    /// Some bytes of a file, or all of them if the hub does not support ranges. Unlike `download` this checks the status.
    pub(crate) fn range(
        &self,
        at: Location<'_>,
        range: Range<u64>,
        on_event: Listener<'_>,
    ) -> Result<Vec<u8>, CallError> {
        let request = self.repository.download_file_to_bytes().filename(at.file).revision(at.revision).range(range);
        let call = |progress| async { request.progress(progress).send().await.map(|bytes| bytes.to_vec()) };
        self.call(call, on_event)
    }

    /// Runs a call on a thread of its own, and passes its events to `on_event` on this one: hf-hub accepts listeners
    /// with a static lifetime only, and its calls can be stopped only by dropping them.
    fn call<T: Send, F: Future<Output = HFResult<T>>>(
        &self,
        call: impl FnOnce(Progress) -> F + Send,
        on_event: Listener<'_>,
    ) -> Result<T, CallError> {
        let (sender, receiver) = channel();
        let is_cancelled = AtomicBool::new(false);
        thread::scope(|scope| {
            let result = scope.spawn(|| {
                let call = async { call(Progress::new(Forward(sender))).await };
                self.runtime.get().block_on(unless(&is_cancelled, call))
            });
            loop {
                let event = match receiver.recv_timeout(TICK) {
                    Ok(event) => event,
                    Err(RecvTimeoutError::Timeout) if !result.is_finished() => Event::Idle,
                    Err(_) => break,
                };
                if on_event(event).is_break() {
                    is_cancelled.store(true, Ordering::Relaxed);
                    break;
                }
            }
            let result = result.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            match result {
                Some(result) if !is_cancelled.load(Ordering::Relaxed) => Ok(result?),
                _ => Err(CallError::Cancelled),
            }
        })
    }
}

/// The output of a call; `None`, and the call is dropped, once it is cancelled.
async fn unless<T>(is_cancelled: &AtomicBool, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut step = poll_fn(|context| match is_cancelled.load(Ordering::Relaxed) {
        true => Poll::Ready(None),
        false => call.as_mut().poll(context).map(Some),
    });
    loop {
        // Polled at least once a tick, even if no byte arrives.
        if let Ok(output) = tokio::time::timeout(TICK, &mut step).await {
            return output;
        }
    }
}

/// A runtime that may be dropped anywhere, also inside of another runtime.
pub(crate) struct Background(Option<Runtime>);

impl Background {
    pub(crate) fn start() -> std::io::Result<Self> {
        Ok(Self(Some(Builder::new_current_thread().enable_all().build()?)))
    }

    pub(crate) fn get(&self) -> &Runtime {
        self.0.as_ref().expect("it is taken when dropped")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

struct Forward(Sender<Event>);

impl ProgressHandler for Forward {
    fn on_progress(&self, event: &ProgressEvent) {
        let send = |event| {
            // The receiver is gone once the call is cancelled.
            let _ = self.0.send(event);
        };
        match event {
            ProgressEvent::Download(DownloadEvent::Start { total_bytes, .. }) => {
                send(Event::Size(Some(*total_bytes).filter(|size| *size > 0)));
            }
            ProgressEvent::Download(DownloadEvent::Progress { files }) => {
                files.iter().for_each(|file| send(Event::Bytes(file.bytes_completed)));
            }
            _ => {}
        }
    }
}
