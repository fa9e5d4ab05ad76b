//! What a model says of clips, as plain rows.

use crate::{Error, Result};
use candle_core::{Device, Tensor};
use classifier::{Calibration, Classifier, Mode, Normalization};
use rayon::prelude::*;
use shard::Clips;

/// A model and what stands around it when it is asked.
#[derive(Clone, Copy)]
pub struct Predictor<'a> {
    /// The model, in evaluation mode.
    pub model: &'a dyn Classifier,
    /// Where its parameters lie.
    pub device: &'a Device,
    /// What its input is normalised with.
    pub normalization: &'a Normalization,
    /// What its logits are divided by before they become probabilities; 1 before calibration.
    pub temperature: f32,
}

/// What a model says of N clips.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Number of classes, C.
    pub n_classes: usize,
    /// Width of the embedding, D.
    pub dim: usize,
    /// `[N, C]`, row-major, not calibrated.
    pub logits: Vec<f32>,
    /// `[N, C]`, row-major: calibrated, each row adds up to 1.
    pub probability: Vec<f32>,
    /// `[N, D]`, row-major.
    pub embedding: Vec<f32>,
}

impl Rows {
    /// Number of clips, N.
    pub fn n_clips(&self) -> usize {
        self.logits.len() / self.n_classes
    }

    /// The probabilities of clip `i`, `[C]`.
    pub fn probability(&self, i: usize) -> &[f32] {
        &self.probability[i * self.n_classes..(i + 1) * self.n_classes]
    }
}

/// Asks the model about the clips `rows` of the spectrograms, in their order, `batch_size` at a time.
///
/// # Errors
/// A shard that cannot be read, a model that needs another number of bands or frames, or an answer that is not finite.
pub fn predict_rows(predictor: Predictor<'_>, spectrograms: &Clips, rows: &[usize], batch_size: usize) -> Result<Rows> {
    let (n_mels, n_frames, n_cells) = (spectrograms.n_mels, spectrograms.n_frames, spectrograms.n_cells());
    let (n_classes, dim) = (predictor.model.n_classes(), predictor.model.embedding_dim());
    let mut said = Rows { n_classes, dim, logits: vec![], probability: vec![], embedding: vec![] };
    let mut cells = vec![0.0; rows.len().min(batch_size.max(1)) * n_cells];
    for rows in rows.chunks(batch_size.max(1)) {
        let cells = &mut cells[..rows.len() * n_cells];
        let clips = cells.par_chunks_exact_mut(n_cells).zip(rows);
        clips.try_for_each(|(cells, row)| spectrograms.read(*row, cells))?;
        let mels: Vec<&[f32]> = cells.chunks_exact(n_cells).collect();
        let name = |i: usize| spectrograms.header.clips[rows[i]].id.clone();
        let of_batch = predict_mels(predictor, &mels, n_mels, n_frames, batch_size, &name)?;
        said.logits.extend(of_batch.logits);
        said.probability.extend(of_batch.probability);
        said.embedding.extend(of_batch.embedding);
    }
    Ok(said)
}

/// Asks the model about spectrograms, each `[n_mels, n_frames]` and not normalised, `batch_size` at a time.
/// `name` says what clip `i` is called in an error.
///
/// # Errors
/// A model that needs another number of bands or frames, or an answer that is not finite.
pub fn predict_mels(
    predictor: Predictor<'_>,
    mels: &[&[f32]],
    n_mels: usize,
    n_frames: usize,
    batch_size: usize,
    name: &dyn Fn(usize) -> String,
) -> Result<Rows> {
    let Predictor { model, device, normalization, temperature } = predictor;
    if normalization.mean.len() != n_mels {
        let (expected, got) = (normalization.mean.len().to_string(), n_mels.to_string());
        return Err(Error::Mismatch { what: "bands of the spectrograms".into(), expected, got });
    }
    let (n_classes, dim) = (model.n_classes(), model.embedding_dim());
    let mut logits = Vec::with_capacity(mels.len() * n_classes);
    let mut embedding = Vec::with_capacity(mels.len() * dim);
    for batch in mels.chunks(batch_size.max(1)) {
        let mut mel = vec![0.0; batch.len() * n_mels * n_frames]; // [B, M, T]
        mel.par_chunks_exact_mut(n_mels * n_frames).zip(batch).for_each(|(cells, clip)| {
            cells.copy_from_slice(clip);
            normalization.apply(cells, n_frames);
        });
        let mel = Tensor::from_vec(mel, (batch.len(), n_mels, n_frames), &Device::Cpu)?.to_device(device)?;
        let output = model.forward(&mel, Mode::Eval)?;
        for (what, tensor, width) in [("logits", &output.logits, n_classes), ("embedding", &output.embedding, dim)] {
            if tensor.dims() != [batch.len(), width] {
                return Err(Error::Mismatch {
                    what: format!("{what} of the model"),
                    expected: format!("{:?}", [batch.len(), width]),
                    got: format!("{:?}", tensor.dims()),
                });
            }
        }
        logits.extend(output.logits.flatten_all()?.to_vec1::<f32>()?);
        embedding.extend(output.embedding.flatten_all()?.to_vec1::<f32>()?);
    }
    if let Some(i) = logits.iter().position(|value| !value.is_finite()) {
        return Err(Error::Mismatch {
            what: format!("{}: logits of the model", name(i / n_classes)),
            expected: "finite values".into(),
            got: logits[i].to_string(),
        });
    }
    let probability = Calibration::probabilities(temperature, &logits, n_classes);
    Ok(Rows { n_classes, dim, logits, probability, embedding })
}

/// Cross entropy of one clip: the negative logarithm of the probability that the logits, divided by `temperature`, give
/// to `class`. Natural logarithm, in double precision.
pub fn clip_loss(logits: &[f32], class: usize, temperature: f32) -> f64 {
    let scaled = |value: f32| f64::from(value) / f64::from(temperature);
    let largest = logits.iter().copied().map(scaled).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|value| (scaled(*value) - largest).exp()).sum();
    sum.ln() + largest - scaled(logits[class])
}

/// The class with the largest value; the first of several.
pub fn largest(values: &[f32]) -> usize {
    let better = |best: usize, i: usize| if values[i] > values[best] { i } else { best };
    (1..values.len()).fold(0, better)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_largest_by_hand() {
        assert!((clip_loss(&[1.0, 1.0, 1.0, 1.0], 2, 1.0) - 4.0_f64.ln()).abs() < 1e-12);
        assert!((clip_loss(&[2.0, 0.0], 0, 2.0) - (1.0 + (-1.0_f64).exp()).ln()).abs() < 1e-12);
        assert!((clip_loss(&[1e4, -1e4], 1, 1.0) - 2e4).abs() < 1e-9);
        assert_eq!(largest(&[0.1, 0.7, 0.7]), 1);
    }
}
