//! Matrix products with factors in `f32` or bf16, and sums and results in `f32`.

use candle_core::{DType, Device, Result, Tensor};

/// `a b^T`; `a`: `[M, K]`, `b`: `[N, K]`, both contiguous; the result: `[M, N]`.
pub(super) fn by_transposed(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    product(a, &b.t()?)
}

/// `a^T b`; `a`: `[K, M]`, `b`: `[K, N]`, both contiguous; the result: `[M, N]`.
pub(super) fn transposed_by(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    product(&a.t()?, b)
}

/// `a b`; each contiguous, or the transposed of what is.
pub(super) fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match (a.dtype(), a.device()) {
        (DType::BF16, Device::Cpu) => a.to_dtype(DType::F32)?.matmul(&b.to_dtype(DType::F32)?),
        _ => a.matmul(b),
    }
}
