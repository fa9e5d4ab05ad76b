//! What YAMNet's form promises; its values are compared by `scripts/check-pretrained.sh`, which has the weights.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use candle_core::{DType, Device, Tensor};
use classifier::{Classifier, Init, Mode, Parameters};
use models_cnn::{Yamnet, YamnetConfig};
use std::collections::HashMap;
use std::path::Path;

fn random(dims: &[usize], name: &str) -> Tensor {
    Tensor::from_vec(Init::Normal { std: 1.0 }.draw(dims.iter().product(), 1, name), dims, &Device::Cpu).unwrap()
}

/// A network with drawn weights, of which the last `n_trained` layers are trained.
fn network(n_trained: usize) -> (Yamnet, Parameters) {
    let mut parameters = Parameters::seeded(3, &Device::Cpu);
    let yamnet =
        Yamnet::new(&YamnetConfig { dropout: 0.0, ..YamnetConfig::default() }, 2, n_trained, &mut parameters).unwrap();
    let weights: HashMap<String, Tensor> = parameters
        .snapshot()
        .unwrap()
        .into_iter()
        .map(|(name, tensor)| {
            let n_in: usize = tensor.dims()[1..].iter().product();
            let scale = if name.ends_with("bias") { 0.1 } else { (2.0 / n_in as f64).sqrt() };
            let drawn = (random(tensor.dims(), &name) * scale).unwrap();
            (name, drawn)
        })
        .collect();
    parameters.load(&weights, Path::new("drawn")).unwrap();
    (yamnet, parameters)
}

#[test]
fn a_clip_is_the_mean_of_its_windows() {
    let (yamnet, _) = network(0);
    let mel = random(&[2, 64, 96 + 3 * 48 + 20], "mel");
    let output = yamnet.forward(&mel, Mode::Eval).unwrap();
    let (windows, scores) = yamnet.listen(&mel).unwrap();
    assert_eq!((windows.dims(), scores.dims()), (&[2, 4, 1024][..], &[2, 4, 521][..]));
    let flat = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(flat(&output.embedding), flat(&windows.mean(1).unwrap()));
    let alone = yamnet.forward(&mel.narrow(2, 48, 96).unwrap().contiguous().unwrap(), Mode::Eval).unwrap().embedding;
    let second = windows.narrow(1, 1, 1).unwrap();
    for (a, b) in flat(&alone).iter().zip(flat(&second)) {
        assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{a} {b}");
    }
}

#[test]
fn every_trained_parameter_gets_a_gradient() {
    for n_trained in [0, 2, 14] {
        let (yamnet, parameters) = network(n_trained);
        let mel = random(&[2, 64, 150], "mel");
        let output = yamnet.forward(&mel, Mode::Train { seed: 1 }).unwrap();
        let store = parameters.backward(&output.logits.sqr().unwrap().sum_all().unwrap()).unwrap();
        let expected = 2 + if n_trained == 14 { 2 + 13 * 4 } else { 4 * n_trained };
        assert_eq!(parameters.trained().count(), expected);
        for (name, var) in parameters.trained() {
            let gradient = store.get(var).unwrap_or_else(|| panic!("{name}: no gradient"));
            let size = gradient.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(size > 0.0 && size.is_finite(), "{name}: {size}");
        }
    }
}

#[test]
fn wrong_input_says_what_makes_the_right_one() {
    let (yamnet, _) = network(0);
    for dims in [[1, 64, 95], [1, 128, 200]] {
        let message = yamnet.forward(&Tensor::zeros(&dims, DType::F32, &Device::Cpu).unwrap(), Mode::Eval).unwrap_err();
        assert!(message.to_string().contains("made by the front end `yamnet`"), "{message}");
    }
    let config = YamnetConfig { hop_frames: 0, ..YamnetConfig::default() };
    let message = Yamnet::new(&config, 2, 0, &mut Parameters::seeded(0, &Device::Cpu)).unwrap_err().to_string();
    assert!(message.contains("hop_frames"), "{message}");
}
