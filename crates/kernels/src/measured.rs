//! Which precision of products is faster on this machine: by a measurement, since instructions alone do not tell. Processors with
//! AVX-512 BF16 and without AMX have some that multiply bf16 at twice the rate of `f32`, and some at the same.

use crate::panels::{Panels, Rows, Side};
use crate::products::{Factor, chunk_rows, multiply};
use crate::stored::Bf16;
use crate::table::Table;
use crate::{
    Compute, DirectGradients, Error, LinearWeights, Path, Precision, TransformerForm, TransformerWeights,
    transformer_layer, with,
};
use candle_core::{Device, Tensor, Var};
use rayon::prelude::*;
use std::time::Instant;

/// Clips, tokens and width of the layer that is measured: that of the small Vision Transformer, with as many rows as take a few
/// milliseconds.
const SIZE: [usize; 3] = [2, 64, 384];

/// Width of a head.
const HEAD: usize = 64;

/// How often each precision is measured, in turn; the fastest counts, which other work on the machine disturbs least.
const TURNS: usize = 5;

/// By how much bf16 has to be faster: what it costs in precision has to be worth it, and two machines of a kind should agree.
const WORTH: f64 = 1.1;

/// Seconds that a layer of a transformer takes, forward and backward, by the precision of its products.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// In [`Precision::F32`].
    pub f32_s: f64,
    /// In [`Precision::Bf16`].
    pub bf16_s: f64,
}

impl Measured {
    /// Measures with all threads; takes some tens of milliseconds.
    ///
    /// # Errors
    /// Memory that is lacking; no other is expected.
    pub fn of(path: Path) -> Result<Self, Error> {
        let layer = Layer::new()?;
        let mut best = [f64::INFINITY; 2];
        for turn in 0..=TURNS {
            for (precision, best) in Precision::ALL.into_iter().zip(&mut best) {
                let began = Instant::now();
                with(Compute { path, precision }, || layer.step())?;
                // The first turn finds memory that is not mapped yet.
                if turn > 0 {
                    *best = best.min(began.elapsed().as_secs_f64());
                }
            }
        }
        let [f32_s, bf16_s] = best;
        tracing::debug!(f32_s, bf16_s, "precision measured");
        Ok(Self { f32_s, bf16_s })
    }

    /// The precision that is worth taking.
    pub fn precision(&self) -> Precision {
        if self.bf16_s * WORTH < self.f32_s { Precision::Bf16 } else { Precision::F32 }
    }
}

/// A layer all of whose weights are trained.
struct Layer {
    tokens: Tensor,
    weights: TransformerWeights,
    form: TransformerForm,
}

impl Layer {
    fn new() -> Result<Self, Error> {
        let [_, _, dim] = SIZE;
        let device = Device::Cpu;
        let values = |dims: &[usize], scale: f32| -> candle_core::Result<Tensor> {
            let n = dims.iter().product::<usize>();
            let values = (0..n).map(|i| scale * ((i * 7919 % 2003) as f32 / 1001.5 - 1.0)).collect::<Vec<_>>();
            Tensor::from_vec(values, dims, &device)
        };
        let trained = |dims: &[usize], scale| Ok::<_, Error>(Var::from_tensor(&values(dims, scale)?)?.into_inner());
        let linear = |n_out: usize, n_in: usize| {
            Ok::<_, Error>(LinearWeights {
                weight: trained(&[n_out, n_in], 0.05)?,
                bias: trained(&[n_out], 0.05)?,
                adapter: None,
            })
        };
        let norm = || Ok::<_, Error>([trained(&[dim], 1.0)?, trained(&[dim], 0.1)?]);
        let weights = TransformerWeights {
            norm1: norm()?,
            qkv: linear(3 * dim, dim)?,
            out: linear(dim, dim)?,
            scale1: None,
            norm2: norm()?,
            up: linear(4 * dim, dim)?,
            down: linear(dim, 4 * dim)?,
            scale2: None,
        };
        let form = TransformerForm { n_heads: dim / HEAD, epsilon: 1e-6, keep: None };
        Ok(Self { tokens: values(&SIZE, 1.0)?, weights, form })
    }

    fn step(&self) -> Result<(), Error> {
        let gradients = DirectGradients::default();
        let out = transformer_layer(&self.tokens, &self.weights, &self.form, Some(&gradients))?;
        gradients.backward(&out.sum_all()?)?;
        Ok(())
    }
}

/// Billions of operations a second that a product of large matrices reaches with all threads, its right operand packed
/// already: what everything else is measured by. A multiplication and an addition are two.
pub fn product_peak(compute: Compute) -> f64 {
    match compute.precision {
        Precision::F32 => peak::<f32>(compute.path),
        Precision::Bf16 => peak::<Bf16>(compute.path),
    }
}

fn peak<V: Factor>(path: Path) -> f64 {
    /// Rows, steps of k and columns.
    const SIZE: [usize; 3] = [4096, 1024, 1024];
    let (table, [m, k, n]) = (Table::of(path), SIZE);
    let values = |n: usize| (0..n).map(|i| V::of((i * 7919 % 2003) as f32 / 1001.5 - 1.0)).collect::<Vec<_>>();
    let (a, b) = (values(m * k), values(k * n));
    let panels = Panels::<V>::new(table, Rows::new(&b, n), Side::Depth, None);
    let mut c = vec![0f32; m * n];
    let mut best = f64::INFINITY;
    for _ in 0..TURNS {
        let began = Instant::now();
        let beside = c.par_chunks_mut(chunk_rows(n) * n);
        multiply(table, Rows::new(&a, k), &panels, beside, |_, rows, c| c.copy_from_slice(rows));
        best = best.min(began.elapsed().as_secs_f64());
    }
    2e-9 * (m * k * n) as f64 / best
}

/// The name of the processor, as it says it itself; empty where it does not.
pub fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::__cpuid;
        /// Highest function of the extended range, and the three that hold the name.
        const EXTENDED: u32 = 0x8000_0000;
        if __cpuid(EXTENDED).eax < EXTENDED + 4 {
            return String::new();
        }
        let words = (EXTENDED + 2..=EXTENDED + 4).map(__cpuid).flat_map(|r| [r.eax, r.ebx, r.ecx, r.edx]);
        let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).take_while(|&byte| byte != 0).collect();
        // Three words of 16 bytes may leave room between the parts of a name.
        String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" ")
    }
    #[cfg(not(target_arch = "x86_64"))]
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worth_it_is_taken() {
        let of = |f32_s, bf16_s| Measured { f32_s, bf16_s }.precision();
        assert_eq!(of(2.0, 1.0), Precision::Bf16);
        assert_eq!(of(1.0, 0.95), Precision::F32);
        assert_eq!(of(1.0, 2.0), Precision::F32);
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes too long")]
    fn both_are_measured() {
        let measured = Measured::of(Path::detect()).unwrap();
        assert!(measured.f32_s > 0.0 && measured.f32_s < 60.0, "{measured:?}");
        assert!(measured.bf16_s > 0.0 && measured.bf16_s < 60.0, "{measured:?}");
        let name = processor();
        assert!(!cfg!(target_arch = "x86_64") || (!name.is_empty() && name.trim() == name), "{name:?}");
    }
}
