//! A transformer's layer against candle's operations, and what no reference has.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use common::layer::{Case, Kind, PLAIN, kinds, weighted};
use common::{assert_close, bf16, flat, on, tensor};
use kernels::{
    Compute, DirectGradients, LinearWeights, Path, Precision, TransformerForm, TransformerWeights, layer_norm,
    reference, transformer_layer, with,
};

fn paths() -> Vec<Path> {
    Path::ALL.into_iter().filter(|path| path.is_available()).collect()
}

#[test]
fn forward_and_gradients_equal_candle_on_every_path() {
    for kind in kinds() {
        let case = Case::new(kind);
        let out = case.reference();
        let expected = case.gradients(&weighted(&out).backward().unwrap());
        for path in paths() {
            with(on(path), || {
                let what = format!("{path} {:?}", kind.size);
                let direct = DirectGradients::default();
                assert_close(&what, &flat(&case.fused(Some(&direct))), &flat(&out), 2e-5);
                assert_close(&what, &flat(&case.fused(None)), &flat(&out), 2e-5);
                for ((name, got), (_, expected)) in case.fused_gradients().iter().zip(&expected) {
                    assert_close(&format!("{what} {name}"), got, expected, 5e-5);
                }
            });
        }
    }
}

#[test]
fn bf16_is_as_close_as_its_digits() {
    for kind in kinds() {
        let case = Case::new(kind);
        let (out, expected) = (flat(&case.fused(None)), case.fused_gradients());
        let (got, gradients) = with(bf16(), || (flat(&case.fused(None)), case.fused_gradients()));
        assert_close(&format!("{:?}", kind.size), &got, &out, 0.02);
        assert_ne!(got, out);
        for ((name, got), (_, expected)) in gradients.iter().zip(&expected) {
            // As a vector: its length, and where it points to.
            let sum = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            let (of_got, of_expected) = (sum(got, got).sqrt(), sum(expected, expected).sqrt());
            let cosine = sum(got, expected) / (of_got * of_expected);
            let what = format!("{:?} {name}: {of_got} {of_expected} {cosine}", kind.size);
            assert!((of_got / of_expected - 1.0).abs() < 0.02 && cosine > 0.9995, "{what}");
        }
    }
}

#[test]
fn gradients_are_differences() {
    for kind in [Kind { scale: true, keep: true, ..PLAIN }, Kind { adapter: true, whole: false, scale: true, ..PLAIN }]
    {
        let case = Case::new(kind);
        let sum = |case: &Case| -> f64 {
            let product = (case.fused(None) * tensor(case.tokens.dims(), 9)).unwrap();
            flat(&product).iter().map(|&v| f64::from(v)).sum()
        };
        let gradients = case.fused_gradients();
        for (name, gradient) in &gradients {
            let found = case.variables.iter().find(|(of, _)| of == name);
            let variable = found.map_or(case.tokens.as_tensor(), |(_, variable)| variable);
            let start = variable.copy().unwrap();
            let set = |values: Vec<f32>| {
                Var::from_tensor(variable)
                    .unwrap()
                    .set(&Tensor::from_vec(values, start.dims(), &Device::Cpu).unwrap())
                    .unwrap();
            };
            for at in [0, gradient.len() / 2, gradient.len() - 1] {
                let step = 1e-2f32;
                let moved = |by: f32| {
                    let mut values = flat(&start);
                    values[at] += by;
                    set(values);
                    sum(&case)
                };
                let difference = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
                set(flat(&start));
                let error = (difference - f64::from(gradient[at])).abs();
                assert!(error < 5e-3 * (1.0 + difference.abs()), "{name}[{at}]: {difference} and {}", gradient[at]);
            }
        }
    }
}

#[test]
fn threads_do_not_matter() {
    for precision in Precision::ALL {
        let compute = Compute { precision, ..Compute::default() };
        for kind in [PLAIN, Kind { size: [3, 150, 64, 128], ..PLAIN }] {
            let case = Case::new(kind);
            let on_threads = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| with(compute, || (flat(&case.fused(None)), case.fused_gradients())))
            };
            let one = on_threads(1);
            assert_eq!(one, on_threads(2));
            assert_eq!(one, on_threads(5));
        }
    }
}

#[test]
fn a_clip_is_the_same_alone_as_in_a_batch() {
    let case = Case::new(Kind { size: [4, 50, 32, 64], ..PLAIN });
    let whole = case.fused(None);
    for clip in 0..4 {
        let tokens = case.tokens.narrow(0, clip, 1).unwrap();
        let alone = transformer_layer(&tokens, &case.weights, &case.form, None).unwrap();
        assert_close("clip", &flat(&alone), &flat(&whole.narrow(0, clip, 1).unwrap()), 1e-6);
    }
}

#[test]
fn what_is_frozen_gets_no_gradient_and_what_comes_before_is_left_alone() {
    let mut case = Case::new(Kind { adapter: true, whole: false, ..PLAIN });
    let expected = case.fused_gradients();
    case.weights.norm1 = case.weights.norm1.map(|vector| vector.detach());
    let direct = DirectGradients::default();
    let frozen = transformer_layer(&case.tokens.detach(), &case.weights, &case.form, Some(&direct)).unwrap();
    let store = direct.backward(&weighted(&frozen)).unwrap();
    assert!(store.get(&case.tokens).is_none() && store.get(&case.weights.qkv.weight).is_none());
    for (name, variable) in case.variables.iter().filter(|(name, _)| !name.starts_with("norm1")) {
        let (_, expected) = expected.iter().find(|(of, _)| of == name).unwrap();
        assert_eq!(&flat(store.get(variable).unwrap()), expected, "{name}");
    }
}

#[test]
fn what_is_not_a_number_stays_visible() {
    let case = Case::new(PLAIN);
    let mut values = flat(&case.tokens);
    values[0] = f32::NAN;
    case.tokens.set(&Tensor::from_vec(values, case.tokens.dims(), &Device::Cpu).unwrap()).unwrap();
    let out = flat(&case.fused(None).narrow(0, 0, 1).unwrap());
    assert!(out.iter().all(|v| v.is_nan()));
}

#[test]
fn wrong_shapes_are_named() {
    let message = |change: fn(&mut Case)| {
        let mut case = Case::new(PLAIN);
        change(&mut case);
        transformer_layer(&case.tokens, &case.weights, &case.form, None).unwrap_err().to_string()
    };
    assert!(message(|case| case.form.n_heads = 5).contains("a multiple of 5 heads"));
    assert!(message(|case| case.form.n_heads = 4).contains("an even width of each, got 3"));
    assert!(message(|case| case.weights.out.bias = tensor(&[11], 1)).contains("out: expected [12], got [11]"));
    assert!(message(|case| case.form.keep = Some([vec![1.0], vec![1.0]])).contains("keep: expected [3], got [1]"));
}

#[test]
fn layer_norm_equals_candle() {
    for path in paths() {
        with(on(path), || {
            for dims in [&[3, 5, 37][..], &[2, 64], &[1, 1, 1, 3]] {
                let dim = dims[dims.len() - 1];
                let var = |dims: &[usize], seed| Var::from_tensor(&tensor(dims, seed)).unwrap();
                let (x, scale, shift) = (var(dims, 1), var(&[dim], 2), var(&[dim], 3));
                let fused = layer_norm(&x, &scale, &shift, 1e-5).unwrap();
                let expected = reference::layer_norm(&x, &scale, &shift, 1e-5).unwrap();
                assert_close("output", &flat(&fused), &flat(&expected), 1e-5);
                let (got, expected) = (weighted(&fused).backward().unwrap(), weighted(&expected).backward().unwrap());
                for variable in [&x, &scale, &shift] {
                    let of = |store: &GradStore| flat(store.get(variable).unwrap());
                    assert_close("gradient", &of(&got), &of(&expected), 2e-5);
                }
            }
        });
    }
    let message = layer_norm(&tensor(&[2, 4], 1), &tensor(&[3], 2), &tensor(&[4], 3), 1e-5).unwrap_err().to_string();
    assert!(message.contains("scale: expected [4]"), "{message}");
}

/// Two settings in one process: forward in a scope of its own each, backward in the other order and outside of both.
#[test]
fn an_operation_keeps_the_setting_it_was_created_with() {
    let case = Case::new(PLAIN);
    let settings = [on(Path::Portable), bf16(), Compute::default()];
    let forward = |compute| {
        let direct = DirectGradients::default();
        (with(compute, || weighted(&case.fused(Some(&direct)))), direct)
    };
    let gradients = |(loss, direct): &(Tensor, DirectGradients)| case.gradients(&direct.backward(loss).unwrap());
    let alone = settings.map(|compute| with(compute, || gradients(&forward(compute))));
    let losses = settings.map(forward);
    for (loss, alone) in losses.iter().zip(&alone).rev() {
        assert!(gradients(loss) == *alone);
    }
    assert!(alone[0] != alone[1] && alone[1] != alone[2]);
}

/// Output and gradients that PyTorch computed in 64 bits: `scripts/golden-transformer.sh`.
#[test]
fn equals_pytorch_on_every_path() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/transformer.safetensors");
    let golden = candle_core::safetensors::load(&path, &Device::Cpu).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    for (case, n_heads) in [("even", 4), ("odd", 3)] {
        let of = |part: &str| golden.get(&format!("{case}/{part}"));
        let mut variables = Vec::new();
        let mut parameter = |name: &str| -> Option<Tensor> {
            let variable = Var::from_tensor(of(&format!("parameter/{name}"))?).unwrap().as_tensor().clone();
            variables.push((name.to_owned(), variable.clone()));
            Some(variable)
        };
        let mut required =
            |name: String| parameter(&name).unwrap_or_else(|| panic!("{case}/parameter/{name}: missing"));
        let mut norm = |name: &str| [required(format!("{name}.scale")), required(format!("{name}.shift"))];
        let (norm1, norm2) = (norm("norm1"), norm("norm2"));
        let mut linear = |name: &str| LinearWeights {
            weight: required(format!("{name}.weight")),
            bias: required(format!("{name}.bias")),
            adapter: None,
        };
        let (qkv, out, up, down) = (linear("qkv"), linear("out"), linear("up"), linear("down"));
        let (scale1, scale2) = (parameter("scale1"), parameter("scale2"));
        let tokens = Var::from_tensor(of("input/tokens").unwrap()).unwrap();
        variables.push(("tokens".into(), tokens.as_tensor().clone()));
        let weights = TransformerWeights { norm1, qkv, out, scale1, norm2, up, down, scale2 };
        let form = TransformerForm { n_heads, epsilon: 1e-6, keep: None };
        for path in paths() {
            with(on(path), || {
                let direct = DirectGradients::default();
                let out = transformer_layer(&tokens, &weights, &form, Some(&direct)).unwrap();
                assert_close(&format!("{path} {case}"), &flat(&out), &flat(of("output").unwrap()), 2e-6);
                let loss = (out * of("input/weight").unwrap()).unwrap().sum_all().unwrap();
                let store = direct.backward(&loss).unwrap();
                for (name, variable) in &variables {
                    let expected = flat(of(&format!("gradient/{name}")).unwrap());
                    assert_close(
                        &format!("{path} {case} {name}"),
                        &flat(store.get(variable).unwrap()),
                        &expected,
                        5e-6,
                    );
                }
            });
        }
    }
}
