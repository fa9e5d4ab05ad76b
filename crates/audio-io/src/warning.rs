//! What a user should know about a data set that is usable all the same.

use std::fmt;

use serde::{Deserialize, Serialize};

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
    /// There is nothing to tell apart.
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
            Warning::OneClass { class } => write!(out, "`{class}` is the only class: there is nothing to tell apart"),
            Warning::DuplicateLabels { paths, labels } => {
                write!(out, "the same sound has the labels {}: {}", labels.join(" and "), paths.join(", "))
            }
            Warning::Ignored { paths } => {
                let shown: Vec<&str> = paths.iter().take(3).map(String::as_str).collect();
                let more = if paths.len() > shown.len() { ", ..." } else { "" };
                write!(out, "{} files are not taken for sound: {}{more}", paths.len(), shown.join(", "))
            }
        }
    }
}
