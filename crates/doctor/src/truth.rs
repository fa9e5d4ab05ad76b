//! The class and the group of each clip.

use crate::error::{Error, Result};
use stats::Groups;
use std::collections::{BTreeSet, HashMap};

/// Class and group of every clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// Class names.
    pub classes: Vec<String>,
    /// Index of each clip's class, `[n_clips]`.
    pub labels: Vec<usize>,
    /// The group of each clip, counted from 0, `[n_clips]`.
    pub groups: Vec<usize>,
    /// Number of groups.
    pub n_groups: usize,
}

impl Truth {
    /// From the label and the group (recording, session) of each clip, as text. Classes are in alphabetical order.
    ///
    /// # Errors
    /// [`Error::Data`] where the two differ in length, or there are fewer than two classes.
    pub fn new<S: AsRef<str>>(labels: &[S], groups: &[S]) -> Result<Self> {
        if labels.len() != groups.len() {
            let (expected, got) = (format!("{} groups, one a clip", labels.len()), groups.len().to_string());
            return Err(Error::Data { operation: "labels and groups", expected, got });
        }
        let classes: BTreeSet<&str> = labels.iter().map(AsRef::as_ref).collect();
        if classes.len() < 2 {
            let got = format!("{} clips of {} class(es)", labels.len(), classes.len());
            return Err(Error::Data { operation: "labels", expected: "two classes or more".into(), got });
        }
        let index: HashMap<&str, usize> = classes.iter().enumerate().map(|(i, class)| (*class, i)).collect();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let groups = groups.iter().map(|group| {
            let next = numbers.len();
            *numbers.entry(group.as_ref()).or_insert(next)
        });
        let groups = groups.collect();
        Ok(Self {
            labels: labels.iter().map(|label| index[label.as_ref()]).collect(),
            classes: classes.into_iter().map(str::to_owned).collect(),
            n_groups: numbers.len(),
            groups,
        })
    }

    /// The same with each clip as a group of its own, as a random split assumes.
    pub fn ungrouped(&self) -> Self {
        let n = self.labels.len();
        Self { groups: (0..n).collect(), n_groups: n, ..self.clone() }
    }

    /// The groups, to resample them.
    pub(crate) fn grouped(&self) -> Groups {
        Groups::new(self.groups.clone(), self.n_groups)
    }

    /// Number of clips.
    pub fn n_clips(&self) -> usize {
        self.labels.len()
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.classes.len()
    }

    /// The balanced accuracy of guessing.
    pub fn chance(&self) -> f64 {
        1.0 / self.n_classes() as f64
    }

    /// Number of groups in which each class occurs, `[n_classes]`.
    pub fn groups_by_class(&self) -> Vec<usize> {
        let pairs: BTreeSet<(usize, usize)> = self.labels.iter().copied().zip(self.groups.iter().copied()).collect();
        let mut counts = vec![0; self.n_classes()];
        pairs.iter().for_each(|(label, _)| counts[*label] += 1);
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_groups_are_numbered() {
        let truth = Truth::new(&["dog", "bird", "dog"], &["b", "a", "b"]).unwrap();
        assert_eq!(truth.classes, ["bird", "dog"]);
        assert_eq!((truth.labels.as_slice(), truth.groups.as_slice()), ([1, 0, 1].as_slice(), [0, 1, 0].as_slice()));
        assert_eq!((truth.n_groups, truth.groups_by_class()), (2, vec![1, 1]));
        assert_eq!(truth.ungrouped().groups_by_class(), [1, 2]);
    }

    #[test]
    fn one_class_is_refused() {
        let message = Truth::new(&["dog", "dog"], &["a", "b"]).unwrap_err().to_string();
        assert_eq!(message, "labels: expected two classes or more, got 2 clips of 1 class(es)");
    }
}
