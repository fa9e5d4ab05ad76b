//! Data sets and models by name, or repositories of the Hugging Face hub: downloaded, verified, unpacked safely.
//!
//! | | file | what happens |
//! | --- | --- | --- |
//! | 1 | `catalog.rs` | what has a name: address, size, license, checksums |
//! | 2 | `published.rs` | a published file or archive becomes a folder |
//! | 3 | `repository.rs` | files of a repository of the hub |
//! | 4 | `record.rs` | `fetch.json` in the folder: what it is, and what a later run compares it with |
//! | 5 | `place.rs` | where models are put, so that `fit` and `train` find them |

mod catalog;
mod place;
#[cfg(feature = "hub")]
mod published;
#[cfg(feature = "hub")]
mod record;
#[cfg(feature = "hub")]
mod repository;

pub use catalog::{Esc50, Form, Published, catalog};
pub use place::folder_of;
pub(crate) use place::has_yamnet;

#[cfg(feature = "hub")]
use crate::error::{Result, bail};
#[cfg(feature = "hub")]
use crate::job::Job;
#[cfg(feature = "hub")]
use serde::Serialize;
#[cfg(feature = "hub")]
use std::path::PathBuf;

/// What is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Something of the [`catalog`].
    Published(Box<Published>),
    /// A repository of the hub.
    Repository {
        /// `owner/name`.
        name: String,
        /// Whether it is a data set; else it is a model.
        is_dataset: bool,
    },
}

#[cfg(feature = "hub")]
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

/// Options of [`run`].
#[cfg(feature = "hub")]
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

#[cfg(feature = "hub")]
impl Options {
    /// From the published address, to the usual folder.
    #[must_use]
    pub fn new(what: What) -> Self {
        Self { what, out: None, mirror: None, sha256: None, revision: None, pickles: false, overwrite: false }
    }
}

/// What was fetched, also as `fetch.json` in its folder.
#[cfg(feature = "hub")]
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

/// Fetches a data set or a model, or finds that it is there and as it was. Says address, size, license, what is verified and the
/// folder before anything is downloaded.
///
/// # Errors
/// A name that is not known, a folder with something else, a server that does not give the file, a file or archive that is not
/// what was published, no space, or a stop that was asked for.
#[cfg(feature = "hub")]
#[tracing::instrument(level = "info", name = "fetch", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    match &options.what {
        What::Published(published) => published::fetch(published, options, job),
        What::Repository { name, is_dataset } => repository::fetch(name, *is_dataset, options, job),
    }
}

#[cfg(all(test, feature = "hub"))]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_the_catalog_or_a_repository() {
        let name = |text: &str| match What::parse(text) {
            Ok(What::Published(published)) => published.name,
            Ok(What::Repository { name, is_dataset }) => format!("{name} {is_dataset}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(name("esc10"), "esc10");
        assert_eq!(name("hf:google/vit"), "google/vit false");
        assert_eq!(name("hf:datasets/ashraq/esc50"), "ashraq/esc50 true");
        assert_eq!(name("esc"), "esc: expected one of esc50, esc10, yamnet or a repository, hf:OWNER/NAME");
        for wrong in ["hf:", "hf:vit", "hf:a/b/c", "hf:datasets/a", "hf:/b"] {
            assert!(name(wrong).contains("expected hf:OWNER/NAME"), "{wrong}");
        }
    }

    #[test]
    fn what_is_published_has_whole_checksums_and_stable_addresses() {
        for published in catalog() {
            let all: Vec<String> = match &published.form {
                Form::Model { sha256, .. } => vec![sha256.clone()],
                Form::Esc50(data) => {
                    vec![data.table_sha256.clone(), data.kept_table_sha256.clone(), data.md5s_sha256.clone()]
                }
            };
            assert!(all.iter().all(|sha256| hub::is_sha256(sha256)), "{}", published.name);
            // A commit, so that the address never gives another file.
            let is_commit = |part: &str| part.len() >= 40 && part[..40].bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(published.url.split('/').any(is_commit), "{}", published.url);
        }
    }
}
