//! The kernels of each path behind functions that check their arguments: from here on there is nothing unsafe.

use crate::Path;
use crate::panels::{Panels, Rows};
use crate::rows::{GradientSums, Normalise, OutputGradient, Statistics};
use crate::tile::{Tile, panels_len};
use crate::winograd::{self, Collect, OUT, POSITIONS, Spread, SpreadGradient, Tiles};
use std::ops::Range;

/// The kernels, compiled for one path.
pub(crate) struct Table {
    /// Whose instructions these are.
    pub(crate) path: Path,
    /// Values in a vector.
    pub(crate) lanes: usize,
    convolve: unsafe fn(&Tile, usize),
    add_products: unsafe fn(&Tile, usize),
    spread: unsafe fn(&mut Spread<'_>),
    collect: unsafe fn(&mut Collect<'_>),
    spread_gradient: unsafe fn(&mut SpreadGradient<'_>),
    statistics: unsafe fn(&mut Statistics<'_>),
    normalise: unsafe fn(&mut Normalise<'_>),
    gradient_sums: unsafe fn(&mut GradientSums<'_>),
    output_gradient: unsafe fn(&mut OutputGradient<'_>),
}

/// Instantiates every kernel for one instruction set.
macro_rules! table {
    ($path:ident, $module:ident, $simd:ty $(, $feature:meta)*) => {
        mod $module {
            use super::*;
            use crate::simd::Simd;

            table!(@kernel $simd, [$($feature)*], tile, convolve, first: &Tile, n_rows: usize);
            table!(@kernel $simd, [$($feature)*], tile, add_products, first: &Tile, n_rows: usize);
            table!(@kernel $simd, [$($feature)*], winograd, spread, arguments: &mut Spread<'_>);
            table!(@kernel $simd, [$($feature)*], winograd, collect, arguments: &mut Collect<'_>);
            table!(@kernel $simd, [$($feature)*], winograd, spread_gradient, arguments: &mut SpreadGradient<'_>);
            table!(@kernel $simd, [$($feature)*], rows, statistics, arguments: &mut Statistics<'_>);
            table!(@kernel $simd, [$($feature)*], rows, normalise, arguments: &mut Normalise<'_>);
            table!(@kernel $simd, [$($feature)*], rows, gradient_sums, arguments: &mut GradientSums<'_>);
            table!(@kernel $simd, [$($feature)*], rows, output_gradient, arguments: &mut OutputGradient<'_>);

            pub(super) static TABLE: Table = Table {
                path: Path::$path,
                lanes: <$simd>::LANES,
                convolve,
                add_products,
                spread,
                collect,
                spread_gradient,
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

table!(Portable, portable, crate::simd::portable::Lanes<4>);
#[cfg(target_arch = "aarch64")]
table!(Neon, neon, crate::simd::neon::Neon, target_feature(enable = "neon"));
#[cfg(target_arch = "x86_64")]
table!(Avx2, avx2, crate::simd::x86::Avx2, target_feature(enable = "avx2,fma"));
#[cfg(target_arch = "x86_64")]
table!(Avx512, avx512, crate::simd::x86::Avx512, target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl"));

/// Rows of an image with a margin of `pad` zero pixels on each side, `[rows, width + 2 * pad, C]`.
#[derive(Clone, Copy)]
pub(crate) struct Padded<'a> {
    pub(crate) values: &'a [f32],
    /// Pixels of a row, without the margin.
    pub(crate) width: usize,
    pub(crate) n_channels: usize,
    /// Rows and columns of the kernel: `2 * pad + 1`.
    pub(crate) kernel: usize,
    /// Distance of two outputs, in pixels.
    pub(crate) stride: usize,
}

impl Padded<'_> {
    /// The rows from `row` on.
    pub(crate) fn from(&self, row: usize) -> Self {
        Self { values: &self.values[row * self.row()..], ..*self }
    }

    /// Values of a row with its margin.
    pub(crate) fn row(&self) -> usize {
        (self.width + self.kernel - 1) * self.n_channels
    }

    /// Pixels of an output row.
    pub(crate) fn out_width(&self) -> usize {
        self.width.div_ceil(self.stride)
    }
}

/// A product of a whole matrix and panels, without the order in which `a` lies.
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
    pub(crate) fn multiply_turned(
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

    /// Six rows of input, spread for a strip of tiles.
    ///
    /// # Shapes
    /// `x`: the rows under a strip of a 3x3 convolution; `out`: 36 parts of `[tiles.of, C_in]`,
    /// [`winograd::step`] apart.
    pub(crate) fn spread(&self, x: Padded<'_>, tiles: Tiles, out: &mut [f32]) {
        assert!(x.kernel == 3 && x.stride == 1 && x.width > 0 && x.values.len() >= 6 * x.row());
        assert!(tiles.first + tiles.n <= tiles.of && out.len() >= POSITIONS * winograd::step(tiles.of, x.n_channels));
        let mut a = Spread { x: x.values, row: x.row(), n_channels: x.n_channels, tiles, out };
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.spread)(&mut a) }
    }

    /// The products at all positions of `[n_tiles, C_in]` with `[C_in, C_out]`.
    ///
    /// # Shapes
    /// `spread`, `out`: 36 parts of `[n_tiles, C]`, [`winograd::step`] apart; `panels`: `[36][C_in][C_out]`, each packed.
    pub(crate) fn products(&self, spread: &[f32], panels: &[f32], size: [usize; 3], out: &mut [f32]) {
        let [n_tiles, n_in, n_columns] = size;
        let panel = panels_len(self.lanes, n_in, n_columns);
        let (a_step, c_step) = (winograd::step(n_tiles, n_in), winograd::step(n_tiles, n_columns));
        assert_eq!(panels.len(), POSITIONS * panel);
        assert!(spread.len() >= POSITIONS * a_step && out.len() >= POSITIONS * c_step);
        for position in 0..POSITIONS {
            let tile = Tile {
                n_segments: 1,
                n_k: n_in,
                a: spread[position * a_step..].as_ptr(),
                a_row: n_in,
                a_k: 1,
                a_segment: 0,
                b: panels[position * panel..].as_ptr(),
                b_segment: 0,
                c: out[position * c_step..].as_mut_ptr(),
                c_row: n_columns,
                n_columns,
                accumulate: false,
            };
            // SAFETY: each matrix lies inside its position's part, which the assertions cover.
            unsafe { (self.convolve)(&tile, n_tiles) }
        }
    }

    /// At most four output rows from the products of their strip.
    ///
    /// # Shapes
    /// `products`: 36 parts of `[tiles.of, C_out]`, [`winograd::step`] apart; `out`: `[1 to 4, width, C_out]`.
    pub(crate) fn collect(&self, products: &[f32], tiles: Tiles, width: usize, n_channels: usize, out: &mut [f32]) {
        assert!(out.len().is_multiple_of(width * n_channels) && out.len() <= OUT * width * n_channels);
        assert!(tiles.first + tiles.n <= tiles.of && width.div_ceil(OUT) == tiles.n);
        assert!(products.len() >= POSITIONS * winograd::step(tiles.of, n_channels));
        let mut a = Collect { products, n_channels, tiles, out, width };
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.collect)(&mut a) }
    }

    /// Four rows of the output's gradient, spread for a strip of tiles.
    ///
    /// # Shapes
    /// `y`: a slab of four rows or more, of a 3x3 kernel; `panels`: 36 times `[tiles.of][C_out]`, packed.
    pub(crate) fn spread_gradient(&self, y: Padded<'_>, tiles: Tiles, panels: &mut [f32]) {
        assert!(y.kernel == 3 && y.stride == 1 && y.values.len() >= OUT * y.row());
        assert!(tiles.first + tiles.n <= tiles.of && y.width.div_ceil(OUT) == tiles.n);
        assert_eq!(panels.len(), POSITIONS * panels_len(self.lanes, tiles.of, y.n_channels));
        let mut a = SpreadGradient {
            y: &y.values[y.n_channels..],
            row: y.row(),
            width: y.width,
            n_channels: y.n_channels,
            tiles,
            panels,
            lanes: self.lanes,
        };
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.spread_gradient)(&mut a) }
    }

    /// Adds the products at all positions of `[C_in, n_tiles]` with `[n_tiles, C_out]`; without `accumulate` they are the
    /// first.
    ///
    /// # Shapes
    /// `spread`: 36 parts of `[n_tiles, C_in]`, [`winograd::step`] apart; `panels`: `[36][n_tiles][C_out]`, each packed;
    /// `out`: `[36, C_in, C_out]`.
    pub(crate) fn add_tile_products(
        &self,
        spread: &[f32],
        panels: &[f32],
        size: [usize; 3],
        out: &mut [f32],
        accumulate: bool,
    ) {
        let [n_tiles, n_in, n_columns] = size;
        let panel = panels_len(self.lanes, n_tiles, n_columns);
        let a_step = winograd::step(n_tiles, n_in);
        assert_eq!(panels.len(), POSITIONS * panel);
        assert_eq!(out.len(), POSITIONS * n_in * n_columns);
        assert!(spread.len() >= POSITIONS * a_step);
        for (position, out) in out.chunks_exact_mut(n_in * n_columns).enumerate() {
            let tile = Tile {
                n_segments: 1,
                n_k: n_tiles,
                a: spread[position * a_step..].as_ptr(),
                a_row: 1,
                a_k: n_in,
                a_segment: 0,
                b: panels[position * panel..].as_ptr(),
                b_segment: 0,
                c: out.as_mut_ptr(),
                c_row: n_columns,
                n_columns,
                accumulate,
            };
            // SAFETY: as for `products`.
            unsafe { (self.add_products)(&tile, n_in) }
        }
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
        assert!(a.panels.as_ref().is_none_or(|panels| panels.len() == panels_len(self.lanes, a.depth, n_channels)));
        assert!(a.dense_step >= n_channels && width > 0);
        assert!(a.dense.as_ref().is_none_or(|dense| dense.len() >= (width - 1) * a.dense_step + n_channels));
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
    use crate::convolution::{Convolution, by_tiles};
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

    #[test]
    fn tiles_give_the_direct_sums_on_every_path() {
        let sizes = if cfg!(miri) { &[[3, 7]][..] } else { &[[3, 7], [8, 12], [7, 10], [9, 33], [16, 27]] };
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            for &size in sizes {
                let channels = [[9, 17], [8, 8], [16, 33], [40, 24]];
                for channels in if cfg!(miri) { &channels[..1] } else { &channels[..] } {
                    tiles_give_the_direct_sums(path, size, *channels);
                }
            }
        }
    }

    fn tiles_give_the_direct_sums(path: Path, [height, width]: [usize; 2], [n_in, n_out]: [usize; 2]) {
        let table = Table::of(path);
        let case = format!("{path} {height} x {width}, {n_in} to {n_out}");
        assert!(by_tiles([3, 1], [n_in, n_out], [height, width]), "{case}");
        let (map, weights) = (numbers(height * width * n_in, 5), numbers(9 * n_in * n_out, 3));
        let gradient = numbers(height * width * n_out, 4);
        let mut slab = Slab::with_rows(width, n_in, [3, 1], height);
        slab.fill(&map, 0, height);
        let close = |what: &str, got: &[f32], expected: &[f32]| {
            let largest = expected.iter().fold(1.0f32, |largest, v| largest.max(v.abs()));
            for (got, expected) in got.iter().zip(expected) {
                assert!((got - expected).abs() <= 1e-5 * largest, "{case}, {what}: got {got}, expected {expected}");
            }
        };

        let mut expected = vec![0.0; height * width * n_out];
        let panels = packed(table.lanes, 9 * n_in, n_out, &weights);
        for (row, y) in expected.chunks_mut(width * n_out).enumerate() {
            table.convolve(slab.rows_from(row), &panels, y);
        }
        let weight = |row, column, channel, out| weights[((row * 3 + column) * n_in + channel) * n_out + out];
        let convolution = Convolution::new(table, [3, 1], [n_in, n_out], [height, width], weight);
        let mut y = vec![9.0; expected.len()];
        convolution.rows(&slab, 0, &mut convolution.scratch(), &mut y);
        close("output", &y, &expected);

        let mut expected = vec![0.0; weights.len()];
        let panels = packed(table.lanes, height * width, n_out, &gradient);
        table.add_products(slab.rows_from(0), height, &panels, n_out, &mut expected, false);
        let mut dense = Slab::with_rows(width, n_out, [3, 1], height);
        dense.clear(height.next_multiple_of(OUT));
        gradient.chunks_exact(width * n_out).enumerate().for_each(|(row, of)| dense.row_mut(row).copy_from_slice(of));
        let n = width.div_ceil(OUT);
        let of = height.div_ceil(OUT) * n;
        let mut spread = vec![9.0; POSITIONS * winograd::step(of, n_in)];
        let mut panels = vec![9.0; POSITIONS * panels_len(table.lanes, of, n_out)];
        for strip in 0..of / n {
            let tiles = Tiles { first: strip * n, n, of };
            table.spread(slab.rows_from(OUT * strip), tiles, &mut spread);
            table.spread_gradient(dense.rows_from(OUT * strip), tiles, &mut panels);
        }
        let mut sums = vec![9.0; POSITIONS * n_in * n_out];
        table.add_tile_products(&spread, &panels, [of, n_in, n_out], &mut sums, false);
        let mut got = vec![0.0; expected.len()];
        for pair in 0..n_in * n_out {
            let of_pair = winograd::weight_gradient(std::array::from_fn(|at| sums[at * n_in * n_out + pair]));
            of_pair.iter().flatten().enumerate().for_each(|(at, value)| got[at * n_in * n_out + pair] = *value);
        }
        close("weight gradient", &got, &expected);
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
                    dense_step: n_channels,
                    panels: Some(&mut panels),
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
