//! 3x3 convolutions of two rows at a time with 4 multiplications an output value and channel in place of 9.
//!
//! The minimal filtering F(2x2, 3x3) of A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks",
//! 2016: a tile of 4x4 inputs gives 2x2 outputs by 16 products a pair of channels, which are 16 matrix products over
//! all tiles. Here are the sums before and after them. Values are halved at most twice and added, so the rounding error
//! is a few times that of the direct sum.

use crate::simd::Simd;
use crate::simd::portable::Lanes;

/// Products of a tile.
pub(crate) const POSITIONS: usize = 16;

/// What the input becomes before it is multiplied.
pub(crate) struct Spread<'a> {
    /// Four rows with their margins, `[4, row / C, C]`.
    pub(crate) x: &'a [f32],
    /// Values of a row with its margin.
    pub(crate) row: usize,
    pub(crate) n_channels: usize,
    /// `[16, n_tiles, C]`, overwritten. Tile `t` takes the columns from `2t` on; those behind the row are zero.
    pub(crate) out: &'a mut [f32],
}

/// # Safety
/// Lengths as documented, and a row with its margin has at least two columns for every tile; the processor has the
/// instructions of `S`. So for [`collect`].
#[inline(always)]
pub(crate) unsafe fn spread<S: Simd>(a: &mut Spread<'_>) {
    let whole = a.n_channels - a.n_channels % S::LANES;
    // SAFETY: handed on; whole vectors first, then the channels that are left.
    unsafe {
        spread_of::<S>(a, 0, whole);
        spread_of::<Lanes<1>>(a, whole, a.n_channels);
    }
}

#[inline(always)]
unsafe fn spread_of<S: Simd>(a: &mut Spread<'_>, from: usize, to: usize) {
    let n_channels = a.n_channels;
    let n_columns = a.row / n_channels;
    let n_tiles = a.out.len() / POSITIONS / n_channels;
    // SAFETY: column < n_columns, tile < n_tiles and channel + LANES <= to <= n_channels.
    unsafe {
        for channel in (from..to).step_by(S::LANES) {
            let column = |column: usize| {
                let at = a.x.as_ptr().add(column * n_channels + channel);
                let d = [S::load(at), S::load(at.add(a.row)), S::load(at.add(2 * a.row)), S::load(at.add(3 * a.row))];
                difference::<S>(d[0], d[1], d[2], d[3])
            };
            let (mut first, mut second) = (column(0), column(1));
            for tile in 0..n_tiles {
                let third = if 2 * tile + 2 < n_columns { column(2 * tile + 2) } else { [S::splat(0.0); 4] };
                let fourth = if 2 * tile + 3 < n_columns { column(2 * tile + 3) } else { [S::splat(0.0); 4] };
                let out = a.out.as_mut_ptr().add(tile * n_channels + channel);
                for i in 0..4 {
                    let v = difference::<S>(first[i], second[i], third[i], fourth[i]);
                    for (j, v) in v.into_iter().enumerate() {
                        S::store(out.add((4 * i + j) * n_tiles * n_channels), v);
                    }
                }
                (first, second) = (third, fourth);
            }
        }
    }
}

#[inline(always)]
unsafe fn difference<S: Simd>(a: S::Vector, b: S::Vector, c: S::Vector, d: S::Vector) -> [S::Vector; 4] {
    // SAFETY: the caller's processor has the instructions.
    unsafe { [S::sub(a, c), S::add(b, c), S::sub(c, b), S::sub(b, d)] }
}

/// What the products become.
pub(crate) struct Collect<'a> {
    /// `[16, n_tiles, C]`
    pub(crate) products: &'a [f32],
    pub(crate) n_channels: usize,
    /// `[2, width, C]`, overwritten; `n_tiles` is half the width, rounded up.
    pub(crate) out: &'a mut [f32],
}

#[inline(always)]
pub(crate) unsafe fn collect<S: Simd>(a: &mut Collect<'_>) {
    let whole = a.n_channels - a.n_channels % S::LANES;
    // SAFETY: handed on.
    unsafe {
        collect_of::<S>(a, 0, whole);
        collect_of::<Lanes<1>>(a, whole, a.n_channels);
    }
}

#[inline(always)]
unsafe fn collect_of<S: Simd>(a: &mut Collect<'_>, from: usize, to: usize) {
    let n_channels = a.n_channels;
    let row = a.out.len() / 2;
    let width = row / n_channels;
    let n_tiles = width.div_ceil(2);
    // SAFETY: tile < n_tiles, a column is written where it is inside the row, channels as in `spread_of`.
    unsafe {
        for channel in (from..to).step_by(S::LANES) {
            for tile in 0..n_tiles {
                let products = a.products.as_ptr().add(tile * n_channels + channel);
                let m = |position: usize| S::load(products.add(position * n_tiles * n_channels));
                let mut even = [S::splat(0.0); 4];
                let mut odd = even;
                for i in 0..4 {
                    [even[i], odd[i]] = sums::<S>([m(4 * i), m(4 * i + 1), m(4 * i + 2), m(4 * i + 3)]);
                }
                let [upper, lower] = sums::<S>(even);
                let out = a.out.as_mut_ptr().add(2 * tile * n_channels + channel);
                S::store(out, upper);
                S::store(out.add(row), lower);
                if 2 * tile + 1 < width {
                    let [upper, lower] = sums::<S>(odd);
                    S::store(out.add(n_channels), upper);
                    S::store(out.add(row + n_channels), lower);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn sums<S: Simd>(m: [S::Vector; 4]) -> [S::Vector; 2] {
    // SAFETY: the caller's processor has the instructions.
    unsafe { [S::add(S::add(m[0], m[1]), m[2]), S::sub(S::sub(m[1], m[2]), m[3])] }
}

/// The weight that position `4 i + j` multiplies with, from a 3x3 kernel by row and column.
pub(crate) fn weight(position: usize, kernel: impl Fn(usize, usize) -> f32) -> f32 {
    const G: [[f32; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];
    let (of_row, of_column) = (G[position / 4], G[position % 4]);
    let mut sum = 0.0;
    for (row, &a) in of_row.iter().enumerate().filter(|(_, a)| **a != 0.0) {
        for (column, &b) in of_column.iter().enumerate().filter(|(_, b)| **b != 0.0) {
            sum += a * b * kernel(row, column);
        }
    }
    sum
}
