//! What every model of barkbird is to the rest of it: a [`Classifier`] that turns a batch of normalised spectrograms
//! into logits and an embedding, whose [`Parameters`] are seeded by name, and that is kept in one [`ModelFile`].
//!
//! This crate must not know any architecture, how a model is trained, or where a file lies: it makes and reads the
//! bytes of a model file, and whoever owns the run writes them.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use classifier::{Classifier, Error, Init, Mode, Output, Parameters};
//!
//! /// One linear layer over the mean spectrum.
//! struct Linear { weight: candle_core::Var }
//!
//! impl Classifier for Linear {
//!     fn architecture(&self) -> serde_json::Value { serde_json::json!({"kind": "linear"}) }
//!     fn n_classes(&self) -> usize { 2 }
//!     fn embedding_dim(&self) -> usize { 4 }
//!     fn forward(&self, mel: &Tensor, _mode: Mode) -> Result<Output, Error> {
//!         let embedding = mel.mean(2)?; // [B, M]
//!         let logits = embedding.matmul(&self.weight.t()?)?; // [B, C]
//!         Ok(Output { logits, embedding })
//!     }
//! }
//!
//! let mut parameters = Parameters::seeded(7, &Device::Cpu);
//! let model = Linear { weight: parameters.trainable("head.weight", &[2, 4], Init::Normal { std: 0.02 })? };
//! let mel = Tensor::ones((3, 4, 10), candle_core::DType::F32, &Device::Cpu)?; // [B, M, T]
//! assert_eq!(model.forward(&mel, Mode::Eval)?.logits.dims(), [3, 2]);
//! # Ok::<(), Error>(())
//! ```

mod calibration;
mod error;
mod init;
mod linear_head;
mod model_file;
mod neighbours;
mod normalization;
mod parameters;

pub use calibration::Calibration;
pub use error::Error;
pub use init::Init;
pub use linear_head::LinearHead;
pub use model_file::{MODEL_SCHEMA, ModelFile, ModelHeader};
pub use neighbours::{Neighbours, NeighboursConfig};
pub use normalization::{BandSums, Normalization};
pub use parameters::{LeftOver, Parameters, Rule};

use candle_core::Tensor;
use std::collections::BTreeMap;

/// Whether a forward pass is part of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, dropout. All randomness of the pass comes from `seed`.
    Train {
        /// Seed of this pass: another one for every step.
        seed: u64,
    },
    /// Running statistics, no randomness.
    Eval,
}

/// What a model says of a batch.
#[derive(Debug, Clone)]
pub struct Output {
    /// Unnormalised log-probabilities, `[B, C]`.
    pub logits: Tensor,
    /// What the last linear layer sees, `[B, D]`.
    pub embedding: Tensor,
}

/// What a model file has of a model whose training is over.
#[derive(Debug, Clone)]
pub struct Finished {
    /// What builds it.
    pub architecture: serde_json::Value,
    /// What its input is normalised with.
    pub normalization: Normalization,
    /// Its parameters and buffers.
    pub tensors: BTreeMap<String, Tensor>,
}

/// A model that can be trained and asked.
///
/// The parameters live in the [`Parameters`] that the model was built with, so the loop that trains it needs only this
/// trait and those.
pub trait Classifier: Send + Sync {
    /// What builds this model again: an object with a `kind` and the configuration of that kind.
    fn architecture(&self) -> serde_json::Value;

    /// Number of classes, C.
    fn n_classes(&self) -> usize;

    /// Width of the embedding, D.
    fn embedding_dim(&self) -> usize;

    /// What the input of `n_mels` bands has to be normalised with, where that comes with the model's weights; `None`: with
    /// what the training clips say.
    fn normalization(&self, n_mels: usize) -> Option<Normalization> {
        let _ = n_mels;
        None
    }

    /// What stands in the model file at the end of training, from the best epoch's parameters and what their input was
    /// normalised with: the same, where the model that is trained is the one that will be asked.
    ///
    /// # Errors
    /// Tensors that do not fit.
    fn finished(&self, tensors: BTreeMap<String, Tensor>, normalization: &Normalization) -> Result<Finished, Error> {
        Ok(Finished { architecture: self.architecture(), normalization: normalization.clone(), tensors })
    }

    /// What layers below the last make of clips, in evaluation mode, from the first on: means over the clip. None where a
    /// model does not say.
    ///
    /// # Shapes
    /// `mel`: `[B, M, T]`, normalised. Of layer l: `[B, D_l]`.
    ///
    /// # Errors
    /// As for [`forward`](Self::forward).
    fn layer_features(&self, mel: &Tensor) -> Result<Vec<Tensor>, Error> {
        let _ = mel;
        Ok(Vec::new())
    }

    /// # Shapes
    /// `mel`: `[B, M, T]`, normalised. The output: logits `[B, C]` and embedding `[B, D]`.
    ///
    /// # Errors
    /// A batch that is too small for the network, or an operation that the device refuses.
    fn forward(&self, mel: &Tensor, mode: Mode) -> Result<Output, Error>;
}
