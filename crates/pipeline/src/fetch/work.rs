//! The folder beside the wanted one for what is not complete.

use crate::error::{Context, Result};
use std::path::{Path, PathBuf};

/// Its path.
pub(super) fn beside(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".download");
    name.into()
}

/// Removes it. Its lock has removed it already where it was empty.
pub(super) fn clear(work: &Path) -> Result<()> {
    match storage::exists(work) {
        true => storage::remove_dir_all(work).with_context(|| format!("{}: cannot be removed", work.display())),
        false => Ok(()),
    }
}
