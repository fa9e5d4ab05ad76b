//! A linear model, run over two spectrograms.
//!
//!     cargo run --example predict -p classifier

use candle_core::{Device, Tensor, Var};
use classifier::{Classifier, Error, Init, Mode, Normalization, Output, Parameters, Predictor, largest, predict_mels};

struct Linear {
    weight: Var,
}

impl Classifier for Linear {
    fn architecture(&self) -> serde_json::Value {
        serde_json::json!({"kind": "linear"})
    }
    fn n_classes(&self) -> usize {
        2
    }
    fn embedding_dim(&self) -> usize {
        2
    }
    fn forward(&self, mel: &Tensor, _: Mode) -> Result<Output, Error> {
        let embedding = mel.mean(2)?; // [B, M]
        Ok(Output { logits: embedding.matmul(&self.weight.t()?)?, embedding })
    }
}

fn main() -> Result<(), Error> {
    let device = Device::Cpu;
    let mut parameters = Parameters::seeded(7, &device);
    let model = Linear { weight: parameters.trainable("head.weight", &[2, 2], Init::Constant(0.0))? };
    model.weight.set(&Tensor::eye(2, candle_core::DType::F32, &device)?)?;
    let normalization = Normalization::uniform(2, 0.0, 1.0);
    let (normalization, compute) = (&normalization, kernels::Compute::default());
    let predictor = Predictor { model: &model, device: &device, normalization, temperature: 1.0, compute };
    let mels: [&[f32]; 2] = [&[9.0, 9.0, 9.0, 0.0, 0.0, 0.0], &[0.0, 0.0, 0.0, 9.0, 9.0, 9.0]]; // [M = 2, T = 3] each
    let rows = predict_mels(predictor, &mels, 2, 3, 32, &|i| format!("clip {i}"))?;
    assert_eq!([0, 1].map(|i| largest(rows.probability(i))), [0, 1]);
    Ok(())
}
