//! A convolution ready to be computed row by row: its weights packed for the way that is fastest for its shape.

use crate::scratch::Buffer;
use crate::slab::Slab;
use crate::table::Table;
use crate::tile::{pack, panels_len};
use crate::winograd::{self, POSITIONS};
use rayon::prelude::*;

/// Channels from which on the sums of the indirect way pay.
const ENOUGH_CHANNELS: usize = 8;

/// Rows that are computed at a time.
pub(crate) const STEP: usize = 2;

/// Packed weights of a convolution with `kernel` rows and columns.
pub(crate) struct Convolution {
    table: &'static Table,
    n_in: usize,
    n_out: usize,
    /// `[kernel, kernel * C_in][C_out]`, packed.
    direct: Buffer<f32>,
    /// `[16][C_in][C_out]`, each packed, where two rows at a time are faster.
    winograd: Option<Buffer<f32>>,
}

impl Convolution {
    /// `weight(row, column, channel, out)` is the kernel; a slab that it goes over has the same `stride`.
    pub(crate) fn new(
        table: &'static Table,
        [kernel, stride]: [usize; 2],
        [n_in, n_out]: [usize; 2],
        weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let lanes = table.lanes;
        let depth = kernel * kernel * n_in;
        let mut direct = Buffer::take(panels_len(lanes, depth, n_out));
        pack(lanes, depth, n_out, &mut direct, |k, out| {
            let (position, channel) = (k / n_in, k % n_in);
            weight(position / kernel, position % kernel, channel, out)
        });
        let winograd = (kernel == 3 && stride == 1 && n_in.min(n_out) >= ENOUGH_CHANNELS).then(|| {
            let len = panels_len(lanes, n_in, n_out);
            let mut panels = Buffer::take(POSITIONS * len);
            panels.par_chunks_mut(len).enumerate().for_each(|(position, panel)| {
                pack(lanes, n_in, n_out, panel, |channel, out| {
                    winograd::weight(position, |row, column| weight(row, column, channel, out))
                });
            });
            panels
        });
        Self { table, n_in, n_out, direct, winograd }
    }

    /// Room for what [`rows`](Self::rows) keeps while it computes rows of `width` pixels.
    pub(crate) fn scratch(&self, width: usize) -> Buffer<f32> {
        let n_tiles = if self.winograd.is_some() { width.div_ceil(2) } else { 0 };
        Buffer::take(POSITIONS * n_tiles * (self.n_in + self.n_out))
    }

    /// One or two output rows, the first of them the slab's output row `row`.
    ///
    /// # Shapes
    /// `out`: `[1 or 2, out_width, C_out]`
    pub(crate) fn rows(&self, slab: &Slab, row: usize, scratch: &mut [f32], out: &mut [f32]) {
        let len = slab.out_width() * self.n_out;
        match &self.winograd {
            Some(panels) if out.len() == STEP * len => {
                self.table.convolve_two_rows(slab.rows_from(row), panels, scratch, out);
            }
            _ => {
                for (i, out) in out.chunks_exact_mut(len).enumerate() {
                    self.table.convolve(slab.rows_from(row + i), &self.direct, out);
                }
            }
        }
    }
}
