use crate::{Classifier, Error, Mode, Normalization, Output, Pretrained};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// What the values of a clip are, where a pretrained network is the front end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrecomputedConfig {
    /// Width of the embedding, D.
    pub dim: usize,
    /// Names of the network's own classes, `[K]`.
    pub classes: Vec<String>,
}

impl PrecomputedConfig {
    /// The `architecture` of a model file: `kind` is `precomputed`, the other fields are those of this struct.
    pub fn architecture(&self) -> serde_json::Value {
        serde_json::json!({"kind": "precomputed", "dim": self.dim, "classes": self.classes})
    }
}

/// A pretrained network that has run already, as the front end: its input is the embedding and the log-odds of its own
/// classes, `[B, D + K, 1]`. It has no parameters and no answer of its own: heads are put on it
/// ([`Headed`](crate::Headed)).
#[derive(Debug, Clone, PartialEq)]
pub struct Precomputed {
    config: PrecomputedConfig,
    n_classes: usize,
}

impl Precomputed {
    /// For heads of `n_classes` classes.
    pub fn new(config: PrecomputedConfig, n_classes: usize) -> Self {
        Self { config, n_classes }
    }
}

impl Classifier for Precomputed {
    fn architecture(&self) -> serde_json::Value {
        self.config.architecture()
    }

    fn n_classes(&self) -> usize {
        self.n_classes
    }

    fn embedding_dim(&self) -> usize {
        self.config.dim
    }

    fn normalization(&self, n_mels: usize) -> Option<Normalization> {
        Some(Normalization::uniform(n_mels, 0.0, 1.0))
    }

    fn pretrained(&self, mel: &Tensor) -> Result<Option<Pretrained>, Error> {
        let (dim, n_own) = (self.config.dim, self.config.classes.len());
        match mel.dims() {
            [_, width, 1] if *width == dim + n_own => {}
            dims => {
                let (expected, got) = (format!("[B, {dim} + {n_own}, 1]"), format!("{dims:?}"));
                return Err(Error::Shape { what: "embedding and classes of a network".into(), expected, got });
            }
        }
        let rows = mel.squeeze(2)?; // [B, D + K]
        let part = |from: usize, n: usize| rows.narrow(1, from, n)?.contiguous();
        Ok(Some(Pretrained { embedding: part(0, dim)?, log_odds: part(dim, n_own)? }))
    }

    fn pretrained_classes(&self) -> &[String] {
        &self.config.classes
    }

    fn forward(&self, _: &Tensor, _: Mode) -> Result<Output, Error> {
        Err(Error::Fit("a front end's embedding without heads gives no classes".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_row_is_embedding_and_log_odds() {
        let config = PrecomputedConfig { dim: 2, classes: vec!["Bark".into()] };
        let network = Precomputed::new(config, 2);
        let mel = Tensor::from_vec(vec![1f32, 2.0, -3.0, 4.0, 5.0, -6.0], (2, 3, 1), &Device::Cpu).unwrap();
        let of = network.pretrained(&mel).unwrap().unwrap();
        assert_eq!(of.embedding.to_vec2::<f32>().unwrap(), [[1.0, 2.0], [4.0, 5.0]]);
        assert_eq!(of.log_odds.to_vec2::<f32>().unwrap(), [[-3.0], [-6.0]]);
        let frames = mel.reshape((1, 3, 2)).unwrap();
        let error = network.pretrained(&frames).unwrap_err().to_string();
        assert!(error.contains("[B, 2 + 1, 1]"), "{error}");
        assert!(network.forward(&mel, Mode::Eval).is_err());
    }
}
