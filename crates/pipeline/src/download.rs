//! Pretrained models by the name of their repository on the Hugging Face hub.

use crate::error::Result;
use crate::job::Job;
use std::path::{Path, PathBuf};

/// `model_type` in the `config.json` of a model of ours.
pub(crate) const MODEL_TYPE: &str = "barkbird";

/// What to fetch; overrides the environment.
#[cfg_attr(not(feature = "hub"), allow(dead_code, reason = "such a build only says that it has no hub"))]
pub(crate) struct Request<'a> {
    /// The repository, `owner/name`.
    pub(crate) repository: &'a str,
    /// Branch, tag or commit.
    pub(crate) revision: Option<&'a str>,
    /// Folder that keeps what comes.
    pub(crate) cache: Option<&'a Path>,
    /// Take it from the cache alone.
    pub(crate) offline: bool,
    /// It has to be a model of barkbird; another one is refused before its weights are fetched.
    pub(crate) is_ours: bool,
}

impl<'a> Request<'a> {
    /// The branch that everybody takes, with the settings of the environment.
    pub(crate) fn of(repository: &'a str) -> Self {
        Self { repository, revision: None, cache: None, offline: false, is_ours: false }
    }
}

/// A model on this machine.
pub(crate) struct Fetched {
    /// Its files.
    pub(crate) folder: PathBuf,
    /// Their commit.
    pub(crate) commit: String,
}

/// From the cache, or fetched into it; every file is verified.
#[cfg(feature = "hub")]
pub(crate) fn fetch(request: &Request<'_>, job: &Job<'_>) -> Result<Fetched> {
    use hub::{Progress, Snapshot, Source, fetch_model};
    use std::ops::ControlFlow;

    let mut source = Source::from_environment(request.repository, request.cache)?;
    source.revision = request.revision.map_or(source.revision, str::to_owned);
    source.offline |= request.offline;
    let download = std::sync::Mutex::new(Download::new(job));
    let on_progress = |progress: Progress<'_>| {
        let mut download = download.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        download.tell(&progress);
        match job.cancel.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    if request.is_ours {
        let config = hub::fetch(&source, "config.json", &on_progress)?;
        refuse_others(&storage::read(&config)?, request.repository)?;
    }
    let Snapshot { commit, folder } = fetch_model(&source, &on_progress)?;
    job.say(format!("{} at {commit}: {}", request.repository, folder.display()));
    Ok(Fetched { folder, commit })
}

/// Refuses the configuration of a network that is no model of barkbird.
#[cfg(feature = "hub")]
fn refuse_others(config: &[u8], repository: &str) -> Result<()> {
    let config: serde_json::Value = serde_json::from_slice(config).unwrap_or_default();
    match config["model_type"].as_str() {
        Some(MODEL_TYPE) => Ok(()),
        kind => crate::error::bail!(
            "{repository}: not a model of barkbird (model_type in its config.json: {}); `barkbird export hub` makes such a folder, and \
             `barkbird train vit --pretrained {repository}` begins with the weights of a Vision Transformer",
            kind.unwrap_or("none")
        ),
    }
}

/// A build without network code.
#[cfg(not(feature = "hub"))]
pub(crate) fn fetch(request: &Request<'_>, _: &Job<'_>) -> Result<Fetched> {
    crate::error::bail!(
        "{}: nothing here has this name, and this barkbird is built without the hub (feature `hub`); name a folder that holds the \
         repository's config.json and model.safetensors",
        request.repository
    )
}

/// The file that is being received.
#[cfg(feature = "hub")]
pub(crate) struct Download<'a> {
    job: &'a Job<'a>,
    file: Option<(String, crate::observer::Progress<'a>)>,
}

#[cfg(feature = "hub")]
impl<'a> Download<'a> {
    pub(crate) fn new(job: &'a Job<'a>) -> Self {
        Self { job, file: None }
    }

    pub(crate) fn tell(&mut self, progress: &hub::Progress<'_>) {
        use crate::observer::{Progress, Unit};

        let mega = |n: u64| format!("{:.1} MB", n as f64 / 1e6);
        let job = self.job;
        match progress {
            hub::Progress::Receiving { file, n_bytes, size } => {
                if self.file.as_ref().is_none_or(|(name, _)| name != file) {
                    let total = size.unwrap_or(*n_bytes) as usize;
                    let started = Progress::start(job.observer, file, total, Unit::Bytes);
                    self.file = Some(((*file).to_owned(), started));
                }
                if let Some((_, progress)) = &self.file {
                    progress.set(*n_bytes as usize);
                }
            }
            hub::Progress::Resuming { file, n_bytes, size } => {
                job.say(format!("{file}: going on at {} of {}", mega(*n_bytes), mega(*size)));
            }
            hub::Progress::Retrying { reason, pause, .. } if pause.is_zero() => job.say(format!("{reason}; once more")),
            hub::Progress::Retrying { reason, pause, .. } => {
                job.say(format!("{reason}; once more in {} s", pause.as_secs_f64()));
            }
            hub::Progress::Damaged { reason, .. } => job.say(format!("{reason}; fetched again")),
            hub::Progress::Waiting { file } => job.say(format!("{file}: another barkbird is fetching; waiting for it")),
            hub::Progress::Ready { file, n_bytes, cached: false } => {
                self.file = None;
                job.say(format!("fetched {file}, {}", mega(*n_bytes)));
            }
            _ => {}
        }
    }
}
