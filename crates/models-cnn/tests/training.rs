//! The presets as something to train.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use candle_core::{Device, Tensor};
use classifier::{Classifier, Init, Mode, Parameters};
use models_cnn::{Cnn, CnnConfig};

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn mel(dims: [usize; 3]) -> Tensor {
    let drawn = Init::Normal { std: 1.0 }.draw(dims.iter().product(), 5, "mel");
    Tensor::from_vec(drawn, &dims, &Device::Cpu).unwrap()
}

fn network(config: &CnnConfig, seed: u64) -> (Parameters, Cnn) {
    let mut parameters = Parameters::seeded(seed, &Device::Cpu);
    let cnn = Cnn::new(config, 3, &mut parameters).unwrap();
    (parameters, cnn)
}

/// Cross entropy with the labels 0, 1, 2, 0, ...
fn loss(cnn: &Cnn, mel: &Tensor, seed: u64) -> Tensor {
    let logits = cnn.forward(mel, Mode::Train { seed }).unwrap().logits;
    let label: Vec<u32> = (0..mel.dim(0).unwrap() as u32).map(|clip| clip % 3).collect();
    candle_nn::loss::cross_entropy(&logits, &Tensor::new(label, &Device::Cpu).unwrap()).unwrap()
}

#[test]
fn every_parameter_gets_a_gradient() {
    for config in [CnnConfig::small(), CnnConfig::base()] {
        let (parameters, cnn) = network(&config, 1);
        let gradients = loss(&cnn, &mel([4, 33, 47]), 1).backward().unwrap();
        for (name, var) in parameters.trained() {
            let gradient = values(gradients.get(var).unwrap_or_else(|| panic!("{name} has no gradient")));
            assert!(gradient.iter().all(|v| v.is_finite()), "{name}");
            assert!(gradient.iter().any(|v| *v != 0.0), "{name}");
        }
    }
}

#[test]
fn gradients_are_finite_differences() {
    let config = CnnConfig { channels: vec![4, 6], dropout: 0.0, ..CnnConfig::base() };
    let (parameters, cnn) = network(&config, 2);
    let mel = mel([3, 12, 17]);
    let gradients = loss(&cnn, &mel, 1).backward().unwrap();
    for (name, var) in parameters.trained() {
        let start = var.as_tensor().copy().unwrap();
        let gradient = values(gradients.get(var).unwrap());
        // The coordinate with the largest slope stands out best from rounding.
        let at = (0..gradient.len()).max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs())).unwrap();
        let step = 2e-3f32;
        let moved = |by: f32| {
            let mut moved = values(&start);
            moved[at] += by;
            var.set(&Tensor::from_vec(moved, start.dims(), &Device::Cpu).unwrap()).unwrap();
            loss(&cnn, &mel, 1).to_scalar::<f32>().unwrap()
        };
        let difference = (moved(step) - moved(-step)) / (2.0 * step);
        var.set(&start).unwrap();
        // Steps may cross a corner of a ReLU or a pool: hence the wide margin. The exact test is against PyTorch.
        let error = (difference - gradient[at]).abs();
        assert!(error < 5e-3 + 0.1 * gradient[at].abs(), "{name}[{at}]: {difference} and {}", gradient[at]);
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let mel = mel([5, 37, 51]);
    let run = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let (parameters, cnn) = network(&CnnConfig { channels: vec![8, 12, 20], ..CnnConfig::base() }, 3);
            let gradients = loss(&cnn, &mel, 4).backward().unwrap();
            let mut all: Vec<Vec<f32>> =
                parameters.trained().map(|(_, var)| values(gradients.get(var).unwrap())).collect();
            all.extend(parameters.snapshot().unwrap().values().map(values));
            all.push(values(&cnn.forward(&mel, Mode::Eval).unwrap().logits));
            all
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

#[test]
fn any_size_will_do() {
    let (_, cnn) = network(&CnnConfig::base(), 1);
    for dims in [[1, 1, 1], [1, 128, 3], [2, 5, 400], [1, 257, 431]] {
        let output = cnn.forward(&mel(dims), Mode::Eval).unwrap();
        assert_eq!(output.logits.dims(), [dims[0], 3]);
        assert_eq!(output.embedding.dims(), [dims[0], cnn.embedding_dim()]);
        assert!(values(&output.logits).iter().all(|v| v.is_finite()));
    }
    let empty = cnn.forward(&Tensor::zeros((0, 8, 8), candle_core::DType::F32, &Device::Cpu).unwrap(), Mode::Eval);
    assert!(empty.unwrap_err().to_string().contains("at least one clip"));
}

#[test]
fn evaluation_is_the_same_every_time_and_training_follows_the_seed() {
    let (_, cnn) = network(&CnnConfig::small(), 1);
    let mel = mel([2, 32, 40]);
    let eval = || values(&cnn.forward(&mel, Mode::Eval).unwrap().logits);
    assert_eq!(eval(), eval());
    let train = |seed| values(&cnn.forward(&mel, Mode::Train { seed }).unwrap().logits);
    assert_eq!(train(1), train(1));
    assert_ne!(train(1), train(2));
}

#[test]
fn a_few_steps_learn_three_clips() {
    let (parameters, cnn) = network(&CnnConfig { dropout: 0.0, ..CnnConfig::small() }, 1);
    let mel = mel([3, 32, 32]);
    let start = loss(&cnn, &mel, 0).to_scalar::<f32>().unwrap();
    for seed in 0..10 {
        let gradients = loss(&cnn, &mel, seed).backward().unwrap();
        for (_, var) in parameters.trained() {
            var.set(&(var.as_tensor().detach() - (gradients.get(var).unwrap() * 0.05).unwrap()).unwrap()).unwrap();
        }
    }
    let end = loss(&cnn, &mel, 0).to_scalar::<f32>().unwrap();
    assert!(end < start / 2.0, "from {start} to {end}");
}

#[test]
fn the_architecture_names_itself() {
    let (parameters, cnn) = network(&CnnConfig::base(), 1);
    let mut architecture = cnn.architecture();
    assert_eq!(architecture.as_object_mut().unwrap().remove("kind").unwrap(), "cnn");
    let config: CnnConfig = serde_json::from_value(architecture).unwrap();
    assert_eq!(&config, cnn.config());
    assert!(parameters.count() > 1_500_000, "{}", parameters.count());
}
