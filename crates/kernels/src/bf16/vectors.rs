//! Products in the 512-bit vectors of AVX-512 BF16.

use super::{DEPTH, LANES, Product};
use crate::stored::Bf16;
use std::arch::x86_64::*;

/// Rows of sums that registers hold beside two vectors of a panel, and beside one.
const ROWS_WIDE: usize = 12;
const ROWS_NARROW: usize = 24;

pub(super) fn is_available() -> bool {
    // Miri runs none of it.
    !cfg!(miri) && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
}

/// See [`super::Multiply`].
///
/// # Safety
/// As there.
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn multiply(product: &Product, n_rows: usize) {
    let depth = product.n_k.next_multiple_of(DEPTH);
    let mut column = 0;
    while column < product.n_columns {
        let left = product.n_columns - column;
        let width = if left > LANES { 2 * LANES } else { LANES };
        // SAFETY: panels before this one take `column * depth` values, as `column` is a multiple of the wide width.
        unsafe {
            let panel = Product {
                b: product.b.add(column * depth),
                c: product.c.add(column),
                n_columns: left.min(width),
                ..*product
            };
            rows(&panel, n_rows, width > LANES);
        }
        column += width;
    }
}

macro_rules! by_rows {
    ($rows:expr, $vectors:literal, $product:expr, [$($n:literal)*]) => {
        match $rows {
            $($n => tile::<$n, $vectors>($product),)*
            _ => unreachable!("a tile has fewer rows"),
        }
    };
}

/// All rows against one panel, in tiles as even as they can be.
///
/// # Safety
/// As [`multiply`], for a panel.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn rows(panel: &Product, n_rows: usize, wide: bool) {
    let n_tiles = n_rows.div_ceil(if wide { ROWS_WIDE } else { ROWS_NARROW });
    let mut row = 0;
    for i in 0..n_tiles {
        let n = (n_rows - row).div_ceil(n_tiles - i);
        // SAFETY: rows before `n_rows`.
        unsafe {
            let part = Product { a: panel.a.add(row * panel.a_row), c: panel.c.add(row * panel.c_row), ..*panel };
            if wide {
                by_rows!(n, 2, &part, [1 2 3 4 5 6 7 8 9 10 11 12]);
            } else {
                by_rows!(n, 1, &part, [1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24]);
            }
        }
        row += n;
    }
}

/// `R` rows and `V` vectors of sums.
///
/// # Safety
/// As [`multiply`], for a panel and so many rows.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn tile<const R: usize, const V: usize>(p: &Product) {
    // SAFETY: the function's own contract; a vector of bf16 is 32 of them.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); V]; R];
        let (mut a, mut b) = (p.a.cast::<i32>(), p.b);
        for _pair in 0..p.n_k.div_ceil(2) {
            let columns: [__m512bh; V] = std::array::from_fn(|j| load(b.add(j * 2 * LANES)));
            for (i, sums) in sums.iter_mut().enumerate() {
                let pair = _mm512_set1_epi32(a.byte_add(i * p.a_row * size_of::<Bf16>()).read_unaligned());
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm512_dpbf16_ps(*sum, std::mem::transmute::<__m512i, __m512bh>(pair), column);
                }
            }
            a = a.wrapping_add(1);
            b = b.wrapping_add(V * 2 * LANES);
        }
        for (i, sums) in sums.iter().enumerate() {
            for (j, &sum) in sums.iter().enumerate() {
                let c = p.c.add(i * p.c_row + j * LANES);
                let mask = first(p.n_columns.saturating_sub(j * LANES).min(LANES));
                let sum = if p.accumulate { _mm512_add_ps(_mm512_maskz_loadu_ps(mask, c), sum) } else { sum };
                _mm512_mask_storeu_ps(c, mask, sum);
            }
        }
    }
}

/// # Safety
/// The pointer is valid for 32 values.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn load(from: *const Bf16) -> __m512bh {
    // SAFETY: the caller's pointer; any bits are bf16.
    unsafe { std::mem::transmute(_mm512_loadu_si512(from.cast())) }
}

/// A mask of the first `n` of 16.
#[inline(always)]
fn first(n: usize) -> __mmask16 {
    ((1u32 << n) - 1) as __mmask16
}
