//! The values of tensors on the CPU, for the twins of kernels.

use candle_core::{DType, Device, Result, Shape, Tensor};

/// All values of a tensor as f32, row by row.
pub(crate) fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}

/// A tensor on the CPU, rounded to `dtype`.
pub(crate) fn tensor(values: Vec<f32>, shape: impl Into<Shape>, dtype: DType) -> Result<Tensor> {
    Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)
}
