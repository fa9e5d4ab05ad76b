//! A fused convolution block, computed with two sets of instructions in one process.
//!
//!     cargo run --release --example compute -p kernels

use candle_core::{DType, Device, Tensor};
use kernels::{BlockForm, BlockWeights, Compute, Norm, Path, Pool, Precision, conv_block, with};

fn main() -> Result<(), kernels::Error> {
    let device = Device::Cpu;
    let map = Tensor::rand(-1f32, 1., (2, 9, 7, 1), &device)?; // [B, H, W, C]
    let conv = Tensor::rand(-1f32, 1., (4, 1, 3, 3), &device)?;
    let (scale, shift) = (Tensor::ones(4, DType::F32, &device)?, Tensor::zeros(4, DType::F32, &device)?);
    let weights = BlockWeights { conv: &conv, scale: &scale, shift: &shift };
    let pool = Pool::Max { height: 2, width: 2 };
    let form = BlockForm { stride: 1, pool, relu: true, input_gradient: false };
    let norm = Norm::Batch { epsilon: 1e-5 };
    let block = || conv_block(&map, &weights, None, &norm, &form).map(|output| output.map);

    let fast: Tensor = with(Compute::default(), block)?;
    let plain: Tensor = with(Compute { path: Path::Portable, precision: Precision::F32 }, block)?;
    assert_eq!(fast.dims(), [2, 4, 3, 4]);
    assert!((fast - plain)?.abs()?.max_all()?.to_scalar::<f32>()? < 1e-4);
    Ok(())
}
