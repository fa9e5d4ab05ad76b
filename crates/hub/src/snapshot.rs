use crate::client::Location;
use crate::error::{Error, Missing};
use crate::fetch::fetch_from;
use crate::progress::OnProgress;
use crate::repository::Repository;
use crate::source::{Source, is_plain_path};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const WEIGHTS_INDEX: &str = "model.safetensors.index.json";
/// What is asked for where no file is, as errors name it.
const LIST: &str = "list of files";
/// The weights of older repositories.
const PICKLES: [&str; 2] = ["pytorch_model.bin", "pytorch_model.bin.index.json"];

/// Files of a repository, all of one commit and each verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The commit that the revision named: used as the revision, it always gives these bytes.
    pub commit: String,
    /// Contains the files. For a model `config.json` and the weights: `model.safetensors`, or
    /// `model.safetensors.index.json` and its parts.
    pub folder: PathBuf,
}

/// The files of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The commit that the revision named.
    pub commit: String,
    /// The files.
    pub files: Vec<Listed>,
}

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path in the repository.
    pub name: String,
    /// Its length in bytes; none where the hub cannot be asked.
    pub n_bytes: Option<u64>,
}

/// The list of a checkpoint's parts.
#[derive(Deserialize)]
struct Index {
    /// Tensor to file.
    weight_map: BTreeMap<String, String>,
}

/// The configuration and the weights of a model, from the cache or downloaded into it, each verified.
///
/// # Errors
/// As [`fetch`](crate::fetch); and [`Error::Pickle`] where the weights exist as `pytorch_model.bin` only,
/// [`Error::NoWeights`], [`Error::Index`].
#[tracing::instrument(level = "debug", skip_all, fields(repo = %source.repo, revision = %source.revision))]
pub fn fetch_model(source: &Source, progress: &OnProgress<'_>) -> Result<Snapshot, Error> {
    let repository = Repository::open(source, progress)?;
    // All files are of one commit, even if the branch moves meanwhile.
    let commit = repository.commit(CONFIG)?;
    let files = Files { repository: &repository, commit: &commit };
    let config = files.fetch(CONFIG)?;
    files.weights()?;
    let folder = config.parent().unwrap_or(&config).to_path_buf();
    Ok(Snapshot { commit, folder })
}

/// The files of a repository for which `is_wanted` returns true, from the cache or downloaded into it, each verified: for
/// data sets, and for models of other formats.
///
/// # Errors
/// As [`fetch`](crate::fetch); and [`Error::Invalid`] if no file is wanted.
#[tracing::instrument(level = "debug", skip_all, fields(repo = %source.repo, revision = %source.revision))]
pub fn fetch_repository(
    source: &Source,
    is_wanted: &dyn Fn(&str) -> bool,
    progress: &OnProgress<'_>,
) -> Result<Snapshot, Error> {
    let repository = Repository::open(source, progress)?;
    let commit = repository.commit(LIST)?;
    let all = repository.list(&commit, &repository.file(&commit, LIST))?;
    let files: Vec<&String> = all.iter().filter(|file| is_wanted(file)).collect();
    if files.is_empty() {
        let (expected, got) = ("a selection that some file matches", format!("none of {} files", all.len()));
        return Err(Error::Invalid { what: "files of the repository", expected, got });
    }
    files.iter().try_for_each(|file| fetch_from(&repository, &commit, file).map(drop))?;
    let folder = repository.folder.snapshot(&commit);
    Ok(Snapshot { commit, folder })
}

/// What a repository has, without fetching any of it.
///
/// # Errors
/// As [`fetch`](crate::fetch).
#[tracing::instrument(level = "debug", skip_all, fields(repo = %source.repo, revision = %source.revision))]
pub fn list_repository(source: &Source, progress: &OnProgress<'_>) -> Result<Listing, Error> {
    let repository = Repository::open(source, progress)?;
    let commit = repository.commit(LIST)?;
    let wanted = repository.file(&commit, LIST);
    let files = match repository.list_sizes(&commit, &wanted) {
        Ok(files) => files.into_iter().map(|(name, n_bytes)| Listed { name, n_bytes: Some(n_bytes) }).collect(),
        // The list of an earlier run has no lengths.
        Err(error) if source.offline || error.is_transient() => match repository.folder.list(&commit) {
            Some(names) => names.into_iter().map(|name| Listed { name, n_bytes: None }).collect(),
            None => return Err(error),
        },
        Err(error) => return Err(error),
    };
    Ok(Listing { commit, files })
}

/// The files of one commit.
struct Files<'a> {
    repository: &'a Repository<'a>,
    commit: &'a str,
}

impl Files<'_> {
    fn fetch(&self, file: &str) -> Result<PathBuf, Error> {
        fetch_from(self.repository, self.commit, file)
    }

    /// `None` if the commit has no such file.
    fn optional(&self, file: &str) -> Result<Option<PathBuf>, Error> {
        match self.fetch(file) {
            Ok(path) => Ok(Some(path)),
            Err(Error::NotFound { what: Missing::File | Missing::Unknown, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn weights(&self) -> Result<(), Error> {
        let whole = match self.optional(WEIGHTS) {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => None,
            // In a cache that another program filled with parts nothing shows that there is no single file.
            Err(error @ Error::NotCached { .. }) => Some(error),
            Err(error) => return Err(error),
        };
        match (self.optional(WEIGHTS_INDEX), whole) {
            (Ok(Some(index)), _) => self.parts(&index)?.iter().try_for_each(|part| self.fetch(part).map(drop)),
            (Ok(None) | Err(Error::NotCached { .. }), Some(error)) => Err(error),
            (Ok(None), None) => Err(self.no_weights()),
            (Err(error), _) => Err(error),
        }
    }

    /// The files that an index names. It is untrusted: files of another kind or outside of the repository are refused.
    fn parts(&self, index: &Path) -> Result<BTreeSet<String>, Error> {
        let wrong = |reason| Error::Index { file: self.repository.file(self.commit, WEIGHTS_INDEX), reason };
        let bytes = std::fs::read(index).map_err(Error::io("read", index))?;
        let index: Index = serde_json::from_slice(&bytes).map_err(|error| {
            wrong(format!("expected JSON with a weight_map from tensors to files, got something else ({error})"))
        })?;
        let parts: BTreeSet<String> = index.weight_map.into_values().collect();
        if parts.is_empty() {
            return Err(wrong("expected a weight_map with files, got an empty one".into()));
        }
        match parts.iter().find(|part| !is_plain_path(part) || !part.ends_with(".safetensors")) {
            Some(part) => Err(wrong(format!("expected safetensors files in the repository, got {part:?}"))),
            None => Ok(parts),
        }
    }

    /// Why there are no weights.
    fn no_weights(&self) -> Error {
        let nothing = Error::NoWeights { repo: self.repository.source.repo.clone(), revision: self.commit.into() };
        if self.repository.source.offline {
            return nothing;
        }
        for file in PICKLES {
            let wanted = self.repository.file(self.commit, file);
            let at = Location { revision: self.commit, file };
            match self.repository.ask(at, &wanted) {
                Ok(()) => return Error::Pickle { file: wanted },
                Err(Error::NotFound { .. }) => {}
                Err(error) => return error,
            }
        }
        nothing
    }
}
