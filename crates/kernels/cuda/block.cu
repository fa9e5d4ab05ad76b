// What is between two convolutions: batch norm, residual, ReLU, maximum of rectangles; and the way back.
#include "maps.cuh"

// The code of a pooled value that no input gets a gradient for: ReLU has cut it off.
constexpr int DEAD = 255;

// A map before and after its pool.
struct Pooled {
    int clips, height, width, channels;
    int pool_height, pool_width;
};

#define POOLED int clips, int height, int width, int channels, int pool_height, int pool_width
#define OF_POOLED \
    Pooled { clips, height, width, channels, pool_height, pool_width }

// y, residual (or none): [clips, height, width, channels]; affine: [2, channels], factor and summand; out, codes (or none),
// picked (or none): [clips, height / pool_height, width / pool_width, channels]. Codes are places in a rectangle, picked is
// the y of that place. A thread makes N channels.
template <int N>
__device__ inline void block_follow_by(const float* y, const float* affine, const float* residual, float* out,
                                       unsigned char* codes, float* picked, const Pooled size, bool relu) {
    const Index thread = thread_number();
    const int out_height = size.height / size.pool_height, out_width = size.width / size.pool_width;
    if (thread >= Index(size.clips) * out_height * out_width * (size.channels / N)) return;
    Index clip = thread;
    const int channel = digit(clip, size.channels / N) * N;
    const int column = digit(clip, out_width), line = digit(clip, out_height);
    const Pack<float, N> factor = load_pack<N>(affine + channel);
    const Pack<float, N> summand = load_pack<N>(affine + size.channels + channel);
    Pack<float, N> best, taken, added;
    Pack<unsigned char, N> code;
    for (int i = 0; i < N; i++) {
        best.values[i] = relu ? 0.0f : -INFINITY;
        taken.values[i] = 0.0f;
        added.values[i] = 0.0f;
        code.values[i] = DEAD;
    }
    for (int row = 0; row < size.pool_height; row++) {
        for (int place = 0; place < size.pool_width; place++) {
            const int at_line = line * size.pool_height + row, at_column = column * size.pool_width + place;
            const Index at = ((clip * size.height + at_line) * size.width + at_column) * size.channels + channel;
            const Pack<float, N> value = load_pack<N>(y + at);
            if (residual) added = load_pack<N>(residual + at);
            for (int i = 0; i < N; i++) {
                float z = fmaf(value.values[i], factor.values[i], summand.values[i]);
                if (residual) z = add(z, added.values[i]);
                // A NaN stays one.
                if (z > best.values[i] || z != z) {
                    best.values[i] = z;
                    taken.values[i] = value.values[i];
                    code.values[i] = (unsigned char)(row * size.pool_width + place);
                }
            }
        }
    }
    store_pack<N>(out + thread * N, best);
    if (codes) store_pack<N>(codes + thread * N, code);
    if (picked) store_pack<N>(picked + thread * N, taken);
}

// y, out, residual (or none): [clips, height, width, channels]; gradient, codes: as `out` of `block_follow_by`; coefficients:
// [5, channels], of which factor, offset and slope come last. `residual` gets the routed gradient itself.
// A thread makes N channels.
template <int N, class T>
__device__ inline void block_gradient_by(const float* y, const float* gradient, const unsigned char* codes,
                                         const float* coefficients, T* out, float* residual, const Pooled size) {
    const Index thread = thread_number();
    if (thread >= Index(size.clips) * size.height * size.width * (size.channels / N)) return;
    const int out_height = size.height / size.pool_height, out_width = size.width / size.pool_width;
    Index clip = thread;
    const int channel = digit(clip, size.channels / N) * N;
    const int column = digit(clip, size.width), line = digit(clip, size.height);
    Pack<float, N> routed;
    for (int i = 0; i < N; i++) routed.values[i] = 0.0f;
    const int out_line = line / size.pool_height, out_column = column / size.pool_width;
    if (out_line < out_height && out_column < out_width) {
        const Index pooled = ((clip * out_height + out_line) * out_width + out_column) * size.channels + channel;
        const int row = line - out_line * size.pool_height, place = column - out_column * size.pool_width;
        const Pack<float, N> from = load_pack<N>(gradient + pooled);
        const Pack<unsigned char, N> code = load_pack<N>(codes + pooled);
        for (int i = 0; i < N; i++) {
            if (code.values[i] == row * size.pool_width + place) routed.values[i] = from.values[i];
        }
    }
    const float* per_channel = coefficients + 2 * size.channels + channel;
    const Pack<float, N> factor = load_pack<N>(per_channel), offset = load_pack<N>(per_channel + size.channels),
                         slope = load_pack<N>(per_channel + 2 * size.channels), value = load_pack<N>(y + thread * N);
    Pack<T, N> result;
    for (int i = 0; i < N; i++) {
        const float rest = fmaf(slope.values[i], value.values[i], offset.values[i]);
        store(&result.values[i], fmaf(factor.values[i], routed.values[i], rest));
    }
    store_pack<N>(out + thread * N, result);
    if (residual) store_pack<N>(residual + thread * N, routed);
}

#define BODY "block.cuh"
#include "both.cuh"
#define NAME(name) name

// What is kept: 0 nothing, 1 codes, 2 codes and picked.
KERNEL(block_follow, (const float* y, const float* affine, const float* residual, float* out, unsigned char* codes,
                      float* picked, POOLED, int relu, int kept)) {
    block_follow_by<1>(y, affine, residual, out, kept > 0 ? codes : nullptr, kept > 1 ? picked : nullptr, OF_POOLED, relu);
}
KERNEL(block_follow_by_4, (const float* y, const float* affine, const float* residual, float* out,
                           unsigned char* codes, float* picked, POOLED, int relu, int kept)) {
    block_follow_by<4>(y, affine, residual, out, kept > 0 ? codes : nullptr, kept > 1 ? picked : nullptr, OF_POOLED, relu);
}

// Sums and sums of squares. y: [n_rows, channels]; sums: [n_parts, 2, channels], of every n_parts-th row each, by a thread.
KERNEL(block_sums, (const float* y, double* sums, int n_rows, int channels, int n_parts)) {
    Index part = thread_number();
    const int channel = digit(part, channels);
    if (part >= n_parts) return;
    double sum = 0.0, squares = 0.0;
    UNROLLED
    for (Index row = part; row < n_rows; row += n_parts) {
        const double value = y[row * channels + channel];
        sum += value;
        squares = fma(value, value, squares);
    }
    sums[(part * 2) * channels + channel] = sum;
    sums[(part * 2 + 1) * channels + channel] = squares;
}

// Adds up parts. parts: [n_parts, n_values]; out: [n_out, n_values], of every n_out-th part each, a value by a thread.
KERNEL(fold_sums, (const double* parts, double* out, int n_parts, int n_values, int n_out)) {
    Index part = thread_number();
    const int value = digit(part, n_values);
    if (part >= n_out) return;
    double sum = 0.0;
    UNROLLED
    for (Index at = part; at < n_parts; at += n_out) sum += parts[at * n_values + value];
    out[part * n_values + value] = sum;
}

// sums: [2, channels]; out: [5, channels]: mean, variance, one over the standard deviation, and batch norm as a factor and a
// summand. A thread a channel.
KERNEL(block_statistics, (const double* sums, const float* scale, const float* shift, float* out, int channels,
                          int count, float epsilon)) {
    const Index channel = thread_number();
    if (channel >= channels) return;
    const double mean = sums[channel] / count;
    const double wide = fma(-mean, mean, sums[channels + channel] / count);
    // What is less than 0 by rounding; a NaN stays one.
    const float variance = float(wide < 0.0 ? 0.0 : wide);
    const float inverse = 1.0f / sqrtf(add(variance, epsilon));
    const float factor = multiply(scale[channel], inverse);
    out[channel] = float(mean);
    out[channels + channel] = variance;
    out[2 * channels + channel] = inverse;
    out[3 * channels + channel] = factor;
    out[4 * channels + channel] = fmaf(-float(mean), factor, shift[channel]);
}

// Sums of the gradient and of its products with the normalized value. gradient, codes, y (that was picked): [n_rows,
// channels]; statistics: [5, channels] as above; sums: [n_parts, 2, channels], of every n_parts-th row each, by a thread.
KERNEL(block_gradient_sums, (const float* gradient, const unsigned char* codes, const float* y, const float* statistics,
                             double* sums, int n_rows, int channels, int n_parts)) {
    Index part = thread_number();
    const int channel = digit(part, channels);
    if (part >= n_parts) return;
    const double mean = statistics[channel], inverse = statistics[2 * channels + channel];
    double sum = 0.0, products = 0.0;
    UNROLLED
    for (Index row = part; row < n_rows; row += n_parts) {
        const Index at = row * channels + channel;
        const double value = codes[at] == DEAD ? 0.0f : gradient[at];
        sum += value;
        products = fma(value, multiply(add(double(y[at]), -mean), inverse), products);
    }
    sums[(part * 2) * channels + channel] = sum;
    sums[(part * 2 + 1) * channels + channel] = products;
}

// The gradient of the convolution's output is `factor * routed + offset + slope * y`. sums: [2, channels]; out: [5,
// channels]: the gradients of scale and shift, factor, offset and slope. A thread a channel.
KERNEL(block_coefficients, (const double* sums, const float* scale, const float* statistics, float* out, int channels,
                            int count)) {
    const Index channel = thread_number();
    if (channel >= channels) return;
    const double mean = statistics[channel], inverse = statistics[2 * channels + channel];
    const double factor = multiply(double(scale[channel]), inverse);
    const double slope = multiply(multiply(-factor, sums[channels + channel]) / count, inverse);
    out[channel] = float(sums[channels + channel]);
    out[channels + channel] = float(sums[channel]);
    out[2 * channels + channel] = float(factor);
    out[3 * channels + channel] = float(fma(-slope, mean, multiply(-factor, sums[channel]) / count));
    out[4 * channels + channel] = float(slope);
}
#undef NAME
