//! Attention between its products.

use super::norm::ROWS;
use super::values::{tensor, values, values_if};
use super::{Body, Launch};
use crate::attention::Heads;
use candle_core::{D, DType, Result, Shape, Tensor, bail};

/// How rows of tokens are split into heads.
#[derive(Debug, Clone, Copy)]
pub struct Split {
    /// Clips.
    pub n_clips: usize,
    /// Tokens of a clip.
    pub n_tokens: usize,
    /// Heads; each has an even width.
    pub n_heads: usize,
    /// Width of all heads.
    pub dim: usize,
}

impl From<Heads> for Split {
    fn from(Heads { n_clips, n_tokens, n_heads, dim }: Heads) -> Self {
        Self { n_clips, n_tokens, n_heads, dim }
    }
}

impl Split {
    /// Width of a head.
    pub fn width(self) -> usize {
        self.dim / self.n_heads
    }

    /// Tokens of a head, of which those that no clip has are 0: so that rows of bf16 are multiples of 16 bytes.
    pub fn padded(self) -> usize {
        self.n_tokens.next_multiple_of(8)
    }

    /// Splits rows after adding a bias.
    ///
    /// # Shapes
    /// `rows`: `[B * T, P * D]`; `bias`: `[P * D]`; the result: `[P, B * H, T', D / H]`.
    ///
    /// # Errors
    /// Shapes that do not fit, or a device that fails.
    pub fn split(self, body: Body, rows: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let Self { n_clips, n_tokens, n_heads, dim } = self;
        let width = rows.dim(1)?;
        let (n_parts, n_all) = (width / dim, n_clips * n_heads);
        let shape = (n_parts, n_all, self.padded(), self.width());
        match body {
            Body::Kernel => {
                let launch = Launch::of("heads", "split_heads", rows.dtype());
                let launch = launch.grid(n_clips * self.padded(), 1, threads(width)).read(rows)?.read_if(bias)?;
                let launch = launch.int(n_tokens)?.int(self.padded())?.int(n_heads)?;
                let [out] = launch.int(self.width())?.int(n_parts)?.run([(Shape::from(shape), rows.dtype())])?;
                Ok(out)
            }
            Body::Twin => {
                let (from, bias) = (values(rows)?, values_if(bias)?);
                let mut out = vec![0.0; n_parts * n_all * self.padded() * self.width()];
                for (place, value) in from.iter().enumerate() {
                    out[self.place(place, n_parts)] = value + bias.as_ref().map_or(0.0, |bias| bias[place % width]);
                }
                tensor(out, shape, rows.dtype())
            }
            Body::Operations => {
                let sum = match bias {
                    None => rows.clone(),
                    Some(bias) => rows.to_dtype(DType::F32)?.broadcast_add(bias)?.to_dtype(rows.dtype())?,
                };
                let split = sum.reshape((n_clips, n_tokens, n_parts, n_heads, self.width()))?;
                let split = split.permute((2, 0, 3, 1, 4))?.contiguous()?;
                split.pad_with_zeros(3, 0, self.padded() - n_tokens)?.reshape(shape)
            }
        }
    }

    /// Where a value of `[B, T, P, H, d]` is in `[P, B, H, T', d]`.
    fn place(self, from: usize, n_parts: usize) -> usize {
        let Self { n_clips, n_tokens, n_heads, .. } = self;
        let (column, row) = (from % self.width(), from / self.width());
        let (head, row) = (row % n_heads, row / n_heads);
        let (part, row) = (row % n_parts, row / n_parts);
        let (token, clip) = (row % n_tokens, row / n_tokens);
        (((part * n_clips + clip) * n_heads + head) * self.padded() + token) * self.width() + column
    }

    /// Puts the parts together again: one, or three.
    ///
    /// # Shapes
    /// Each part: `[B * H, T', D / H]`; the result: `[B * T, P * D]`.
    ///
    /// # Errors
    /// As above.
    pub fn merge(self, body: Body, parts: &[&Tensor]) -> Result<Tensor> {
        let Self { n_clips, n_tokens, n_heads, dim } = self;
        let (n_parts, n_rows) = (parts.len(), n_clips * n_tokens);
        let Some(first) = parts.first().filter(|_| n_parts <= 3) else {
            bail!("merge_heads: expected one to three parts, got {n_parts}")
        };
        let (shape, dtype) = ((n_rows, n_parts * dim), first.dtype());
        match body {
            Body::Kernel => {
                let mut launch = Launch::of("heads", "merge_heads", dtype).grid(n_rows, 1, threads(n_parts * dim));
                for nth in 0..3 {
                    launch = launch.read_if(parts.get(nth).copied())?;
                }
                let launch = launch.int(n_tokens)?.int(self.padded())?.int(n_heads)?;
                let launch = launch.int(self.width())?.int(n_parts)?;
                let [out] = launch.run([(Shape::from(shape), dtype)])?;
                Ok(out)
            }
            Body::Twin => {
                let from: Vec<f32> = parts.iter().map(|part| values(part)).collect::<Result<Vec<_>>>()?.concat();
                let n_values = n_rows * n_parts * dim;
                tensor((0..n_values).map(|place| from[self.place(place, n_parts)]).collect(), shape, dtype)
            }
            Body::Operations => {
                let whole = (n_parts, n_clips, n_heads, self.padded(), self.width());
                let whole = Tensor::stack(parts, 0)?.reshape(whole)?.narrow(3, 0, n_tokens)?;
                whole.permute((1, 3, 0, 2, 4))?.contiguous()?.reshape(shape)
            }
        }
    }
}

/// Threads for a row of which each takes two values at a time.
fn threads(width: usize) -> usize {
    (width / 2).next_multiple_of(32).clamp(32, 256)
}

/// The softmax of each row times `factor`, in the type of `x`, of matrices of which the first rows and columns count; the
/// others become 0.
///
/// # Shapes
/// `x` and the result: `[n, T', T']`, of which `n_tokens` count.
///
/// # Errors
/// As above.
pub fn softmax_forward(body: Body, x: &Tensor, n_tokens: usize, factor: f32) -> Result<Tensor> {
    let ((_, padded, _), dtype) = (x.dims3()?, x.dtype());
    match body {
        Body::Kernel => {
            let n_rows = x.elem_count() / padded;
            let launch = Launch::of("heads", "softmax_forward", dtype).grid(n_rows.div_ceil(ROWS), 1, ROWS * 32);
            let launch = launch.read(x)?.int(n_rows)?.int(padded)?.int(n_tokens)?.float(factor);
            let [out] = launch.run([(x.shape().clone(), dtype)])?;
            Ok(out)
        }
        Body::Twin => {
            let mut out = values(x)?;
            for (nth, row) in out.chunks_exact_mut(padded).enumerate() {
                let (row, rest) = row.split_at_mut(if nth % padded < n_tokens { n_tokens } else { 0 });
                rest.fill(0.0);
                let largest = row.iter().fold(f32::NEG_INFINITY, |largest, x| largest.max(x * factor));
                row.iter_mut().for_each(|x| *x = (*x * factor - largest).exp());
                let sum: f32 = row.iter().sum();
                row.iter_mut().for_each(|x| *x /= sum);
            }
            tensor(out, x.shape(), dtype)
        }
        Body::Operations => {
            let x = x.narrow(1, 0, n_tokens)?.narrow(2, 0, n_tokens)?.contiguous()?;
            let x = (x.to_dtype(DType::F32)? * f64::from(factor))?;
            let powers = x.broadcast_sub(&x.max_keepdim(D::Minus1)?)?.exp()?;
            let shares = powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)?.to_dtype(dtype)?;
            shares.pad_with_zeros(1, 0, padded - n_tokens)?.pad_with_zeros(2, 0, padded - n_tokens)
        }
    }
}

/// The gradient of `x` from that of its softmax, and the softmax.
///
/// # Errors
/// As above.
pub fn softmax_backward(body: Body, gradient: &Tensor, result: &Tensor, factor: f32) -> Result<Tensor> {
    let (width, dtype) = (result.dim(D::Minus1)?, result.dtype());
    match body {
        Body::Kernel => {
            let n_rows = result.elem_count() / width;
            let launch = Launch::of("heads", "softmax_backward", dtype).grid(n_rows.div_ceil(ROWS), 1, ROWS * 32);
            let launch = launch.read(gradient)?.read(result)?.int(n_rows)?.int(width)?.float(factor);
            let [out] = launch.run([(result.shape().clone(), dtype)])?;
            Ok(out)
        }
        Body::Twin => {
            let (mut out, result) = (values(gradient)?, values(result)?);
            for (row, result) in out.chunks_exact_mut(width).zip(result.chunks_exact(width)) {
                let sum: f32 = row.iter().zip(result).map(|(gradient, result)| gradient * result).sum();
                row.iter_mut().zip(result).for_each(|(x, result)| *x = result * (*x - sum) * factor);
            }
            tensor(out, gradient.shape(), dtype)
        }
        Body::Operations => {
            let (gradient, result) = (gradient.to_dtype(DType::F32)?, result.to_dtype(DType::F32)?);
            let sum = (&gradient * &result)?.sum_keepdim(D::Minus1)?;
            ((result * gradient.broadcast_sub(&sum)?)? * f64::from(factor))?.to_dtype(dtype)
        }
    }
}
