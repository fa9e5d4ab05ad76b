//! Matrix products of rows and panels, of either kind of number.

use crate::bf16;
use crate::panels::{Panels, Rows, SQUARE};
use crate::scratch::{Buffer, made_in_parts};
use crate::simd::Simd;
use crate::stored::{Bf16, Stored, round};
use crate::table::Table;
use crate::transpose::Transpose;
use rayon::prelude::*;
use std::ops::Range;

/// A kind of number that matrices are multiplied in.
pub(crate) trait Factor: Stored {
    /// Columns of a narrow panel.
    fn lanes(table: &Table) -> usize;

    /// Steps of k that a panel has for `n_k` that hold values.
    fn depth(n_k: usize) -> usize;

    /// Rows of k side by side, times their factors; the second one may be missing. `out`: `G` times as long as a row.
    ///
    /// # Safety
    /// The processor has the instructions of `S`. So for [`words`](Self::words).
    unsafe fn interleave<S: Simd, T: Stored>(even: (&[T], f32), odd: Option<(&[T], f32)>, out: &mut [Self]);

    /// A stretch of a row as words of `G` numbers, times a factor; words that it does not reach are left as they are.
    ///
    /// # Safety
    /// As [`interleave`](Self::interleave).
    unsafe fn words<S: Simd, T: Stored>(values: &[T], factor: f32, words: &mut [u32; SQUARE]);

    /// The numbers in words.
    fn of_words(words: &[u32], out: &mut [Self]);

    /// `c = a b`, or `c += a b`, on this thread.
    ///
    /// # Shapes
    /// `a`: `[M, K]`; `b`: `[K, N]`; `c`: `[M, N]`
    fn multiply(table: &Table, a: Rows<'_, Self>, b: &Panels<Self>, accumulate: bool, c: &mut [f32]);

    /// `c = a^T b`, or `c += a^T b`, for some columns of `a`, on this thread.
    ///
    /// # Shapes
    /// `a`: `[K, M]`; `b`: `[K, N]`; `c`: `[columns, N]`
    fn multiply_transposed(
        table: &Table,
        a: Rows<'_, Self>,
        columns: Range<usize>,
        b: &Panels<Self>,
        accumulate: bool,
        c: &mut [f32],
    );
}

impl Factor for f32 {
    fn lanes(table: &Table) -> usize {
        table.lanes
    }

    fn depth(n_k: usize) -> usize {
        n_k
    }

    #[inline(always)]
    unsafe fn interleave<S: Simd, T: Stored>((row, factor): (&[T], f32), _: Option<(&[T], f32)>, out: &mut [f32]) {
        for (out, value) in out.iter_mut().zip(row) {
            *out = value.value() * factor;
        }
    }

    #[inline(always)]
    unsafe fn words<S: Simd, T: Stored>(values: &[T], factor: f32, words: &mut [u32; SQUARE]) {
        for (word, value) in words.iter_mut().zip(values) {
            *word = (value.value() * factor).to_bits();
        }
    }

    #[inline(always)]
    fn of_words(words: &[u32], out: &mut [f32]) {
        for (out, word) in out.iter_mut().zip(words) {
            *out = f32::from_bits(*word);
        }
    }

    fn multiply(table: &Table, a: Rows<'_, f32>, b: &Panels<f32>, accumulate: bool, c: &mut [f32]) {
        table.multiply(a, b, accumulate, c);
    }

    fn multiply_transposed(
        table: &Table,
        a: Rows<'_, f32>,
        columns: Range<usize>,
        b: &Panels<f32>,
        accumulate: bool,
        c: &mut [f32],
    ) {
        table.multiply_transposed(a, columns, b, accumulate, c);
    }
}

impl Factor for Bf16 {
    fn lanes(_: &Table) -> usize {
        bf16::LANES
    }

    fn depth(n_k: usize) -> usize {
        n_k.next_multiple_of(bf16::DEPTH)
    }

    #[inline(always)]
    unsafe fn interleave<S: Simd, T: Stored>((even, by_even): (&[T], f32), odd: Option<(&[T], f32)>, out: &mut [Self]) {
        let pairs = &mut out.as_chunks_mut::<2>().0[..even.len()];
        let Some((odd, by_odd)) = odd else {
            for (pair, even) in pairs.iter_mut().zip(even) {
                *pair = halves(round(even.value() * by_even));
            }
            return;
        };
        let whole = even.len() - even.len() % S::LANES;
        // SAFETY: vectors before `whole`, which is inside of all three; the processor has the instructions.
        unsafe {
            let factors = [by_even, by_odd].map(|factor| S::splat(factor));
            for at in (0..whole).step_by(S::LANES) {
                let even = S::mul(T::load::<S>(even[..whole].as_ptr().add(at)), factors[0]);
                let odd = S::mul(T::load::<S>(odd[..whole].as_ptr().add(at)), factors[1]);
                S::store_bf16_pairs(pairs[..whole].as_mut_ptr().add(at).cast(), even, odd);
            }
        }
        for ((pair, even), odd) in pairs.iter_mut().zip(even).zip(odd).skip(whole) {
            *pair = halves(round(even.value() * by_even) | round(odd.value() * by_odd) << 16);
        }
    }

    #[inline(always)]
    unsafe fn words<S: Simd, T: Stored>(values: &[T], factor: f32, words: &mut [u32; SQUARE]) {
        let values = &values[..values.len().min(2 * SQUARE)];
        let whole = values.len() - values.len() % S::LANES;
        // Pairs of halves are words as they lie there, the first one the lower.
        if cfg!(target_endian = "little") && whole == values.len() {
            // SAFETY: as many halves as values, at most twice as many as there are words; the processor has the instructions.
            unsafe {
                let by = S::splat(factor);
                for at in (0..whole).step_by(S::LANES) {
                    let value = S::mul(T::load::<S>(values.as_ptr().add(at)), by);
                    S::store_bf16(words.as_mut_ptr().cast::<u16>().add(at), value);
                }
            }
            return;
        }
        let (pairs, last) = values.as_chunks::<2>();
        for (word, [even, odd]) in words.iter_mut().zip(pairs) {
            *word = round(even.value() * factor) | round(odd.value() * factor) << 16;
        }
        if let [last] = last {
            words[pairs.len()] = round(last.value() * factor);
        }
    }

    #[inline(always)]
    fn of_words(words: &[u32], out: &mut [Self]) {
        for (pair, word) in out.as_chunks_mut::<2>().0.iter_mut().zip(words) {
            *pair = halves(*word);
        }
    }

    fn multiply(_: &Table, a: Rows<'_, Self>, b: &Panels<Self>, accumulate: bool, c: &mut [f32]) {
        multiply_bf16(bf16::kernels()[0].multiply, a, b, accumulate, c);
    }

    fn multiply_transposed(
        table: &Table,
        a: Rows<'_, Self>,
        columns: Range<usize>,
        b: &Panels<Self>,
        accumulate: bool,
        c: &mut [f32],
    ) {
        let depth = Self::depth(a.n_rows);
        let mut transposed = Buffer::<Self>::take(columns.len().next_multiple_of(SQUARE) * depth);
        let n_columns = columns.len();
        table.run(Transpose { from: a, columns, out: &mut transposed });
        let rows =
            Rows { values: &transposed[..n_columns * depth], n_rows: n_columns, n_columns: a.n_rows, step: depth };
        Self::multiply(table, rows, b, accumulate, c);
    }
}

/// The two numbers of a word.
#[inline(always)]
fn halves(word: u32) -> [Bf16; 2] {
    [Bf16(word as u16), Bf16((word >> 16) as u16)]
}

/// [`Factor::multiply`] by one of the ways that there are.
fn multiply_bf16(multiply: bf16::Multiply, a: Rows<'_, Bf16>, b: &Panels<Bf16>, accumulate: bool, c: &mut [f32]) {
    let (n_rows, n_columns) = (a.n_rows, b.n_columns);
    assert!(a.n_columns == b.n_k && c.len() == n_rows * n_columns);
    if n_rows == 0 {
        return;
    }
    assert!(a.values.len() >= (n_rows - 1) * a.step + b.n_k.next_multiple_of(2));
    let product = bf16::Product {
        n_k: b.n_k,
        a: a.values.as_ptr(),
        a_row: a.step,
        b: b.values().as_ptr(),
        c: c.as_mut_ptr(),
        c_row: n_columns,
        n_columns,
        accumulate,
    };
    // SAFETY: the assertions cover rows, panels are as long as they say, and `kernels` has only ways of this processor.
    unsafe { multiply(&product, n_rows) }
}

/// Values of a result that one thread computes at a time: what stays in a core's second cache.
const CHUNK: usize = 64 * 1024;

/// Rows of a product with so many columns that are computed together: the same for any number of threads.
pub(crate) fn chunk_rows(n_columns: usize) -> usize {
    (CHUNK / n_columns / 24 * 24).clamp(24, 96)
}

/// `a b` by all threads, some rows at a time, each shown to `finish` with the number of the first and the values beside
/// them.
///
/// # Shapes
/// `a`: `[M, K]`; `b`: `[K, N]`; `finish` gets `[n, N]`, which is nobody else's. `beside` has an item for every
/// [`chunk_rows`] of N.
pub(crate) fn multiply<V: Factor, B: IndexedParallelIterator>(
    table: &Table,
    a: Rows<'_, V>,
    b: &Panels<V>,
    beside: B,
    finish: impl Fn(Range<usize>, &mut [f32], B::Item) + Sync,
) {
    let n = chunk_rows(b.n_columns);
    assert_eq!(beside.len(), a.n_rows.div_ceil(n), "rows without what is beside them");
    beside.enumerate().for_each(|(chunk, beside)| {
        let rows = chunk * n..a.n_rows.min((chunk + 1) * n);
        let mut c = Buffer::<f32>::take(rows.len() * b.n_columns);
        V::multiply(table, a.part(rows.clone()), b, false, &mut c);
        finish(rows, &mut c, beside);
    });
}

/// Rows of a weight gradient that one thread computes at a time.
const TURNED_ROWS: usize = 48;

/// `a^T b` by all threads.
///
/// # Shapes
/// `a`: `[K, M]`; `b`: `[K, N]`; the result: `[M, N]`
pub(crate) fn multiply_transposed<V: Factor>(table: &Table, a: Rows<'_, V>, b: &Panels<V>) -> Vec<f32> {
    let (n_rows, n_columns) = (a.n_columns, b.n_columns);
    let chunks = (0..n_rows.div_ceil(TURNED_ROWS)).into_par_iter();
    made_in_parts(n_rows * n_columns, TURNED_ROWS * n_columns, chunks, |c, chunk| {
        let first = chunk * TURNED_ROWS;
        V::multiply_transposed(table, a, first..first + c.len() / n_columns, b, false, c);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Path;
    use crate::panels::Side;

    /// Values in -1..1.
    fn values(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
    }

    /// `[M, K, N]`, with every remainder of tiles, panels and chunks.
    const SHAPES: [[usize; 3]; 9] = [
        [1, 1, 1],
        [3, 2, 5],
        [16, 32, 16],
        [17, 33, 31],
        [33, 5, 65],
        [64, 31, 1],
        [25, 100, 40],
        [150, 7, 300],
        [12, 64, 96],
    ];

    fn shapes() -> &'static [[usize; 3]] {
        if cfg!(miri) { &SHAPES[..4] } else { &SHAPES }
    }

    /// The exact sums of what the factors are stored as, and the sums of absolute products.
    fn exact(a: &[f32], b: &[f32], [m, k, n]: [usize; 3]) -> Vec<(f64, f64)> {
        let sum = |i: usize| {
            (0..k)
                .map(|l| f64::from(a[i / n * k + l]) * f64::from(b[l * n + i % n]))
                .fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()))
        };
        (0..m * n).map(sum).collect()
    }

    fn check<V: Factor>(what: &str, product: impl Fn(&Table, &[V], &Panels<V>, [usize; 3], bool, &mut [f32])) {
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            let table = Table::of(path);
            for &shape in shapes() {
                let [m, k, n] = shape;
                let stored = |values: Vec<f32>| values.into_iter().map(V::of).collect::<Vec<_>>();
                // One more value behind the last row, as bf16 needs where k is odd.
                let a = stored(values(m * k + 1, 1));
                let b = stored(values(k * n, 2));
                let panels = Panels::<V>::new(table, Rows::new(&b, n), Side::Depth, None);
                let plain = |values: &[V]| values.iter().map(|v| v.value()).collect::<Vec<_>>();
                let exact = exact(&plain(&a[..m * k]), &plain(&b), shape);
                for accumulate in [false, true] {
                    let start = if accumulate { 0.5 } else { f32::NAN };
                    let mut c = vec![start; m * n];
                    product(table, &a, &panels, shape, accumulate, &mut c);
                    for (got, (sum, size)) in c.iter().zip(&exact) {
                        let expected = sum + if accumulate { 0.5 } else { 0.0 };
                        let close = (f64::from(*got) - expected).abs() <= 1e-6 * (1.0 + size);
                        assert!(close, "{what} {path} {shape:?}: got {got}, expected {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn products_are_sums_of_products() {
        fn whole<V: Factor>(t: &Table, a: &[V], b: &Panels<V>, [m, k, _]: [usize; 3], accumulate: bool, c: &mut [f32]) {
            V::multiply(t, Rows { values: a, n_rows: m, n_columns: k, step: k }, b, accumulate, c);
        }
        check::<f32>("f32", whole);
        check::<Bf16>("bf16", whole);
        for kernel in bf16::kernels() {
            check::<Bf16>(kernel.name, |_, a, b, [m, k, _], accumulate, c| {
                let a = Rows { values: a, n_rows: m, n_columns: k, step: k };
                multiply_bf16(kernel.multiply, a, b, accumulate, c);
            });
        }
    }

    #[test]
    fn a_transposed_operand_gives_the_same() {
        fn transposed<V: Factor>(
            t: &Table,
            a: &[V],
            b: &Panels<V>,
            [m, k, _]: [usize; 3],
            accumulate: bool,
            c: &mut [f32],
        ) {
            let columns_first: Vec<V> = (0..k * m).map(|i| a[i % m * k + i / m]).collect();
            let a = Rows::new(&columns_first, m);
            if accumulate {
                V::multiply_transposed(t, a, 0..m, b, true, c);
            } else {
                c.copy_from_slice(&multiply_transposed(t, a, b));
            }
        }
        check::<f32>("f32", transposed);
        check::<Bf16>("bf16", transposed);
    }

    #[test]
    fn chunks_are_shown_with_their_rows() {
        let table = Table::of(Path::detect());
        let n_rows = if cfg!(miri) { 97 } else { 200 };
        let (a, b) = (values(n_rows * 8, 1), values(8 * 40, 2));
        let panels = Panels::<f32>::new(table, Rows::new(&b, 40), Side::Depth, None);
        let mut whole = vec![0.0; n_rows * 40];
        f32::multiply(table, Rows::new(&a, 8), &panels, false, &mut whole);
        let mut copy = vec![0.0; n_rows * 40];
        let beside = copy.par_chunks_mut(chunk_rows(40) * 40);
        multiply(table, Rows::new(&a, 8), &panels, beside, |rows, c, copy| {
            assert_eq!(c.len(), rows.len() * 40);
            copy.copy_from_slice(c);
        });
        assert_eq!(copy, whole);
    }
}
