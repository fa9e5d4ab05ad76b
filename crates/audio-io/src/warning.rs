//! What a user should know about a data set that is usable all the same.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::walk::Skipped;

/// Something about a data set that makes its results worth less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Warning {
    /// Rows are split file by file because no group is given.
    NoGroup {
        /// Rows without a group that were given a split.
        n_rows: usize,
    },
    /// Rows that belong together came with different splits.
    GroupCrosses {
        /// The group, or a file of it where it has no name.
        group: String,
        /// The splits it is in.
        splits: Vec<String>,
    },
    /// A class with too few groups to be in every split.
    FewGroups {
        /// The class.
        class: String,
        /// Its groups.
        n_groups: usize,
    },
    /// Too few rows of a class to measure anything.
    SmallSplit {
        /// The split.
        split: String,
        /// The class.
        class: String,
        /// Its rows there.
        n_rows: usize,
    },
    /// There is only one class to learn.
    OneClass {
        /// The only class.
        class: String,
    },
    /// The same sound under different labels.
    DuplicateLabels {
        /// The files.
        paths: Vec<String>,
        /// Their labels.
        labels: Vec<String>,
    },
    /// Files of the folder that were not taken for sound.
    Ignored {
        /// The files.
        paths: Vec<String>,
    },
    /// Parts of a folder that were left out, each with its reason.
    Skipped {
        /// What and why.
        entries: Vec<Skipped>,
    },
    /// Class folders whose names differ by blanks alone, or by the letter case of `neither`: they are one class.
    MergedFolders {
        /// The class.
        class: String,
        /// The folders.
        folders: Vec<String>,
    },
    /// Classes that differ by letter case, blanks, `_` or `-` alone.
    AlikeLabels {
        /// Sets of such classes.
        sets: Vec<Vec<String>>,
    },
    /// Rows in a split that nothing is trained, validated or tested on unasked.
    UnknownSplit {
        /// The split.
        split: String,
        /// Its rows.
        n_rows: usize,
    },
    /// Rows that name the same part of the same file as one before them, and are left out.
    RepeatedRows {
        /// How many.
        n_rows: usize,
        /// The files, each once.
        paths: Vec<String>,
    },
    /// Rows without a group, whose recorders wrote when and where they recorded.
    Sessions {
        /// Files of which that is known.
        n_files: usize,
        /// Sessions: what was recorded at one place from noon to noon.
        n_sessions: usize,
    },
    /// Answers of a review that say only what a sound is not.
    OnlyNot {
        /// How many.
        n_rows: usize,
    },
}

/// The first of a list, and whether there are more.
fn first_few<'a>(items: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 3;
    let more = if items.len() > SHOWN { ", ..." } else { "" };
    format!("{}{more}", items.take(SHOWN).collect::<Vec<_>>().join(", "))
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::NoGroup { n_rows } => write!(
                out,
                "{n_rows} rows name no group and are split file by file: pieces of one recording may land in \
                 training and in test, which makes results look better than they are"
            ),
            Warning::GroupCrosses { group, splits } => {
                write!(out, "`{group}` is in more than one split: {}", splits.join(", "))
            }
            Warning::FewGroups { class, n_groups } => write!(
                out,
                "class `{class}` has {n_groups} independent recordings, too few for training, validation and test"
            ),
            Warning::SmallSplit { split, class, n_rows } => {
                write!(out, "split {split} has {n_rows} rows of class `{class}`: figures from it will be rough")
            }
            Warning::OneClass { class } => write!(out, "`{class}` is the only class: a classifier needs two"),
            Warning::DuplicateLabels { paths, labels } => {
                write!(out, "the same sound has the labels {}: {}", labels.join(" and "), paths.join(", "))
            }
            Warning::Ignored { paths } => {
                let shown = first_few(paths.iter().map(String::as_str));
                write!(out, "{} files are not taken for sound: {shown}", paths.len())
            }
            Warning::Skipped { entries } => {
                let listed: Vec<String> = entries.iter().map(|entry| format!("\n  {entry}")).collect();
                write!(out, "{} files or folders were left out:{}", entries.len(), listed.concat())
            }
            Warning::MergedFolders { class, folders } => {
                let folders: Vec<String> = folders.iter().map(|folder| format!("`{folder}`")).collect();
                write!(out, "the folders {} are one class, `{class}`", folders.join(" and "))
            }
            Warning::AlikeLabels { sets } => {
                let set =
                    |set: &Vec<String>| set.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" and ");
                let sets: Vec<String> = sets.iter().map(set).collect();
                write!(
                    out,
                    "classes that differ by writing alone: {}: give them one name if they are one",
                    sets.join("; ")
                )
            }
            Warning::UnknownSplit { split, n_rows } => write!(
                out,
                "split `{split}` is not train, val, test, ood-... or fold-...: nothing is trained or tested on its \
                 {n_rows} rows unless it is named with --split"
            ),
            Warning::Sessions { n_files, n_sessions } => write!(
                out,
                "{n_files} recordings are of {n_sessions} sessions (one place, noon to noon) by what their recorders wrote: \
                 `--group-by session` keeps each session in one split"
            ),
            Warning::OnlyNot { n_rows } => {
                write!(out, "{n_rows} answers say only what a sound is not, which is no label: they are left out")
            }
            Warning::RepeatedRows { n_rows, paths } => {
                let shown = first_few(paths.iter().map(String::as_str));
                write!(out, "{n_rows} rows name the same part of a file as another row and are left out: {shown}")
            }
        }
    }
}
