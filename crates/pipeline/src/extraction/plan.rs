//! What a manifest asks for: which rows, of which class, in which split.

use crate::error::{Context, Result, bail};
use crate::inputs;
use crate::job::Job;
use audio_io::split::{NEITHER, crossings};
use audio_io::{Manifest, Row};
use shard::NO_LABEL;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Words that predictions use in place of a class.
const RESERVED: [&str; 3] = [NEITHER, "unsure", "silent"];

/// The split of rows that have none.
pub(crate) const UNASSIGNED: &str = "unassigned";

/// One row of the manifest with its numbers.
pub(crate) struct Planned {
    /// The row.
    pub row: Row,
    /// Index of its class, or [`NO_LABEL`].
    pub label: u32,
    /// Index of its split.
    pub split: u8,
}

/// A manifest, resolved.
pub(crate) struct Plan {
    /// Where the paths are relative to.
    pub manifest: Manifest,
    /// SHA-256 of the manifest's bytes.
    pub manifest_sha256: String,
    /// Class names, in order.
    pub classes: Vec<String>,
    /// Split names, in order.
    pub splits: Vec<String>,
    /// The rows, in the manifest's order.
    pub rows: Vec<Planned>,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Reads a manifest (or a folder of class folders). `classes` names the classes in order; without it they are the
    /// labels of clips that are trained on, or all labels where nothing is.
    pub(crate) fn read(path: &Path, classes: &[String]) -> Result<Self> {
        let mut manifest = inputs::manifest(path)?;
        if manifest.rows.is_empty() {
            bail!("{}: lists no recording", path.display());
        }
        let mut hash = shard::Sha256::default();
        manifest.write_csv(&mut hash)?;
        let manifest_sha256 = hash.hex();
        let mut rows = std::mem::take(&mut manifest.rows);
        // Nobody asks for them from here on, and a manifest may have a million rows.
        rows.iter_mut().for_each(|row| row.extra = audio_io::Fields::default());
        let classes = if classes.is_empty() { classes_of(&rows) } else { classes.to_vec() };
        refuse_reserved(path, &classes)?;
        let splits = splits_of(&rows);
        if splits.len() > usize::from(u8::MAX) {
            bail!("{}: expected at most 255 splits, got {}", path.display(), splits.len());
        }
        let mut warnings = Vec::new();
        if rows.iter().all(|row| row.split.is_none()) {
            warnings.push(format!(
                "{}: no row has a split, so nothing can be trained on it; `barkbird scan` gives it one",
                path.display()
            ));
        }
        for class in &classes {
            if !rows.iter().any(|row| row.label == *class) {
                warnings.push(format!("class {class}: no recording has this label"));
            }
        }
        let planned = |row: Row| -> Result<Planned> {
            let label = classes.iter().position(|class| *class == row.label);
            let label = label.map_or(Ok(NO_LABEL), u32::try_from)?;
            let name = row.split.as_deref().unwrap_or(UNASSIGNED);
            let split = splits.iter().position(|split| split == name).context("split not listed")?;
            Ok(Planned { row, label, split: u8::try_from(split)? })
        };
        let rows = rows.into_iter().map(planned).collect::<Result<_>>()?;
        Ok(Self { manifest, manifest_sha256, classes, splits, rows, warnings })
    }

    /// Refuses groups that cross splits, or says that they do where the user knows.
    pub(crate) fn check_groups(&self, path: &Path, allowed: bool, job: &Job<'_>) -> Result<()> {
        let found = crossings(self.rows.iter().map(|planned| &planned.row));
        let Some(first) = found.first() else { return Ok(()) };
        let text =
            format!("{}: {} groups cross splits, so that figures are too good; {first}", path.display(), found.len());
        if allowed {
            job.warn(text);
            return Ok(());
        }
        bail!("{text}. Empty the column `split` and run `scan` again, or go on with --allow-crossing-groups")
    }

    /// Recordings of each label in each split, in the order of the splits.
    pub(crate) fn counts(&self) -> BTreeMap<String, Vec<usize>> {
        let mut counts = BTreeMap::<String, Vec<usize>>::new();
        for planned in &self.rows {
            let row = counts.entry(planned.row.label.clone()).or_insert_with(|| vec![0; self.splits.len()]);
            row[usize::from(planned.split)] += 1;
        }
        counts
    }
}

/// The labels of clips that are trained on, or all labels where nothing is.
pub(crate) fn classes_of(rows: &[Row]) -> Vec<String> {
    let trained = |split: &str| split == "train" || split == "val" || split.starts_with("fold-");
    let labels = |keep: &dyn Fn(&Row) -> bool| {
        let kept = rows.iter().filter(|row| !row.label.is_empty() && !is_neither(&row.label) && keep(row));
        kept.map(|row| row.label.clone()).collect::<BTreeSet<_>>()
    };
    let known = labels(&|row| row.split.as_deref().is_some_and(trained));
    let chosen = if known.is_empty() { labels(&|_| true) } else { known };
    chosen.into_iter().collect()
}

/// Whether a label is the one of unknown sounds, in any letter case.
fn is_neither(label: &str) -> bool {
    label.trim().eq_ignore_ascii_case(NEITHER)
}

/// Refuses classes that nobody could tell from what predictions say in place of a class.
fn refuse_reserved(path: &Path, classes: &[String]) -> Result<()> {
    for class in classes {
        let reserved = RESERVED.iter().find(|word| class.trim().eq_ignore_ascii_case(word));
        if let Some(word) = reserved {
            bail!("{}: class `{class}`: predictions use the word `{word}`; rename the class", path.display());
        }
    }
    Ok(())
}

/// train, val and test first, the others by name.
fn splits_of(rows: &[Row]) -> Vec<String> {
    let names: BTreeSet<&str> = rows.iter().map(|row| row.split.as_deref().unwrap_or(UNASSIGNED)).collect();
    let first = ["train", "val", "test"];
    let head = first.iter().filter(|name| names.contains(*name)).copied();
    let tail = names.iter().filter(|name| !first.contains(name)).copied();
    head.chain(tail).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, split: Option<&str>) -> Row {
        Row { path: "a.wav".into(), label: label.into(), split: split.map(str::to_owned), ..Row::default() }
    }

    #[test]
    fn words_of_predictions_are_no_classes() {
        let rows = [row("dog", Some("train")), row("Neither", Some("train"))];
        assert_eq!(classes_of(&rows), ["dog"]);
        for class in ["Unsure", "silent", "neither"] {
            let error = refuse_reserved(Path::new("m.csv"), &["dog".into(), class.into()]).unwrap_err().to_string();
            assert!(error.contains("m.csv") && error.contains(class), "{error}");
        }
        assert!(refuse_reserved(Path::new("m.csv"), &["dog".into()]).is_ok());
    }

    #[test]
    fn unknowns_are_no_class() {
        let rows = [row("dog", Some("train")), row("cat", Some("ood-test")), row("bird", Some("val"))];
        assert_eq!(classes_of(&rows), ["bird", "dog"]);
        assert_eq!(splits_of(&rows), ["train", "val", "ood-test"]);
        let rows = [row("rain", Some("field")), row("dog", Some("field")), row("neither", None)];
        assert_eq!(classes_of(&rows), ["dog", "rain"]);
        assert_eq!(splits_of(&rows), ["field", UNASSIGNED]);
    }
}
