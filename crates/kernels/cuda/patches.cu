// What a kernel sees of a map, and the way back: a convolution is one matrix product between the two.
#include "maps.cuh"

// A convolution: sizes of the maps, and the zeros above and before the first value.
struct Seen {
    int clips, height, width, channels;
    int out_height, out_width;
    int kernel, stride, above, before;
    // Values of a row: kernel * kernel * channels, and zeros to a round number.
    int row;
};

#define SEEN                                                                                                          \
    int clips, int height, int width, int channels, int out_height, int out_width, int kernel, int stride, int above, \
        int before, int row
#define OF_SEEN \
    Seen { clips, height, width, channels, out_height, out_width, kernel, stride, above, before, row }

// map: [clips, height, width, channels]; out: [clips, out_height, out_width, row], by rows and columns of the kernel, channels
// last. A thread makes N channels.
template <int N, class T>
__device__ inline void patches_by(const float* map, T* out, const Seen seen) {
    const Index thread = thread_number();
    if (thread >= Index(seen.clips) * seen.out_height * seen.out_width * (seen.row / N)) return;
    Index clip = thread;
    const int place = digit(clip, seen.row / N) * N;
    const int column = digit(clip, seen.out_width), line = digit(clip, seen.out_height);
    const int tap = place / seen.channels, channel = place - tap * seen.channels;
    const int tap_row = tap / seen.kernel, tap_column = tap - tap_row * seen.kernel;
    const int y = line * seen.stride + tap_row - seen.above, x = column * seen.stride + tap_column - seen.before;
    Pack<T, N> values;
    if (tap_row < seen.kernel && y >= 0 && y < seen.height && x >= 0 && x < seen.width) {
        const Index pixel = (clip * seen.height + y) * seen.width + x;
        const Pack<float, N> from = load_pack<N>(map + pixel * seen.channels + channel);
        for (int i = 0; i < N; i++) store(&values.values[i], from.values[i]);
    } else {
        for (int i = 0; i < N; i++) store(&values.values[i], 0.0f);
    }
    store_pack<N>(out + thread * N, values);
}

// The sum of all that a value of the map was seen as. gradient: as `out` above; out: as `map`. A thread makes N channels.
template <int N>
__device__ inline void patches_back_by(const float* gradient, float* out, const Seen seen) {
    const Index thread = thread_number();
    if (thread >= Index(seen.clips) * seen.height * seen.width * (seen.channels / N)) return;
    Index clip = thread;
    const int channel = digit(clip, seen.channels / N) * N;
    const int x = digit(clip, seen.width) + seen.before, y = digit(clip, seen.height) + seen.above;
    Pack<float, N> sums;
    for (int i = 0; i < N; i++) sums.values[i] = 0.0f;
    for (int tap_row = 0; tap_row < seen.kernel; tap_row++) {
        const int line = (y - tap_row) / seen.stride;
        if (y < tap_row || line * seen.stride != y - tap_row || line >= seen.out_height) continue;
        for (int tap_column = 0; tap_column < seen.kernel; tap_column++) {
            const int column = (x - tap_column) / seen.stride;
            if (x < tap_column || column * seen.stride != x - tap_column || column >= seen.out_width) continue;
            const Index pixel = (clip * seen.out_height + line) * seen.out_width + column;
            const int place = (tap_row * seen.kernel + tap_column) * seen.channels + channel;
            const Pack<float, N> from = load_pack<N>(gradient + pixel * seen.row + place);
            for (int i = 0; i < N; i++) sums.values[i] = add(sums.values[i], from.values[i]);
        }
    }
    store_pack<N>(out + thread * N, sums);
}

#define BODY "patches.cuh"
#include "both.cuh"

#define NAME(name) name
KERNEL(patches_back, (const float* gradient, float* out, SEEN)) { patches_back_by<1>(gradient, out, OF_SEEN); }
KERNEL(patches_back_by_4, (const float* gradient, float* out, SEEN)) { patches_back_by<4>(gradient, out, OF_SEEN); }
#undef NAME
