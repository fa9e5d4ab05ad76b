//! The transforms of a Winograd convolution, and the products between them.

use super::{Padded, Table};
use crate::tile::{Tile, panels_len};
use crate::winograd::{self, GradientTransform, InputTransform, OUT, OutputTransform, POSITIONS, Tiles};

impl Table {
    /// The transformed input of a strip of tiles, from six rows.
    ///
    /// # Shapes
    /// `x`: the rows under a strip of a 3x3 convolution; `out`: 36 parts of `[tiles.of, C_in]`,
    /// [`winograd::step`] apart.
    pub(crate) fn input_transform(&self, x: Padded<'_>, tiles: Tiles, out: &mut [f32]) {
        assert!(x.kernel == 3 && x.stride == 1 && x.width > 0 && x.values.len() >= 6 * x.row());
        assert!(tiles.first + tiles.n <= tiles.of && out.len() >= POSITIONS * winograd::step(tiles.of, x.n_channels));
        let mut a = InputTransform { x: x.values, row: x.row(), n_channels: x.n_channels, tiles, out };
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.input_transform)(&mut a) }
    }

    /// The products at all positions of `[n_tiles, C_in]` with `[C_in, C_out]`.
    ///
    /// # Shapes
    /// `transformed`, `out`: 36 parts of `[n_tiles, C]`, [`winograd::step`] apart; `panels`: `[36][C_in][C_out]`, each packed.
    pub(crate) fn products(&self, transformed: &[f32], panels: &[f32], size: [usize; 3], out: &mut [f32]) {
        let [n_tiles, n_in, n_columns] = size;
        let panel = panels_len(self.lanes, n_in, n_columns);
        let (a_step, c_step) = (winograd::step(n_tiles, n_in), winograd::step(n_tiles, n_columns));
        assert_eq!(panels.len(), POSITIONS * panel);
        assert!(transformed.len() >= POSITIONS * a_step && out.len() >= POSITIONS * c_step);
        for position in 0..POSITIONS {
            let tile = Tile {
                n_segments: 1,
                n_k: n_in,
                a: transformed[position * a_step..].as_ptr(),
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
            // SAFETY: each matrix is inside of its position's part, which the assertions cover.
            unsafe { (self.convolve)(&tile, n_tiles) }
        }
    }

    /// At most four output rows from the products of their strip.
    ///
    /// # Shapes
    /// `products`: 36 parts of `[tiles.of, C_out]`, [`winograd::step`] apart; `out`: `[1 to 4, width, C_out]`.
    pub(crate) fn output_transform(
        &self,
        products: &[f32],
        tiles: Tiles,
        width: usize,
        n_channels: usize,
        out: &mut [f32],
    ) {
        assert!(out.len().is_multiple_of(width * n_channels) && out.len() <= OUT * width * n_channels);
        assert!(tiles.first + tiles.n <= tiles.of && width.div_ceil(OUT) == tiles.n);
        assert!(products.len() >= POSITIONS * winograd::step(tiles.of, n_channels));
        let mut a = OutputTransform { products, n_channels, tiles, out, width };
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.output_transform)(&mut a) }
    }

    /// The transformed gradient of the output of a strip of tiles, from four rows.
    ///
    /// # Shapes
    /// `y`: a slab of four rows or more, of a 3x3 kernel; `panels`: 36 times `[tiles.of][C_out]`, packed.
    pub(crate) fn gradient_transform(&self, y: Padded<'_>, tiles: Tiles, panels: &mut [f32]) {
        assert!(y.kernel == 3 && y.stride == 1 && y.values.len() >= OUT * y.row());
        assert!(tiles.first + tiles.n <= tiles.of && y.width.div_ceil(OUT) == tiles.n);
        assert_eq!(panels.len(), POSITIONS * panels_len(self.lanes, tiles.of, y.n_channels));
        let mut a = GradientTransform {
            y: &y.values[y.n_channels..],
            row: y.row(),
            width: y.width,
            n_channels: y.n_channels,
            tiles,
            panels,
            lanes: self.lanes,
        };
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.gradient_transform)(&mut a) }
    }

    /// Adds the products at all positions of `[C_in, n_tiles]` with `[n_tiles, C_out]`; without `accumulate` they are the
    /// first.
    ///
    /// # Shapes
    /// `transformed`: 36 parts of `[n_tiles, C_in]`, [`winograd::step`] apart; `panels`: `[36][n_tiles][C_out]`, each packed;
    /// `out`: `[36, C_in, C_out]`.
    pub(crate) fn add_tile_products(
        &self,
        transformed: &[f32],
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
        assert!(transformed.len() >= POSITIONS * a_step);
        for (position, out) in out.chunks_exact_mut(n_in * n_columns).enumerate() {
            let tile = Tile {
                n_segments: 1,
                n_k: n_tiles,
                a: transformed[position * a_step..].as_ptr(),
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
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{numbers, packed};
    use super::*;
    use crate::Path;
    use crate::convolution::{Convolution, by_tiles};
    use crate::slab::Slab;

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
        let mut transformed = vec![9.0; POSITIONS * winograd::step(of, n_in)];
        let mut panels = vec![9.0; POSITIONS * panels_len(table.lanes, of, n_out)];
        for strip in 0..of / n {
            let tiles = Tiles { first: strip * n, n, of };
            table.input_transform(slab.rows_from(OUT * strip), tiles, &mut transformed);
            table.gradient_transform(dense.rows_from(OUT * strip), tiles, &mut panels);
        }
        let mut sums = vec![9.0; POSITIONS * n_in * n_out];
        table.add_tile_products(&transformed, &panels, [of, n_in, n_out], &mut sums, false);
        let mut got = vec![0.0; expected.len()];
        for pair in 0..n_in * n_out {
            let of_pair = winograd::weight_gradient(std::array::from_fn(|at| sums[at * n_in * n_out + pair]));
            of_pair.iter().flatten().enumerate().for_each(|(at, value)| got[at * n_in * n_out + pair] = *value);
        }
        close("weight gradient", &got, &expected);
    }
}
