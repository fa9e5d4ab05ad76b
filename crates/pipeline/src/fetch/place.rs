//! Where models are put that are fetched by name, and where they are found.

use crate::error::{Result, bail};
use std::path::{Path, PathBuf};

/// The folder of a model in the cache of this program: in `XDG_CACHE_HOME`, else in `.cache` of the home folder (`HOME`,
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

/// Files of weights that a folder of YAMNet may hold.
const YAMNET_FILES: [&str; 2] = ["model.safetensors", "yamnet.tflite"];

/// Whether a folder holds YAMNet's weights.
pub(crate) fn has_yamnet(folder: &Path) -> bool {
    YAMNET_FILES.iter().any(|name| storage::is_file(folder.join(name)))
}
