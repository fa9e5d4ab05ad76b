use super::client::At;
use super::repository::Repository;
use super::source::is_plain_path;
use super::{Error, Missing, Progress, Source};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const WEIGHTS_INDEX: &str = "model.safetensors.index.json";
/// What older repositories have instead.
const PICKLES: [&str; 2] = ["pytorch_model.bin", "pytorch_model.bin.index.json"];

/// The files of a pretrained model, all of one commit and each verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The commit that the revision named when it was asked for: as the revision, it names these bytes for ever.
    pub commit: String,
    /// Holds `config.json` and the weights: `model.safetensors`, or `model.safetensors.index.json` and its parts.
    pub folder: PathBuf,
}

/// The list of a checkpoint's parts.
#[derive(Deserialize)]
struct Index {
    /// Tensor to file.
    weight_map: BTreeMap<String, String>,
}

/// The configuration and the weights of a model, from the cache or fetched into it, each verified.
///
/// # Errors
/// As [`fetch`](super::fetch); and [`Error::Pickle`] where the weights exist as `pytorch_model.bin` only,
/// [`Error::NoWeights`], [`Error::Index`].
pub fn fetch_model(source: &Source, progress: &dyn Fn(Progress<'_>)) -> Result<Snapshot, Error> {
    let repository = Repository::open(source)?;
    // All is of one commit, also if the branch moves meanwhile.
    let commit = repository.commit(CONFIG, progress)?;
    let files = Files { repository: &repository, commit: &commit, progress };
    let config = files.fetch(CONFIG)?;
    files.weights()?;
    let folder = config.parent().unwrap_or(&config).to_path_buf();
    Ok(Snapshot { commit, folder })
}

/// The files of one commit.
struct Files<'a> {
    repository: &'a Repository<'a>,
    commit: &'a str,
    progress: &'a dyn Fn(Progress<'_>),
}

impl Files<'_> {
    fn fetch(&self, file: &str) -> Result<PathBuf, Error> {
        self.repository.fetch(self.commit, file, self.progress)
    }

    /// `None` if the commit has no such file.
    fn optional(&self, file: &str) -> Result<Option<PathBuf>, Error> {
        match self.fetch(file) {
            Ok(path) => Ok(Some(path)),
            Err(Error::NotFound { what: Missing::File | Missing::Unsaid, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn weights(&self) -> Result<(), Error> {
        let whole = match self.optional(WEIGHTS) {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => None,
            // A cache that another program filled with parts does not say that there is no whole.
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

    /// The files that an index names. It comes from outside, so it may name no other kind and nothing elsewhere.
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

    /// Why there are none.
    fn no_weights(&self) -> Error {
        let nothing = Error::NoWeights { repo: self.repository.source.repo.clone(), revision: self.commit.into() };
        if self.repository.source.offline {
            return nothing;
        }
        for file in PICKLES {
            let wanted = self.repository.file(self.commit, file);
            let at = At { revision: self.commit, file };
            match self.repository.ask(at, &wanted) {
                Ok(()) => return Error::Pickle { file: wanted },
                Err(Error::NotFound { .. }) => {}
                Err(error) => return error,
            }
        }
        nothing
    }
}
