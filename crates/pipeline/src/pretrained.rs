//! Where a pretrained model comes from: a folder or file, or the hub.

use crate::error::{Result, bail};
use std::path::{Path, PathBuf};

/// A place that was asked for.
pub(crate) enum Place {
    /// It is on this machine.
    Local(PathBuf),
    /// A repository of the hub, `owner/name`.
    Hub(String),
}

/// What a user's text means: a path that is there, else a repository.
///
/// # Errors
/// Neither.
pub(crate) fn place(text: &str) -> Result<Place> {
    let path = Path::new(text);
    if storage::exists(path) {
        return Ok(Place::Local(path.to_owned()));
    }
    let parts: Vec<&str> = text.split('/').collect();
    let is_name = |part: &&str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    if parts.len() == 2 && parts.iter().all(is_name) {
        return Ok(Place::Hub(text.to_owned()));
    }
    bail!("--pretrained {text}: neither a folder or file that is there, nor a repository of the hub (owner/name)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_there_comes_before_a_repository() {
        assert!(matches!(place(env!("CARGO_MANIFEST_DIR")), Ok(Place::Local(_))));
        assert!(matches!(place("facebook/dinov2-small"), Ok(Place::Hub(name)) if name == "facebook/dinov2-small"));
        for wrong in ["", "one", "a/b/c", "../b", "a/", "a b/c"] {
            assert!(place(wrong).err().unwrap().to_string().contains("neither"), "{wrong}");
        }
    }
}
