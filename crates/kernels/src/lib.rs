//! The expensive operations of a training step, as custom operations of candle with their own forward and backward pass.
//!
//! This crate must not know what a model, a clip or a class is: it has tensors whose channels come last, `[B, H, W, C]`,
//! and gives a batch the same bytes for any number of threads. Instructions and precision are a value, [`Compute`], that a
//! caller enters with [`with`]; every operation keeps the one it was created with. It is the only crate with
//! `unsafe` code: the kernels proper in `tile.rs`, `winograd.rs` and `rows.rs`, which are written once over a vector type
//! (`simd.rs`), compiled for each [`Path`], and called through checked functions (`table.rs`); the matrix products in
//! `bf16`; launches of the kernels for CUDA (`on_device.rs`, whose sources are in `cuda/`); and settings of a process or a
//! device that are made once (`process.rs`, `device.rs`).
//!
//! ```
//! use candle_core::{DType, Device, Tensor, Var};
//! use kernels::{BlockForm, BlockWeights, Norm, Pool, conv_block};
//!
//! let map = Tensor::rand(-1f32, 1., (2, 9, 7, 1), &Device::Cpu)?; // [B, H, W, C]
//! let conv = Var::rand(-1f32, 1., (4, 1, 3, 3), &Device::Cpu)?;
//! let (scale, shift) = (Var::ones(4, DType::F32, &Device::Cpu)?, Var::zeros(4, DType::F32, &Device::Cpu)?);
//! let weights = BlockWeights { conv: &conv, scale: &scale, shift: &shift };
//! let form = BlockForm { stride: 1, pool: Pool::Max { height: 2, width: 2 }, relu: true, input_gradient: false };
//!
//! let out = conv_block(&map, &weights, None, &Norm::Batch { epsilon: 1e-5 }, &form)?;
//! assert_eq!(out.map.dims(), [2, 4, 3, 4]);
//! let gradients = out.map.sum_all()?.backward()?;
//! assert!(gradients.get(&conv).is_some());
//! # Ok::<(), kernels::Error>(())
//! ```

mod attention;
mod average_pool;
mod backward;
mod bf16;
mod block;
mod compute;
mod convolution;
mod device;
mod dispatch;
mod embed;
mod error;
mod forward;
mod functions;
mod fused;
mod global_pool;
mod gradients;
mod layer_norm;
mod linked;
mod measured;
#[doc(hidden)]
pub mod on_device;
mod panels;
mod path;
mod precision;
mod process;
mod products;
pub mod reference;
mod rows;
mod scratch;
mod separable;
mod simd;
mod slab;
mod stored;
mod table;
mod tile;
mod transformer;
mod transpose;
mod weight_sums;
mod winograd;

pub use block::{
    BatchStatistics, BlockForm, BlockOutput, BlockWeights, LinkedOutput, Norm, Pool, conv_block, linked_block,
};
pub use compute::{Compute, with};
pub use device::{free_bytes, settle_device};
pub use embed::{Embedding, embed};
pub use error::Error;
pub use global_pool::global_pool;
pub use gradients::DirectGradients;
pub use layer_norm::layer_norm;
pub use linked::Map;
pub use measured::{Measured, processor, product_peak};
pub use path::Path;
pub use precision::Precision;
pub use process::{Pages, settle_process, with_hangup_kept};
pub use separable::{SeparableWeights, conv_relu, separable_layer};
pub use transformer::{Adapter, LinearWeights, TransformerForm, TransformerWeights, transformer_layer};
