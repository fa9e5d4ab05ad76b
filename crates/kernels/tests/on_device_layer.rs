//! A transformer's layer as devices compute it, on the CPU: with plain Rust, with candle's operations, and with the feature
//! `cuda-emulated` with the kernels' own source.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use candle_core::{Device, Tensor, Var};
use common::layer::{Case, Kind, PLAIN, kinds, weighted};
use common::{assert_close, bf16, bodies, flat, tensor};
use kernels::on_device::{self, Body, transformer_layer};
use kernels::{DirectGradients, Embedding, with};

fn out(case: &Case, body: Body, gradients: Option<&DirectGradients>) -> Tensor {
    transformer_layer(body, &case.tokens, &case.weights, &case.form, gradients).unwrap()
}

fn gradients(case: &Case, body: Body) -> Vec<(&'static str, Vec<f32>)> {
    let direct = DirectGradients::default();
    let store = direct.backward(&weighted(&out(case, body, Some(&direct)))).unwrap();
    case.gradients(&store)
}

/// Emulation is slow: the largest layer only where there is none.
fn kinds_of(body: Body) -> Vec<Kind> {
    kinds().into_iter().filter(|kind| body != Body::Kernel || kind.size[1] < 150).collect()
}

#[test]
fn forward_and_gradients_equal_candle() {
    for body in bodies() {
        for kind in kinds_of(body) {
            let case = Case::new(kind);
            let what = format!("{body:?} {:?}", kind.size);
            let expected = case.reference();
            let of_expected = case.gradients(&weighted(&expected).backward().unwrap());
            assert_close(&what, &flat(&out(&case, body, None)), &flat(&expected), 2e-5);
            assert_close(&what, &flat(&out(&case, body, Some(&DirectGradients::default()))), &flat(&expected), 2e-5);
            for ((name, got), (_, expected)) in gradients(&case, body).iter().zip(&of_expected) {
                assert_close(&format!("{what} {name}"), got, expected, 5e-5);
            }
        }
    }
}

/// With bf16 every product, what goes into it and the attention are rounded to 8 digits: each gradient as a vector is as
/// long within 3 %, and points within 3 degrees to where that of f32 does.
#[test]
fn bf16_is_as_close_as_its_digits() {
    for body in bodies() {
        for kind in kinds_of(body) {
            let case = Case::new(kind);
            let (exact, expected) = (flat(&case.reference()), gradients(&case, Body::Twin));
            let (got, gradients) = with(bf16(), || (flat(&out(&case, body, None)), gradients(&case, body)));
            let what = format!("{body:?} {:?}", kind.size);
            assert_close(&what, &got, &exact, 0.03);
            assert_ne!(got, exact);
            for ((name, got), (_, expected)) in gradients.iter().zip(&expected) {
                let sum = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
                let (of_got, of_expected) = (sum(got, got).sqrt(), sum(expected, expected).sqrt());
                let cosine = sum(got, expected) / (of_got * of_expected);
                let what = format!("{what} {name}: {of_got} {of_expected} {cosine}");
                // With one token the attention is 1, and the gradients of queries and keys are rounding alone.
                assert!((of_got / of_expected - 1.0).abs() < 0.03 && cosine > 0.9986, "{what}");
            }
        }
    }
}

#[test]
fn gradients_are_differences() {
    for body in bodies() {
        let case = Case::new(Kind { size: [2, 3, 4, 6], scale: true, keep: true, adapter: true, ..PLAIN });
        let sum = || flat(&(out(&case, body, None) * tensor(case.tokens.dims(), 9)).unwrap()).iter().sum::<f32>();
        for (name, gradient) in &gradients(&case, body) {
            let found = case.variables.iter().find(|(of, _)| of == name);
            let variable = Var::from_tensor(found.map_or(case.tokens.as_tensor(), |(_, variable)| variable)).unwrap();
            let start = flat(&variable);
            let set = |values: Vec<f32>| {
                variable.set(&Tensor::from_vec(values, variable.dims(), &Device::Cpu).unwrap()).unwrap();
            };
            for at in [0, gradient.len() / 2, gradient.len() - 1] {
                let step = 1e-2f32;
                let moved = |by: f32| {
                    let mut values = start.clone();
                    values[at] += by;
                    set(values);
                    sum()
                };
                let difference = (moved(step) - moved(-step)) / (2.0 * step);
                set(start.clone());
                let error = (difference - gradient[at]).abs();
                assert!(
                    error < 5e-3 * (1.0 + difference.abs()),
                    "{body:?} {name}[{at}]: {difference} {}",
                    gradient[at]
                );
            }
        }
    }
}

#[test]
fn what_is_frozen_gets_no_gradient_and_what_comes_before_is_left_alone() {
    for body in bodies() {
        for adapter in [true, false] {
            let mut case = Case::new(Kind { adapter, whole: false, scale: true, ..PLAIN });
            let expected = gradients(&case, body);
            case.weights.norm1 = case.weights.norm1.map(|vector| vector.detach());
            let direct = DirectGradients::default();
            let tokens = case.tokens.detach();
            let frozen = transformer_layer(body, &tokens, &case.weights, &case.form, Some(&direct)).unwrap();
            let store = direct.backward(&weighted(&frozen)).unwrap();
            assert!(store.get(&case.tokens).is_none() && store.get(&case.weights.qkv.weight).is_none());
            for (name, variable) in case.variables.iter().filter(|(name, _)| !name.starts_with("norm1")) {
                let (_, expected) = expected.iter().find(|(of, _)| of == name).unwrap();
                assert_eq!(&flat(store.get(variable).unwrap()), expected, "{body:?} {name}");
            }
        }
    }
}

/// Two steps with one set of gradients: nothing is left of the first, and what was made of frozen weights is made anew when
/// they are told to have changed.
#[test]
fn frozen_weights_are_rounded_once() {
    let mut case = Case::new(Kind { whole: false, ..PLAIN });
    let weight = Var::from_tensor(&case.weights.up.weight).unwrap();
    case.weights.up.weight = weight.as_tensor().detach();
    let direct = DirectGradients::default();
    let step = || {
        let store = direct.backward(&weighted(&out(&case, Body::Twin, Some(&direct)))).unwrap();
        (flat(&out(&case, Body::Twin, Some(&direct))), case.gradients(&store))
    };
    with(bf16(), || {
        let first = step();
        assert!(first == step());
        weight.set(&(weight.as_tensor() * 2.0).unwrap()).unwrap();
        assert!(first == step());
        direct.forget_rounded();
        assert!(first.0 != step().0);
    });
}

/// The same bytes again, as the kernels add up in a fixed order.
#[test]
fn equal_inputs_give_equal_bytes() {
    let case = Case::new(Kind { size: [3, 40, 64, 96], scale: true, keep: true, ..PLAIN });
    for body in bodies() {
        assert!(gradients(&case, body) == gradients(&case, body), "{body:?}");
    }
}

/// Tokens of patches: against candle's operations, of which those on the CPU are.
#[test]
fn embedded_patches_equal_candle() {
    let var = |dims: &[usize], seed| Var::from_tensor(&tensor(dims, seed)).unwrap();
    let variables = [var(&[6, 10], 2), var(&[6], 3), var(&[1, 7, 6], 4)];
    let patches = tensor(&[3, 5, 10], 1);
    let [weight, bias, position] = variables.clone().map(|variable| variable.as_tensor().clone());
    let embedding = Embedding { weight, bias, position };
    let run = |embed: &dyn Fn(Option<&DirectGradients>) -> Tensor| {
        let direct = DirectGradients::default();
        let tokens = embed(Some(&direct));
        // The position of another token is used elsewhere, too.
        let loss = (weighted(&tokens) + embedding.position.narrow(1, 0, 1).unwrap().sum_all().unwrap()).unwrap();
        let store = direct.backward(&loss).unwrap();
        let alone = embed(None);
        assert!(!alone.track_op() && flat(&alone) == flat(&tokens));
        (flat(&tokens), variables.each_ref().map(|variable| flat(store.get(variable).unwrap())))
    };
    let (tokens, gradients) = run(&|direct| kernels::embed(&patches, &embedding, direct).unwrap());
    for body in bodies() {
        let (got, of_got) = run(&|direct| on_device::embed(body, &patches, &embedding, direct).unwrap());
        assert_close("tokens", &got, &tokens, 1e-6);
        for (got, expected) in of_got.iter().zip(&gradients) {
            assert_close("gradient", got, expected, 1e-5);
        }
    }
    let frozen = Embedding {
        weight: embedding.weight.detach(),
        bias: embedding.bias.detach(),
        position: embedding.position.detach(),
    };
    let tokens = on_device::embed(Body::Twin, &patches, &frozen, Some(&DirectGradients::default())).unwrap();
    assert!(!tokens.track_op());
}
