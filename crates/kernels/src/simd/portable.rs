use super::Simd;
use crate::tile::{Tile, tile};
use std::array::from_fn;

/// The larger number, and what is none if either is.
#[inline(always)]
pub(super) fn larger_or_nan(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// `N` values in plain Rust. `Lanes<4>` becomes vectors of 128 bits on x86-64 and ARM; `Lanes<1>` does what is left of a
/// row on every path.
pub(crate) struct Lanes<const N: usize>;

// No function uses an instruction that a processor could lack; the pointers are the caller's, valid for `N` values.
impl<const N: usize> Simd for Lanes<N> {
    const LANES: usize = N;
    const ROWS_WIDE: usize = 4;
    const ROWS_NARROW: usize = 8;
    type Vector = [f32; N];
    type Codes = [u8; N];
    type Mask = [bool; N];

    #[inline(never)]
    unsafe fn tile<const R: usize, const V: usize, const TURNED: bool>(t: &Tile) {
        // SAFETY: the caller's contract.
        unsafe { tile::<Self, R, V, TURNED>(t) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; N] {
        [value; N]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> [f32; N] {
        // SAFETY: the caller's pointer is valid for N values.
        unsafe { from.cast::<[f32; N]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: [f32; N]) {
        // SAFETY: the caller's pointer is valid for N values.
        unsafe { to.cast::<[f32; N]>().write_unaligned(value) }
    }
    #[inline(always)]
    unsafe fn add(a: [f32; N], b: [f32; N]) -> [f32; N] {
        from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn sub(a: [f32; N], b: [f32; N]) -> [f32; N] {
        from_fn(|i| a[i] - b[i])
    }
    #[inline(always)]
    unsafe fn mul(a: [f32; N], b: [f32; N]) -> [f32; N] {
        from_fn(|i| a[i] * b[i])
    }
    #[inline(always)]
    unsafe fn div(a: [f32; N], b: [f32; N]) -> [f32; N] {
        from_fn(|i| a[i] / b[i])
    }
    #[inline(always)]
    unsafe fn max(a: [f32; N], b: [f32; N]) -> [f32; N] {
        from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn min(a: [f32; N], b: [f32; N]) -> [f32; N] {
        from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn round(a: [f32; N]) -> [f32; N] {
        // What is added pushes the digits behind the point out; larger numbers have none.
        const WHOLE: f32 = 12_582_912.0;
        from_fn(|i| if a[i].abs() < 4_194_304.0 { (a[i] + WHOLE) - WHOLE } else { a[i] })
    }
    #[inline(always)]
    unsafe fn times_power_of_two(a: [f32; N], n: [f32; N]) -> [f32; N] {
        from_fn(|i| a[i] * f32::from_bits(((n[i] as i32 + 127) as u32) << 23))
    }
    #[inline(always)]
    unsafe fn sum(a: [f32; N]) -> f32 {
        a.iter().sum()
    }
    #[inline(always)]
    unsafe fn largest(a: [f32; N]) -> f32 {
        a.into_iter().fold(f32::NEG_INFINITY, larger_or_nan)
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> [f32; N] {
        // SAFETY: the caller's pointer is valid for N values.
        let bits = unsafe { from.cast::<[u16; N]>().read_unaligned() };
        bits.map(|bits| f32::from_bits(u32::from(bits) << 16))
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, value: [f32; N]) {
        // SAFETY: the caller's pointer is valid for N values.
        unsafe { to.cast::<[u16; N]>().write_unaligned(value.map(|value| crate::stored::round(value) as u16)) }
    }
    #[inline(always)]
    unsafe fn multiply_add(a: [f32; N], b: [f32; N], c: [f32; N]) -> [f32; N] {
        // Two roundings: `mul_add` would call a library function where there is no such instruction.
        from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn greater_or_nan(a: [f32; N], b: [f32; N]) -> [bool; N] {
        from_fn(|i| a[i] > b[i] || a[i].is_nan())
    }
    #[inline(always)]
    unsafe fn select(mask: [bool; N], yes: [f32; N], no: [f32; N]) -> [f32; N] {
        from_fn(|i| if mask[i] { yes[i] } else { no[i] })
    }
    #[inline(always)]
    unsafe fn splat_codes(code: u8) -> [u8; N] {
        [code; N]
    }
    #[inline(always)]
    unsafe fn select_codes(mask: [bool; N], yes: [u8; N], no: [u8; N]) -> [u8; N] {
        from_fn(|i| if mask[i] { yes[i] } else { no[i] })
    }
    #[inline(always)]
    unsafe fn store_codes(to: *mut u8, codes: [u8; N]) {
        // SAFETY: the caller's pointer is valid for N values.
        unsafe { to.cast::<[u8; N]>().write_unaligned(codes) }
    }
    #[inline(always)]
    unsafe fn where_code(codes: *const u8, code: u8, value: [f32; N]) -> [f32; N] {
        // SAFETY: the caller's pointer is valid for N values.
        let codes = unsafe { codes.cast::<[u8; N]>().read_unaligned() };
        from_fn(|i| if codes[i] == code { value[i] } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn unless_code(codes: *const u8, code: u8, value: [f32; N]) -> [f32; N] {
        // SAFETY: the caller's pointer is valid for N values.
        let codes = unsafe { codes.cast::<[u8; N]>().read_unaligned() };
        from_fn(|i| if codes[i] == code { 0.0 } else { value[i] })
    }
}
