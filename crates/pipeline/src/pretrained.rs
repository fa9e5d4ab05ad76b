//! Where a pretrained model comes from: a folder or file, what `barkbird fetch` has fetched, or the hub.

use crate::error::{Result, bail};
use crate::fetch::{folder_of, has_yamnet};
use std::path::{Path, PathBuf};

/// The name by which YAMNet is fetched, and found.
pub(crate) const YAMNET: &str = "yamnet";

/// A place that was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is on this machine.
    Local(PathBuf),
    /// A repository of the hub, `owner/name`.
    Hub(String),
    /// YAMNet by its name, which is not in the cache.
    Missing,
}

/// What a user's text means: a path that is there, else the name of what `barkbird fetch` fetches, else a repository.
///
/// # Errors
/// None of them.
pub(crate) fn place(text: &str) -> Result<Place> {
    let path = Path::new(text);
    if storage::exists(path) {
        return Ok(Place::Local(path.to_owned()));
    }
    if text == YAMNET {
        let folder = folder_of(YAMNET)?;
        return Ok(if has_yamnet(&folder) { Place::Local(folder) } else { Place::Missing });
    }
    let name = text.strip_prefix("hf:").unwrap_or(text);
    let parts: Vec<&str> = name.split('/').collect();
    let is_name = |part: &&str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    if parts.len() == 2 && parts.iter().all(is_name) {
        return Ok(Place::Hub(name.to_owned()));
    }
    bail!(
        "--pretrained {text}: neither a folder or file that is there, nor {YAMNET}, nor a repository of the hub (owner/name)"
    )
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
    match place(YAMNET)? {
        Place::Local(path) => Ok(path),
        _ => bail!("{}", missing(option)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_there_comes_before_a_repository() {
        assert!(matches!(place(env!("CARGO_MANIFEST_DIR")), Ok(Place::Local(_))));
        for name in ["facebook/dinov2-small", "hf:facebook/dinov2-small"] {
            assert_eq!(place(name).unwrap(), Place::Hub("facebook/dinov2-small".into()));
        }
        for wrong in ["", "one", "a/b/c", "../b", "a/", "a b/c", "hf:a"] {
            assert!(place(wrong).err().unwrap().to_string().contains("neither"), "{wrong}");
        }
    }
}
