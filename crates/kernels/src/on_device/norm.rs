//! Layer norm, alone and with the addition before it.

use super::columns::{Ending, add_up, column_sums};
use super::values::{chunk_rows, pairs, tensor, values};
use super::{Body, Launch};
use candle_core::{D, DType, Result, Shape, Tensor};

/// Rows of a block: a warp each.
pub(super) const ROWS: usize = 8;

/// A layer norm: scale and shift, `[dim]` of f32 each, and what is added to the variance.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// What normalized values are multiplied with.
    pub scale: &'a Tensor,
    /// What is then added.
    pub shift: &'a Tensor,
    /// What is added to the variance.
    pub epsilon: f32,
}

/// What a norm's backward pass needs of each row.
#[derive(Debug, Clone)]
pub struct Moments {
    /// The mean of each row, `[n]`.
    pub mean: Tensor,
    /// One over the root of its variance plus epsilon, `[n]`.
    pub inverse: Tensor,
}

impl<'a> Norm<'a> {
    /// The norm of a pair of tensors.
    pub fn new([scale, shift]: &'a [Tensor; 2], epsilon: f32) -> Self {
        Self { scale, shift, epsilon }
    }

    /// The norm of rows in the type that is asked for, and their moments.
    ///
    /// # Shapes
    /// `x`: `[n, dim]`, f32; so is the result.
    ///
    /// # Errors
    /// Shapes that do not fit, or a device that fails.
    pub fn forward(self, body: Body, x: &Tensor, to: DType) -> Result<(Tensor, Moments)> {
        let (n_rows, dim) = x.dims2()?;
        let Self { scale, shift, epsilon } = self;
        let vector = || (Shape::from(n_rows), DType::F32);
        let [rows, mean, inverse] = match body {
            Body::Kernel => Launch::of("norm", "norm_forward", to)
                .grid(n_rows.div_ceil(ROWS), 1, ROWS * 32)
                .read(x)?
                .read(scale)?
                .read(shift)?
                .int(n_rows)?
                .int(dim)?
                .float(epsilon)
                .run([(x.shape().clone(), to), vector(), vector()])?,
            Body::Twin => {
                let (scale, shift) = (values(scale)?, values(shift)?);
                let (mut rows, mut means, mut inverses) = (Vec::new(), Vec::new(), Vec::new());
                for row in values(x)?.chunks_exact(dim) {
                    let mean = row.iter().sum::<f32>() / dim as f32;
                    let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / dim as f32;
                    let inverse = 1.0 / (variance + epsilon).sqrt();
                    rows.extend((0..dim).map(|at| (row[at] - mean) * inverse * scale[at] + shift[at]));
                    means.push(mean);
                    inverses.push(inverse);
                }
                let vector = |values| tensor(values, n_rows, DType::F32);
                [tensor(rows, (n_rows, dim), to)?, vector(means)?, vector(inverses)?]
            }
            Body::Operations => {
                let mean = x.mean_keepdim(D::Minus1)?;
                let centered = x.broadcast_sub(&mean)?;
                let variance = centered.sqr()?.mean_keepdim(D::Minus1)?;
                let inverse = (variance + f64::from(epsilon))?.sqrt()?.recip()?;
                let rows = centered.broadcast_mul(&inverse)?.broadcast_mul(scale)?.broadcast_add(shift)?;
                [rows.to_dtype(to)?, mean.squeeze(1)?, inverse.squeeze(1)?]
            }
        };
        Ok((rows, Moments { mean, inverse }))
    }

    /// The end of a half of a layer, `[n, dim]`, f32; its norm in the type of the product; and its moments.
    ///
    /// # Errors
    /// As above.
    pub fn of_ending(self, body: Body, ending: &Ending<'_>) -> Result<(Tensor, Tensor, Moments)> {
        let to = ending.product.dtype();
        if body != Body::Kernel {
            let middle = add_up(body, ending)?;
            let (rows, moments) = self.forward(body, &middle, to)?;
            return Ok((middle, rows, moments));
        }
        let (n_rows, dim) = ending.product.dims2()?;
        let (rows, vector) = (ending.product.shape(), || (Shape::from(n_rows), DType::F32));
        let [middle, rows, mean, inverse] = Launch::of("norm", "add_norm", to)
            .grid(n_rows.div_ceil(ROWS), 1, ROWS * 32)
            .read(ending.product)?
            .read(ending.bias)?
            .read_if(ending.factor)?
            .read_if(ending.keep)?
            .read(ending.before)?
            .read(self.scale)?
            .read(self.shift)?
            .int(n_rows)?
            .int(dim)?
            .int(ending.rows_per_clip)?
            .float(self.epsilon)
            .run([(rows.clone(), DType::F32), (rows.clone(), to), vector(), vector()])?;
        Ok((middle, rows, Moments { mean, inverse }))
    }

    /// The gradient of what was normalized, added to `beside`, from that of the norm.
    ///
    /// # Shapes
    /// `gradient`: `[n, dim]`, in either type; `x`, `beside` and the result: `[n, dim]`, f32.
    ///
    /// # Errors
    /// As above.
    pub fn backward(
        self,
        body: Body,
        gradient: &Tensor,
        x: &Tensor,
        moments: &Moments,
        beside: &Tensor,
    ) -> Result<Tensor> {
        let (n_rows, dim) = x.dims2()?;
        let Moments { mean, inverse } = moments;
        match body {
            Body::Kernel => {
                let [to] = Launch::of("norm", "norm_backward", gradient.dtype())
                    .grid(n_rows.div_ceil(ROWS), 1, ROWS * 32)
                    .read(gradient)?
                    .read(x)?
                    .read(mean)?
                    .read(inverse)?
                    .read(self.scale)?
                    .read(beside)?
                    .int(n_rows)?
                    .int(dim)?
                    .run([(x.shape().clone(), DType::F32)])?;
                Ok(to)
            }
            Body::Twin => {
                let (x, gradient, scale) = (values(x)?, values(gradient)?, values(self.scale)?);
                let (mean, inverse, mut to) = (values(mean)?, values(inverse)?, values(beside)?);
                for row in 0..n_rows {
                    let at = |column: usize| row * dim + column;
                    let normal = |column: usize| (x[at(column)] - mean[row]) * inverse[row];
                    let back = |column: usize| gradient[at(column)] * scale[column];
                    let sum = (0..dim).map(back).sum::<f32>() / dim as f32;
                    let along = (0..dim).map(|column| back(column) * normal(column)).sum::<f32>() / dim as f32;
                    for column in 0..dim {
                        to[at(column)] += inverse[row] * (back(column) - sum - normal(column) * along);
                    }
                }
                tensor(to, (n_rows, dim), DType::F32)
            }
            Body::Operations => {
                let normalized = normalized(x, moments)?;
                let back = gradient.to_dtype(DType::F32)?.broadcast_mul(self.scale)?;
                let sum = back.mean_keepdim(D::Minus1)?;
                let along = (&back * &normalized)?.mean_keepdim(D::Minus1)?;
                let inside = (back.broadcast_sub(&sum)? - normalized.broadcast_mul(&along)?)?;
                beside + inside.broadcast_mul(&inverse.unsqueeze(1)?)?
            }
        }
    }

    /// The gradients of scale and shift, `[dim]` each, from that of the norm.
    ///
    /// # Errors
    /// As above.
    pub fn gradients(body: Body, gradient: &Tensor, x: &Tensor, moments: &Moments) -> Result<[Tensor; 2]> {
        let (n_rows, dim) = x.dims2()?;
        let both = match body {
            Body::Kernel => {
                let chunk = chunk_rows(n_rows);
                let n_chunks = n_rows.div_ceil(chunk);
                let [sums] = Launch::of("norm", "norm_sums", gradient.dtype())
                    .grid(pairs(dim).0, n_chunks, pairs(dim).1)
                    .read(gradient)?
                    .read(x)?
                    .read(&moments.mean)?
                    .read(&moments.inverse)?
                    .int(n_rows)?
                    .int(dim)?
                    .int(chunk)?
                    .run([(Shape::from((n_chunks, 2 * dim)), DType::F32)])?;
                column_sums(body, &sums)?
            }
            Body::Twin => {
                let (x, gradient) = (values(x)?, values(gradient)?);
                let (mean, inverse) = (values(&moments.mean)?, values(&moments.inverse)?);
                let mut sums = vec![0.0; 2 * dim];
                for (place, (x, gradient)) in x.iter().zip(&gradient).enumerate() {
                    let (row, column) = (place / dim, place % dim);
                    sums[column] += gradient * (x - mean[row]) * inverse[row];
                    sums[dim + column] += gradient;
                }
                tensor(sums, 2 * dim, DType::F32)?
            }
            Body::Operations => {
                let gradient = gradient.to_dtype(DType::F32)?;
                let of_scale = (&gradient * normalized(x, moments)?)?.sum(0)?;
                return Ok([of_scale, gradient.sum(0)?]);
            }
        };
        Ok([both.narrow(0, 0, dim)?, both.narrow(0, dim, dim)?])
    }
}

/// Rows of mean 0 and variance 1.
fn normalized(x: &Tensor, moments: &Moments) -> Result<Tensor> {
    x.broadcast_sub(&moments.mean.unsqueeze(1)?)?.broadcast_mul(&moments.inverse.unsqueeze(1)?)
}
