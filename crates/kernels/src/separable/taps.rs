//! What a 3x3 kernel sees of a map: each channel's sum over it, and the backward pass.

use super::{KERNEL, Size};
use crate::dispatch::Work;
use crate::simd::Simd;
use crate::stored::{Stored, load_first, store_first};
use std::ops::Range;

/// Values of a kernel.
pub(super) const TAPS: usize = KERNEL * KERNEL;

/// The columns (or rows) of a map that output `at` sees, and which of the kernel's the first of them is.
#[inline(always)]
fn seen(size: &Size, len: usize, at: usize) -> (usize, Range<usize>) {
    let before = size.before(len);
    let (start, end) = (at * size.stride, at * size.stride + KERNEL);
    let first = before.saturating_sub(start);
    (first, start + first - before..(end - before).min(len))
}

/// Rows of a convolution of each channel, with its bias and ReLU.
pub(super) struct Depthwise<'a, V> {
    pub(super) size: Size,
    /// One clip, `[H, W, C]`.
    pub(super) map: &'a [f32],
    /// `[9, C]`
    pub(super) weights: &'a [f32],
    /// `[C]`
    pub(super) bias: &'a [f32],
    /// Pixels of the clip's output.
    pub(super) pixels: Range<usize>,
    /// `[pixels, C]`
    pub(super) out: &'a mut [V],
}

impl<V: Stored> Work for Depthwise<'_, V> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { size, map, weights, bias, pixels, out } = self;
        let n = size.n_in;
        assert!(map.len() == size.height * size.width * n && weights.len() == TAPS * n && bias.len() == n);
        assert!(out.len() == pixels.len() * n && pixels.end <= size.out_height() * size.out_width());
        for channel in (0..n).step_by(S::LANES) {
            let n_lanes = S::LANES.min(n - channel);
            // SAFETY: the processor has the instructions; `n_lanes` channels from `channel` on are inside of every pixel,
            // and `seen` gives pixels inside of the map.
            unsafe {
                let of =
                    |values: &[f32], at: usize| load_first::<S, f32>(values.as_ptr().add(at * n + channel), n_lanes);
                let kernel: [S::Vector; TAPS] = std::array::from_fn(|tap| of(weights, tap));
                let bias = of(bias, 0);
                for (nth, pixel) in pixels.clone().enumerate() {
                    let (first_row, rows) = seen(&size, size.height, pixel / size.out_width());
                    let (first_column, columns) = seen(&size, size.width, pixel % size.out_width());
                    let mut sum = bias;
                    if rows.len() == KERNEL && columns.len() == KERNEL {
                        for row in 0..KERNEL {
                            for column in 0..KERNEL {
                                let at = (rows.start + row) * size.width + columns.start + column;
                                sum = S::multiply_add(of(map, at), kernel[row * KERNEL + column], sum);
                            }
                        }
                    } else {
                        for (row, of_kernel) in rows.zip(first_row..) {
                            for (column, tap) in columns.clone().zip(of_kernel * KERNEL + first_column..) {
                                sum = S::multiply_add(of(map, row * size.width + column), of(weights, tap), sum);
                            }
                        }
                    }
                    let sum = S::max(S::splat(0.0), sum);
                    store_first::<S, V>(out.as_mut_ptr().add(nth * n + channel), sum, n_lanes);
                }
            }
        }
    }
}

/// The backward pass through [`Depthwise`], for a whole clip.
pub(super) struct DepthwiseBack<'a> {
    pub(super) size: Size,
    /// `[H, W, C]`
    pub(super) map: &'a [f32],
    /// `[9, C]`
    pub(super) weights: &'a [f32],
    /// Of the sums, zero where ReLU cut them off, `[H', W', C]`.
    pub(super) gradient: &'a [f32],
    /// The map's gradient, `[H, W, C]`, which is added to.
    pub(super) to_map: Option<&'a mut [f32]>,
    /// The kernels' and the bias's, `[10, C]`, which is added to.
    pub(super) to_weights: &'a mut [f32],
}

impl Work for DepthwiseBack<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        let (size, n) = (self.size, self.size.n_in);
        let [map_len, out_len] = [size.height * size.width * n, size.out_height() * size.out_width() * n];
        assert!(self.map.len() == map_len && self.weights.len() == TAPS * n && self.gradient.len() == out_len);
        assert!(self.to_weights.len() == (TAPS + 1) * n);
        assert!(self.to_map.as_ref().is_none_or(|to| to.len() == map_len));
        for channel in (0..n).step_by(S::LANES) {
            let n_lanes = S::LANES.min(n - channel);
            // SAFETY: as in `Depthwise`.
            unsafe {
                let of =
                    |values: &[f32], at: usize| load_first::<S, f32>(values.as_ptr().add(at * n + channel), n_lanes);
                let mut sums = [S::splat(0.0); TAPS + 1];
                for pixel in 0..size.out_height() * size.out_width() {
                    let gradient = of(self.gradient, pixel);
                    let (first_row, rows) = seen(&size, size.height, pixel / size.out_width());
                    let (first_column, columns) = seen(&size, size.width, pixel % size.out_width());
                    for (row, of_kernel) in rows.zip(first_row..) {
                        for (column, tap) in columns.clone().zip(of_kernel * KERNEL + first_column..) {
                            let at = row * size.width + column;
                            sums[tap] = S::multiply_add(of(self.map, at), gradient, sums[tap]);
                            if let Some(to) = &mut self.to_map {
                                let sum = S::multiply_add(of(self.weights, tap), gradient, of(to, at));
                                store_first::<S, f32>(to.as_mut_ptr().add(at * n + channel), sum, n_lanes);
                            }
                        }
                    }
                    sums[TAPS] = S::add(sums[TAPS], gradient);
                }
                for (tap, sum) in sums.into_iter().enumerate() {
                    let sum = S::add(of(self.to_weights, tap), sum);
                    store_first::<S, f32>(self.to_weights.as_mut_ptr().add(tap * n + channel), sum, n_lanes);
                }
            }
        }
    }
}

/// What the kernel sees at some pixels of a clip's output, side by side: `[pixels, row]`, in the order `[C, 3, 3]` of a
/// weight, and zeros behind.
pub(super) fn patches<V: Stored>(size: &Size, map: &[f32], pixels: Range<usize>, row: usize, out: &mut [V]) {
    out.fill(V::default());
    for (pixel, out) in pixels.zip(out.chunks_exact_mut(row)) {
        let (first_row, rows) = seen(size, size.height, pixel / size.out_width());
        let (first_column, columns) = seen(size, size.width, pixel % size.out_width());
        for (row, of_kernel) in rows.zip(first_row..) {
            for (column, tap) in columns.clone().zip(of_kernel * KERNEL + first_column..) {
                let from = &map[(row * size.width + column) * size.n_in..][..size.n_in];
                for (channel, value) in from.iter().enumerate() {
                    out[channel * TAPS + tap] = V::of(*value);
                }
            }
        }
    }
}
