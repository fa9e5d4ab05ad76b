//! What the product needs of a processor with tiles.

use crate::scratch::Kept;
use std::sync::Mutex;

/// Rows of a tile, and columns of a tile of sums.
pub(super) const SIDE: usize = 16;

/// Values of k that a tile of an operand holds.
pub(super) const DEPTH: usize = 2 * SIDE;

/// A tile of an operand: 16 rows of 16 pairs of bf16, the one with the even k in the lower half.
///
/// Of the left operand a row is a row of the matrix, of the right one it is two rows of the matrix, k and k + 1.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Tile(pub(super) [[u32; SIDE]; SIDE]);

impl Default for Tile {
    fn default() -> Self {
        Self([[0; SIDE]; SIDE])
    }
}

impl Kept for Tile {
    fn free() -> &'static Mutex<Vec<Vec<Self>>> {
        static FREE: Mutex<Vec<Vec<Tile>>> = Mutex::new(Vec::new());
        &FREE
    }
}

/// Eight tile registers of the thread that made them, all of 16 rows of 64 bytes. They are named by number, 0 to 7.
pub(super) trait Tiles {
    /// The registers, all zero.
    ///
    /// # Safety
    /// The processor has tiles and this process may use them. A thread has at most one value of the type at a time.
    unsafe fn configure() -> Self;

    /// Makes a register zero.
    fn zero<const REGISTER: usize>(&mut self);

    /// Loads an operand's tile.
    fn load<const REGISTER: usize>(&mut self, from: &Tile);

    /// Loads a tile of sums, whose rows are `row` values apart.
    ///
    /// # Safety
    /// The pointer is valid for 16 values in each of the 16 rows. So for [`store_sums`](Self::store_sums).
    unsafe fn load_sums<const REGISTER: usize>(&mut self, from: *const f32, row: usize);

    /// Adds the product of the operands' tiles `LEFT` and `RIGHT` to the sums `SUMS`, three different registers: products
    /// with even k and those with odd k are summed up apart, both sums are added, and that to `SUMS`. Every step is
    /// rounded to nearest, ties to even; what is below 2^-126 counts as 0, before and after it.
    fn multiply_add<const SUMS: usize, const LEFT: usize, const RIGHT: usize>(&mut self);

    /// Stores a tile of sums.
    ///
    /// # Safety
    /// As [`load_sums`](Self::load_sums), for writing.
    unsafe fn store_sums<const REGISTER: usize>(&self, to: *mut f32, row: usize);
}
