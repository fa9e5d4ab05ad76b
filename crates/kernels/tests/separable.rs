//! Layers of a MobileNet against candle's operations.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use common::{assert_close, bf16, flat, on, tensor};
use kernels::{DirectGradients, Path, SeparableWeights, conv_relu, reference, separable_layer, with};

/// `[B, H, W, C, C_out]` and the stride: even and odd everything, and more channels than a vector has.
const CASES: [([usize; 5], usize); 9] = [
    ([2, 6, 8, 4, 6], 1),
    ([2, 6, 8, 4, 6], 2),
    ([3, 7, 5, 5, 3], 1),
    ([3, 7, 5, 5, 3], 2),
    ([1, 1, 1, 3, 2], 2),
    ([1, 2, 1, 1, 7], 1),
    ([2, 12, 9, 40, 33], 2),
    ([1, 24, 16, 64, 128], 1),
    ([2, 9, 10, 17, 48], 2),
];

struct Case {
    map: Var,
    weights: SeparableWeights,
    whole: [Tensor; 2],
    stride: usize,
}

fn variable(dims: &[usize], seed: u64) -> Tensor {
    Var::from_tensor(&tensor(dims, seed)).unwrap().as_tensor().clone()
}

impl Case {
    fn new([b, h, w, c, n]: [usize; 5], stride: usize) -> Self {
        let weights = SeparableWeights {
            depthwise: variable(&[c, 1, 3, 3], 2),
            depthwise_bias: variable(&[c], 3),
            pointwise: variable(&[n, c, 1, 1], 4),
            pointwise_bias: variable(&[n], 5),
        };
        let map = Var::from_tensor(&tensor(&[b, h, w, c], 1)).unwrap();
        Self { map, weights, whole: [variable(&[n, c, 3, 3], 6), variable(&[n], 7)], stride }
    }

    fn fused(&self, gradients: Option<&DirectGradients>) -> Tensor {
        separable_layer(&self.map, &self.weights, self.stride, gradients).unwrap()
    }

    fn fused_conv(&self, gradients: Option<&DirectGradients>) -> Tensor {
        conv_relu(&self.map, &self.whole[0], &self.whole[1], self.stride, gradients).unwrap()
    }

    fn tensors(&self) -> Vec<&Tensor> {
        let w = &self.weights;
        vec![self.map.as_tensor(), &w.depthwise, &w.depthwise_bias, &w.pointwise, &w.pointwise_bias]
    }
}

fn weighted(out: &Tensor) -> Tensor {
    (out * tensor(out.dims(), 9)).unwrap().sum_all().unwrap()
}

fn of(store: &GradStore, tensor: &Tensor) -> Vec<f32> {
    flat(store.get(tensor).unwrap())
}

#[test]
fn forward_and_gradients_equal_candle_on_every_path() {
    for (size, stride) in CASES {
        let case = Case::new(size, stride);
        let out = reference::separable_layer(&case.map, &case.weights, stride).unwrap();
        let expected = weighted(&out).backward().unwrap();
        let conv = reference::conv_relu(&case.map, &case.whole[0], &case.whole[1], stride).unwrap();
        let expected_conv = weighted(&conv).backward().unwrap();
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            with(on(path), || {
                let what = format!("{path} {size:?} / {stride}");
                let direct = DirectGradients::default();
                assert_close(&what, &flat(&case.fused(None)), &flat(&out), 1e-5);
                let fused = case.fused(Some(&direct));
                assert_close(&what, &flat(&fused), &flat(&out), 1e-5);
                let store = direct.backward(&weighted(&fused)).unwrap();
                for (nth, tensor) in case.tensors().into_iter().enumerate() {
                    assert_close(&format!("{what} {nth}"), &of(&store, tensor), &of(&expected, tensor), 2e-5);
                }
                assert_close(&what, &flat(&case.fused_conv(None)), &flat(&conv), 1e-5);
                let fused = case.fused_conv(Some(&direct));
                let store = direct.backward(&weighted(&fused)).unwrap();
                for tensor in &case.whole {
                    assert_close(&format!("{what} conv"), &of(&store, tensor), &of(&expected_conv, tensor), 2e-5);
                }
            });
        }
    }
}

#[test]
fn bf16_is_as_close_as_its_digits() {
    for (size, stride) in CASES {
        let case = Case::new(size, stride);
        let (exact, conv) = (case.fused(None), case.fused_conv(None));
        with(bf16(), || {
            assert_close(&format!("{size:?}"), &flat(&case.fused(None)), &flat(&exact), 0.03);
            assert_close(&format!("{size:?} conv"), &flat(&case.fused_conv(None)), &flat(&conv), 0.03);
            let direct = DirectGradients::default();
            let store = direct.backward(&weighted(&case.fused(Some(&direct)))).unwrap();
            assert!(case.tensors().into_iter().all(|tensor| of(&store, tensor).iter().all(|v| v.is_finite())));
        });
    }
}

#[test]
fn threads_do_not_matter() {
    let case = Case::new([5, 23, 17, 19, 40], 2);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let direct = DirectGradients::default();
            let out = case.fused(Some(&direct));
            let store = direct.backward(&weighted(&out)).unwrap();
            (flat(&out), case.tensors().into_iter().map(|tensor| of(&store, tensor)).collect::<Vec<_>>())
        })
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(5));
}

#[test]
fn what_is_frozen_gets_no_gradient() {
    let mut case = Case::new([2, 6, 8, 4, 6], 1);
    case.weights.depthwise = case.weights.depthwise.detach();
    let direct = DirectGradients::default();
    let out = separable_layer(&case.map.detach(), &case.weights, 1, Some(&direct)).unwrap();
    let store = direct.backward(&weighted(&out)).unwrap();
    assert!(store.get(&case.weights.depthwise).is_none() && store.get(&case.map).is_none());
    assert!(store.get(&case.weights.pointwise).is_some() && store.get(&case.weights.depthwise_bias).is_some());
}

#[test]
fn what_is_not_a_number_stays_visible() {
    let case = Case::new([1, 3, 3, 4, 6], 1);
    case.map.set(&(case.map.as_tensor() * f64::NAN).unwrap()).unwrap();
    assert!(flat(&case.fused(None)).iter().all(|v| v.is_nan()));
    assert!(flat(&case.fused_conv(None)).iter().all(|v| v.is_nan()));
}

#[test]
fn wrong_shapes_are_named() {
    let case = Case::new([1, 3, 3, 4, 6], 1);
    let message = separable_layer(&case.map, &case.weights, 3, None).unwrap_err().to_string();
    assert!(message.contains("stride: expected 1 or 2, got 3"), "{message}");
    let message = conv_relu(&case.map, &tensor(&[6, 4, 5, 5], 1), &case.whole[1], 1, None).unwrap_err().to_string();
    assert!(message.contains("weight: expected [6, 4, 3, 3], got [6, 4, 5, 5]"), "{message}");
    let map = tensor(&[3, 3, 4], 1);
    let message = separable_layer(&map, &case.weights, 1, None).unwrap_err().to_string();
    assert!(message.contains("map: expected [B, H, W, C]"), "{message}");
}
