// What a kernel needs of CUDA, on the CPU: blocks one after the other, the threads of a block as fibers that change at
// barriers and shuffles. For tests of the kernels' own source without a card; nothing here is fast.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__
#define UNROLLED
// One block runs at a time, and launches exclude each other.
#define __shared__ static

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

struct __nv_bfloat16 {
    uint16_t bits;
};
struct alignas(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
};

inline float __bfloat162float(__nv_bfloat16 value) {
    const uint32_t bits = uint32_t(value.bits) << 16;
    float out;
    std::memcpy(&out, &bits, sizeof out);
    return out;
}

// To the nearest, of two equally near ones to the even one.
inline __nv_bfloat16 __float2bfloat16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (std::isnan(value)) return {0x7fff};
    return {uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

using std::size_t;

inline float rsqrtf(float value) { return 1.0f / std::sqrt(value); }
inline float __ldg(const float* from) { return *from; }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }

extern thread_local uint3 threadIdx, blockIdx;
extern thread_local dim3 blockDim, gridDim;

namespace emulation {

// A thread waits here for the others of its block, or of its warp.
void block_barrier();
void warp_barrier();
// Where lanes lay down what others of their warp read.
uint32_t& exchanged(unsigned lane);
[[noreturn]] void fail(const char* what);

template <class T>
T shuffle(unsigned mask, T value, unsigned from) {
    static_assert(sizeof(T) == 4, "a shuffle moves 32 bits");
    if (mask != 0xffffffffu) fail("a shuffle of some lanes only is not emulated");
    std::memcpy(&exchanged(threadIdx.x % 32), &value, 4);
    warp_barrier();
    std::memcpy(&value, &exchanged(from), 4);
    warp_barrier();
    return value;
}

// A kernel's arguments as a launch gets them: a pointer to each.
using Body = void (*)(void (*kernel)(), void** arguments);

template <class... A, size_t... I>
void call(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
    kernel(*static_cast<std::remove_reference_t<A>*>(arguments[I])...);
}

void add(const char* name, void (*kernel)(), Body body, size_t n_arguments);

struct Registered {
    template <class... A>
    Registered(const char* name, void (*kernel)(A...)) {
        add(name, reinterpret_cast<void (*)()>(kernel), [](void (*any)(), void** arguments) {
            call(reinterpret_cast<void (*)(A...)>(any), arguments, std::index_sequence_for<A...>{});
        }, sizeof...(A));
    }
};

}  // namespace emulation

inline void __syncthreads() { emulation::block_barrier(); }
inline void __syncwarp(unsigned = 0xffffffffu) { emulation::warp_barrier(); }

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int other) {
    return emulation::shuffle(mask, value, (threadIdx.x % 32) ^ unsigned(other));
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance) {
    const unsigned lane = threadIdx.x % 32;
    return emulation::shuffle(mask, value, lane + distance < 32 ? lane + distance : lane);
}
template <class T>
T __shfl_sync(unsigned mask, T value, int from) {
    return emulation::shuffle(mask, value, unsigned(from) % 32);
}

#define EMULATION_QUOTED_(name) #name
#define EMULATION_QUOTED(name) EMULATION_QUOTED_(name)
#define KERNEL(name, parameters)                                                                            \
    static void NAME(name) parameters;                                                                      \
    static const emulation::Registered NAME(registered_##name)(EMULATION_QUOTED(NAME(name)), NAME(name));   \
    static void NAME(name) parameters
