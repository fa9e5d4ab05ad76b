// Layers of a MobileNet: a convolution of each channel with bias and ReLU, and what surrounds the product over channels.
#include "maps.cuh"

// Rows and columns of a kernel, and all of its places.
constexpr int SIDE = 3, TAPS = SIDE * SIDE;

struct Layer {
    int clips, height, width, channels;
    int out_height, out_width;
    int stride, above, before;
};

#define LAYER                                                                                               \
    int clips, int height, int width, int channels, int out_height, int out_width, int stride, int above, int before
#define OF_LAYER \
    Layer { clips, height, width, channels, out_height, out_width, stride, above, before }

// map: [clips, height, width, channels]; weights: [TAPS, channels]; bias: [channels]; out: [clips, out_height, out_width,
// channels]. A thread makes N channels.
template <int N, class T>
__device__ inline void depthwise_by(const float* map, const float* weights, const float* bias, T* out, const Layer layer) {
    const Index thread = thread_number();
    if (thread >= Index(layer.clips) * layer.out_height * layer.out_width * (layer.channels / N)) return;
    Index clip = thread;
    const int channel = digit(clip, layer.channels / N) * N;
    const int column = digit(clip, layer.out_width), line = digit(clip, layer.out_height);
    Pack<float, N> sums = load_pack<N>(bias + channel);
    UNROLLED_WHOLLY
    for (int tap = 0; tap < TAPS; tap++) {
        const int y = line * layer.stride + tap / SIDE - layer.above;
        const int x = column * layer.stride + tap % SIDE - layer.before;
        if (y < 0 || y >= layer.height || x < 0 || x >= layer.width) continue;
        const Index pixel = (clip * layer.height + y) * layer.width + x;
        const Pack<float, N> value = load_pack<N>(map + pixel * layer.channels + channel);
        const Pack<float, N> weight = load_pack<N>(weights + tap * layer.channels + channel);
        for (int i = 0; i < N; i++) sums.values[i] = fmaf(value.values[i], weight.values[i], sums.values[i]);
    }
    Pack<T, N> result;
    // A NaN stays one.
    for (int i = 0; i < N; i++) store(&result.values[i], sums.values[i] <= 0.0f ? 0.0f : sums.values[i]);
    store_pack<N>(out + thread * N, result);
}

// gradient: that of the sums, [clips, out_height, out_width, channels]; out: [clips, height, width, channels]. A thread makes
// N channels.
template <int N>
__device__ inline void depthwise_back_by(const float* gradient, const float* weights, float* out, const Layer layer) {
    const Index thread = thread_number();
    if (thread >= Index(layer.clips) * layer.height * layer.width * (layer.channels / N)) return;
    Index clip = thread;
    const int channel = digit(clip, layer.channels / N) * N;
    const int x = digit(clip, layer.width) + layer.before, y = digit(clip, layer.height) + layer.above;
    Pack<float, N> sums;
    for (int i = 0; i < N; i++) sums.values[i] = 0.0f;
    UNROLLED_WHOLLY
    for (int tap = 0; tap < TAPS; tap++) {
        const int line = (y - tap / SIDE) / layer.stride, column = (x - tap % SIDE) / layer.stride;
        if (y < tap / SIDE || line * layer.stride != y - tap / SIDE || line >= layer.out_height) continue;
        if (x < tap % SIDE || column * layer.stride != x - tap % SIDE || column >= layer.out_width) continue;
        const Index pixel = (clip * layer.out_height + line) * layer.out_width + column;
        const Pack<float, N> value = load_pack<N>(gradient + pixel * layer.channels + channel);
        const Pack<float, N> weight = load_pack<N>(weights + tap * layer.channels + channel);
        for (int i = 0; i < N; i++) sums.values[i] = fmaf(value.values[i], weight.values[i], sums.values[i]);
    }
    store_pack<N>(out + thread * N, sums);
}

// Bias and ReLU of a product. x, out: [n_rows, channels]. A thread makes N channels.
template <int N>
__device__ inline void bias_relu_by(const float* x, const float* bias, float* out, int n_rows, int channels) {
    const Index thread = thread_number();
    Index row = thread;
    const int channel = digit(row, channels / N) * N;
    if (row >= n_rows) return;
    const Pack<float, N> summand = load_pack<N>(bias + channel);
    Pack<float, N> values = load_pack<N>(x + thread * N);
    for (int i = 0; i < N; i++) {
        const float value = add(values.values[i], summand.values[i]);
        // A NaN stays one.
        values.values[i] = value <= 0.0f ? 0.0f : value;
    }
    store_pack<N>(out + thread * N, values);
}

// The gradient where ReLU let a value through. gradient, kept (its result), out: [n_rows, channels]. A thread makes N channels.
template <int N, class K, class T>
__device__ inline void relu_back_by(const float* gradient, const K* kept, T* out, int n_rows, int channels) {
    const Index thread = thread_number();
    if (thread >= Index(n_rows) * (channels / N)) return;
    const Pack<float, N> values = load_pack<N>(gradient + thread * N);
    const Pack<K, N> results = load_pack<N>(kept + thread * N);
    Pack<T, N> routed;
    for (int i = 0; i < N; i++) store(&routed.values[i], load(&results.values[i]) > 0.0f ? values.values[i] : 0.0f);
    store_pack<N>(out + thread * N, routed);
}

#define BODY "separable.cuh"
#include "both.cuh"
#define NAME(name) name

KERNEL(depthwise_back, (const float* gradient, const float* weights, float* out, LAYER)) {
    depthwise_back_by<1>(gradient, weights, out, OF_LAYER);
}
KERNEL(depthwise_back_by_4, (const float* gradient, const float* weights, float* out, LAYER)) {
    depthwise_back_by<4>(gradient, weights, out, OF_LAYER);
}

// The gradients of weights and bias. map, gradient: as above; sums: [n_parts, TAPS + 1, channels], of every n_parts-th pixel
// each, a channel by a thread.
KERNEL(depthwise_sums, (const float* map, const float* gradient, double* sums, LAYER, int n_parts)) {
    Index part = thread_number();
    const int channel = digit(part, channels);
    if (part >= n_parts) return;
    const Index n_pixels = Index(clips) * out_height * out_width;
    double taps[TAPS + 1];
    UNROLLED_WHOLLY
    for (int tap = 0; tap <= TAPS; tap++) taps[tap] = 0.0;
    for (Index pixel = part; pixel < n_pixels; pixel += n_parts) {
        const double value = gradient[pixel * channels + channel];
        Index clip = pixel;
        const int column = digit(clip, out_width) * stride - before, line = digit(clip, out_height) * stride - above;
    UNROLLED_WHOLLY
        for (int tap = 0; tap < TAPS; tap++) {
            const int y = line + tap / SIDE, x = column + tap % SIDE;
            if (y < 0 || y >= height || x < 0 || x >= width) continue;
            taps[tap] = fma(double(map[((clip * height + y) * width + x) * channels + channel]), value, taps[tap]);
        }
        taps[TAPS] += value;
    }
    UNROLLED_WHOLLY
    for (int tap = 0; tap <= TAPS; tap++) sums[(part * (TAPS + 1) + tap) * channels + channel] = taps[tap];
}

KERNEL(bias_relu, (const float* x, const float* bias, float* out, int n_rows, int channels)) {
    bias_relu_by<1>(x, bias, out, n_rows, channels);
}
KERNEL(bias_relu_by_4, (const float* x, const float* bias, float* out, int n_rows, int channels)) {
    bias_relu_by<4>(x, bias, out, n_rows, channels);
}

// The gradient of a bias before ReLU. gradient, kept: [n_rows, channels]; sums: [n_parts, channels], of every n_parts-th row
// each, by a thread.
KERNEL(relu_back_sums, (const float* gradient, const float* kept, double* sums, int n_rows, int channels, int n_parts)) {
    Index part = thread_number();
    const int channel = digit(part, channels);
    if (part >= n_parts) return;
    double sum = 0.0;
    UNROLLED
    for (Index row = part; row < n_rows; row += n_parts) {
        const Index at = row * channels + channel;
        sum += kept[at] > 0.0f ? gradient[at] : 0.0f;
    }
    sums[part * channels + channel] = sum;
}
#undef NAME
