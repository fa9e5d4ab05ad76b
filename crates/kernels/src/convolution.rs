//! A convolution ready to be computed a few rows at a time: its weights packed for the way that is fastest for its shape.

use crate::scratch::Buffer;
use crate::slab::Slab;
use crate::table::Table;
use crate::tile::{pack, panels_len};
use crate::winograd::{self, OUT, POSITIONS, Tiles};
use rayon::prelude::*;

/// Channels from which on the sums of the indirect way pay.
const ENOUGH_CHANNELS: usize = 8;

/// Values of the indirect way's scratch memory: what a core's second cache can hold beside the weights.
const SCRATCH: usize = 80 * 1024;

/// The rows that a slab holds are a multiple of this.
pub(crate) const STEP: usize = OUT;

/// Whether tiles are faster than the direct sum, over an output of `height` rows and `width` columns.
pub(crate) fn by_tiles([kernel, stride]: [usize; 2], [n_in, n_out]: [usize; 2], [height, width]: [usize; 2]) -> bool {
    let computed = height.next_multiple_of(OUT) * width.next_multiple_of(OUT);
    kernel == 3 && stride == 1 && n_in.min(n_out) >= ENOUGH_CHANNELS && computed <= 2 * height * width
}

/// Strips of four rows whose tiles are multiplied together.
pub(crate) fn n_strips([n_in, n_out]: [usize; 2], width: usize) -> usize {
    (SCRATCH / (POSITIONS * width.div_ceil(OUT) * (n_in + n_out))).max(1)
}

/// Packed weights of a convolution.
pub(crate) struct Convolution {
    table: &'static Table,
    n_in: usize,
    n_out: usize,
    /// Columns of the output.
    width: usize,
    way: Way,
}

enum Way {
    /// Row by row, with `[kernel, kernel * C_in][C_out]`, packed.
    Direct(Buffer<f32>),
    /// By [`winograd`], with `[36][C_in][C_out]`, each packed, and so many strips at a time.
    Tiles(Buffer<f32>, usize),
}

impl Convolution {
    /// `weight(row, column, channel, out)` is the kernel; a slab that it goes over has the same `stride`. `size` is that
    /// of the output.
    pub(crate) fn new(
        table: &'static Table,
        [kernel, stride]: [usize; 2],
        [n_in, n_out]: [usize; 2],
        size: [usize; 2],
        weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let lanes = table.lanes;
        let width = size[1];
        let way = if by_tiles([kernel, stride], [n_in, n_out], size) {
            Way::Tiles(tile_weights(lanes, [n_in, n_out], weight), n_strips([n_in, n_out], width))
        } else {
            let depth = kernel * kernel * n_in;
            let mut panels = Buffer::take(panels_len(lanes, depth, n_out));
            pack(lanes, depth, n_out, &mut panels, |k, out| {
                let (position, channel) = (k / n_in, k % n_in);
                weight(position / kernel, position % kernel, channel, out)
            });
            Way::Direct(panels)
        };
        Self { table, n_in, n_out, width, way }
    }

    /// Output rows that are computed at a time; [`rows`](Self::rows) is fastest for a multiple of it.
    pub(crate) fn group(&self) -> usize {
        match self.way {
            Way::Direct(_) => 1,
            Way::Tiles(_, n_strips) => OUT * n_strips,
        }
    }

    /// Room for what [`rows`](Self::rows) keeps while it computes.
    pub(crate) fn scratch(&self) -> Buffer<f32> {
        Buffer::take(match self.way {
            Way::Direct(_) => 0,
            Way::Tiles(_, n_strips) => {
                let n_tiles = n_strips * self.width.div_ceil(OUT);
                POSITIONS * (winograd::step(n_tiles, self.n_in) + winograd::step(n_tiles, self.n_out))
            }
        })
    }

    /// Output rows, the first of them the slab's output row `row`.
    ///
    /// # Shapes
    /// `out`: `[any number, width, C_out]`
    pub(crate) fn rows(&self, slab: &Slab, row: usize, scratch: &mut [f32], out: &mut [f32]) {
        let len = self.width * self.n_out;
        let Way::Tiles(panels, _) = &self.way else {
            let Way::Direct(panels) = &self.way else { return };
            for (i, out) in out.chunks_exact_mut(len).enumerate() {
                self.table.convolve(slab.rows_from(row + i), panels, out);
            }
            return;
        };
        let n = self.width.div_ceil(OUT);
        for (nth, out) in out.chunks_mut(self.group() * len).enumerate() {
            let of = out.len().div_ceil(OUT * len) * n;
            let tiles = |strip: usize| Tiles { first: strip * n, n, of };
            let (transformed, products) = scratch.split_at_mut(POSITIONS * winograd::step(of, self.n_in));
            let products = &mut products[..POSITIONS * winograd::step(of, self.n_out)];
            let first = row + nth * self.group();
            for strip in 0..of / n {
                self.table.input_transform(slab.rows_from(first + OUT * strip), tiles(strip), transformed);
            }
            self.table.products(transformed, panels, [of, self.n_in, self.n_out], products);
            for (strip, out) in out.chunks_mut(OUT * len).enumerate() {
                self.table.output_transform(products, tiles(strip), self.width, self.n_out, out);
            }
        }
    }
}

/// `[36][C_in][C_out]`, each packed.
fn tile_weights(
    lanes: usize,
    [n_in, n_out]: [usize; 2],
    weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync,
) -> Buffer<f32> {
    let len = panels_len(lanes, n_in, n_out);
    let mut transformed = Buffer::<f32>::take(n_in * n_out * POSITIONS);
    transformed.par_chunks_mut(n_out * POSITIONS).enumerate().for_each(|(channel, transformed)| {
        for (out, transformed) in transformed.chunks_exact_mut(POSITIONS).enumerate() {
            let kernel = std::array::from_fn(|row| std::array::from_fn(|column| weight(row, column, channel, out)));
            transformed.copy_from_slice(&winograd::weights(kernel));
        }
    });
    let mut panels = Buffer::take(POSITIONS * len);
    panels.par_chunks_mut(len).enumerate().for_each(|(position, panel)| {
        pack(lanes, n_in, n_out, panel, |channel, out| transformed[(channel * n_out + out) * POSITIONS + position]);
    });
    panels
}
