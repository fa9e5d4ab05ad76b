//! The same block in candle's own operations, with the gradients that they get wrong put right: for devices that are not
//! the CPU, and what the fused kernel is tested against.

use crate::Error;
use crate::block::{BatchStatistics, BlockForm, BlockOutput, BlockWeights, Norm, Pool};
use candle_core::{D, Tensor};

/// As [`crate::conv_block`], on any device.
///
/// # Errors
/// Shapes that candle refuses.
pub fn conv_block(
    map: &Tensor,
    weights: &BlockWeights<'_>,
    residual: Option<&Tensor>,
    norm: &Norm<'_>,
    form: &BlockForm,
) -> Result<BlockOutput, Error> {
    let margin = weights.conv.dim(2)? / 2;
    let channels_first = map.permute((0, 3, 1, 2))?.contiguous()?; // [B, C, H, W]
    let y = every_nth(&channels_first.conv2d(weights.conv, margin, 1, 1, 1)?, form.stride)?;
    let y = y.permute((0, 2, 3, 1))?.contiguous()?; // [B, H', W', C]
    let (mean, variance, epsilon, statistics) = match *norm {
        Norm::Running { mean, variance, epsilon } => (mean.clone(), variance.clone(), epsilon, None),
        Norm::Batch { epsilon } => {
            let pixels = y.flatten_to(2)?; // [B * H * W, C]
            let mean = pixels.mean(0)?;
            let variance = pixels.broadcast_sub(&mean)?.sqr()?.mean(0)?;
            let statistics =
                BatchStatistics { mean: mean.detach(), variance: variance.detach(), count: pixels.dim(0)? };
            (mean, variance, epsilon, Some(statistics))
        }
    };
    let inverse = (variance + f64::from(epsilon))?.sqrt()?.recip()?;
    let normalised = y.broadcast_sub(&mean)?.broadcast_mul(&inverse)?;
    let mut z = normalised.broadcast_mul(weights.scale)?.broadcast_add(weights.shift)?;
    if let Some(residual) = residual {
        z = (z + residual)?;
    }
    if form.relu {
        z = relu(&z)?;
    }
    z = match form.pool {
        Pool::None => z,
        Pool::Max { height, width } => max_pool(&z, height, width)?,
        Pool::Average { height, width } => average_pool(&z, height, width)?,
    };
    Ok(BlockOutput { map: z, statistics })
}

/// Every `stride`th row and column of `x`, `[B, C, H, W]`. Candle's own convolution with a stride has no gradient where
/// the two need different padding.
fn every_nth(x: &Tensor, stride: usize) -> Result<Tensor, Error> {
    if stride == 1 {
        return Ok(x.clone());
    }
    let (n_clips, n_channels, height, width) = x.dims4()?;
    let (rows, columns) = (height.div_ceil(stride), width.div_ceil(stride));
    let whole = x.pad_with_zeros(2, 0, rows * stride - height)?.pad_with_zeros(3, 0, columns * stride - width)?;
    let split = whole.contiguous()?.reshape(&[n_clips, n_channels, rows, stride, columns, stride])?;
    Ok(split.narrow(3, 0, 1)?.narrow(5, 0, 1)?.contiguous()?.reshape((n_clips, n_channels, rows, columns))?)
}

/// `max(x, 0)` with slope 0 at 0, where candle's own has slope 1.
fn relu(x: &Tensor) -> Result<Tensor, Error> {
    Ok(x.le(0.0)?.where_cond(&x.zeros_like()?, x)?)
}

/// Means of rectangles of `x`, `[B, H, W, C]`.
pub(crate) fn average_pool(x: &Tensor, height: usize, width: usize) -> Result<Tensor, Error> {
    let (n_clips, rows, columns, n_channels) = x.dims4()?;
    let (out_rows, out_columns) = (rows / height, columns / width);
    let whole = x.narrow(1, 0, out_rows * height)?.narrow(2, 0, out_columns * width)?.contiguous()?;
    let windows = whole.reshape((n_clips * out_rows, height, out_columns, width, n_channels))?;
    Ok(windows.mean((1, 3))?.reshape((n_clips, out_rows, out_columns, n_channels))?)
}

/// Maxima of rectangles of `x`, `[B, H, W, C]`; among equals the first has the whole gradient.
fn max_pool(x: &Tensor, height: usize, width: usize) -> Result<Tensor, Error> {
    let (n_clips, rows, columns, n_channels) = x.dims4()?;
    let (out_rows, out_columns) = (rows / height, columns / width);
    let whole = x.narrow(1, 0, out_rows * height)?.narrow(2, 0, out_columns * width)?.contiguous()?;
    let windows = whole.reshape((n_clips * out_rows, height, out_columns, width, n_channels))?;
    let mut best: Option<Tensor> = None;
    for row in 0..height {
        for column in 0..width {
            let value = windows.narrow(1, row, 1)?.narrow(3, column, 1)?.contiguous()?;
            best = Some(match best {
                None => value,
                Some(best) => value.gt(&best)?.where_cond(&value, &best)?,
            });
        }
    }
    let best = best.ok_or_else(|| candle_core::Error::Msg("max_pool: a rectangle without values".into()))?;
    Ok(best.reshape((n_clips, out_rows, out_columns, n_channels))?)
}

/// The mean over rows, then mean and maximum over columns, as [`crate::global_pool`].
///
/// # Errors
/// Not four dimensions.
pub fn global_pool(map: &Tensor) -> Result<Tensor, Error> {
    let columns = map.mean(1)?.transpose(1, 2)?.contiguous()?; // [B, C, W]
    let mean = columns.mean(D::Minus1)?;
    let first = columns.argmax_keepdim(D::Minus1)?;
    let largest = columns.gather(&first, D::Minus1)?.squeeze(D::Minus1)?;
    Ok(Tensor::cat(&[mean, largest], 1)?)
}
