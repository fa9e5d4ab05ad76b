//! What is done to each value of rows by its column, and sums of columns.

use super::values::{chunk_rows, pairs, tensor, values, values_if};
use super::{Body, Launch};
use candle_core::{DType, Result, Shape, Storage, Tensor, bail};

/// What ends a half of a layer: `before + (product + bias) * factor * keep`.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// `[n, width]`, f32 or bf16.
    pub product: &'a Tensor,
    /// `[width]`
    pub bias: &'a Tensor,
    /// `[width]`
    pub factor: Option<&'a Tensor>,
    /// `[n / rows_per_clip]`
    pub keep: Option<&'a Tensor>,
    /// `[n, width]`, f32.
    pub before: &'a Tensor,
    /// Rows that have one `keep`.
    pub rows_per_clip: usize,
}

/// A launch of a kernel whose threads have two columns and a chunk of rows each.
fn down_columns(name: &'static str, value: DType, n_rows: usize, width: usize) -> Launch<'static> {
    let (across, threads) = pairs(width);
    Launch::of("columns", name, value).grid(across, n_rows.div_ceil(chunk_rows(n_rows)), threads)
}

/// GELU of `x + bias`, in the type of `x`.
///
/// # Shapes
/// `x` and the result: `[n, width]`; `bias`: `[width]`.
///
/// # Errors
/// Shapes that do not fit, or a device that fails.
pub fn gelu_forward(body: Body, x: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let ((n_rows, width), dtype) = (x.dims2()?, x.dtype());
    match body {
        Body::Kernel => {
            let launch = down_columns("gelu_forward", dtype, n_rows, width).read(x)?.read(bias)?;
            let launch = launch.int(n_rows)?.int(width)?.int(chunk_rows(n_rows))?;
            let [out] = launch.run([(x.shape().clone(), dtype)])?;
            Ok(out)
        }
        Body::Twin => {
            let (bias, mut out) = (values(bias)?, values(x)?);
            for (place, value) in out.iter_mut().enumerate() {
                *value = gelu_and_slope(*value + bias[place % width])[0];
            }
            tensor(out, (n_rows, width), dtype)
        }
        Body::Operations => x.to_dtype(DType::F32)?.broadcast_add(bias)?.gelu_erf()?.to_dtype(dtype),
    }
}

/// From the gradient of [`gelu_forward`]'s result: that of `x`, the result once more, both in the type of `x`, and the
/// gradient of the bias, f32.
///
/// # Errors
/// As above.
pub fn gelu_backward(body: Body, gradient: &Tensor, x: &Tensor, bias: &Tensor) -> Result<[Tensor; 3]> {
    let ((n_rows, width), dtype) = (x.dims2()?, x.dtype());
    match body {
        Body::Kernel => {
            let chunk = chunk_rows(n_rows);
            let launch = down_columns("gelu_backward", dtype, n_rows, width).read(gradient)?.read(x)?.read(bias)?;
            let launch = launch.int(n_rows)?.int(width)?.int(chunk)?;
            let sums = Shape::from((n_rows.div_ceil(chunk), width));
            let of_rows = || (x.shape().clone(), dtype);
            let [to, again, sums] = launch.run([of_rows(), of_rows(), (sums, DType::F32)])?;
            Ok([to, again, column_sums(body, &sums)?])
        }
        Body::Twin => {
            let (gradient, x, bias) = (values(gradient)?, values(x)?, values(bias)?);
            let (mut to, mut again, mut sums) = (Vec::new(), Vec::new(), vec![0.0; width]);
            for (place, (gradient, x)) in gradient.iter().zip(&x).enumerate() {
                let [value, slope] = gelu_and_slope(x + bias[place % width]);
                to.push(gradient * slope);
                again.push(value);
                sums[place % width] += gradient * slope;
            }
            let rows = |values| tensor(values, (n_rows, width), dtype);
            Ok([rows(to)?, rows(again)?, tensor(sums, width, DType::F32)?])
        }
        Body::Operations => {
            let x = x.to_dtype(DType::F32)?.broadcast_add(bias)?;
            let share = ((&x * std::f64::consts::FRAC_1_SQRT_2)?.erf()? * 0.5)?;
            let share = (share + 0.5)?;
            let density = ((x.sqr()? * -0.5)?.exp()? * (1.0 / (2.0 * std::f64::consts::PI).sqrt()))?;
            let to = (gradient.to_dtype(DType::F32)? * (&share + (&x * density)?)?)?;
            Ok([to.to_dtype(dtype)?, (x * share)?.to_dtype(dtype)?, to.sum(0)?])
        }
    }
}

/// GELU and its slope, for twins.
fn gelu_and_slope(x: f32) -> [f32; 2] {
    let x = f64::from(x);
    let share = 0.5 * (1.0 + candle_core::cpu::erf::erf_f64(x * std::f64::consts::FRAC_1_SQRT_2));
    let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    [(x * share) as f32, (share + x * density) as f32]
}

/// The end of a half, f32.
///
/// # Errors
/// As above.
pub fn add_up(body: Body, ending: &Ending<'_>) -> Result<Tensor> {
    let shape = ending.product.shape().clone();
    Ok(super::launch::wrapped(add_up_storage(body, ending)?, shape))
}

/// The same as what a custom operation of candle has to give.
pub(crate) fn add_up_storage(body: Body, ending: &Ending<'_>) -> Result<Storage> {
    let Ending { product, bias, factor, keep, before, rows_per_clip } = *ending;
    let (n_rows, width) = product.dims2()?;
    let out = match body {
        Body::Kernel => {
            let launch = down_columns("add_up", product.dtype(), n_rows, width).read(product)?.read(bias)?;
            let launch = launch.read_if(factor)?.read_if(keep)?.read(before)?;
            let launch = launch.int(n_rows)?.int(width)?.int(chunk_rows(n_rows))?.int(rows_per_clip)?;
            let [out] = launch.storages([(product.shape().clone(), DType::F32)])?;
            return Ok(out);
        }
        Body::Twin => {
            let (product, bias, mut out) = (values(product)?, values(bias)?, values(before)?);
            let (factor, keep) = (values_if(factor)?, values_if(keep)?);
            for (place, value) in out.iter_mut().enumerate() {
                let (row, column) = (place / width, place % width);
                let keep = keep.as_ref().map_or(1.0, |keep| keep[row / rows_per_clip]);
                let factor = factor.as_ref().map_or(1.0, |factor| factor[column]);
                *value += (product[place] + bias[column]) * factor * keep;
            }
            tensor(out, (n_rows, width), DType::F32)?
        }
        Body::Operations => {
            let mut half = product.to_dtype(DType::F32)?.broadcast_add(bias)?;
            if let Some(factor) = factor {
                half = half.broadcast_mul(factor)?;
            }
            (before + kept(&half, keep, rows_per_clip)?)?
        }
    };
    super::launch::storage_of(&out)
}

/// Rows times the factors of their clips.
fn kept(rows: &Tensor, keep: Option<&Tensor>, rows_per_clip: usize) -> Result<Tensor> {
    let Some(keep) = keep else { return Ok(rows.clone()) };
    let (n_rows, width) = rows.dims2()?;
    let by_clip = rows.reshape((n_rows / rows_per_clip, rows_per_clip * width))?;
    by_clip.broadcast_mul(&keep.unsqueeze(1)?)?.reshape((n_rows, width))
}

/// From the gradient of the end of a half, f32: that of `product + bias`, in `to`, its column sums, and the gradient of the
/// factor, which is 0 without a product.
///
/// # Errors
/// As above.
pub fn add_up_backward(
    body: Body,
    gradient: &Tensor,
    product: Option<&Tensor>,
    ending: &Scaled<'_>,
    to: DType,
) -> Result<[Tensor; 3]> {
    let (n_rows, width) = gradient.dims2()?;
    let Scaled { bias, factor, keep, rows_per_clip } = *ending;
    if product.is_some_and(|product| product.dtype() != to) {
        bail!("add_up_backward: a product of another type than {to:?}");
    }
    match body {
        Body::Kernel => {
            let chunk = chunk_rows(n_rows);
            let launch = down_columns("add_up_backward", to, n_rows, width).read(gradient)?.read_if(product)?;
            let launch = launch.read(bias)?.read_if(factor)?.read_if(keep)?;
            let launch = launch.int(n_rows)?.int(width)?.int(chunk)?.int(rows_per_clip)?;
            let sums = Shape::from((n_rows.div_ceil(chunk), 2 * width));
            let [to, sums] = launch.run([(gradient.shape().clone(), to), (sums, DType::F32)])?;
            let sums = column_sums(body, &sums)?;
            Ok([to, sums.narrow(0, 0, width)?, sums.narrow(0, width, width)?])
        }
        Body::Twin => {
            let (gradient, bias) = (values(gradient)?, values(bias)?);
            let (product, factor, keep) = (values_if(product)?, values_if(factor)?, values_if(keep)?);
            let (mut rows, mut sums, mut of_factor) = (Vec::new(), vec![0.0; width], vec![0.0; width]);
            for (place, gradient) in gradient.iter().enumerate() {
                let (row, column) = (place / width, place % width);
                let kept = gradient * keep.as_ref().map_or(1.0, |keep| keep[row / rows_per_clip]);
                let back = kept * factor.as_ref().map_or(1.0, |factor| factor[column]);
                rows.push(back);
                sums[column] += back;
                of_factor[column] += product.as_ref().map_or(0.0, |product| kept * (product[place] + bias[column]));
            }
            let vector = |values| tensor(values, width, DType::F32);
            Ok([tensor(rows, (n_rows, width), to)?, vector(sums)?, vector(of_factor)?])
        }
        Body::Operations => {
            let kept = kept(gradient, keep, rows_per_clip)?;
            let of_factor = match product {
                None => bias.zeros_like()?,
                Some(product) => (&kept * product.to_dtype(DType::F32)?.broadcast_add(bias)?)?.sum(0)?,
            };
            let rows = if let Some(factor) = factor { kept.broadcast_mul(factor)? } else { kept };
            Ok([rows.to_dtype(to)?, rows.sum(0)?, of_factor])
        }
    }
}

/// What a half is multiplied with before it is added: as in [`Ending`].
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "as in `Ending`")]
pub struct Scaled<'a> {
    pub bias: &'a Tensor,
    pub factor: Option<&'a Tensor>,
    pub keep: Option<&'a Tensor>,
    pub rows_per_clip: usize,
}

/// The sum of each column, f32.
///
/// # Shapes
/// `rows`: `[n, width]`; the result: `[width]`.
///
/// # Errors
/// As above.
pub fn column_sums(body: Body, rows: &Tensor) -> Result<Tensor> {
    let (n_rows, width) = rows.dims2()?;
    match body {
        Body::Kernel => {
            // In two stages where there are many: chunks, and their sums.
            let chunk = n_rows.div_ceil(64).next_multiple_of(32).max(512);
            let n_chunks = n_rows.div_ceil(chunk);
            let [sums] = Launch::of("columns", "column_sums", rows.dtype())
                .grid(width.div_ceil(32), n_chunks, 1024)
                .read(rows)?
                .int(n_rows)?
                .int(width)?
                .int(chunk)?
                .run([(Shape::from((n_chunks, width)), DType::F32)])?;
            if n_chunks == 1 { sums.squeeze(0) } else { column_sums(body, &sums) }
        }
        Body::Twin => {
            let mut sums = vec![0.0; width];
            for row in values(rows)?.chunks_exact(width) {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            tensor(sums, width, DType::F32)
        }
        Body::Operations => rows.to_dtype(DType::F32)?.sum(0),
    }
}
