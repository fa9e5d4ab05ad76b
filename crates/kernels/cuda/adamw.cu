// AdamW over all parameters at once. Parameters and gradients are found by a table of addresses; moments and averages lie one
// after the other.
#include "maps.cuh"

// Values of a part: each block takes one.
constexpr int PART = 8192;

// What the table has of a parameter, as words of 32 bits.
struct Parameter {
    float* values;
    const float* gradient;
    // Where its moments start.
    Index place;
    unsigned length;
    // What a step leaves of a value, and the factor of its change.
    float keep, rate;
    unsigned nothing;
};
constexpr int WORDS = sizeof(Parameter) / sizeof(unsigned);

// parts: the number of a parameter and of the part in it, [n_parts, 2].
__device__ inline Parameter of_part(const unsigned* table, const unsigned* parts) {
    union {
        Parameter parameter;
        unsigned words[WORDS];
    } found;
    const unsigned* from = table + parts[2 * blockIdx.x] * WORDS;
    for (int word = 0; word < WORDS; word++) found.words[word] = from[word];
    const unsigned start = parts[2 * blockIdx.x + 1] * PART;
    found.parameter.values += start;
    found.parameter.gradient += start;
    found.parameter.place += start;
    const unsigned left = found.parameter.length - start;
    found.parameter.length = left < PART ? left : PART;
    return found.parameter;
}

#define NAME(name) name
// Sums of the squares of each thread's values: [n_parts * threads of a block, 1].
KERNEL(gradient_squares, (const unsigned* table, const unsigned* parts, double* sums)) {
    const Parameter parameter = of_part(table, parts);
    double sum = 0.0;
    UNROLLED
    for (unsigned at = threadIdx.x; at < parameter.length; at += blockDim.x) {
        const double value = parameter.gradient[at];
        sum = fma(value, value, sum);
    }
    sums[thread_number()] = sum;
}

// One step (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019), and the moving average of the weights.
// square: the sum of the squares of all gradients. Where it is not finite, nothing is changed.
KERNEL(adamw, (const unsigned* table, const unsigned* parts, const double* square, const double* clip_norm, float* first,
               float* second, float* average, int with_average, float keep1, float rest1, float keep2, float rest2,
               float root_scale, float epsilon, float kept, float taken)) {
    const double norm = sqrt(square[0]), most = clip_norm[0];
    if (!(norm - norm == 0.0)) return;
    const float clip = most > 0.0 && norm > most ? float(most / norm) : 1.0f;
    const Parameter parameter = of_part(table, parts);
    UNROLLED
    for (unsigned at = threadIdx.x; at < parameter.length; at += blockDim.x) {
        const Index place = parameter.place + at;
        const float gradient = multiply(parameter.gradient[at], clip);
        const float m = add(multiply(keep1, first[place]), multiply(rest1, gradient));
        const float v = add(multiply(keep2, second[place]), multiply(rest2, multiply(gradient, gradient)));
        const float root = add(multiply(sqrtf(v), root_scale), epsilon);
        const float value = add(multiply(parameter.keep, parameter.values[at]), -(multiply(parameter.rate, m) / root));
        first[place] = m;
        second[place] = v;
        parameter.values[at] = value;
        if (with_average) average[place] = add(multiply(kept, average[place]), multiply(taken, value));
    }
}
#undef NAME
