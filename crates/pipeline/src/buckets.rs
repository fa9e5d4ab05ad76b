//! Buckets as places for everything that is read and written: `s3://`, `gs://`, `az://`.

use crate::error::{Result, bail};
use std::path::PathBuf;
use storage::Settings;

/// Bytes of a gigabyte.
const GIGABYTE: f64 = 1e9;

/// Makes URLs of buckets paths like others, for the whole process. Blocks of objects are kept in `cache`, by default the
/// user's cache folder, up to so many gigabytes.
///
/// # Errors
/// A limit that is not positive.
pub fn mount(cache: Option<PathBuf>, gigabytes: Option<f64>) -> Result<()> {
    let mut settings = Settings::default();
    if let Some(folder) = cache.or_else(user_cache) {
        settings.cache = folder;
    }
    if let Some(gigabytes) = gigabytes {
        if !(gigabytes > 0.0 && gigabytes.is_finite()) {
            bail!("--bucket-cache-gb {gigabytes}: expected a number above 0");
        }
        settings.cache_bytes = (gigabytes * GIGABYTE) as u64;
    }
    storage::settle(settings);
    buckets::mount();
    Ok(())
}

fn user_cache() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(caches.join("barkbird").join("blocks"))
}
