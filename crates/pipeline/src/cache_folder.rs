//! Where this program keeps what it can get or measure again.

use crate::error::{Result, bail};
use std::path::PathBuf;

/// The folder of something in the cache of this program: in `XDG_CACHE_HOME`, else in `.cache` of the home folder (`HOME`,
/// `USERPROFILE`). These variables are read here alone.
///
/// # Errors
/// There is no home folder.
pub fn folder_of(name: &str) -> Result<PathBuf> {
    let folder = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || folder("HOME").or_else(|| folder("USERPROFILE")).map(|home| home.join(".cache"));
    match folder("XDG_CACHE_HOME").or_else(home) {
        Some(cache) => Ok(cache.join("barkbird").join(name)),
        None => bail!("no folder for the cache: there is no home folder (HOME): name one with --out"),
    }
}
