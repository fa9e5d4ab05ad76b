use crate::block::BlockSize;
use crate::convolution::{self, Convolution, STEP};
use crate::forward::{add, convolution, optional_chunks, total};
use crate::fused::{Fused, Saved, Weights};
use crate::rows::{GradientSums, OutputGradient};
use crate::scratch::{Buffer, zeroed};
use crate::slab::Slab;
use crate::weight_sums::WeightSums;
use crate::winograd::{self, OUT, POSITIONS};
use rayon::prelude::*;
use std::ops::Range;

/// The batch is cut into this many parts (of whole clips), each of which adds up a weight gradient of its own. It is a
/// constant, not the number of threads, so that the order of all additions is always the same.
const PARTS: usize = 16;

/// Values of a map's rows that are worked on together: they stay in a core's second cache beside the weight gradient.
const VALUES: usize = 24 * 1024;

/// The gradients of a block's arguments.
pub(crate) struct Result {
    /// `[B, H, W, C_in]`
    pub(crate) map: Option<Vec<f32>>,
    /// As the weights lie: convolution, scale, shift.
    pub(crate) weights: Vec<f32>,
    /// `[B, H, W, C_out]`
    pub(crate) residual: Option<Vec<f32>>,
}

/// The backward pass of batch norm: the convolution output's gradient is `factor * routed + offset + slope * y`.
struct Coefficients {
    factor: Vec<f32>,
    offset: Vec<f32>,
    slope: Vec<f32>,
}

/// All gradients, from that of the output, `[B, OH, OW, C]`.
pub(crate) fn run(
    block: &Fused,
    saved: &Saved,
    map: &[f32],
    weights: &Weights<'_>,
    residual: bool,
    gradient: &[f32],
) -> Result {
    let size = &block.size;
    let sums = norm_gradients(block, saved, gradient);
    let coefficients = coefficients(block, saved, weights, &sums);
    let rotated = block.input_gradient.then(|| rotated(block, weights.conv));

    let mut map_gradient = Vec::with_capacity(if block.input_gradient { map.len() } else { 0 });
    let mut residual_gradient = Vec::with_capacity(if residual { size.n_clips * size.conv_len() } else { 0 });
    let per_part = size.n_clips.div_ceil(PARTS);
    let parts: Vec<_> = (0..size.n_clips)
        .step_by(per_part)
        .map(|first| first..(first + per_part).min(size.n_clips))
        .zip(optional_chunks(map_gradient.spare_capacity_mut(), per_part * size.input_len()))
        .zip(optional_chunks(residual_gradient.spare_capacity_mut(), per_part * size.conv_len()))
        .collect();
    let again = (!size.is_kept()).then(|| convolution(block, weights.conv));
    let (rotated, again) = (rotated.as_ref(), again.as_ref());
    let pass = Pass { block, saved, map, gradient, coefficients: &coefficients, rotated, again };
    let partial: Vec<Buffer<f32>> = parts
        .into_par_iter()
        .map(|((clips, mut map_gradient), mut residual_gradient)| {
            let mut of_part = Buffer::take(gradient_len(size));
            let first = clips.start;
            for clip in clips {
                let nth = clip - first;
                pass.clip(
                    clip,
                    map_gradient.as_deref_mut().map(|all| zeroed(part_of(all, nth, size.input_len()))),
                    residual_gradient.as_deref_mut().map(|all| zeroed(part_of(all, nth, size.conv_len()))),
                    &mut of_part,
                    nth == 0,
                );
            }
            of_part
        })
        .collect();

    // SAFETY: every clip has zeroed its part of both, and the clips' parts are all of them.
    unsafe {
        map_gradient.set_len(if block.input_gradient { map.len() } else { 0 });
        residual_gradient.set_len(if residual { size.n_clips * size.conv_len() } else { 0 });
    }
    let mut weights = conv_gradient(block, &partial);
    let (of_shift, of_scale) = sums.split_at(size.n_out);
    weights.extend(of_scale.iter().chain(of_shift).map(|&sum| sum as f32));
    Result {
        map: block.input_gradient.then_some(map_gradient),
        weights,
        residual: residual.then_some(residual_gradient),
    }
}

/// The gradients of shift and scale, `[2, C]`.
fn norm_gradients(block: &Fused, saved: &Saved, gradient: &[f32]) -> Vec<f64> {
    let size = &block.size;
    let len = size.output_len();
    let sums: Vec<Vec<f64>> = gradient
        .par_chunks(len)
        .zip(saved.codes.par_chunks(len))
        .zip(saved.picked.par_chunks(len))
        .map(|((gradient, codes), picked)| {
            let mut of_clip = vec![0f64; 2 * size.n_out];
            let mut of_row = vec![0f32; 2 * size.n_out];
            let row = size.out_width() * size.n_out;
            for ((gradient, codes), picked) in gradient.chunks(row).zip(codes.chunks(row)).zip(picked.chunks(row)) {
                let (mean, inverse) = (&saved.mean, &saved.inverse);
                block.table.gradient_sums(GradientSums { gradient, codes, picked, mean, inverse, sums: &mut of_row });
                add(&mut of_clip, &of_row);
            }
            of_clip
        })
        .collect();
    total(&sums, 2 * size.n_out)
}

fn coefficients(block: &Fused, saved: &Saved, weights: &Weights<'_>, sums: &[f64]) -> Coefficients {
    let (n, n_out) = (block.size.count() as f64, block.size.n_out);
    let mut result = Coefficients { factor: vec![], offset: vec![], slope: vec![] };
    for channel in 0..n_out {
        let inverse = f64::from(saved.inverse[channel]);
        let factor = f64::from(weights.scale[channel]) * inverse;
        let slope = -factor * sums[n_out + channel] / n * inverse;
        result.factor.push(factor as f32);
        result.slope.push(slope as f32);
        result.offset.push((-factor * sums[channel] / n - slope * f64::from(saved.mean[channel])) as f32);
    }
    result
}

/// The convolution of the backward pass: from `C_out` to `C_in`, rotated by 180 degrees. With a stride it goes over a
/// gradient that is spread out, with zeros between, and has itself a stride of 1.
fn rotated(block: &Fused, conv: &[f32]) -> Convolution {
    let size = &block.size;
    let last = size.kernel - 1;
    let [height, width] = [size.height, size.width];
    Convolution::new(
        block.table,
        [size.kernel, 1],
        [size.n_out, size.n_in],
        [height, width],
        |row, column, out, channel| {
            conv[((out * size.n_in + channel) * size.kernel + last - row) * size.kernel + last - column]
        },
    )
}

/// Whether the weight gradient is added up by tiles.
fn by_tiles(size: &BlockSize) -> bool {
    convolution::by_tiles([size.kernel, size.stride], [size.n_in, size.n_out], [size.conv_height(), size.conv_width()])
}

/// Values that the weight gradient is added up in: `[36, C_in, C_out]` by tiles, else `[K, K, C_in, C_out]`.
fn gradient_len(size: &BlockSize) -> usize {
    if by_tiles(size) { POSITIONS * size.n_in * size.n_out } else { size.weight_len() }
}

/// The sum of the parts' gradients, in their order, as `[C_out, C_in, K, K]`.
fn conv_gradient(block: &Fused, partial: &[Buffer<f32>]) -> Vec<f32> {
    let size = &block.size;
    let square = size.kernel * size.kernel;
    let mut sum = Buffer::<f32>::zeros(gradient_len(size));
    const CHUNK: usize = 8 * 1024;
    sum.par_chunks_mut(CHUNK).enumerate().for_each(|(nth, sum)| {
        for part in partial {
            for (sum, value) in sum.iter_mut().zip(&part[nth * CHUNK..]) {
                *sum += value;
            }
        }
    });
    let at = |position: usize, channel: usize, out: usize| sum[(position * size.n_in + channel) * size.n_out + out];
    let mut by_channel = Buffer::<f32>::take(size.weight_len()); // [C_in, C_out, K, K]
    by_channel.par_chunks_mut(size.n_out * square).enumerate().for_each(|(channel, by_channel)| {
        for (out, gradient) in by_channel.chunks_exact_mut(square).enumerate() {
            if by_tiles(size) {
                let of_pair = winograd::weight_gradient(std::array::from_fn(|position| at(position, channel, out)));
                gradient.copy_from_slice(of_pair.as_flattened());
            } else {
                gradient.iter_mut().enumerate().for_each(|(position, value)| *value = at(position, channel, out));
            }
        }
    });
    let mut gradient = Vec::with_capacity(size.weight_len() + 2 * size.n_out);
    for out in 0..size.n_out {
        for channel in 0..size.n_in {
            let pair = (channel * size.n_out + out) * square;
            gradient.extend_from_slice(&by_channel[pair..pair + square]);
        }
    }
    gradient
}

/// Everything that the backward pass of a clip needs.
struct Pass<'a> {
    block: &'a Fused,
    saved: &'a Saved,
    map: &'a [f32],
    gradient: &'a [f32],
    coefficients: &'a Coefficients,
    rotated: Option<&'a Convolution>,
    /// The forward convolution, if its output was not kept.
    again: Option<&'a Convolution>,
}

impl Pass<'_> {
    /// One clip, a few rows at a time: the gradient of the convolution's output never leaves the cache. `is_first`: its
    /// sums overwrite what is in `weight_gradient`.
    fn clip(
        &self,
        clip: usize,
        mut map_gradient: Option<&mut [f32]>,
        mut residual_gradient: Option<&mut [f32]>,
        weight_gradient: &mut [f32],
        is_first: bool,
    ) {
        let Self { block, saved, map, rotated, again, .. } = self;
        let (size, table) = (&block.size, block.table);
        let (width, n_out, margin, stride) = (size.width, size.n_out, size.kernel / 2, size.stride);
        let conv_width = size.conv_width();
        let map = &map[clip * size.input_len()..(clip + 1) * size.input_len()];
        let mut sums = WeightSums::new(block);
        let step = match (&sums, rotated) {
            (WeightSums::Tiles { n_strips, .. }, _) => OUT * n_strips,
            (WeightSums::Direct { .. }, Some(rotated)) => rotated.group().next_multiple_of(STEP),
            (WeightSums::Direct { .. }, None) => STEP,
        };
        let widest = (width + 2 * margin) * size.n_in.max(n_out);
        let n_rows = (VALUES / widest / stride).next_multiple_of(step).clamp(1, size.conv_height());
        let mut x = Slab::with_rows(width, size.n_in, [size.kernel, stride], n_rows);
        // The input's gradient lags behind, by whole strips, since it takes rows of the output's that follow. The first
        // `before` rows are the last ones of the rows before; below the map are zeros. What a stride leaves out is never
        // written and stays zero: rows move by multiples of it.
        let lag = margin.next_multiple_of(STEP);
        let (before, below) = (lag + margin, margin + STEP);
        let is_dense = rotated.is_some() || matches!(sums, WeightSums::Tiles { .. });
        let mut dense = is_dense.then(|| {
            let n_rows = before + n_rows * stride + below;
            let mut dense = Slab::with_rows(width, n_out, [size.kernel, 1], n_rows);
            dense.clear(if stride == 1 { before } else { n_rows });
            dense
        });
        let mut scratch = rotated.map_or(Buffer::take(0), Convolution::scratch);
        let mut y_row = Buffer::take(conv_width * n_out);
        for first in (0..size.conv_height()).step_by(n_rows) {
            let n_rows = x.fill(map, first, size.height);
            let is_last = first + n_rows == size.conv_height();
            let mut packed = sums.packed(n_rows * conv_width);
            for row in 0..n_rows {
                let of_residual =
                    residual_gradient.as_deref_mut().map(|all| part_of(all, first + row, conv_width * n_out));
                let of_dense = dense.as_mut().map(|dense| dense.row_mut(before + row * stride));
                let packed = packed.as_deref_mut().map(|panels| (panels, row * conv_width, n_rows * conv_width));
                let y = match again {
                    None => &saved.y[(clip * size.conv_height() + first + row) * y_row.len()..][..y_row.len()],
                    Some(again) => {
                        again.rows(&x, row, &mut [], &mut y_row);
                        &y_row
                    }
                };
                self.row(clip, first + row, y, of_dense, of_residual, packed);
            }
            if let (Some(dense), true) = (&mut dense, is_last) {
                (0..below).for_each(|row| dense.row_mut(before + n_rows * stride + row).fill(0.0));
            }
            let dense_rows = dense.as_ref().map(|dense| dense.rows_from(before));
            sums.add(table, &x, n_rows, dense_rows, weight_gradient, is_first && first == 0);
            let Some(dense) = &mut dense else { continue };
            if let (Some(rotated), Some(map_gradient)) = (rotated, &mut map_gradient) {
                let start = first * stride;
                let end = if is_last { size.height } else { start + n_rows * stride - lag };
                let (from, len) = (start.saturating_sub(lag), width * size.n_in);
                rotated.rows(
                    dense,
                    before + from - margin - start,
                    &mut scratch,
                    &mut map_gradient[from * len..end * len],
                );
            }
            dense.advance(n_rows * stride, before);
        }
    }

    /// The gradient of one row of the convolution's output. `packed`: panels, the pixel in them, and their pixels.
    fn row(
        &self,
        clip: usize,
        row: usize,
        y: &[f32],
        dense: Option<&mut [f32]>,
        residual: Option<&mut [f32]>,
        packed: Option<(&mut [f32], usize, usize)>,
    ) {
        let Self { block, saved, coefficients, .. } = self;
        let size = &block.size;
        let (panels, first, depth) =
            packed.map_or((None, 0, size.conv_width()), |(panels, first, depth)| (Some(panels), first, depth));
        let out_row = row / size.pool[0];
        let pooled = (out_row < size.out_height()).then(|| {
            let len = size.out_width() * size.n_out;
            let at = clip * size.output_len() + out_row * len;
            (&self.gradient[at..at + len], &saved.codes[at..at + len])
        });
        block.table.output_gradient(OutputGradient {
            y,
            pooled,
            row_in_pool: row % size.pool[0],
            pool_width: size.pool[1],
            factor: &coefficients.factor,
            offset: &coefficients.offset,
            slope: &coefficients.slope,
            dense,
            dense_step: size.stride * size.n_out,
            panels,
            depth,
            first,
            residual,
            lanes: block.table.lanes,
        });
    }
}

/// Part `row` of parts of `len` values.
fn part_of<T>(all: &mut [T], row: usize, len: usize) -> &mut [T] {
    let Range { start, end } = row * len..(row + 1) * len;
    &mut all[start..end]
}
