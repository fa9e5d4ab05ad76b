//! The order of tile operations that makes a product.

use super::Write;
use super::matrix::Matrix;
use super::pack::{PANEL, Packed, TileRow};
use super::tiles::{SIDE, Tile, Tiles};
use rayon::prelude::*;
use std::marker::PhantomData;

/// Panels of rows, and of columns, that one thread computes at a time: few enough that theirs stay in a core's second
/// cache, and always the same number, so that no sum depends on how many threads there are.
const PART: usize = 4;

/// As [`super::product`], with tiles of one kind.
///
/// # Safety
/// The tiles can be configured. Shapes fit: `c` is `[rows of a, columns of b]`.
pub(super) unsafe fn multiply<T: Tiles>(a: Matrix<'_>, b: Matrix<'_>, write: Write, c: &mut [f32]) {
    if c.is_empty() {
        return;
    }
    if a.n_columns() == 0 {
        if write == Write::Replace {
            c.fill(0.0);
        }
        return;
    }
    let (left, right) = (Packed::new(a, TileRow::Vector), Packed::new(b.transposed(), TileRow::Pair));
    let c = Output { values: c.as_mut_ptr(), n_rows: a.n_rows(), n_columns: b.n_columns(), of: PhantomData };
    let across = right.n_panels().div_ceil(PART);
    let down = left.n_panels().div_ceil(PART);
    (0..down * across).into_par_iter().with_max_len(1).for_each(|part| {
        // SAFETY: the caller's contract; nothing in here starts work that could come back to this thread.
        let mut tiles = unsafe { T::configure() };
        let (row, column) = (part / across * PART, part % across * PART);
        for column in column..(column + PART).min(right.n_panels()) {
            for row in row..(row + PART).min(left.n_panels()) {
                // SAFETY: each block is in one part, so no other thread has it.
                unsafe { c.block(&mut tiles, (left.panel(row), right.panel(column)), [row, column], write) }
            }
        }
    });
}

/// Where the product goes, `[n_rows, n_columns]`: for threads that write different blocks of it.
struct Output<'a> {
    values: *mut f32,
    n_rows: usize,
    n_columns: usize,
    of: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is a mutable slice, and `block`, the one access to it, demands that no two threads have the same block.
unsafe impl Sync for Output<'_> {}

impl Output<'_> {
    /// The 32 x 32 values (fewer at the edges) where a panel of rows meets a panel of columns.
    ///
    /// # Safety
    /// No other thread has this block.
    unsafe fn block<T: Tiles>(
        &self,
        tiles: &mut T,
        panels: (&[Tile], &[Tile]),
        [row, column]: [usize; 2],
        write: Write,
    ) {
        let n_rows = (self.n_rows - row * PANEL).min(PANEL);
        let n_columns = (self.n_columns - column * PANEL).min(PANEL);
        // SAFETY: the block's first value is inside, and so are `n_columns` values in each of `n_rows` rows.
        unsafe {
            let first = self.values.add(row * PANEL * self.n_columns + column * PANEL);
            if n_rows == PANEL && n_columns == PANEL {
                return sum(tiles, panels, first, self.n_columns, write);
            }
            let mut whole = [0f32; PANEL * PANEL];
            if write == Write::Add {
                for (i, values) in whole.chunks_exact_mut(PANEL).enumerate().take(n_rows) {
                    values.as_mut_ptr().copy_from_nonoverlapping(first.add(i * self.n_columns), n_columns);
                }
            }
            sum(tiles, panels, whole.as_mut_ptr(), PANEL, write);
            for (i, values) in whole.chunks_exact(PANEL).enumerate().take(n_rows) {
                first.add(i * self.n_columns).copy_from_nonoverlapping(values.as_ptr(), n_columns);
            }
        }
    }
}

/// All k of a block of 32 x 32 sums: four tiles of sums, and of each operand two tiles that are used twice.
///
/// # Safety
/// `c` is valid for 32 values in each of 32 rows, `row` values apart.
#[inline(always)]
unsafe fn sum<T: Tiles>(tiles: &mut T, (left, right): (&[Tile], &[Tile]), c: *mut f32, row: usize, write: Write) {
    // SAFETY: the function's own contract; the four tiles are the block's quarters.
    unsafe {
        let lower = c.add(SIDE * row);
        match write {
            Write::Replace => {
                tiles.zero::<0>();
                tiles.zero::<1>();
                tiles.zero::<2>();
                tiles.zero::<3>();
            }
            Write::Add => {
                tiles.load_sums::<0>(c, row);
                tiles.load_sums::<1>(c.add(SIDE), row);
                tiles.load_sums::<2>(lower, row);
                tiles.load_sums::<3>(lower.add(SIDE), row);
            }
        }
        for (left, right) in left.chunks_exact(2).zip(right.chunks_exact(2)) {
            tiles.load::<4>(&left[0]);
            tiles.load::<6>(&right[0]);
            tiles.multiply_add::<0, 4, 6>();
            tiles.load::<7>(&right[1]);
            tiles.multiply_add::<1, 4, 7>();
            tiles.load::<5>(&left[1]);
            tiles.multiply_add::<2, 5, 6>();
            tiles.multiply_add::<3, 5, 7>();
        }
        tiles.store_sums::<0>(c, row);
        tiles.store_sums::<1>(c.add(SIDE), row);
        tiles.store_sums::<2>(lower, row);
        tiles.store_sums::<3>(lower.add(SIDE), row);
    }
}
