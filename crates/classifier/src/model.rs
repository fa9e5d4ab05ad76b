use crate::{Below, Error, Head, Maps, Method, Normalization, Score};
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
    fn pretrained_classes(&self) -> &[String] {
        &[]
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

    /// The logits that the last layer gives for what is below it, differentiable: a bound of votes, which has no gradient, is
    /// left out. Used for [`saliency`](Self::saliency).
    ///
    /// # Shapes
    /// The result: `[B, C]`.
    ///
    /// # Errors
    /// A network that has no such layer, or an operation that the device refuses.
    fn score(&self, below: &Below) -> Result<Tensor, Error> {
        let _ = below;
        Err(Error::Fit("a network whose score cannot be traced back to its input".into()))
    }

    /// Where in the input a score comes from, in evaluation mode; `None` for a network that has no such map, or not by this
    /// method. `method`: none for the network's usual one. [`saliency`](crate::saliency()) asks for the logit of a class.
    ///
    /// # Shapes
    /// `mel`: `[B, M, T]`, normalized.
    ///
    /// # Errors
    /// As for [`forward`](Self::forward).
    fn saliency(&self, mel: &Tensor, score: &Score<'_>, method: Option<Method>) -> Result<Option<Maps>, Error> {
        let _ = (mel, score, method);
        Ok(None)
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
