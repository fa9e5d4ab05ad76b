//! Products: convolutions row by row, and matrices.

use super::{Padded, Table};
use crate::panels::{Panels, Rows};
use crate::tile::{Tile, panels_len};
use std::ops::Range;

/// A product of a whole matrix and panels, without the layout of `a`.
fn product(a: Rows<'_, f32>, b: &Panels<f32>, accumulate: bool, c: &mut [f32]) -> Tile {
    Tile {
        n_segments: 1,
        n_k: b.n_k,
        a: a.values.as_ptr(),
        a_row: 0,
        a_k: 0,
        a_segment: 0,
        b: b.values().as_ptr(),
        b_segment: 0,
        c: c.as_mut_ptr(),
        c_row: b.n_columns,
        n_columns: b.n_columns,
        accumulate,
    }
}

impl Table {
    /// One row of a convolution's output.
    ///
    /// # Shapes
    /// `x`: the `kernel` rows under it; `panels`: weights as `[kernel, kernel * C_in][C_out]`, packed; `out`:
    /// `[out_width, C_out]`.
    pub(crate) fn convolve(&self, x: Padded<'_>, panels: &[f32], out: &mut [f32]) {
        let n_columns = out.len() / x.out_width();
        let n_k = x.kernel * x.n_channels;
        assert!(x.values.len() >= x.kernel * x.row());
        assert_eq!(out.len(), n_columns * x.out_width());
        assert_eq!(panels.len(), panels_len(self.lanes, x.kernel * n_k, n_columns));
        let tile = Tile {
            n_segments: x.kernel,
            n_k,
            a: x.values.as_ptr(),
            a_row: x.stride * x.n_channels,
            a_k: 1,
            a_segment: x.row(),
            b: panels.as_ptr(),
            b_segment: 0,
            c: out.as_mut_ptr(),
            c_row: n_columns,
            n_columns,
            accumulate: false,
        };
        // SAFETY: pixel i reads n_k values from i * stride * C_in on in each of `kernel` rows, and i * stride < width, so
        // the first assertion covers them; the others cover panels and output. `of` has checked the processor.
        unsafe { (self.convolve)(&tile, x.out_width()) }
    }

    /// `c = a b`, or `c += a b`.
    ///
    /// # Shapes
    /// `a`: `[M, K]`; `b`: `[K, N]`; `c`: `[M, N]`
    pub(crate) fn multiply(&self, a: Rows<'_, f32>, b: &Panels<f32>, accumulate: bool, c: &mut [f32]) {
        let (n_rows, n_columns) = (a.n_rows, b.n_columns);
        assert!(a.n_columns == b.n_k && c.len() == n_rows * n_columns);
        assert_eq!(b.values().len(), panels_len(self.lanes, b.n_k, n_columns));
        if n_rows == 0 {
            return;
        }
        assert!(a.values.len() >= (n_rows - 1) * a.step + a.n_columns);
        let tile = Tile { a_row: a.step, a_k: 1, ..product(a, b, accumulate, c) };
        // SAFETY: the assertions cover rows, panels and result. `of` has checked the processor.
        unsafe { (self.convolve)(&tile, n_rows) }
    }

    /// `c = a^T b`, or `c += a^T b`, for some columns of `a`.
    ///
    /// # Shapes
    /// `a`: `[K, M]`; `b`: `[K, N]`; `c`: `[columns, N]`
    pub(crate) fn multiply_transposed(
        &self,
        a: Rows<'_, f32>,
        columns: Range<usize>,
        b: &Panels<f32>,
        accumulate: bool,
        c: &mut [f32],
    ) {
        let n_columns = b.n_columns;
        assert!(a.n_rows == b.n_k && columns.end <= a.n_columns && c.len() == columns.len() * n_columns);
        assert_eq!(b.values().len(), panels_len(self.lanes, b.n_k, n_columns));
        if columns.is_empty() || a.n_rows == 0 {
            return c.fill(0.0);
        }
        assert!(a.values.len() >= (a.n_rows - 1) * a.step + a.n_columns);
        let n_rows = columns.len();
        let first = Rows { values: &a.values[columns.start..], ..a };
        let tile = Tile { a_row: 1, a_k: a.step, ..product(first, b, accumulate, c) };
        // SAFETY: as above; row i reads column `columns.start + i` of `a`.
        unsafe { (self.add_products)(&tile, n_rows) }
    }

    /// Adds what some output rows contribute to the weight gradient; without `accumulate` they are the first.
    ///
    /// # Shapes
    /// `x`: the rows under them (`(n_rows - 1) * stride + kernel`); `panels`: the gradient of the rows,
    /// `[n_rows * out_width][C_out]`, packed; `out`: `[kernel, kernel * C_in, C_out]`.
    pub(crate) fn add_products(
        &self,
        x: Padded<'_>,
        n_rows: usize,
        panels: &[f32],
        n_columns: usize,
        out: &mut [f32],
        accumulate: bool,
    ) {
        let n_k = x.kernel * x.n_channels;
        assert!(n_rows > 0 && x.values.len() >= ((n_rows - 1) * x.stride + x.kernel) * x.row());
        assert_eq!(panels.len(), panels_len(self.lanes, n_rows * x.out_width(), n_columns));
        assert_eq!(out.len(), x.kernel * n_k * n_columns);
        for kernel_row in 0..x.kernel {
            let tile = Tile {
                n_segments: n_rows,
                n_k: x.out_width(),
                a: x.values[kernel_row * x.row()..].as_ptr(),
                a_row: 1,
                a_k: x.stride * x.n_channels,
                a_segment: x.stride * x.row(),
                b: panels.as_ptr(),
                b_segment: 0,
                c: out[kernel_row * n_k * n_columns..].as_mut_ptr(),
                c_row: n_columns,
                n_columns,
                accumulate,
            };
            // SAFETY: row i of the product reads value i + column * stride * C_in of each row, where i < n_k; the assertions
            // cover that, the panels and the output. `of` has checked the processor.
            unsafe { (self.add_products)(&tile, n_k) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{numbers, packed};
    use super::*;
    use crate::Path;
    use crate::slab::Slab;

    /// `[height, width, C_in, C_out, kernel]`, with every remainder of vectors and tiles.
    fn shapes() -> Vec<[usize; 5]> {
        let mut shapes = vec![];
        // Miri takes its time.
        let n_outs = if cfg!(miri) { &[3, 17][..] } else { &[1, 3, 8, 9, 16, 17, 33] };
        let inputs = if cfg!(miri) {
            &[(1, 1), (7, 2), (3, 9)][..]
        } else {
            &[(1, 1), (5, 2), (7, 9), (13, 4), (26, 1), (2, 8), (1, 17), (12, 16)]
        };
        for &n_out in n_outs {
            for &(width, n_in) in inputs {
                shapes.extend([[3, width, n_in, n_out, 3], [2, width, n_in, n_out, 1]]);
            }
        }
        shapes
    }

    /// The value of a map at a position that may be outside of it.
    fn at(map: &[f32], [height, width, n_in]: [usize; 3], row: usize, column: usize, margin: usize, c: usize) -> f32 {
        match (row.checked_sub(margin), column.checked_sub(margin)) {
            (Some(row), Some(column)) if row < height && column < width => map[(row * width + column) * n_in + c],
            _ => 0.0,
        }
    }

    #[test]
    fn products_are_exact_on_every_path() {
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            for shape in shapes() {
                for stride in [1, 2] {
                    products_are_exact(path, shape, stride);
                }
            }
        }
    }

    fn products_are_exact(path: Path, shape: [usize; 5], stride: usize) {
        let table = Table::of(path);
        let [height, width, n_in, n_out, kernel] = shape;
        let (out_height, out_width) = (height.div_ceil(stride), width.div_ceil(stride));
        let map = numbers(height * width * n_in, 5);
        let weights = numbers(kernel * kernel * n_in * n_out, 3);
        let gradient = numbers(out_height * out_width * n_out, 4);
        let mut y = vec![0.0; gradient.len()];
        let mut weight_gradient = vec![1.0; weights.len()];
        let mut slab = Slab::with_rows(width, n_in, [kernel, stride], out_height);
        assert_eq!(slab.fill(&map, 0, height), out_height);
        let panels = packed(table.lanes, kernel * kernel * n_in, n_out, &weights);
        for (row, y) in y.chunks_mut(out_width * n_out).enumerate() {
            table.convolve(slab.rows_from(row), &panels, y);
        }
        let panels = packed(table.lanes, out_height * out_width, n_out, &gradient);
        table.add_products(slab.rows_from(0), out_height, &panels, n_out, &mut weight_gradient, true);

        let mut expected_y = vec![0.0; y.len()];
        let mut expected_gradient = vec![1.0; weights.len()];
        for pixel in 0..out_height * out_width {
            for k in 0..kernel * kernel * n_in {
                let (place, c) = (k / n_in, k % n_in);
                let row = pixel / out_width * stride + place / kernel;
                let column = pixel % out_width * stride + place % kernel;
                let x = at(&map, [height, width, n_in], row, column, kernel / 2, c);
                for out in 0..n_out {
                    expected_y[pixel * n_out + out] += x * weights[k * n_out + out];
                    expected_gradient[k * n_out + out] += x * gradient[pixel * n_out + out];
                }
            }
        }
        assert_eq!(y, expected_y, "{path} {shape:?} {stride}");
        assert_eq!(weight_gradient, expected_gradient, "{path} {shape:?} {stride}");
    }
}
