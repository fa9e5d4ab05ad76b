//! What the fused block promises beside its values.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use candle_core::{DType, Device, Tensor, Var};
use common::{Case, assert_close, cases, flat, max_pool, tensor};
use kernels::{BlockForm, BlockWeights, Norm, Pool, conv_block, global_pool};

#[test]
fn the_number_of_threads_changes_no_byte() {
    let case = Case::new([19, 21, 33, 6, 20, 3], max_pool(2, 2), true);
    let run = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let out = case.fused();
            let pooled = flat(&global_pool(&out.map).unwrap());
            (flat(&out.map), flat(&out.statistics.as_ref().unwrap().variance), pooled, case.gradients(&out))
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

#[test]
fn gradients_are_finite_differences() {
    // A smooth block (no ReLU, no pool), so that differences of 32-bit sums say something.
    let plain = Case::new([2, 5, 6, 3, 7, 3], Pool::None, true);
    let averaged = Case::new([2, 5, 6, 3, 7, 3], Pool::Average { height: 2, width: 3 }, true);
    for case in [plain.clone(), plain.strided(), averaged] {
        gradients_are_differences(case);
    }
}

fn gradients_are_differences(mut case: Case) {
    case.form.relu = false;
    let loss = |case: &Case| -> f64 {
        let map = case.fused().map;
        let weighted = (&map * tensor(map.dims(), 9)).unwrap();
        flat(&weighted).iter().map(|&v| f64::from(v)).sum()
    };
    let gradients = case.gradients(&case.fused());
    for (name, gradient) in &gradients {
        let var = match *name {
            "conv" => &case.conv,
            "scale" => &case.scale,
            "shift" => &case.shift,
            "map" => &case.map,
            _ => case.residual.as_ref().unwrap(),
        };
        let start = var.as_tensor().copy().unwrap();
        for at in [0, gradient.len() / 2, gradient.len() - 1] {
            let step = 1e-2f32;
            let moved = |by: f32| {
                let mut values = flat(&start);
                values[at] += by;
                var.set(&Tensor::from_vec(values, start.dims(), &Device::Cpu).unwrap()).unwrap();
                loss(&case)
            };
            let difference = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            var.set(&start).unwrap();
            let error = (difference - f64::from(gradient[at])).abs();
            assert!(error < 2e-3 * (1.0 + difference.abs()), "{name}[{at}]: {difference} and {}", gradient[at]);
        }
    }
}

#[test]
fn tied_maxima_give_the_gradient_to_the_first() {
    // A constant map: all that is inside the margin is equal.
    let mut case = Case::new([1, 6, 6, 1, 2, 1], max_pool(2, 2), false);
    case.map = Var::ones((1, 6, 6, 1), DType::F32, &Device::Cpu).unwrap();
    case.residual = Some(Var::ones((1, 6, 6, 2), DType::F32, &Device::Cpu).unwrap());
    case.shift = Var::ones(2, DType::F32, &Device::Cpu).unwrap();
    let out = case.fused();
    let store = out.map.sum_all().unwrap().backward().unwrap();
    let of_residual = store.get(case.residual.as_ref().unwrap()).unwrap();
    let expected: Vec<f32> =
        (0..72).map(|i| if (i / 12) % 2 == 0 && (i / 2 % 6) % 2 == 0 { 1.0 } else { 0.0 }).collect();
    assert_eq!(flat(of_residual), expected);
}

#[test]
fn relu_has_slope_zero_at_zero() {
    let mut case = Case::new([1, 2, 2, 1, 1, 1], Pool::None, true);
    case.map = Var::zeros((1, 2, 2, 1), DType::F32, &Device::Cpu).unwrap();
    case.residual = Some(Var::zeros((1, 2, 2, 1), DType::F32, &Device::Cpu).unwrap());
    case.shift = Var::zeros(1, DType::F32, &Device::Cpu).unwrap();
    let store = case.fused().map.sum_all().unwrap().backward().unwrap();
    assert_eq!(flat(store.get(case.residual.as_ref().unwrap()).unwrap()), [0.0; 4]);
}

#[test]
fn what_is_not_a_number_stays_visible() {
    for case in cases() {
        let mut values = flat(&case.map);
        values[0] = f32::NAN;
        case.map.set(&Tensor::from_vec(values, case.map.dims(), &Device::Cpu).unwrap()).unwrap();
        let out = case.fused().map;
        assert!(flat(&out).iter().all(|v| v.is_nan()));
        assert!(flat(&global_pool(&out).unwrap()).iter().all(|v| v.is_nan()));
    }
}

#[test]
fn a_first_layer_needs_no_gradient_of_its_input() {
    let mut case = Case::new([2, 6, 6, 1, 8, 3], max_pool(2, 2), false);
    let with = case.gradients(&case.fused());
    case.form.input_gradient = false;
    let without = case.gradients(&case.fused());
    assert_eq!(without.len(), 3);
    assert_eq!(with[..3], without);
}

#[test]
fn backward_twice_gives_the_same() {
    let case = Case::new([2, 6, 7, 3, 8, 3], max_pool(2, 2), true);
    let out = case.fused();
    assert_eq!(case.gradients(&out), case.gradients(&out));
}

#[test]
fn a_clip_is_evaluated_alone_as_in_a_batch() {
    let case = Case::new([4, 11, 13, 6, 10, 3], max_pool(2, 2), false);
    let (mean, variance) = (tensor(&[10], 6), (tensor(&[10], 7) + 1.5).unwrap());
    let norm = Norm::Running { mean: &mean, variance: &variance, epsilon: 1e-5 };
    let whole = case.fused_with(&norm).map;
    for clip in 0..4 {
        let map = case.map.narrow(0, clip, 1).unwrap();
        let alone = conv_block(&map, &case.weights(), None, &norm, &case.form).unwrap().map;
        assert_eq!(flat(&alone), flat(&whole.narrow(0, clip, 1).unwrap()));
    }
}

#[test]
fn evaluation_has_no_way_back_and_says_so() {
    let case = Case::new([1, 4, 4, 2, 3, 3], Pool::None, false);
    let (mean, variance) = (tensor(&[3], 6), (tensor(&[3], 7) + 1.5).unwrap());
    let out = case.fused_with(&Norm::Running { mean: &mean, variance: &variance, epsilon: 1e-5 });
    let message = out.map.sum_all().unwrap().backward().unwrap_err().to_string();
    assert!(message.contains("Norm::Batch"), "{message}");
}

#[test]
fn wrong_shapes_are_named() {
    let message = |map: &[usize], conv: &[usize], pool| {
        let (map, conv) = (tensor(map, 1), tensor(conv, 2));
        let vector = tensor(&[4], 3);
        let weights = BlockWeights { conv: &conv, scale: &vector, shift: &vector };
        let form = BlockForm { stride: 1, pool, relu: true, input_gradient: false };
        conv_block(&map, &weights, None, &Norm::Batch { epsilon: 1e-5 }, &form).unwrap_err().to_string()
    };
    assert!(message(&[2, 5, 5], &[4, 1, 3, 3], Pool::None).contains("map: expected [B, H, W, C_in], got [2, 5, 5]"));
    assert!(message(&[2, 5, 5, 2], &[4, 1, 3, 3], Pool::None).contains("conv weight: expected [C_out, 2, K, K]"));
    assert!(message(&[2, 5, 5, 1], &[4, 1, 2, 2], Pool::None).contains("odd K"));
    assert!(message(&[2, 5, 5, 1], &[3, 1, 3, 3], Pool::None).contains("scale: expected [3], got [4]"));
    assert!(message(&[2, 1, 5, 1], &[4, 1, 3, 3], max_pool(2, 2)).contains("2 x 2 for the pool"));
}

#[test]
fn global_pool_equals_candle() {
    for dims in [[2, 5, 7, 6], [1, 1, 1, 1], [3, 4, 1, 9]] {
        let map = Var::from_tensor(&tensor(&dims, 1)).unwrap();
        let (fused, reference) = (global_pool(&map).unwrap(), kernels::reference::global_pool(&map).unwrap());
        assert_close("output", &flat(&fused), &flat(&reference), 1e-6);
        let gradient = |out: &Tensor| {
            let loss = (out * tensor(out.dims(), 9)).unwrap().sum_all().unwrap();
            flat(loss.backward().unwrap().get(&map).unwrap())
        };
        assert_close("gradient", &gradient(&fused), &gradient(&reference), 1e-6);
    }
}
