//! Where what is made in the background is kept.

use crate::error::{Error, Result};
use crate::options::Options;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn failed(path: &Path, operation: &'static str) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { path: path.clone(), operation, source }
}

/// The folder of what is made in the background, below that of the options or a temporary one, which goes with what is given; empty
/// where nothing may be made.
///
/// # Errors
/// A folder that cannot be made.
pub(crate) fn folder(options: &Options, name: &str) -> Result<(PathBuf, Option<TempDir>)> {
    match (&options.fit, &options.work) {
        (None, _) => Ok((PathBuf::new(), None)),
        (Some(_), Some(work)) => {
            let folder = storage::absolute(work).map_err(failed(work, "cannot be found"))?.join(name);
            storage::create_dir_all(&folder).map_err(failed(&folder, "cannot be made"))?;
            Ok((folder, None))
        }
        (Some(_), None) => {
            let made = tempfile::Builder::new().prefix("barkbird-serve-").tempdir();
            let made = made.map_err(failed(&std::env::temp_dir(), "no temporary folder can be made"))?;
            Ok((made.path().to_owned(), Some(made)))
        }
    }
}

/// Removes the folder of something that is forgotten; `what` is what its owner is called.
pub(crate) fn remove(folder: &Path, what: &str) {
    if storage::exists(folder)
        && let Err(error) = storage::remove_dir_all(folder)
    {
        tracing::warn!("the folder of a {what} cannot be removed: {error}");
    }
}

/// Names of what is in the folder, in order.
///
/// # Errors
/// A folder that cannot be read.
pub(crate) fn names_in(folder: &Path) -> Result<Vec<String>> {
    let entries = storage::list(folder).map_err(failed(folder, "cannot be read"))?;
    let mut names: Vec<String> = entries.into_iter().filter_map(|entry| entry.name.into_string().ok()).collect();
    names.sort();
    Ok(names)
}
