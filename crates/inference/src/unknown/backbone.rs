//! A backbone that was pretrained on sounds, beside the classifier: detectors of unknown sounds look at its outputs.

use crate::batch::n_batch;
use crate::chain::Chain;
use crate::error::{Context, Result, bail};
use audio_io::ClipConfig;
use candle_core::{Device, Tensor};
use classifier::{Classifier, Parameters};
use features::Preset;
use models_cnn::{N_OWN_CLASSES, Yamnet, YamnetConfig, yamnet_weights};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Names of files that a folder of weights may hold.
const FILES: [&str; 2] = ["model.safetensors", "yamnet.tflite"];
/// Exponent of the mean of scores over a clip's windows: 1 is the mean, which a single call in five seconds hardly moves, and
/// a large one the largest. Chosen on unknown sounds of validation (docs/outliers.md).
const POWER: i32 = 4;
/// Parameters of the head of a user's classes, which a backbone has none of.
const HEAD: &str = "head.";

/// YAMNet with its own 521 classes of AudioSet.
pub struct Backbone {
    yamnet: Yamnet,
    parameters: Parameters,
    device: Device,
}

/// What a backbone computes for N clips.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BackboneOutput {
    /// Width of an embedding, D.
    pub dim: usize,
    /// `[N, D]`: means over the clip's windows.
    pub embedding: Vec<f32>,
    /// Classes of its own, K.
    pub n_scores: usize,
    /// `[N, K]`, each 0 to 1: power means over the clip's windows.
    pub scores: Vec<f32>,
}

impl BackboneOutput {
    /// What a model's own pretrained network computes; `None` where its logits are made of no such network.
    pub fn of_rows(rows: &classifier::Rows) -> Option<Self> {
        let scores = |log_odds: &f32| 1.0 / (1.0 + (-log_odds).exp());
        (rows.n_own > 0).then(|| Self {
            dim: rows.dim,
            embedding: rows.embedding.clone(),
            n_scores: rows.n_own,
            scores: rows.log_odds.iter().map(scores).collect(),
        })
    }

    /// The scores of clip `nth`, `[K]`.
    pub(crate) fn scores_of(&self, nth: usize) -> &[f32] {
        &self.scores[nth * self.n_scores..(nth + 1) * self.n_scores]
    }

    /// The clips `rows` alone.
    pub fn subset(&self, rows: &[usize]) -> Self {
        Self {
            embedding: take(&self.embedding, self.dim, rows),
            scores: take(&self.scores, self.n_scores, rows),
            ..*self
        }
    }

    /// Appends other clips.
    pub fn extend(&mut self, other: Self) {
        if self.dim == 0 {
            *self = other;
            return;
        }
        self.embedding.extend(other.embedding);
        self.scores.extend(other.scores);
    }
}

/// The bytes of a file, or of the only file of a folder with one of these names, and where they are from.
///
/// # Errors
/// A folder without such a file, or a file that cannot be read.
pub fn weights_file(path: &Path, names: &[&str]) -> Result<(Vec<u8>, PathBuf)> {
    let path = if storage::is_dir(path) {
        let found = names.iter().map(|name| path.join(name)).find(|file| storage::is_file(file));
        found.with_context(|| format!("{}: holds none of {}", path.display(), names.join(", ")))?
    } else {
        path.to_owned()
    };
    let bytes = storage::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    Ok((bytes, path))
}

/// Rows of `[N, width]`.
pub(super) fn take(values: &[f32], width: usize, rows: &[usize]) -> Vec<f32> {
    rows.iter().flat_map(|&row| values[row * width..(row + 1) * width].iter().copied()).collect()
}

impl Backbone {
    /// Reads the weights from a file or a folder, as `barkbird train yamnet --pretrained` does.
    pub fn open(path: &Path, device: &Device) -> Result<Self> {
        if !storage::exists(path) {
            bail!("--backbone {}: no such file or folder", path.display());
        }
        let (bytes, path) = weights_file(path, &FILES)?;
        Self::from_weights(&yamnet_weights(&bytes, &path)?, &path, device)
    }

    /// Takes weights by the names that [`Yamnet`] gives them; `path` is named in errors.
    pub fn from_weights(weights: &HashMap<String, Tensor>, path: &Path, device: &Device) -> Result<Self> {
        let mut parameters = Parameters::seeded(0, device);
        let yamnet = Yamnet::new(&YamnetConfig::default(), 1, 0, &mut parameters)?;
        let left = parameters.load(weights, path)?;
        if let Some(missing) = left.missing.iter().find(|name| !name.starts_with(HEAD)) {
            bail!("{}: tensor {missing}: missing", path.display());
        }
        Ok(Self { yamnet, parameters, device: device.clone() })
    }

    /// Its weights by name.
    pub fn weights(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut weights = self.parameters.snapshot()?;
        weights.retain(|name, _| !name.starts_with(HEAD));
        Ok(weights)
    }

    /// Names of its own classes, in the order of [`BackboneOutput::scores`].
    pub fn class_names(&self) -> &[String] {
        self.yamnet.pretrained_classes()
    }

    /// From a recording to its input: its own front end, over the classifier's windows.
    pub fn chain(classifiers: &Chain) -> Chain {
        let spectrogram = Preset::Yamnet.config();
        let clip = ClipConfig { sample_rate_hz: spectrogram.sample_rate_hz, ..classifiers.clip };
        Chain::new(clip, spectrogram)
    }

    /// Runs it over clips, `[64, n_frames]` each.
    ///
    /// # Errors
    /// Spectrograms of another shape than it takes.
    pub fn outputs(&self, mels: &[&[f32]], n_frames: usize) -> Result<BackboneOutput> {
        let mut out = BackboneOutput { n_scores: N_OWN_CLASSES, ..BackboneOutput::default() };
        // Of many short windows each, so that fewer clips keep a device busy.
        for batch in mels.chunks(n_batch(&self.device) / 2) {
            let n_bands = batch[0].len() / n_frames;
            let mel = Tensor::from_vec(batch.concat(), (batch.len(), n_bands, n_frames), &Device::Cpu)?;
            let (embedding, logits) = self.yamnet.listen(&mel.to_device(&self.device)?)?; // [B, P, D], [B, P, K]
            let embedding = embedding.mean(1)?;
            out.dim = embedding.dim(1)?;
            out.embedding.extend(embedding.flatten_all()?.to_vec1::<f32>()?);
            let (_, n_windows, n_scores) = logits.dims3()?;
            let logits = logits.flatten_all()?.to_vec1::<f32>()?;
            out.scores
                .extend(logits.par_chunks_exact(n_windows * n_scores).flat_map_iter(pooled_scores).collect::<Vec<_>>());
        }
        Ok(out)
    }
}

/// Windows' logits `[P, K]` to the clip's scores: the [`POWER`] mean of their sigmoids.
fn pooled_scores(logits: &[f32]) -> Vec<f32> {
    let n_windows = logits.len() / N_OWN_CLASSES;
    let sigmoid = |logit: f32| 1.0 / (1.0 + (-f64::from(logit)).exp());
    let powers = |k: usize| logits.iter().skip(k).step_by(N_OWN_CLASSES).map(|&logit| sigmoid(logit).powi(POWER));
    let score = |k: usize| (powers(k).sum::<f64>() / n_windows as f64).powf(1.0 / f64::from(POWER)) as f32;
    (0..N_OWN_CLASSES).map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_one_window_counts_in_the_clip() {
        let mut logits = vec![-20.0; 4 * N_OWN_CLASSES];
        logits[7] = 20.0;
        let scores = pooled_scores(&logits);
        assert!((scores[7] - 0.25f32.powf(0.25)).abs() < 1e-6 && scores[8] < 1e-8, "{}", scores[7]);
        let same: Vec<f32> = [0.3; N_OWN_CLASSES].repeat(3);
        assert!((pooled_scores(&same)[0] - 1.0 / (1.0 + (-0.3f32).exp())).abs() < 1e-6);
    }
}
