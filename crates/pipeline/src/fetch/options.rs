//! What is asked for.

use super::catalog::Published;
use crate::error::{Result, bail};
use std::path::PathBuf;

/// What is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Something of the [`catalog`](super::catalog()).
    Published(Box<Published>),
    /// A repository of the hub.
    Repository {
        /// `owner/name`.
        name: String,
        /// Whether it is a data set; else it is a model.
        is_dataset: bool,
    },
}

impl What {
    /// A name of the catalog, `hf:OWNER/NAME` for a model, or `hf:datasets/OWNER/NAME` for a data set.
    ///
    /// # Errors
    /// Neither.
    pub fn parse(text: &str) -> Result<Self> {
        let Some(repository) = text.strip_prefix("hf:") else {
            return Ok(Self::Published(Box::new(Published::by_name(text)?)));
        };
        let (name, is_dataset) = match repository.strip_prefix("datasets/") {
            Some(name) => (name, true),
            None => (repository, false),
        };
        if name.split('/').count() != 2 || name.split('/').any(str::is_empty) {
            bail!("{text}: expected hf:OWNER/NAME, or hf:datasets/OWNER/NAME for a data set");
        }
        Ok(Self::Repository { name: name.to_owned(), is_dataset })
    }
}

/// Options of [`run`](super::run).
#[derive(Debug, Clone)]
pub struct Options {
    /// What is fetched.
    pub what: What,
    /// The folder for it; none for the usual one: the cache for a model, below this folder for a data set, and the hub's shared
    /// cache for a repository.
    pub out: Option<PathBuf>,
    /// Another address of the same file, or another hub.
    pub mirror: Option<String>,
    /// SHA-256 in hex of the file at the mirror, where it is not the published one. What is in an archive is not compared with
    /// the published checksums then.
    pub sha256: Option<String>,
    /// Branch, tag or commit of a repository.
    pub revision: Option<String>,
    /// Fetch pickles of a repository, too: formats that can run code when they are read.
    pub pickles: bool,
    /// Replace what was fetched before.
    pub overwrite: bool,
}

impl Options {
    /// From the published address, to the usual folder.
    #[must_use]
    pub fn new(what: What) -> Self {
        Self { what, out: None, mirror: None, sha256: None, revision: None, pickles: false, overwrite: false }
    }
}
