//! A layer as an operation of candle, for the CPU.

use super::Size;
use super::taps::{Depthwise, DepthwiseBack, TAPS, patches};
use crate::fused::{slice, with_slice};
use crate::layer_norm::total;
use crate::panels::{Panels, Rows, Side};
use crate::products::{Factor, chunk_rows, multiply, multiply_transposed};
use crate::scratch::{Buffer, Kept, zeroed};
use crate::table::Table;
use crate::transformer::{Held, column_sums};
use crate::{DirectGradients, Error, Path};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::OnceLock;

/// What becomes of a map before it is multiplied over channels.
pub(super) enum First {
    /// A convolution of each channel, bias and ReLU.
    Depthwise { weight: Tensor, bias: Tensor },
    /// What the kernel sees, all channels side by side.
    Patches,
}

pub(super) struct Operation<V: Kept> {
    size: Size,
    first: First,
    /// Weight and bias of the product over channels.
    last: [Tensor; 2],
    table: &'static Table,
    gradients: Option<DirectGradients>,
    /// What is multiplied over channels, `[B * H' * W', K]`.
    saved: OnceLock<Buffer<V>>,
}

/// Kernels by tap, `[9, C]`, and the bias.
struct Kernels {
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl<V: Factor> Operation<V> {
    pub(super) fn apply(
        map: &Tensor,
        size: Size,
        first: First,
        last: [Tensor; 2],
        path: Path,
        gradients: Option<&DirectGradients>,
    ) -> std::result::Result<Tensor, Error> {
        let table = Table::of(path);
        let operation = Self { size, first, last, table, gradients: gradients.cloned(), saved: OnceLock::new() };
        Ok(match gradients {
            Some(gradients) => map.apply_op2(gradients.anchor(map.device())?, operation)?,
            None => map.apply_op1_no_bwd(&operation)?,
        })
    }

    /// Values that a pixel is multiplied with, K, and rounded up to an even number, as pairs of bf16 need.
    fn depth(&self) -> [usize; 2] {
        let depth = match self.first {
            First::Depthwise { .. } => self.size.n_in,
            First::Patches => TAPS * self.size.n_in,
        };
        [depth, depth.next_multiple_of(2)]
    }

    fn kernels(&self) -> Result<Option<Kernels>> {
        let First::Depthwise { weight, bias } = &self.first else { return Ok(None) };
        let (held, n) = (Held::new(weight)?, self.size.n_in);
        let weights = (0..TAPS * n).map(|i| held.values()[i % n * TAPS + i / n]).collect();
        Ok(Some(Kernels { weights, bias: Held::new(bias)?.values().to_vec() }))
    }

    /// What some pixels of all clips' outputs are multiplied with, `[pixels, row]`.
    fn rows(&self, map: &[f32], kernels: Option<&Kernels>, pixels: Range<usize>, out: &mut [V]) {
        let (size, [_, row]) = (self.size, self.depth());
        let (of_map, of_out) = (size.height * size.width * size.n_in, size.out_height() * size.out_width());
        let (mut start, mut out) = (pixels.start, out);
        while start < pixels.end {
            let clip = start / of_out;
            let end = pixels.end.min((clip + 1) * of_out);
            let (of_clip, rest) = out.split_at_mut((end - start) * row);
            let map = &map[clip * of_map..(clip + 1) * of_map];
            let pixels = start - clip * of_out..end - clip * of_out;
            match kernels {
                Some(Kernels { weights, bias }) if row == size.n_in => {
                    self.table.run(Depthwise { size, map, weights, bias, pixels, out: of_clip });
                }
                Some(Kernels { weights, bias }) => {
                    let mut tight = Buffer::<V>::take(pixels.len() * size.n_in);
                    self.table.run(Depthwise { size, map, weights, bias, pixels, out: &mut tight });
                    of_clip.fill(V::default());
                    for (to, from) in of_clip.chunks_exact_mut(row).zip(tight.chunks_exact(size.n_in)) {
                        to[..size.n_in].copy_from_slice(from);
                    }
                }
                None => patches(&size, map, pixels, row, of_clip),
            }
            (start, out) = (end, rest);
        }
    }

    fn forward(&self, map: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let map = slice(map, layout)?;
        let (size, table, [depth, row]) = (self.size, self.table, self.depth());
        let n_pixels = size.n_pixels();
        let (weight, bias) = (Held::new(&self.last[0])?, Held::new(&self.last[1])?);
        let panels = Panels::<V>::new(table, Rows::new(weight.values(), depth), Side::Columns, None);
        let kernels = self.kernels()?;
        let chunk = chunk_rows(size.n_out);
        let mut out = Vec::with_capacity(n_pixels * size.n_out);
        let finish = |rows: &[V], out: &mut [f32]| {
            let n_rows = out.len() / size.n_out;
            V::multiply(table, Rows { values: rows, n_rows, n_columns: depth, step: row }, &panels, false, out);
            for out in out.chunks_exact_mut(size.n_out) {
                // A NaN stays one.
                out.iter_mut().zip(bias.values()).for_each(|(out, bias)| {
                    *out += bias;
                    *out = if *out <= 0.0 { 0.0 } else { *out };
                });
            }
        };
        let outs = out.spare_capacity_mut()[..n_pixels * size.n_out].par_chunks_mut(chunk * size.n_out);
        if self.gradients.is_some() {
            let mut saved = Buffer::<V>::take(n_pixels * row);
            outs.zip(saved.par_chunks_mut(chunk * row)).enumerate().for_each(|(nth, (out, rows))| {
                let pixels = nth * chunk..n_pixels.min((nth + 1) * chunk);
                self.rows(map, kernels.as_ref(), pixels, rows);
                finish(rows, zeroed(out));
            });
            if self.saved.set(saved).is_err() {
                candle_core::bail!("separable_layer: one operation was run forward twice");
            }
        } else {
            outs.enumerate().for_each(|(nth, out)| {
                let pixels = nth * chunk..n_pixels.min((nth + 1) * chunk);
                let mut rows = Buffer::<V>::take(pixels.len() * row);
                self.rows(map, kernels.as_ref(), pixels, &mut rows);
                finish(&rows, zeroed(out));
            });
        }
        // SAFETY: every chunk has been zeroed and then written, and the chunks are all pixels.
        unsafe { out.set_len(n_pixels * size.n_out) }
        Ok((CpuStorage::F32(out), Shape::from((size.n_clips, size.out_height(), size.out_width(), size.n_out))))
    }

    fn backward(&self, map: &[f32], out: &[f32], gradient: &[f32], is_wanted: bool) -> Result<Option<Vec<f32>>> {
        let (Some(saved), Some(to)) = (self.saved.get(), &self.gradients) else {
            candle_core::bail!("separable_layer: no backward pass without a place for the gradients of the weights");
        };
        let (size, table, [depth, row]) = (self.size, self.table, self.depth());
        let n_pixels = size.n_pixels();
        // Pairs of bf16 need an even number here too.
        let out_row = size.n_out.next_multiple_of(2);
        let mut of_sums = Buffer::<V>::take(n_pixels * out_row);
        of_sums.par_chunks_mut(out_row).zip(out.par_chunks(size.n_out)).zip(gradient.par_chunks(size.n_out)).for_each(
            |((to, out), gradient)| {
                to[size.n_out..].fill(V::default());
                for ((to, out), gradient) in to.iter_mut().zip(out).zip(gradient) {
                    *to = V::of(if *out > 0.0 { *gradient } else { 0.0 });
                }
            },
        );
        let of_sums = Rows { values: &of_sums, n_rows: n_pixels, n_columns: size.n_out, step: out_row };
        let [weight, bias] = &self.last;
        if bias.is_variable() {
            to.add(bias, column_sums(of_sums))?;
        }
        let rows = Rows { values: saved, n_rows: n_pixels, n_columns: depth, step: row };
        if weight.is_variable() {
            to.add(weight, multiply_transposed(table, of_sums, &Panels::new(table, rows, Side::Depth, None)))?;
        }
        let (First::Depthwise { weight: of_depth, bias: of_depth_bias }, Some(kernels)) =
            (&self.first, self.kernels()?)
        else {
            return Ok(None);
        };
        if !(is_wanted || of_depth.is_variable() || of_depth_bias.is_variable()) {
            return Ok(None);
        }
        let held = Held::new(weight)?;
        let panels = Panels::<V>::new(table, Rows::new(held.values(), depth), Side::Depth, None);
        let mut of_depthwise = Buffer::<f32>::take(n_pixels * depth);
        let beside = of_depthwise.par_chunks_mut(chunk_rows(depth) * depth);
        multiply(table, of_sums, &panels, beside, |pixels, c, to| {
            for ((pixel, c), to) in pixels.zip(c.chunks_exact(depth)).zip(to.chunks_exact_mut(depth)) {
                for ((to, c), saved) in to.iter_mut().zip(c).zip(rows.row(pixel)) {
                    *to = if saved.value() > 0.0 { *c } else { 0.0 };
                }
            }
        });
        let (of_map, of_out) = (size.height * size.width * depth, size.out_height() * size.out_width() * depth);
        let mut to_map = vec![0f32; if is_wanted { map.len() } else { 0 }];
        let clips = map.par_chunks(of_map).zip(of_depthwise.par_chunks(of_out));
        let Kernels { weights, .. } = &kernels;
        let back = |map, gradient, to_map: Option<&mut [f32]>| {
            let mut sums = vec![0f32; (TAPS + 1) * depth];
            table.run(DepthwiseBack { size, map, weights, gradient, to_map, to_weights: &mut sums });
            sums
        };
        let sums: Vec<Vec<f32>> = if is_wanted {
            clips.zip(to_map.par_chunks_mut(of_map)).map(|((map, of), to)| back(map, of, Some(to))).collect()
        } else {
            clips.map(|(map, of)| back(map, of, None)).collect()
        };
        let sums = total(sums.iter().map(Vec::as_slice), (TAPS + 1) * depth);
        if of_depth.is_variable() {
            to.add(of_depth, (0..TAPS * depth).map(|i| sums[i % TAPS * depth + i / TAPS]).collect())?;
        }
        if of_depth_bias.is_variable() {
            to.add(of_depth_bias, sums[TAPS * depth..].to_vec())?;
        }
        Ok(is_wanted.then_some(to_map))
    }
}

impl<V: Factor> CustomOp1 for Operation<V> {
    fn name(&self) -> &'static str {
        "separable_layer"
    }

    fn cpu_fwd(&self, map: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward(map, layout)
    }
}

impl<V: Factor> CustomOp2 for Operation<V> {
    fn name(&self) -> &'static str {
        "separable_layer"
    }

    fn cpu_fwd(&self, map: &CpuStorage, layout: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward(map, layout)
    }

    fn bwd(
        &self,
        map: &Tensor,
        _anchor: &Tensor,
        out: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let of_map = with_slice(map, |values| {
            with_slice(out, |out| {
                with_slice(&gradient, |gradient| self.backward(values, out, gradient, map.track_op()))
            })
        })?;
        Ok((of_map.map(|values| Tensor::from_vec(values, map.shape(), map.device())).transpose()?, None))
    }
}
