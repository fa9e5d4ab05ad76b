//! The kernels of each path behind functions that check their arguments: from here on there is nothing unsafe.

use crate::Path;
use crate::rows::{GradientSums, Normalise, OutputGradient, Statistics};
use crate::tile::{Tile, panels_len};
use crate::winograd::{Collect, POSITIONS, Spread};

/// The kernels, compiled for one path.
pub(crate) struct Table {
    /// Values in a vector.
    pub(crate) lanes: usize,
    convolve: unsafe fn(&Tile, usize),
    add_products: unsafe fn(&Tile, usize),
    spread: unsafe fn(&mut Spread<'_>),
    collect: unsafe fn(&mut Collect<'_>),
    statistics: unsafe fn(&mut Statistics<'_>),
    normalise: unsafe fn(&mut Normalise<'_>),
    gradient_sums: unsafe fn(&mut GradientSums<'_>),
    output_gradient: unsafe fn(&mut OutputGradient<'_>),
}

/// Instantiates every kernel for one instruction set.
macro_rules! table {
    ($table:ident, $module:ident, $simd:ty $(, $feature:meta)*) => {
        mod $module {
            use super::*;
            use crate::simd::Simd;

            table!(@kernel $simd, [$($feature)*], tile, convolve, first: &Tile, n_rows: usize);
            table!(@kernel $simd, [$($feature)*], tile, add_products, first: &Tile, n_rows: usize);
            table!(@kernel $simd, [$($feature)*], winograd, spread, arguments: &mut Spread<'_>);
            table!(@kernel $simd, [$($feature)*], winograd, collect, arguments: &mut Collect<'_>);
            table!(@kernel $simd, [$($feature)*], rows, statistics, arguments: &mut Statistics<'_>);
            table!(@kernel $simd, [$($feature)*], rows, normalise, arguments: &mut Normalise<'_>);
            table!(@kernel $simd, [$($feature)*], rows, gradient_sums, arguments: &mut GradientSums<'_>);
            table!(@kernel $simd, [$($feature)*], rows, output_gradient, arguments: &mut OutputGradient<'_>);

            pub(super) static TABLE: Table = Table {
                lanes: <$simd>::LANES,
                convolve,
                add_products,
                spread,
                collect,
                statistics,
                normalise,
                gradient_sums,
                output_gradient,
            };
        }
    };
    (@kernel $simd:ty, [$($feature:meta)*], $module:ident, $name:ident, $($argument:ident: $type:ty),*) => {
        $(#[$feature])*
        unsafe fn $name($($argument: $type),*) {
            // SAFETY: the caller's contract is the kernel's: lengths, and a processor with the instructions.
            unsafe { crate::$module::$name::<$simd>($($argument),*) }
        }
    };
}

table!(PORTABLE, portable, crate::simd::portable::Lanes<4>);
#[cfg(target_arch = "aarch64")]
table!(NEON, neon, crate::simd::neon::Neon, target_feature(enable = "neon"));
#[cfg(target_arch = "x86_64")]
table!(AVX2, avx2, crate::simd::x86::Avx2, target_feature(enable = "avx2,fma"));
#[cfg(target_arch = "x86_64")]
table!(AVX512, avx512, crate::simd::x86::Avx512, target_feature(enable = "avx512f"));

/// Rows of an image with a margin of `pad` zero pixels on each side, `[rows, width + 2 * pad, C]`.
#[derive(Clone, Copy)]
pub(crate) struct Padded<'a> {
    pub(crate) values: &'a [f32],
    /// Pixels of a row, without the margin.
    pub(crate) width: usize,
    pub(crate) n_channels: usize,
    /// Rows and columns of the kernel: `2 * pad + 1`.
    pub(crate) kernel: usize,
}

impl Padded<'_> {
    /// Values of a row with its margin.
    pub(crate) fn row(&self) -> usize {
        (self.width + self.kernel - 1) * self.n_channels
    }
}

impl Table {
    /// The kernels of a path; the portable ones if the processor lacks its instructions.
    pub(crate) fn of(path: Path) -> &'static Self {
        match path {
            #[cfg(target_arch = "aarch64")]
            Path::Neon if path.is_available() => &neon::TABLE,
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 if path.is_available() => &avx2::TABLE,
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 if path.is_available() => &avx512::TABLE,
            _ => &portable::TABLE,
        }
    }

    /// One row of a convolution's output.
    ///
    /// # Shapes
    /// `x`: the `kernel` rows under it; `panels`: weights as `[kernel, kernel * C_in][C_out]`, packed; `out`:
    /// `[width, C_out]`.
    pub(crate) fn convolve(&self, x: Padded<'_>, panels: &[f32], out: &mut [f32]) {
        let n_columns = out.len() / x.width;
        let n_k = x.kernel * x.n_channels;
        assert!(x.values.len() >= x.kernel * x.row());
        assert_eq!(out.len(), n_columns * x.width);
        assert_eq!(panels.len(), panels_len(self.lanes, x.kernel * n_k, n_columns));
        let tile = Tile {
            n_segments: x.kernel,
            n_k,
            a: x.values.as_ptr(),
            a_row: x.n_channels,
            a_k: 1,
            a_segment: x.row(),
            b: panels.as_ptr(),
            b_segment: 0,
            c: out.as_mut_ptr(),
            c_row: n_columns,
            n_columns,
        };
        // SAFETY: pixel i reads n_k values from i * C_in on in each of `kernel` rows, which the first assertion covers;
        // the others cover panels and output. `of` has checked the processor.
        unsafe { (self.convolve)(&tile, x.width) }
    }

    /// Two rows of a 3x3 convolution's output, by [`crate::winograd`].
    ///
    /// # Shapes
    /// `x`: the four rows under them; `panels`: `[16][C_in][C_out]`, each packed; `scratch`:
    /// `[16, width / 2 rounded up, C_in + C_out]`; `out`: `[2, width, C_out]`.
    pub(crate) fn convolve_two_rows(&self, x: Padded<'_>, panels: &[f32], scratch: &mut [f32], out: &mut [f32]) {
        let (n_in, n_columns) = (x.n_channels, out.len() / x.width / 2);
        let n_tiles = x.width.div_ceil(2);
        let panel = panels_len(self.lanes, n_in, n_columns);
        assert!(x.kernel == 3 && x.width > 0 && x.values.len() >= 4 * x.row());
        assert_eq!(out.len(), 2 * x.width * n_columns);
        assert_eq!(panels.len(), POSITIONS * panel);
        assert_eq!(scratch.len(), POSITIONS * n_tiles * (n_in + n_columns));
        let (spread, products) = scratch.split_at_mut(POSITIONS * n_tiles * n_in);
        let mut before = Spread { x: x.values, row: x.row(), n_channels: n_in, out: &mut *spread };
        // SAFETY: the assertions cover the four rows, which have `width + 2` columns, and the output; `of` has checked
        // the processor.
        unsafe { (self.spread)(&mut before) }
        for position in 0..POSITIONS {
            let tile = Tile {
                n_segments: 1,
                n_k: n_in,
                a: spread[position * n_tiles * n_in..].as_ptr(),
                a_row: n_in,
                a_k: 1,
                a_segment: 0,
                b: panels[position * panel..].as_ptr(),
                b_segment: 0,
                c: products[position * n_tiles * n_columns..].as_mut_ptr(),
                c_row: n_columns,
                n_columns,
            };
            // SAFETY: a product of `[n_tiles, C_in]` with `[C_in, C_out]`, each inside its position's part.
            unsafe { (self.convolve)(&tile, n_tiles) }
        }
        let mut after = Collect { products, n_channels: n_columns, out };
        // SAFETY: as for `spread`.
        unsafe { (self.collect)(&mut after) }
    }

    /// Adds what some output rows contribute to the weight gradient.
    ///
    /// # Shapes
    /// `x`: the rows under them (`n_rows + kernel - 1`); `panels`: the gradient of the rows, `[n_rows * width][C_out]`,
    /// packed; `out`: `[kernel, kernel * C_in, C_out]`.
    pub(crate) fn add_products(&self, x: Padded<'_>, n_rows: usize, panels: &[f32], n_columns: usize, out: &mut [f32]) {
        let n_k = x.kernel * x.n_channels;
        assert!(x.values.len() >= (n_rows + x.kernel - 1) * x.row());
        assert_eq!(panels.len(), panels_len(self.lanes, n_rows * x.width, n_columns));
        assert_eq!(out.len(), x.kernel * n_k * n_columns);
        for kernel_row in 0..x.kernel {
            let tile = Tile {
                n_segments: n_rows,
                n_k: x.width,
                a: x.values[kernel_row * x.row()..].as_ptr(),
                a_row: 1,
                a_k: x.n_channels,
                a_segment: x.row(),
                b: panels.as_ptr(),
                b_segment: 0,
                c: out[kernel_row * n_k * n_columns..].as_mut_ptr(),
                c_row: n_columns,
                n_columns,
            };
            // SAFETY: row i of the product reads value i + column * C_in of each row, where i < n_k; the assertions
            // cover that, the panels and the output. `of` has checked the processor.
            unsafe { (self.add_products)(&tile, n_k) }
        }
    }

    pub(crate) fn statistics(&self, mut a: Statistics<'_>) {
        let n_channels = a.sums.len() / 2;
        assert!(n_channels > 0 && a.sums.len() == 2 * n_channels && a.y.len().is_multiple_of(n_channels));
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.statistics)(&mut a) }
    }

    pub(crate) fn normalise(&self, mut a: Normalise<'_>) {
        let n_channels = a.scale.len();
        let out_width = a.out.len() / n_channels;
        assert!(a.shift.len() == n_channels && a.out.len() == out_width * n_channels);
        assert!(out_width * a.pool[1] <= a.width && a.y.len() >= a.pool[0] * a.width * n_channels);
        assert!(a.residual.is_none_or(|residual| residual.len() >= a.y.len()));
        assert!(a.kept.as_ref().is_none_or(|k| k.codes.len() == a.out.len() && k.picked.len() == a.out.len()));
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.normalise)(&mut a) }
    }

    pub(crate) fn gradient_sums(&self, mut a: GradientSums<'_>) {
        let n_channels = a.mean.len();
        assert!(a.inverse.len() == n_channels && a.sums.len() == 2 * n_channels);
        assert!(a.gradient.len().is_multiple_of(n_channels));
        assert!(a.codes.len() == a.gradient.len() && a.picked.len() == a.gradient.len());
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.gradient_sums)(&mut a) }
    }

    pub(crate) fn output_gradient(&self, mut a: OutputGradient<'_>) {
        let n_channels = a.factor.len();
        let width = a.y.len() / n_channels;
        assert!(a.offset.len() == n_channels && a.slope.len() == n_channels && a.y.len() == width * n_channels);
        assert!(a.lanes == self.lanes && a.first + width <= a.depth);
        assert_eq!(a.panels.len(), panels_len(self.lanes, a.depth, n_channels));
        assert!(a.dense.as_ref().is_none_or(|dense| dense.len() >= a.y.len()));
        assert!(a.residual.as_ref().is_none_or(|residual| residual.len() >= a.y.len()));
        assert!(a.pooled.is_none_or(|(gradient, codes)| {
            gradient.len() == codes.len() && gradient.len() / n_channels * a.pool_width <= width
        }));
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.output_gradient)(&mut a) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convolution::{Convolution, STEP};
    use crate::slab::Slab;
    use crate::tile::pack;

    /// Small whole numbers: sums of them are exact, whatever the order.
    fn numbers(n: usize, step: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * step) % 7) as f32 - 3.0).collect()
    }

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

    fn packed(lanes: usize, depth: usize, n_columns: usize, values: &[f32]) -> Vec<f32> {
        let mut panels = vec![0.0; panels_len(lanes, depth, n_columns)];
        pack(lanes, depth, n_columns, &mut panels, |k, column| values[k * n_columns + column]);
        panels
    }

    /// The value of a map at a place that may lie outside of it.
    fn at(map: &[f32], [height, width, n_in]: [usize; 3], row: usize, column: usize, margin: usize, c: usize) -> f32 {
        match (row.checked_sub(margin), column.checked_sub(margin)) {
            (Some(row), Some(column)) if row < height && column < width => map[(row * width + column) * n_in + c],
            _ => 0.0,
        }
    }

    #[test]
    fn products_are_exact_on_every_path() {
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            let table = Table::of(path);
            for shape @ [height, width, n_in, n_out, kernel] in shapes() {
                let map = numbers(height * width * n_in, 5);
                let weights = numbers(kernel * kernel * n_in * n_out, 3);
                let gradient = numbers(height * width * n_out, 4);
                let mut y = vec![0.0; height * width * n_out];
                let mut weight_gradient = vec![1.0; weights.len()];
                let mut slab = Slab::with_rows(width, n_in, kernel, height);
                slab.fill(&map, 0, height);
                let panels = packed(table.lanes, kernel * kernel * n_in, n_out, &weights);
                for (row, y) in y.chunks_mut(width * n_out).enumerate() {
                    table.convolve(slab.rows_from(row), &panels, y);
                }
                let mut two_at_a_time = vec![0.0; y.len()];
                let convolution = Convolution::new(table, [kernel, n_in, n_out], |row, column, channel, out| {
                    weights[((row * kernel + column) * n_in + channel) * n_out + out]
                });
                let mut scratch = convolution.scratch(width);
                for (pair, out) in two_at_a_time.chunks_mut(STEP * width * n_out).enumerate() {
                    convolution.rows(&slab, STEP * pair, &mut scratch, out);
                }
                assert_eq!(two_at_a_time, y, "{path} {shape:?}");
                let panels = packed(table.lanes, height * width, n_out, &gradient);
                table.add_products(slab.rows_from(0), height, &panels, n_out, &mut weight_gradient);

                let mut expected_y = vec![0.0; y.len()];
                let mut expected_gradient = vec![1.0; weights.len()];
                for pixel in 0..height * width {
                    for k in 0..kernel * kernel * n_in {
                        let (place, c) = (k / n_in, k % n_in);
                        let (row, column) = (pixel / width + place / kernel, pixel % width + place % kernel);
                        let x = at(&map, [height, width, n_in], row, column, kernel / 2, c);
                        for out in 0..n_out {
                            expected_y[pixel * n_out + out] += x * weights[k * n_out + out];
                            expected_gradient[k * n_out + out] += x * gradient[pixel * n_out + out];
                        }
                    }
                }
                assert_eq!(y, expected_y, "{path} {shape:?}");
                assert_eq!(weight_gradient, expected_gradient, "{path} {shape:?}");
            }
        }
    }

    #[test]
    fn rows_are_exact_on_every_path() {
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            let table = Table::of(path);
            for (n_channels, width) in [(1, 1), (3, 5), (8, 4), (19, 7), (33, 3)] {
                let y = numbers(width * n_channels, 5);
                let mut sums = vec![0.0; 2 * n_channels];
                table.statistics(Statistics { y: &y, sums: &mut sums });
                let (gradient, codes) = (numbers(y.len(), 4), vec![0; y.len()]);
                let (zeros, ones) = (vec![0.0; n_channels], vec![1.0; n_channels]);
                let (mut dense, mut residual) = (vec![0.0; y.len()], vec![0.0; y.len()]);
                let mut panels = vec![0.0; panels_len(table.lanes, width, n_channels)];
                table.output_gradient(OutputGradient {
                    y: &y,
                    pooled: Some((&gradient, &codes)),
                    row_in_pool: 0,
                    pool_width: 1,
                    factor: &ones,
                    offset: &zeros,
                    slope: &ones,
                    dense: Some(&mut dense),
                    panels: &mut panels,
                    depth: width,
                    first: 0,
                    residual: Some(&mut residual),
                    lanes: table.lanes,
                });
                for channel in 0..n_channels {
                    let column = || (0..width).map(|pixel| y[pixel * n_channels + channel]);
                    assert_eq!(sums[channel], column().sum::<f32>());
                    assert_eq!(sums[n_channels + channel], column().map(|v| v * v).sum::<f32>());
                }
                let expected: Vec<f32> = y.iter().zip(&gradient).map(|(y, gradient)| y + gradient).collect();
                assert_eq!(dense, expected);
                assert_eq!(residual, gradient);
                let mut expected = packed(table.lanes, width, n_channels, &expected);
                // What lies beside the channels is never looked at.
                expected.iter_mut().zip(&panels).filter(|(e, _)| **e == 0.0).for_each(|(e, p)| *e = *p);
                assert_eq!(panels, expected);
            }
        }
    }
}
