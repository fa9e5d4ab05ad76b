use crate::vit::Vit;
use candle_core::Tensor;
use classifier::{Classifier, Error, Finished, Mode, Normalization, Output};
use std::collections::BTreeMap;

/// The trained layers of a [`Vit`], over tokens that its frozen layers have computed once.
///
/// Its input is those tokens, as if they were a spectrogram of `n_tokens` bands and `D` frames; it is not normalized.
#[derive(Debug)]
pub struct Top {
    vit: Vit,
    /// Normalization of the spectrograms from which the tokens were computed.
    normalization: Normalization,
}

impl Top {
    /// The upper part of a network whose spectrograms are normalized with `normalization`.
    pub fn new(vit: Vit, normalization: Normalization) -> Self {
        Self { vit, normalization }
    }

    /// The whole network.
    pub fn whole(&self) -> &Vit {
        &self.vit
    }
}

impl Classifier for Top {
    fn architecture(&self) -> serde_json::Value {
        self.vit.architecture()
    }

    fn n_classes(&self) -> usize {
        self.vit.n_classes()
    }

    fn embedding_dim(&self) -> usize {
        self.vit.embedding_dim()
    }

    fn normalization(&self, n_mels: usize) -> Option<Normalization> {
        Some(Normalization::uniform(n_mels, 0.0, 1.0))
    }

    fn finished(&self, tensors: BTreeMap<String, Tensor>, _: &Normalization) -> Result<Finished, Error> {
        self.vit.finished(tensors, &self.normalization)
    }

    fn forward(&self, tokens: &Tensor, mode: Mode) -> Result<Output, Error> {
        Ok(self.vit.above(tokens, self.vit.first_trained_layer(), mode)?)
    }
}
