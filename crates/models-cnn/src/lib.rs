//! Convolutional networks. [`Cnn`] is trained from scratch on spectrograms of any size: stages of 3x3 convolution, batch
//! norm, ReLU and 2x2 max pool, optionally with a residual block each; pooled over the map; dropout; one linear layer.
//! [`Yamnet`] is pretrained on the sounds of AudioSet, and gets a linear layer for the classes of the user.
//!
//! This crate must not know how a model is trained, where data or model files are, or the instructions of a processor: it
//! describes the network once, and `kernels` runs it on the device of the parameters.
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use classifier::{Classifier, Mode, Parameters};
//! use models_cnn::{Cnn, CnnConfig};
//!
//! let mut parameters = Parameters::seeded(1, &Device::Cpu);
//! let cnn = Cnn::new(&CnnConfig::small(), 3, &mut parameters)?;
//! let mel = Tensor::zeros((2, 64, 101), DType::F32, &Device::Cpu)?; // [B, M, T]
//! let output = cnn.forward(&mel, Mode::Eval)?;
//! assert_eq!(output.logits.dims(), [2, 3]);
//! assert_eq!(output.embedding.dims(), [2, cnn.embedding_dim()]);
//! # Ok::<(), classifier::Error>(())
//! ```

mod cnn;
mod config;
mod dropout;
mod layer;
mod overlap;
mod tflite;
mod yamnet;

pub use cnn::Cnn;
pub use config::{CnnConfig, Downsample, MapPooling};
pub use layer::EPSILON as NORM_EPSILON;
pub use tflite::yamnet_from_tflite;
pub use yamnet::{
    DIM as YAMNET_DIM, LAYERS as YAMNET_LAYERS, LEAST_PROBABILITY, N_BANDS, N_OWN_CLASSES, PATCH_FRAMES, Yamnet,
    YamnetConfig, yamnet_weights,
};
