// For each row: its mean, one over the root of its variance plus epsilon, and the row normalized, scaled and shifted.
// A warp a row. x: [n, dim] f32; scale, shift: [dim]; out: [n, dim]; mean, inverse: [n].
KERNEL(norm_forward, (const float* x, const float* scale, const float* shift, VALUE* out, float* mean, float* inverse,
                      int n_rows, int dim, float epsilon)) {
    const int row = warp_row(), lane = warp_lane();
    if (row >= n_rows) return;
    x += size_t(row) * dim;
    out += size_t(row) * dim;
    float sum = 0;
    for (int at = 2 * lane; at < dim; at += 2 * WARP) {
        const Pair value = load_pair(x + at);
        sum += value.a + value.b;
    }
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
        mean[row] = middle;
        inverse[row] = factor;
    }
}
