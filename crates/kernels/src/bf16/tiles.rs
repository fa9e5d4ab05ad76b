//! The order of tile operations that makes a product, and what it needs of a processor with tiles.

use super::{DEPTH, LANES, Product};
use crate::scratch::Buffer;
use crate::stored::Bf16;

/// Rows of a tile.
pub(super) const SIDE: usize = 16;

/// Eight tile registers of the thread that made them, all of 16 rows of 64 bytes. They are named by number, 0 to 7. An
/// operand's tile holds 16 rows of 16 pairs of bf16, the one with the even k in the lower half: of the left operand a row
/// is a row of the matrix, of the right one it is two rows of the matrix, k and k + 1.
pub(super) trait Tiles {
    /// The registers, all zero.
    ///
    /// # Safety
    /// The processor has tiles and this process may use them. A thread has at most one value of the type at a time.
    unsafe fn configure() -> Self;

    /// Makes a register zero.
    fn zero<const REGISTER: usize>(&mut self);

    /// Loads a tile whose rows are `row` bytes apart.
    ///
    /// # Safety
    /// The pointer is valid for 64 bytes in each of the 16 rows. So for [`store_sums`](Self::store_sums).
    unsafe fn load<const REGISTER: usize>(&mut self, from: *const u8, row: usize);

    /// Adds the product of the operands' tiles `LEFT` and `RIGHT` to the sums `SUMS`, three different registers: products
    /// with even k and those with odd k are summed up apart, both sums are added, and that to `SUMS`. Every step is
    /// rounded to nearest, ties to even; what is below 2^-126 counts as 0, before and after it.
    fn multiply_add<const SUMS: usize, const LEFT: usize, const RIGHT: usize>(&mut self);

    /// Stores a tile of sums, whose rows are `row` bytes apart.
    ///
    /// # Safety
    /// As [`load`](Self::load), for writing.
    unsafe fn store_sums<const REGISTER: usize>(&self, to: *mut u8, row: usize);
}

/// Rows of a block of sums: those of two tiles.
const BLOCK: usize = 2 * SIDE;

/// See [`super::Multiply`].
///
/// # Safety
/// As there; the tiles can be configured.
pub(super) unsafe fn multiply<T: Tiles>(product: &Product, n_rows: usize) {
    let depth = product.n_k.next_multiple_of(DEPTH);
    // SAFETY: the caller's contract; nothing in here starts work that could come back to this thread.
    let mut tiles = unsafe { T::configure() };
    let mut padded = Buffer::<Bf16>::take(0);
    for row in (0..n_rows).step_by(BLOCK) {
        let n = (n_rows - row).min(BLOCK);
        // SAFETY: rows before `n_rows`, and panels and columns before `n_columns`, as in `Product`.
        unsafe {
            let (mut a, mut a_row) = (product.a.add(row * product.a_row), product.a_row);
            if n < BLOCK || depth != product.n_k {
                // Tiles are read whole: what they have too much is zeros.
                if padded.len() < BLOCK * depth {
                    padded = Buffer::take(BLOCK * depth);
                }
                padded[..BLOCK * depth].fill(Bf16::default());
                for i in 0..n {
                    let to = padded[i * depth..].as_mut_ptr();
                    to.copy_from_nonoverlapping(a.add(i * product.a_row), product.n_k);
                }
                (a, a_row) = (padded.as_ptr(), depth);
            }
            let mut column = 0;
            while column < product.n_columns {
                let left = product.n_columns - column;
                let width = if left > LANES { 2 * LANES } else { LANES };
                let panel = Panel { a, a_row, b: product.b.add(column * depth), depth, width };
                let c = product.c.add(row * product.c_row + column);
                if n == BLOCK && left >= width {
                    panel.sums(&mut tiles, c, product.c_row, product.accumulate);
                } else {
                    let mut whole = [0f32; BLOCK * 2 * LANES];
                    for i in 0..n * usize::from(product.accumulate) {
                        let from = c.add(i * product.c_row);
                        whole[i * width..].as_mut_ptr().copy_from_nonoverlapping(from, left.min(width));
                    }
                    panel.sums(&mut tiles, whole.as_mut_ptr(), width, product.accumulate);
                    for i in 0..n {
                        let to = c.add(i * product.c_row);
                        to.copy_from_nonoverlapping(whole[i * width..].as_ptr(), left.min(width));
                    }
                }
                column += width;
            }
        }
    }
}

/// 32 rows of the left operand and a panel of the right one.
struct Panel {
    a: *const Bf16,
    a_row: usize,
    b: *const Bf16,
    depth: usize,
    width: usize,
}

impl Panel {
    /// All k of a block of sums: two or four tiles of them, and of each operand one or two tiles that are used again.
    ///
    /// # Safety
    /// The panel is what it says, and `c` is valid for `width` values in each of 32 rows, `c_row` values apart.
    #[inline(always)]
    unsafe fn sums<T: Tiles>(&self, tiles: &mut T, c: *mut f32, c_row: usize, accumulate: bool) {
        const VALUE: usize = size_of::<f32>();
        let is_wide = self.width > LANES;
        let (a_row, b_row) = (self.a_row * size_of::<Bf16>(), self.width * 2 * size_of::<Bf16>());
        // SAFETY: the function's own contract; the four tiles are the block's quarters.
        unsafe {
            let (upper, lower) = (c.cast::<u8>(), c.add(SIDE * c_row).cast::<u8>());
            let beside = LANES * VALUE;
            if accumulate {
                tiles.load::<0>(upper, c_row * VALUE);
                tiles.load::<2>(lower, c_row * VALUE);
                if is_wide {
                    tiles.load::<1>(upper.add(beside), c_row * VALUE);
                    tiles.load::<3>(lower.add(beside), c_row * VALUE);
                }
            } else {
                tiles.zero::<0>();
                tiles.zero::<1>();
                tiles.zero::<2>();
                tiles.zero::<3>();
            }
            for k in (0..self.depth).step_by(DEPTH) {
                let (a, b) = (self.a.add(k).cast::<u8>(), self.b.add(k * self.width).cast::<u8>());
                tiles.load::<4>(a, a_row);
                tiles.load::<6>(b, b_row);
                tiles.multiply_add::<0, 4, 6>();
                tiles.load::<5>(a.add(SIDE * a_row), a_row);
                tiles.multiply_add::<2, 5, 6>();
                if is_wide {
                    tiles.load::<7>(b.add(beside), b_row);
                    tiles.multiply_add::<1, 4, 7>();
                    tiles.multiply_add::<3, 5, 7>();
                }
            }
            tiles.store_sums::<0>(upper, c_row * VALUE);
            tiles.store_sums::<2>(lower, c_row * VALUE);
            if is_wide {
                tiles.store_sums::<1>(upper.add(beside), c_row * VALUE);
                tiles.store_sums::<3>(lower.add(beside), c_row * VALUE);
            }
        }
    }
}
