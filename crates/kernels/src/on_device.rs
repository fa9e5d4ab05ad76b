//! What a device that is not the CPU computes with few operations: each fused piece as a function over tensors.
//!
//! A piece has three bodies that compute the same, see [`Body`]. Every device has its own, so that a user never chooses;
//! tests run each of them on the CPU, the kernels with the feature `cuda-emulated`.
//!
//! One more kernel: a `.cuh` and a `.cu` under `cuda/` (`common.cuh` says how), the `.cu` named at the end of
//! `cuda/emulation.cpp` and in `card.rs`, a function here with its three bodies, and a test in `tests/on_device.rs`.

mod adamw;
#[cfg(feature = "cuda")]
mod card;
mod clips;
mod columns;
mod embed;
#[cfg(feature = "cuda-emulated")]
mod emulated;
mod heads;
mod joined;
mod launch;
mod layer;
mod linear;
pub mod maps;
mod norm;
mod norm_operation;
mod operation;
mod values;

pub use adamw::{Adamw, AdamwSlot, AdamwStep};
use candle_core::Device;
pub use clips::{ClipMix, ClipNoise, ClipSteps, ClipStore, Source};
pub use columns::{Ending, Scaled, add_up, add_up_backward, column_sums, gelu_backward, gelu_forward};
pub use embed::{Embedding, embed};
#[cfg(feature = "cuda-emulated")]
pub use emulated::last_first;
pub use heads::{Split, softmax_backward, softmax_forward};
pub(crate) use launch::Launch;
pub use norm::{Moments, Norm};
pub use norm_operation::layer_norm;
pub use operation::transformer_layer;

/// What computes a fused piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// A kernel of `cuda/`: on a card, or emulated on the CPU.
    Kernel,
    /// Plain Rust on the CPU, as simple as can be: what the kernels are tested against.
    Twin,
    /// Candle's own operations, on any device.
    Operations,
}

impl Body {
    /// That of a device.
    pub fn of(device: &Device) -> Self {
        match device {
            Device::Cpu => Self::Twin,
            Device::Cuda(_) => Self::Kernel,
            Device::Metal(_) => Self::Operations,
        }
    }
}
