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
    let y = convolution(map, weights.conv, form.stride, [margin; 2])?; // [B, H', W', C]
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
    let normalized = y.broadcast_sub(&mean)?.broadcast_mul(&inverse)?;
    let mut z = normalized.broadcast_mul(weights.scale)?.broadcast_add(weights.shift)?;
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

/// What each place of a kernel sees of `map`, `[B, H, W, C]`: by rows and columns of the kernel, `[B, H', W', C]` each,
/// where H' and W' are H and W over the stride, rounded up. `before`: rows and columns of zeros before the map.
///
/// Candle's own convolution has no gradient where a stride needs different padding in the two directions, and on a GPU its
/// backward pass takes many times as long as the matrix products that a convolution is.
fn taps(map: &Tensor, kernel: usize, stride: usize, before: [usize; 2]) -> Result<Vec<Tensor>, Error> {
    let (n_clips, height, width, n_channels) = map.dims4()?;
    let size = [height, width].map(|len| len.div_ceil(stride));
    let mut padded = map.clone();
    for (direction, len) in [height, width].into_iter().enumerate() {
        let reached = (size[direction] - 1) * stride + kernel;
        let whole = reached.max(before[direction] + len).next_multiple_of(stride);
        padded = padded.pad_with_zeros(direction + 1, before[direction], whole - before[direction] - len)?;
    }
    let (rows, columns) = (padded.dim(1)? / stride, padded.dim(2)? / stride);
    let split = padded.contiguous()?.reshape(&[n_clips, rows, stride, columns, stride, n_channels])?;
    let mut seen = Vec::with_capacity(kernel * kernel);
    for (row, column) in (0..kernel * kernel).map(|place| (place / kernel, place % kernel)) {
        let every_nth = split.narrow(2, row % stride, 1)?.narrow(4, column % stride, 1)?;
        let tap = every_nth.narrow(1, row / stride, size[0])?.narrow(3, column / stride, size[1])?;
        seen.push(tap.contiguous()?.reshape((n_clips, size[0], size[1], n_channels))?);
    }
    Ok(seen)
}

/// A convolution over all channels, as one matrix product; `weight`: `[C_out, C, K, K]`.
fn convolution(map: &Tensor, weight: &Tensor, stride: usize, before: [usize; 2]) -> Result<Tensor, Error> {
    let (n_out, n_in, kernel, _) = weight.dims4()?;
    let seen = Tensor::cat(&taps(map, kernel, stride, before)?, 3)?; // [B, H', W', K * K * C]
    let (n_clips, height, width, n_seen) = seen.dims4()?;
    let weight = weight.permute((2, 3, 1, 0))?.contiguous()?.reshape((kernel * kernel * n_in, n_out))?;
    let product = seen.reshape((n_clips * height * width, n_seen))?.matmul(&weight)?;
    Ok(product.reshape((n_clips, height, width, n_out))?)
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
    let centered = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centered.sqr()?.mean_keepdim(D::Minus1)?;
    let normal = centered.broadcast_div(&(variance + f64::from(epsilon))?.sqrt()?)?;
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
    Ok(attending_layer(tokens, weights, form, None)?[0].clone())
}

/// The same, and the attention of its heads, `[B, H, T, T]`, each row of which adds up to 1. `added`, of that shape, is added to
/// it: the gradient of a variable that is 0 is that of the attention.
///
/// # Errors
/// Shapes that candle refuses.
pub fn attending_layer(
    tokens: &Tensor,
    weights: &TransformerWeights,
    form: &TransformerForm,
    added: Option<&Tensor>,
) -> Result<[Tensor; 2], Error> {
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
    let mut attention = shifted.broadcast_div(&shifted.sum_keepdim(D::Minus1)?)?;
    if let Some(added) = added {
        attention = (attention + added)?;
    }
    let gathered = attention.matmul(&part(2)?)?.transpose(1, 2)?.contiguous()?.reshape((n_clips, n_tokens, dim))?;
    let middle = add_up(tokens, linear(&gathered, &weights.out)?, &weights.scale1, 0)?;

    let normal = layer_norm(&middle, &weights.norm2[0], &weights.norm2[1], form.epsilon)?;
    let hidden = linear(&normal, &weights.up)?.gelu_erf()?;
    Ok([add_up(&middle, linear(&hidden, &weights.down)?, &weights.scale2, 1)?, attention])
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
    let (n_channels, _, kernel, _) = weights.depthwise.dims4()?;
    let by_place = weights.depthwise.reshape((n_channels, kernel * kernel))?.t()?.contiguous()?; // [K * K, C]
    let mut inner = weights.depthwise_bias.clone();
    for (place, seen) in taps(map, kernel, stride, same(map, kernel, stride)?)?.iter().enumerate() {
        let product = seen.broadcast_mul(&by_place.narrow(0, place, 1)?.squeeze(0)?)?;
        inner = product.broadcast_add(&inner)?;
    }
    let outer = convolution(&relu(&inner)?, &weights.pointwise, 1, [0, 0])?.broadcast_add(&weights.pointwise_bias)?;
    relu(&outer)
}

/// As [`crate::conv_relu`], on any device.
///
/// # Errors
/// Shapes that candle refuses.
pub fn conv_relu(map: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize) -> Result<Tensor, Error> {
    let before = same(map, weight.dim(2)?, stride)?;
    relu(&convolution(map, weight, stride, before)?.broadcast_add(bias)?)
}

/// Rows and columns of zeros that TensorFlow's `SAME` puts before a map.
fn same(map: &Tensor, kernel: usize, stride: usize) -> Result<[usize; 2], Error> {
    let before = |len: usize| ((len.div_ceil(stride) - 1) * stride + kernel).saturating_sub(len) / 2;
    Ok([before(map.dim(1)?), before(map.dim(2)?)])
}
