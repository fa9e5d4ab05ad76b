//! What the kernels need of a vector of `f32`, and the instruction sets that have it.

use crate::tile::Tile;

#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

/// Values of the longest vector.
pub(crate) const MOST_LANES: usize = 16;

/// A vector of `f32`, and beside it a vector of as many bytes ("codes": which of a pool's inputs was taken).
///
/// # Safety
/// Every function may use the instructions of its set: the caller runs on a processor that has them. Pointers are valid
/// for `LANES` values and need no alignment.
pub(crate) trait Simd {
    /// Values in a vector.
    const LANES: usize;
    /// Rows of a tile that is two vectors wide: as many as registers hold.
    const ROWS_WIDE: usize;
    /// Rows of a tile that is one vector wide.
    const ROWS_NARROW: usize;
    type Vector: Copy;
    type Codes: Copy;
    type Mask: Copy;

    /// [`crate::tile::tile`] as a function of its own: where many tiles are compiled into one, their sums do not stay in
    /// registers.
    ///
    /// # Safety
    /// As there.
    unsafe fn tile<const R: usize, const V: usize, const TURNED: bool>(t: &Tile);
    unsafe fn splat(value: f32) -> Self::Vector;
    unsafe fn load(from: *const f32) -> Self::Vector;
    unsafe fn store(to: *mut f32, value: Self::Vector);
    /// The first `n` values, at most all, and zeros; only they need be valid.
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self::Vector {
        let mut all = [0f32; MOST_LANES];
        // SAFETY: the caller's pointer is valid for `n` values, and `all` is as long as the longest vector.
        unsafe {
            if n == Self::LANES {
                return Self::load(from);
            }
            for (i, value) in all.iter_mut().enumerate().take(n) {
                *value = from.add(i).read();
            }
            Self::load(all.as_ptr())
        }
    }
    /// Stores the first `n` values, at most all; only they need be valid.
    #[inline(always)]
    unsafe fn store_part(to: *mut f32, value: Self::Vector, n: usize) {
        let mut all = [0f32; MOST_LANES];
        // SAFETY: as in `load_part`.
        unsafe {
            if n == Self::LANES {
                return Self::store(to, value);
            }
            Self::store(all.as_mut_ptr(), value);
            for (i, value) in all.iter().enumerate().take(n) {
                to.add(i).write(*value);
            }
        }
    }
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn div(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The larger one; not a number where `b` is none.
    unsafe fn max(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The smaller one; not a number where `b` is none.
    unsafe fn min(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The nearest whole number, of two equally near ones the even one.
    unsafe fn round(a: Self::Vector) -> Self::Vector;
    /// `a * 2^n` for whole `n` from -126 to 127.
    unsafe fn times_power_of_two(a: Self::Vector, n: Self::Vector) -> Self::Vector;
    /// The sum of all values.
    unsafe fn sum(a: Self::Vector) -> f32;
    /// The largest of all values; not a number where one of them is none.
    unsafe fn largest(a: Self::Vector) -> f32;
    /// Numbers from their upper halves.
    unsafe fn load_bf16(from: *const u16) -> Self::Vector;
    /// The upper halves of numbers, rounded as [`crate::stored::round`] does; where the processor has an instruction for
    /// it, numbers below the smallest normal one become 0.
    unsafe fn store_bf16(to: *mut u16, value: Self::Vector);
    /// As [`load_bf16`](Self::load_bf16), of the first `n` numbers; the others are zero.
    #[inline(always)]
    unsafe fn load_bf16_part(from: *const u16, n: usize) -> Self::Vector {
        let mut all = [0u16; MOST_LANES];
        // SAFETY: the caller's pointer is valid for `n` values, and no vector is longer than `all`.
        unsafe {
            for (i, half) in all.iter_mut().enumerate().take(n) {
                *half = from.add(i).read();
            }
            Self::load_bf16(all.as_ptr())
        }
    }
    /// As [`store_bf16`](Self::store_bf16), of the first `n` numbers.
    #[inline(always)]
    unsafe fn store_bf16_part(to: *mut u16, value: Self::Vector, n: usize) {
        let mut all = [0u16; MOST_LANES];
        // SAFETY: as in `load_bf16_part`.
        unsafe {
            Self::store_bf16(all.as_mut_ptr(), value);
            for (i, half) in all.iter().enumerate().take(n) {
                to.add(i).write(*half);
            }
        }
    }
    /// The rounded halves of two vectors side by side: those of `even` are the lower ones of words.
    #[inline(always)]
    unsafe fn store_bf16_pairs(to: *mut u16, even: Self::Vector, odd: Self::Vector) {
        let mut halves = [[0u16; MOST_LANES]; 2];
        // SAFETY: no vector is longer; the caller's pointer is valid for twice as many values as a vector has.
        unsafe {
            Self::store_bf16(halves[0].as_mut_ptr(), even);
            Self::store_bf16(halves[1].as_mut_ptr(), odd);
            let [even, odd] = halves;
            for (i, (even, odd)) in even.into_iter().zip(odd).enumerate().take(Self::LANES) {
                to.add(2 * i).write(even);
                to.add(2 * i + 1).write(odd);
            }
        }
    }
    /// Exchanges rows and columns.
    #[inline(always)]
    unsafe fn transpose(square: &mut [[u32; 16]; 16]) {
        let from = *square;
        for (i, row) in square.iter_mut().enumerate() {
            for (word, from) in row.iter_mut().zip(&from) {
                *word = from[i];
            }
        }
    }
    /// `a * b + c`.
    unsafe fn multiply_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Where `a > b` or `a` is not a number.
    unsafe fn greater_or_nan(a: Self::Vector, b: Self::Vector) -> Self::Mask;
    unsafe fn select(mask: Self::Mask, yes: Self::Vector, no: Self::Vector) -> Self::Vector;
    unsafe fn splat_codes(code: u8) -> Self::Codes;
    unsafe fn select_codes(mask: Self::Mask, yes: Self::Codes, no: Self::Codes) -> Self::Codes;
    unsafe fn store_codes(to: *mut u8, codes: Self::Codes);
    /// `value` where the code equals `code`, else 0.
    unsafe fn where_code(codes: *const u8, code: u8, value: Self::Vector) -> Self::Vector;
    /// 0 where the code equals `code`, else `value`.
    unsafe fn unless_code(codes: *const u8, code: u8, value: Self::Vector) -> Self::Vector;
}
