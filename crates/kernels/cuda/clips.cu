// Batches of clips that are in the card's memory: a block of threads makes one clip of a batch, a second kernel mixes them.
// What is done to each clip is drawn by the host; of it come the words of a table (`words.rs`). Every step is the one of the
// crate `augment`, in its order and with its arithmetic.
#include "maps.cuh"

// What the table has of a clip, as words of 32 bits. Places count words from where the clip's begin; 0: there is nothing.
struct ClipSteps {
    // The rows that it is made of, and how: see SOURCE below.
    unsigned row, other, source;
    // Bands and frames of a patch, and where the order of the patches is.
    unsigned high, length_of_patch, patches_at;
    unsigned excerpt_start, excerpt_length;
    // Which of the steps below there are.
    unsigned steps;
    float warp_from, warp_to;
    unsigned roll;
    int up;
    float gain, tilt;
    unsigned curve_at;
    float gate_below, gate_floor;
    float noise_below_db, noise_tilt_db, unit_per_db, unit_per_e;
    unsigned noise_key[8], noise_stream, noise_word;
    unsigned cutoff, dropped_at;
    // Stretches of frames and of bands, each its start and its end.
    unsigned n_time_masks, time_masks_at, n_frequency_masks, frequency_masks_at;
    // 0: not at all, 1: all cells, 2: some frames.
    unsigned mixing;
    float mix_share;
    unsigned cut_start, cut_end;
};
constexpr int CLIP_WORDS = sizeof(ClipSteps) / sizeof(unsigned);
// As in `words.rs`.
static_assert(CLIP_WORDS == 42, "the words of a clip");

// SOURCE
constexpr unsigned MIXTURE = 1, INVERTED = 2, SHUFFLED = 3;
// STEPS
constexpr unsigned WARP_STEP = 1, COLOR_STEP = 2, GATE_STEP = 4, NOISE_STEP = 8;
// Cells that a thread adds noise to at a time: their numbers are from two blocks of ChaCha.
constexpr int STRETCH = 8;

__device__ inline float float_of(unsigned word) {
    union {
        unsigned word;
        float value;
    } both;
    both.word = word;
    return both.value;
}

__device__ inline ClipSteps steps_of(const unsigned* words) {
    union {
        ClipSteps steps;
        unsigned words[CLIP_WORDS];
    } found;
    for (int word = 0; word < CLIP_WORDS; word++) found.words[word] = words[word];
    return found.steps;
}

// The largest of all values of a block of threads, in every thread.
__device__ inline float block_max(float value) {
    __shared__ float of_warps[32];
    value = warp_max(value);
    __syncthreads();
    if (warp_lane() == 0) of_warps[threadIdx.x / WARP] = value;
    __syncthreads();
    for (int warp = 0; warp < int(blockDim.x) / WARP; warp++) value = fmaxf(value, of_warps[warp]);
    return value;
}

__device__ inline float block_min(float value) { return -block_max(-value); }

__device__ inline unsigned rotated(unsigned word, int by) { return word << by | word >> (32 - by); }

__device__ inline void quarter_round(unsigned& a, unsigned& b, unsigned& c, unsigned& d) {
    a += b; d = rotated(d ^ a, 16);
    c += d; b = rotated(b ^ c, 12);
    a += b; d = rotated(d ^ a, 8);
    c += d; b = rotated(b ^ c, 7);
}

// A block of the stream of ChaCha with 8 rounds (D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008): 16 words. The counter
// and the stream have 64 bits, of which the upper ones of the stream are 0.
__device__ inline void chacha(const unsigned* key, unsigned stream, unsigned long long counter, unsigned* out) {
    const unsigned start[16] = {0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u, key[0], key[1], key[2], key[3],
                                key[4], key[5], key[6], key[7], unsigned(counter), unsigned(counter >> 32), stream, 0u};
    UNROLLED_WHOLLY
    for (int word = 0; word < 16; word++) out[word] = start[word];
    for (int round = 0; round < 4; round++) {
        quarter_round(out[0], out[4], out[8], out[12]);
        quarter_round(out[1], out[5], out[9], out[13]);
        quarter_round(out[2], out[6], out[10], out[14]);
        quarter_round(out[3], out[7], out[11], out[15]);
        quarter_round(out[0], out[5], out[10], out[15]);
        quarter_round(out[1], out[6], out[11], out[12]);
        quarter_round(out[2], out[7], out[8], out[13]);
        quarter_round(out[3], out[4], out[9], out[14]);
    }
    UNROLLED_WHOLLY
    for (int word = 0; word < 16; word++) out[word] += start[word];
}

// From 0 to below 1.
__device__ inline float uniform(unsigned word) { return multiply(float(word >> 8), 1.0f / 16777216.0f); }

// From -1 at the lowest band to 1 at the highest.
__device__ inline float place_of_band(int band, int n_mels) {
    return add(2.0f * float(band) / float(n_mels > 1 ? n_mels - 1 : 1), -1.0f);
}

// Where a clip's cells come from.
struct Origin {
    const float* own;
    const float* other;
    const unsigned* patches;
    // The extremes of an inverted clip.
    float low, high;
    int n_mels, n_frames;
};

// A cell as it is before anything is done to the clip.
__device__ inline float raw(const ClipSteps& steps, const Origin& from, int band, int frame) {
    if (steps.source == SHUFFLED) {
        const int high = steps.high, wide = steps.length_of_patch;
        const int down = band / high, across = frame / wide, n_across = from.n_frames / wide;
        if (down < from.n_mels / high && across < n_across) {
            const int patch = from.patches[down * n_across + across];
            band = patch / n_across * high + band % high;
            frame = patch % n_across * wide + frame % wide;
        }
    }
    const Index at = Index(band) * from.n_frames + frame;
    if (steps.source == MIXTURE) return multiply(0.5f, add(from.own[at], from.other[at]));
    if (steps.source == INVERTED) {
        return add(from.low, add(from.high, -from.own[Index(from.n_mels) * from.n_frames - 1 - at]));
    }
    return from.own[at];
}

// After excerpt, warp and roll.
__device__ inline float moved(const ClipSteps& steps, const Origin& from, int band, int frame) {
    const int n_frames = from.n_frames, length = steps.excerpt_length, start = steps.excerpt_start;
    frame -= int(steps.roll);
    if (frame < 0) frame += n_frames;
    if (!(steps.steps & WARP_STEP)) return raw(steps, from, band, start + frame % length);
    const float t = float(frame), last = float(n_frames - 1), before = steps.warp_from, to = steps.warp_to;
    const float place = t < to ? multiply(t, before) / to
                               : add(last, -(multiply(add(last, -t), add(last, -before)) / add(last, -to)));
    const float clamped = fminf(fmaxf(place, 0.0f), last);
    const int below = int(clamped), above = min(below + 1, n_frames - 1);
    const float a = raw(steps, from, band, start + below % length), b = raw(steps, from, band, start + above % length);
    return add(a, multiply(add(clamped, -float(below)), add(b, -a)));
}

#define NAME(name) name

// table: [clips, width]; cells: [rows, bands, frames]; bands: what masked cells hold, and mean and factor of the normalization,
// [3, bands]; out: [clips, bands, frames].
KERNEL(clips, (const unsigned* table, const float* cells, const float* bands, float* out, int width, int n_mels,
               int n_frames)) {
    const unsigned* words = table + Index(blockIdx.x) * width;
    const ClipSteps steps = steps_of(words);
    const int n_cells = n_mels * n_frames, thread = threadIdx.x, n_threads = blockDim.x;
    out += Index(blockIdx.x) * n_cells;
    Origin from = {cells + Index(steps.row) * n_cells, cells + Index(steps.other) * n_cells, words + steps.patches_at,
                   0.0f, 0.0f, n_mels, n_frames};
    if (steps.source == INVERTED) {
        float low = INFINITY, high = -INFINITY;
        for (int at = thread; at < n_cells; at += n_threads) {
            low = fminf(low, from.own[at]);
            high = fmaxf(high, from.own[at]);
        }
        from.low = block_min(low);
        from.high = block_max(high);
    }
    float lowest = INFINITY, loudest = -INFINITY;
    if (steps.up != 0) {
        for (int at = thread; at < n_cells; at += n_threads) {
            lowest = fminf(lowest, moved(steps, from, at / n_frames, at % n_frames));
        }
        lowest = block_min(lowest);
    }
    UNROLLED
    for (int at = thread; at < n_cells; at += n_threads) {
        const int band = at / n_frames, source = band - steps.up;
        float value = source < 0 || source >= n_mels ? lowest : moved(steps, from, source, at % n_frames);
        if (steps.steps & COLOR_STEP) {
            value = add(value, add(steps.gain, multiply(steps.tilt, place_of_band(band, n_mels))));
        }
        if (steps.curve_at) value = add(value, float_of(words[steps.curve_at + band]));
        loudest = fmaxf(loudest, value);
        out[at] = value;
    }
    if (steps.steps & (GATE_STEP | NOISE_STEP)) loudest = block_max(loudest);
    if (steps.steps & GATE_STEP) {
        const float threshold = add(loudest, -steps.gate_below), floor = add(loudest, -steps.gate_floor);
        for (int at = thread; at < n_cells; at += n_threads) {
            if (out[at] < threshold) out[at] = floor;
        }
    }
    if (steps.steps & NOISE_STEP) {
        __syncthreads();
        for (int first = thread * STRETCH; first < n_cells; first += n_threads * STRETCH) {
            // The first cell's number is somewhere in the first block.
            const unsigned long long word = steps.noise_word + 2ull * unsigned(first);
            unsigned numbers[32];
            chacha(steps.noise_key, steps.noise_stream, word / 16, numbers);
            chacha(steps.noise_key, steps.noise_stream, word / 16 + 1, numbers + 16);
            for (int nth = 0; nth < STRETCH && first + nth < n_cells; nth++) {
                const int at = first + nth, number = int(word % 16) + 2 * nth;
                const float tilted = multiply(steps.noise_tilt_db, place_of_band(at / n_frames, n_mels));
                const float mean = add(loudest, multiply(add(tilted, -steps.noise_below_db), steps.unit_per_db));
                const float a = add(1.0f, -uniform(numbers[number])), b = add(1.0f, -uniform(numbers[number + 1]));
                const float power = multiply(-0.5f, logf(fmaxf(multiply(a, b), 1.17549435e-38f)));
                const float ratio = expf(add(out[at], -mean) / steps.unit_per_e);
                if (ratio - ratio == 0.0f) out[at] = add(mean, multiply(steps.unit_per_e, logf(add(ratio, power))));
            }
        }
        __syncthreads();
    }
    if (int(steps.cutoff) < n_mels) {
        lowest = INFINITY;
        for (int at = thread; at < n_cells; at += n_threads) lowest = fminf(lowest, out[at]);
        lowest = block_min(lowest);
    }
    UNROLLED
    for (int at = thread; at < n_cells; at += n_threads) {
        const int band = at / n_frames, frame = at % n_frames;
        bool masked = steps.dropped_at && (words[steps.dropped_at + band / 32] >> (band % 32) & 1u);
        for (unsigned mask = 0; mask < steps.n_time_masks; mask++) {
            const unsigned* ends = words + steps.time_masks_at + 2 * mask;
            masked = masked || (frame >= int(ends[0]) && frame < int(ends[1]));
        }
        for (unsigned mask = 0; mask < steps.n_frequency_masks; mask++) {
            const unsigned* ends = words + steps.frequency_masks_at + 2 * mask;
            masked = masked || (band >= int(ends[0]) && band < int(ends[1]));
        }
        const float value = masked ? bands[band] : band >= int(steps.cutoff) ? lowest : out[at];
        out[at] = multiply(add(value, -bands[n_mels + band]), bands[2 * n_mels + band]);
    }
}

// Each of the first clips mixed with the one after it, the last of them with the first; those behind them as they are. A thread
// makes one cell. made: what `clips` has made; out: the same shape.
KERNEL(mixed_clips, (const unsigned* table, const float* made, float* out, int width, int n_clips, int n_mixed, int n_mels,
                     int n_frames)) {
    const Index thread = thread_number();
    Index clip = thread;
    const int frame = digit(clip, n_frames), band = digit(clip, n_mels);
    if (clip >= n_clips) return;
    float value = made[thread];
    if (clip < n_mixed) {
        const ClipSteps steps = steps_of(table + clip * width);
        const Index partner = clip + 1 == n_mixed ? 0 : clip + 1;
        const Index other = (partner * n_mels + band) * n_frames + frame;
        if (steps.mixing == 1) {
            value = add(multiply(steps.mix_share, value), multiply(add(1.0f, -steps.mix_share), made[other]));
        } else if (steps.mixing == 2 && frame >= int(steps.cut_start) && frame < int(steps.cut_end)) {
            value = made[other];
        }
    }
    out[thread] = value;
}
#undef NAME
