//! What was measured of a model: the evaluations in its run's folder.

use super::collection::Clip;
use super::words::escaped;
use crate::error::{Context, Result};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Where `fit` and the examples of `evaluate` put the figures that count.
const MAIN: &str = "test";

/// One evaluation.
pub(super) struct Evaluation {
    /// The name of its folder.
    pub(super) name: String,
    /// Its `metrics.json`.
    pub(super) metrics: Value,
    /// Whether its recordings are of the collection that the model was fitted to; none where that is not known, or of some.
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
    /// Those in the folder of a run whose model file has this SHA-256. `clips` are those of its collection, where they are at hand.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn find(run: &Path, sha256: &str, clips: Option<&[Clip]>) -> Result<Self> {
        let mut found = Self::default();
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
            let table = run.join(&entry.name).join("predictions.csv");
            let measured = if storage::is_file(&table) { measured(&table, &metrics)? } else { BTreeSet::new() };
            let is_of_collection = clips.and_then(|clips| is_of_collection(&measured, &metrics, clips));
            let command = metrics["command"].as_array();
            let is_equalized = command.is_some_and(|words| words.iter().any(|word| word == "--equalized"));
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

/// A recording and its class.
type Labeled = (String, String);

/// Recordings of known classes in a table of predictions.
fn measured(table: &Path, metrics: &Value) -> Result<BTreeSet<Labeled>> {
    let bytes = storage::read(table).with_context(|| format!("{}: cannot be read", table.display()))?;
    let mut reader = csv::Reader::from_reader(&bytes[..]);
    let columns = reader.headers().with_context(|| table.display().to_string())?.clone();
    let column = |name: &str| columns.iter().position(|column| column == name);
    let (Some(path), Some(truth)) = (column("path"), column("truth")) else { return Ok(BTreeSet::new()) };
    let is_known =
        |label: &str| metrics["classes"].as_array().is_some_and(|classes| classes.iter().any(|class| class == label));
    let mut all = BTreeSet::new();
    for row in reader.records() {
        let row = row.with_context(|| table.display().to_string())?;
        if let (Some(path), Some(truth)) = (row.get(path), row.get(truth).filter(|truth| is_known(truth))) {
            all.insert((path.to_owned(), truth.to_owned()));
        }
    }
    Ok(all)
}

/// Whether these recordings are those that the collection has in the splits that were measured (`true`), or none of them is in it. Names
/// are relative to a manifest, so that other collections may have some of the same: nearly all have to be there.
fn is_of_collection(measured: &BTreeSet<Labeled>, metrics: &Value, clips: &[Clip]) -> Option<bool> {
    let splits: Vec<&str> = metrics["split"].as_str()?.split(',').map(str::trim).collect();
    let pair = |clip: &Clip| (clip.path.clone(), clip.label.clone());
    let held_out: BTreeSet<Labeled> =
        clips.iter().filter(|clip| splits.contains(&clip.split.as_str())).map(pair).collect();
    let n_found = measured.intersection(&held_out).count();
    if n_found > 0 && n_found == measured.len() && 10 * n_found >= 9 * held_out.len() {
        return Some(true);
    }
    let is_elsewhere = !measured.is_empty() && clips.iter().all(|clip| !measured.contains(&pair(clip)));
    is_elsewhere.then_some(false)
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
    fn the_collection_is_known_by_its_recordings() {
        let clips =
            [Clip::new("a.wav", "bird", "test"), Clip::new("b.wav", "dog", "test"), Clip::new("c.wav", "dog", "train")];
        let of = |rows: &[(&str, &str)]| {
            let rows = rows.iter().map(|(path, label)| ((*path).to_owned(), (*label).to_owned())).collect();
            is_of_collection(&rows, &serde_json::json!({"split": "test, ood-test"}), &clips)
        };
        let (a, b, c) = (("a.wav", "bird"), ("b.wav", "dog"), ("c.wav", "dog"));
        assert_eq!(of(&[a, b]), Some(true));
        assert_eq!(of(&[("x.wav", "dog"), ("a.wav", "dog")]), Some(false));
        assert_eq!([of(&[a]), of(&[a, b, c]), of(&[a, ("x.wav", "dog")]), of(&[])], [None; 4]);
    }
}
