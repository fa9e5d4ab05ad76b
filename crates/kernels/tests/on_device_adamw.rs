//! AdamW of a CUDA device: its twin by hand, and with the feature `cuda-emulated` the kernels' own source against the twin, bit
//! for bit.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use candle_core::{Device, Tensor, Var};
use common::{flat, tensor};
use kernels::on_device::{Adamw, AdamwSlot, AdamwStep, Body};

fn slot(parameter: &Var, decay: f64, rate: f64) -> AdamwSlot {
    AdamwSlot { parameter: parameter.clone(), decay, rate }
}

fn at(step: i32, lr: f64, keep_average: f64) -> AdamwStep {
    let (beta1, beta2) = (0.9f64, 0.999f64);
    let (correction1, correction2) = (1.0 - beta1.powi(step), 1.0 - beta2.powi(step));
    AdamwStep { lr, beta1, beta2, eps: 1e-8, correction1, correction2, keep_average }
}

/// Parameters, moments, average and norms after some steps, the third of which has a gradient that is no number.
fn run(body: Body, clip_norm: f64, with_average: bool) -> Vec<Vec<f32>> {
    let dims: [&[usize]; 5] = [&[3], &[8192], &[2, 8193], &[1], &[5, 7, 300]];
    let vars: Vec<Var> =
        dims.iter().enumerate().map(|(nth, dims)| Var::from_tensor(&tensor(dims, nth as u64)).unwrap()).collect();
    let slots = vars.iter().enumerate().map(|(nth, var)| slot(var, 0.1 * nth as f64, 1.0 / (1 + nth) as f64)).collect();
    let mut optimizer = Adamw::new(body, slots, clip_norm).unwrap();
    let mut average = Tensor::cat(&vars.iter().map(|var| var.flatten_all().unwrap()).collect::<Vec<_>>(), 0).unwrap();
    let mut norms = Vec::new();
    for (step, is_whole) in [(1, true), (2, true), (3, false), (3, true)] {
        let gradient = |(nth, dims): (usize, &&[usize])| {
            let gradient = tensor(dims, 40 + 10 * step as u64 + nth as u64);
            if is_whole || nth != 1 { gradient } else { (gradient / 0.0).unwrap() }
        };
        let gradients: Vec<Tensor> = dims.iter().enumerate().map(gradient).collect();
        let before = flat(&vars[0]);
        let step = at(step, 0.01 * f64::from(step), 0.75);
        let square = optimizer.step(&gradients, &step, with_average.then_some(&mut average)).unwrap();
        norms.push(square.flatten_all().unwrap().to_vec1::<f64>().unwrap()[0] as f32);
        assert_eq!(flat(&vars[0]) != before, is_whole, "a step without a norm changes nothing");
    }
    let mut all: Vec<Vec<f32>> = vars.iter().map(|var| flat(var)).collect();
    all.extend([flat(&optimizer.first), flat(&optimizer.second), flat(&average), norms]);
    all
}

#[test]
fn two_steps_by_hand() {
    let (w, b) = (Var::new(&[1f32], &Device::Cpu).unwrap(), Var::new(&[1f32], &Device::Cpu).unwrap());
    let mut optimizer = Adamw::new(Body::Twin, vec![slot(&w, 0.1, 1.0), slot(&b, 0.0, 1.0)], 0.0).unwrap();
    let mut average = Tensor::new(&[1f32, 1.0], &Device::Cpu).unwrap();
    let mut step = |gradients: [f32; 2], t: i32, average: &mut Tensor| {
        let gradients = gradients.map(|gradient| Tensor::new(&[gradient], &Device::Cpu).unwrap());
        let (beta1, beta2) = (0.5f64, 0.75f64);
        let step = AdamwStep { beta1, beta2, eps: 1e-12, ..at(t, 0.1, 0.5) };
        let step = AdamwStep { correction1: 1.0 - beta1.powi(t), correction2: 1.0 - beta2.powi(t), ..step };
        optimizer.step(&gradients, &step, Some(average)).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap()[0]
    };
    assert_eq!(step([3.0, -4.0], 1, &mut average), 25.0);
    // The change is lr * sign(g); w decays by 0.1 * 0.1 first, b does not.
    assert!((flat(&w)[0] - 0.89).abs() < 1e-6 && (flat(&b)[0] - 1.1).abs() < 1e-6);
    assert!((flat(&average)[0] - 0.945).abs() < 1e-6 && (flat(&average)[1] - 1.05).abs() < 1e-6);
    step([0.0, 0.0], 2, &mut average);
    let change = 0.1 * 1.0 / (1.6875_f64 / 0.4375).sqrt();
    assert!((f64::from(flat(&w)[0]) - (0.89 * 0.99 - change)).abs() < 1e-6);
}

#[test]
fn large_gradients_are_clipped() {
    let w = Var::new(&[0f32, 0.0], &Device::Cpu).unwrap();
    let mut optimizer = Adamw::new(Body::Twin, vec![slot(&w, 0.0, 1.0)], 1.0).unwrap();
    let gradient = Tensor::new(&[3f32, 4.0], &Device::Cpu).unwrap();
    optimizer.step(&[gradient], &at(1, 0.1, 1.0), None).unwrap();
    for (got, expected) in flat(&optimizer.first).iter().zip([0.06, 0.08]) {
        assert!((got - expected).abs() < 1e-7, "{got} {expected}");
    }
}

#[test]
fn gradients_that_do_not_fit_are_refused() {
    let w = Var::new(&[0f32, 0.0], &Device::Cpu).unwrap();
    let mut optimizer = Adamw::new(Body::Twin, vec![slot(&w, 0.0, 1.0)], 1.0).unwrap();
    assert!(optimizer.step(&[], &at(1, 0.1, 1.0), None).is_err());
    assert!(optimizer.step(&[tensor(&[3], 1)], &at(1, 0.1, 1.0), None).is_err());
    assert!(Adamw::new(Body::Twin, Vec::new(), 1.0).is_err());
}

#[test]
fn an_average_changes_no_parameter() {
    for clip_norm in [0.0, 2.0] {
        assert_eq!(run(Body::Twin, clip_norm, true)[..7], run(Body::Twin, clip_norm, false)[..7]);
    }
}

#[cfg(feature = "cuda-emulated")]
#[test]
fn the_kernels_compute_what_the_twin_does() {
    for (clip_norm, with_average) in [(0.0, true), (2.0, true), (1e9, false)] {
        let twin = run(Body::Twin, clip_norm, with_average);
        for kernel in [
            run(Body::Kernel, clip_norm, with_average),
            kernels::on_device::last_first(|| run(Body::Kernel, clip_norm, with_average)),
        ] {
            let bits = |all: &[Vec<f32>]| -> Vec<u32> { all.iter().flatten().map(|value| value.to_bits()).collect() };
            assert!(bits(&kernel) == bits(&twin), "clipped at {clip_norm}");
        }
    }
}
