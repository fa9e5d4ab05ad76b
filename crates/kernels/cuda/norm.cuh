// A warp for each row. Rows are [n, dim], of f32 where nothing else is said; vectors [dim]; mean and inverse [n].

// The layer norm of a row, from its sum; mean and inverse are kept for the backward pass.
__device__ inline void NAME(norm_row)(const float* x, float sum, const float* scale, const float* shift, VALUE* out,
                                      float* mean, float* inverse, int dim, float epsilon) {
    const int lane = warp_lane();
    const float middle = warp_sum(sum) / dim;
    float squares = 0;
    for (int at = 2 * lane; at < dim; at += 2 * WARP) {
        const Pair value = load_pair(x + at);
        squares += (value.a - middle) * (value.a - middle) + (value.b - middle) * (value.b - middle);
    }
    const float factor = 1.0f / sqrtf(warp_sum(squares) / dim + epsilon);
    for (int at = 2 * lane; at < dim; at += 2 * WARP) {
        const Pair value = load_pair(x + at), by = load_pair(scale + at), plus = load_pair(shift + at);
        store_pair(out + at, {(value.a - middle) * factor * by.a + plus.a, (value.b - middle) * factor * by.b + plus.b});
    }
    if (lane == 0) {
        *mean = middle;
        *inverse = factor;
    }
}

KERNEL(norm_forward, (IN(float) x, IN(float) scale, IN(float) shift, OUT(VALUE) out, OUT(float) mean, OUT(float) inverse,
                      int n_rows, int dim, float epsilon)) {
    const int row = warp_row();
    if (row >= n_rows) return;
    x += size_t(row) * dim;
    float sum = 0;
    for (int at = 2 * warp_lane(); at < dim; at += 2 * WARP) {
        const Pair value = load_pair(x + at);
        sum += value.a + value.b;
    }
    NAME(norm_row)(x, sum, scale, shift, out + size_t(row) * dim, mean + row, inverse + row, dim, epsilon);
}

// A half's end, and the norm that begins the next: middle = before + (product + bias) * factor * keep, out its norm.
// factor: [dim] or null; keep: [n / rows_per_clip] or null.
KERNEL(add_norm, (IN(VALUE) product, IN(float) bias, IN(float) factor, IN(float) keep, IN(float) before,
                  IN(float) scale, IN(float) shift, OUT(float) middle, OUT(VALUE) out, OUT(float) mean, OUT(float) inverse,
                  int n_rows, int dim, int rows_per_clip, float epsilon)) {
    const int row = warp_row();
    if (row >= n_rows) return;
    const size_t start = size_t(row) * dim;
    const float share = keep == nullptr ? 1.0f : keep[row / rows_per_clip];
    product += start;
    before += start;
    middle += start;
    float sum = 0;
    for (int at = 2 * warp_lane(); at < dim; at += 2 * WARP) {
        const Pair value = load_pair(product + at), plus = load_pair(bias + at), old = load_pair(before + at);
        const Pair by = factor == nullptr ? Pair{1, 1} : load_pair(factor + at);
        const Pair now = {old.a + (value.a + plus.a) * by.a * share, old.b + (value.b + plus.b) * by.b * share};
        store_pair(middle + at, now);
        sum += now.a + now.b;
    }
    // A lane reads what it has written itself.
    NAME(norm_row)(middle, sum, scale, shift, out + start, mean + row, inverse + row, dim, epsilon);
}

// The gradient of x from that of its norm, added to `beside`, the gradient of x by another way.
KERNEL(norm_backward, (IN(VALUE) gradient, IN(float) x, IN(float) mean, IN(float) inverse, IN(float) scale,
                       IN(float) beside, OUT(float) to, int n_rows, int dim)) {
    const int row = warp_row(), lane = warp_lane();
    if (row >= n_rows) return;
    const size_t start = size_t(row) * dim;
    gradient += start;
    x += start;
    const float middle = mean[row], factor = inverse[row];
    float sum = 0, along = 0;
    for (int at = 2 * lane; at < dim; at += 2 * WARP) {
        const Pair value = load_pair(x + at), back = load_pair(gradient + at), by = load_pair(scale + at);
        sum += back.a * by.a + back.b * by.b;
        along += back.a * by.a * (value.a - middle) * factor + back.b * by.b * (value.b - middle) * factor;
    }
    sum = warp_sum(sum) / dim;
    along = warp_sum(along) / dim;
    for (int at = 2 * lane; at < dim; at += 2 * WARP) {
        const Pair value = load_pair(x + at), back = load_pair(gradient + at), by = load_pair(scale + at);
        const Pair other = load_pair(beside + start + at);
        store_pair(to + start + at,
                   {other.a + factor * (back.a * by.a - sum - (value.a - middle) * factor * along),
                    other.b + factor * (back.b * by.b - sum - (value.b - middle) * factor * along)});
    }
}

// Sums for the gradients of a norm's scale and shift over `chunk` rows, a thread for two columns: [chunks, 2, dim].
KERNEL(norm_sums, (IN(VALUE) gradient, IN(float) x, IN(float) mean, IN(float) inverse, OUT(float) sums, int n_rows,
                   int dim, int chunk)) {
    const int at = column_pair();
    if (at >= dim) return;
    const int first = blockIdx.y * chunk, end = min(first + chunk, n_rows);
    Pair of_scale = {0, 0}, of_shift = {0, 0};
    for (int row = first; row < end; row++) {
        const size_t place = size_t(row) * dim + at;
        const Pair value = load_pair(x + place), back = load_pair(gradient + place);
        const float middle = mean[row], factor = inverse[row];
        of_scale.a += back.a * (value.a - middle) * factor;
        of_scale.b += back.b * (value.b - middle) * factor;
        of_shift.a += back.a;
        of_shift.b += back.b;
    }
    sums += size_t(blockIdx.y) * 2 * dim;
    store_pair(sums + at, of_scale);
    store_pair(sums + dim + at, of_shift);
}
