//! What a CUDA device computes of maps: by its twin on the CPU against candle's operations and against finite differences, and
//! with the feature `cuda-emulated` the kernels' own source against the twin, bit for bit.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use candle_core::{Device, Tensor, Var};
use common::{Case, assert_close, average_pool, bf16, cases, flat, max_pool, tensor};
use kernels::on_device::{Body, maps};
use kernels::{BlockOutput, DirectGradients, Norm, Pool, SeparableWeights, reference, with};

const BATCH: Norm<'_> = Norm::Batch { epsilon: 1e-5 };

fn block(body: Body, case: &Case, norm: &Norm<'_>) -> BlockOutput {
    maps::conv_block(body, &case.map, &case.weights(), case.residual.as_deref(), norm, &case.form).unwrap()
}

/// Output, statistics and gradients of a block in training, and its output in evaluation.
fn all_of(body: Body, case: &Case) -> Vec<(&'static str, Vec<f32>)> {
    let out = block(body, case, &BATCH);
    let statistics = out.statistics.as_ref().unwrap();
    let mut all = vec![("output", flat(&out.map)), ("mean", flat(&statistics.mean))];
    all.push(("variance", flat(&statistics.variance)));
    all.extend(case.gradients(&out));
    let n_out = case.scale.dim(0).unwrap();
    let (mean, variance) = (tensor(&[n_out], 6), (tensor(&[n_out], 7) + 1.5).unwrap());
    let evaluated = block(body, case, &Norm::Running { mean: &mean, variance: &variance, epsilon: 1e-5 });
    assert!(evaluated.statistics.is_none());
    all.push(("evaluation", flat(&evaluated.map)));
    all
}

/// A copy of values that take few different ones, so that many are equal.
fn coarse(var: &Var) -> Var {
    Var::from_tensor(&((var.as_tensor() * 1.4).unwrap()).round().unwrap().detach()).unwrap()
}

/// Every form of a block: those of the fused kernel's tests with and without ReLU, a first layer, and equal maxima.
fn blocks() -> Vec<Case> {
    let mut all = Vec::new();
    for case in cases() {
        for relu in [true, false] {
            let mut case = case.clone();
            case.form.relu = relu;
            all.push(case);
        }
    }
    let mut first = Case::new([2, 9, 12, 1, 8, 3], max_pool(2, 2), false);
    first.form.input_gradient = false;
    all.push(first);
    for pool in [max_pool(2, 2), max_pool(3, 2)] {
        let mut tied = Case::new([2, 9, 8, 2, 8, 3], pool, false);
        (tied.map, tied.conv) = (coarse(&tied.map), coarse(&tied.conv));
        all.push(tied);
    }
    all
}

#[test]
fn blocks_equal_those_of_candle() {
    for (nth, case) in blocks().iter().enumerate() {
        let (got, expected) = (all_of(Body::Twin, case), all_of(Body::Operations, case));
        assert_eq!(got.len(), expected.len());
        for ((name, got), (_, expected)) in got.iter().zip(&expected) {
            assert_close(&format!("block {nth}, {:?}: {name}", case.form), got, expected, 5e-5);
        }
    }
}

#[test]
fn a_first_layer_gives_its_map_no_gradient() {
    let mut case = Case::new([2, 6, 5, 1, 4, 3], Pool::None, false);
    case.form.input_gradient = false;
    let out = block(Body::Twin, &case, &BATCH);
    let gradients = out.map.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&case.conv).is_some());
    assert!(gradients.get(&case.map).is_none_or(|gradient| flat(gradient).iter().all(|value| *value == 0.0)));
}

#[test]
fn gradients_are_those_of_finite_differences() {
    // Without kinks, so that a difference is a slope.
    for pool in [Pool::None, average_pool(2, 3)] {
        let mut case = Case::new([2, 5, 7, 3, 4, 3], pool, true);
        case.form.relu = false;
        for case in [case.clone(), case.strided()] {
            let weight = tensor(block(Body::Twin, &case, &BATCH).map.dims(), 9);
            let loss = || {
                let out = block(Body::Twin, &case, &BATCH).map;
                let products = flat(&out).into_iter().zip(flat(&weight));
                products.map(|(a, b)| f64::from(a) * f64::from(b)).sum::<f64>()
            };
            let gradients = case.gradients(&block(Body::Twin, &case, &BATCH));
            let residual = case.residual.clone().unwrap();
            let vars = [&case.conv, &case.scale, &case.shift, &case.map, &residual];
            for ((name, gradient), var) in gradients.iter().zip(vars) {
                let values = flat(var);
                let largest = gradient.iter().fold(0f32, |largest, value| largest.max(value.abs()));
                for at in (0..values.len()).step_by(1 + values.len() / 17) {
                    let moved = |by: f32| {
                        let mut values = values.clone();
                        values[at] += by;
                        var.set(&Tensor::from_vec(values, var.dims(), &Device::Cpu).unwrap()).unwrap();
                        loss()
                    };
                    let step = 1e-2;
                    let slope = ((moved(step) - moved(-step)) / (2.0 * f64::from(step))) as f32;
                    moved(0.0);
                    let (got, form) = (gradient[at], &case.form);
                    assert!((got - slope).abs() < 2e-3 * largest, "{form:?} {name}[{at}]: {got}, slope {slope}");
                }
            }
        }
    }
}

/// The distance of two vectors as a share of the second one's length.
fn distance(got: &[f32], exact: &[f32]) -> f64 {
    let squares = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>();
    let difference = squares(&mut got.iter().zip(exact).map(|(got, exact)| got - exact));
    (difference / (squares(&mut exact.iter().copied()) + 1e-12)).sqrt()
}

#[test]
fn bf16_rounds_factors_alone() {
    for (nth, case) in blocks().iter().enumerate() {
        let exact = all_of(Body::Twin, case);
        // Where a maximum or a ReLU turns over, a gradient goes another way.
        let is_smooth = !case.form.relu && !matches!(case.form.pool, Pool::Max { .. });
        for ((name, got), (_, exact)) in with(bf16(), || all_of(Body::Twin, case)).iter().zip(&exact) {
            if is_smooth || ["output", "mean", "variance", "evaluation"].contains(name) {
                // A factor is rounded by 2^-9 at most.
                let (distance, form) = (distance(got, exact), &case.form);
                assert!(distance < 2e-2, "block {nth} {form:?}, {name}: {distance}");
            }
        }
    }
}

/// A layer of a MobileNet, or the first one of all channels together.
struct Layer {
    map: Var,
    weights: Vec<Var>,
    stride: usize,
}

impl Layer {
    fn new([b, h, w, n_in, n_out]: [usize; 5], stride: usize, separable: bool) -> Self {
        let var = |dims: &[usize], seed| Var::from_tensor(&tensor(dims, seed)).unwrap();
        let weights = if separable {
            vec![var(&[n_in, 1, 3, 3], 2), var(&[n_in], 3), var(&[n_out, n_in, 1, 1], 4), var(&[n_out], 5)]
        } else {
            vec![var(&[n_out, n_in, 3, 3], 2), var(&[n_out], 3)]
        };
        Self { map: var(&[b, h, w, n_in], 1), weights, stride }
    }

    /// With biases so large that ReLU lets everything through.
    fn alive(self) -> Self {
        for (bias, by) in self.weights.iter().skip(1).step_by(2).zip([20.0, 400.0]) {
            bias.set(&(bias.as_tensor() + by).unwrap()).unwrap();
        }
        self
    }

    /// With the first `n_frozen` weights not trained; `is_wanted`: whether the map has a gradient.
    fn run(&self, body: Body, n_frozen: usize, is_wanted: bool) -> Vec<Vec<f32>> {
        let weight = |nth: usize| {
            let weight = self.weights[nth].as_tensor();
            if nth < n_frozen { weight.detach() } else { weight.clone() }
        };
        let map = if is_wanted { self.map.as_tensor().clone() } else { self.map.as_tensor().detach() };
        let gradients = DirectGradients::default();
        let forward = |gradients: Option<&DirectGradients>| match self.weights.len() {
            2 => maps::conv_relu(body, &map, [&weight(0), &weight(1)], self.stride, gradients).unwrap(),
            _ => {
                let weights = SeparableWeights {
                    depthwise: weight(0),
                    depthwise_bias: weight(1),
                    pointwise: weight(2),
                    pointwise_bias: weight(3),
                };
                maps::separable_layer(body, &map, &weights, self.stride, gradients).unwrap()
            }
        };
        let (out, evaluated) = (forward(Some(&gradients)), forward(None));
        let loss = (&out * tensor(out.dims(), 9)).unwrap().sum_all().unwrap();
        let store = gradients.backward(&loss).unwrap();
        let mut all = vec![flat(&out), flat(&evaluated)];
        for (nth, weight) in self.weights.iter().enumerate() {
            let gradient = store.get(weight);
            assert_eq!(gradient.is_some(), nth >= n_frozen, "weight {nth} of which {n_frozen} are frozen");
            all.extend(gradient.map(flat));
        }
        // The first layer of all gives its map none.
        if is_wanted && self.weights.len() == 4 {
            all.push(flat(store.get(&self.map).unwrap()));
        }
        all
    }
}

/// Layers, and how many of their weights are frozen.
fn layers() -> Vec<(Layer, usize)> {
    let mut all = Vec::new();
    for stride in [1, 2] {
        for frozen in [0, 2, 3] {
            all.push((Layer::new([2, 9, 7, 5, 6], stride, true), frozen));
            all.push((Layer::new([3, 8, 12, 8, 16], stride, true), frozen));
        }
        all.push((Layer::new([2, 1, 1, 4, 3], stride, true), 0));
        all.push((Layer::new([2, 9, 8, 1, 8], stride, false), 0));
        all.push((Layer::new([2, 6, 7, 3, 5], stride, false), 1));
    }
    all.push((Layer::new([4, 24, 33, 16, 24], 2, true), 0));
    all
}

#[test]
fn layers_equal_those_of_candle() {
    for (nth, (layer, frozen)) in layers().iter().enumerate() {
        for is_wanted in [true, false] {
            let what = format!("layer {nth}, {frozen} frozen, map {is_wanted}");
            let got = layer.run(Body::Twin, *frozen, is_wanted);
            // Candle's operations differentiate through the map of the first layer, too.
            let expected = layer.run(Body::Operations, *frozen, is_wanted);
            assert_eq!(got.len(), expected.len(), "{what}");
            for (part, (got, expected)) in got.iter().zip(&expected).enumerate() {
                assert_close(&format!("{what}: {part}"), got, expected, 3e-5);
            }
        }
    }
}

#[test]
fn layers_in_bf16_round_factors_alone() {
    for separable in [true, false] {
        let layer = Layer::new([2, 9, 8, 8, 12], 1, separable).alive();
        let exact = layer.run(Body::Twin, 0, true);
        for (part, (got, exact)) in with(bf16(), || layer.run(Body::Twin, 0, true)).iter().zip(&exact).enumerate() {
            let distance = distance(got, exact);
            assert!(distance < 1e-2, "{separable} {part}: {distance}");
        }
    }
}

/// Output and gradient of a pool.
fn pooled(map: &Var, pool: impl Fn(&Tensor) -> Tensor) -> Vec<Vec<f32>> {
    let out = pool(map);
    let loss = (&out * tensor(out.dims(), 9)).unwrap().sum_all().unwrap();
    vec![flat(&out), flat(loss.backward().unwrap().get(map).unwrap())]
}

fn pools(body: Body) -> Vec<Vec<f32>> {
    let mut all = Vec::new();
    for dims in [[2, 3, 5, 7], [3, 1, 1, 2], [2, 8, 31, 16], [1, 7, 9, 4]] {
        let map = Var::from_tensor(&tensor(&dims, 1)).unwrap();
        for map in [&map, &coarse(&map)] {
            all.extend(pooled(map, |map| maps::global_pool(body, map).unwrap()));
            for size in [[1, 1], [2, 2], [3, 2]] {
                if dims[1] >= size[0] && dims[2] >= size[1] {
                    all.extend(pooled(map, |map| maps::average_pool(body, map, size).unwrap()));
                }
            }
        }
    }
    all
}

#[test]
fn pools_equal_those_of_candle() {
    for (nth, (got, expected)) in pools(Body::Twin).iter().zip(pools(Body::Operations)).enumerate() {
        assert_close(&format!("pool {nth}"), got, &expected, 1e-5);
    }
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let mut case = Case::new([2, 6, 5, 3, 4, 3], Pool::None, false);
    case.shift = Var::from_tensor(&tensor(&[5], 1)).unwrap();
    let made = maps::conv_block(Body::Twin, &case.map, &case.weights(), None, &BATCH, &case.form);
    assert!(made.unwrap_err().to_string().contains("shift"));
    assert!(reference::global_pool(&tensor(&[2, 3], 1)).is_err());
}

#[cfg(feature = "cuda-emulated")]
mod kernels_themselves {
    use super::*;
    use kernels::on_device::last_first;

    fn assert_bits(what: &str, got: &[f32], expected: &[f32]) {
        assert_eq!(got.len(), expected.len(), "{what}");
        for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
            assert_eq!(got.to_bits(), expected.to_bits(), "{what}[{at}]: {got}, the twin has {expected}");
        }
    }

    #[test]
    fn blocks() {
        // Fibers are slow: without the two largest maps, which are like others.
        let small = |case: &&Case| case.map.elem_count() < 20_000;
        for (nth, case) in super::blocks().iter().filter(small).enumerate() {
            for compute in [kernels::Compute::default(), bf16()] {
                let of = |body| with(compute, || all_of(body, case));
                let twin = of(Body::Twin);
                for kernel in [of(Body::Kernel), last_first(|| of(Body::Kernel))] {
                    for ((name, got), (_, expected)) in kernel.iter().zip(&twin) {
                        assert_bits(&format!("block {nth} {:?} {name}", compute.precision), got, expected);
                    }
                }
            }
        }
    }

    #[test]
    fn layers() {
        for (nth, (layer, frozen)) in super::layers().iter().enumerate() {
            for compute in [kernels::Compute::default(), bf16()] {
                let of = |body| with(compute, || layer.run(body, *frozen, true));
                let twin = of(Body::Twin);
                for kernel in [of(Body::Kernel), last_first(|| of(Body::Kernel))] {
                    for (part, (got, expected)) in kernel.iter().zip(&twin).enumerate() {
                        assert_bits(&format!("layer {nth} {:?} {part}", compute.precision), got, expected);
                    }
                }
            }
        }
    }

    #[test]
    fn pools() {
        let twin = super::pools(Body::Twin);
        for kernel in [super::pools(Body::Kernel), last_first(|| super::pools(Body::Kernel))] {
            for (nth, (got, expected)) in kernel.iter().zip(&twin).enumerate() {
                assert_bits(&format!("pool {nth}"), got, expected);
            }
        }
    }
}
