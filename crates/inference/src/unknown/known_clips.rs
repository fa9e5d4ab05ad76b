//! Training clips that an answer is compared with.

use super::outputs::{ClipKey, Outputs};
use crate::error::{Result, bail};
use serde::{Deserialize, Serialize};

/// Training clips that are kept to compare with.
const MOST_KNOWN: usize = 2000;

/// Training clips that an answer is compared with, by the embedding of the backbone, or without one of the classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownClips {
    /// Where they come from.
    pub clips: Vec<KnownClip>,
    pub(super) dim: usize,
    /// `[N, D]`, each of length 1.
    pub(super) embedding: Vec<f32>,
}

/// A training clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownClip {
    /// The recording.
    pub path: String,
    /// Start of the clip in it, in seconds.
    pub start: f64,
    /// Its class.
    pub label: String,
}

impl KnownClips {
    /// At most 2000 of the training clips, spread over them.
    pub fn of(training: &Outputs, classes: &[String]) -> Self {
        let step = training.len().div_ceil(MOST_KNOWN).max(1);
        let rows: Vec<usize> = (0..training.len()).step_by(step).collect();
        let few = training.subset(&rows);
        let clip = |key: &ClipKey| KnownClip {
            path: key.path.clone(),
            start: key.start_ms as f64 / 1000.0,
            label: key.class.map_or(String::new(), |class| classes[class as usize].clone()),
        };
        let (dim, mut embedding) = described(&few);
        embedding.chunks_exact_mut(dim).for_each(to_length_one);
        Self { clips: few.keys.iter().map(clip).collect(), dim, embedding }
    }

    /// The `k` nearest to each clip by the cosine of the angle between them, the nearest first.
    pub fn nearest(&self, outputs: &Outputs, k: usize) -> Result<Vec<Vec<(&KnownClip, f32)>>> {
        let (dim, mut embedding) = described(outputs);
        if dim != self.dim {
            bail!("the model's known clips have {} values each, the recordings' {dim}", self.dim);
        }
        let of_clip = |row: &mut [f32]| {
            to_length_one(row);
            let cosine = |known: &[f32]| known.iter().zip(&*row).map(|(a, b)| a * b).sum::<f32>();
            let mut all: Vec<(usize, f32)> = self.embedding.chunks_exact(dim).map(cosine).enumerate().collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            all.truncate(k);
            all.into_iter().map(|(nth, cosine)| (&self.clips[nth], cosine)).collect()
        };
        Ok(embedding.chunks_exact_mut(dim).map(of_clip).collect())
    }
}

/// Embeddings of the backbone, or without one of the classifier: width and rows.
fn described(outputs: &Outputs) -> (usize, Vec<f32>) {
    match &outputs.backbone {
        Some(backbone) => (backbone.dim, backbone.embedding.clone()),
        None => (outputs.dim, outputs.embedding.clone()),
    }
}

fn to_length_one(row: &mut [f32]) {
    let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|value| *value /= length);
    }
}
