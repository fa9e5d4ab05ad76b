use crate::convolution::Convolution;
use crate::fused::{Fused, Saved, Weights, inverse};
use crate::rows::{Kept, Normalise, Statistics};
use crate::scratch::{Buffer, made_in_parts};
use crate::slab::Slab;
use rayon::prelude::*;

/// The convolution with its weights packed.
fn convolution(block: &Fused, conv: &[f32]) -> Convolution {
    let size = &block.size;
    Convolution::new(
        block.table,
        [size.kernel, size.stride],
        [size.n_in, size.n_out],
        [size.conv_height(), size.conv_width()],
        |row, column, channel, out| conv[((out * size.n_in + channel) * size.kernel + row) * size.kernel + column],
    )
}

/// The convolution, its statistics, and all that follows.
pub(crate) fn train(
    block: &Fused,
    map: &[f32],
    weights: &Weights<'_>,
    residual: Option<&[f32]>,
    epsilon: f32,
) -> (Vec<f32>, Saved) {
    let size = &block.size;
    let n_out = size.n_out;
    let convolution = convolution(block, weights.conv);
    let mut y = Buffer::take(size.n_clips * size.conv_len());
    // One partial sum a clip, added up in the order of the clips: the same for any number of threads.
    let sums: Vec<Vec<f64>> = y
        .par_chunks_mut(size.conv_len())
        .zip(map.par_chunks(size.input_len()))
        .map(|(y, map)| {
            let mut of_clip = vec![0f64; 2 * n_out];
            let mut of_row = vec![0f32; 2 * n_out];
            let mut slab =
                Slab::new(size.width, size.n_in, [size.kernel, size.stride], size.conv_height(), convolution.group());
            let mut scratch = convolution.scratch();
            let (len, group) = (size.conv_width() * n_out, convolution.group());
            for first in (0..size.conv_height()).step_by(slab.n_rows()) {
                let n_rows = slab.fill(map, first, size.height);
                let y = &mut y[first * len..(first + n_rows) * len];
                for (row, y) in (0..).step_by(group).zip(y.chunks_mut(group * len)) {
                    convolution.rows(&slab, row, &mut scratch, y);
                    for y in y.chunks_exact(len) {
                        block.table.statistics(Statistics { y, sums: &mut of_row });
                        add(&mut of_clip, &of_row);
                    }
                }
            }
            of_clip
        })
        .collect();
    let count = size.count() as f64;
    let total = total(&sums, 2 * n_out);
    let mean64: Vec<f64> = total[..n_out].iter().map(|sum| sum / count).collect();
    // `f64::max` would make 0 of a NaN, and hide it.
    let variance = |(square, mean): (&f64, &f64)| match square / count - mean * mean {
        negative if negative < 0.0 => 0.0,
        variance => variance as f32,
    };
    let variance: Vec<f32> = total[n_out..].iter().zip(&mean64).map(variance).collect();
    let mean: Vec<f32> = mean64.iter().map(|&mean| mean as f32).collect();
    let inverse = inverse(&variance, epsilon);
    let affine = weights.affine(&mean, &inverse);

    let len = size.output_len();
    let mut codes = Buffer::take(size.n_clips * len);
    let mut picked = Buffer::take(size.n_clips * len);
    let beside = codes.par_chunks_mut(len).zip(picked.par_chunks_mut(len)).enumerate();
    let out = made_in_parts(size.n_clips * len, len, beside, |out, (clip, (codes, picked))| {
        let of_clip = clip * size.conv_len()..(clip + 1) * size.conv_len();
        let residual = residual.map(|all| &all[of_clip.clone()]);
        let y = &y[of_clip];
        let (conv_row, row_len) = (size.conv_width() * n_out, size.out_width() * n_out);
        let rows = out.chunks_exact_mut(row_len).zip(codes.chunks_exact_mut(row_len));
        for (row, ((out, codes), picked)) in rows.zip(picked.chunks_exact_mut(row_len)).enumerate() {
            let under = row * size.pool[0] * conv_row..(row + 1) * size.pool[0] * conv_row;
            block.table.normalise(Normalise {
                y: &y[under.clone()],
                width: size.conv_width(),
                pool: size.pool,
                residual: residual.map(|residual| &residual[under]),
                scale: &affine[..n_out],
                shift: &affine[n_out..],
                relu: block.relu,
                out,
                kept: Some(Kept { codes, picked }),
            });
        }
    });
    (out, Saved { y, codes, picked, mean, variance, inverse })
}

/// With given statistics: a few rows at a time, nothing kept.
pub(crate) fn evaluate(
    block: &Fused,
    map: &[f32],
    weights: &Weights<'_>,
    residual: Option<&[f32]>,
    affine: &[f32],
) -> Vec<f32> {
    let size = &block.size;
    let n_out = size.n_out;
    let convolution = convolution(block, weights.conv);
    let (row_len, out_len) = (size.conv_width() * n_out, size.out_width() * n_out);
    let pool_height = size.pool[0];
    // Whole steps of the convolution and whole rows of the pool.
    let group = convolution.group();
    let group = if group.is_multiple_of(pool_height) { group } else { pool_height * group };
    let maps = map.par_chunks(size.input_len()).enumerate();
    made_in_parts(size.n_clips * size.output_len(), size.output_len(), maps, |out, (clip, map)| {
        let mut slab = Slab::new(size.width, size.n_in, [size.kernel, size.stride], size.conv_height(), group);
        let mut scratch = convolution.scratch();
        let mut y = Buffer::take(group * row_len);
        let used = size.out_height() * pool_height;
        for first in (0..used).step_by(slab.n_rows()) {
            let n_rows = slab.fill(map, first, size.height).min(used - first);
            for row in (0..n_rows).step_by(group) {
                let y = &mut y[..group.min(n_rows - row) * row_len];
                convolution.rows(&slab, row, &mut scratch, y);
                for (i, y) in y.chunks_exact(pool_height * row_len).enumerate() {
                    let out_row = (first + row) / pool_height + i;
                    let under = out_row * pool_height * row_len..(out_row + 1) * pool_height * row_len;
                    block.table.normalise(Normalise {
                        y,
                        width: size.conv_width(),
                        pool: size.pool,
                        residual: residual.map(|all| &all[clip * size.conv_len()..][under]),
                        scale: &affine[..n_out],
                        shift: &affine[n_out..],
                        relu: block.relu,
                        out: &mut out[out_row * out_len..(out_row + 1) * out_len],
                        kept: None,
                    });
                }
            }
        }
    })
}

/// Adds a row's sums to a clip's.
pub(crate) fn add(to: &mut [f64], of_row: &[f32]) {
    for (to, of_row) in to.iter_mut().zip(of_row) {
        *to += f64::from(*of_row);
    }
}

/// The sum of what the clips have summed, in their order.
pub(crate) fn total(of_clips: &[Vec<f64>], len: usize) -> Vec<f64> {
    let mut total = vec![0f64; len];
    for of_clip in of_clips {
        for (total, value) in total.iter_mut().zip(of_clip) {
            *total += value;
        }
    }
    total
}
