// What all kernels share. A kernel is written once for the type VALUE, in a `.cuh`, and compiled for f32 and for bf16 by
// `both.cuh`; every sum is f32. Its parameters are, in this order: what it reads, what it writes, ints, floats.
//
// No kernel adds atomically: equal inputs give equal bytes.
#pragma once

#ifdef EMULATED
#include "emulation.h"
#else
#include <cuda_bf16.h>
// A kernel by name; the name of a compiled one ends with its type.
#define KERNEL(name, parameters) extern "C" __global__ void NAME(name) parameters
// Before a loop over memory: several loads under way at a time.
#define UNROLLED _Pragma("unroll 4")
#endif

// Parameters: what one points to is read or written through no other.
#define IN(type) const type* __restrict__
#define OUT(type) type* __restrict__

using bf16 = __nv_bfloat16;

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

// Two neighbors of a row: rows have an even width, and so pairs are aligned.
struct Pair {
    float a, b;
};

__device__ inline float load(const float* from) { return *from; }
__device__ inline float load(const bf16* from) { return __bfloat162float(*from); }

__device__ inline void store(float* to, float value) { *to = value; }
__device__ inline void store(bf16* to, float value) { *to = __float2bfloat16(value); }

__device__ inline Pair load_pair(const float* from) {
    const float2 both = *reinterpret_cast<const float2*>(from);
    return {both.x, both.y};
}

__device__ inline Pair load_pair(const bf16* from) {
    const __nv_bfloat162 both = *reinterpret_cast<const __nv_bfloat162*>(from);
    return {__bfloat162float(both.x), __bfloat162float(both.y)};
}

__device__ inline void store_pair(float* to, Pair value) {
    *reinterpret_cast<float2*>(to) = make_float2(value.a, value.b);
}

__device__ inline void store_pair(bf16* to, Pair value) {
    __nv_bfloat162 both;
    both.x = __float2bfloat16(value.a);
    both.y = __float2bfloat16(value.b);
    *reinterpret_cast<__nv_bfloat162*>(to) = both;
}

// The sum over a warp, in every lane of it.
__device__ inline float warp_sum(float value) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        value += __shfl_xor_sync(ALL_LANES, value, distance);
    }
    return value;
}

// The largest of a warp's values, in every lane of it.
__device__ inline float warp_max(float value) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, distance));
    }
    return value;
}

// A row for each warp of the grid, and the lane in it.
__device__ inline int warp_row() { return int(blockIdx.x * (blockDim.x / WARP) + threadIdx.x / WARP); }
__device__ inline int warp_lane() { return threadIdx.x % WARP; }

// The first of two columns for each thread of the grid across.
__device__ inline int column_pair() { return 2 * int(blockIdx.x * blockDim.x + threadIdx.x); }

__device__ inline float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.70710678f)); }

// The slope of GELU: the share of the normal distribution below x, and x times its density.
__device__ inline float gelu_slope(float x) {
    return 0.5f * (1.0f + erff(x * 0.70710678f)) + x * 0.39894228f * expf(-0.5f * x * x);
}
