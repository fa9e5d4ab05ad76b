//! An autoencoder whose latent space also separates the classes, with one region for each class.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::autoencoder::{error_gradient, squared_errors};
use crate::covariance::Shrinkage;
use crate::declaration::{Declaration, Given};
use crate::error::{Error, Result, check};
use crate::gaussian::Gaussians;
use crate::inputs::{Input, Known};
use crate::logits::{log_sum_exp, tempered};
use crate::network::{Adam, Network, Training, gather};
use crate::rows::{Labels, Rows};
use crate::scaler::Scaler;
use crate::seed::{Use, generator};
use crate::stored::Stored;

/// Rows that are scored together.
const BLOCK_ROWS: usize = 64;

/// Settings of [`LatentRegions`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatentRegionsConfig {
    /// Widths of the encoder's layers, the last one the latent space; the decoder has them in reverse.
    pub widths: Vec<usize>,
    /// Weight of the classes' cross entropy relative to the squared error in training, from 0.
    pub class_weight: f64,
    /// Weight of the distance to the nearest region relative to the squared error in the score, 0 to 1.
    pub distance_share: f64,
    /// Training settings.
    pub training: Training,
}

impl Default for LatentRegionsConfig {
    fn default() -> Self {
        Self { widths: vec![128, 16], class_weight: 0.3, distance_share: 0.5, training: Training::default() }
    }
}

/// An encoder shared by a decoder and a linear classifier, and a Gaussian of each class in the latent space, with a shared
/// covariance. Score: the weighted mean of the squared reconstruction error and the squared Mahalanobis distance to the
/// nearest class, each divided by its mean over the training rows; about 1 for a training row.
///
/// Similar to Sun, Yang, Zhang, Ling and Peng (2020), "Conditional Gaussian Distribution Learning for Open Set
/// Recognition"; simpler, since the regions are fitted after the network is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct LatentRegions {
    config: LatentRegionsConfig,
    scaler: Scaler,
    encoder: Network,
    decoder: Network,
    regions: Gaussians,
    /// Mean squared error and mean squared distance of the training rows.
    scale: [f32; 2],
}

impl LatentRegions {
    /// Trains on the rows `[N, D]` and their labels, then fits the regions.
    ///
    /// # Errors
    /// Labels that do not belong to the rows, a setting outside its range, or a latent space that has collapsed.
    pub fn fit(rows: Rows<'_>, labels: Labels<'_>, config: &LatentRegionsConfig) -> Result<Self> {
        rows.expect_rows("training rows for labels", labels.get().len())?;
        check(!config.widths.is_empty() && !config.widths.contains(&0), "widths", "one or more from 1", "none or 0")?;
        let (weight, share) = (config.class_weight, config.distance_share);
        check(weight >= 0.0 && weight.is_finite(), "class_weight", "from 0", weight)?;
        check((0.0..=1.0).contains(&share), "distance_share", "0 to 1", share)?;
        config.training.validate()?;
        let (d, scaler) = (rows.n_columns(), Scaler::fit(rows));
        let (encoder, decoder) = train(&scaler.apply(rows), d, labels, config);
        let Encoded { latent, errors } = encode(&scaler, &encoder, &decoder, rows);
        let latent = Rows::new(&latent, encoder.n_out())?;
        let regions = Gaussians::of_classes(latent, labels, Shrinkage::LedoitWolf)?;
        let distances = regions.nearest(latent)?;
        // A perfect fit would divide by 0.
        let mean = |values: &[f64]| (values.iter().sum::<f64>() / values.len() as f64).max(1e-12) as f32;
        let scale = [mean(&errors), mean(&distances)];
        Ok(Self { config: config.clone(), scaler, encoder, decoder, regions, scale })
    }

    /// Scores of the rows `[M, D]`.
    ///
    /// # Errors
    /// Rows of another width than the training rows.
    pub fn score(&self, rows: Rows<'_>) -> Result<Vec<f64>> {
        rows.expect_columns(self.scaler.n_columns())?;
        let Encoded { latent, errors } = encode(&self.scaler, &self.encoder, &self.decoder, rows);
        let distances = self.regions.nearest(Rows::new(&latent, self.encoder.n_out())?)?;
        let share = self.config.distance_share;
        let [error_scale, distance_scale] = self.scale.map(f64::from);
        let score = |(error, distance)| (1.0 - share) * error / error_scale + share * distance / distance_scale;
        Ok(errors.into_iter().zip(distances).map(score).collect())
    }

    /// `encoder` and `decoder` (all parameters) with `…_widths`, the regions' `center`, `whitening`, `means` and
    /// `shrinkage`, `column_mean` `[D]`, `column_factor` `[D]`, `scale` `[2]`.
    pub fn to_tensors(&self) -> Stored {
        let stored = self.regions.store(self.scaler.store(Stored::new(&self.config)));
        self.decoder.store(self.encoder.store(stored, "encoder"), "decoder").with("scale", &[2], self.scale.to_vec())
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array or a setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let scaler = Scaler::from_tensors(stored)?;
        let (encoder, decoder) = (Network::from_tensors(stored, "encoder")?, Network::from_tensors(stored, "decoder")?);
        let regions = Gaussians::from_tensors(stored)?;
        let d = scaler.n_columns();
        let widths = [encoder.n_in(), encoder.n_out(), decoder.n_in(), decoder.n_out(), regions.n_columns()];
        let expected = [d, encoder.n_out(), encoder.n_out(), d, encoder.n_out()];
        if widths != expected {
            let (expected, got) = (format!("{expected:?}"), format!("{widths:?}"));
            return Err(Error::Stored { part: "widths of encoder, decoder and regions".into(), expected, got });
        }
        let scale = stored.values("scale", &[Some(2)])?;
        Ok(Self { config: stored.settings()?, scaler, encoder, decoder, regions, scale: [scale[0], scale[1]] })
    }
}

/// Encoder and decoder, trained together with a classifier that is then dropped.
fn train(values: &[f32], d: usize, labels: Labels<'_>, config: &LatentRegionsConfig) -> (Network, Network) {
    let rng = |number| generator(config.training.seed, Use::Weights, number);
    let widths: Vec<usize> = [d].iter().chain(&config.widths).copied().collect();
    let n_latent = widths[widths.len() - 1];
    let mut encoder = Network::new(widths.clone(), &mut rng(0));
    let mut decoder = Network::new(widths.into_iter().rev().collect(), &mut rng(1));
    let mut head = Network::new(vec![n_latent, labels.n_classes()], &mut rng(2));
    let adam = |network: &Network| Adam::new(network.parameters.len(), config.training.learning_rate);
    let (mut encoder_adam, mut decoder_adam, mut head_adam) = (adam(&encoder), adam(&decoder), adam(&head));
    for batch in config.training.batches(labels.get().len()) {
        let rows = gather(values, d, &batch);
        let encoded = encoder.forward(rows.clone());
        let decoded = decoder.forward(encoded.output().to_vec());
        let told = head.forward(encoded.output().to_vec());
        let (decoder_gradient, from_decoder) = decoder.backward(&decoded, error_gradient(decoded.output(), &rows));
        let class_slope = cross_entropy_slope(told.output(), &batch, labels, config.class_weight);
        let (head_gradient, from_head) = head.backward(&told, class_slope);
        let slope = from_decoder.iter().zip(&from_head).map(|(a, b)| a + b).collect();
        let (encoder_gradient, _) = encoder.backward(&encoded, slope);
        encoder_adam.update(&mut encoder.parameters, &encoder_gradient);
        decoder_adam.update(&mut decoder.parameters, &decoder_gradient);
        head_adam.update(&mut head.parameters, &head_gradient);
    }
    (encoder, decoder)
}

/// Gradient of the weighted mean cross entropy of a batch, `[B, C]`.
fn cross_entropy_slope(logits: &[f32], batch: &[usize], labels: Labels<'_>, weight: f64) -> Vec<f32> {
    let rows = logits.chunks_exact(labels.n_classes()).zip(batch);
    let of_row = |(row, &at): (&[f32], &usize)| {
        let sum = log_sum_exp(tempered(row, 1.0));
        let label = labels.get()[at] as usize;
        let truth = move |class| f64::from(u8::from(class == label));
        let slope = |(class, z): (usize, f64)| (weight * ((z - sum).exp() - truth(class)) / batch.len() as f64) as f32;
        tempered(row, 1.0).enumerate().map(slope).collect::<Vec<_>>()
    };
    rows.flat_map(of_row).collect()
}

/// Latent coordinates `[M, Z]` and mean squared errors `[M]`.
struct Encoded {
    latent: Vec<f32>,
    errors: Vec<f64>,
}

fn encode(scaler: &Scaler, encoder: &Network, decoder: &Network, rows: Rows<'_>) -> Encoded {
    let d = rows.n_columns();
    let of_block = |block: &[f32]| {
        let block = scaler.apply(Rows::trusted(block, d));
        let latent = encoder.forward(block.clone()).output().to_vec();
        let errors = squared_errors(decoder.forward(latent.clone()).output(), &block, d);
        Encoded { latent, errors }
    };
    let blocks: Vec<Encoded> = rows.values().par_chunks(BLOCK_ROWS * d).map(of_block).collect();
    let mut all = Encoded { latent: Vec::new(), errors: Vec::new() };
    for block in blocks {
        all.latent.extend(block.latent);
        all.errors.extend(block.errors);
    }
    all
}

impl Declaration for LatentRegions {
    type Config = LatentRegionsConfig;
    const DESCRIPTION: &'static str = "autoencoder whose latent space has one region a class (baseline)";
    const NEEDS: &'static [Input] = &[Input::Cells];

    fn fit_given(given: &Given<'_>, known: &Known<'_>, config: &LatentRegionsConfig) -> Result<Self> {
        Self::fit(given.cells()?, known.labels, config)
    }

    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>> {
        self.score(given.cells()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_classes_is_unknown() {
        let row = |i: usize| {
            let (side, turn) = (if i.is_multiple_of(2) { -3.0 } else { 3.0 }, i as f32 * 0.37);
            [side + 0.3 * turn.sin(), 0.3 * turn.cos(), side + 0.3 * (2.0 * turn).sin(), 0.2 * (3.0 * turn).cos()]
        };
        let values: Vec<f32> = (0..200).flat_map(row).collect();
        let labels: Vec<u32> = (0..200).map(|i| i % 2).collect();
        let training = Training { n_steps: 400, learning_rate: 3e-3, ..Training::default() };
        let config = LatentRegionsConfig { widths: vec![16, 3], training, ..Default::default() };
        let labels = Labels::new(&labels, 2).unwrap();
        let fitted = LatentRegions::fit(Rows::new(&values, 4).unwrap(), labels, &config).unwrap();
        let known = fitted.score(Rows::new(&values, 4).unwrap()).unwrap();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
        let unknown = fitted.score(Rows::new(&[0.0, 0.0, 0.0, 0.0, -3.0, 0.0, 3.0, 0.0], 4).unwrap()).unwrap();
        assert!(unknown.iter().all(|&score| score > 4.0), "{unknown:?}");
    }
}
