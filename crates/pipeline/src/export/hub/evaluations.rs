//! What was measured of a model: the evaluations in its run's folder.

use super::words::escaped;
use crate::error::{Context, Result};
use crate::run_record::RunRecord;
use serde_json::Value;
use std::path::Path;

/// Where `fit` and the examples of `evaluate` put the figures that count.
const MAIN: &str = "test";

/// One evaluation.
pub(super) struct Evaluation {
    /// The name of its folder.
    pub(super) name: String,
    /// Its `metrics.json`.
    pub(super) metrics: Value,
    /// Whether its clips are of the collection that the model was fitted to; none where that is not known.
    pub(super) is_of_collection: Option<bool>,
    /// Whether the clips were equalized before.
    pub(super) is_equalized: bool,
}

/// The evaluations of a model.
#[derive(Default)]
pub(super) struct Evaluations {
    /// Those of this very model, the main one first.
    pub(super) all: Vec<Evaluation>,
    /// Names of those that measured another file.
    pub(super) of_others: Vec<String>,
}

impl Evaluations {
    /// Those in the folder of a run whose model file has this SHA-256.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn find(run: &Path, sha256: &str) -> Result<Self> {
        let mut found = Self::default();
        let record = RunRecord::read(run)?;
        for entry in storage::list(run).with_context(|| run.display().to_string())? {
            if entry.leads_to(run) != storage::Kind::Folder {
                continue;
            }
            let Some(metrics) = json(&run.join(&entry.name).join("metrics.json"))? else { continue };
            let name = entry.name.to_string_lossy().into_owned();
            if metrics["model_sha256"] != sha256 {
                found.of_others.push(name);
                continue;
            }
            let command: Vec<&str> =
                metrics["command"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let is_of_collection = is_of_collection(&command, record.as_ref());
            let is_equalized = command.contains(&"--equalized");
            found.all.push(Evaluation { name, is_of_collection, is_equalized, metrics });
        }
        found.of_others.sort();
        found.all.sort_by_key(|of| (of.is_equalized, of.name != MAIN, of.metrics["split"] != MAIN, of.name.clone()));
        Ok(found)
    }

    /// The one that the card shows in full.
    pub(super) fn main(&self) -> Option<&Evaluation> {
        self.all.first().filter(|of| of.n() > 0)
    }
}

impl Evaluation {
    /// Clips of the model's classes.
    pub(super) fn n(&self) -> usize {
        self.metrics["n"].as_u64().unwrap_or(0) as usize
    }

    /// Groups of these.
    pub(super) fn n_groups(&self) -> usize {
        self.metrics["n_groups"].as_u64().unwrap_or(0) as usize
    }

    /// The splits that were measured, as they were named, without those of unknown sounds.
    pub(super) fn split(&self) -> String {
        let named = self.metrics["split"].as_str().unwrap_or_default();
        let known: Vec<&str> = named.split(',').map(str::trim).filter(|split| !split.starts_with("ood")).collect();
        if known.is_empty() { named.to_owned() } else { known.join(",") }
    }

    /// What was measured, in words: the collection by `collection`, where it is the one that the model was fitted to.
    pub(super) fn data(&self, collection: &str) -> String {
        let equalized = if self.is_equalized { ", equalized" } else { "" };
        match self.is_of_collection {
            Some(true) => format!("{collection}{equalized}"),
            _ => format!("evaluation {}{equalized}", self.name),
        }
    }

    /// The stress tests by name, where there are some.
    pub(super) fn conditions(&self) -> Vec<(&str, &Value)> {
        let conditions = self.metrics["stress"]["conditions"].as_object();
        conditions.into_iter().flatten().map(|(name, figures)| (name.as_str(), figures)).collect()
    }

    /// Its name in a table.
    pub(super) fn title(&self) -> String {
        escaped(&format!("{}{}", self.name, if self.is_equalized { " (equalized clips)" } else { "" }))
    }
}

/// Whether what a command measured is of the collection of the training, as far as the command says so.
fn is_of_collection(command: &[&str], record: Option<&RunRecord>) -> Option<bool> {
    if command.first() == Some(&"fit") {
        return Some(true);
    }
    let mut words = command.iter();
    let named = words.find_map(|word| match word.strip_prefix("--features") {
        Some("") => Some(None),
        Some(value) => value.strip_prefix('=').map(Some),
        None => None,
    })?;
    let features = named.or_else(|| words.next().copied())?;
    Some(Path::new(features) == record?.features)
}

/// A JSON file; none where there is none.
pub(super) fn json(path: &Path) -> Result<Option<Value>> {
    if !storage::is_file(path) {
        return Ok(None);
    }
    let bytes = storage::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    Ok(Some(serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collection_is_known_by_its_features() {
        let record = RunRecord { features: "features".into(), ..RunRecord::default() };
        let of = |command: &[&str]| is_of_collection(command, Some(&record));
        assert_eq!(of(&["fit", "data", "--out", "run"]), Some(true));
        assert_eq!(of(&["evaluate", "run", "--features", "features", "--out", "x"]), Some(true));
        assert_eq!(of(&["evaluate", "run", "--features=other", "--out", "x"]), Some(false));
        assert_eq!(of(&["evaluate", "run", "field.csv", "--out", "x"]), None);
        assert_eq!(of(&[]), None);
    }
}
