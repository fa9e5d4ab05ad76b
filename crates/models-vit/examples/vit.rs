//! A small Vision Transformer of which only the last layer is trained.
//!
//!     cargo run --release --example vit -p models-vit

use candle_core::{Device, Tensor};
use classifier::{Classifier, Mode, Parameters};
use models_vit::{Pooling, Trained, Vit, VitConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = VitConfig {
        input: [64, 108],
        resize: None,
        channels: 1,
        input_scale: 1.0,
        normalization: None,
        patch: [16, 16],
        stride: [16, 16],
        dim: 32,
        layers: 2,
        heads: 2,
        hidden: 64,
        epsilon: 1e-6,
        layer_scale: false,
        registers: 0,
        distillation: false,
        pooling: Pooling::ClassMean,
        dropout: 0.0,
        stochastic_depth: 0.0,
        patchout: [0, 0],
        adapter: None,
    };
    let mut parameters = Parameters::seeded(1, &Device::Cpu);
    let vit = Vit::new(&config, 3, Trained::Head, 1.0, &mut parameters)?;
    let mel = Tensor::randn(0f32, 1., (2, 64, 108), &Device::Cpu)?; // [B, M, T]
    let output = vit.forward(&mel, Mode::Eval)?;
    assert_eq!((output.logits.dims(), output.embedding.dims()), (&[2, 3][..], &[2, 64][..]));
    assert_eq!(parameters.count(), 3 * 64 + 3);
    Ok(())
}
