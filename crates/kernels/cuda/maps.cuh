// What the kernels of maps share. Every thread makes values of its own and adds in a fixed order: there is no shared
// memory, no barrier and no atomic operation. Where a product is added it is written as `fma`, and where the two must not be
// fused as `multiply` and `add`: nothing is left to the compiler, so that a twin can compute the same to the last bit.
#pragma once
#include "common.cuh"

using Index = long long;

// N values next to each other, which one instruction loads or stores.
template <class T, int N>
struct alignas(sizeof(T) * N > 16 ? 16 : sizeof(T) * N) Pack {
    T values[N];
};

template <int N, class T>
__device__ inline Pack<T, N> load_pack(const T* from) {
    return *reinterpret_cast<const Pack<T, N>*>(from);
}

template <int N, class T>
__device__ inline void store_pack(T* to, const Pack<T, N>& values) {
    *reinterpret_cast<Pack<T, N>*>(to) = values;
}

// The number of this thread among all of the launch.
__device__ inline Index thread_number() { return Index(blockIdx.x) * blockDim.x + threadIdx.x; }

// Takes the last digit off an index to several bases. Divisions of 32 bits, where they are enough, take a fraction of the
// time of those of 64.
__device__ inline int digit(Index& index, int base) {
    if (index >> 32 == 0) {
        const unsigned low = unsigned(index), rest = low / unsigned(base);
        index = rest;
        return int(low - rest * unsigned(base));
    }
    const Index rest = index / base;
    const int last = int(index - rest * base);
    index = rest;
    return last;
}

#ifdef EMULATED
#define UNROLLED_WHOLLY
inline float multiply(float a, float b) { return a * b; }
inline float add(float a, float b) { return a + b; }
inline double multiply(double a, double b) { return a * b; }
inline double add(double a, double b) { return a + b; }
#else
// Before a loop of a number of rounds that the compiler knows.
#define UNROLLED_WHOLLY _Pragma("unroll")
__device__ inline float multiply(float a, float b) { return __fmul_rn(a, b); }
__device__ inline float add(float a, float b) { return __fadd_rn(a, b); }
__device__ inline double multiply(double a, double b) { return __dmul_rn(a, b); }
__device__ inline double add(double a, double b) { return __dadd_rn(a, b); }
#endif
