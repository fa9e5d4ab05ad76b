//! The training data: the clips for training and validation, and the classes.

use crate::example::Example;
use crate::identity::{describe_split, fingerprint};
use crate::normalize::normalization;
use crate::sampler::Strata;
use crate::{Error, Result};
use classifier::Normalization;
use shard::{Clips, IdHash, NO_LABEL, id_hash};
use std::collections::{BTreeSet, HashSet};

/// The clips of a run, as on disk: not normalized.
#[derive(Debug)]
pub struct Data {
    /// All clips of the shards.
    pub spectrograms: Clips,
    /// Names of the model's classes, in the order of its logits: those of the shards that have a training clip.
    pub classes: Vec<String>,
    /// Training clips, augmented views included.
    pub train: Vec<Example>,
    /// Validation clips. Augmented views are left out: they would measure the augmentation.
    pub val: Vec<Example>,
    /// Rows of labeled unknown sounds for [`Exposure`](crate::Exposure).
    pub unknowns: Vec<u32>,
    /// Mean and deviation of each band over the training clips; where these take more than 4 GB, over 4096 of them.
    pub normalization: Normalization,
    /// How many clips and groups each split has, and a hash of which clip is where: the `split` of a model's header.
    pub split: serde_json::Value,
    /// What a user should know about the data.
    pub warnings: Vec<String>,
    fingerprint: String,
}

impl Data {
    /// Chooses the clips of a run.
    ///
    /// `train_split` and `val_split` name splits of the shards; several are separated by commas, so that
    /// `fold-1,fold-2,fold-3` against `fold-0` is one part of a cross-validation. The classes are those with a label
    /// in a split other than `ood...`. A clip without a label, or of a class that occurs in `ood...` splits alone, is an
    /// unknown sound and is left out. No validation clip is allowed, with a warning.
    ///
    /// # Errors
    /// No training clip, 4294967296 clips or more, one class only, a class without a training clip, or a group (or, where a clip has no group,
    /// a recording) with clips on both sides, or a shard that cannot be read.
    pub fn from_spectrograms(spectrograms: impl Into<Clips>, train_split: &str, val_split: &str) -> Result<Self> {
        Self::from_some(spectrograms, train_split, val_split, None)
    }

    /// The same with some of the training clips alone: those whose id is in `only`. Validation clips are all taken.
    ///
    /// # Errors
    /// As of [`from_spectrograms`](Self::from_spectrograms).
    pub fn from_some(
        spectrograms: impl Into<Clips>,
        train_split: &str,
        val_split: &str,
        only: Option<&BTreeSet<String>>,
    ) -> Result<Self> {
        let spectrograms = spectrograms.into();
        let splits = &spectrograms.header.splits;
        let in_split = |row: usize, wanted: &str| {
            let name = splits[usize::from(spectrograms.split[row])].as_str();
            wanted.split(',').any(|one| one.trim() == name)
        };
        let n_clips = u32::try_from(spectrograms.n_clips())
            .map_err(|_| Error::Data(format!("expected fewer than 2^32 clips, got {}", spectrograms.n_clips())))?;
        let rows = |wanted: &str, keep: &dyn Fn(usize) -> bool| -> Vec<u32> {
            (0..n_clips).filter(|row| in_split(*row as usize, wanted) && keep(*row as usize)).collect()
        };
        let only: Option<HashSet<IdHash>> = only.map(|only| only.iter().map(|id| id_hash(id)).collect());
        let is_wanted = |row: usize| only.as_ref().is_none_or(|only| only.contains(&spectrograms.id[row]));
        let train_rows = rows(train_split, &is_wanted);
        let val_rows = rows(val_split, &|row| spectrograms.view[row] == 0);
        let labeled = |rows: &[u32]| rows.iter().filter(|row| spectrograms.label[**row as usize] != NO_LABEL).count();
        if labeled(&train_rows) == 0 {
            let there = splits.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(Error::Data(format!(
                "training: no labeled clip of split {train_split}; the splits there are: {there}"
            )));
        }
        let classes = classes(&spectrograms, &train_rows, train_split)?;
        let (train, n_train_unknowns) = examples(&spectrograms, &classes, &train_rows);
        let (val, n_val_unknowns) = examples(&spectrograms, &classes, &val_rows);
        check_apart(&spectrograms, &train, &val)?;

        let mut warnings = Vec::new();
        for (split, n) in [(train_split, n_train_unknowns), (val_split, n_val_unknowns)] {
            if n > 0 {
                warnings.push(format!("{n} clips of split {split} have no label of the model's classes: left out"));
            }
        }
        if val.is_empty() {
            warnings.push(format!(
                "no validation clip (split {val_split}): no early stopping, no calibration, and the last epoch counts as \
                 the best"
            ));
        } else {
            for (class, name) in classes.iter().enumerate() {
                if val.iter().all(|example| example.class as usize != class) {
                    warnings.push(format!("class {name} has no validation clip: what validation says leaves it out"));
                }
            }
        }
        let normalization = normalization(&spectrograms, &train)?;
        let split = describe_split(&spectrograms, &classes, [("train", train_split, &train), ("val", val_split, &val)]);
        let fingerprint = fingerprint(&spectrograms, &split, train.iter().chain(&val));
        Ok(Self {
            classes,
            train,
            val,
            unknowns: Vec::new(),
            normalization,
            split,
            warnings,
            fingerprint,
            spectrograms,
        })
    }

    /// Takes the unknown sounds of these splits, separated by commas: clips without a label of the classes, and all of splits
    /// `ood…`, augmented views included. The fingerprint is another one then.
    ///
    /// # Errors
    /// No such clip, or one whose group (or recording) is in validation.
    pub fn with_unknowns(mut self, split: &str) -> Result<Self> {
        let spectrograms = &self.spectrograms;
        let splits = &spectrograms.header.splits;
        let class_of = class_of_label(spectrograms, &self.classes);
        let is_unknown = |row: &u32| {
            let row = *row as usize;
            let name = splits[usize::from(spectrograms.split[row])].as_str();
            let is_known = class_of(spectrograms.label[row]).is_some() && !name.starts_with("ood");
            split.split(',').any(|one| one.trim() == name) && !is_known
        };
        let rows: Vec<u32> = (0..spectrograms.n_clips() as u32).filter(is_unknown).collect();
        if rows.is_empty() {
            let there = splits.join(", ");
            return Err(Error::Data(format!(
                "exposure: no unknown sound of split {split}; the splits there are: {there}"
            )));
        }
        let unknowns: Vec<Example> = rows.iter().map(|&row| Example { row, class: 0 }).collect();
        check_apart(spectrograms, &unknowns, &self.val)?;
        let of_unknowns = fingerprint(spectrograms, &self.split, unknowns.iter());
        self.fingerprint = shard::sha256_hex(format!("{}{of_unknowns}", self.fingerprint).as_bytes());
        self.unknowns = rows;
        Ok(self)
    }

    /// Class and group of each training clip; groups are numbered in the order of their first clips.
    pub fn strata(&self) -> Strata {
        let group = |example: &Example| self.spectrograms.group[example.row as usize];
        let mut numbers = vec![u32::MAX; self.train.iter().map(group).max().map_or(0, |last| last as usize + 1)];
        let mut next = 0;
        let mut number = |example: &Example| {
            let number = &mut numbers[group(example) as usize];
            if *number == u32::MAX {
                (*number, next) = (next, next + 1);
            }
            *number
        };
        Strata {
            classes: self.train.iter().map(|example| example.class).collect(),
            groups: self.train.iter().map(&mut number).collect(),
        }
    }

    /// Bytes of the training clips on disk; 0 for clips in memory.
    pub fn train_bytes(&self) -> u64 {
        self.train.len() as u64 * self.spectrograms.clip_bytes() as u64
    }

    /// SHA-256 over all that the outcome of a run depends on: which clips, their labels and the checksums of their
    /// spectrograms.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// What errors call a clip: its id, or its place where that cannot be read.
pub(crate) fn name_of(spectrograms: &Clips, row: usize) -> String {
    spectrograms.record(row).map_or_else(|_| format!("clip {row}"), |record| record.id)
}

/// The classes of the model, or what is wrong with them.
fn classes(spectrograms: &Clips, train_rows: &[u32], train_split: &str) -> Result<Vec<String>> {
    let header = &spectrograms.header;
    let mut used = vec![false; header.classes.len()];
    let mut trained = used.clone();
    for row in 0..spectrograms.n_clips() {
        let outside = header.splits[usize::from(spectrograms.split[row])].starts_with("ood");
        if spectrograms.label[row] != NO_LABEL && !outside {
            used[spectrograms.label[row] as usize] = true;
        }
    }
    for row in train_rows {
        let label = spectrograms.label[*row as usize];
        if label != NO_LABEL {
            trained[label as usize] = true;
        }
    }
    let names = |marked: &[bool]| -> Vec<String> {
        header.classes.iter().zip(marked).filter(|(_, marked)| **marked).map(|(name, _)| name.clone()).collect()
    };
    let classes = names(&trained);
    if let [only] = classes.as_slice() {
        return Err(Error::Data(format!(
            "one class only: every training clip is of class {only}; a classifier needs clips of another class beside \
             it: add a folder, or rows with another label, and run `scan` and `features` again"
        )));
    }
    let lacking: Vec<bool> = used.iter().zip(&trained).map(|(used, trained)| *used && !*trained).collect();
    match names(&lacking).first() {
        None => Ok(classes),
        Some(name) => Err(Error::Data(format!(
            "class {name} has no training clip (split {train_split}): give it some, leave it out, or, if its clips are \
             unknown sounds to reject, move them to a split named ood-test"
        ))),
    }
}

/// The clips of `rows` that have one of the classes, and how many have not.
fn examples(spectrograms: &Clips, classes: &[String], rows: &[u32]) -> (Vec<Example>, usize) {
    let class_of = class_of_label(spectrograms, classes);
    let example = |row: &u32| Some(Example { row: *row, class: class_of(spectrograms.label[*row as usize])? });
    let examples: Vec<Example> = rows.iter().filter_map(example).collect();
    let n_unknowns = rows.len() - examples.len();
    (examples, n_unknowns)
}

/// Maps a label of the shards to a class of the model, by name; an unknown sound has none.
pub(crate) fn class_of_label(spectrograms: &Clips, classes: &[String]) -> impl Fn(u32) -> Option<u32> + use<> {
    let position = |name: &String| classes.iter().position(|class| class == name).map(|class| class as u32);
    let table: Vec<Option<u32>> = spectrograms.header.classes.iter().map(position).collect();
    move |label| table.get(label as usize).copied().flatten()
}

fn check_apart(spectrograms: &Clips, train: &[Example], val: &[Example]) -> Result<()> {
    let group = |example: &Example| spectrograms.group[example.row as usize] as usize;
    let mut trained = vec![false; train.iter().chain(val).map(group).max().map_or(0, |last| last + 1)];
    train.iter().for_each(|example| trained[group(example)] = true);
    match val.iter().find(|example| trained[group(example)]) {
        None => Ok(()),
        Some(example) => {
            let record = spectrograms.record(example.row as usize)?;
            let what = if record.group.is_some() { "group" } else { "recording" };
            Err(Error::Data(format!(
                "{what} {} has clips in training and in validation, so that validation would be too good: run `scan` \
                 again for a split by group",
                record.group_or_path()
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Row, spectrograms};
    use serde_json::json;

    const OK: [Row; 6] = [
        ("dog", "a", "train"),
        ("bird", "b", "train"),
        ("dog", "c", "val"),
        ("bird", "d", "val"),
        ("cat", "e", "ood-test"),
        ("", "f", "train"),
    ];

    fn message(rows: &[Row]) -> String {
        Data::from_spectrograms(spectrograms(rows), "train", "val").unwrap_err().to_string()
    }

    #[test]
    fn classes_are_those_with_training_clips() {
        let data = Data::from_spectrograms(spectrograms(&OK), "train", "val").unwrap();
        assert_eq!(data.classes, ["bird", "dog"]);
        assert_eq!(data.train, [Example { row: 0, class: 1 }, Example { row: 1, class: 0 }]);
        assert_eq!((data.val.len(), data.warnings.len()), (2, 1));
        assert_eq!(
            data.split["train"],
            json!({"splits": "train", "clips": 2, "groups": 2, "classes": {"bird": 1, "dog": 1}})
        );
    }

    #[test]
    fn some_of_the_training_clips_leave_validation_as_it_is() {
        let rows = [OK[0], ("dog", "g", "train"), OK[1], OK[2], OK[3]];
        let clips = spectrograms(&rows);
        let only = [0, 2].map(|row| clips.header.clips[row].id.clone()).into();
        let data = Data::from_some(clips, "train", "val", Some(&only)).unwrap();
        assert_eq!(data.train.iter().map(|example| example.row).collect::<Vec<_>>(), [0, 2]);
        assert_eq!((data.val.len(), &data.split["train"]["clips"]), (2, &json!(2)));
        let none = BTreeSet::from(["of no clip".to_owned()]);
        assert!(Data::from_some(spectrograms(&rows), "train", "val", Some(&none)).is_err());
    }

    #[test]
    fn what_cannot_be_trained_on_is_named() {
        assert!(
            message(&[("dog", "a", "test")]).ends_with("no labeled clip of split train; the splits there are: test")
        );
        assert!(message(&[("dog", "a", "train"), ("dog", "b", "val")]).starts_with("one class only: "));
        let mut rows = OK;
        rows[4].2 = "test";
        assert!(message(&rows).starts_with("class cat has no training clip"), "{}", message(&rows));
        let mut rows = OK;
        rows[3].1 = "b";
        assert!(message(&rows).starts_with("group b has clips in training and in validation"));
    }

    #[test]
    fn views_are_trained_on_and_not_validated_on() {
        let mut clips = spectrograms(&OK);
        clips.header.clips[1].view = 2;
        clips.header.clips[3].view = 1;
        let data = Data::from_spectrograms(clips, "train", "val").unwrap();
        assert_eq!(data.train.iter().map(|example| example.row).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(data.val.iter().map(|example| example.row).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn no_validation_is_a_warning_and_folds_add_up() {
        let data = Data::from_spectrograms(spectrograms(&OK[..2]), "train", "val").unwrap();
        assert!(data.val.is_empty() && data.warnings[0].starts_with("no validation clip"));
        let rows = [("dog", "a", "fold-0"), ("bird", "b", "fold-1"), ("dog", "c", "fold-2"), ("bird", "d", "fold-2")];
        let data = Data::from_spectrograms(spectrograms(&rows), "fold-0, fold-1", "fold-2").unwrap();
        assert_eq!((data.train.len(), data.val.len()), (2, 2));
    }

    #[test]
    fn the_fingerprint_sees_a_value_and_the_split_hash_does_not() {
        let data = |change: f32| {
            let mut clips = spectrograms(&OK);
            clips.mel[0] += change;
            Data::from_spectrograms(clips, "train", "val").unwrap()
        };
        assert_eq!(data(0.0).fingerprint(), data(0.0).fingerprint());
        assert_ne!(data(0.0).fingerprint(), data(0.5).fingerprint());
        assert_eq!(data(0.0).split, data(0.5).split);
    }
}
