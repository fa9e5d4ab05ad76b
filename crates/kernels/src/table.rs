//! The kernels of each path behind functions that check their arguments: from here on there is nothing unsafe.

mod products;
mod rows;
mod winograd;

use crate::Path;
use crate::rows::{GradientSums, Normalize, OutputGradient, Statistics};
use crate::tile::Tile;
use crate::winograd::{GradientTransform, InputTransform, OutputTransform};

/// The kernels, compiled for one path.
pub(crate) struct Table {
    /// Whose instructions these are.
    pub(crate) path: Path,
    /// Values in a vector.
    pub(crate) lanes: usize,
    convolve: unsafe fn(&Tile, usize),
    add_products: unsafe fn(&Tile, usize),
    input_transform: unsafe fn(&mut InputTransform<'_>),
    output_transform: unsafe fn(&mut OutputTransform<'_>),
    gradient_transform: unsafe fn(&mut GradientTransform<'_>),
    statistics: unsafe fn(&mut Statistics<'_>),
    normalize: unsafe fn(&mut Normalize<'_>),
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
            table!(@kernel $simd, [$($feature)*], winograd, input_transform, arguments: &mut InputTransform<'_>);
            table!(@kernel $simd, [$($feature)*], winograd, output_transform, arguments: &mut OutputTransform<'_>);
            table!(@kernel $simd, [$($feature)*], winograd, gradient_transform, arguments: &mut GradientTransform<'_>);
            table!(@kernel $simd, [$($feature)*], rows, statistics, arguments: &mut Statistics<'_>);
            table!(@kernel $simd, [$($feature)*], rows, normalize, arguments: &mut Normalize<'_>);
            table!(@kernel $simd, [$($feature)*], rows, gradient_sums, arguments: &mut GradientSums<'_>);
            table!(@kernel $simd, [$($feature)*], rows, output_gradient, arguments: &mut OutputGradient<'_>);

            pub(super) static TABLE: Table = Table {
                path: Path::$path,
                lanes: <$simd>::LANES,
                convolve,
                add_products,
                input_transform,
                output_transform,
                gradient_transform,
                statistics,
                normalize,
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
table!(Avx512, avx512, crate::simd::x86::Avx512<false>, target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl"));

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
}

/// Values for the tests of the kernels.
#[cfg(test)]
mod fixture {
    use crate::tile::{pack, panels_len};

    /// Small whole numbers: sums of them are exact, whatever the order.
    pub(super) fn numbers(n: usize, step: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * step) % 7) as f32 - 3.0).collect()
    }

    /// A matrix `[depth, n_columns]` as panels.
    pub(super) fn packed(lanes: usize, depth: usize, n_columns: usize, values: &[f32]) -> Vec<f32> {
        let mut panels = vec![0.0; panels_len(lanes, depth, n_columns)];
        pack(lanes, depth, n_columns, &mut panels, |k, column| values[k * n_columns + column]);
        panels
    }
}
