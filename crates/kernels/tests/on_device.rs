//! The fused pieces of devices: every body of each against its twin on the CPU. With the feature `cuda-emulated` the
//! kernels' own source is among them: `scripts/check-cuda-kernels.sh`.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use candle_core::{DType, Tensor};
use common::{assert_close, bodies, flat, tensor};
use kernels::on_device::{
    Body, Ending, Norm, Scaled, Split, add_up, add_up_backward, column_sums, gelu_backward, gelu_forward, layer_norm,
    softmax_backward, softmax_forward,
};

/// Runs `work` with every body and compares what it gives with the twin's, within `tolerance` of the largest value; with
/// the kernels twice, the threads in either order.
fn with_bodies(what: &str, tolerance: f32, work: impl Fn(Body) -> Vec<Tensor>) {
    let values = |tensor: &Tensor| flat(&tensor.to_dtype(DType::F32).unwrap());
    let twin = work(Body::Twin);
    for body in bodies().into_iter().filter(|body| *body != Body::Twin) {
        let got = work(body);
        assert_eq!(got.len(), twin.len());
        for (nth, (got, expected)) in got.iter().zip(&twin).enumerate() {
            let what = format!("{what}, {body:?}, {nth}");
            assert_eq!((got.dims(), got.dtype()), (expected.dims(), expected.dtype()), "{what}");
            assert_close(&what, &values(got), &values(expected), tolerance);
        }
        #[cfg(feature = "cuda-emulated")]
        if body == Body::Kernel {
            let bits = |tensor: &Tensor| -> Vec<u32> { values(tensor).iter().map(|value| value.to_bits()).collect() };
            let other = kernels::on_device::last_first(|| work(body));
            for (one, other) in got.iter().zip(&other) {
                assert_eq!(bits(one), bits(other), "{what}: the order of the threads matters");
            }
        }
    }
}

/// The types of values, and how close bodies come: a value that lies between two of bf16 may be rounded either way.
const TYPES: [(DType, f32); 2] = [(DType::F32, 4e-6), (DType::BF16, 8e-3)];

/// Rows and width: one of each, edges of warps, and more rows than a block takes.
const SIZES: [[usize; 2]; 4] = [[1, 2], [9, 66], [70, 384], [3, 1026]];

fn of(dims: &[usize], seed: u64, dtype: DType) -> Tensor {
    (tensor(dims, seed) * 2.0).unwrap().to_dtype(dtype).unwrap()
}

#[test]
fn norm() {
    for ((dtype, tolerance), dims) in TYPES.into_iter().flat_map(|of_type| SIZES.map(|dims| (of_type, dims))) {
        let x = (of(&dims, 1, DType::F32) + 0.5).unwrap();
        let norm = [of(&dims[1..], 2, DType::F32), of(&dims[1..], 3, DType::F32)];
        let (gradient, beside) = (of(&dims, 4, dtype), of(&dims, 5, DType::F32));
        with_bodies(&format!("norm {dims:?}"), tolerance, |body| {
            let norm = Norm::new(&norm, 1e-6);
            let (rows, moments) = norm.forward(body, &x, dtype).unwrap();
            vec![rows, moments.mean, moments.inverse]
        });
        // From equal moments, so that what is compared is the backward pass.
        let (_, moments) = Norm::new(&norm, 1e-6).forward(Body::Twin, &x, dtype).unwrap();
        with_bodies(&format!("norm's gradients {dims:?}"), 1e-5, |body| {
            let back = Norm::new(&norm, 1e-6).backward(body, &gradient, &x, &moments, &beside).unwrap();
            let [scale, shift] = Norm::gradients(body, &gradient, &x, &moments).unwrap();
            vec![back, scale, shift]
        });
    }
}

#[test]
fn layer_norm_in_candles_graph() {
    for (dims, seed) in [([3, 5, 64], 1), ([2, 1, 7], 2)] {
        let var = |dims: &[usize], seed| candle_core::Var::from_tensor(&of(dims, seed, DType::F32)).unwrap();
        let (x, scale, shift) = (var(&dims, seed), var(&dims[2..], 7), var(&dims[2..], 8));
        let gradients = |out: &Tensor| {
            let loss = (out * of(&dims, 9, DType::F32)).unwrap().sum_all().unwrap();
            let store = loss.backward().unwrap();
            [&x, &scale, &shift].map(|var| flat(store.get(var).unwrap()))
        };
        let expected = kernels::reference::layer_norm(&x, &scale, &shift, 1e-5).unwrap();
        for body in bodies() {
            let out = layer_norm(body, &x, [&scale, &shift], 1e-5).unwrap();
            assert_close("output", &flat(&out), &flat(&expected), 1e-5);
            for (got, expected) in gradients(&out).iter().zip(&gradients(&expected)) {
                assert_close("gradient", got, expected, 2e-5);
            }
            let alone = layer_norm(body, &x.detach(), [&scale.detach(), &shift.detach()], 1e-5).unwrap();
            assert!(!alone.track_op() && flat(&alone) == flat(&out));
        }
    }
}

#[test]
fn ends_of_halves() {
    for ((dtype, tolerance), [n_rows, width]) in
        TYPES.into_iter().flat_map(|of_type| [[3, 2], [12, 66], [150, 258]].map(|dims| (of_type, dims)))
    {
        let (product, before) = (of(&[n_rows, width], 1, dtype), of(&[n_rows, width], 2, DType::F32));
        let vector = |seed| of(&[width], seed, DType::F32);
        let (bias, factor, keep) = (vector(3), vector(4), of(&[3], 5, DType::F32));
        let norm = [vector(6), vector(7)];
        for (factor, keep) in [(None, None), (Some(&factor), None), (None, Some(&keep)), (Some(&factor), Some(&keep))] {
            let what = format!("end {n_rows} {width} {} {}", factor.is_some(), keep.is_some());
            let rows_per_clip = n_rows / 3;
            let ending = Ending { product: &product, bias: &bias, factor, keep, before: &before, rows_per_clip };
            with_bodies(&what, tolerance, |body| {
                let (middle, rows, moments) = Norm::new(&norm, 1e-6).of_ending(body, &ending).unwrap();
                vec![add_up(body, &ending).unwrap(), middle, rows, moments.mean, moments.inverse]
            });
            let scaled = Scaled { bias: &bias, factor, keep, rows_per_clip };
            for product in [None, Some(&product)] {
                with_bodies(&format!("{what}, back"), tolerance, |body| {
                    add_up_backward(body, &before, product, &scaled, dtype).unwrap().to_vec()
                });
            }
        }
    }
}

#[test]
fn gelu() {
    for ((dtype, tolerance), dims) in TYPES.into_iter().flat_map(|of_type| SIZES.map(|dims| (of_type, dims))) {
        let (x, bias) = ((of(&dims, 1, dtype) * 2.0).unwrap(), of(&dims[1..], 2, DType::F32));
        let gradient = of(&dims, 3, dtype);
        with_bodies(&format!("gelu {dims:?}"), tolerance, |body| {
            let mut all = vec![gelu_forward(body, &x, &bias).unwrap()];
            all.extend(gelu_backward(body, &gradient, &x, &bias).unwrap());
            all
        });
    }
    // The twin itself, against candle: value, and slope by autograd.
    let x = candle_core::Var::from_tensor(&of(&[40, 8], 1, DType::F32)).unwrap();
    let (bias, gradient) = (of(&[8], 2, DType::F32), of(&[40, 8], 3, DType::F32));
    let value = x.broadcast_add(&bias).unwrap().gelu_erf().unwrap();
    let store = (&value * &gradient).unwrap().sum_all().unwrap().backward().unwrap();
    let [to, again, sums] = gelu_backward(Body::Twin, &gradient, &x.detach(), &bias).unwrap();
    assert_close("value", &flat(&again), &flat(&value), 1e-6);
    assert_close("slope", &flat(&to), &flat(store.get(&x).unwrap()), 1e-5);
    assert_close("bias", &flat(&sums), &flat(&store.get(&x).unwrap().sum(0).unwrap()), 1e-5);
}

#[test]
fn sums_of_columns() {
    for (dtype, _) in TYPES {
        for dims in [[1, 2], [37, 34], [1100, 33], [2000, 3]] {
            let rows = of(&dims, 1, dtype);
            with_bodies(&format!("sums {dims:?}"), 2e-5, |body| vec![column_sums(body, &rows).unwrap()]);
        }
    }
}

#[test]
fn heads() {
    for (dtype, _) in TYPES {
        for (n_clips, n_tokens, n_heads, width) in [(1, 1, 1, 2), (3, 5, 4, 6), (2, 7, 3, 200)] {
            let split = Split { n_clips, n_tokens, n_heads, dim: n_heads * width };
            for n_parts in [1, 3] {
                let rows = of(&[n_clips * n_tokens, n_parts * split.dim], 1, dtype);
                let bias = of(&[n_parts * split.dim], 2, DType::F32);
                with_bodies(&format!("heads {split:?}"), 0.0, |body| {
                    let heads = split.split(body, &rows, None).unwrap();
                    let parts: Vec<Tensor> = (0..n_parts).map(|nth| heads.get(nth).unwrap()).collect();
                    let merged = split.merge(body, &parts.iter().collect::<Vec<_>>()).unwrap();
                    let same = |tensor: &Tensor| flat(&tensor.to_dtype(DType::F32).unwrap());
                    assert_eq!(same(&merged), same(&rows), "{body:?}: put together again");
                    let beyond = heads.narrow(2, n_tokens, split.padded() - n_tokens).unwrap();
                    assert!(same(&beyond).iter().all(|value| *value == 0.0), "{body:?}: tokens that no clip has");
                    vec![heads, merged, split.split(body, &rows, Some(&bias)).unwrap()]
                });
            }
        }
    }
}

#[test]
fn softmax() {
    for (dtype, tolerance) in TYPES {
        for [n, padded, n_tokens] in [[1, 8, 1], [3, 40, 33], [2, 40, 40], [1, 200, 197]] {
            let (x, gradient) =
                ((of(&[n, padded, padded], 1, dtype) * 8.0).unwrap(), of(&[n, padded, padded], 2, dtype));
            with_bodies(&format!("softmax {n_tokens}"), tolerance, |body| {
                vec![softmax_forward(body, &x, n_tokens, 0.3).unwrap()]
            });
            let result = softmax_forward(Body::Twin, &x, n_tokens, 0.3).unwrap();
            let sums = flat(&result.to_dtype(DType::F32).unwrap().sum(2).unwrap());
            for (row, sum) in sums.iter().enumerate() {
                let expected = if row % padded < n_tokens { 1.0 } else { 0.0 };
                assert!((sum - expected).abs() < 8e-3, "{n_tokens}: row {row}: {sum}");
            }
            with_bodies(&format!("softmax's gradient {n_tokens}"), tolerance, |body| {
                vec![softmax_backward(body, &gradient, &result, 0.3).unwrap()]
            });
        }
    }
}
