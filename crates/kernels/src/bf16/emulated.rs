//! Tiles in plain Rust, with the roundings of the real ones: for tests, and so that what computes in bf16 gives something
//! everywhere.

use super::tiles::{SIDE, Tiles};

/// Eight registers; a register of sums holds the bits of `f32`.
pub(super) struct Emulated([[[u32; SIDE]; SIDE]; 8]);

/// What is below the smallest normal number counts as zero of its sign.
fn flush(value: f32) -> f32 {
    if value.is_subnormal() { 0f32.copysign(value) } else { value }
}

/// The values of a pair, as `f32`.
fn pair(bits: u32) -> [f32; 2] {
    [flush(f32::from_bits(bits << 16)), flush(f32::from_bits(bits & 0xFFFF_0000))]
}

impl Tiles for Emulated {
    unsafe fn configure() -> Self {
        Self([[[0; SIDE]; SIDE]; 8])
    }

    fn zero<const REGISTER: usize>(&mut self) {
        self.0[REGISTER] = [[0; SIDE]; SIDE];
    }

    unsafe fn load<const REGISTER: usize>(&mut self, from: *const u8, row: usize) {
        for (i, values) in self.0[REGISTER].iter_mut().enumerate() {
            // SAFETY: the caller's pointer is valid for 16 values in each of 16 rows.
            *values = unsafe { from.add(i * row).cast::<[u32; SIDE]>().read_unaligned() };
        }
    }

    fn multiply_add<const SUMS: usize, const LEFT: usize, const RIGHT: usize>(&mut self) {
        let (left, right) = (self.0[LEFT], self.0[RIGHT]);
        for (left, sums) in left.iter().zip(&mut self.0[SUMS]) {
            for (column, sum) in sums.iter_mut().enumerate() {
                let mut products = [0f32; 2];
                for (&a, b) in left.iter().zip(&right) {
                    let (a, b) = (pair(a), pair(b[column]));
                    for i in 0..2 {
                        products[i] = flush(a[i].mul_add(b[i], products[i]));
                    }
                }
                let product = flush(products[0] + products[1]);
                *sum = flush(flush(f32::from_bits(*sum)) + product).to_bits();
            }
        }
    }

    unsafe fn store_sums<const REGISTER: usize>(&self, to: *mut u8, row: usize) {
        for (i, values) in self.0[REGISTER].iter().enumerate() {
            // SAFETY: as in `load`, for writing.
            unsafe { to.add(i * row).cast::<[u32; SIDE]>().write_unaligned(*values) }
        }
    }
}
