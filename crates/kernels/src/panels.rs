//! The operands of a matrix product: plain rows, and packed panels.
//!
//! A panel holds two vectors' worth of columns, the last one perhaps only one, padded with zeros: `[depth / G, width, G]`,
//! where G steps of k are adjacent (one of `f32`, two of bf16).

use crate::dispatch::Work;
use crate::products::Factor;
use crate::scratch::Buffer;
use crate::simd::Simd;
use crate::stored::Stored;
use crate::table::Table;
use rayon::prelude::*;
use std::ops::Range;

/// Rows of a matrix, `step` values apart.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, V> {
    /// From the first value of the first row on.
    pub(crate) values: &'a [V],
    pub(crate) n_rows: usize,
    pub(crate) n_columns: usize,
    pub(crate) step: usize,
}

impl<'a, V> Rows<'a, V> {
    /// Contiguous rows.
    pub(crate) fn new(values: &'a [V], n_columns: usize) -> Self {
        Self { values, n_rows: values.len() / n_columns, n_columns, step: n_columns }
    }

    /// Some of the rows.
    pub(crate) fn part(self, rows: Range<usize>) -> Self {
        Self { values: &self.values[rows.start * self.step..], n_rows: rows.len(), ..self }
    }

    /// One row.
    pub(crate) fn row(&self, row: usize) -> &'a [V] {
        &self.values[row * self.step..row * self.step + self.n_columns]
    }
}

/// How a matrix becomes the right operand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Its rows are steps of k.
    Depth,
    /// Its rows are the operand's columns: it is transposed.
    Columns,
}

/// A right operand, `[depth, n_columns]`.
pub(crate) struct Panels<V: Factor> {
    values: Buffer<V>,
    /// Steps of k that hold values.
    pub(crate) n_k: usize,
    pub(crate) n_columns: usize,
    lanes: usize,
}

impl<V: Factor> Panels<V> {
    /// Made by all threads. Each of the matrix's rows is multiplied with its factor, where there are factors.
    pub(crate) fn new<T: Stored>(table: &Table, from: Rows<'_, T>, side: Side, factors: Option<&[f32]>) -> Self {
        let mut panels = Self::empty(table, &from, side);
        let [depth, lanes] = [V::depth(panels.n_k), panels.lanes];
        panels.values.par_chunks_mut(2 * lanes * depth).enumerate().for_each(|(nth, out)| {
            let first = nth * 2 * lanes;
            table.run(Pack::<T, V> { from, side, factors, first, depth, out });
        });
        panels
    }

    /// Made by this thread.
    pub(crate) fn here<T: Stored>(table: &Table, from: Rows<'_, T>, side: Side) -> Self {
        let mut panels = Self::empty(table, &from, side);
        let [depth, lanes] = [V::depth(panels.n_k), panels.lanes];
        for (nth, out) in panels.values.chunks_mut(2 * lanes * depth).enumerate() {
            table.run(Pack::<T, V> { from, side, factors: None, first: nth * 2 * lanes, depth, out });
        }
        panels
    }

    fn empty<T>(table: &Table, from: &Rows<'_, T>, side: Side) -> Self {
        let (n_k, n_columns) = match side {
            Side::Depth => (from.n_rows, from.n_columns),
            Side::Columns => (from.n_columns, from.n_rows),
        };
        assert!(from.n_rows == 0 || from.values.len() >= (from.n_rows - 1) * from.step + from.n_columns);
        let lanes = V::lanes(table);
        let values = Buffer::take(crate::tile::panels_len(lanes, V::depth(n_k), n_columns));
        Self { values, n_k, n_columns, lanes }
    }

    /// The panels, one behind the other.
    pub(crate) fn values(&self) -> &[V] {
        &self.values
    }
}

/// One panel, from column `first` on.
struct Pack<'a, T, V> {
    from: Rows<'a, T>,
    side: Side,
    factors: Option<&'a [f32]>,
    first: usize,
    depth: usize,
    out: &'a mut [V],
}

/// Rows and columns of what is transposed at once, in words of 32 bits.
pub(crate) const SQUARE: usize = 16;

impl<T: Stored, V: Factor> Work for Pack<'_, T, V> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.out.len() / self.depth;
        match self.side {
            // SAFETY: the caller's processor has the instructions; so below.
            Side::Depth => unsafe { self.interleave::<S>(width) },
            // SAFETY: as above.
            Side::Columns => unsafe { self.transpose::<S>(width) },
        }
    }
}

impl<T: Stored, V: Factor> Pack<'_, T, V> {
    /// Rows of k: `G` of them side by side.
    #[inline(always)]
    unsafe fn interleave<S: Simd>(self, width: usize) {
        let Self { from, factors, first, out, .. } = self;
        let n = (from.n_columns - first).min(width);
        let columns = first..first + n;
        let factor = |k: usize| factors.map_or(1.0, |factors| factors[k]);
        for (nth, out) in out.chunks_exact_mut(width * V::GROUP).enumerate() {
            let k = nth * V::GROUP;
            let row = |k: usize| (k < from.n_rows).then(|| (&from.row(k)[columns.clone()], factor(k)));
            let Some(even) = row(k) else {
                out.fill(V::default());
                continue;
            };
            // SAFETY: the caller's processor has the instructions.
            unsafe { V::interleave::<S, T>(even, row(k + 1), &mut out[..n * V::GROUP]) };
            out[n * V::GROUP..].fill(V::default());
        }
    }

    /// Rows that become columns, 16 words of each at a time.
    #[inline(always)]
    unsafe fn transpose<S: Simd>(self, width: usize) {
        let n_columns = (self.from.n_rows - self.first).min(width);
        let n_k = self.from.n_columns;
        let n_words = self.depth / V::GROUP;
        for word in (0..n_words).step_by(SQUARE) {
            for column in (0..width).step_by(SQUARE) {
                let mut square = [[0u32; SQUARE]; SQUARE];
                let n = n_columns.saturating_sub(column).min(SQUARE);
                let k = word * V::GROUP;
                if k < n_k {
                    for (i, words) in square.iter_mut().enumerate().take(n) {
                        let row = self.first + column + i;
                        let values = &self.from.row(row)[k..n_k.min(k + SQUARE * V::GROUP)];
                        let factor = self.factors.map_or(1.0, |factors| factors[row]);
                        // SAFETY: the caller's processor has the instructions.
                        unsafe { V::words::<S, T>(values, factor, words) };
                    }
                }
                // SAFETY: the caller's processor has the instructions.
                unsafe { S::transpose(&mut square) };
                let n_written = SQUARE.min(width - column);
                for (i, words) in square.iter().enumerate().take(n_words - word) {
                    let at = ((word + i) * width + column) * V::GROUP;
                    V::of_words(&words[..n_written], &mut self.out[at..at + n_written * V::GROUP]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Path;
    use crate::stored::Bf16;

    fn check<V: Factor>(n_k: usize, n_columns: usize) {
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            let table = Table::of(path);
            // Small whole numbers, which bf16 holds.
            let lying: Vec<f32> = (0..n_k * n_columns).map(|i| (i * 37 % 101) as f32).collect();
            let standing: Vec<f32> = (0..n_k * n_columns).map(|i| lying[i % n_k * n_columns + i / n_k]).collect(); // [N, K]
            let by_rows = Panels::<V>::new(table, Rows::new(&lying, n_columns), Side::Depth, None);
            let by_columns = Panels::<V>::here(table, Rows::new(&standing, n_k), Side::Columns);
            assert!(by_rows.values() == by_columns.values(), "{path} {n_k} {n_columns}");
            assert_eq!([by_columns.n_k, by_columns.n_columns], [n_k, n_columns]);
            let (depth, lanes) = (V::depth(n_k), V::lanes(table));
            for (at, value) in by_rows.values().iter().enumerate() {
                let first = at / (2 * lanes * depth) * 2 * lanes;
                let width = if n_columns - first > lanes { 2 * lanes } else { lanes };
                let inside = at - first * depth;
                let k = inside / (width * V::GROUP) * V::GROUP + inside % V::GROUP;
                let column = first + inside % (width * V::GROUP) / V::GROUP;
                let expected = if k < n_k && column < n_columns { lying[k * n_columns + column] } else { 0.0 };
                assert_eq!(value.value(), expected, "{path}: {k} {column}");
            }
            let factors: Vec<f32> = (0..n_k).map(|k| [1.0, 2.0, 0.5][k % 3]).collect();
            let scaled: Vec<f32> = lying.iter().enumerate().map(|(i, v)| v * factors[i / n_columns]).collect();
            let expected = Panels::<V>::here(table, Rows::new(&scaled, n_columns), Side::Depth);
            let got = Panels::<V>::new(table, Rows::new(&lying, n_columns), Side::Depth, Some(&factors));
            assert!(got.values() == expected.values(), "{path}");
        }
    }

    #[test]
    fn values_lie_where_products_look_for_them() {
        let all = ([1, 2, 31, 33, 64], [1, 4, 15, 17, 32, 47, 70]);
        let (depths, widths) = if cfg!(miri) { (&all.0[2..3], &all.1[3..4]) } else { (&all.0[..], &all.1[..]) };
        for &n_k in depths {
            for &n_columns in widths {
                check::<f32>(n_k, n_columns);
                check::<Bf16>(n_k, n_columns);
            }
        }
    }
}
