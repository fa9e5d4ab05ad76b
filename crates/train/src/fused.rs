//! AdamW on the CPU: one pass over parameter, moments and gradient, in parallel, the same for any number of threads.

use candle_core::{CpuStorage, InplaceOp1, Layout, Storage, bail};
use rayon::prelude::*;
use std::cell::RefCell;

/// Values that one thread takes at a time: fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 1 << 14;

/// The scalars of one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scalars {
    /// Factor of the gradient for clipping.
    pub(crate) clip: f64,
    pub(crate) lr: f64,
    pub(crate) beta1: f64,
    pub(crate) beta2: f64,
    pub(crate) eps: f64,
    /// `1 - beta1^t`.
    pub(crate) correction1: f64,
    /// `1 - beta2^t`.
    pub(crate) correction2: f64,
}

/// The update of one parameter on the CPU, in place.
pub(crate) struct Fused<'a> {
    gradient: &'a [f32],
    moments: RefCell<(&'a mut Vec<f32>, &'a mut Vec<f32>)>,
    pass: Pass,
}

impl<'a> Fused<'a> {
    pub(crate) fn new(gradient: &'a [f32], first: &'a mut Vec<f32>, second: &'a mut Vec<f32>, pass: Pass) -> Self {
        Self { gradient, moments: RefCell::new((first, second)), pass }
    }
}

impl InplaceOp1 for Fused<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            bail!("adamw: expected a contiguous F32 parameter")
        };
        let parameter = &mut values[start..end];
        let (first, second) = &mut *self.moments.borrow_mut();
        let pass = self.pass;
        if parameter.len() <= CHUNK {
            pass.over(parameter, first, second, self.gradient);
        } else {
            let moments = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
            let parts = parameter.par_chunks_mut(CHUNK).zip(moments).zip(self.gradient.par_chunks(CHUNK));
            parts.for_each(|((p, (m, v)), g)| pass.over(p, m, v, g));
        }
        Ok(())
    }
}

/// The constants of one pass over a part of a parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass {
    pub(crate) decay: f64,
    pub(crate) scalars: Scalars,
}

impl Pass {
    fn over(self, parameter: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32]) {
        let s = self.scalars;
        let (clip, eps) = (s.clip as f32, s.eps as f32);
        let (beta1, rest1) = (s.beta1 as f32, (1.0 - s.beta1) as f32);
        let (beta2, rest2) = (s.beta2 as f32, (1.0 - s.beta2) as f32);
        let keep = (1.0 - s.lr * self.decay) as f32;
        let rate = (s.lr / s.correction1) as f32;
        let root_scale = (1.0 / s.correction2.sqrt()) as f32;
        for (((p, m), v), g) in parameter.iter_mut().zip(first).zip(second).zip(gradient) {
            let g = g * clip;
            *m = beta1 * *m + rest1 * g;
            *v = beta2 * *v + rest2 * (g * g);
            *p = keep * *p - rate * *m / (v.sqrt() * root_scale + eps);
        }
    }
}

/// The sum of the squares, the same for any number of threads.
pub(crate) fn sum_of_squares(values: &[f32]) -> f64 {
    let chunks: Vec<f64> = values.par_chunks(CHUNK).map(chunk_sum_of_squares).collect();
    chunks.iter().sum()
}

/// In eight lanes, so that the compiler can keep the sums in one register.
fn chunk_sum_of_squares(values: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let chunks = values.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().map(|v| f64::from(*v).powi(2)).sum();
    for chunk in chunks {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(*v) * f64::from(*v);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// The values of a contiguous tensor on the CPU.
pub(crate) fn host_slice<'a>(storage: &'a Storage, layout: &Layout) -> candle_core::Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(values)), Some((start, end))) => Ok(&values[start..end]),
        _ => bail!("adamw: expected a contiguous F32 gradient on the CPU"),
    }
}
