//! What the classifier and the backbone compute for clips, row for row, and where the clips come from.

use super::backbone::{BackboneOutput, take};
use crate::batch::n_batch;
use crate::error::{Context, Result};
use crate::model::Forward;
use anomaly::{Inputs, Rows};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Bands and frames that spectrograms are pooled to for the methods that look at their cells.
const CELLS: [usize; 2] = [32, 32];

/// Whose rows a detector looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowSource {
    /// The classifier's.
    Classifier,
    /// Those of one of the classifier's layers below the last, counted from 1.
    Layer(usize),
    /// The backbone's.
    #[serde(alias = "trunk")]
    Backbone,
}

/// What identifies a clip, and where it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClipKey {
    /// The clip's name among all stages; two channels of one recording differ in it.
    pub id: String,
    /// The recording.
    pub path: String,
    /// Start of the clip in it, in milliseconds.
    pub start_ms: u64,
    /// The group, or the recording where no group is known.
    pub group: String,
    /// Index into the model's classes; none for an unknown sound.
    pub class: Option<u32>,
    /// The split of its manifest.
    pub split: String,
}

/// What is computed for N clips.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// Number of classes, C.
    pub n_classes: usize,
    /// `[N, C]`: the classifier's logits.
    pub logits: Vec<f32>,
    /// Width of the classifier's embedding, D.
    pub dim: usize,
    /// `[N, D]`.
    pub embedding: Vec<f32>,
    /// Means over layers below the last, from the first on: width and `[N, width]`. Empty where not asked for.
    pub layers: Vec<(usize, Vec<f32>)>,
    /// `[N, cells]`: normalized spectrograms, pooled. Empty where not asked for.
    pub cells: Vec<f32>,
    /// What the backbone computes for them, where there is one.
    pub backbone: Option<BackboneOutput>,
    /// `[N]`.
    pub keys: Vec<ClipKey>,
}

/// What of a classifier the detectors look at beside logits and embeddings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wants {
    /// Layers below the classifier's last, which takes as long again.
    pub layers: bool,
    /// Pooled spectrograms.
    pub cells: bool,
}

impl Wants {
    /// All that there is.
    pub const ALL: Self = Self { layers: true, cells: true };
}

/// Spectrograms of the classifier's front end, all of one shape.
#[derive(Debug, Clone)]
pub struct Mels<'a> {
    /// `[n_mels, n_frames]` each, not normalized.
    pub mels: Vec<&'a [f32]>,
    /// Frames of each.
    pub n_frames: usize,
    /// What is computed of them.
    pub wants: Wants,
}

impl Outputs {
    /// Runs the classifier over spectrograms.
    ///
    /// # Errors
    /// Spectrograms of another shape than the model takes, or outputs that are not finite.
    pub fn of_mels(
        forward: Forward<'_>,
        mels: &Mels<'_>,
        backbone: Option<BackboneOutput>,
        keys: Vec<ClipKey>,
    ) -> Result<Self> {
        let n_mels = forward.normalization.mean.len();
        let name = |i: usize| keys[i].path.clone();
        let rows =
            classifier::predict_mels(forward, &mels.mels, n_mels, mels.n_frames, n_batch(forward.device), &name)?;
        Self::of_rows(forward, rows, mels, backbone, keys)
    }

    /// The same where the classifier's logits and embeddings are known already.
    ///
    /// # Errors
    /// As for [`of_mels`](Self::of_mels).
    pub fn of_rows(
        forward: Forward<'_>,
        rows: classifier::Rows,
        mels: &Mels<'_>,
        backbone: Option<BackboneOutput>,
        keys: Vec<ClipKey>,
    ) -> Result<Self> {
        let n_mels = forward.normalization.mean.len();
        let pooled = |mel: &&[f32]| {
            let mut cells = mel.to_vec();
            forward.normalization.apply(&mut cells, mels.n_frames);
            pool_cells(&cells, n_mels, mels.n_frames)
        };
        let cells = if mels.wants.cells { mels.mels.par_iter().flat_map_iter(pooled).collect() } else { Vec::new() };
        let layers = if mels.wants.layers { layers(forward, mels)? } else { Vec::new() };
        let backbone = backbone.or_else(|| BackboneOutput::of_rows(&rows));
        let classifier::Rows { n_classes, logits, dim, embedding, .. } = rows;
        Ok(Self { n_classes, logits, dim, embedding, layers, cells, backbone, keys })
    }

    /// What several networks together give, where nothing below the last layer is looked at.
    pub fn of_average(rows: classifier::Rows, backbone: Option<BackboneOutput>, keys: Vec<ClipKey>) -> Self {
        let backbone = backbone.or_else(|| BackboneOutput::of_rows(&rows));
        let classifier::Rows { n_classes, logits, dim, embedding, .. } = rows;
        Self { n_classes, logits, dim, embedding, layers: Vec::new(), cells: Vec::new(), backbone, keys }
    }

    /// Number of clips, N.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are no clips.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The clips `rows` alone.
    pub fn subset(&self, rows: &[usize]) -> Self {
        Self {
            logits: take(&self.logits, self.n_classes, rows),
            embedding: take(&self.embedding, self.dim, rows),
            layers: self.layers.iter().map(|(width, values)| (*width, take(values, *width, rows))).collect(),
            cells: if self.cells.is_empty() { Vec::new() } else { take(&self.cells, n_cells(), rows) },
            backbone: self.backbone.as_ref().map(|backbone| backbone.subset(rows)),
            keys: rows.iter().map(|&row| self.keys[row].clone()).collect(),
            ..*self
        }
    }

    /// Appends other clips.
    pub fn extend(&mut self, other: Self) {
        self.logits.extend(other.logits);
        self.embedding.extend(other.embedding);
        if other.layers.len() != self.layers.len() {
            self.layers.clear(); // one of the two has none
        }
        self.layers.iter_mut().zip(other.layers).for_each(|((_, values), (_, more))| values.extend(more));
        if self.cells.is_empty() == other.cells.is_empty() {
            self.cells.extend(other.cells);
        } else {
            self.cells.clear();
        }
        if let (Some(backbone), Some(others)) = (&mut self.backbone, other.backbone) {
            backbone.extend(others);
        }
        self.keys.extend(other.keys);
    }

    /// The rows that a detector of this source is given.
    pub fn inputs(&self, source: RowSource) -> Result<Inputs<'_>> {
        Ok(match source {
            RowSource::Classifier => Inputs {
                embedding: Some(Rows::new(&self.embedding, self.dim)?),
                logits: Some(Rows::new(&self.logits, self.n_classes)?),
                backbone_scores: None,
                cells: if self.cells.is_empty() { None } else { Some(Rows::new(&self.cells, n_cells())?) },
            },
            RowSource::Layer(nth) => {
                let layer = nth.checked_sub(1).and_then(|nth| self.layers.get(nth));
                let (width, values) = layer.with_context(|| format!("layer {nth}: the classifier shows none such"))?;
                Inputs { embedding: Some(Rows::new(values, *width)?), ..Inputs::default() }
            }
            RowSource::Backbone => {
                let backbone = self.backbone.as_ref().context("no backbone was run over these clips")?;
                Inputs {
                    embedding: Some(Rows::new(&backbone.embedding, backbone.dim)?),
                    backbone_scores: Some(Rows::new(&backbone.scores, backbone.n_scores)?),
                    ..Inputs::default()
                }
            }
        })
    }

    /// The groups of the clips, `[N]`.
    pub fn groups(&self) -> Vec<&str> {
        self.keys.iter().map(|key| key.group.as_str()).collect()
    }

    /// Rows whose key is as asked.
    pub fn rows(&self, is_wanted: impl Fn(&ClipKey) -> bool) -> Vec<usize> {
        (0..self.len()).filter(|&row| is_wanted(&self.keys[row])).collect()
    }
}

/// Means over the layers below the classifier's last.
fn layers(forward: Forward<'_>, mels: &Mels<'_>) -> Result<Vec<(usize, Vec<f32>)>> {
    let mut all: Vec<(usize, Vec<f32>)> = Vec::new();
    for batch in mels.mels.chunks(n_batch(forward.device)) {
        let mut cells = batch.concat();
        let n_cells = batch[0].len();
        let normalization = forward.normalization;
        cells.chunks_exact_mut(n_cells).for_each(|cells| normalization.apply(cells, mels.n_frames));
        let mel = Tensor::from_vec(cells, (batch.len(), n_cells / mels.n_frames, mels.n_frames), &Device::Cpu)?;
        for (nth, layer) in forward.model.layer_features(&mel.to_device(forward.device)?)?.into_iter().enumerate() {
            let (width, values) = (layer.dim(1)?, layer.flatten_all()?.to_vec1::<f32>()?);
            match all.get_mut(nth) {
                Some((_, before)) => before.extend(values),
                None => all.push((width, values)),
            }
        }
    }
    Ok(all)
}

fn n_cells() -> usize {
    CELLS[0] * CELLS[1]
}

/// Means over bands and frames: `[n_mels, n_frames]` to `[32, 32]`. Where there are fewer, cells repeat.
fn pool_cells(mel: &[f32], n_mels: usize, n_frames: usize) -> Vec<f32> {
    let range = |nth: usize, parts: usize, n: usize| {
        let (first, end) = (nth * n / parts, (nth + 1) * n / parts);
        first.min(n - 1)..end.max(first + 1).min(n)
    };
    let cell = |at: usize| {
        let (bands, frames) = (range(at / CELLS[1], CELLS[0], n_mels), range(at % CELLS[1], CELLS[1], n_frames));
        let n = (bands.len() * frames.len()) as f64;
        let sum: f64 =
            bands.flat_map(|band| &mel[band * n_frames..][frames.clone()]).map(|&cell| f64::from(cell)).sum();
        (sum / n) as f32
    };
    (0..n_cells()).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_means_and_few_are_repeated() {
        let mel: Vec<f32> = (0..64 * 64).map(|cell| (cell / 64) as f32).collect();
        let cells = pool_cells(&mel, 64, 64);
        assert_eq!((cells.len(), cells[0], cells[33], cells[1023]), (1024, 0.5, 2.5, 62.5));
        let few: Vec<f32> = (0..16 * 8).map(|cell| (cell % 8) as f32).collect();
        let cells = pool_cells(&few, 16, 8);
        assert_eq!(cells[..5], [0.0, 0.0, 0.0, 0.0, 1.0]);
    }
}
