KERNEL(depthwise, (const float* map, const float* weights, const float* bias, VALUE* out, LAYER)) {
    depthwise_by<1>(map, weights, bias, out, OF_LAYER);
}
KERNEL(depthwise_by_4, (const float* map, const float* weights, const float* bias, VALUE* out, LAYER)) {
    depthwise_by<4>(map, weights, bias, out, OF_LAYER);
}
// To the factors of a product.
KERNEL(relu_back_to, (const float* gradient, const float* kept, VALUE* out, int n_rows, int channels)) {
    relu_back_by<1>(gradient, kept, out, n_rows, channels);
}
KERNEL(relu_back_to_by_4, (const float* gradient, const float* kept, VALUE* out, int n_rows, int channels)) {
    relu_back_by<4>(gradient, kept, out, n_rows, channels);
}
// From what a product was made of.
KERNEL(relu_back_of, (const float* gradient, const VALUE* kept, float* out, int n_rows, int channels)) {
    relu_back_by<1>(gradient, kept, out, n_rows, channels);
}
KERNEL(relu_back_of_by_4, (const float* gradient, const VALUE* kept, float* out, int n_rows, int channels)) {
    relu_back_by<4>(gradient, kept, out, n_rows, channels);
}
