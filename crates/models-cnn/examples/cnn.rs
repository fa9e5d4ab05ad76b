//! An untrained CNN: the same seed gives the same logits.
//!
//!     cargo run --release --example cnn -p models-cnn

use candle_core::{Device, Tensor};
use classifier::{Classifier, Error, Mode, Parameters};
use models_cnn::{Cnn, CnnConfig};

fn main() -> Result<(), Error> {
    let device = Device::Cpu;
    let mel = Tensor::randn(0f32, 1., (2, 64, 101), &device)?; // [B, M, T]
    let logits = || -> Result<Vec<Vec<f32>>, Error> {
        let mut parameters = Parameters::seeded(1, &device);
        let cnn = Cnn::new(&CnnConfig::small(), 3, &mut parameters)?;
        Ok(cnn.forward(&mel, Mode::Eval)?.logits.to_vec2()?)
    };
    let first = logits()?;
    assert_eq!((first.len(), first[0].len()), (2, 3));
    assert_eq!(first, logits()?);
    Ok(())
}
