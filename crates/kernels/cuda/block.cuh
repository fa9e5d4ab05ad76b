KERNEL(block_gradient, (const float* y, const float* gradient, const unsigned char* codes, const float* coefficients,
                        VALUE* out, float* residual, POOLED, int with_residual)) {
    block_gradient_by<1>(y, gradient, codes, coefficients, out, with_residual ? residual : nullptr, OF_POOLED);
}
KERNEL(block_gradient_by_4, (const float* y, const float* gradient, const unsigned char* codes,
                             const float* coefficients, VALUE* out, float* residual, POOLED, int with_residual)) {
    block_gradient_by<4>(y, gradient, codes, coefficients, out, with_residual ? residual : nullptr, OF_POOLED);
}
