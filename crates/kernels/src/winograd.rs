//! 3x3 convolutions by tiles of 4x4 outputs, with 36 multiplications a tile and pair of channels in place of 144.
//!
//! The minimal filtering F(4x4, 3x3) of A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2016,
//! on the points 0, 1, -1, 2, -2 and infinity: the input transform gives 36 positions, these are 36 matrix products over all
//! tiles, and the output transform gives the outputs. The weight gradient is F(3x3, 4x4) on the same points, so that its input
//! transform is the same. Sums of a few values with factors up to 8 make the rounding error about ten times that of the direct sum.

use crate::simd::Simd;
use crate::simd::portable::Lanes;
use std::mem::MaybeUninit;

/// `N` transformed columns of a tile: written column by column, so that it need not be zeroed first.
type Values<S, const N: usize> = MaybeUninit<[[<S as Simd>::Vector; IN]; N]>;

/// Positions of a tile: products a pair of channels.
pub(crate) const POSITIONS: usize = IN * IN;

/// Rows and columns of a tile's outputs.
pub(crate) const OUT: usize = 4;

/// Rows and columns of a tile's inputs.
const IN: usize = 6;

/// Values between the ends of two positions' parts, so that the parts do not fall on the same lines of a cache.
const GAP: usize = 16;

/// Distance of two positions' parts, each `[n_tiles, C]`.
pub(crate) fn step(n_tiles: usize, n_channels: usize) -> usize {
    n_tiles * n_channels + GAP
}

/// The position of the tiles of one strip of rows among those that are multiplied together.
#[derive(Clone, Copy)]
pub(crate) struct Tiles {
    /// The strip's first tile.
    pub(crate) first: usize,
    /// Tiles of the strip.
    pub(crate) n: usize,
    /// Tiles of all strips.
    pub(crate) of: usize,
}

/// The transform of the input before the products.
pub(crate) struct InputTransform<'a> {
    /// Six rows with their margins, `[6, row / C, C]`.
    pub(crate) x: &'a [f32],
    /// Values of a row with its margin.
    pub(crate) row: usize,
    pub(crate) n_channels: usize,
    pub(crate) tiles: Tiles,
    /// 36 parts, [`step`] apart. Tile `t` of the strip takes the columns from `4t` on; those behind the row are zero.
    pub(crate) out: &'a mut [f32],
}

/// Runs a kernel on whole vectors, then on the channels that are left.
macro_rules! over_channels {
    ($simd:ty, $n_channels:expr, $kernel:ident($arguments:expr)) => {{
        let n = $n_channels;
        let whole = n - n % <$simd>::LANES;
        $kernel::<$simd>($arguments, 0, whole);
        $kernel::<Lanes<1>>($arguments, whole, n);
    }};
}

/// # Safety
/// Lengths as documented; the processor has the instructions of `S`. So for all kernels of this file.
#[inline(always)]
pub(crate) unsafe fn input_transform<S: Simd>(a: &mut InputTransform<'_>) {
    // SAFETY: handed on.
    unsafe { over_channels!(S, a.n_channels, input_transform_of(a)) }
}

#[inline(always)]
unsafe fn input_transform_of<S: Simd>(a: &mut InputTransform<'_>, from: usize, to: usize) {
    let n_columns = a.row / a.n_channels;
    let step = step(a.tiles.of, a.n_channels);
    // SAFETY: a column is read where it is inside the row, tile < tiles.of, and channel + LANES <= to <= n_channels; all
    // of `by_column` is written before it is read.
    unsafe {
        for channel in (from..to).step_by(S::LANES) {
            for tile in 0..a.tiles.n {
                let mut by_column = Values::<S, IN>::uninit();
                let by_column = by_column.as_mut_ptr().cast::<[S::Vector; IN]>();
                for nth in 0..IN {
                    let column = OUT * tile + nth;
                    by_column.add(nth).write(if column < n_columns {
                        let at = a.x.as_ptr().add(column * a.n_channels + channel);
                        let row = |row: usize| S::load(at.add(row * a.row));
                        of_input::<S>([row(0), row(1), row(2), row(3), row(4), row(5)])
                    } else {
                        [S::splat(0.0); IN]
                    });
                }
                let out = a.out.as_mut_ptr().add((a.tiles.first + tile) * a.n_channels + channel);
                for i in 0..IN {
                    let d = |column: usize| (*by_column.add(column))[i];
                    let values = of_input::<S>([d(0), d(1), d(2), d(3), d(4), d(5)]);
                    for (j, value) in values.into_iter().enumerate() {
                        S::store(out.add((IN * i + j) * step), value);
                    }
                }
            }
        }
    }
}

/// B^T of the paper.
#[inline(always)]
unsafe fn of_input<S: Simd>(d: [S::Vector; IN]) -> [S::Vector; IN] {
    // SAFETY: the caller's processor has the instructions.
    unsafe {
        let times = |factor: f32, value, sum| S::multiply_add(S::splat(factor), value, sum);
        let (even, odd) = (times(-4.0, d[2], d[4]), times(-4.0, d[1], d[3]));
        let (near, far) = (S::sub(d[4], d[2]), S::sub(d[3], d[1]));
        [
            times(-5.0, d[2], times(4.0, d[0], d[4])),
            S::add(even, odd),
            S::sub(even, odd),
            times(2.0, far, near),
            times(-2.0, far, near),
            times(-5.0, d[3], times(4.0, d[1], d[5])),
        ]
    }
}

/// What the products become.
pub(crate) struct OutputTransform<'a> {
    /// 36 parts, [`step`] apart.
    pub(crate) products: &'a [f32],
    pub(crate) n_channels: usize,
    pub(crate) tiles: Tiles,
    /// `[n_rows, width, C]` of at most four rows, overwritten.
    pub(crate) out: &'a mut [f32],
    pub(crate) width: usize,
}

#[inline(always)]
pub(crate) unsafe fn output_transform<S: Simd>(a: &mut OutputTransform<'_>) {
    // SAFETY: handed on.
    unsafe { over_channels!(S, a.n_channels, output_transform_of(a)) }
}

#[inline(always)]
unsafe fn output_transform_of<S: Simd>(a: &mut OutputTransform<'_>, from: usize, to: usize) {
    let n_channels = a.n_channels;
    let step = step(a.tiles.of, n_channels);
    let row = a.width * n_channels;
    let n_rows = a.out.len() / row;
    // SAFETY: tile < tiles.of, a column is written where it is inside the row, channels as in `input_transform_of`.
    unsafe {
        for channel in (from..to).step_by(S::LANES) {
            for tile in 0..a.tiles.n {
                let products = a.products.as_ptr().add((a.tiles.first + tile) * n_channels + channel);
                let mut by_column = MaybeUninit::<[[S::Vector; OUT]; IN]>::uninit();
                let by_column = by_column.as_mut_ptr().cast::<[S::Vector; OUT]>();
                for j in 0..IN {
                    let m = |i: usize| S::load(products.add((IN * i + j) * step));
                    by_column.add(j).write(sums::<S>([m(0), m(1), m(2), m(3), m(4), m(5)]));
                }
                let first = OUT * tile;
                for nth in 0..n_rows {
                    let m = |column: usize| (*by_column.add(column))[nth];
                    let values = sums::<S>([m(0), m(1), m(2), m(3), m(4), m(5)]);
                    let out = a.out.as_mut_ptr().add(nth * row + channel);
                    for (column, value) in (first..a.width).zip(values) {
                        S::store(out.add(column * n_channels), value);
                    }
                }
            }
        }
    }
}

/// A^T of the paper.
#[inline(always)]
unsafe fn sums<S: Simd>(m: [S::Vector; IN]) -> [S::Vector; OUT] {
    // SAFETY: the caller's processor has the instructions.
    unsafe {
        let times = |factor: f32, value, sum| S::multiply_add(S::splat(factor), value, sum);
        let (near, near_odd) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        let (far, far_odd) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
        [
            S::add(S::add(m[0], near), far),
            times(2.0, far_odd, near_odd),
            times(4.0, far, near),
            S::add(times(8.0, far_odd, near_odd), m[5]),
        ]
    }
}

/// The transform of the output's gradient before the product with the transformed input.
pub(crate) struct GradientTransform<'a> {
    /// Four rows, from their first pixel on; two rows are `row` values apart.
    pub(crate) y: &'a [f32],
    pub(crate) row: usize,
    pub(crate) width: usize,
    pub(crate) n_channels: usize,
    pub(crate) tiles: Tiles,
    /// 36 parts, each `[n_tiles][C]` in panels as [`crate::tile`] packs them. Columns behind the row are zero.
    pub(crate) panels: &'a mut [f32],
    /// Vector length of the panels.
    pub(crate) lanes: usize,
}

#[inline(always)]
pub(crate) unsafe fn gradient_transform<S: Simd>(a: &mut GradientTransform<'_>) {
    // SAFETY: handed on.
    unsafe { over_channels!(S, a.n_channels, gradient_transform_of(a)) }
}

#[inline(always)]
unsafe fn gradient_transform_of<S: Simd>(a: &mut GradientTransform<'_>, from: usize, to: usize) {
    let n_channels = a.n_channels;
    let panel = 2 * a.lanes;
    let step = a.panels.len() / POSITIONS;
    // SAFETY: as in `input_transform_of`; a position's panels are `step` values long.
    unsafe {
        for channel in (from..to).step_by(S::LANES) {
            let start = channel - channel % panel;
            let width = if n_channels - start > a.lanes { panel } else { a.lanes };
            let panels = a.panels.as_mut_ptr().add(start * a.tiles.of + a.tiles.first * width + (channel - start));
            for tile in 0..a.tiles.n {
                let mut by_column = Values::<S, OUT>::uninit();
                let by_column = by_column.as_mut_ptr().cast::<[S::Vector; IN]>();
                for nth in 0..OUT {
                    let column = OUT * tile + nth;
                    by_column.add(nth).write(if column < a.width {
                        let at = a.y.as_ptr().add(column * n_channels + channel);
                        let row = |row: usize| S::load(at.add(row * a.row));
                        of_gradient::<S>([row(0), row(1), row(2), row(3)])
                    } else {
                        [S::splat(0.0); IN]
                    });
                }
                let out = panels.add(tile * width);
                for i in 0..IN {
                    let g = |column: usize| (*by_column.add(column))[i];
                    for (j, value) in of_gradient::<S>([g(0), g(1), g(2), g(3)]).into_iter().enumerate() {
                        S::store(out.add((IN * i + j) * step), value);
                    }
                }
            }
        }
    }
}

/// The paper's G for a filter of four values.
#[inline(always)]
unsafe fn of_gradient<S: Simd>(g: [S::Vector; OUT]) -> [S::Vector; IN] {
    // SAFETY: the caller's processor has the instructions.
    unsafe {
        let times = |factor: f32, value| S::mul(S::splat(factor), value);
        let (even, odd) = (times(-1.0 / 6.0, S::add(g[0], g[2])), times(-1.0 / 6.0, S::add(g[1], g[3])));
        let (far, far_odd) = (
            times(1.0 / 24.0, S::multiply_add(S::splat(4.0), g[2], g[0])),
            times(1.0 / 12.0, S::multiply_add(S::splat(4.0), g[3], g[1])),
        );
        [times(0.25, g[0]), S::add(even, odd), S::sub(even, odd), S::add(far, far_odd), S::sub(far, far_odd), g[3]]
    }
}

/// What the positions multiply with, from a 3x3 kernel by row and column: G of the paper.
pub(crate) fn weights(kernel: [[f32; 3]; 3]) -> [f32; POSITIONS] {
    let transform = |g: [f32; 3]| {
        let (even, odd) = ((g[0] + g[2]) * (-1.0 / 6.0), g[1] * (-1.0 / 6.0));
        let (far, far_odd) = ((g[0] + 4.0 * g[2]) * (1.0 / 24.0), g[1] * (1.0 / 12.0));
        [0.25 * g[0], even + odd, even - odd, far + far_odd, far - far_odd, g[2]]
    };
    let by_row = kernel.map(transform); // [3, 6]
    let mut all = [0f32; POSITIONS];
    for j in 0..IN {
        let column = transform([by_row[0][j], by_row[1][j], by_row[2][j]]);
        for (i, value) in column.into_iter().enumerate() {
            all[IN * i + j] = value;
        }
    }
    all
}

/// The 3x3 weight gradient from the sums at all positions.
pub(crate) fn weight_gradient(sums: [f32; POSITIONS]) -> [[f32; 3]; 3] {
    let transform = |m: [f32; IN]| {
        let (near, far) = (m[1] + m[2], m[3] + m[4]);
        [m[0] + near + far, (m[1] - m[2]) + 2.0 * (m[3] - m[4]), near + 4.0 * far + m[5]]
    };
    let mut by_column = [[0f32; IN]; 3];
    for j in 0..IN {
        let column = transform(std::array::from_fn(|i| sums[IN * i + j]));
        for (by_column, value) in by_column.iter_mut().zip(column) {
            by_column[j] = value;
        }
    }
    by_column.map(transform)
}
