//! A block as an operation of candle.

use super::block::{Pooled, coefficients, follow, output_gradient, statistics};
use super::joined::join;
use super::patches::{Seen, patches, patches_back};
use super::product::{by_transposed, product, transposed_by};
use super::{Body, average_pool, factors, plain};
use crate::block::{BatchStatistics, BlockForm, BlockOutput, BlockSize, BlockWeights, Norm, Pool};
use crate::{Compute, Error, reference};
use candle_core::op::BackpropOp;
use candle_core::{DType, Result, Tensor};

/// As [`crate::conv_block`].
///
/// # Errors
/// Shapes that do not fit, or an operation that the device refuses.
pub fn conv_block(
    body: Body,
    map: &Tensor,
    weights: &BlockWeights<'_>,
    residual: Option<&Tensor>,
    norm: &Norm<'_>,
    form: &BlockForm,
) -> std::result::Result<BlockOutput, Error> {
    let size = BlockSize::check(map, weights, residual, norm, form)?;
    if body == Body::Operations {
        let mut output = reference::conv_block(map, weights, residual, norm, form)?;
        if let Norm::Running { .. } = norm {
            // Intermediate values are not kept.
            output.map = output.map.detach();
        }
        return Ok(output);
    }
    let factors = factors(Compute::current().precision);
    let margin = size.kernel / 2;
    let seen = Seen {
        n_clips: size.n_clips,
        height: size.height,
        width: size.width,
        channels: size.n_in,
        out: [size.conv_height(), size.conv_width()],
        kernel: size.kernel,
        stride: size.stride,
        before: [margin; 2],
    };
    let pooled = Pooled {
        n_clips: size.n_clips,
        height: size.conv_height(),
        width: size.conv_width(),
        channels: size.n_out,
        pool: size.pool,
    };
    let residual = residual.map(Tensor::contiguous).transpose()?;
    let conv = seen.rows_of_weights(weights.conv, factors)?;
    let (scale, shift) = (plain(weights.scale)?, plain(weights.shift)?);
    let y = by_transposed(&patches(body, &plain(map)?, &seen, factors)?, &conv)?; // [B * H' * W', C_out]

    let (output, batch) = match *norm {
        Norm::Running { mean, variance, epsilon } => {
            let factor = (scale / (plain(variance)? + f64::from(epsilon))?.sqrt()?)?;
            let summand = (shift - (plain(mean)? * &factor)?)?;
            let affine = Tensor::stack(&[factor, summand], 0)?;
            let residual = residual.as_ref().map(plain).transpose()?;
            let followed = follow(body, &y, &affine, residual.as_ref(), &pooled, [form.relu, false])?;
            (Tensor::from_storage(followed.map, pooled.out_shape(), BackpropOp::none(), false), None)
        }
        Norm::Batch { epsilon } => {
            let statistics = statistics(body, &y, &scale, &shift, epsilon)?; // [5, C_out]
            let vector = |nth: usize| statistics.narrow(0, nth, 1)?.squeeze(0)?.force_contiguous();
            let batch = BatchStatistics { mean: vector(0)?, variance: vector(1)?, count: size.count() };
            // Operations of candle have at most three arguments.
            let packed = Tensor::cat(&[&weights.conv.flatten_all()?, weights.scale, weights.shift], 0)?;
            let affine = statistics.narrow(0, 3, 2)?;
            let residual_values = residual.as_ref().map(plain).transpose()?;
            let followed = follow(body, &y, &affine, residual_values.as_ref(), &pooled, [form.relu, true])?;
            let tensor = |storage| Tensor::from_storage(storage, pooled.out_shape(), BackpropOp::none(), false);
            let missing = || candle_core::Error::Msg("conv_block: no codes".into());
            let codes = followed.codes.map(tensor).ok_or_else(missing)?;
            let picked = followed.picked.map_or_else(|| y.clone(), tensor);
            let back = Back {
                body,
                seen,
                pooled,
                factors,
                input_gradient: form.input_gradient,
                residual: residual.is_some(),
                map: plain(map)?,
                conv,
                scale,
                y,
                statistics,
                codes,
                picked,
            };
            let arguments: Vec<&Tensor> = [map, &packed].into_iter().chain(&residual).collect();
            let result = (followed.map, pooled.out_shape());
            let output = join("conv_block", &arguments, result, move |_, gradient| back.run(gradient))?;
            (output, Some(batch))
        }
    };
    let map = match form.pool {
        Pool::Average { height, width } => average_pool(body, &output, [height, width])?,
        Pool::None | Pool::Max { .. } => output,
    };
    Ok(BlockOutput { map, statistics: batch })
}

/// The backward pass of a block, and what it needs.
struct Back {
    body: Body,
    seen: Seen,
    pooled: Pooled,
    /// The type of a product's factors.
    factors: DType,
    input_gradient: bool,
    residual: bool,
    /// `[B, H, W, C_in]`
    map: Tensor,
    /// `[C_out, row]`, of the type of factors.
    conv: Tensor,
    /// `[C_out]`
    scale: Tensor,
    /// `[B * H' * W', C_out]`
    y: Tensor,
    /// `[5, C_out]`
    statistics: Tensor,
    /// Which of a rectangle's values was taken.
    codes: Tensor,
    /// Its `y`.
    picked: Tensor,
}

impl Back {
    /// The gradients of the map, of the packed weights, and of the residual.
    fn run(&self, gradient: &Tensor) -> Result<[Option<Tensor>; 3]> {
        let Self { body, seen, pooled, factors, codes, .. } = self;
        let (gradient, count) = (plain(gradient)?, seen.n_pixels());
        let coefficients =
            coefficients(*body, [&gradient, codes, &self.picked], [&self.statistics, &self.scale], count)?; // [5, C_out]
        let (of_y, of_residual) =
            output_gradient(*body, [&self.y, &gradient, codes, &coefficients], pooled, self.residual, *factors)?;
        let of_y = of_y.reshape((count, pooled.channels))?;

        // Patches are computed again: kept, they would be as large as the map times the places of a kernel, for every block.
        let of_conv = transposed_by(&of_y, &patches(*body, &self.map, seen, *factors)?)?; // [C_out, row]
        let of_conv = seen.weights_of_rows(&of_conv)?.flatten_all()?;
        let of_norm = coefficients.narrow(0, 0, 2)?.flatten_all()?;
        let of_map = match self.input_gradient {
            true => Some(patches_back(*body, &product(&of_y, &self.conv)?, seen)?),
            false => None,
        };
        Ok([of_map, Some(Tensor::cat(&[of_conv, of_norm], 0)?), of_residual])
    }
}
