//! Layer norm over the last dimension (J. Ba, J. Kiros and G. Hinton, "Layer Normalization", 2016): rows forward and back,
//! and as an operation of candle.

use crate::dispatch::Work;
use crate::fused::{slice, with_slice};
use crate::on_device::{self, Body};
use crate::simd::Simd;
use crate::stored::{Stored, load_first, store_first};
use crate::table::Table;
use crate::{Compute, Error};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// Factor and summand of a norm, `[D]` each, and what is added to the variance.
#[derive(Clone, Copy)]
pub(crate) struct Norm<'a> {
    pub(crate) scale: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) epsilon: f32,
}

/// Mean of a row, and one over its standard deviation.
#[inline(always)]
unsafe fn statistics<S: Simd>(x: &[f32], epsilon: f32) -> (f32, f32) {
    let n_whole = x.len() - x.len() % S::LANES;
    // SAFETY: whole vectors before `n_whole`; the processor has the instructions.
    unsafe {
        let mut sum = S::splat(0.0);
        for at in (0..n_whole).step_by(S::LANES) {
            sum = S::add(sum, S::load(x.as_ptr().add(at)));
        }
        let mean = (S::sum(sum) + x[n_whole..].iter().sum::<f32>()) / x.len() as f32;
        let mut squares = S::splat(0.0);
        for at in (0..n_whole).step_by(S::LANES) {
            let off = S::sub(S::load(x.as_ptr().add(at)), S::splat(mean));
            squares = S::multiply_add(off, off, squares);
        }
        let rest: f32 = x[n_whole..].iter().map(|x| (x - mean) * (x - mean)).sum();
        (mean, 1.0 / ((S::sum(squares) + rest) / x.len() as f32 + epsilon).sqrt())
    }
}

/// Rows to normalized rows.
pub(crate) struct Normalize<'a, V> {
    pub(crate) norm: Norm<'a>,
    /// `[n, D]`
    pub(crate) x: &'a [f32],
    /// `[n, D]`
    pub(crate) out: &'a mut [V],
}

impl<V: Stored> Work for Normalize<'_, V> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let dim = self.norm.scale.len();
        for (x, out) in self.x.chunks_exact(dim).zip(self.out.chunks_exact_mut(dim)) {
            // SAFETY: the processor has the instructions; `n` values from `at` on are inside of all of `[D]`.
            unsafe {
                let (mean, inverse) = statistics::<S>(x, self.norm.epsilon);
                for at in (0..dim).step_by(S::LANES) {
                    let n = S::LANES.min(dim - at);
                    let of = |values: &[f32]| load_first::<S, f32>(values.as_ptr().add(at), n);
                    let normal = S::mul(S::sub(of(x), S::splat(mean)), S::splat(inverse));
                    let value = S::multiply_add(normal, of(self.norm.scale), of(self.norm.shift));
                    store_first::<S, V>(out.as_mut_ptr().add(at), value, n);
                }
            }
        }
    }
}

/// The gradient of rows from that of normalized rows.
pub(crate) struct Back<'a> {
    pub(crate) norm: Norm<'a>,
    /// What was normalized, `[n, D]`.
    pub(crate) x: &'a [f32],
    /// The gradient of what it became, `[n, D]`.
    pub(crate) gradient: &'a [f32],
    /// What the gradient of `x` is added to, `[n, D]`.
    pub(crate) to: &'a mut [f32],
    /// What the gradients of scale and shift are added to, `[2, D]`.
    pub(crate) sums: &'a mut [f32],
}

impl Work for Back<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let dim = self.norm.scale.len();
        let (of_scale, of_shift) = self.sums.split_at_mut(dim);
        let rows = self.x.chunks_exact(dim).zip(self.gradient.chunks_exact(dim)).zip(self.to.chunks_exact_mut(dim));
        for ((x, gradient), to) in rows {
            // SAFETY: as in `Normalize`.
            unsafe {
                let (mean, inverse) = statistics::<S>(x, self.norm.epsilon);
                let of = |values: &[f32], at, n| load_first::<S, f32>(values.as_ptr().add(at), n);
                let normal = |at, n| S::mul(S::sub(of(x, at, n), S::splat(mean)), S::splat(inverse));
                // Sums of the gradient times scale, and of that times the normal value. Values after the end are
                // zero: its scale is.
                let (mut sum, mut product) = (S::splat(0.0), S::splat(0.0));
                for at in (0..dim).step_by(S::LANES) {
                    let n = S::LANES.min(dim - at);
                    let (g, normal) = (of(gradient, at, n), normal(at, n));
                    let scaled = S::mul(g, of(self.norm.scale, at, n));
                    sum = S::add(sum, scaled);
                    product = S::multiply_add(scaled, normal, product);
                    let add = |to: &mut [f32], value| {
                        let to = to.as_mut_ptr().add(at);
                        store_first::<S, f32>(to, S::add(load_first::<S, f32>(to, n), value), n);
                    };
                    add(of_scale, S::mul(g, normal));
                    add(of_shift, g);
                }
                let (sum, product) = (S::sum(sum) / dim as f32, S::sum(product) / dim as f32);
                for at in (0..dim).step_by(S::LANES) {
                    let n = S::LANES.min(dim - at);
                    let scaled = S::mul(of(gradient, at, n), of(self.norm.scale, at, n));
                    let off = S::multiply_add(normal(at, n), S::splat(-product), S::sub(scaled, S::splat(sum)));
                    let to = to.as_mut_ptr().add(at);
                    let sum = S::multiply_add(off, S::splat(inverse), load_first::<S, f32>(to, n));
                    store_first::<S, f32>(to, sum, n);
                }
            }
        }
    }
}

/// Rows that a thread takes at a time.
const ROWS: usize = 64;

/// Layer norm over the last dimension.
///
/// # Shapes
/// `x`: `[..., D]`; `scale`, `shift`: `[D]`; the result: that of `x`.
///
/// # Errors
/// Shapes that do not fit, or an operation that the device refuses.
pub fn layer_norm(x: &Tensor, scale: &Tensor, shift: &Tensor, epsilon: f32) -> std::result::Result<Tensor, Error> {
    let dim = x.dims().last().copied().unwrap_or(0);
    for (what, vector) in [("scale", scale), ("shift", shift)] {
        if vector.dims() != [dim] || dim == 0 {
            let (expected, got) = (format!("[{dim}], not empty"), format!("{:?}", vector.dims()));
            return Err(Error::Shape { operation: "layer_norm", what, expected, got });
        }
    }
    if !x.device().is_cpu() {
        return on_device::layer_norm(Body::of(x.device()), x, [scale, shift], epsilon);
    }
    let operation = LayerNorm { epsilon, table: Table::of(Compute::current().path) };
    Ok(x.contiguous()?.apply_op3(&scale.contiguous()?, &shift.contiguous()?, operation)?)
}

struct LayerNorm {
    epsilon: f32,
    table: &'static Table,
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        of_x: &Layout,
        scale: &CpuStorage,
        of_scale: &Layout,
        shift: &CpuStorage,
        of_shift: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let norm = Norm { scale: slice(scale, of_scale)?, shift: slice(shift, of_shift)?, epsilon: self.epsilon };
        let x = slice(x, of_x)?;
        let mut out = vec![0f32; x.len()];
        let rows = ROWS * norm.scale.len();
        out.par_chunks_mut(rows).zip(x.par_chunks(rows)).for_each(|(out, x)| {
            self.table.run(Normalize { norm, x, out });
        });
        Ok((CpuStorage::F32(out), of_x.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (of_x, sums) = with_slice(x, |x| {
            with_slice(scale, |scale| {
                with_slice(shift, |shift| {
                    with_slice(gradient, |gradient| {
                        let norm = Norm { scale, shift, epsilon: self.epsilon };
                        let mut of_x = vec![0f32; x.len()];
                        let sums = back(self.table, norm, x, gradient, &mut of_x);
                        Ok((of_x, sums))
                    })
                })
            })
        })?;
        let dim = scale.elem_count();
        let vector = |values: &[f32]| Tensor::from_slice(values, dim, x.device());
        Ok((
            Some(Tensor::from_vec(of_x, x.shape(), x.device())?),
            Some(vector(&sums[..dim])?),
            Some(vector(&sums[dim..])?),
        ))
    }
}

/// Adds the gradient of `x` to what `to` holds, and gives those of scale and shift, `[2, D]`.
fn back(table: &Table, norm: Norm<'_>, x: &[f32], gradient: &[f32], to: &mut [f32]) -> Vec<f32> {
    let dim = norm.scale.len();
    let rows = ROWS * dim;
    let sums: Vec<Vec<f32>> = to
        .par_chunks_mut(rows)
        .zip(x.par_chunks(rows))
        .zip(gradient.par_chunks(rows))
        .map(|((to, x), gradient)| {
            let mut sums = vec![0f32; 2 * dim];
            table.run(Back { norm, x, gradient, to, sums: &mut sums });
            sums
        })
        .collect();
    total(sums.iter().map(Vec::as_slice), 2 * dim)
}

/// The sum of vectors of `len` values, in their order.
pub(crate) fn total<'a>(parts: impl Iterator<Item = &'a [f32]>, len: usize) -> Vec<f32> {
    let mut total = vec![0f64; len];
    for part in parts {
        for (total, value) in total.iter_mut().zip(part) {
            *total += f64::from(*value);
        }
    }
    total.into_iter().map(|value| value as f32).collect()
}
