#![allow(
    unsafe_op_in_unsafe_fn,
    clippy::undocumented_unsafe_blocks,
    reason = "each function is an intrinsic or two, and its contract is that of the trait: the processor has the \
              instructions, pointers are valid for LANES values"
)]

use super::Simd;
use super::portable::larger_or_nan;
use crate::tile::{Tile, tile};
use std::arch::x86_64::*;

/// AVX2 and FMA: 8 values, 16 registers.
pub(crate) struct Avx2;

impl Simd for Avx2 {
    const LANES: usize = 8;
    const ROWS_WIDE: usize = 6;
    const ROWS_NARROW: usize = 12;
    type Vector = __m256;
    type Codes = __m256i;
    type Mask = __m256;

    #[inline(always)]
    unsafe fn tile<const R: usize, const V: usize, const TURNED: bool>(t: &Tile) {
        tile_avx2::<R, V, TURNED>(t)
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        _mm256_set1_ps(value)
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        _mm256_loadu_ps(from)
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: __m256) {
        _mm256_storeu_ps(to, value)
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> __m256 {
        _mm256_maskload_ps(from, first_of_8(n))
    }
    #[inline(always)]
    unsafe fn store_part(to: *mut f32, value: __m256, n: usize) {
        _mm256_maskstore_ps(to, first_of_8(n), value)
    }
    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        _mm256_add_ps(a, b)
    }
    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        _mm256_sub_ps(a, b)
    }
    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        _mm256_mul_ps(a, b)
    }
    #[inline(always)]
    unsafe fn div(a: __m256, b: __m256) -> __m256 {
        _mm256_div_ps(a, b)
    }
    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        _mm256_max_ps(a, b)
    }
    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        _mm256_min_ps(a, b)
    }
    #[inline(always)]
    unsafe fn round(a: __m256) -> __m256 {
        _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a)
    }
    #[inline(always)]
    unsafe fn times_power_of_two(a: __m256, n: __m256) -> __m256 {
        let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
        _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
    }
    #[inline(always)]
    unsafe fn sum(a: __m256) -> f32 {
        let half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
        let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
        _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps::<1>(pair, pair)))
    }
    #[inline(always)]
    unsafe fn largest(a: __m256) -> f32 {
        let mut all = [0f32; 8];
        _mm256_storeu_ps(all.as_mut_ptr(), a);
        all.into_iter().fold(f32::NEG_INFINITY, larger_or_nan)
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> __m256 {
        let bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
        _mm256_castsi256_ps(_mm256_slli_epi32::<16>(bits))
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, value: __m256) {
        let bits = _mm256_castps_si256(value);
        let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        let rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
        let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x40_0000));
        let nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(value, value));
        let halves = _mm256_srli_epi32::<16>(_mm256_blendv_epi8(rounded, quiet, nan));
        let packed = _mm_packus_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves));
        _mm_storeu_si128(to.cast(), packed)
    }
    #[inline(always)]
    unsafe fn multiply_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        _mm256_fmadd_ps(a, b, c)
    }
    #[inline(always)]
    unsafe fn greater_or_nan(a: __m256, b: __m256) -> __m256 {
        _mm256_or_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a, b), _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a))
    }
    #[inline(always)]
    unsafe fn select(mask: __m256, yes: __m256, no: __m256) -> __m256 {
        _mm256_blendv_ps(no, yes, mask)
    }
    #[inline(always)]
    unsafe fn splat_codes(code: u8) -> __m256i {
        _mm256_set1_epi32(i32::from(code))
    }
    #[inline(always)]
    unsafe fn select_codes(mask: __m256, yes: __m256i, no: __m256i) -> __m256i {
        _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(no), _mm256_castsi256_ps(yes), mask))
    }
    #[inline(always)]
    unsafe fn store_codes(to: *mut u8, codes: __m256i) {
        let words = _mm_packus_epi32(_mm256_castsi256_si128(codes), _mm256_extracti128_si256::<1>(codes));
        _mm_storel_epi64(to.cast(), _mm_packus_epi16(words, words))
    }
    #[inline(always)]
    unsafe fn where_code(codes: *const u8, code: u8, value: __m256) -> __m256 {
        let codes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(codes.cast()));
        let equal = _mm256_cmpeq_epi32(codes, _mm256_set1_epi32(i32::from(code)));
        _mm256_and_ps(_mm256_castsi256_ps(equal), value)
    }
    #[inline(always)]
    unsafe fn unless_code(codes: *const u8, code: u8, value: __m256) -> __m256 {
        let codes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(codes.cast()));
        let equal = _mm256_cmpeq_epi32(codes, _mm256_set1_epi32(i32::from(code)));
        _mm256_andnot_ps(_mm256_castsi256_ps(equal), value)
    }
}

/// AVX-512F: 16 values, 32 registers; with the instructions that round to bf16, or without.
pub(crate) struct Avx512<const ROUNDS: bool>;

impl<const ROUNDS: bool> Simd for Avx512<ROUNDS> {
    const LANES: usize = 16;
    const ROWS_WIDE: usize = 12;
    const ROWS_NARROW: usize = 24;
    type Vector = __m512;
    type Codes = __m512i;
    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn tile<const R: usize, const V: usize, const TURNED: bool>(t: &Tile) {
        tile_avx512::<R, V, TURNED>(t)
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        _mm512_set1_ps(value)
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        _mm512_loadu_ps(from)
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: __m512) {
        _mm512_storeu_ps(to, value)
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> __m512 {
        _mm512_maskz_loadu_ps(first_of_16(n), from)
    }
    #[inline(always)]
    unsafe fn store_part(to: *mut f32, value: __m512, n: usize) {
        _mm512_mask_storeu_ps(to, first_of_16(n), value)
    }
    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        _mm512_add_ps(a, b)
    }
    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        _mm512_sub_ps(a, b)
    }
    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        _mm512_mul_ps(a, b)
    }
    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        _mm512_div_ps(a, b)
    }
    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        _mm512_max_ps(a, b)
    }
    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        _mm512_min_ps(a, b)
    }
    #[inline(always)]
    unsafe fn round(a: __m512) -> __m512 {
        _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a)
    }
    #[inline(always)]
    unsafe fn times_power_of_two(a: __m512, n: __m512) -> __m512 {
        _mm512_scalef_ps(a, n)
    }
    #[inline(always)]
    unsafe fn sum(a: __m512) -> f32 {
        _mm512_reduce_add_ps(a)
    }
    #[inline(always)]
    unsafe fn largest(a: __m512) -> f32 {
        if _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a) == 0 { _mm512_reduce_max_ps(a) } else { f32::NAN }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> __m512 {
        let bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits))
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, value: __m512) {
        _mm256_storeu_si256(to.cast(), halves::<ROUNDS>(value))
    }
    #[inline(always)]
    unsafe fn load_bf16_part(from: *const u16, n: usize) -> __m512 {
        let bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first_of_16(n), from.cast()));
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits))
    }
    #[inline(always)]
    unsafe fn store_bf16_part(to: *mut u16, value: __m512, n: usize) {
        _mm256_mask_storeu_epi16(to.cast(), first_of_16(n), halves::<ROUNDS>(value))
    }
    #[inline(always)]
    unsafe fn store_bf16_pairs(to: *mut u16, even: __m512, odd: __m512) {
        let [even, odd] = [even, odd].map(|value| _mm512_cvtepu16_epi32(halves::<ROUNDS>(value)));
        _mm512_storeu_si512(to.cast(), _mm512_or_si512(even, _mm512_slli_epi32::<16>(odd)))
    }
    #[inline(always)]
    unsafe fn transpose(square: &mut [[u32; 16]; 16]) {
        let mut a: [__m512i; 16] = std::array::from_fn(|i| _mm512_loadu_si512(square[i].as_ptr().cast()));
        // Words of two rows, then pairs of words, then quarters, then halves.
        let mut b = a;
        for i in (0..16).step_by(2) {
            b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
            b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
        }
        for i in (0..16).step_by(4) {
            a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
            a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
            a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
            a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
        }
        for i in 0..4 {
            b[i] = _mm512_shuffle_i32x4::<0x88>(a[i], a[i + 4]);
            b[i + 4] = _mm512_shuffle_i32x4::<0xDD>(a[i], a[i + 4]);
            b[i + 8] = _mm512_shuffle_i32x4::<0x88>(a[i + 8], a[i + 12]);
            b[i + 12] = _mm512_shuffle_i32x4::<0xDD>(a[i + 8], a[i + 12]);
        }
        for i in 0..4 {
            a[i] = _mm512_shuffle_i32x4::<0x88>(b[i], b[i + 8]);
            a[i + 4] = _mm512_shuffle_i32x4::<0x88>(b[i + 4], b[i + 12]);
            a[i + 8] = _mm512_shuffle_i32x4::<0xDD>(b[i], b[i + 8]);
            a[i + 12] = _mm512_shuffle_i32x4::<0xDD>(b[i + 4], b[i + 12]);
        }
        for (row, a) in square.iter_mut().zip(a) {
            _mm512_storeu_si512(row.as_mut_ptr().cast(), a);
        }
    }
    #[inline(always)]
    unsafe fn multiply_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        _mm512_fmadd_ps(a, b, c)
    }
    #[inline(always)]
    unsafe fn greater_or_nan(a: __m512, b: __m512) -> __mmask16 {
        _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a)
    }
    #[inline(always)]
    unsafe fn select(mask: __mmask16, yes: __m512, no: __m512) -> __m512 {
        _mm512_mask_mov_ps(no, mask, yes)
    }
    #[inline(always)]
    unsafe fn splat_codes(code: u8) -> __m512i {
        _mm512_set1_epi32(i32::from(code))
    }
    #[inline(always)]
    unsafe fn select_codes(mask: __mmask16, yes: __m512i, no: __m512i) -> __m512i {
        _mm512_mask_mov_epi32(no, mask, yes)
    }
    #[inline(always)]
    unsafe fn store_codes(to: *mut u8, codes: __m512i) {
        _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(codes))
    }
    #[inline(always)]
    unsafe fn where_code(codes: *const u8, code: u8, value: __m512) -> __m512 {
        let codes = _mm512_cvtepu8_epi32(_mm_loadu_si128(codes.cast()));
        _mm512_maskz_mov_ps(_mm512_cmpeq_epi32_mask(codes, _mm512_set1_epi32(i32::from(code))), value)
    }
    #[inline(always)]
    unsafe fn unless_code(codes: *const u8, code: u8, value: __m512) -> __m512 {
        let codes = _mm512_cvtepu8_epi32(_mm_loadu_si128(codes.cast()));
        _mm512_maskz_mov_ps(_mm512_cmpneq_epi32_mask(codes, _mm512_set1_epi32(i32::from(code))), value)
    }
}

#[inline(never)]
#[target_feature(enable = "avx2,fma")]
unsafe fn tile_avx2<const R: usize, const V: usize, const TURNED: bool>(t: &Tile) {
    tile::<Avx2, R, V, TURNED>(t)
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn tile_avx512<const R: usize, const V: usize, const TURNED: bool>(t: &Tile) {
    tile::<Avx512<false>, R, V, TURNED>(t)
}

/// The upper halves of numbers, rounded.
#[inline(always)]
unsafe fn halves<const ROUNDS: bool>(value: __m512) -> __m256i {
    if ROUNDS {
        return std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(value));
    }
    let bits = _mm512_castps_si512(value);
    let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
    let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    let quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x40_0000));
    let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value, value);
    _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(_mm512_mask_mov_epi32(rounded, nan, quiet)))
}

/// All bits of the first `n` of 8 lanes.
#[inline(always)]
unsafe fn first_of_8(n: usize) -> __m256i {
    _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}

/// The first `n` of 16 lanes.
#[inline(always)]
fn first_of_16(n: usize) -> __mmask16 {
    ((1u32 << n) - 1) as __mmask16
}
