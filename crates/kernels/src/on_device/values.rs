//! The values of tensors on the CPU for the twins of kernels, and how rows are shared out among blocks.

use candle_core::{DType, Device, Result, Shape, Tensor};

/// All values of a tensor as f32, row by row.
pub(crate) fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}

/// The same, where there is one.
pub(crate) fn values_if(tensor: Option<&Tensor>) -> Result<Option<Vec<f32>>> {
    tensor.map(values).transpose()
}

/// A tensor on the CPU, rounded to `dtype`.
pub(crate) fn tensor(values: Vec<f32>, shape: impl Into<Shape>, dtype: DType) -> Result<Tensor> {
    Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)
}

/// Rows of a block that goes down columns, so that there are about 256 of them: by the number of rows alone, so that equal
/// inputs give equal sums.
pub(crate) fn chunk_rows(n_rows: usize) -> usize {
    n_rows.div_ceil(256).max(16)
}

/// Blocks across, and threads of each, where a thread has two columns.
pub(crate) fn pairs(width: usize) -> (usize, usize) {
    (width.div_ceil(2 * 128), 128)
}
