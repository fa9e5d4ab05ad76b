// Rows are [B * T, P * D], P parts (queries, keys, values) of D = n_heads * width each. Heads have n_padded tokens, of which
// those from n_tokens on are 0: matrices whose rows are no multiple of 16 bytes take cuBLAS many times as long.

// [B * T, P * D] and a bias [P * D], or null, to [P, B, n_heads, n_padded, width]. A block for each token.
KERNEL(split_heads, (IN(VALUE) rows, IN(float) bias, OUT(VALUE) out, int n_tokens, int n_padded, int n_heads, int width,
                     int n_parts)) {
    const int dim = n_heads * width, clip = blockIdx.x / n_padded, token = blockIdx.x % n_padded;
    const int n_clips = gridDim.x / n_padded;
    const size_t from = (size_t(clip) * n_tokens + token) * n_parts * dim;
    for (int at = 2 * threadIdx.x; at < n_parts * dim; at += 2 * blockDim.x) {
        const int part = at / dim, head = at % dim / width, column = at % width;
        Pair value = {0, 0};
        if (token < n_tokens) {
            value = load_pair(rows + from + at);
            if (bias != nullptr) {
                const Pair plus = load_pair(bias + at);
                value = {value.a + plus.a, value.b + plus.b};
            }
        }
        const size_t to = ((size_t(part) * n_clips + clip) * n_heads + head) * n_padded + token;
        store_pair(out + to * width + column, value);
    }
}

// The other way: up to three parts [B, n_heads, n_padded, width] to [B * T, P * D].
KERNEL(merge_heads, (IN(VALUE) first, IN(VALUE) second, IN(VALUE) third, OUT(VALUE) out, int n_tokens, int n_padded,
                     int n_heads, int width, int n_parts)) {
    const int dim = n_heads * width, clip = blockIdx.x / n_tokens, token = blockIdx.x % n_tokens;
    out += size_t(blockIdx.x) * n_parts * dim;
    for (int at = 2 * threadIdx.x; at < n_parts * dim; at += 2 * blockDim.x) {
        const int part = at / dim, head = at % dim / width, column = at % width;
        const VALUE* from = part == 0 ? first : part == 1 ? second : third;
        const size_t row = (size_t(clip) * n_heads + head) * n_padded + token;
        store_pair(out + at, load_pair(from + row * width + column));
    }
}

// Softmax of each row times a factor, of matrices [n_padded, n_padded] of which the first n_tokens rows and columns count;
// the others become 0. A warp a row.
KERNEL(softmax_forward, (IN(VALUE) x, OUT(VALUE) out, int n_rows, int n_padded, int n_tokens, float factor)) {
    const int row = warp_row(), lane = warp_lane();
    if (row >= n_rows) return;
    x += size_t(row) * n_padded;
    out += size_t(row) * n_padded;
    const int width = row % n_padded < n_tokens ? n_tokens : 0;
    float largest = -INFINITY;
    UNROLLED for (int at = lane; at < width; at += WARP) largest = fmaxf(largest, load(x + at) * factor);
    largest = warp_max(largest);
    float sum = 0;
    UNROLLED for (int at = lane; at < width; at += WARP) sum += expf(load(x + at) * factor - largest);
    const float share = 1.0f / warp_sum(sum);
    UNROLLED for (int at = lane; at < n_padded; at += WARP) {
        store(out + at, at < width ? expf(load(x + at) * factor - largest) * share : 0.0f);
    }
}

// The gradient of x from that of the softmax and its result: 0 where that is 0.
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
