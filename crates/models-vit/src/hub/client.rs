use super::Source;
use hf_hub::progress::{DownloadEvent, Progress, ProgressEvent, ProgressHandler};
use hf_hub::{HFClient, HFError, HFRepositorySync, HFResult, RepoTypeModel};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Where there is no token, hf-hub would look for one in the environment. What cannot stand in a header keeps it from
/// that and is not sent.
const NO_TOKEN: &str = "\n";
/// How long the thread of a call can be over before the one that listens to it notices, if nothing else says so.
const TICK: Duration = Duration::from_millis(100);

/// What the cache holds of a file.
pub(super) enum Cached {
    Here(PathBuf),
    /// The hub said that the commit has no such file.
    KnownToBeMissing,
    Unknown,
}

/// A repository, asked through hf-hub. Nothing is retried or verified here.
pub(super) struct Client {
    repository: HFRepositorySync<RepoTypeModel>,
}

impl Client {
    pub(super) fn new(source: &Source, owner: &str, name: &str) -> HFResult<Self> {
        let client = HFClient::builder()
            .endpoint(&source.endpoint)
            .cache_dir(&source.cache)
            .token(source.token.as_deref().unwrap_or(NO_TOKEN))
            .user_agent(concat!("barkbird/", env!("CARGO_PKG_VERSION")))
            .retry_max_attempts(0) // each attempt is told
            .build_sync()?;
        Ok(Self { repository: client.model(owner, name) })
    }

    /// Asks the cache alone.
    pub(super) fn cached(&self, at: At<'_>) -> HFResult<Cached> {
        match self.repository.download_file().filename(at.file).revision(at.revision).local_files_only(true).send() {
            Ok(path) => Ok(Cached::Here(path)),
            Err(HFError::LocalEntryNotFound { .. }) => Ok(Cached::Unknown),
            Err(HFError::EntryNotFound { .. }) => Ok(Cached::KnownToBeMissing),
            Err(error) => Err(error),
        }
    }

    /// The commit that a revision names, if the hub says one.
    pub(super) fn commit(&self, revision: &str) -> HFResult<Option<String>> {
        Ok(self.repository.info().revision(revision).expand(vec!["sha".into()]).send()?.sha)
    }

    /// The path of a file in the cache after the hub was asked. `force` fetches it even if a blob of that name is there.
    pub(super) fn download(&self, at: At<'_>, force: bool, hear: &mut dyn FnMut(Heard)) -> HFResult<PathBuf> {
        let request = self.repository.download_file().filename(at.file).revision(at.revision).force_download(force);
        listen(|progress| request.progress(progress).send(), hear)
    }

    /// Some bytes of a file, or all where the hub does not know ranges. Unlike `download` this looks at the status.
    pub(super) fn range(&self, at: At<'_>, range: Range<u64>, hear: &mut dyn FnMut(Heard)) -> HFResult<Vec<u8>> {
        let request = self.repository.download_file_to_bytes().filename(at.file).revision(at.revision).range(range);
        listen(|progress| request.progress(progress).send().map(|bytes| bytes.to_vec()), hear)
    }
}

/// Which file is asked for.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) revision: &'a str,
    pub(super) file: &'a str,
}

/// What hf-hub tells of a transfer.
pub(super) enum Heard {
    /// The hub answered with the file's length, if it did with one.
    Size(Option<u64>),
    /// So many bytes of this transfer have come.
    Bytes(u64),
}

/// Makes a call on a thread of its own, and hands what it tells to `hear` on this one: hf-hub takes listeners that live
/// for ever only.
fn listen<T: Send>(call: impl FnOnce(Progress) -> HFResult<T> + Send, hear: &mut dyn FnMut(Heard)) -> HFResult<T> {
    let (sender, receiver) = channel();
    thread::scope(|scope| {
        let call = scope.spawn(move || call(Progress::new(Teller(sender))));
        loop {
            match receiver.recv_timeout(TICK) {
                Ok(heard) => hear(heard),
                Err(RecvTimeoutError::Timeout) if !call.is_finished() => {}
                Err(_) => break,
            }
        }
        call.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

struct Teller(Sender<Heard>);

impl ProgressHandler for Teller {
    fn on_progress(&self, event: &ProgressEvent) {
        let tell = |heard| {
            // Nobody listens any more once the call is over.
            let _ = self.0.send(heard);
        };
        match event {
            ProgressEvent::Download(DownloadEvent::Start { total_bytes, .. }) => {
                tell(Heard::Size(Some(*total_bytes).filter(|size| *size > 0)));
            }
            ProgressEvent::Download(DownloadEvent::Progress { files }) => {
                files.iter().for_each(|file| tell(Heard::Bytes(file.bytes_completed)));
            }
            _ => {}
        }
    }
}
