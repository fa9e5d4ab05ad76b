use crate::{Error, Head, Normalization};
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

/// The output of a model for a batch.
#[derive(Debug, Clone)]
pub struct Output {
    /// Unnormalized log-probabilities, `[B, C]`.
    pub logits: Tensor,
    /// Input of the last linear layer, `[B, D]`.
    pub embedding: Tensor,
}

/// What a pretrained network with classes of its own computes for a batch.
#[derive(Debug, Clone)]
pub struct Pretrained {
    /// `[B, D]`.
    pub embedding: Tensor,
    /// Log-odds of its own K classes over the whole clip, `[B, K]`.
    pub log_odds: Tensor,
}

/// The part of a model file that a trained model gives.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its configuration, see [`Classifier::architecture`].
    pub architecture: serde_json::Value,
    /// Normalization of its input.
    pub normalization: Normalization,
    /// Its parameters and buffers.
    pub tensors: BTreeMap<String, Tensor>,
}

/// A model that can be trained and used.
///
/// Its parameters are in the [`Parameters`](crate::Parameters) that it was built with, so a training loop needs only this
/// trait and those.
pub trait Classifier: Send + Sync {
    /// The configuration from which this model can be built again: an object with a `kind` and its fields.
    fn architecture(&self) -> serde_json::Value;

    /// Number of classes, C.
    fn n_classes(&self) -> usize;

    /// Width of the embedding, D.
    fn embedding_dim(&self) -> usize;

    /// The normalization of an input of `n_mels` bands, if it belongs to pretrained weights; `None`: it is fitted on the
    /// training clips.
    fn normalization(&self, n_mels: usize) -> Option<Normalization> {
        let _ = n_mels;
        None
    }

    /// The model that is written at the end of training, from the best epoch's parameters and the normalization of their
    /// input. The default returns both unchanged; a model that trains only a part returns the whole here.
    ///
    /// # Errors
    /// Tensors that do not fit.
    fn finished(&self, tensors: BTreeMap<String, Tensor>, normalization: &Normalization) -> Result<Finished, Error> {
        Ok(Finished { architecture: self.architecture(), normalization: normalization.clone(), tensors })
    }

    /// Outputs of the hidden layers in evaluation mode, averaged over each clip, from the first layer on. Empty if a model
    /// does not provide them.
    ///
    /// # Shapes
    /// `mel`: `[B, M, T]`, normalized. Layer l: `[B, D_l]`.
    ///
    /// # Errors
    /// As for [`forward`](Self::forward).
    fn layer_features(&self, mel: &Tensor) -> Result<Vec<Tensor>, Error> {
        let _ = mel;
        Ok(Vec::new())
    }

    /// What a pretrained network computes beside the user's classes; `None` for a model that has no classes of its own.
    ///
    /// # Shapes
    /// `mel`: `[B, M, T]`, normalized.
    ///
    /// # Errors
    /// As for [`forward`](Self::forward).
    fn pretrained(&self, mel: &Tensor) -> Result<Option<Pretrained>, Error> {
        let _ = mel;
        Ok(None)
    }

    /// Names of the K classes that [`pretrained`](Self::pretrained) has scores of; empty for a model without.
    fn pretrained_classes(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The heads of a pretrained network that vote; empty for other models.
    ///
    /// # Errors
    /// A tensor that cannot be copied from the device.
    fn heads(&self) -> Result<Vec<Head>, Error> {
        Ok(Vec::new())
    }

    /// The forward pass in evaluation mode, and the log-odds `[B, K]` of a pretrained network's own classes where the logits
    /// are made of what it computes.
    ///
    /// # Errors
    /// As for [`forward`](Self::forward).
    fn forward_pretrained(&self, mel: &Tensor) -> Result<(Output, Option<Tensor>), Error> {
        Ok((self.forward(mel, Mode::Eval)?, None))
    }

    /// The forward pass.
    ///
    /// # Shapes
    /// `mel`: `[B, M, T]`, normalized. The output: logits `[B, C]` and embedding `[B, D]`.
    ///
    /// # Errors
    /// A batch that is too small for the network, or an operation that the device refuses.
    fn forward(&self, mel: &Tensor, mode: Mode) -> Result<Output, Error>;
}
