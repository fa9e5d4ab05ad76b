//! What a model was fitted to and measured on: clips, groups and minutes of each class, and whether groups were kept apart.

use crate::error::Result;
use crate::inputs;
use crate::observer::CancelToken;
use crate::run_record::RunRecord;
use shard::{Clips, NO_LABEL};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Clips of a class on one side.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Count {
    pub(super) clips: usize,
    /// Recordings, animals or sessions.
    pub(super) groups: BTreeSet<String>,
    /// Seconds of sound; 0 where that is not known.
    pub(super) seconds: f64,
}

/// The two sides of a class.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct OfClass {
    /// What it was fitted to: training and validation.
    pub(super) fitted: Count,
    /// What was held out.
    pub(super) measured: Count,
}

/// The clips of a collection.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Collection {
    /// By class, in the order of the model.
    pub(super) classes: Vec<(String, OfClass)>,
    /// Licenses that the manifest states for recordings that it was fitted to, and how many have each.
    pub(super) licenses: BTreeMap<String, usize>,
}

/// A clip, whatever it was read from.
pub(super) struct Clip {
    /// Its recording, as tables name it.
    pub(super) path: String,
    pub(super) label: String,
    class: usize,
    pub(super) split: String,
    group: String,
    seconds: f64,
    license: Option<String>,
}

#[cfg(test)]
impl Clip {
    /// Of a group of its own.
    pub(super) fn new(path: &str, label: &str, split: &str) -> Self {
        let (path, label, split) = (path.to_owned(), label.to_owned(), split.to_owned());
        Self { group: path.clone(), path, label, class: 0, split, seconds: 1.5, license: Some("CC0".into()) }
    }
}

/// Splits that a model was fitted to.
struct Fitted {
    /// None: all that are not measured.
    splits: Option<Vec<String>>,
    measured: Vec<String>,
}

impl Fitted {
    /// Whether a clip of this split was fitted to (`true`) or measured (`false`); none for neither.
    fn side(&self, split: &str) -> Option<bool> {
        let is_in = |splits: &[String]| splits.iter().any(|of| of == split);
        match &self.splits {
            _ if split.starts_with("ood") => None,
            Some(splits) if is_in(splits) => Some(true),
            None if !is_in(&self.measured) => Some(true),
            _ => is_in(&self.measured).then_some(false),
        }
    }
}

fn names(splits: &str) -> Vec<String> {
    splits.split(',').map(|split| split.trim().to_owned()).filter(|split| !split.is_empty()).collect()
}

/// Clips of the manifest in a run's folder, else of the features that it was trained on; none where both are gone.
///
/// # Errors
/// A manifest that cannot be read.
pub(super) fn clips(run: &Path, record: Option<&RunRecord>, classes: &[String]) -> Result<Option<Vec<Clip>>> {
    let manifest = run.join("manifest.csv");
    match storage::is_file(&manifest) {
        true => Ok(Some(of_manifest(&manifest, classes)?)),
        false => Ok(record.and_then(|record| of_features(record, classes))),
    }
}

impl Collection {
    /// Of clips. `measured` are splits that were measured, separated by commas; the model was fitted to those of its record, else to all
    /// others.
    pub(super) fn new(clips: &[Clip], record: Option<&RunRecord>, measured: &str, classes: &[String]) -> Self {
        let splits = record.map(|record| {
            [&record.train_split, &record.val_split].into_iter().flat_map(|splits| names(splits)).collect()
        });
        Self::of(clips, &Fitted { splits, measured: names(measured) }, classes)
    }

    fn of(clips: &[Clip], fitted: &Fitted, classes: &[String]) -> Self {
        let mut all = vec![OfClass::default(); classes.len()];
        let mut licenses = BTreeMap::new();
        for clip in clips {
            let Some(is_fitted) = fitted.side(&clip.split) else { continue };
            let of = &mut all[clip.class];
            let count = if is_fitted { &mut of.fitted } else { &mut of.measured };
            count.clips += 1;
            count.seconds += clip.seconds;
            count.groups.insert(clip.group.clone());
            if let Some(license) = clip.license.as_ref().filter(|_| is_fitted) {
                *licenses.entry(license.clone()).or_default() += 1;
            }
        }
        Self { classes: classes.iter().cloned().zip(all).collect(), licenses }
    }

    /// Groups that were measured, and those of them that the model was fitted to, too.
    pub(super) fn shared(&self) -> (usize, usize) {
        let side = |of: fn(&OfClass) -> &Count| -> BTreeSet<&String> {
            self.classes.iter().flat_map(move |(_, class)| &of(class).groups).collect()
        };
        let (fitted, measured) = (side(|class| &class.fitted), side(|class| &class.measured));
        (measured.len(), measured.intersection(&fitted).count())
    }

    /// Clips that it was fitted to, by this list.
    pub(super) fn n_fitted(&self) -> usize {
        self.classes.iter().map(|(_, class)| class.fitted.clips).sum()
    }
}

/// Rows of a manifest that have one of the classes and a split.
fn of_manifest(path: &Path, classes: &[String]) -> Result<Vec<Clip>> {
    let manifest = inputs::open_manifest(path, &CancelToken::default())?;
    let column = |names: &[&str]| {
        manifest.extra_columns.iter().position(|column| names.contains(&column.to_ascii_lowercase().as_str()))
    };
    let (seconds, license) = (column(&["seconds"]), column(&["license", "licence"])); // spelling: as written
    let clip = |row: &audio_io::Row| {
        let class = classes.iter().position(|class| *class == row.label)?;
        let of_recording = || seconds.and_then(|nth| row.extra.get(nth)?.parse::<f64>().ok()).unwrap_or(0.0);
        let seconds = match (row.start_s, row.end_s) {
            (start_s, Some(end_s)) => end_s - start_s.unwrap_or(0.0),
            (start_s, None) => of_recording() - start_s.unwrap_or(0.0),
        };
        let license = license.and_then(|nth| row.extra.get(nth)).map(str::trim).filter(|text| !text.is_empty());
        Some(Clip {
            path: row.path.clone(),
            label: row.label.clone(),
            class,
            split: row.split.clone()?,
            group: row.group.clone().unwrap_or_else(|| row.path.clone()),
            seconds: seconds.max(0.0),
            license: license.map(str::to_owned),
        })
    };
    Ok(manifest.rows.iter().filter_map(clip).collect())
}

/// Clips of the features that a run names, where they are still those.
fn of_features(record: &RunRecord, classes: &[String]) -> Option<Vec<Clip>> {
    let index = shard::read_index(&record.features).ok()?;
    if shard::sha256_hex(&index.to_bytes().ok()?) != record.features_sha256 {
        return None;
    }
    let clips = Clips::open(&record.features).ok()?;
    let records = clips.records().ok()?;
    let clip = |(row, of): (usize, shard::ClipRecord)| {
        if clips.view[row] > 0 || clips.label[row] == NO_LABEL {
            return None;
        }
        let label = clips.header.classes.get(clips.label[row] as usize)?;
        Some(Clip {
            class: classes.iter().position(|class| class == label)?,
            split: clips.header.splits.get(usize::from(clips.split[row]))?.clone(),
            group: of.group.unwrap_or_else(|| of.path.clone()),
            path: of.path,
            label: label.clone(),
            seconds: of.seconds,
            license: None,
        })
    };
    Some(records.into_iter().enumerate().filter_map(clip).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_are_counted_by_class_and_side() {
        let clip = |class, split: &str, group: &str| Clip { class, ..Clip::new(group, "", split) };
        let clips = [
            clip(0, "train", "a"),
            clip(0, "val", "b"),
            clip(0, "test", "b"),
            clip(1, "train", "c"),
            clip(1, "test", "d"),
            clip(1, "ood-test", "e"),
            clip(1, "field", "f"),
        ];
        let classes = ["bird".to_owned(), "dog".to_owned()];
        let fitted = Fitted { splits: Some(names("train,val")), measured: names("test, ood-test") };
        let of = Collection::of(&clips, &fitted, &classes);
        assert_eq!((of.shared(), of.n_fitted(), of.licenses["CC0"]), ((2, 1), 3, 3));
        assert_eq!((of.classes[1].1.measured.clips, of.classes[0].1.fitted.seconds), (1, 3.0));
        // `fit` takes every split that it does not measure.
        let of = Collection::of(&clips, &Fitted { splits: None, measured: names("test") }, &classes);
        assert_eq!(of.n_fitted(), 4);
    }
}
