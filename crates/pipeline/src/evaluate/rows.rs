//! Rows of manifests with the truth that they tell, and figures of what a model answers about them.

use crate::error::{Result, bail};
use crate::extraction::plan::{UNASSIGNED, classes_of};
use crate::inputs;
use audio_io::split::NEITHER;
use classifier::{Calibration, Rows};
use inference::Input;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use train::metrics::Bootstrap;
use train::{EvaluateOptions, Known, Metrics, measure};

/// A row of a manifest.
pub(super) struct Labeled {
    /// The row, named as the manifest does.
    pub(super) input: Input,
    /// The true class among the model's; none for an unknown sound.
    pub(super) class: Option<usize>,
    /// The truth in words: as `features` has it for the same manifest.
    pub(super) truth: Option<String>,
}

impl Labeled {
    /// The split that the manifest gives it.
    pub(super) fn split(&self) -> &str {
        self.input.row.split.as_deref().unwrap_or(UNASSIGNED)
    }

    /// The group, or the recording where none is known.
    pub(super) fn group(&self) -> &str {
        self.input.row.group.as_deref().unwrap_or(&self.input.row.path)
    }
}

/// The rows of a split (several are separated by commas).
///
/// # Errors
/// A manifest that cannot be read, or no row of the split; the message names the splits that exist.
pub(super) fn rows_of_split(manifests: &[PathBuf], split: &str, classes: &[String]) -> Result<Vec<Labeled>> {
    let wanted: Vec<&str> = split.split(',').map(str::trim).collect();
    let (mut rows, mut splits) = (Vec::new(), BTreeSet::new());
    for path in manifests {
        let manifest = inputs::manifest(path)?;
        let known = classes_of(&manifest.rows);
        for row in &manifest.rows {
            let name = row.split.as_deref().unwrap_or(UNASSIGNED);
            splits.insert(name.to_owned());
            if !wanted.contains(&name) {
                continue;
            }
            let class = classes.iter().position(|class| *class == row.label);
            let truth = match class.is_some() || known.contains(&row.label) {
                true => Some(row.label.clone()),
                false => name.starts_with("ood").then(|| NEITHER.to_owned()),
            };
            let input =
                Input { path: manifest.file(row), name: row.path.clone(), row: row.clone(), ..Input::default() };
            rows.push(Labeled { input, class, truth });
        }
    }
    if rows.is_empty() {
        let splits: Vec<String> = splits.into_iter().collect();
        bail!("no recording of split {split}; the splits there are: {}", splits.join(", "));
    }
    Ok(rows)
}

/// What a model answers about a row of a known class: the mean over its windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowAnswer {
    /// Number of the row among those of the split.
    pub row: usize,
    /// Index of its class.
    pub class: u32,
    /// Its group, or the recording where none is known.
    pub group: String,
    /// Probability of each class.
    pub probability: Vec<f64>,
}

/// What a model answers about clips of labeled rows.
pub(super) struct Answers {
    rows: Rows,
    /// `[N]`: the row that each clip comes from.
    of: Vec<usize>,
}

impl Answers {
    pub(super) fn new(n_classes: usize) -> Self {
        Self { rows: Rows::empty(n_classes, 0), of: Vec::new() }
    }

    /// Adds clips: the row of each, `[N]`, and the logits, `[N, C]`.
    pub(super) fn extend(&mut self, of: impl IntoIterator<Item = usize>, logits: Vec<f32>, temperature: f32) {
        self.of.extend(of);
        let n_classes = self.rows.n_classes;
        let probability = Calibration::probabilities(temperature, &logits, n_classes);
        self.rows.append(Rows { n_classes, logits, probability, ..Rows::default() });
    }

    /// The probabilities of a clip, `[C]`.
    pub(super) fn probability(&self, clip: usize) -> &[f32] {
        self.rows.probability(clip)
    }

    /// The rows of the clips from number `first` on.
    pub(super) fn of(&self, first: usize) -> &[usize] {
        &self.of[first..]
    }

    /// The answers about rows of known classes, in order.
    pub(super) fn by_row(&self, labeled: &[Labeled]) -> Vec<RowAnswer> {
        let mut sums: BTreeMap<usize, (Vec<f64>, f64)> = BTreeMap::new();
        for (clip, of) in self.of.iter().enumerate().filter(|(_, of)| labeled[**of].class.is_some()) {
            let (sum, n) = sums.entry(*of).or_insert_with(|| (vec![0.0; self.rows.n_classes], 0.0));
            sum.iter_mut().zip(self.probability(clip)).for_each(|(sum, p)| *sum += f64::from(*p));
            *n += 1.0;
        }
        let answer = |(row, (sum, n)): (usize, (Vec<f64>, f64))| {
            let (class, group) = (labeled[row].class? as u32, labeled[row].group().to_owned());
            Some(RowAnswer { row, class, group, probability: sum.into_iter().map(|sum| sum / n).collect() })
        };
        sums.into_iter().filter_map(answer).collect()
    }

    /// Clips so far.
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// The figures; only clips of the model's classes count.
    pub(super) fn metrics(
        &self,
        labeled: &[Labeled],
        classes: &[String],
        temperature: f32,
        split: &str,
        seed: u64,
    ) -> Metrics {
        let known =
            |(row, of): (usize, &usize)| Some(Known { row, class: labeled[*of].class?, group: labeled[*of].group() });
        let known: Vec<Known<'_>> = self.of.iter().enumerate().filter_map(known).collect();
        let bootstrap = Bootstrap { resamples: EvaluateOptions::default().resamples, level: 0.95, seed };
        measure(&self.rows, &known, classes, temperature, split, bootstrap)
    }
}
