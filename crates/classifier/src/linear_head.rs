use crate::{Classifier, Error, Finished, Init, Mode, Normalization, Output, Parameters};
use candle_core::{Tensor, Var};
use std::collections::BTreeMap;

/// Names of the parameters of the last layer, in every model.
const HEAD: [&str; 2] = ["head.weight", "head.bias"];

/// The last layer of a model, trained on embeddings that the frozen rest has computed once.
///
/// Its input are those embeddings, as if they were spectrograms of D bands and one frame. At the end the whole model is
/// written; the normalization of the embeddings is folded into the layer.
#[derive(Debug)]
pub struct LinearHead {
    weight: Var,
    bias: Var,
    whole: Finished,
}

impl LinearHead {
    /// Parameters `head.weight` and `head.bias`; `whole` is the model that computed the embeddings, with any last layer.
    ///
    /// # Errors
    /// A model without a last layer, or a name that is in use.
    pub fn new(whole: Finished, parameters: &mut Parameters) -> Result<Self, Error> {
        let dims = match whole.tensors.get(HEAD[0]).map(Tensor::dims) {
            Some(&[n_classes, dim]) => [n_classes, dim],
            other => {
                let got = format!("{other:?}");
                return Err(Error::Shape { what: HEAD[0].into(), expected: "[C, D]".into(), got });
            }
        };
        let bound = 1.0 / (dims[1] as f64).sqrt();
        Ok(Self {
            weight: parameters.trainable(HEAD[0], &dims, Init::Uniform { bound })?,
            bias: parameters.trainable(HEAD[1], &dims[..1], Init::Constant(0.0))?,
            whole,
        })
    }
}

impl Classifier for LinearHead {
    fn architecture(&self) -> serde_json::Value {
        self.whole.architecture.clone()
    }

    fn n_classes(&self) -> usize {
        self.bias.elem_count()
    }

    fn embedding_dim(&self) -> usize {
        self.weight.dims()[1]
    }

    fn finished(
        &self,
        mut tensors: BTreeMap<String, Tensor>,
        normalization: &Normalization,
    ) -> Result<Finished, Error> {
        let mut whole = self.whole.clone();
        let [weight, bias] = HEAD.map(|name| tensors.remove(name).ok_or_else(|| Error::Fit(format!("no {name}"))));
        let (weight, bias) = (weight?, bias?);
        let device = weight.device();
        let vector = |values: &[f32]| Tensor::from_slice(values, (1, values.len()), device);
        let weight = weight.broadcast_div(&vector(&normalization.std)?)?; // [C, D]
        let moved = weight.broadcast_mul(&vector(&normalization.mean)?)?.sum(1)?;
        whole.tensors.insert(HEAD[1].into(), (bias - moved)?);
        whole.tensors.insert(HEAD[0].into(), weight);
        Ok(whole)
    }

    fn forward(&self, embedding: &Tensor, _: Mode) -> Result<Output, Error> {
        let embedding = embedding.squeeze(2)?; // [B, D]
        let logits = embedding.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)?;
        Ok(Output { logits, embedding })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn the_layer_takes_in_the_normalization() {
        let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
        let tensors = [("body", zeros(&[2])), ("head.weight", zeros(&[2, 3])), ("head.bias", zeros(&[2]))];
        let whole = Finished {
            architecture: serde_json::json!({"kind": "body"}),
            normalization: Normalization::uniform(9, 0.5, 2.0),
            tensors: tensors.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect(),
        };
        let mut parameters = Parameters::seeded(1, &Device::Cpu);
        let head = LinearHead::new(whole, &mut parameters).unwrap();
        let fitted = Normalization { mean: vec![1.0, -2.0, 0.5], std: vec![2.0, 0.5, 1.0] };
        let raw = [3.0f32, 1.0, -1.0];
        let mut normal = raw;
        fitted.apply(&mut normal, 1);
        let input = Tensor::from_slice(&normal, (1, 3, 1), &Device::Cpu).unwrap();
        let expected = head.forward(&input, Mode::Eval).unwrap().logits.to_vec2::<f32>().unwrap();
        let finished = head.finished(parameters.state().unwrap(), &fitted).unwrap();
        assert_eq!(finished.normalization, Normalization::uniform(9, 0.5, 2.0));
        assert!(finished.tensors.contains_key("body"));
        let raw = Tensor::from_slice(&raw, (1, 3), &Device::Cpu).unwrap();
        let logits = raw.matmul(&finished.tensors["head.weight"].t().unwrap()).unwrap();
        let logits = logits.broadcast_add(&finished.tensors["head.bias"]).unwrap().to_vec2::<f32>().unwrap();
        for (got, expected) in logits[0].iter().zip(&expected[0]) {
            assert!((got - expected).abs() < 1e-5, "{got} {expected}");
        }
    }

    #[test]
    fn a_model_without_a_last_layer_is_refused() {
        let whole = Finished {
            architecture: serde_json::json!({}),
            normalization: Normalization::uniform(1, 0.0, 1.0),
            tensors: BTreeMap::new(),
        };
        let message = LinearHead::new(whole, &mut Parameters::seeded(0, &Device::Cpu)).unwrap_err().to_string();
        assert!(message.contains("head.weight: expected [C, D]"), "{message}");
    }
}
