use crate::convolution::STEP;
use crate::scratch::Buffer;
use crate::table::Padded;

/// A slab holds about this many values, so that it stays in a core's second cache.
const VALUES: usize = 24 * 1024;

/// A few rows of one clip's map with zeros around them, so that no kernel has to treat an edge apart.
pub(crate) struct Slab {
    values: Buffer<f32>,
    width: usize,
    n_channels: usize,
    kernel: usize,
    stride: usize,
    n_rows: usize,
}

impl Slab {
    /// A slab for up to [`Slab::n_rows`] of `height` output rows, a multiple of `step` where there are more.
    pub(crate) fn new(
        width: usize,
        n_channels: usize,
        [kernel, stride]: [usize; 2],
        height: usize,
        step: usize,
    ) -> Self {
        let n_rows = VALUES / ((width + kernel - 1) * n_channels * stride);
        let n_rows = n_rows.next_multiple_of(step).clamp(step, height.max(step));
        Self::with_rows(width, n_channels, [kernel, stride], n_rows)
    }

    /// A slab for `n_rows` output rows, with zeros in its margins to the left and right alone.
    pub(crate) fn with_rows(width: usize, n_channels: usize, [kernel, stride]: [usize; 2], n_rows: usize) -> Self {
        let row = (width + kernel - 1) * n_channels;
        let mut values = Buffer::take(Self::rows_under(n_rows, [kernel, stride]) * row);
        let margin = kernel / 2 * n_channels;
        for row in values.chunks_exact_mut(row) {
            row[..margin].fill(0.0);
            row[margin + width * n_channels..].fill(0.0);
        }
        Self { values, width, n_channels, kernel, stride, n_rows }
    }

    /// Makes the first `n_rows` rows zeros.
    pub(crate) fn clear(&mut self, n_rows: usize) {
        let len = n_rows * self.row_len();
        self.values[..len].fill(0.0);
    }

    /// Input rows of so many output rows, of which a strip of tiles is full.
    fn rows_under(n_rows: usize, [kernel, stride]: [usize; 2]) -> usize {
        (n_rows.next_multiple_of(STEP) - 1) * stride + kernel
    }

    /// Pixels of an output row.
    pub(crate) fn out_width(&self) -> usize {
        self.width.div_ceil(self.stride)
    }

    /// Output rows that one filling serves.
    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    fn row_len(&self) -> usize {
        (self.width + self.kernel - 1) * self.n_channels
    }

    /// Row `row` of the slab, without its margin.
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        let start = row * self.row_len() + self.kernel / 2 * self.n_channels;
        &mut self.values[start..start + self.width * self.n_channels]
    }

    /// Takes the input rows of the output rows from `first` on, of a map of `height` rows, and zeros up to a full strip;
    /// returns how many output rows those are.
    pub(crate) fn fill(&mut self, map: &[f32], first: usize, height: usize) -> usize {
        let n_rows = self.n_rows.min(height.div_ceil(self.stride) - first);
        let len = self.width * self.n_channels;
        for row in 0..Self::rows_under(n_rows, [self.kernel, self.stride]) {
            // Row `first * stride + row` of the image with its margin.
            match (first * self.stride + row).checked_sub(self.kernel / 2) {
                Some(of_map) if of_map < height => {
                    self.row_mut(row).copy_from_slice(&map[of_map * len..(of_map + 1) * len]);
                }
                _ => self.row_mut(row).fill(0.0),
            }
        }
        n_rows
    }

    /// Moves the `n_kept` rows that follow the first `n_rows` to the front.
    pub(crate) fn advance(&mut self, n_rows: usize, n_kept: usize) {
        let row = self.row_len();
        self.values.copy_within(n_rows * row..(n_rows + n_kept) * row, 0);
    }

    /// The slab from the first row of an output row on.
    pub(crate) fn rows_from(&self, row: usize) -> Padded<'_> {
        Padded {
            values: &self.values[row * self.stride * self.row_len()..],
            width: self.width,
            n_channels: self.n_channels,
            kernel: self.kernel,
            stride: self.stride,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_zeros_around_the_map() {
        let map = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut slab = Slab::with_rows(2, 1, [3, 1], 2);
        assert_eq!(slab.fill(&map, 0, 3), 2);
        let rows = [0., 0., 0., 0., 0., 1., 2., 0., 0., 3., 4., 0., 0., 5., 6., 0.];
        assert_eq!(slab.rows_from(0).values[..16], rows);
        assert_eq!(slab.rows_from(4).values, [0.0; 8]);
        assert_eq!(slab.fill(&map, 2, 3), 1);
        assert_eq!(slab.rows_from(0).values[..12], [0., 3., 4., 0., 0., 5., 6., 0., 0., 0., 0., 0.]);
    }

    #[test]
    fn a_stride_skips_rows() {
        let map = [1.0, 2.0, 3.0, 4.0, 5.0];
        let mut slab = Slab::with_rows(1, 1, [1, 2], 2);
        assert_eq!(slab.fill(&map, 0, 5), 2);
        assert_eq!(slab.rows_from(1).values[0], 3.0);
        assert_eq!(slab.fill(&map, 2, 5), 1);
        assert_eq!(slab.rows_from(0).values[0], 5.0);
    }
}
