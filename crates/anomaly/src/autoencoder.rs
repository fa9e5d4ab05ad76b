//! Reconstruction error of an autoencoder.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::{Error, Result, at_least, check};
use crate::inputs::{Input, Known};
use crate::network::{Adam, Network, Training, gather};
use crate::rows::Rows;
use crate::scaler::Scaler;
use crate::seed::{Use, generator};
use crate::stored::Stored;

/// Rows that are scored together.
const BLOCK_ROWS: usize = 64;

/// Settings of [`Autoencoder`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoencoderConfig {
    /// Widths of the encoder's layers, the last one the bottleneck; the decoder has them in reverse.
    pub widths: Vec<usize>,
    /// Training settings.
    pub training: Training,
}

impl Default for AutoencoderConfig {
    fn default() -> Self {
        Self { widths: vec![128, 16], training: Training::default() }
    }
}

/// An autoencoder on standardized columns. Score: the mean squared reconstruction error, about 1 for an untrained
/// network.
///
/// For embeddings, and for spectrograms as rows of cells; pool spectrograms to some thousand cells first.
///
/// Source: Hawkins, He, Williams and Baxter (2002), "Outlier Detection Using Replicator Neural Networks".
#[derive(Debug, Clone, PartialEq)]
pub struct Autoencoder {
    config: AutoencoderConfig,
    scaler: Scaler,
    network: Network,
}

impl Autoencoder {
    /// Trains on the rows `[N, D]`.
    ///
    /// # Errors
    /// No rows, or a width, batch or rate of 0.
    pub fn fit(rows: Rows<'_>, config: &AutoencoderConfig) -> Result<Self> {
        at_least("training rows", 1, rows.n_rows())?;
        check(!config.widths.is_empty() && !config.widths.contains(&0), "widths", "one or more from 1", "none or 0")?;
        config.training.validate()?;
        let (d, scaler) = (rows.n_columns(), Scaler::fit(rows));
        let values = scaler.apply(rows);
        let back = config.widths.iter().rev().skip(1);
        let widths = [d].iter().chain(&config.widths).chain(back).chain(&[d]).copied().collect();
        let mut network = Network::new(widths, &mut generator(config.training.seed, Use::Weights, 0));
        let mut adam = Adam::new(network.parameters.len(), config.training.learning_rate);
        for batch in config.training.batches(rows.n_rows()) {
            let batch = gather(&values, d, &batch);
            let trace = network.forward(batch.clone());
            let (gradient, _) = network.backward(&trace, error_gradient(trace.output(), &batch));
            adam.update(&mut network.parameters, &gradient);
        }
        Ok(Self { config: config.clone(), scaler, network })
    }

    /// Scores of the rows `[M, D]`.
    ///
    /// # Errors
    /// Rows of another width than the training rows.
    pub fn score(&self, rows: Rows<'_>) -> Result<Vec<f64>> {
        let d = self.scaler.n_columns();
        rows.expect_columns(d)?;
        let of_block = |block: &[f32]| {
            let block = self.scaler.apply(Rows::trusted(block, d));
            let trace = self.network.forward(block.clone());
            squared_errors(trace.output(), &block, d)
        };
        Ok(rows.values().par_chunks(BLOCK_ROWS * d).flat_map_iter(of_block).collect())
    }

    /// `network` (all parameters), `network_widths`, `column_mean` `[D]`, `column_factor` `[D]`.
    pub fn to_tensors(&self) -> Stored {
        self.network.store(self.scaler.store(Stored::new(&self.config)), "network")
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array or a setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let (scaler, network) = (Scaler::from_tensors(stored)?, Network::from_tensors(stored, "network")?);
        let d = scaler.n_columns();
        if (network.n_in(), network.n_out()) != (d, d) {
            let got = format!("{} to {}", network.n_in(), network.n_out());
            return Err(Error::Stored { part: "network_widths".into(), expected: format!("{d} to {d}"), got });
        }
        Ok(Self { config: stored.settings()?, scaler, network })
    }
}

/// Mean squared error of each row, `[B]`.
pub(crate) fn squared_errors(reconstruction: &[f32], rows: &[f32], n_columns: usize) -> Vec<f64> {
    let pairs = reconstruction.chunks_exact(n_columns).zip(rows.chunks_exact(n_columns));
    let error = |(a, b): (&[f32], &[f32])| {
        a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / n_columns as f64
    };
    pairs.map(error).collect()
}

/// Gradient of the mean squared error of a batch, `[B, D]`.
pub(crate) fn error_gradient(reconstruction: &[f32], rows: &[f32]) -> Vec<f32> {
    let factor = 2.0 / rows.len() as f32;
    reconstruction.iter().zip(rows).map(|(output, value)| factor * (output - value)).collect()
}

impl Declaration for Autoencoder {
    type Config = AutoencoderConfig;
    const DESCRIPTION: &'static str = "an autoencoder's reconstruction error on spectrograms (baseline)";
    const NEEDS: &'static [Input] = &[Input::Cells];

    fn fit_given(given: &Given<'_>, _known: &Known<'_>, config: &AutoencoderConfig) -> Result<Self> {
        Self::fit(given.cells()?, config)
    }

    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>> {
        self.score(given.cells()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_off_the_curve_have_a_large_error() {
        let angle = |i: usize| i as f32 * 0.1;
        let curve = |i: usize| [angle(i).sin(), angle(i).cos(), angle(2 * i).sin(), angle(3 * i).cos()];
        let values: Vec<f32> = (0..300).flat_map(curve).collect();
        let training = Training { n_steps: 600, learning_rate: 5e-3, ..Training::default() };
        let config = AutoencoderConfig { widths: vec![32, 2], training };
        let fitted = Autoencoder::fit(Rows::new(&values, 4).unwrap(), &config).unwrap();
        let known = fitted.score(Rows::new(&values, 4).unwrap()).unwrap();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let unknown = fitted.score(Rows::new(&[2.0, -2.0, 2.0, -2.0], 4).unwrap()).unwrap();
        assert!(mean < 0.6 && unknown[0] > 5.0 * mean, "{mean} {unknown:?}");
    }
}
