//! A matrix of bf16 whose columns become rows.

use crate::dispatch::Work;
use crate::panels::{Rows, SQUARE};
use crate::products::Factor;
use crate::simd::Simd;
use crate::stored::Bf16;
use std::ops::Range;

/// Columns of a matrix as rows of bf16, padded with zeros to a multiple of [`crate::bf16::DEPTH`].
pub(crate) struct Transpose<'a> {
    pub(crate) from: Rows<'a, Bf16>,
    pub(crate) columns: Range<usize>,
    pub(crate) out: &'a mut [Bf16],
}

impl Work for Transpose<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let depth = Bf16::depth(self.from.n_rows);
        for k in (0..depth).step_by(2 * SQUARE) {
            for first in (0..self.columns.len()).step_by(SQUARE) {
                let columns = self.columns.start + first..self.columns.end.min(self.columns.start + first + SQUARE);
                let mut square = [[0u32; SQUARE]; SQUARE];
                for (pair, words) in square.iter_mut().enumerate() {
                    let row = k + 2 * pair;
                    if row >= self.from.n_rows {
                        break;
                    }
                    let even = &self.from.row(row)[columns.clone()];
                    if row + 1 < self.from.n_rows {
                        let odd = &self.from.row(row + 1)[columns.clone()];
                        for ((word, even), odd) in words.iter_mut().zip(even).zip(odd) {
                            *word = u32::from(even.0) | u32::from(odd.0) << 16;
                        }
                    } else {
                        for (word, even) in words.iter_mut().zip(even) {
                            *word = u32::from(even.0);
                        }
                    }
                }
                // SAFETY: the caller's processor has the instructions.
                unsafe { S::transpose(&mut square) };
                for (i, words) in square.iter().enumerate() {
                    let at = (first + i) * depth + k;
                    Bf16::of_words(words, &mut self.out[at..at + 2 * SQUARE]);
                }
            }
        }
    }
}
