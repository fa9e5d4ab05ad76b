//! What comes back.

use serde::Serialize;
use std::path::PathBuf;

/// What was fetched, also as `fetch.json` in its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// `fetch/1`.
    pub schema: &'static str,
    /// Its name.
    pub name: String,
    /// Where it is from.
    pub address: String,
    /// The commit of a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Its license.
    pub license: String,
    /// Whom to cite; empty where that is not known.
    pub citation: String,
    /// What was compared with what.
    pub verified: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Files in it, without `fetch.json`.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// It was there before, and is as it was.
    pub cached: bool,
}
