//! The Vision Transformer over spectrograms: its configuration, pretrained checkpoints ([`Checkpoint`]), and which of its
//! parameters are trained ([`Trained`]).
//!
//! This crate must not know recordings, front ends, how a model is trained, the instructions of a processor, or where a
//! checkpoint comes from: it reads a folder and opens no connection. The network is described once, and `kernels` runs its
//! layers on the device of the parameters.
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use classifier::{Classifier, Mode, Parameters};
//! use models_vit::{Pooling, Trained, Vit, VitConfig};
//!
//! let config = VitConfig {
//!     input: [64, 108], resize: None, channels: 1, input_scale: 1.0, normalization: None,
//!     patch: [16, 16], stride: [16, 16], dim: 32, layers: 2, heads: 2, hidden: 64, epsilon: 1e-6,
//!     layer_scale: false, registers: 0, distillation: false, pooling: Pooling::ClassMean,
//!     dropout: 0.0, stochastic_depth: 0.0, patchout: [0, 0], adapter: None,
//! };
//! let mut parameters = Parameters::seeded(1, &Device::Cpu);
//! let vit = Vit::new(&config, 3, Trained::All, 1.0, &mut parameters)?;
//! let mel = Tensor::zeros((2, 64, 108), DType::F32, &Device::Cpu)?; // [B, M, T]
//! let output = vit.forward(&mel, Mode::Eval)?;
//! assert_eq!((output.logits.dims(), output.embedding.dims()), (&[2, 3][..], &[2, 64][..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chance;
mod checkpoint;
mod config;
mod error;
mod interpolation;
mod layout;
mod patches;
mod rollout;
mod tokens;
mod top;
mod trained;
mod vit;

pub use checkpoint::{Checkpoint, PretrainedWeights, View};
pub use config::{AdapterConfig, Pooling, VitConfig};
pub use error::Error;
pub use interpolation::resizing;
pub use top::Top;
pub use trained::Trained;
pub use vit::Vit;
