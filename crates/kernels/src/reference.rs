//! The same block in candle's own operations, with the gradients that they get wrong put right: for devices that are not
//! the CPU, and what the fused kernel is tested against.

use crate::Error;
use crate::block::{BatchStatistics, BlockForm, BlockOutput, BlockWeights, Norm, Pool};
use crate::separable::SeparableWeights;
use crate::transformer::{LinearWeights, TransformerForm, TransformerWeights};
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

/// As [`crate::layer_norm`], on any device.
///
/// # Errors
/// Shapes that candle refuses.
pub fn layer_norm(x: &Tensor, scale: &Tensor, shift: &Tensor, epsilon: f32) -> Result<Tensor, Error> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normal = centred.broadcast_div(&(variance + f64::from(epsilon))?.sqrt()?)?;
    Ok(normal.broadcast_mul(scale)?.broadcast_add(shift)?)
}

/// As [`crate::transformer_layer`], on any device, in `f32`.
///
/// # Errors
/// Shapes that candle refuses.
pub fn transformer_layer(
    tokens: &Tensor,
    weights: &TransformerWeights,
    form: &TransformerForm,
) -> Result<Tensor, Error> {
    let (n_clips, n_tokens, dim) = tokens.dims3()?;
    let head_dim = dim / form.n_heads;
    let add_up = |before: &Tensor, half: Tensor, scale: &Option<Tensor>, nth: usize| -> Result<Tensor, Error> {
        let mut half = half;
        if let Some(scale) = scale {
            half = half.broadcast_mul(scale)?;
        }
        if let Some(keep) = &form.keep {
            half = half.broadcast_mul(&Tensor::from_slice(&keep[nth], (n_clips, 1, 1), half.device())?)?;
        }
        Ok((before + half)?)
    };
    let normal = layer_norm(tokens, &weights.norm1[0], &weights.norm1[1], form.epsilon)?;
    let qkv = linear(&normal, &weights.qkv)?.reshape((n_clips, n_tokens, 3, form.n_heads, head_dim))?;
    let qkv = qkv.permute((2, 0, 3, 1, 4))?.contiguous()?; // [3, B, H, T, D / H]
    let part = |nth: usize| qkv.narrow(0, nth, 1)?.squeeze(0)?.contiguous();
    let pairs = (part(0)?.matmul(&part(1)?.transpose(2, 3)?.contiguous()?)? / (head_dim as f64).sqrt())?;
    let shifted = pairs.broadcast_sub(&pairs.max_keepdim(D::Minus1)?.detach())?.exp()?;
    let attention = shifted.broadcast_div(&shifted.sum_keepdim(D::Minus1)?)?;
    let gathered = attention.matmul(&part(2)?)?.transpose(1, 2)?.contiguous()?.reshape((n_clips, n_tokens, dim))?;
    let middle = add_up(tokens, linear(&gathered, &weights.out)?, &weights.scale1, 0)?;

    let normal = layer_norm(&middle, &weights.norm2[0], &weights.norm2[1], form.epsilon)?;
    let hidden = linear(&normal, &weights.up)?.gelu_erf()?;
    add_up(&middle, linear(&hidden, &weights.down)?, &weights.scale2, 1)
}

/// `x W^T + b`, with its adapter.
fn linear(x: &Tensor, weights: &LinearWeights) -> Result<Tensor, Error> {
    let mut weight = weights.weight.clone();
    if let Some(adapter) = &weights.adapter {
        weight = (weight + (adapter.up.matmul(&adapter.down)? * f64::from(adapter.factor))?)?;
    }
    let (n_clips, n_tokens, dim) = x.dims3()?;
    let product = x.reshape((n_clips * n_tokens, dim))?.matmul(&weight.t()?)?;
    Ok(product.broadcast_add(&weights.bias)?.reshape((n_clips, n_tokens, ()))?)
}

/// As [`crate::separable_layer`], on any device.
///
/// # Errors
/// Shapes that candle refuses.
pub fn separable_layer(map: &Tensor, weights: &SeparableWeights, stride: usize) -> Result<Tensor, Error> {
    let n_channels = map.dim(3)?;
    let inner = conv_same(map, &weights.depthwise, stride, n_channels)?.broadcast_add(&weights.depthwise_bias)?;
    let outer = conv_same(&relu(&inner)?, &weights.pointwise, 1, 1)?.broadcast_add(&weights.pointwise_bias)?;
    relu(&outer)
}

/// As [`crate::conv_relu`], on any device.
///
/// # Errors
/// Shapes that candle refuses.
pub fn conv_relu(map: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize) -> Result<Tensor, Error> {
    relu(&conv_same(map, weight, stride, 1)?.broadcast_add(bias)?)
}

/// A convolution of a map whose channels come last, with TensorFlow's `SAME` zeros around it.
fn conv_same(map: &Tensor, weight: &Tensor, stride: usize, groups: usize) -> Result<Tensor, Error> {
    let kernel = weight.dim(2)?;
    let mut map = map.permute((0, 3, 1, 2))?.contiguous()?; // [B, C, H, W]
    for direction in [2, 3] {
        let len = map.dim(direction)?;
        let added = ((len.div_ceil(stride) - 1) * stride + kernel).saturating_sub(len);
        map = map.pad_with_zeros(direction, added / 2, added - added / 2)?;
    }
    let dense = map.conv2d(weight, 0, 1, 1, groups)?;
    Ok(every_nth(&dense, stride)?.permute((0, 2, 3, 1))?.contiguous()?)
}
