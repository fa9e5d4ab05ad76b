//! The weight gradient of a convolution, added up a few rows at a time.

use crate::convolution::{by_tiles, n_strips};
use crate::fused::Fused;
use crate::scratch::Buffer;
use crate::slab::Slab;
use crate::table::{Padded, Table};
use crate::tile::panels_len;
use crate::winograd::{self, OUT, POSITIONS, Tiles};

/// What the sums are made from, for a few rows at a time.
pub(crate) enum WeightSums {
    /// Products of the input with the output's gradient, which is packed; they add up to `[K, K, C_in, C_out]`.
    Direct { packed: Buffer<f32>, n_out: usize, lanes: usize },
    /// Products at the positions of tiles, of so many strips at a time; they add up to `[36, C_in, C_out]`.
    Tiles { transformed: Buffer<f32>, packed: Buffer<f32>, channels: [usize; 2], n_strips: usize },
}

impl WeightSums {
    pub(crate) fn new(block: &Fused) -> Self {
        let size = &block.size;
        let (lanes, channels, width) = (block.table.lanes, [size.n_in, size.n_out], size.conv_width());
        if !by_tiles([size.kernel, size.stride], channels, [size.conv_height(), width]) {
            return Self::Direct { packed: Buffer::take(0), n_out: size.n_out, lanes };
        }
        let n_strips = n_strips(channels, width);
        let n_tiles = n_strips * width.div_ceil(OUT);
        Self::Tiles {
            transformed: Buffer::take(POSITIONS * winograd::step(n_tiles, size.n_in)),
            packed: Buffer::take(POSITIONS * panels_len(lanes, n_tiles, size.n_out)),
            channels,
            n_strips,
        }
    }

    /// Where the output's gradient of so many pixels is to be packed, if it is.
    pub(crate) fn packed(&mut self, n_pixels: usize) -> Option<&mut [f32]> {
        match self {
            Self::Tiles { .. } => None,
            Self::Direct { packed, n_out, lanes } => {
                let len = panels_len(*lanes, n_pixels, *n_out);
                if packed.len() < len {
                    *packed = Buffer::take(len);
                }
                Some(&mut packed[..len])
            }
        }
    }

    /// Adds the products of `n_rows` rows; where they are the first, they overwrite what is in `to`. `dense`: the output's gradient, and
    /// zeros up to a full strip.
    pub(crate) fn add(
        &mut self,
        table: &Table,
        x: &Slab,
        n_rows: usize,
        dense: Option<Padded<'_>>,
        to: &mut [f32],
        is_first: bool,
    ) {
        match (self, dense) {
            (Self::Direct { packed, n_out, lanes }, _) => {
                let len = panels_len(*lanes, n_rows * x.out_width(), *n_out);
                table.add_products(x.rows_from(0), n_rows, &packed[..len], *n_out, to, !is_first);
            }
            (Self::Tiles { transformed, packed, channels: [n_in, n_out], n_strips }, Some(dense)) => {
                let n = x.out_width().div_ceil(OUT);
                for first in (0..n_rows.div_ceil(OUT)).step_by(*n_strips) {
                    let of = (n_rows.div_ceil(OUT) - first).min(*n_strips) * n;
                    let packed = &mut packed[..POSITIONS * panels_len(table.lanes, of, *n_out)];
                    for strip in 0..of / n {
                        let (tiles, row) = (Tiles { first: strip * n, n, of }, (first + strip) * OUT);
                        table.input_transform(x.rows_from(row), tiles, transformed);
                        table.gradient_transform(dense.from(row), tiles, packed);
                    }
                    table.add_tile_products(transformed, packed, [of, *n_in, *n_out], to, !is_first || first > 0);
                }
            }
            (Self::Tiles { .. }, None) => unreachable!("tiles need the gradient by rows"),
        }
    }
}
