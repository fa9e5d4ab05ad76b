//! Values for the tests, and comparing them.
#![allow(dead_code, unreachable_pub, reason = "each test file takes what it needs")]

pub mod layer;

use candle_core::{Device, Tensor, Var, backprop::GradStore};
use kernels::on_device::Body;
use kernels::{BlockForm, BlockOutput, BlockWeights, Compute, Norm, Path, Pool, Precision};

/// `n` values in -1..1 from a linear congruential generator.
pub fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

pub fn tensor(dims: &[usize], seed: u64) -> Tensor {
    Tensor::from_vec(values(dims.iter().product(), seed), dims, &Device::Cpu).unwrap()
}

pub fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Single precision on one set of instructions.
pub fn on(path: Path) -> Compute {
    Compute { path, precision: Precision::F32 }
}

/// bf16, emulated where the processor lacks it.
pub fn bf16() -> Compute {
    Compute { precision: Precision::Bf16, ..Compute::default() }
}

/// Every body of the fused pieces that this build has on the CPU.
pub fn bodies() -> Vec<Body> {
    let mut bodies = vec![Body::Twin, Body::Operations];
    if cfg!(feature = "cuda-emulated") {
        bodies.push(Body::Kernel);
    }
    bodies
}

/// One block and what goes into it.
#[derive(Clone)]
pub struct Case {
    pub map: Var,
    pub conv: Var,
    pub scale: Var,
    pub shift: Var,
    pub residual: Option<Var>,
    pub form: BlockForm,
}

impl Case {
    /// `[B, H, W, C_in, C_out, K]`, the pool, and whether there is a residual.
    pub fn new([b, h, w, c_in, c_out, k]: [usize; 6], pool: Pool, residual: bool) -> Self {
        let var = |dims: &[usize], seed| Var::from_tensor(&tensor(dims, seed)).unwrap();
        Self {
            map: var(&[b, h, w, c_in], 1),
            conv: var(&[c_out, c_in, k, k], 2),
            scale: Var::from_tensor(&(tensor(&[c_out], 3) + 0.5).unwrap()).unwrap(),
            shift: var(&[c_out], 4),
            residual: residual.then(|| var(&[b, h, w, c_out], 5)),
            form: BlockForm { stride: 1, pool, relu: true, input_gradient: true },
        }
    }

    /// The same with a stride of 2; what the residual has too much is dropped.
    pub fn strided(mut self) -> Self {
        self.form.stride = 2;
        self.residual = self.residual.map(|residual| {
            let (b, h, w, c) = residual.dims4().unwrap();
            Var::from_tensor(&tensor(&[b, h.div_ceil(2), w.div_ceil(2), c], 5)).unwrap()
        });
        self
    }

    pub fn weights(&self) -> BlockWeights<'_> {
        BlockWeights { conv: &self.conv, scale: &self.scale, shift: &self.shift }
    }

    pub fn fused(&self) -> BlockOutput {
        self.fused_with(&Norm::Batch { epsilon: 1e-5 })
    }

    pub fn fused_with(&self, norm: &Norm<'_>) -> BlockOutput {
        kernels::conv_block(&self.map, &self.weights(), self.residual.as_deref(), norm, &self.form).unwrap()
    }

    pub fn reference_with(&self, norm: &Norm<'_>) -> BlockOutput {
        kernels::reference::conv_block(&self.map, &self.weights(), self.residual.as_deref(), norm, &self.form).unwrap()
    }

    /// The gradients of a weighted sum of the output, by name.
    pub fn gradients(&self, out: &BlockOutput) -> Vec<(&'static str, Vec<f32>)> {
        let loss = (&out.map * tensor(out.map.dims(), 9)).unwrap().sum_all().unwrap();
        let store = loss.backward().unwrap();
        let of = |store: &GradStore, var: &Var| flat(store.get(var).unwrap());
        let mut all = vec![("conv", of(&store, &self.conv)), ("scale", of(&store, &self.scale))];
        all.push(("shift", of(&store, &self.shift)));
        if self.form.input_gradient {
            all.push(("map", of(&store, &self.map)));
        }
        if let Some(residual) = &self.residual {
            all.push(("residual", of(&store, residual)));
        }
        all
    }
}

pub fn average_pool(height: usize, width: usize) -> Pool {
    Pool::Average { height, width }
}

pub fn max_pool(height: usize, width: usize) -> Pool {
    Pool::Max { height, width }
}

/// Equal within `tolerance` of the largest value.
pub fn assert_close(what: &str, got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1e-3f32, |largest, v| largest.max(v.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= tolerance * largest, "{what}[{i}]: got {got}, expected {expected}");
    }
}

/// Shapes with every odd thing in them: `[B, H, W, C_in, C_out, K]`.
pub fn cases() -> Vec<Case> {
    vec![
        Case::new([2, 8, 12, 1, 16, 3], max_pool(2, 2), false),
        Case::new([3, 9, 7, 5, 11, 3], max_pool(2, 2), false),
        Case::new([1, 5, 5, 16, 32, 3], Pool::None, true),
        Case::new([2, 7, 10, 3, 24, 3], max_pool(2, 1), true),
        Case::new([2, 6, 9, 17, 33, 1], max_pool(1, 2), false),
        Case::new([19, 3, 2, 8, 8, 3], max_pool(2, 2), true),
        Case::new([7, 1, 1, 2, 3, 3], Pool::None, false),
        Case::new([2, 40, 101, 12, 20, 3], max_pool(2, 2), true),
        Case::new([2, 13, 6, 4, 9, 5], max_pool(3, 2), false),
        Case::new([2, 9, 7, 5, 11, 3], average_pool(2, 3), true),
        Case::new([3, 8, 12, 16, 8, 3], average_pool(2, 2), false),
        Case::new([2, 8, 12, 16, 24, 3], Pool::None, true).strided(),
        Case::new([3, 9, 7, 5, 11, 3], Pool::None, false).strided(),
        Case::new([2, 7, 10, 8, 9, 1], Pool::None, true).strided(),
        Case::new([2, 30, 101, 12, 20, 3], max_pool(2, 2), true).strided(),
        Case::new([2, 13, 6, 4, 9, 5], average_pool(3, 2), false).strided(),
        Case::new([7, 1, 1, 2, 3, 3], Pool::None, false).strided(),
    ]
}
