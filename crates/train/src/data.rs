//! The training data: the clips for training and validation, and the classes.

use crate::sampler::Strata;
use crate::{Error, Result};
use classifier::{BandSums, Normalization};
use rayon::prelude::*;
use serde_json::json;
use shard::{Clips, NO_LABEL};
use std::collections::{BTreeMap, BTreeSet};

/// A labeled clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// Row of the clip in the spectrograms.
    pub row: usize,
    /// Index into [`Data::classes`].
    pub class: u32,
}

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
    pub unknowns: Vec<usize>,
    /// Mean and deviation of each band over the training clips.
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
    /// No training clip, one class only, a class without a training clip, or a group (or, where a clip has no group,
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
        let rows = |wanted: &str, keep: &dyn Fn(usize) -> bool| -> Vec<usize> {
            (0..spectrograms.n_clips()).filter(|row| in_split(*row, wanted) && keep(*row)).collect()
        };
        let is_wanted = |row: usize| only.is_none_or(|only| only.contains(&spectrograms.header.clips[row].id));
        let train_rows = rows(train_split, &is_wanted);
        let val_rows = rows(val_split, &|row| spectrograms.header.clips[row].view == 0);
        let labeled = |rows: &[usize]| rows.iter().filter(|row| spectrograms.label[**row] != NO_LABEL).count();
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
        let mut sums = BandSums::new(spectrograms.n_mels, spectrograms.n_frames);
        let mut cells = vec![0.0; spectrograms.n_cells()];
        for example in &train {
            spectrograms.read(example.row, &mut cells)?;
            sums.add(&cells, spectrograms.frames[example.row] as usize);
        }
        let normalization = Normalization::fit(&sums)?;
        let split = describe_split(&spectrograms, &classes, [("train", train_split, &train), ("val", val_split, &val)]);
        let fingerprint = fingerprint(&spectrograms, &split, train.iter().chain(&val))?;
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
        let is_unknown = |row: &usize| {
            let name = splits[usize::from(spectrograms.split[*row])].as_str();
            let is_known = class_of(spectrograms.label[*row]).is_some() && !name.starts_with("ood");
            split.split(',').any(|one| one.trim() == name) && !is_known
        };
        let rows: Vec<usize> = (0..spectrograms.n_clips()).filter(is_unknown).collect();
        if rows.is_empty() {
            let there = splits.join(", ");
            return Err(Error::Data(format!(
                "exposure: no unknown sound of split {split}; the splits there are: {there}"
            )));
        }
        let unknowns: Vec<Example> = rows.iter().map(|&row| Example { row, class: 0 }).collect();
        check_apart(spectrograms, &unknowns, &self.val)?;
        let of_unknowns = fingerprint(spectrograms, &self.split, unknowns.iter())?;
        self.fingerprint = shard::sha256_hex(format!("{}{of_unknowns}", self.fingerprint).as_bytes());
        self.unknowns = rows;
        Ok(self)
    }

    /// Class and group of each training clip.
    pub fn strata(&self) -> Strata {
        let mut numbers = BTreeMap::new();
        let mut number = |group| {
            let next = numbers.len() as u32;
            *numbers.entry(group).or_insert(next)
        };
        Strata {
            classes: self.train.iter().map(|example| example.class).collect(),
            groups: self.train.iter().map(|example| number(group_of(&self.spectrograms, example.row))).collect(),
        }
    }

    /// SHA-256 over all that the outcome of a run depends on: which clips, their labels and every value of theirs.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// What must not be on two sides: the group, or the recording where no group is known.
pub(crate) fn group_of(spectrograms: &Clips, row: usize) -> &str {
    let clip = &spectrograms.header.clips[row];
    clip.group.as_deref().unwrap_or(&clip.path)
}

/// The classes of the model, or what is wrong with them.
fn classes(spectrograms: &Clips, train_rows: &[usize], train_split: &str) -> Result<Vec<String>> {
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
        if spectrograms.label[*row] != NO_LABEL {
            trained[spectrograms.label[*row] as usize] = true;
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
fn examples(spectrograms: &Clips, classes: &[String], rows: &[usize]) -> (Vec<Example>, usize) {
    let class_of = class_of_label(spectrograms, classes);
    let example = |row: &usize| Some(Example { row: *row, class: class_of(spectrograms.label[*row])? });
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
    let groups: BTreeSet<&str> = train.iter().map(|example| group_of(spectrograms, example.row)).collect();
    match val.iter().map(|example| example.row).find(|row| groups.contains(group_of(spectrograms, *row))) {
        None => Ok(()),
        Some(row) => {
            let what = if spectrograms.header.clips[row].group.is_some() { "group" } else { "recording" };
            Err(Error::Data(format!(
                "{what} {} has clips in training and in validation, so that validation would be too good: run `scan` \
                 again for a split by group",
                group_of(spectrograms, row)
            )))
        }
    }
}

fn describe_split(
    spectrograms: &Clips,
    classes: &[String],
    parts: [(&str, &str, &Vec<Example>); 2],
) -> serde_json::Value {
    let mut lines = Vec::new();
    let mut described = serde_json::Map::new();
    for (part, names, examples) in parts {
        let groups: BTreeSet<&str> = examples.iter().map(|example| group_of(spectrograms, example.row)).collect();
        let mut clips = BTreeMap::<&str, usize>::new();
        for example in examples {
            let class = classes[example.class as usize].as_str();
            *clips.entry(class).or_default() += 1;
            lines.push(format!("{part}\t{class}\t{}\n", spectrograms.header.clips[example.row].id));
        }
        let description = json!({"splits": names, "clips": examples.len(), "groups": groups.len(), "classes": clips});
        described.insert(part.to_owned(), description);
    }
    lines.sort_unstable();
    described.insert("sha256".to_owned(), shard::sha256_hex(lines.concat().as_bytes()).into());
    described.into()
}

fn fingerprint<'a>(
    spectrograms: &Clips,
    split: &serde_json::Value,
    examples: impl Iterator<Item = &'a Example>,
) -> Result<String> {
    let examples: Vec<&Example> = examples.collect();
    let cells = || vec![0.0; spectrograms.n_cells()];
    let hashes: Vec<String> = examples
        .par_iter()
        .map_init(cells, |cells, example| {
            spectrograms.read(example.row, cells)?;
            let words = cells.iter().map(|value: &f32| u64::from(value.to_bits()));
            let hash = words.fold(u64::from(spectrograms.frames[example.row]), |hash, word| {
                (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
            });
            let clip = &spectrograms.header.clips[example.row];
            Ok(format!("{}\t{}\t{}\t{hash:016x}\n", clip.id, clip.view, example.class))
        })
        .collect::<Result<_>>()?;
    let shape = format!("{} {}\n{split}\n", spectrograms.n_mels, spectrograms.n_frames);
    Ok(shard::sha256_hex((shape + &hashes.concat()).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Row, spectrograms};

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
