use crate::{Below, Classifier, Error, Init, Maps, Method, Mode, Normalization, Output, Parameters, Score};
use candle_core::{D, Device, Tensor};
use serde::{Deserialize, Serialize};

/// Added to the share of a class in the votes, so that its logarithm stays finite.
pub const LEAST_SHARE: f64 = 1e-4;

/// Settings of the k-nearest-neighbors classifier.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NeighborsConfig {
    /// Number of neighbors, k.
    pub k: usize,
    /// The vote of a neighbor has the weight `e^(cosine / temperature)`.
    pub temperature: f64,
}

impl Default for NeighborsConfig {
    fn default() -> Self {
        Self { k: 5, temperature: 0.1 }
    }
}

/// A k-nearest-neighbors (kNN) classifier over embeddings; it has no trained parameters.
///
/// Embeddings are compared by cosine similarity. The logits are the logarithms of the shares of the classes.
pub struct Neighbors {
    body: Box<dyn Classifier>,
    config: NeighborsConfig,
    /// Embeddings of length 1, `[N, D]`.
    embeddings: Tensor,
    /// One-hot classes of the clips, `[N, C]`.
    classes: Tensor,
}

impl Neighbors {
    /// Defines the frozen tensors `neighbors.embedding` and `neighbors.class`, both zero, after those of `body`.
    ///
    /// # Errors
    /// No neighbor, or a name that is in use.
    pub fn new(
        body: Box<dyn Classifier>,
        config: NeighborsConfig,
        n_clips: usize,
        parameters: &mut Parameters,
    ) -> Result<Self, Error> {
        if config.k == 0 || n_clips == 0 || config.temperature <= 0.0 {
            return Err(Error::Shape {
                what: "neighbours".into(),
                expected: "one or more, of one clip or more, and a temperature above 0".into(),
                got: format!("{config:?}, {n_clips} clips"),
            });
        }
        let (dim, n_classes, zero) = (body.embedding_dim(), body.n_classes(), Init::Constant(0.0));
        let embeddings = parameters.weight("neighbours.embedding", &[n_clips, dim], zero, false)?;
        let classes = parameters.weight("neighbours.class", &[n_clips, n_classes], zero, false)?;
        Ok(Self { body, config, embeddings, classes })
    }

    /// The values of the two tensors; embeddings are scaled to length 1.
    ///
    /// # Shapes
    /// `embeddings`: `[N, D]`; `classes`: index of each clip's class, `[N]`.
    ///
    /// # Errors
    /// Numbers of embeddings and classes that do not match.
    pub fn tensors(embeddings: &Tensor, classes: &[u32], n_classes: usize) -> Result<[(String, Tensor); 2], Error> {
        let one_hot: Vec<f32> =
            classes.iter().flat_map(|class| (0..n_classes).map(move |c| f32::from(c == *class as usize))).collect();
        let classes = Tensor::from_vec(one_hot, (classes.len(), n_classes), embeddings.device())?;
        Ok([("neighbours.embedding".into(), unit(embeddings)?), ("neighbours.class".into(), classes)])
    }

    /// Cosine similarities with all clips, `[B, N]`.
    fn cosines(&self, embedding: &Tensor) -> Result<Tensor, Error> {
        Ok(unit(embedding)?.matmul(&self.embeddings.t()?)?)
    }
}

/// Rows of length 1.
fn unit(rows: &Tensor) -> Result<Tensor, Error> {
    let length = (rows.sqr()?.sum_keepdim(D::Minus1)?.sqrt()? + 1e-12)?;
    Ok(rows.broadcast_div(&length)?)
}

impl Classifier for Neighbors {
    fn architecture(&self) -> serde_json::Value {
        serde_json::json!({
            "kind": "neighbours",
            "neighbours": self.config,
            "n_clips": self.embeddings.dims()[0],
            "body": self.body.architecture(),
        })
    }

    fn n_classes(&self) -> usize {
        self.body.n_classes()
    }

    fn embedding_dim(&self) -> usize {
        self.body.embedding_dim()
    }

    fn normalization(&self, n_mels: usize) -> Option<Normalization> {
        self.body.normalization(n_mels)
    }

    /// The logarithm of each class's votes where all clips have one, not only the nearest: a share is 1, and its slope 0,
    /// wherever the nearest agree.
    fn score(&self, below: &Below) -> Result<Tensor, Error> {
        let cosines = (self.cosines(&below.embedding)? / self.config.temperature)?;
        let largest = cosines.max_keepdim(1)?.detach();
        let votes = cosines.broadcast_sub(&largest)?.exp()?.matmul(&self.classes)?; // [B, C]
        Ok((votes + f64::from(f32::MIN_POSITIVE))?.log()?.broadcast_add(&largest)?)
    }

    fn saliency(&self, mel: &Tensor, score: &Score<'_>, method: Option<Method>) -> Result<Option<Maps>, Error> {
        self.body.saliency(mel, score, method)
    }

    fn forward(&self, mel: &Tensor, _: Mode) -> Result<Output, Error> {
        let embedding = self.body.forward(mel, Mode::Eval)?.embedding;
        let cosines = self.cosines(&embedding)?; // [B, N]
        let k = self.config.k.min(cosines.dim(1)?);
        // On the CPU: a GPU sorts no more values than the memory of one of its multiprocessors holds.
        let device = cosines.device();
        let (sorted, order) = cosines.to_device(&Device::Cpu)?.contiguous()?.sort_last_dim(false)?;
        let nearest = order.narrow(1, 0, k)?.contiguous()?.to_device(device)?; // [B, k]
        let votes = (sorted.narrow(1, 0, k)?.contiguous()?.to_device(device)? / self.config.temperature)?;
        let votes = votes.broadcast_sub(&votes.max_keepdim(1)?)?.exp()?;
        let votes = votes.broadcast_div(&votes.sum_keepdim(1)?)?; // [B, k]
        let (n_clips, n_classes) = (nearest.dim(0)?, self.n_classes());
        let classes = self.classes.index_select(&nearest.flatten_all()?, 0)?.reshape((n_clips, k, n_classes))?;
        let shares = classes.broadcast_mul(&votes.unsqueeze(2)?)?.sum(1)?; // [B, C]
        Ok(Output { logits: (shares + LEAST_SHARE)?.log()?, embedding })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Its embedding is its input.
    struct Plain;

    impl Classifier for Plain {
        fn architecture(&self) -> serde_json::Value {
            serde_json::json!({"kind": "plain"})
        }
        fn n_classes(&self) -> usize {
            2
        }
        fn embedding_dim(&self) -> usize {
            2
        }
        fn forward(&self, mel: &Tensor, _: Mode) -> Result<Output, Error> {
            let embedding = mel.squeeze(2)?;
            Ok(Output { logits: embedding.clone(), embedding })
        }
    }

    #[test]
    fn the_nearest_decide() {
        let mut parameters = Parameters::seeded(0, &Device::Cpu);
        let config = NeighborsConfig { k: 2, temperature: 0.1 };
        let model = Neighbors::new(Box::new(Plain), config, 3, &mut parameters).unwrap();
        let clips = Tensor::new(&[[5f32, 0.0], [4.0, 1.0], [0.0, 2.0]], &Device::Cpu).unwrap();
        let tensors = Neighbors::tensors(&clips, &[0, 0, 1], 2).unwrap();
        parameters.load(&tensors.into_iter().collect(), Path::new("n")).unwrap();
        let ask = |x: [f32; 2]| {
            let input = Tensor::from_slice(&x, (1, 2, 1), &Device::Cpu).unwrap();
            let logits = model.forward(&input, Mode::Eval).unwrap().logits;
            logits.exp().unwrap().to_vec2::<f32>().unwrap()[0].clone()
        };
        let [dog, bird] = ask([1.0, 0.1])[..] else { panic!() };
        assert!(dog > 0.999 && bird < 0.001);
        // Both of the nearest are asked, the nearer one counts more.
        let [dog, bird] = ask([0.0, 1.0])[..] else { panic!() };
        assert!(bird > 0.99 && dog > LEAST_SHARE as f32, "{dog} {bird}");
        assert_eq!(model.architecture()["body"]["kind"], "plain");
        assert!(Neighbors::new(Box::new(Plain), config, 0, &mut Parameters::seeded(0, &Device::Cpu)).is_err());
    }
}
