//! Pretrained models by the name of their repository on the Hugging Face hub.

use crate::ui::Ui;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// What is wanted, over what the environment says.
#[cfg_attr(not(feature = "hub"), allow(dead_code, reason = "such a build only says that it has no hub"))]
pub(crate) struct Request<'a> {
    /// The repository, `owner/name`.
    pub(crate) repository: &'a str,
    /// Branch, tag or commit.
    pub(crate) revision: Option<&'a str>,
    /// Folder that keeps what comes.
    pub(crate) cache: Option<&'a Path>,
    /// Ask nobody.
    pub(crate) offline: bool,
}

/// A model on this machine.
pub(crate) struct Model {
    /// Its files.
    pub(crate) folder: PathBuf,
    /// The commit that they are of.
    pub(crate) commit: String,
}

/// From the cache, or fetched into it; every file is verified.
#[cfg(feature = "hub")]
pub(crate) fn fetch(request: &Request<'_>, ui: &Ui) -> Result<Model> {
    use hub::{Snapshot, Source, fetch_model};

    let mut source = Source::from_environment(request.repository, request.cache)?;
    source.revision = request.revision.map_or(source.revision, str::to_owned);
    source.offline |= request.offline;
    let bar = ui.bytes();
    let Snapshot { commit, folder } = fetch_model(&source, &|progress| tell(&progress, &bar, ui))?;
    bar.finish_and_clear();
    ui.say(format!("{} at {commit}: {}", request.repository, folder.display()));
    Ok(Model { folder, commit })
}

/// A build without network code.
#[cfg(not(feature = "hub"))]
pub(crate) fn fetch(request: &Request<'_>, _: &Ui) -> Result<Model> {
    anyhow::bail!(
        "--pretrained {}: this barkbird is built without the hub (feature `hub`); name a folder that holds its \
         config.json and model.safetensors",
        request.repository
    )
}

#[cfg(feature = "hub")]
fn tell(progress: &hub::Progress<'_>, bar: &indicatif::ProgressBar, ui: &Ui) -> std::ops::ControlFlow<()> {
    use hub::Progress;
    use indicatif::DecimalBytes;

    if crate::cancel::requested() {
        bar.finish_and_clear();
        return std::ops::ControlFlow::Break(());
    }
    let say = |text: String| bar.suspend(|| ui.say(text));
    match progress {
        Progress::Receiving { file, n_bytes, size } => {
            if bar.message() != *file {
                bar.reset();
                bar.set_message((*file).to_owned());
            }
            bar.set_length(size.unwrap_or(*n_bytes));
            bar.set_position(*n_bytes);
        }
        Progress::Resuming { file, n_bytes, size } => {
            say(format!("{file}: going on at {} of {}", DecimalBytes(*n_bytes), DecimalBytes(*size)));
        }
        Progress::Retrying { reason, pause, .. } if pause.is_zero() => say(format!("{reason}; once more")),
        Progress::Retrying { reason, pause, .. } => say(format!("{reason}; once more in {} s", pause.as_secs_f64())),
        Progress::Damaged { reason, .. } => say(format!("{reason}; fetched again")),
        Progress::Waiting { file } => say(format!("{file}: another barkbird is fetching; waiting for it")),
        Progress::Ready { file, n_bytes, cached: false } => say(format!("fetched {file}, {}", DecimalBytes(*n_bytes))),
        _ => {}
    }
    std::ops::ControlFlow::Continue(())
}
