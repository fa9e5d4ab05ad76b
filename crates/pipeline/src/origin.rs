//! Where a model comes from: a folder or file, what `barkbird fetch` has fetched, or a repository of the hub.

use crate::download::{Request, fetch};
use crate::error::{Result, bail};
use crate::fetch::{folder_of, has_yamnet};
use crate::job::Job;
use std::path::{Path, PathBuf};

/// The name by which YAMNet is fetched, and found.
pub(crate) const YAMNET: &str = "yamnet";

/// What a repository of the hub may begin with, so that no path is meant.
const PREFIX: &str = "hf:";

/// A place that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is on this machine, or in a bucket.
    Local(PathBuf),
    /// A repository of the hub.
    Hub(Repository),
    /// YAMNet by its name, which is not in the cache.
    Missing,
}

/// A repository of the hub: `owner/name`, `hf:owner/name`, `owner/name@revision`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    /// `owner/name`.
    pub(crate) name: String,
    /// Branch, tag or commit.
    pub(crate) revision: Option<String>,
}

/// What a user's text means: a path that is there, else the name of what `barkbird fetch` fetches, else a repository. Without `hf:` before it, nothing may be there that has the name
/// of its owner: `runs/cnn` beside a folder `runs` is a path with a slip of the pen.
///
/// # Errors
/// Neither.
pub(crate) fn origin(text: &str) -> Result<Origin> {
    let path = Path::new(text);
    if let Some(named) = text.strip_prefix(PREFIX) {
        return match repository(named) {
            Some(repository) => Ok(Origin::Hub(repository)),
            None => bail!("{text}: expected hf:owner/name or hf:owner/name@revision, a repository of the hub"),
        };
    }
    if storage::exists(path) {
        return Ok(Origin::Local(path.to_owned()));
    }
    if text == YAMNET {
        let folder = folder_of(YAMNET)?;
        return Ok(if has_yamnet(&folder) { Origin::Local(folder) } else { Origin::Missing });
    }
    match repository(text) {
        Some(repository) => match repository.name.split('/').next().filter(|owner| storage::exists(Path::new(owner))) {
            None => Ok(Origin::Hub(repository)),
            Some(owner) => bail!(
                "{text}: neither a folder or file that is there, nor taken for a repository of the hub, since {owner} is here; \
                 {PREFIX}{text} is the repository"
            ),
        },
        None => {
            bail!(
                "{text}: neither a folder or file that is there, nor {YAMNET}, nor a repository of the hub (owner/name)"
            )
        }
    }
}

/// What to say where YAMNet is asked for by its name and is not there.
pub(crate) fn missing(option: &str) -> String {
    let space = if option.ends_with('=') { "" } else { " " };
    format!("{option}{space}{YAMNET}: not fetched yet; `barkbird fetch {YAMNET}` fetches it (16 MB, Apache-2.0)")
}

/// A path, or YAMNet by its name, for what only takes files of this machine. Errors name `option`.
///
/// # Errors
/// YAMNet by its name, which is not in the cache.
pub(crate) fn local(path: &Path, option: &str) -> Result<PathBuf> {
    if path != Path::new(YAMNET) {
        return Ok(path.to_owned());
    }
    match origin(YAMNET)? {
        Origin::Local(path) => Ok(path),
        _ => bail!("{}", missing(option)),
    }
}

/// A repository of this name; none where it is the name of none.
fn repository(text: &str) -> Option<Repository> {
    let (name, revision) = match text.split_once('@') {
        Some((name, revision)) => (name, Some(revision.to_owned())),
        None => (text, None),
    };
    let is_one = is_repository_name(name) && revision.as_deref() != Some("");
    is_one.then(|| Repository { name: name.to_owned(), revision })
}

/// Whether a repository of the hub may have this name: `owner/name`.
pub(crate) fn is_repository_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let is_known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(is_known) && !part.contains("--")
    };
    name.split_once('/').is_some_and(|(owner, name)| is_part(owner) && is_part(name))
}

/// The folder or file of a run: where it is, or a model of a repository of the hub, fetched into the cache. What is neither is left to
/// whoever reads it.
///
/// # Errors
/// A repository that cannot be fetched, or holds another model than one of barkbird.
pub(crate) fn of_run(run: &Path, job: &Job<'_>) -> Result<PathBuf> {
    let Some(text) = run.to_str().filter(|_| !storage::exists(run)) else { return Ok(run.to_owned()) };
    let is_named = text.starts_with(PREFIX) || repository(text).is_some();
    if !is_named {
        return Ok(run.to_owned());
    }
    match origin(text)? {
        Origin::Local(path) => Ok(path),
        // It is a backbone, not a run.
        Origin::Missing => Ok(run.to_owned()),
        Origin::Hub(repository) => {
            let Repository { name, revision } = &repository;
            let request = Request { revision: revision.as_deref(), is_ours: true, ..Request::of(name) };
            Ok(fetch(&request, job)?.folder)
        }
    }
}

/// Whether a run is a repository of the hub, so that nothing can be written beside its model.
pub(crate) fn is_repository(run: &Path) -> bool {
    !storage::exists(run) && run.to_str().is_some_and(|text| text.starts_with(PREFIX) || repository(text).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(name: &str, revision: Option<&str>) -> Origin {
        Origin::Hub(Repository { name: name.into(), revision: revision.map(str::to_owned) })
    }

    #[test]
    fn a_path_that_is_there_comes_before_a_repository() {
        assert!(matches!(origin(env!("CARGO_MANIFEST_DIR")), Ok(Origin::Local(_))));
        assert_eq!(origin("facebook/dinov2-small").unwrap(), hub("facebook/dinov2-small", None));
        assert_eq!(origin("hf:acme/bark@v1.0").unwrap(), hub("acme/bark", Some("v1.0")));
        assert_eq!(origin("acme/bark@refs/pr/1").unwrap(), hub("acme/bark", Some("refs/pr/1")));
        for wrong in ["", "one", "a/b/c", "../b", "a/", "a b/c", "acme/bark@"] {
            assert!(origin(wrong).err().unwrap().to_string().contains("neither"), "{wrong}");
        }
        assert!(origin("hf:one").err().unwrap().to_string().contains("expected hf:owner/name"));
        // The tests of a crate run in its folder.
        let message = origin("src/cnn").err().unwrap().to_string();
        assert!(message.contains("since src is here; hf:src/cnn is the repository"), "{message}");
        assert_eq!(origin("hf:src/cnn").unwrap(), hub("src/cnn", None));
        assert!(is_repository(Path::new("acme/bark")) && !is_repository(Path::new("src/lib.rs")));
    }
}
