//! Maps on a CUDA device: a block, a separable layer or a pool is a few kernels of `cuda/` and matrix products of cuBLAS, with
//! a backward pass of its own.
//!
//! Every kernel has a twin here in plain Rust, value for value the same arithmetic, which computes on tensors of the CPU: so
//! forms, gradients and the kernels themselves are tested without a card. Nothing is added by atomic operations, so equal
//! arguments give equal bytes.

mod average;
mod block;
mod conv_block;
mod global;
mod joined;
mod layer;
mod patches;
mod product;
mod separable;
mod sums;

pub use average::average_pool;
pub use conv_block::conv_block;
pub use global::global_pool;
pub use separable::{conv_relu, separable_layer};
pub(super) use sums::fold;

use super::{Body, Launch};
use crate::Precision;
use candle_core::{DType, Result, Tensor, WithDType, bail};

/// The type of a product's factors.
fn factors(precision: Precision) -> DType {
    match precision {
        Precision::F32 => DType::F32,
        Precision::Bf16 => DType::BF16,
    }
}

/// A contiguous tensor that is no part of the graph.
fn plain(tensor: &Tensor) -> Result<Tensor> {
    tensor.detach().contiguous()
}

/// Whether a thread can take `n` channels of these tensors at a time.
fn fits(n: usize, n_channels: usize, tensors: &[&Tensor]) -> bool {
    n_channels.is_multiple_of(n) && tensors.iter().all(|tensor| tensor.layout().start_offset().is_multiple_of(n))
}

/// The values of a tensor on the CPU, for a twin.
pub(super) fn host<T: WithDType>(tensor: &Tensor) -> Result<Vec<T>> {
    tensor.flatten_all()?.to_vec1()
}

/// Whole layers are made of candle's operations in `reference.rs`, not their pieces.
fn no_operations<T>() -> Result<T> {
    bail!("a piece of a layer has no body of candle's own operations")
}
