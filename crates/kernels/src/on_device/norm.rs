//! Layer norm.

use super::values::{tensor, values};
use super::{Body, Launch};
use candle_core::{D, DType, Result, Shape, Tensor};

/// Rows of a block: a warp each.
const ROWS: usize = 8;

/// Rows after a layer norm, and what its backward pass needs.
#[derive(Debug, Clone)]
pub struct Normal {
    /// `[n, dim]`, in the type that was asked for.
    pub rows: Tensor,
    /// The mean of each row, `[n]`.
    pub mean: Tensor,
    /// One over the root of its variance plus epsilon, `[n]`.
    pub inverse: Tensor,
}

/// The layer norm of rows.
///
/// # Shapes
/// `x`: `[n, dim]`, f32; `scale`, `shift`: `[dim]`, f32.
///
/// # Errors
/// Shapes that do not fit, or a device that fails.
pub fn norm_forward(body: Body, x: &Tensor, [scale, shift]: [&Tensor; 2], epsilon: f32, to: DType) -> Result<Normal> {
    let (n_rows, dim) = x.dims2()?;
    let [rows, mean, inverse] = match body {
        Body::Kernel => Launch::of("norm", "norm_forward", to)
            .grid(n_rows.div_ceil(ROWS), 1, ROWS * 32)
            .read(x)?
            .read(scale)?
            .read(shift)?
            .int(n_rows)?
            .int(dim)?
            .float(epsilon)
            .run([(x.shape().clone(), to), (Shape::from(n_rows), DType::F32), (Shape::from(n_rows), DType::F32)])?,
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
            [
                tensor(rows, (n_rows, dim), to)?,
                tensor(means, n_rows, DType::F32)?,
                tensor(inverses, n_rows, DType::F32)?,
            ]
        }
        Body::Operations => {
            let mean = x.mean_keepdim(D::Minus1)?;
            let centered = x.broadcast_sub(&mean)?;
            let variance = centered.sqr()?.mean_keepdim(D::Minus1)?;
            let inverse = (variance + f64::from(epsilon))?.sqrt()?.recip()?;
            let rows = centered.broadcast_mul(&inverse)?.broadcast_mul(scale)?.broadcast_add(shift)?.to_dtype(to)?;
            [rows, mean.squeeze(1)?, inverse.squeeze(1)?]
        }
    };
    Ok(Normal { rows, mean, inverse })
}
