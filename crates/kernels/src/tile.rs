//! The micro-kernel: one tile of a matrix product, kept in registers. Convolution forward, its input gradient and its
//! weight gradient are all made of it.

use crate::simd::Simd;

/// What a tile multiplies. In units of `f32`:
/// `c[i][j] (+)= sum over s, k of a[s * a_segment + i * a_row + k * a_k] * b[s * b_segment + k * width + j]`,
/// where `width` is the number of columns the tile computes, of which the first `n_columns` are written.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub(crate) n_segments: usize,
    pub(crate) n_k: usize,
    pub(crate) a: *const f32,
    /// Distance of two rows of A; 1 in a weight gradient.
    pub(crate) a_row: usize,
    /// Distance of two steps of k in A; 1 in a convolution.
    pub(crate) a_k: usize,
    pub(crate) a_segment: usize,
    pub(crate) b: *const f32,
    pub(crate) b_segment: usize,
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
    pub(crate) n_columns: usize,
    /// Whether `c` is added to, or overwritten.
    pub(crate) accumulate: bool,
}

/// One tile of `R` rows and `V` vectors. `TURNED` (a weight gradient): `a_row` is 1; otherwise (a convolution) `a_k` is 1.
///
/// # Safety
/// The pointers are valid for the values that [`Tile`] reads and writes; the processor has the instructions of `S`.
#[inline(always)]
pub(crate) unsafe fn tile<S: Simd, const R: usize, const V: usize, const TURNED: bool>(t: &Tile) {
    // SAFETY: the function's own contract; of a vector beyond the columns nothing is stored.
    unsafe {
        let mut sum = [[S::splat(0.0); V]; R];
        for segment in 0..t.n_segments {
            let mut a = t.a.add(segment * t.a_segment);
            let mut b = t.b.add(segment * t.b_segment);
            for _ in 0..t.n_k {
                let columns: [S::Vector; V] = std::array::from_fn(|j| S::load(b.add(j * S::LANES)));
                for (i, row) in sum.iter_mut().enumerate() {
                    let value = S::splat(*a.add(if TURNED { i } else { i * t.a_row }));
                    for (sum, column) in row.iter_mut().zip(columns) {
                        *sum = S::multiply_add(value, column, *sum);
                    }
                }
                // After the last step they point past the end, where `add` must not go.
                a = a.wrapping_add(if TURNED { t.a_k } else { 1 });
                b = b.wrapping_add(V * S::LANES);
            }
        }
        // One way to store for whole and for partial vectors: with two, the sums do not stay in registers.
        for (i, row) in sum.iter().enumerate() {
            for (j, value) in row.iter().enumerate() {
                let c = t.c.wrapping_add(i * t.c_row + j * S::LANES);
                let n = t.n_columns.saturating_sub(j * S::LANES).min(S::LANES);
                S::store_part(c, if t.accumulate { S::add(S::load_part(c, n), *value) } else { *value }, n);
            }
        }
    }
}

macro_rules! by_rows {
    ($simd:ty, $most:expr, $rows:expr, $vectors:literal, $add:ident, $tile:expr, [$($n:literal)*]) => {
        match $rows {
            $($n => if $n <= $most { <$simd>::tile::<$n, $vectors, $add>($tile) },)*
            _ => unreachable!("a tile has at most {} rows", $most),
        }
    };
}

/// `n_rows` rows of A against one panel of B, in tiles as even as they can be, so that none is left with too few
/// independent sums to hide the latency of a multiplication.
///
/// # Safety
/// As [`tile`], for all rows: `first` describes the first one.
#[inline(always)]
unsafe fn rows<S: Simd, const TURNED: bool>(first: &Tile, n_rows: usize, wide: bool) {
    let most = if wide { S::ROWS_WIDE } else { S::ROWS_NARROW };
    let n_tiles = n_rows.div_ceil(most);
    let mut row = 0;
    for i in 0..n_tiles {
        let n = (n_rows - row).div_ceil(n_tiles - i);
        let mut t = *first;
        // SAFETY: rows before `n_rows`, which the caller's pointers are valid for.
        unsafe {
            t.a = first.a.add(row * first.a_row);
            t.c = first.c.add(row * first.c_row);
            if wide {
                by_rows!(S, S::ROWS_WIDE, n, 2, TURNED, &t, [1 2 3 4 5 6 7 8 9 10 11 12]);
            } else {
                by_rows!(S, S::ROWS_NARROW, n, 1, TURNED, &t, [1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24]);
            }
        }
        row += n;
    }
}

/// One output row of a convolution, see [`crate::table::ConvolveRow`].
///
/// # Safety
/// `first.b` points to the panels of all `n_columns` columns.
#[inline(always)]
pub(crate) unsafe fn convolve<S: Simd>(first: &Tile, n_rows: usize) {
    // SAFETY: handed on.
    unsafe { panels::<S, false>(first, n_rows, first.n_segments * first.n_k) }
}

/// Adds the products of some rows to a weight gradient; the same layout of panels.
///
/// # Safety
/// As [`convolve`].
#[inline(always)]
pub(crate) unsafe fn add_products<S: Simd>(first: &Tile, n_rows: usize) {
    // SAFETY: handed on.
    unsafe { panels::<S, true>(first, n_rows, first.n_segments * first.n_k) }
}

/// All panels of B in turn: wide ones of two vectors, and at the end a narrow one where one vector is enough.
///
/// # Safety
/// As [`convolve`]; a panel is `depth` times its width long.
#[inline(always)]
unsafe fn panels<S: Simd, const TURNED: bool>(first: &Tile, n_rows: usize, depth: usize) {
    let mut column = 0;
    while column < first.n_columns {
        let left = first.n_columns - column;
        let wide = left > S::LANES;
        let width = if wide { 2 * S::LANES } else { S::LANES };
        let mut t = *first;
        // SAFETY: panels before this one take `column * depth` values, as `column` is a multiple of the wide width.
        unsafe {
            t.b = first.b.add(column * depth);
            t.b_segment = first.n_k * width;
            t.c = first.c.add(column);
            t.n_columns = left.min(width);
            rows::<S, TURNED>(&t, n_rows, wide);
        }
        column += width;
    }
}

/// Values that panels of `n_columns` columns and `depth` steps of k take.
pub(crate) fn panels_len(lanes: usize, depth: usize, n_columns: usize) -> usize {
    n_columns.div_ceil(lanes) * lanes * depth
}

/// Writes panels: `value(k, column)` for every k, padded with zeros to whole vectors.
pub(crate) fn pack(lanes: usize, depth: usize, n_columns: usize, to: &mut [f32], value: impl Fn(usize, usize) -> f32) {
    let mut column = 0;
    let mut at = 0;
    while column < n_columns {
        let left = n_columns - column;
        let width = if left > lanes { 2 * lanes } else { lanes };
        for k in 0..depth {
            for j in 0..width {
                to[at + k * width + j] = if j < left { value(k, column + j) } else { 0.0 };
            }
        }
        at += depth * width;
        column += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_padded_with_zeros() {
        let mut to = vec![9.0; panels_len(2, 2, 5)];
        pack(2, 2, 5, &mut to, |k, column| (10 * k + column) as f32);
        assert_eq!(to, [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0, 4.0, 0.0, 14.0, 0.0]);
    }
}
