// Pools that are operations of their own. A thread makes one value.
#include "maps.cuh"
#define NAME(name) name

// The mean over rows. map: [clips, height, width, channels]; out: [clips, width, channels].
KERNEL(row_means, (const float* map, float* out, int clips, int height, int width, int channels)) {
    const Index thread = thread_number();
    Index clip = thread;
    const int channel = digit(clip, channels), column = digit(clip, width);
    if (clip >= clips) return;
    float sum = 0.0f;
    UNROLLED
    for (int line = 0; line < height; line++) {
        sum = add(sum, map[((clip * height + line) * width + column) * channels + channel]);
    }
    out[thread] = sum / float(height);
}

// Mean and maximum over columns. columns: [clips, width, channels]; out: [clips, 2, channels]; first: which column the
// maximum is from, the first of equal ones, [clips, channels].
KERNEL(column_pool, (const float* columns, float* out, unsigned* first, int clips, int width, int channels)) {
    const Index thread = thread_number();
    Index clip = thread;
    const int channel = digit(clip, channels);
    if (clip >= clips) return;
    const float* from = columns + clip * width * channels + channel;
    float mean = 0.0f, largest = -INFINITY;
    unsigned best = 0;
    UNROLLED
    for (int column = 0; column < width; column++) {
        const float value = from[Index(column) * channels];
        mean = add(mean, value / float(width));
        // A NaN stays one.
        if (value > largest || value != value) {
            largest = value;
            best = column;
        }
    }
    out[clip * 2 * channels + channel] = mean;
    out[(clip * 2 + 1) * channels + channel] = largest;
    first[thread] = best;
}

// The way back of both. gradient: as `out` above; out: [clips, height, width, channels].
KERNEL(global_pool_back, (const float* gradient, const unsigned* first, float* out, int clips, int height, int width,
                          int channels)) {
    const Index thread = thread_number();
    Index clip = thread;
    const int channel = digit(clip, channels), column = digit(clip, width);
    digit(clip, height);
    if (clip >= clips) return;
    float value = gradient[clip * 2 * channels + channel] / float(height * width);
    if (first[clip * channels + channel] == unsigned(column)) {
        value = add(value, gradient[(clip * 2 + 1) * channels + channel] / float(height));
    }
    out[thread] = value;
}

// Means of rectangles. map: [clips, height, width, channels]; out: [clips, height / pool_height, width / pool_width,
// channels].
KERNEL(average_pool, (const float* map, float* out, int clips, int height, int width, int channels, int pool_height,
                      int pool_width)) {
    const Index thread = thread_number();
    Index clip = thread;
    const int channel = digit(clip, channels);
    const int column = digit(clip, width / pool_width), line = digit(clip, height / pool_height);
    if (clip >= clips) return;
    const float share = 1.0f / float(pool_height * pool_width);
    float sum = 0.0f;
    for (int row = 0; row < pool_height; row++) {
        for (int place = 0; place < pool_width; place++) {
            const Index pixel = (clip * height + line * pool_height + row) * width + column * pool_width + place;
            sum = add(sum, multiply(map[pixel * channels + channel], share));
        }
    }
    out[thread] = sum;
}

// The way back: `gradient` is as `out` above, `out` as `map`.
KERNEL(average_pool_back, (const float* gradient, float* out, int clips, int height, int width, int channels,
                           int pool_height, int pool_width)) {
    const Index thread = thread_number();
    Index clip = thread;
    const int channel = digit(clip, channels);
    const int column = digit(clip, width) / pool_width, line = digit(clip, height) / pool_height;
    if (clip >= clips) return;
    const int out_height = height / pool_height, out_width = width / pool_width;
    float value = 0.0f;
    if (line < out_height && column < out_width) {
        const Index pixel = (clip * out_height + line) * out_width + column;
        value = multiply(gradient[pixel * channels + channel], 1.0f / float(pool_height * pool_width));
    }
    out[thread] = value;
}
#undef NAME
