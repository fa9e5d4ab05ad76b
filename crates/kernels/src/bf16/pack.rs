//! Operands rounded to bf16 and laid out in tiles.

use super::matrix::Matrix;
use super::tiles::{DEPTH, SIDE, Tile};
use crate::scratch::Buffer;
use rayon::prelude::*;

/// Vectors (rows of the left operand, columns of the right one) that are multiplied together: those of two tiles.
pub(super) const PANEL: usize = 2 * SIDE;

/// What a row of a tile is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TileRow {
    /// A vector: the left operand.
    Vector,
    /// A pair of values of k of all vectors: the right operand.
    Pair,
}

/// An operand: `[panels of 32 vectors, blocks of 32 values of k, 2]` tiles, padded with zeros.
pub(super) struct Packed {
    tiles: Buffer<Tile>,
    n_blocks: usize,
}

impl Packed {
    /// The rows of a matrix that is not empty are the vectors.
    pub(super) fn new(vectors: Matrix<'_>, row: TileRow) -> Self {
        let n_blocks = vectors.n_columns().div_ceil(DEPTH);
        let mut tiles = Buffer::take(vectors.n_rows().div_ceil(PANEL) * n_blocks * 2);
        tiles
            .par_chunks_mut(n_blocks * 2)
            .enumerate()
            .for_each(|(panel, tiles)| pack_panel(&vectors, panel * PANEL, row, tiles));
        Self { tiles, n_blocks }
    }

    /// Number of panels.
    pub(super) fn n_panels(&self) -> usize {
        self.tiles.len() / (self.n_blocks * 2)
    }

    /// The tiles of a panel: two for each block of k.
    pub(super) fn panel(&self, panel: usize) -> &[Tile] {
        &self.tiles[panel * self.n_blocks * 2..(panel + 1) * self.n_blocks * 2]
    }
}

fn pack_panel(vectors: &Matrix<'_>, first: usize, row: TileRow, tiles: &mut [Tile]) {
    // Every processor with AMX has them, and no other packs anything outside of tests.
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl") {
        // SAFETY: the processor has the instructions.
        return unsafe { pack_panel_avx512(vectors, first, row, tiles) };
    }
    fill_panel(vectors, first, row, tiles);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn pack_panel_avx512(vectors: &Matrix<'_>, first: usize, row: TileRow, tiles: &mut [Tile]) {
    fill_panel(vectors, first, row, tiles);
}

#[inline(always)]
fn fill_panel(vectors: &Matrix<'_>, first: usize, row: TileRow, tiles: &mut [Tile]) {
    for (block, pair) in tiles.chunks_exact_mut(2).enumerate() {
        for (half, tile) in pair.iter_mut().enumerate() {
            fill(vectors, first + half * SIDE, block * DEPTH, row, tile);
        }
    }
}

/// The tile of the 16 vectors from `first` on and the 32 values of k from `k` on.
#[inline(always)]
fn fill(vectors: &Matrix<'_>, first: usize, k: usize, row: TileRow, tile: &mut Tile) {
    let n_vectors = vectors.n_rows().saturating_sub(first).min(SIDE);
    let depth = (vectors.n_columns() - k).min(DEPTH);
    // Pairs are made in the order in which the values lie, and turned around where the tile wants the other one.
    let mut pairs = [[0; SIDE]; SIDE];
    let made = if n_vectors == 0 {
        row
    } else if vectors.has_rows() {
        for (vector, pairs) in pairs.iter_mut().enumerate().take(n_vectors) {
            let mut values = [0f32; DEPTH];
            values[..depth].copy_from_slice(vectors.run(first + vector, k, depth));
            for (i, pair) in pairs.iter_mut().enumerate() {
                *pair = round(values[2 * i]) | round(values[2 * i + 1]) << 16;
            }
        }
        TileRow::Vector
    } else {
        for (i, pairs) in pairs.iter_mut().enumerate().take(depth.div_ceil(2)) {
            let mut values = [[0f32; SIDE]; 2];
            for (odd, values) in values.iter_mut().enumerate().take(depth - 2 * i) {
                values[..n_vectors].copy_from_slice(vectors.run(first, k + 2 * i + odd, n_vectors));
            }
            for (vector, pair) in pairs.iter_mut().enumerate() {
                *pair = round(values[0][vector]) | round(values[1][vector]) << 16;
            }
        }
        TileRow::Pair
    };
    if made == row {
        tile.0 = pairs;
    } else {
        for (i, row) in tile.0.iter_mut().enumerate() {
            for (value, pairs) in row.iter_mut().zip(&pairs) {
                *value = pairs[i];
            }
        }
    }
}

/// The bits of the nearest bf16, of two equally near ones the even one. A NaN whose only bits are cut off gets one that
/// stays, so that it does not become an infinity.
#[inline(always)]
pub(super) fn round(value: f32) -> u32 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) >> 16;
    if value.is_nan() { bits >> 16 | 0x40 } else { rounded }
}
