// Rows are [B * T, P * D], P parts (queries, keys, values) of D = n_heads * width each.

// [B * T, P * D] and a bias [P * D], or null, to [P, B, n_heads, T, width]. A block for each row.
KERNEL(split_heads, (IN(VALUE) rows, IN(float) bias, OUT(VALUE) out, int n_tokens, int n_heads, int width, int n_parts)) {
    const int dim = n_heads * width, clip = blockIdx.x / n_tokens, token = blockIdx.x % n_tokens;
    const int n_clips = gridDim.x / n_tokens;
    rows += size_t(blockIdx.x) * n_parts * dim;
    for (int at = 2 * threadIdx.x; at < n_parts * dim; at += 2 * blockDim.x) {
        const int part = at / dim, head = at % dim / width, column = at % width;
        Pair value = load_pair(rows + at);
        if (bias != nullptr) {
            const Pair plus = load_pair(bias + at);
            value = {value.a + plus.a, value.b + plus.b};
        }
        const size_t to = ((size_t(part) * n_clips + clip) * n_heads + head) * n_tokens + token;
        store_pair(out + to * width + column, value);
    }
}

// The other way: up to three parts [B, n_heads, T, width] to [B * T, P * D].
KERNEL(merge_heads, (IN(VALUE) first, IN(VALUE) second, IN(VALUE) third, OUT(VALUE) out, int n_tokens, int n_heads,
                     int width, int n_parts)) {
    const int dim = n_heads * width, clip = blockIdx.x / n_tokens, token = blockIdx.x % n_tokens;
    out += size_t(blockIdx.x) * n_parts * dim;
    for (int at = 2 * threadIdx.x; at < n_parts * dim; at += 2 * blockDim.x) {
        const int part = at / dim, head = at % dim / width, column = at % width;
        const VALUE* from = part == 0 ? first : part == 1 ? second : third;
        const size_t row = (size_t(clip) * n_heads + head) * n_tokens + token;
        store_pair(out + at, load_pair(from + row * width + column));
    }
}

// Softmax of each row times a factor. A warp a row; rows may have an odd width.
KERNEL(softmax_forward, (IN(VALUE) x, OUT(VALUE) out, int n_rows, int width, float factor)) {
    const int row = warp_row(), lane = warp_lane();
    if (row >= n_rows) return;
    x += size_t(row) * width;
    out += size_t(row) * width;
    float largest = -INFINITY;
    UNROLLED for (int at = lane; at < width; at += WARP) largest = fmaxf(largest, load(x + at) * factor);
    largest = warp_max(largest);
    float sum = 0;
    UNROLLED for (int at = lane; at < width; at += WARP) sum += expf(load(x + at) * factor - largest);
    const float share = 1.0f / warp_sum(sum);
    UNROLLED for (int at = lane; at < width; at += WARP) store(out + at, expf(load(x + at) * factor - largest) * share);
}

// The gradient of x from that of the softmax and its result.
KERNEL(softmax_backward, (IN(VALUE) gradient, IN(VALUE) result, OUT(VALUE) to, int n_rows, int width, float factor)) {
    const int row = warp_row(), lane = warp_lane();
    if (row >= n_rows) return;
    gradient += size_t(row) * width;
    result += size_t(row) * width;
    to += size_t(row) * width;
    float sum = 0;
    UNROLLED for (int at = lane; at < width; at += WARP) sum += load(gradient + at) * load(result + at);
    sum = warp_sum(sum);
    UNROLLED for (int at = lane; at < width; at += WARP) {
        store(to + at, load(result + at) * (load(gradient + at) - sum) * factor);
    }
}
