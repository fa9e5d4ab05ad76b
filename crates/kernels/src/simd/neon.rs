#![allow(
    unsafe_op_in_unsafe_fn,
    clippy::undocumented_unsafe_blocks,
    reason = "each function is an intrinsic or two, and its contract is that of the trait: the processor has the \
              instructions, pointers are valid for LANES values"
)]

use super::Simd;
use crate::tile::{Tile, tile};
use std::arch::aarch64::*;

/// NEON: 4 values, 32 registers. A narrow tile has only as many rows as there are general registers to point to them:
/// with more, the addresses would be loaded from the stack in the innermost loop.
pub(crate) struct Neon;

impl Neon {
    /// All bits of the lanes whose code is `code`.
    #[inline(always)]
    unsafe fn equal(codes: *const u8, code: u8) -> uint32x4_t {
        let bytes = vreinterpret_u8_u32(vdup_n_u32(codes.cast::<u32>().read_unaligned()));
        let words = vmovl_u16(vget_low_u16(vmovl_u8(bytes)));
        vceqq_u32(words, vdupq_n_u32(u32::from(code)))
    }
}

impl Simd for Neon {
    const LANES: usize = 4;
    const ROWS_WIDE: usize = 12;
    const ROWS_NARROW: usize = 16;
    type Vector = float32x4_t;
    type Codes = uint32x4_t;
    type Mask = uint32x4_t;

    #[inline(always)]
    unsafe fn tile<const R: usize, const V: usize, const TURNED: bool>(t: &Tile) {
        tile_neon::<R, V, TURNED>(t)
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> float32x4_t {
        vdupq_n_f32(value)
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> float32x4_t {
        vld1q_f32(from)
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: float32x4_t) {
        vst1q_f32(to, value)
    }
    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        vaddq_f32(a, b)
    }
    #[inline(always)]
    unsafe fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        vsubq_f32(a, b)
    }
    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        vmulq_f32(a, b)
    }
    #[inline(always)]
    unsafe fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        vdivq_f32(a, b)
    }
    #[inline(always)]
    unsafe fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        vmaxq_f32(a, b)
    }
    #[inline(always)]
    unsafe fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        vminq_f32(a, b)
    }
    #[inline(always)]
    unsafe fn round(a: float32x4_t) -> float32x4_t {
        vrndnq_f32(a)
    }
    #[inline(always)]
    unsafe fn times_power_of_two(a: float32x4_t, n: float32x4_t) -> float32x4_t {
        let exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
        vmulq_f32(a, vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent)))
    }
    #[inline(always)]
    unsafe fn sum(a: float32x4_t) -> f32 {
        vaddvq_f32(a)
    }
    #[inline(always)]
    unsafe fn largest(a: float32x4_t) -> f32 {
        vmaxvq_f32(a)
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> float32x4_t {
        vreinterpretq_f32_u32(vshll_n_u16::<16>(vld1_u16(from)))
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, value: float32x4_t) {
        let bits = vreinterpretq_u32_f32(value);
        let odd = vandq_u32(vshrq_n_u32::<16>(bits), vdupq_n_u32(1));
        let rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7FFF)));
        let quiet = vorrq_u32(bits, vdupq_n_u32(0x40_0000));
        vst1_u16(to, vshrn_n_u32::<16>(vbslq_u32(vceqq_f32(value, value), rounded, quiet)));
    }
    #[inline(always)]
    unsafe fn multiply_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        vfmaq_f32(c, a, b)
    }
    #[inline(always)]
    unsafe fn greater_or_nan(a: float32x4_t, b: float32x4_t) -> uint32x4_t {
        vornq_u32(vcgtq_f32(a, b), vceqq_f32(a, a))
    }
    #[inline(always)]
    unsafe fn select(mask: uint32x4_t, yes: float32x4_t, no: float32x4_t) -> float32x4_t {
        vbslq_f32(mask, yes, no)
    }
    #[inline(always)]
    unsafe fn splat_codes(code: u8) -> uint32x4_t {
        vdupq_n_u32(u32::from(code))
    }
    #[inline(always)]
    unsafe fn select_codes(mask: uint32x4_t, yes: uint32x4_t, no: uint32x4_t) -> uint32x4_t {
        vbslq_u32(mask, yes, no)
    }
    #[inline(always)]
    unsafe fn store_codes(to: *mut u8, codes: uint32x4_t) {
        let words = vmovn_u32(codes);
        let bytes = vmovn_u16(vcombine_u16(words, words));
        to.cast::<u32>().write_unaligned(vget_lane_u32::<0>(vreinterpret_u32_u8(bytes)));
    }
    #[inline(always)]
    unsafe fn where_code(codes: *const u8, code: u8, value: float32x4_t) -> float32x4_t {
        vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(value), Self::equal(codes, code)))
    }
    #[inline(always)]
    unsafe fn unless_code(codes: *const u8, code: u8, value: float32x4_t) -> float32x4_t {
        vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(value), Self::equal(codes, code)))
    }
}

#[inline(never)]
#[target_feature(enable = "neon")]
unsafe fn tile_neon<const R: usize, const V: usize, const TURNED: bool>(t: &Tile) {
    tile::<Neon, R, V, TURNED>(t)
}
