// A thread for two columns and `chunk` rows, from the top row of the block down. Rows are [n, width]; biases and factors are
// f32 [width], a keep is f32 [n / rows_per_clip].

// GELU of x + bias (D. Hendrycks and K. Gimpel, "Gaussian Error Linear Units", 2016, in its exact form).
KERNEL(gelu_forward, (IN(VALUE) x, IN(float) bias, OUT(VALUE) out, int n_rows, int width, int chunk)) {
    const int at = column_pair();
    if (at >= width) return;
    const int first = blockIdx.y * chunk, end = min(first + chunk, n_rows);
    const Pair plus = load_pair(bias + at);
    UNROLLED for (int row = first; row < end; row++) {
        const size_t place = size_t(row) * width + at;
        const Pair value = load_pair(x + place);
        store_pair(out + place, {gelu(value.a + plus.a), gelu(value.b + plus.b)});
    }
}

// The gradient of x from that of GELU's result; that result once more; and the sums of the gradient's columns by chunk.
KERNEL(gelu_backward, (IN(VALUE) gradient, IN(VALUE) x, IN(float) bias, OUT(VALUE) to, OUT(VALUE) again, OUT(float) sums,
                       int n_rows, int width, int chunk)) {
    const int at = column_pair();
    if (at >= width) return;
    const int first = blockIdx.y * chunk, end = min(first + chunk, n_rows);
    const Pair plus = load_pair(bias + at);
    Pair sum = {0, 0};
    UNROLLED for (int row = first; row < end; row++) {
        const size_t place = size_t(row) * width + at;
        const Pair value = load_pair(x + place), back = load_pair(gradient + place);
        const float a = value.a + plus.a, b = value.b + plus.b;
        const Pair now = {back.a * gelu_slope(a), back.b * gelu_slope(b)};
        store_pair(to + place, now);
        store_pair(again + place, {gelu(a), gelu(b)});
        sum.a += now.a;
        sum.b += now.b;
    }
    store_pair(sums + size_t(blockIdx.y) * width + at, sum);
}

// The end of a half: before + (product + bias) * factor * keep. factor and keep may be null.
KERNEL(add_up, (IN(VALUE) product, IN(float) bias, IN(float) factor, IN(float) keep, IN(float) before,
                OUT(float) out, int n_rows, int width, int chunk, int rows_per_clip)) {
    const int at = column_pair();
    if (at >= width) return;
    const int first = blockIdx.y * chunk, end = min(first + chunk, n_rows);
    const Pair plus = load_pair(bias + at), by = factor == nullptr ? Pair{1, 1} : load_pair(factor + at);
    UNROLLED for (int row = first; row < end; row++) {
        const size_t place = size_t(row) * width + at;
        const float share = keep == nullptr ? 1.0f : keep[row / rows_per_clip];
        const Pair value = load_pair(product + place), old = load_pair(before + place);
        store_pair(out + place, {old.a + (value.a + plus.a) * by.a * share, old.b + (value.b + plus.b) * by.b * share});
    }
}

// The gradient of product + bias above, and sums by chunk, [chunks, 2, width]: of that gradient, and for the factor's. The
// product may be null; then the latter are 0.
KERNEL(add_up_backward, (IN(float) gradient, IN(VALUE) product, IN(float) bias, IN(float) factor,
                         IN(float) keep, OUT(VALUE) to, OUT(float) sums, int n_rows, int width, int chunk, int rows_per_clip)) {
    const int at = column_pair();
    if (at >= width) return;
    const int first = blockIdx.y * chunk, end = min(first + chunk, n_rows);
    const Pair plus = load_pair(bias + at), by = factor == nullptr ? Pair{1, 1} : load_pair(factor + at);
    Pair sum = {0, 0}, of_factor = {0, 0};
    UNROLLED for (int row = first; row < end; row++) {
        const size_t place = size_t(row) * width + at;
        const float share = keep == nullptr ? 1.0f : keep[row / rows_per_clip];
        const Pair back = load_pair(gradient + place);
        const Pair now = {back.a * share * by.a, back.b * share * by.b};
        store_pair(to + place, now);
        sum.a += now.a;
        sum.b += now.b;
        if (product != nullptr) {
            const Pair value = load_pair(product + place);
            of_factor.a += back.a * share * (value.a + plus.a);
            of_factor.b += back.b * share * (value.b + plus.b);
        }
    }
    sums += size_t(blockIdx.y) * 2 * width;
    store_pair(sums + at, sum);
    store_pair(sums + width + at, of_factor);
}

// Sums of columns over `chunk` rows, [chunks, width]: 32 columns a block, each by all 32 warps, whose sums are then added in
// their order.
KERNEL(column_sums, (IN(VALUE) rows, OUT(float) sums, int n_rows, int width, int chunk)) {
    __shared__ float parts[WARP][WARP];
    const int lane = warp_lane(), warp = threadIdx.x / WARP, at = blockIdx.x * WARP + lane;
    const int first = blockIdx.y * chunk, end = min(first + chunk, n_rows);
    float sum = 0;
    if (at < width) {
        UNROLLED for (int row = first + warp; row < end; row += WARP) sum += load(rows + size_t(row) * width + at);
    }
    parts[warp][lane] = sum;
    __syncthreads();
    if (warp == 0 && at < width) {
        sum = 0;
        for (int part = 0; part < WARP; part++) sum += parts[part][lane];
        sums[size_t(blockIdx.y) * width + at] = sum;
    }
}
