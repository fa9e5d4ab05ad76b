//! The storage type between two matrix products: `f32`, or `f32` rounded to bf16.

use crate::scratch::Kept;
use crate::simd::Simd;
use std::sync::Mutex;

/// The upper half of an `f32`: 8 significant bits with its range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Bf16(pub(crate) u16);

impl Kept for Bf16 {
    fn free() -> &'static Mutex<Vec<Vec<Self>>> {
        static FREE: Mutex<Vec<Vec<Bf16>>> = Mutex::new(Vec::new());
        &FREE
    }
}

/// The bits of the nearest bf16, of two equally near ones the even one. A NaN whose only bits are cut off gets one that
/// stays, so that it does not become an infinity.
#[inline(always)]
pub(crate) fn round(value: f32) -> u32 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) >> 16;
    if value.is_nan() { bits >> 16 | 0x40 } else { rounded }
}

/// A number as it is stored.
pub(crate) trait Stored: Kept + PartialEq + Send + Sync {
    /// Adjacent steps of k in the right operand of a product.
    const GROUP: usize;

    /// The stored number that is nearest.
    fn of(value: f32) -> Self;

    /// The number.
    fn value(self) -> f32;

    /// Loads a vector.
    ///
    /// # Safety
    /// As [`Simd::load`]; so for [`store`](Self::store).
    unsafe fn load<S: Simd>(from: *const Self) -> S::Vector;

    /// Stores a vector.
    ///
    /// # Safety
    /// As [`load`](Self::load).
    unsafe fn store<S: Simd>(to: *mut Self, value: S::Vector);

    /// Loads the first `n` values of a vector, and zeros.
    ///
    /// # Safety
    /// As [`Simd::load_part`]; so for [`store_part`](Self::store_part).
    unsafe fn load_part<S: Simd>(from: *const Self, n: usize) -> S::Vector;

    /// Stores the first `n` values of a vector.
    ///
    /// # Safety
    /// As [`load_part`](Self::load_part).
    unsafe fn store_part<S: Simd>(to: *mut Self, value: S::Vector, n: usize);
}

impl Stored for f32 {
    const GROUP: usize = 1;

    #[inline(always)]
    fn of(value: f32) -> Self {
        value
    }
    #[inline(always)]
    fn value(self) -> f32 {
        self
    }
    #[inline(always)]
    unsafe fn load<S: Simd>(from: *const f32) -> S::Vector {
        // SAFETY: handed on.
        unsafe { S::load(from) }
    }
    #[inline(always)]
    unsafe fn store<S: Simd>(to: *mut f32, value: S::Vector) {
        // SAFETY: handed on.
        unsafe { S::store(to, value) }
    }
    #[inline(always)]
    unsafe fn load_part<S: Simd>(from: *const Self, n: usize) -> S::Vector {
        // SAFETY: handed on.
        unsafe { S::load_part(from, n) }
    }
    #[inline(always)]
    unsafe fn store_part<S: Simd>(to: *mut Self, value: S::Vector, n: usize) {
        // SAFETY: handed on.
        unsafe { S::store_part(to, value, n) }
    }
}

impl Stored for Bf16 {
    const GROUP: usize = 2;

    #[inline(always)]
    fn of(value: f32) -> Self {
        Self(round(value) as u16)
    }
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
    #[inline(always)]
    unsafe fn load<S: Simd>(from: *const Self) -> S::Vector {
        // SAFETY: handed on; the type is that of its bits.
        unsafe { S::load_bf16(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store<S: Simd>(to: *mut Self, value: S::Vector) {
        // SAFETY: as in `load`.
        unsafe { S::store_bf16(to.cast(), value) }
    }
    #[inline(always)]
    unsafe fn load_part<S: Simd>(from: *const Self, n: usize) -> S::Vector {
        // SAFETY: handed on.
        unsafe { S::load_bf16_part(from.cast(), n) }
    }
    #[inline(always)]
    unsafe fn store_part<S: Simd>(to: *mut Self, value: S::Vector, n: usize) {
        // SAFETY: handed on.
        unsafe { S::store_bf16_part(to.cast(), value, n) }
    }
}

/// Loads the first `n` values of a vector, at least one and at most all; the others are zero.
///
/// # Safety
/// The pointer is valid for `n` values. So for [`store_first`].
#[inline(always)]
pub(crate) unsafe fn load_first<S: Simd, V: Stored>(from: *const V, n: usize) -> S::Vector {
    // SAFETY: handed on.
    unsafe { if n == S::LANES { V::load::<S>(from) } else { V::load_part::<S>(from, n) } }
}

/// Stores the first `n` values of a vector.
///
/// # Safety
/// As [`load_first`].
#[inline(always)]
pub(crate) unsafe fn store_first<S: Simd, V: Stored>(to: *mut V, value: S::Vector, n: usize) {
    // SAFETY: handed on.
    unsafe { if n == S::LANES { V::store::<S>(to, value) } else { V::store_part::<S>(to, value, n) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_nearest_and_ties_to_even() {
        let value = |value: f32| Bf16::of(value).value();
        assert_eq!(value(1.0), 1.0);
        assert_eq!(value(1.0 + 1.0 / 512.0), 1.0); // below the middle
        assert_eq!(value(1.0 + 1.0 / 256.0), 1.0); // the middle, and 1.0 is the even one
        assert_eq!(value(1.0 + 3.0 / 256.0), 1.0 + 4.0 / 256.0); // a middle with an odd one below
        assert_eq!(value(-3.4e38), f32::NEG_INFINITY);
        assert!(value(f32::NAN).is_nan() && value(f32::from_bits(0x7F80_0001)).is_nan());
    }
}
