use crate::block::BlockSize;
use crate::convolution::Convolution;
use crate::fused::{Fused, Saved, Weights, inverse};
use crate::rows::{Kept, Normalize, Statistics};
use crate::scratch::{Buffer, made_in_parts};
use crate::slab::Slab;
use rayon::prelude::*;

/// The convolution with its weights packed.
pub(crate) fn convolution(block: &Fused, conv: &[f32]) -> Convolution {
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
    let mut y = Buffer::take(if size.is_kept() { size.n_clips * size.conv_len() } else { 0 });
    // One partial sum a clip, added up in the order of the clips: the same for any number of threads.
    let clips: Vec<_> = map.chunks(size.input_len()).zip(optional_chunks(&mut y, size.conv_len())).collect();
    let sums: Vec<Vec<f64>> = clips
        .into_par_iter()
        .map(|(map, y)| {
            let mut of_clip = vec![0f64; 2 * n_out];
            let mut of_row = vec![0f32; 2 * n_out];
            conv_rows(block, &convolution, map, y, [size.conv_height(), convolution.group()], |_, y| {
                for y in y.chunks_exact(size.conv_width() * n_out) {
                    block.table.statistics(Statistics { y, sums: &mut of_row });
                    add(&mut of_clip, &of_row);
                }
            });
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
        let mut follow = Follow { block, affine: &affine, residual: of_clip(residual, clip, size), out, kept: None };
        follow.kept = Some((codes, picked));
        if size.is_kept() {
            follow.rows(0, &y[clip * size.conv_len()..(clip + 1) * size.conv_len()]);
        } else {
            let map = &map[clip * size.input_len()..(clip + 1) * size.input_len()];
            conv_rows(block, &convolution, map, None, follow.whole_pools(&convolution), |row, y| follow.rows(row, y));
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
    let convolution = convolution(block, weights.conv);
    let maps = map.par_chunks(size.input_len()).enumerate();
    made_in_parts(size.n_clips * size.output_len(), size.output_len(), maps, |out, (clip, map)| {
        let mut follow = Follow { block, affine, residual: of_clip(residual, clip, size), out, kept: None };
        conv_rows(block, &convolution, map, None, follow.whole_pools(&convolution), |row, y| follow.rows(row, y));
    })
}

/// The residual of one clip.
fn of_clip<'a>(residual: Option<&'a [f32]>, clip: usize, size: &BlockSize) -> Option<&'a [f32]> {
    residual.map(|all| &all[clip * size.conv_len()..(clip + 1) * size.conv_len()])
}

/// The first `n_rows` rows of one clip's convolution, `step` at a time, shown to `see` with the number of the first: in `y`,
/// `[H', W', C_out]`, where they are to be kept.
fn conv_rows(
    block: &Fused,
    convolution: &Convolution,
    map: &[f32],
    mut y: Option<&mut [f32]>,
    [n_rows, step]: [usize; 2],
    mut see: impl FnMut(usize, &[f32]),
) {
    let size = &block.size;
    let len = size.conv_width() * size.n_out;
    let mut slab = Slab::new(size.width, size.n_in, [size.kernel, size.stride], size.conv_height(), step);
    let mut scratch = convolution.scratch();
    let mut passing = Buffer::take(if y.is_some() { 0 } else { step * len });
    for first in (0..n_rows).step_by(slab.n_rows()) {
        let filled = slab.fill(map, first, size.height).min(n_rows - first);
        for row in (0..filled).step_by(step) {
            let n = step.min(filled - row);
            let rows = match &mut y {
                Some(y) => &mut y[(first + row) * len..(first + row + n) * len],
                None => &mut passing[..n * len],
            };
            convolution.rows(&slab, row, &mut scratch, rows);
            see(first + row, rows);
        }
    }
}

/// What follows one clip's convolution.
struct Follow<'a> {
    block: &'a Fused,
    /// Factor and summand, `[2, C]`.
    affine: &'a [f32],
    residual: Option<&'a [f32]>,
    out: &'a mut [f32],
    /// Codes and picked values, as `out`.
    kept: Option<(&'a mut [u8], &'a mut [f32])>,
}

impl Follow<'_> {
    /// Rows of the convolution that the pool takes, and how many at a time: whole steps of both.
    fn whole_pools(&self, convolution: &Convolution) -> [usize; 2] {
        let (size, group) = (&self.block.size, convolution.group());
        let step = if group.is_multiple_of(size.pool[0]) { group } else { size.pool[0] * group };
        [size.out_height() * size.pool[0], step]
    }

    /// Batch norm, residual, ReLU and pool of rows of the convolution from `first` on; what fills no rectangle is left out.
    fn rows(&mut self, first: usize, y: &[f32]) {
        let size = &self.block.size;
        let n_out = size.n_out;
        let (conv_row, out_row) = (size.conv_width() * n_out, size.out_width() * n_out);
        for (nth, y) in y.chunks_exact(size.pool[0] * conv_row).enumerate() {
            let row = first / size.pool[0] + nth;
            if row >= size.out_height() {
                return;
            }
            let at = row * out_row..(row + 1) * out_row;
            let kept = self.kept.as_mut();
            self.block.table.normalize(Normalize {
                y,
                width: size.conv_width(),
                pool: size.pool,
                residual: self.residual.map(|all| &all[row * size.pool[0] * conv_row..][..y.len()]),
                scale: &self.affine[..n_out],
                shift: &self.affine[n_out..],
                relu: self.block.relu,
                out: &mut self.out[at.clone()],
                kept: kept.map(|kept| Kept { codes: &mut kept.0[at.clone()], picked: &mut kept.1[at] }),
            });
        }
    }
}

/// Chunks of `values`, or `None` for ever if there are none.
pub(crate) fn optional_chunks<T>(values: &mut [T], len: usize) -> impl Iterator<Item = Option<&mut [T]>> {
    let none = values.is_empty();
    values.chunks_mut(len).map(Some).chain(std::iter::repeat_with(|| None).take(if none { usize::MAX } else { 0 }))
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
