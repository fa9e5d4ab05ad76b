//! The clips of a place, and what a model computes for them.

use super::refusal::{FEWEST_GROUPS, Refusal};
use crate::error::{Error, Result, bail};
use crate::extraction::stage::warn_skipped;
use crate::inputs;
use crate::job::Job;
use audio_io::labels::{NEITHER, alike};
use audio_io::{Row, Warning};
use inference::unknown::{Detectors, Outputs};
use inference::{Input, Model, Window, Windows, reason};
use shard::Skipped;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Rows whose windows are made together.
const BLOCK: usize = 32;

/// Windows of the clips of a place, and what a model computes for them.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Number of classes, C.
    pub n_classes: usize,
    /// `[N, C]`, as the networks give them.
    pub logits: Vec<f32>,
    /// `[N]`: index of the class; none for an unknown sound.
    pub class: Vec<Option<u32>>,
    /// `[N]`: the group, or the recording where none is known.
    pub group: Vec<String>,
    /// `[N]`: the recording.
    pub path: Vec<String>,
    /// `[N]`: scores of the model's first detector, where it has one.
    pub scores: Option<Vec<f64>>,
    /// Clips that could not be used, and why.
    pub skipped: Vec<Skipped>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

impl Asked {
    /// Groups of the clips of known classes.
    pub fn groups(&self) -> BTreeSet<&str> {
        self.known().into_iter().map(|row| self.group[row].as_str()).collect()
    }

    /// Rows of known classes.
    pub fn known(&self) -> Vec<usize> {
        (0..self.class.len()).filter(|&row| self.class[row].is_some()).collect()
    }

    /// The logits of a row, `[C]`.
    pub fn logits_of(&self, row: usize) -> &[f32] {
        &self.logits[row * self.n_classes..(row + 1) * self.n_classes]
    }

    /// Some of the rows.
    pub fn only(&self, rows: &[usize]) -> Self {
        Self {
            n_classes: self.n_classes,
            logits: rows.iter().flat_map(|&row| self.logits_of(row).iter().copied()).collect(),
            class: rows.iter().map(|&row| self.class[row]).collect(),
            group: rows.iter().map(|&row| self.group[row].clone()).collect(),
            path: rows.iter().map(|&row| self.path[row].clone()).collect(),
            scores: self.scores.as_ref().map(|scores| rows.iter().map(|&row| scores[row]).collect()),
            ..Self::default()
        }
    }

    /// Rows of each class, and of unknown sounds.
    pub(super) fn counts(&self, classes: &[String]) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for class in &self.class {
            let name = class.map_or(NEITHER, |class| &classes[class as usize]);
            *counts.entry(name.to_owned()).or_default() += 1;
        }
        counts
    }
}

/// Asks a model about labeled clips: manifests, folders with one folder a class, or reviews.
///
/// A label that is no class of the model is that of an unknown sound.
///
/// # Errors
/// Clips that cannot be read, labels that differ from a class by their writing alone, and fewer groups of known classes than
/// [`FEWEST_GROUPS`].
pub fn ask(model: &Model, clips: &[PathBuf], split: Option<&str>, job: &Job<'_>) -> Result<Asked> {
    let classes = &model.header.classes;
    let (inputs, notes) = labeled(clips, split, classes, job)?;
    let detectors = Detectors::of(model)?;
    let windows = Windows::as_trained(model, detectors.as_ref())?;
    let mut asked = Asked { n_classes: classes.len(), notes, ..Asked::default() };
    let progress = job.progress("calibrate", inputs.len());
    for block in inputs.chunks(BLOCK) {
        let mut take = |some: Vec<Window>| -> Result<()> {
            let name = |nth: usize| block[nth].name.as_str();
            let some: Vec<&Window> = some.iter().collect();
            let Some(outputs) = windows.outputs(model, detectors.as_ref(), &some, name)? else { return Ok(()) };
            asked.add(&outputs, detectors.as_ref(), some.iter().map(|window| &block[window.input].row), classes)
        };
        let is_sound = |window: &Window| window.clip.silence.is_none();
        let seen = windows.each(block, &is_sound, &|| job.cancel.is_cancelled(), &mut take);
        job.check("nothing was written")?;
        for (input, seen) in block.iter().zip(seen?) {
            let reason = match seen {
                Ok(seen) if seen.n_windows > 0 && seen.n_silent == seen.n_windows => "silent".to_owned(),
                Ok(_) => continue,
                Err(error) => reason(&error, &input.path),
            };
            asked.skipped.push(Skipped { path: input.name.clone(), reason });
        }
        progress.inc(block.len());
    }
    drop(progress);
    warn_skipped(&asked.skipped, job);
    let n_groups = asked.groups().len();
    if n_groups < FEWEST_GROUPS {
        let clips = clips.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(Refusal::Few { clips, n_groups, classes: classes.clone() }.into());
    }
    Ok(asked)
}

impl Asked {
    fn add<'a>(
        &mut self,
        outputs: &Outputs,
        detectors: Option<&Detectors>,
        rows: impl Iterator<Item = &'a Row>,
        classes: &[String],
    ) -> Result<()> {
        self.logits.extend(&outputs.logits);
        for row in rows {
            self.class.push(classes.iter().position(|class| *class == row.label).map(|class| class as u32));
            self.group.push(row.group.clone().unwrap_or_else(|| row.path.clone()));
            self.path.push(row.path.clone());
        }
        if let Some(detectors) = detectors {
            let scores = detectors.detector("auto")?.fitted.score(outputs)?;
            self.scores.get_or_insert_default().extend(scores);
        }
        Ok(())
    }
}

/// The rows, and what a reader should know of them.
fn labeled(
    clips: &[PathBuf],
    split: Option<&str>,
    classes: &[String],
    job: &Job<'_>,
) -> Result<(Vec<Input>, Vec<String>)> {
    let wanted: Option<Vec<&str>> = split.map(|split| split.split(',').map(str::trim).collect());
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for path in clips {
        let manifest = inputs::open_manifest(path, &job.cancel)?;
        notes.extend(manifest.warnings.iter().map(Warning::to_string));
        let is_wanted = |row: &&Row| {
            wanted.as_ref().is_none_or(|wanted| row.split.as_deref().is_some_and(|split| wanted.contains(&split)))
        };
        rows.extend(manifest.rows.iter().filter(is_wanted).map(|row| {
            let file = manifest.file(row);
            Input { path: file, name: row.path.clone(), row: row.clone(), ..Input::default() }
        }));
    }
    if rows.is_empty() {
        let of = |path: &PathBuf| path.display().to_string();
        let first = clips.first().map(of).unwrap_or_default();
        return Err(Error::Invalid(match split {
            Some(split) => format!("{first}: no clip of split {split}"),
            None => format!("{first}: no labeled clip"),
        }));
    }
    let labels: BTreeSet<&str> = rows.iter().map(|input| input.row.label.as_str()).collect();
    let other: BTreeSet<&str> =
        labels.into_iter().filter(|label| *label != NEITHER && !classes.iter().any(|class| class == label)).collect();
    let all = classes.iter().map(String::as_str).chain(other.iter().copied());
    if let Some(set) = alike(all).first() {
        bail!("labels {}: expected the model's classes, written as it does: {}", set.join(", "), classes.join(", "));
    }
    if !other.is_empty() {
        let names = other.into_iter().collect::<Vec<_>>().join(", ");
        notes.push(format!("labels that are no class of the model count as unknown sounds: {names}"));
    }
    Ok((rows, notes))
}
