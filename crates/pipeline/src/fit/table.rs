//! The clips that a model is fitted on, with their folds, and the unknown sounds that a detector is chosen on.

use crate::error::{Error, Result, bail};
use crate::extraction::plan::classes_of;
use crate::inputs;
use audio_io::folds::{assign_folds, fold_name};
use audio_io::split::NEITHER;
use audio_io::{Fields, Manifest, Row};
use inference::Input;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Folds of the cross-validation, where every class has so many groups.
const FOLDS: usize = 5;
/// The split of unknown sounds that a detector is chosen on.
const CHOOSE_ON: &str = "ood-val";
/// In the name of a split of sounds that may count as known or as unknown: they enter no figure.
const AMBIGUOUS: &str = "ambiguous";

/// A row of the manifest with what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Clip {
    /// The recording and the part of it.
    pub(super) input: Input,
    /// Index of its class; none for an unknown sound.
    pub(super) class: Option<u32>,
    /// The fold that it is held out in; none for an unknown sound.
    pub(super) fold: Option<usize>,
    /// Its split in the manifest.
    pub(super) split: String,
}

impl Clip {
    /// The group, or the recording where none is known.
    pub(super) fn group(&self) -> &str {
        self.input.row.group.as_deref().unwrap_or(&self.input.row.path)
    }
}

/// All clips that `fit` looks at before the end.
#[derive(Debug)]
pub(super) struct Table {
    /// Class names, in order.
    pub(super) classes: Vec<String>,
    /// Known clips, then unknown sounds.
    pub(super) clips: Vec<Clip>,
    /// Number of folds.
    pub(super) n_folds: usize,
    /// Known clips of the split `test`.
    pub(super) n_test: usize,
    /// Splits of unknown sounds that are looked at once, at the end.
    pub(super) unknown_splits: BTreeSet<String>,
    /// What a reader should know.
    pub(super) notes: Vec<String>,
}

impl Table {
    /// Reads a manifest that `scan` wrote. `duplicates` are sets of recordings with the same samples, which are held out
    /// together.
    ///
    /// # Errors
    /// Fewer than two classes, or a class whose clips are of one group.
    pub(super) fn read(path: &Path, duplicates: &[Vec<String>], seed: u64) -> Result<Self> {
        let manifest = inputs::manifest(path)?;
        let classes = classes_of(&manifest.rows);
        let is_fitted =
            |row: &Row| matches!(row.split.as_deref(), Some("train" | "val")) && classes.contains(&row.label);
        let mut rows: Vec<Row> = manifest.rows.iter().filter(|row| is_fitted(row)).cloned().collect();
        let n_test = manifest.rows.iter().filter(|row| row.split.as_deref() == Some("test"));
        let n_test = n_test.filter(|row| classes.contains(&row.label)).count();
        let splits = manifest.rows.iter().filter_map(|row| row.split.as_deref());
        let is_last = |split: &&str| split.starts_with("ood") && *split != CHOOSE_ON && !split.contains(AMBIGUOUS);
        let unknown_splits = splits.filter(is_last).map(str::to_owned).collect();
        let groups = groups_by_class(&rows);
        refuse_what_cannot_be_learned(path, &classes, &groups)?;
        let fewest = groups.values().map(BTreeSet::len).min().unwrap_or(0);
        let n_folds = FOLDS.min(fewest);
        let tied: Vec<Vec<usize>> = duplicates
            .iter()
            .map(|set| (0..rows.len()).filter(|&nth| set.contains(&rows[nth].path)).collect::<Vec<_>>())
            .filter(|set| set.len() > 1)
            .collect();
        let mut notes = Vec::new();
        if n_folds < FOLDS {
            notes.push(format!(
                "{n_folds} folds and not {FOLDS}: a class has {fewest} groups; more recordings of it would say more"
            ));
        }
        assign_folds(&mut rows, &tied, n_folds, seed)?;
        let clip = |row: &Row, class: Option<u32>, fold: Option<usize>, split: &str| Clip {
            input: Input { path: manifest.file(row), name: row.path.clone(), row: row.clone(), ..Input::default() },
            class,
            fold,
            split: split.to_owned(),
        };
        let mut clips = Vec::new();
        let was: Vec<&Row> = manifest.rows.iter().filter(|row| is_fitted(row)).collect();
        for (row, was) in rows.iter().zip(was) {
            let class = classes.iter().position(|class| *class == row.label).map(|class| class as u32);
            let fold = (0..n_folds).find(|&fold| row.split.as_deref() == Some(&fold_name(fold)));
            clips.push(clip(row, class, fold, was.split.as_deref().unwrap_or_default()));
        }
        clips.extend(unknowns(&manifest).into_iter().map(|row| clip(row, None, None, CHOOSE_ON)));
        Ok(Self { classes, clips, n_folds, n_test, unknown_splits, notes })
    }

    /// The known clips.
    pub(super) fn known(&self) -> Vec<usize> {
        (0..self.clips.len()).filter(|&clip| self.clips[clip].class.is_some()).collect()
    }

    /// The known clips as a manifest whose splits are the folds, for stages that read one from `path`.
    pub(super) fn write_folds(&self, path: &Path) -> Result<()> {
        let known = self.clips.iter().filter(|clip| clip.class.is_some());
        let absolute = |clip: &Clip| -> Result<Row> {
            let file = storage::canonical(&clip.input.path)?;
            let Some(file) = file.to_str() else { bail!("{}: the name is not UTF-8; rename it", file.display()) };
            let split = clip.fold.map(fold_name);
            Ok(Row { path: file.to_owned(), split, extra: Fields::default(), ..clip.input.row.clone() })
        };
        let rows = known.map(absolute).collect::<Result<Vec<Row>>>()?;
        let root = path.parent().unwrap_or(Path::new(".")).to_owned();
        let manifest = Manifest { root, rows, ..Manifest::default() };
        Ok(shard::write_atomic(path, &manifest.to_csv())?)
    }
}

/// Unknown sounds that a detector is chosen on: the split `ood-val`, else clips labeled `neither` that are not for the test.
fn unknowns(manifest: &Manifest) -> Vec<&Row> {
    let of = |keep: &dyn Fn(&Row) -> bool| manifest.rows.iter().filter(|row| keep(row)).collect::<Vec<_>>();
    let of_split = of(&|row| row.split.as_deref() == Some(CHOOSE_ON));
    if !of_split.is_empty() {
        return of_split;
    }
    of(&|row| {
        row.label.trim().eq_ignore_ascii_case(NEITHER)
            && !row.split.as_deref().is_some_and(|split| split == "test" || split.starts_with("ood"))
    })
}

fn groups_by_class(rows: &[Row]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        groups.entry(&row.label).or_default().insert(row.group.as_deref().unwrap_or(&row.path));
    }
    groups
}

fn refuse_what_cannot_be_learned(
    path: &Path,
    classes: &[String],
    groups: &BTreeMap<&str, BTreeSet<&str>>,
) -> Result<(), Error> {
    if classes.len() < 2 {
        let there = classes.first().map_or("no class".to_owned(), |class| format!("one class only, {class}"));
        bail!(
            "{}: {there}; a classifier needs two or more, one folder each (recordings of anything else can be a class \
             `other`; the label `neither` is for unknown sounds and never a class)",
            path.display()
        );
    }
    for class in classes {
        let n = groups.get(class.as_str()).map_or(0, BTreeSet::len);
        if n < 2 {
            bail!(
                "{}: class {class} has {n} group(s) to learn from; cross-validation by group needs two or more: add \
                 recordings of other animals or sessions, or fill the column `group`",
                path.display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &str) -> Result<Table> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        std::fs::write(&path, format!("path,label,group,split\n{rows}")).unwrap();
        Table::read(&path, &[], 0)
    }

    #[test]
    fn groups_stay_together_and_unknown_sounds_are_known_as_such() {
        let mut rows = String::new();
        for i in 0..24 {
            let (class, group) = (["dog", "bird"][i % 2], i / 4);
            rows += &format!("{i}.wav,{class},g{group},{}\n", if i < 20 { "train" } else { "val" });
        }
        rows += "c.wav,cat,c,ood-val\nt.wav,dog,t,test\nr.wav,rain,r,ood-test\n";
        let table = table(&rows).unwrap();
        assert_eq!((table.classes.join(","), table.clips.len(), table.n_test), ("bird,dog".into(), 25, 1));
        assert_eq!((table.n_folds, table.known().len()), (5, 24));
        let mut fold_of = BTreeMap::new();
        for clip in table.clips.iter().filter(|clip| clip.class.is_some()) {
            assert_eq!(*fold_of.entry(clip.group()).or_insert(clip.fold), clip.fold);
        }
    }

    #[test]
    fn what_cannot_be_learned_is_refused_with_the_reason() {
        let one = table("a.wav,dog,a,train\nb.wav,dog,b,train\n").unwrap_err().to_string();
        assert!(one.contains("one class only, dog"), "{one}");
        let few = table("a.wav,dog,a,train\nb.wav,bird,b,train\nc.wav,bird,c,val\n").unwrap_err().to_string();
        assert!(few.contains("class dog has 1 group(s)"), "{few}");
    }
}
