//! A plain feed-forward network: linear layers with ReLU between them, its gradient, and Adam.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, check};
use crate::seed::{Use, generator};
use crate::stored::Stored;

/// Training settings of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Number of batches in total.
    pub n_steps: usize,
    /// Rows in a batch, or all where there are fewer.
    pub batch_size: usize,
    /// Learning rate of Adam, above 0.
    pub learning_rate: f64,
    /// Seed of the initial weights and of the batches.
    pub seed: u64,
}

impl Default for Training {
    fn default() -> Self {
        Self { n_steps: 1000, batch_size: 64, learning_rate: 1e-3, seed: 0 }
    }
}

impl Training {
    pub(crate) fn validate(&self) -> Result<()> {
        let rate = self.learning_rate;
        check(rate > 0.0 && rate.is_finite(), "learning_rate", "above 0", rate)?;
        check(self.batch_size > 0, "batch_size", "from 1", self.batch_size)
    }

    /// The rows of each step: all rows in random order, epoch after epoch.
    pub(crate) fn batches(&self, n_rows: usize) -> impl Iterator<Item = Vec<usize>> {
        let (batch_size, seed) = (self.batch_size.min(n_rows), self.seed);
        let per_epoch = n_rows / batch_size;
        let mut order: Vec<usize> = Vec::new();
        (0..self.n_steps).map(move |step| {
            if step % per_epoch == 0 {
                order = (0..n_rows).collect();
                order.shuffle(&mut generator(seed, Use::Batches, step / per_epoch));
            }
            order[(step % per_epoch) * batch_size..][..batch_size].to_vec()
        })
    }
}

/// The given rows of `values`, `[N, D]`, concatenated.
pub(crate) fn gather(values: &[f32], n_columns: usize, rows: &[usize]) -> Vec<f32> {
    rows.iter().flat_map(|&row| &values[row * n_columns..][..n_columns]).copied().collect()
}

/// Linear layers of these widths. The parameters are each layer's weights `[out, in]` and biases `[out]`, concatenated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Network {
    widths: Vec<usize>,
    pub(crate) parameters: Vec<f32>,
}

/// The input of each layer, `[B, width]`, and the output of the last one.
pub(crate) struct Trace(Vec<Vec<f32>>);

impl Trace {
    pub(crate) fn output(&self) -> &[f32] {
        self.0.last().map_or(&[], Vec::as_slice)
    }
}

fn n_parameters(widths: &[usize]) -> usize {
    widths.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum()
}

impl Network {
    /// Weights uniform in ± sqrt(6 / in), biases 0.
    ///
    /// Source: He, Zhang, Ren and Sun (2015), "Delving Deep into Rectifiers".
    pub(crate) fn new(widths: Vec<usize>, rng: &mut ChaCha8Rng) -> Self {
        let mut parameters = Vec::with_capacity(n_parameters(&widths));
        for pair in widths.windows(2) {
            let bound = (6.0 / pair[0] as f32).sqrt();
            parameters.extend((0..pair[0] * pair[1]).map(|_| rng.random_range(-bound..bound)));
            parameters.extend(std::iter::repeat_n(0.0, pair[1]));
        }
        Self { widths, parameters }
    }

    pub(crate) fn n_in(&self) -> usize {
        self.widths[0]
    }

    pub(crate) fn n_out(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    /// Where each layer's weights and biases start, with its widths.
    fn layers(&self) -> Vec<(usize, usize, usize)> {
        let mut start = 0;
        let layer = |pair: &[usize]| {
            let at = start;
            start += (pair[0] + 1) * pair[1];
            (at, pair[0], pair[1])
        };
        self.widths.windows(2).map(layer).collect()
    }

    pub(crate) fn forward(&self, rows: Vec<f32>) -> Trace {
        let n_rows = rows.len() / self.n_in();
        let mut trace = vec![rows];
        for (layer, (at, n_in, n_out)) in self.layers().into_iter().enumerate() {
            let (weights, bias) = self.parameters[at..at + (n_in + 1) * n_out].split_at(n_in * n_out);
            let mut out: Vec<f32> = bias.iter().copied().cycle().take(n_rows * n_out).collect();
            let weights = MatRef::from_row_major_slice(weights, n_out, n_in).transpose();
            let input = MatRef::from_row_major_slice(&trace[layer], n_rows, n_in);
            matmul(
                MatMut::from_row_major_slice_mut(&mut out, n_rows, n_out),
                Accum::Add,
                input,
                weights,
                1.0,
                Par::Seq,
            );
            if layer + 2 < self.widths.len() {
                out.iter_mut().for_each(|value| *value = value.max(0.0));
            }
            trace.push(out);
        }
        Trace(trace)
    }

    /// Gradients of the parameters and of the input, given that of the output, `[B, out]`.
    pub(crate) fn backward(&self, trace: &Trace, output: Vec<f32>) -> (Vec<f32>, Vec<f32>) {
        let n_rows = output.len() / self.n_out();
        let mut gradient = vec![0.0; self.parameters.len()];
        let mut flowing = output;
        for (layer, (at, n_in, n_out)) in self.layers().into_iter().enumerate().rev() {
            if layer + 2 < self.widths.len() {
                flowing.iter_mut().zip(&trace.0[layer + 1]).for_each(|(slope, &out)| *slope *= f32::from(out > 0.0));
            }
            let (weights, biases) = gradient[at..at + (n_in + 1) * n_out].split_at_mut(n_in * n_out);
            let slopes = MatRef::from_row_major_slice(&flowing, n_rows, n_out);
            let input = MatRef::from_row_major_slice(&trace.0[layer], n_rows, n_in);
            let into = MatMut::from_row_major_slice_mut(weights, n_out, n_in);
            matmul(into, Accum::Replace, slopes.transpose(), input, 1.0, Par::Seq);
            for row in flowing.chunks_exact(n_out) {
                biases.iter_mut().zip(row).for_each(|(bias, slope)| *bias += slope);
            }
            let mut before = vec![0.0; n_rows * n_in];
            let weights = MatRef::from_row_major_slice(&self.parameters[at..at + n_in * n_out], n_out, n_in);
            let into = MatMut::from_row_major_slice_mut(&mut before, n_rows, n_in);
            matmul(into, Accum::Replace, slopes, weights, 1.0, Par::Seq);
            flowing = before;
        }
        (gradient, flowing)
    }

    /// Adds `name` (all parameters) and `name_widths`.
    pub(crate) fn store(&self, stored: Stored, name: &str) -> Stored {
        let widths = self.widths.iter().map(|&width| width as f32).collect();
        stored.with(name, &[self.parameters.len()], self.parameters.clone()).with(
            &format!("{name}_widths"),
            &[self.widths.len()],
            widths,
        )
    }

    pub(crate) fn from_tensors(stored: &Stored, name: &str) -> Result<Self> {
        let widths = stored.values(&format!("{name}_widths"), &[None])?;
        let whole = |width: &&f32| **width >= 1.0 && **width <= 65_536.0 && width.fract() == 0.0;
        if widths.len() < 2 || !widths.iter().all(|width| whole(&width)) {
            let (expected, got) = ("two widths or more".to_owned(), format!("{widths:?}"));
            return Err(Error::Stored { part: format!("{name}_widths"), expected, got });
        }
        let widths: Vec<usize> = widths.iter().map(|&width| width as usize).collect();
        let parameters = stored.values(name, &[Some(n_parameters(&widths))])?;
        Ok(Self { widths, parameters })
    }
}

/// Adam with its default constants.
///
/// Source: Kingma and Ba (2015), "Adam: A Method for Stochastic Optimization".
pub(crate) struct Adam {
    rate: f64,
    step: i32,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Adam {
    pub(crate) fn new(n_parameters: usize, rate: f64) -> Self {
        Self { rate, step: 0, first: vec![0.0; n_parameters], second: vec![0.0; n_parameters] }
    }

    pub(crate) fn update(&mut self, parameters: &mut [f32], gradient: &[f32]) {
        const BETAS: (f32, f32) = (0.9, 0.999);
        self.step += 1;
        let rate = (self.rate / (1.0 - f64::from(BETAS.0).powi(self.step))) as f32;
        let correction = (1.0 / (1.0 - f64::from(BETAS.1).powi(self.step))).sqrt() as f32;
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((parameter, slope), (first, second)) in parameters.iter_mut().zip(gradient).zip(moments) {
            *first += (1.0 - BETAS.0) * (slope - *first);
            *second += (1.0 - BETAS.1) * (slope * slope - *second);
            *parameter -= rate * *first / (second.sqrt() * correction + 1e-8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half the sum of the squared outputs.
    fn loss(network: &Network, rows: &[f32]) -> f64 {
        network.forward(rows.to_vec()).output().iter().map(|&value| 0.5 * f64::from(value).powi(2)).sum()
    }

    #[test]
    fn the_gradient_is_that_of_differences() {
        let mut rng = generator(3, Use::Weights, 0);
        let mut network = Network::new(vec![4, 6, 3, 2], &mut rng);
        network.parameters.iter_mut().for_each(|parameter| *parameter += rng.random_range(-0.2..0.2));
        let mut rows: Vec<f32> = (0..5 * 4).map(|_| rng.random_range(-1.0..1.0)).collect();
        let trace = network.forward(rows.clone());
        let (gradient, input) = network.backward(&trace, trace.output().to_vec());
        let close =
            |difference: f64, slope: f32| (difference - f64::from(slope)).abs() < 2e-3 * (1.0 + difference.abs());
        const STEP: f32 = 1e-3;
        for (at, &slope) in gradient.iter().enumerate() {
            let (mut up, mut down) = (network.clone(), network.clone());
            up.parameters[at] += STEP;
            down.parameters[at] -= STEP;
            let difference = (loss(&up, &rows) - loss(&down, &rows)) / f64::from(2.0 * STEP);
            assert!(close(difference, slope), "{at}: {difference} {slope}");
        }
        for (at, &slope) in input.iter().enumerate() {
            let value = rows[at];
            rows[at] = value + STEP;
            let up = loss(&network, &rows);
            rows[at] = value - STEP;
            let difference = (up - loss(&network, &rows)) / f64::from(2.0 * STEP);
            rows[at] = value;
            assert!(close(difference, slope), "{at}: {difference} {slope}");
        }
    }

    #[test]
    fn batches_use_every_row_once_an_epoch() {
        let training = Training { n_steps: 6, batch_size: 4, ..Training::default() };
        let mut seen: Vec<usize> = training.batches(12).take(3).flatten().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..12).collect::<Vec<_>>());
        assert_eq!(training.batches(3).map(|batch| batch.len()).collect::<Vec<_>>(), [3; 6]);
    }
}
