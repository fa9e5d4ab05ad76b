use crate::{Calibration, Classifier, Error, Normalization};
use candle_core::{Device, Tensor};
use kernels::Compute;
use rayon::prelude::*;

/// A model and everything that its forward pass over plain spectrograms needs.
#[derive(Clone, Copy)]
pub struct Predictor<'a> {
    /// The model; it is run in evaluation mode.
    pub model: &'a dyn Classifier,
    /// The device of its parameters.
    pub device: &'a Device,
    /// Normalization of its input.
    pub normalization: &'a Normalization,
    /// Divisor of the logits before the softmax; 1 before calibration.
    pub temperature: f32,
    /// Instructions and precision on the CPU.
    pub compute: Compute,
}

/// The outputs of a model for N clips.
#[derive(Debug, Clone, Default, PartialEq)]
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
    /// Classes of a pretrained network's own, K; 0 where the logits are not made of what one computes.
    pub n_own: usize,
    /// `[N, K]`: their log-odds.
    pub log_odds: Vec<f32>,
}

impl Rows {
    /// No clips, of a model with `n_classes` classes and an embedding of width `dim`.
    pub fn empty(n_classes: usize, dim: usize) -> Self {
        Self { n_classes, dim, ..Self::default() }
    }

    /// Number of clips, N.
    pub fn n_clips(&self) -> usize {
        self.logits.len() / self.n_classes
    }

    /// The probabilities of clip `i`, `[C]`.
    pub fn probability(&self, i: usize) -> &[f32] {
        &self.probability[i * self.n_classes..(i + 1) * self.n_classes]
    }

    /// Adds the clips of `other`, which has the same numbers of columns, after those of this one.
    pub fn append(&mut self, other: Self) {
        self.logits.extend(other.logits);
        self.probability.extend(other.probability);
        self.embedding.extend(other.embedding);
        self.n_own = self.n_own.max(other.n_own);
        self.log_odds.extend(other.log_odds);
    }
}

/// Runs the model over spectrograms, each `[n_mels, n_frames]` and not normalized, `batch_size` at a time.
/// `name` returns the name of clip `i` for errors.
///
/// # Errors
/// A model that needs another number of bands or frames, or an output that is not finite.
#[tracing::instrument(level = "debug", skip_all, fields(n_clips = mels.len()))]
pub fn predict_mels(
    predictor: Predictor<'_>,
    mels: &[&[f32]],
    n_mels: usize,
    n_frames: usize,
    batch_size: usize,
    name: &dyn Fn(usize) -> String,
) -> Result<Rows, Error> {
    let Predictor { model, device, normalization, temperature, compute } = predictor;
    if normalization.mean.len() != n_mels {
        let (expected, got) = (normalization.mean.len().to_string(), n_mels.to_string());
        return Err(Error::Shape { what: "bands of the spectrograms".into(), expected, got });
    }
    let (n_classes, dim) = (model.n_classes(), model.embedding_dim());
    let mut logits = Vec::with_capacity(mels.len() * n_classes);
    let mut embedding = Vec::with_capacity(mels.len() * dim);
    let (mut n_own, mut log_odds) = (0, Vec::new());
    for batch in mels.chunks(batch_size.max(1)) {
        let mut mel = vec![0.0; batch.len() * n_mels * n_frames]; // [B, M, T]
        mel.par_chunks_exact_mut(n_mels * n_frames).zip(batch).for_each(|(cells, clip)| {
            cells.copy_from_slice(clip);
            normalization.apply(cells, n_frames);
        });
        let mel = Tensor::from_vec(mel, (batch.len(), n_mels, n_frames), &Device::Cpu)?.to_device(device)?;
        let (output, own) = kernels::with(compute, || model.forward_pretrained(&mel))?;
        for (what, tensor, width) in [("logits", &output.logits, n_classes), ("embedding", &output.embedding, dim)] {
            if tensor.dims() != [batch.len(), width] {
                return Err(Error::Shape {
                    what: format!("{what} of the model"),
                    expected: format!("{:?}", [batch.len(), width]),
                    got: format!("{:?}", tensor.dims()),
                });
            }
        }
        logits.extend(output.logits.flatten_all()?.to_vec1::<f32>()?);
        embedding.extend(output.embedding.flatten_all()?.to_vec1::<f32>()?);
        if let Some(own) = own {
            n_own = own.dim(1)?;
            log_odds.extend(own.flatten_all()?.to_vec1::<f32>()?);
        }
    }
    if let Some(i) = logits.iter().position(|value| !value.is_finite()) {
        return Err(Error::NotFinite { clip: name(i / n_classes), value: logits[i] });
    }
    let probability = Calibration::probabilities(temperature, &logits, n_classes);
    Ok(Rows { n_classes, dim, logits, probability, embedding, n_own, log_odds })
}

/// Cross entropy of one clip: the negative logarithm of the probability that the logits, divided by `temperature`, give
/// to `class`. Natural logarithm, in double precision.
pub fn clip_loss(logits: &[f32], class: usize, temperature: f32) -> f64 {
    let scaled = |value: f32| f64::from(value) / f64::from(temperature);
    let largest = logits.iter().copied().map(scaled).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|value| (scaled(*value) - largest).exp()).sum();
    sum.ln() + largest - scaled(logits[class])
}

/// The class with the largest value; the first one of several.
pub fn largest(values: &[f32]) -> usize {
    let better = |best: usize, i: usize| if values[i] > values[best] { i } else { best };
    (1..values.len()).fold(0, better)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mode, Output};

    /// Its logits are the mean of each band, or NaN; its embedding the first frame.
    struct Means {
        is_nan: bool,
    }

    impl Classifier for Means {
        fn architecture(&self) -> serde_json::Value {
            serde_json::json!({})
        }
        fn n_classes(&self) -> usize {
            2
        }
        fn embedding_dim(&self) -> usize {
            2
        }
        fn forward(&self, mel: &Tensor, _: Mode) -> Result<Output, Error> {
            let factor = if self.is_nan { f64::NAN } else { 1.0 };
            Ok(Output { logits: (mel.mean(2)? * factor)?, embedding: mel.narrow(2, 0, 1)?.squeeze(2)? })
        }
    }

    fn predict(is_nan: bool, n_mels: usize, batch_size: usize) -> Result<Rows, Error> {
        let normalization = Normalization { mean: vec![1.0, 0.0], std: vec![2.0, 1.0] };
        let (model, device) = (Means { is_nan }, Device::Cpu);
        let (normalization, compute) = (&normalization, Compute::default());
        let predictor = Predictor { model: &model, device: &device, normalization, temperature: 2.0, compute };
        let mels: [&[f32]; 3] = [&[1., 5., 0., 2.], &[1., 1., 3., 5.], &[3., 3., 0., 0.]];
        predict_mels(predictor, &mels, n_mels, 4 / n_mels, batch_size, &|i| format!("clip-{i}"))
    }

    #[test]
    fn rows_are_normalized_and_calibrated_in_any_batches() {
        let rows = predict(false, 2, 2).unwrap();
        assert_eq!((rows.n_clips(), &rows.logits[..]), (3, &[1., 1., 0., 4., 1., 0.][..]));
        assert_eq!(rows.embedding, [0., 0., 0., 3., 1., 0.]);
        let expected = 1.0 / (1.0 + (-0.5_f32).exp());
        assert!((rows.probability(2)[0] - expected).abs() < 1e-6, "{:?}", rows.probability(2));
        assert_eq!(predict(false, 2, 1).unwrap(), rows);
        let mut twice = Rows::empty(2, 2);
        twice.append(rows.clone());
        twice.append(rows);
        assert_eq!(twice.n_clips(), 6);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let error = predict(false, 4, 2).unwrap_err().to_string();
        assert_eq!(error, "bands of the spectrograms: expected 2, got 4");
        let error = predict(true, 2, 2).unwrap_err().to_string();
        assert_eq!(error, "clip-0: logits of the model: expected finite values, got NaN");
    }

    #[test]
    fn loss_and_largest_by_hand() {
        assert!((clip_loss(&[1.0, 1.0, 1.0, 1.0], 2, 1.0) - 4.0_f64.ln()).abs() < 1e-12);
        assert!((clip_loss(&[2.0, 0.0], 0, 2.0) - (1.0 + (-1.0_f64).exp()).ln()).abs() < 1e-12);
        assert!((clip_loss(&[1e4, -1e4], 1, 1.0) - 2e4).abs() < 1e-9);
        assert_eq!(largest(&[0.1, 0.7, 0.7]), 1);
    }
}
