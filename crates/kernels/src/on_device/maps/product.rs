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
        #[cfg(feature = "cuda")]
        (DType::BF16, Device::Cuda(device)) => card::product(device, a, b),
        (DType::BF16, Device::Cpu) => a.to_dtype(DType::F32)?.matmul(&b.to_dtype(DType::F32)?),
        _ => a.matmul(b),
    }
}

/// Candle's own product of bf16 rounds its result to bf16, too.
#[cfg(feature = "cuda")]
mod card {
    use candle_core::cuda_backend::WrapErr;
    use candle_core::cuda_backend::cudarc::cublas::{result, sys};
    use candle_core::cuda_backend::cudarc::driver::{DevicePtr, DevicePtrMut};
    use candle_core::op::BackpropOp;
    use candle_core::{CudaDevice, CudaStorage, Layout, Result, Storage, Tensor, bail};
    use half::bf16;

    /// How cuBLAS, whose matrices have columns one after the other, reads this one: transposed or as it is, and the step
    /// between its rows.
    fn read(layout: &Layout) -> Result<(sys::cublasOperation_t, i32)> {
        let (&[n_rows, n_columns], &[row, column]) = (layout.dims(), layout.stride()) else {
            bail!("product: expected a matrix, got {:?}", layout.dims())
        };
        if (column == 1 || n_columns == 1) && (row == n_columns || n_rows == 1) {
            Ok((sys::cublasOperation_t::CUBLAS_OP_N, int(n_columns)?))
        } else if (row == 1 || n_rows == 1) && (column == n_rows || n_columns == 1) {
            Ok((sys::cublasOperation_t::CUBLAS_OP_T, int(n_rows)?))
        } else {
            bail!("product: expected a contiguous matrix or a transposed one, got strides {:?}", layout.stride())
        }
    }

    fn int(n: usize) -> Result<i32> {
        i32::try_from(n).map_err(candle_core::Error::wrap)
    }

    pub(super) fn product(device: &CudaDevice, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        let ((m, k), (of_b, n)) = (a.dims2()?, b.dims2()?);
        if of_b != k {
            bail!("product: {:?} and {:?} do not fit", a.dims(), b.dims());
        }
        let stream = device.cuda_stream();
        // SAFETY: the product below writes all of it.
        let mut out = unsafe { device.alloc::<f32>(m * n)? };
        {
            let ((a, of_a), (b, of_b)) = (a.storage_and_layout(), b.storage_and_layout());
            let ((transposed_a, step_a), (transposed_b, step_b)) = (read(of_a)?, read(of_b)?);
            let (Storage::Cuda(a), Storage::Cuda(b)) = (&*a, &*b) else { bail!("product: expected CUDA tensors") };
            let a = a.as_cuda_slice::<bf16>()?.slice(of_a.start_offset()..);
            let b = b.as_cuda_slice::<bf16>()?.slice(of_b.start_offset()..);
            let (a, _used_a) = a.device_ptr(&stream);
            let (b, _used_b) = b.device_ptr(&stream);
            let (c, _used_c) = out.device_ptr_mut(&stream);
            let (one, zero) = (1f32, 0f32);
            let bf16 = sys::cudaDataType_t::CUDA_R_16BF;
            // Read by columns, the result is the transposed one: b^T a^T.
            // SAFETY: sizes and steps are those of the tensors, which are held until the product is in the stream.
            unsafe {
                result::gemm_ex(
                    *device.cublas_handle().handle(),
                    transposed_b,
                    transposed_a,
                    int(n)?,
                    int(m)?,
                    int(k)?,
                    (&raw const one).cast(),
                    b as *const _,
                    bf16,
                    step_b,
                    a as *const _,
                    bf16,
                    step_a,
                    (&raw const zero).cast(),
                    c as *mut _,
                    sys::cudaDataType_t::CUDA_R_32F,
                    int(n)?,
                    sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
                    sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT_TENSOR_OP,
                )
                .w()?;
            }
        }
        let storage = Storage::Cuda(CudaStorage::wrap_cuda_slice(out, device.clone()));
        Ok(Tensor::from_storage(storage, (m, n), BackpropOp::none(), false))
    }
}
