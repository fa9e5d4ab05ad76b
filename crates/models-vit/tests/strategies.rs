//! Fine-tuning strategies: what gets a gradient, what stays frozen, and which results are equal.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use candle_core::{Device, Tensor};
use classifier::{Classifier, Mode, Normalization, Parameters};
use common::{config, flat, largest_difference, random, with_adapters};
use models_vit::{Pooling, Top, Trained, Vit, VitConfig};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const TRAIN: Mode = Mode::Train { seed: 5 };

/// A network whose every value is drawn, so that none is what it starts with.
fn network(config: &VitConfig, trained: Trained) -> (Vit, Parameters) {
    let mut parameters = Parameters::seeded(3, &Device::Cpu);
    let vit = Vit::new(config, 2, trained, 0.8, &mut parameters).unwrap();
    let drawn = |(name, tensor): (String, Tensor)| {
        let around = if name.contains("norm") && name.ends_with("weight") { 1.0 } else { 0.0 };
        let value = ((random(tensor.dims(), &name) * 0.3).unwrap() + around).unwrap();
        (name, value)
    };
    let weights: HashMap<String, Tensor> = parameters.snapshot().unwrap().into_iter().map(drawn).collect();
    parameters.load(&weights, Path::new("drawn")).unwrap();
    (vit, parameters)
}

fn mel() -> Tensor {
    random(&[3, 12, 20], "mel")
}

fn loss(vit: &dyn Classifier, input: &Tensor, mode: Mode) -> Tensor {
    let logits = vit.forward(input, mode).unwrap().logits;
    (&logits * random(logits.dims(), "weight")).unwrap().sum_all().unwrap()
}

fn names(parameters: &Parameters) -> Vec<String> {
    parameters.trained().map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_trained_parameter_gets_a_gradient() {
    for pooling in [Pooling::Class, Pooling::Mean, Pooling::ClassMean, Pooling::ClassDistillation] {
        for (form, trained) in [
            (config(), Trained::All),
            (config(), Trained::Last(1)),
            (config(), Trained::Head),
            (with_adapters(), Trained::Adapters),
        ] {
            let form = VitConfig { pooling, ..form };
            let (vit, parameters) = network(&form, trained);
            let store = parameters.backward(&loss(&vit, &mel(), TRAIN)).unwrap();
            for (name, var) in parameters.trained() {
                let gradient = store.get(var).unwrap_or_else(|| panic!("{pooling:?} {trained:?} {name}: no gradient"));
                let size = gradient.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
                assert!(size > 0.0 && size.is_finite(), "{pooling:?} {trained:?} {name}: {size}");
            }
        }
    }
}

#[test]
fn each_way_trains_what_it_says() {
    let trained = |form: &VitConfig, trained| names(&network(form, trained).1);
    assert_eq!(trained(&config(), Trained::Head), ["head.bias", "head.weight"]);
    let last = trained(&config(), Trained::Last(1));
    assert!(last.iter().all(|name| ["head.", "norm.", "layers.2."].iter().any(|start| name.starts_with(start))));
    assert_eq!(last.len(), 4 + 4 + 8 + 2);
    let adapters = trained(&with_adapters(), Trained::Adapters);
    assert!(adapters.iter().all(|name| name.starts_with("head.") || name.contains(".adapter.")));
    assert_eq!(adapters.len(), 2 + 3 * 4 * 2);
    assert_eq!(trained(&config(), Trained::All).len(), 2 + 4 + 3 * 14 + 2 + 2);
}

#[test]
fn gradients_are_differences() {
    for (form, trained) in [(config(), Trained::All), (with_adapters(), Trained::Adapters)] {
        let (vit, parameters) = network(&form, trained);
        let store = parameters.backward(&loss(&vit, &mel(), TRAIN)).unwrap();
        for (name, var) in parameters.trained() {
            let gradient = flat(store.get(var).unwrap());
            let start = var.as_tensor().copy().unwrap();
            for at in [0, gradient.len() - 1] {
                let moved = |by: f32| {
                    let mut values = flat(&start);
                    values[at] += by;
                    var.set(&Tensor::from_vec(values, start.dims(), &Device::Cpu).unwrap()).unwrap();
                    f64::from(loss(&vit, &mel(), TRAIN).to_scalar::<f32>().unwrap())
                };
                let step = 5e-3f32;
                let difference = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
                var.set(&start).unwrap();
                let error = (difference - f64::from(gradient[at])).abs();
                assert!(error < 1e-2 * (1.0 + difference.abs()), "{name}[{at}]: {difference} and {}", gradient[at]);
            }
        }
    }
}

#[test]
fn the_upper_part_over_kept_tokens_is_the_whole() {
    let (vit, parameters) = network(&config(), Trained::Last(2));
    let tokens = vit.below(&mel(), vit.first_trained_layer(), Mode::Eval).unwrap();
    let expected = vit.forward(&mel(), Mode::Eval).unwrap();
    let of_whole = parameters.backward(&loss(&vit, &mel(), TRAIN)).unwrap();
    let top = Top::new(vit, Normalization::uniform(12, 1.0, 2.0));
    let got = top.forward(&tokens, Mode::Eval).unwrap();
    assert_eq!(flat(&got.logits), flat(&expected.logits));
    let of_top = parameters.backward(&loss(&top, &tokens, TRAIN)).unwrap();
    for (name, var) in parameters.trained() {
        assert_eq!(flat(of_top.get(var).unwrap()), flat(of_whole.get(var).unwrap()), "{name}");
    }
    // What is written at the end is the whole network, with its own normalization.
    let finished = top.finished(parameters.snapshot().unwrap(), &Normalization::uniform(16, 0.0, 1.0)).unwrap();
    assert_eq!(finished.normalization, Normalization::uniform(12, 1.0, 2.0));
    assert_eq!(finished.architecture, top.whole().config().architecture());
}

#[test]
fn adapters_become_part_of_the_weights() {
    let (vit, parameters) = network(&with_adapters(), Trained::Adapters);
    let normalization = Normalization::uniform(12, 0.0, 1.0);
    let finished = vit.finished(parameters.snapshot().unwrap(), &normalization).unwrap();
    assert!(finished.tensors.keys().all(|name| !name.contains("adapter")));
    let mut fields = finished.architecture.clone();
    fields.as_object_mut().unwrap().remove("kind");
    let form: VitConfig = serde_json::from_value(fields).unwrap();
    assert_eq!(form, config());
    let (merged, merged_parameters) = network(&form, Trained::Head);
    merged_parameters.restore(&finished.tensors.into_iter().collect(), Path::new("m")).unwrap();
    let logits = |vit: &Vit| vit.forward(&mel(), Mode::Eval).unwrap().logits;
    assert!(largest_difference(&logits(&vit), &logits(&merged)) < 1e-5);
    // A fresh adapter changes nothing.
    let mut fresh = Parameters::seeded(1, &Device::Cpu);
    let with = Vit::new(&with_adapters(), 2, Trained::Adapters, 1.0, &mut fresh).unwrap();
    let mut plain = Parameters::seeded(1, &Device::Cpu);
    let without = Vit::new(&config(), 2, Trained::All, 1.0, &mut plain).unwrap();
    assert_eq!(flat(&logits(&with)), flat(&logits(&without)));
}

#[test]
fn the_rate_falls_from_layer_to_layer_and_vectors_do_not_decay() {
    let (_, parameters) = network(&config(), Trained::All);
    let rates: BTreeMap<&str, f64> =
        ["head.weight", "layers.2.qkv.weight", "layers.0.qkv.weight", "patch.weight", "norm.bias"]
            .map(|name| (name, parameters.rule(name).rate))
            .into();
    let expected = [("head.weight", 1.0), ("layers.2.qkv.weight", 0.8), ("layers.0.qkv.weight", 0.512)];
    for (name, rate) in expected.into_iter().chain([("patch.weight", 0.4096), ("norm.bias", 1.0)]) {
        assert!((rates[name] - rate).abs() < 1e-12, "{name}: {}", rates[name]);
    }
    let decaying: Vec<String> = names(&parameters).into_iter().filter(|name| parameters.rule(name).decays).collect();
    assert!(decaying.iter().all(|name| name.ends_with("weight") && !name.contains("norm")), "{decaying:?}");
    assert_eq!(decaying.len(), 1 + 3 * 4 + 1);
}

#[test]
fn chance_follows_the_seed_and_is_off_when_asked() {
    let form = VitConfig { dropout: 0.3, stochastic_depth: 0.5, patchout: [1, 2], ..config() };
    let (vit, _) = network(&form, Trained::All);
    let logits = |mode| flat(&vit.forward(&mel(), mode).unwrap().logits);
    assert_eq!(logits(TRAIN), logits(TRAIN));
    assert_ne!(logits(TRAIN), logits(Mode::Train { seed: 6 }));
    assert_eq!(logits(Mode::Eval), logits(Mode::Eval));
    let tokens = vit.below(&mel(), 0, TRAIN).unwrap();
    let [rows, columns] = form.grid();
    assert_eq!(tokens.dims(), [3, 4 + (rows - 1) * (columns - 2), 16]);
    assert_eq!(vit.below(&mel(), 0, Mode::Eval).unwrap().dims(), [3, form.n_tokens(), 16]);
}

#[test]
fn a_configuration_that_is_no_network_is_named() {
    let message = |form: VitConfig, trained| {
        Vit::new(&form, 2, trained, 1.0, &mut Parameters::seeded(0, &Device::Cpu)).unwrap_err().to_string()
    };
    let all = Trained::All;
    assert!(message(VitConfig { heads: 3, ..config() }, all).contains("dim: expected a multiple"));
    assert!(
        message(VitConfig { patch: [13, 5], ..config() }, all).contains("input: expected at least a patch of 13 x 5")
    );
    assert!(message(VitConfig { patchout: [3, 0], ..config() }, all).contains("patchout"));
    assert!(message(VitConfig { stochastic_depth: 1.0, ..config() }, all).contains("stochastic_depth"));
    assert!(message(config(), Trained::Adapters).contains("adapters if, and only if"));
    let class_distillation = VitConfig { pooling: Pooling::ClassDistillation, distillation: false, ..config() };
    assert!(message(class_distillation, all).contains("only with a distillation token"));
    let (vit, _) = network(&config(), all);
    let message = vit.forward(&random(&[2, 12, 21], "m"), Mode::Eval).unwrap_err().to_string();
    assert!(message.contains("ViT: mel: expected [B, 12, 20], got [2, 12, 21]"), "{message}");
}
