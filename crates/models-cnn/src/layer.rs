use candle_core::{Tensor, Var};
use classifier::{Error, Init, Mode, Parameters};
use kernels::{BatchStatistics, BlockForm, BlockWeights, Map, Norm, Pool, linked_block};

/// Weight of a new batch in the running statistics.
const MOMENTUM: f64 = 0.1;

/// Added to a variance before the square root.
pub const EPSILON: f32 = 1e-5;

/// Rows and columns of a kernel.
const KERNEL: usize = 3;

/// A 3x3 convolution with batch norm, and optionally residual, ReLU and pooling.
#[derive(Debug)]
pub(crate) struct ConvNorm {
    conv: Var,
    scale: Var,
    shift: Var,
    mean: Var,
    variance: Var,
    /// Whether this is the first layer, whose input needs no gradient.
    is_first: bool,
}

impl ConvNorm {
    /// Parameters `NAME.conv.weight`, `NAME.norm.{weight, bias, running_mean, running_var}`.
    ///
    /// The convolution is initialized from a normal distribution with variance `2 / (KERNEL^2 * n_out)` (Kaiming, fan out).
    pub(crate) fn new(
        name: &str,
        n_in: usize,
        n_out: usize,
        is_first: bool,
        parameters: &mut Parameters,
    ) -> Result<Self, Error> {
        let std = (2.0 / (KERNEL * KERNEL * n_out) as f64).sqrt();
        let conv = parameters.trainable(
            &format!("{name}.conv.weight"),
            &[n_out, n_in, KERNEL, KERNEL],
            Init::Normal { std },
        )?;
        Ok(Self {
            conv,
            scale: parameters.trainable(&format!("{name}.norm.weight"), &[n_out], Init::Constant(1.0))?,
            shift: parameters.trainable(&format!("{name}.norm.bias"), &[n_out], Init::Constant(0.0))?,
            mean: parameters.buffer(&format!("{name}.norm.running_mean"), &[n_out], 0.0)?,
            variance: parameters.buffer(&format!("{name}.norm.running_var"), &[n_out], 1.0)?,
            is_first,
        })
    }

    /// Convolution with `stride`, batch norm, residual, ReLU and pool of `map`, `[B, H, W, C_in]`.
    pub(crate) fn forward(
        &self,
        map: &Map,
        residual: Option<&Tensor>,
        (stride, pool): (usize, Pool),
        mode: Mode,
    ) -> Result<Map, Error> {
        let weights = BlockWeights { conv: &self.conv, scale: &self.scale, shift: &self.shift };
        let norm = match mode {
            Mode::Train { .. } => Norm::Batch { epsilon: EPSILON },
            Mode::Eval => Norm::Running { mean: &self.mean, variance: &self.variance, epsilon: EPSILON },
        };
        let form = BlockForm { stride, pool, relu: true, input_gradient: !self.is_first };
        let output = linked_block(map, &weights, residual, &norm, &form).map_err(from_kernels)?;
        if let Some(statistics) = &output.statistics {
            self.track(statistics)?;
        }
        Ok(output.map)
    }

    /// Updates the running statistics with those of a batch; the running variance is the unbiased one.
    fn track(&self, batch: &BatchStatistics) -> Result<(), Error> {
        let unbiased = batch.count as f64 / (batch.count.max(2) - 1) as f64;
        let moved = |running: &Var, batch: &Tensor, factor: f64| -> Result<(), Error> {
            let next = ((running.as_tensor().detach() * (1.0 - MOMENTUM))? + (batch * (MOMENTUM * factor))?)?;
            Ok(running.set(&next)?)
        };
        moved(&self.mean, &batch.mean, 1.0)?;
        moved(&self.variance, &batch.variance, unbiased)
    }
}

/// An error of a kernel as an error of the model.
pub(crate) fn from_kernels(error: kernels::Error) -> Error {
    match error {
        kernels::Error::Tensor(error) => Error::Tensor(error),
        kernels::Error::Shape { operation, what, expected, got } => {
            Error::Shape { what: format!("{operation}: {what}"), expected, got }
        }
        other => Error::Tensor(candle_core::Error::wrap(other)),
    }
}
