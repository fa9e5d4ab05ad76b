#![allow(
    unsafe_op_in_unsafe_fn,
    clippy::undocumented_unsafe_blocks,
    reason = "each function is an intrinsic or two, and its contract is that of the trait: the processor has the \
              instructions, pointers are valid for LANES values"
)]

use super::Simd;
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

/// AVX-512F: 16 values, 32 registers.
pub(crate) struct Avx512;

impl Simd for Avx512 {
    const LANES: usize = 16;
    const ROWS_WIDE: usize = 12;
    const ROWS_NARROW: usize = 24;
    type Vector = __m512;
    type Codes = __m512i;
    type Mask = __mmask16;

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
