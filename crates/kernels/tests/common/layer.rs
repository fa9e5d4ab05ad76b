//! A transformer's layer of every form, with variables that have names.

use super::{flat, tensor};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use kernels::{
    Adapter, DirectGradients, LinearWeights, TransformerForm, TransformerWeights, reference, transformer_layer,
};

/// A layer, what goes into it, and its variables by name.
pub struct Case {
    pub tokens: Var,
    pub weights: TransformerWeights,
    pub form: TransformerForm,
    pub variables: Vec<(&'static str, Tensor)>,
}

/// What of a layer is there, and what of it is trained.
#[derive(Clone, Copy)]
pub struct Kind {
    /// `[B, T, D, F]`
    pub size: [usize; 4],
    pub n_heads: usize,
    pub scale: bool,
    pub keep: bool,
    pub adapter: bool,
    /// Whether the linear layers' own weights are trained.
    pub whole: bool,
}

pub const PLAIN: Kind =
    Kind { size: [3, 7, 12, 20], n_heads: 2, scale: false, keep: false, adapter: false, whole: true };

pub fn kinds() -> Vec<Kind> {
    vec![
        PLAIN,
        Kind { scale: true, keep: true, ..PLAIN },
        Kind { adapter: true, whole: false, ..PLAIN },
        Kind { adapter: true, scale: true, ..PLAIN },
        Kind { size: [1, 1, 4, 2], ..PLAIN },
        Kind { size: [2, 197, 64, 128], n_heads: 4, ..PLAIN },
        Kind { size: [2, 131, 96, 70], n_heads: 3, scale: true, keep: true, ..PLAIN },
        Kind { size: [5, 33, 64, 256], n_heads: 1, adapter: true, whole: false, ..PLAIN },
    ]
}

impl Case {
    pub fn new(kind: Kind) -> Self {
        let [b, t, d, f] = kind.size;
        let mut variables = Vec::new();
        let mut seed = 10;
        let mut make = |name: &'static str, dims: &[usize], size: f64, trained: bool| {
            seed += 1;
            let value = (tensor(dims, seed) * size).unwrap();
            if !trained {
                return value;
            }
            let variable = Var::from_tensor(&value).unwrap().as_tensor().clone();
            variables.push((name, variable.clone()));
            variable
        };
        let tokens = Var::from_tensor(&tensor(&[b, t, d], 1)).unwrap();
        let mut norm = |names: [&'static str; 2]| [make(names[0], &[d], 1.0, true), make(names[1], &[d], 0.5, true)];
        let (norm1, norm2) = (norm(["norm1.scale", "norm1.shift"]), norm(["norm2.scale", "norm2.shift"]));
        let mut linear = |names: [&'static str; 4], n_out: usize, n_in: usize| {
            let size = 1.0 / (n_in as f64).sqrt();
            LinearWeights {
                weight: make(names[0], &[n_out, n_in], size, kind.whole),
                bias: make(names[1], &[n_out], 0.3, kind.whole),
                adapter: kind.adapter.then(|| Adapter {
                    down: make(names[2], &[3, n_in], size, true),
                    up: make(names[3], &[n_out, 3], 0.5, true),
                    factor: 0.7,
                }),
            }
        };
        let qkv = linear(["qkv.weight", "qkv.bias", "qkv.down", "qkv.up"], 3 * d, d);
        let out = linear(["out.weight", "out.bias", "out.down", "out.up"], d, d);
        let up = linear(["up.weight", "up.bias", "up.down", "up.up"], f, d);
        let down = linear(["down.weight", "down.bias", "down.down", "down.up"], d, f);
        let mut scale = |name| kind.scale.then(|| make(name, &[d], 0.8, kind.whole));
        let (scale1, scale2) = (scale("scale1"), scale("scale2"));
        let keep = kind.keep.then(|| {
            let of =
                |first: usize| (0..b).map(|clip| if (clip + first).is_multiple_of(3) { 0.0 } else { 1.25 }).collect();
            [of(0), of(1)]
        });
        Self {
            tokens,
            weights: TransformerWeights { norm1, qkv, out, scale1, norm2, up, down, scale2 },
            form: TransformerForm { n_heads: kind.n_heads, epsilon: 1e-6, keep },
            variables,
        }
    }

    pub fn fused(&self, gradients: Option<&DirectGradients>) -> Tensor {
        transformer_layer(&self.tokens, &self.weights, &self.form, gradients).unwrap()
    }

    pub fn reference(&self) -> Tensor {
        reference::transformer_layer(&self.tokens, &self.weights, &self.form).unwrap()
    }

    /// The gradients of a weighted sum of the output, by name, and whether each of them is there.
    pub fn gradients(&self, store: &GradStore) -> Vec<(&'static str, Vec<f32>)> {
        let of = |tensor: &Tensor, name: &str| flat(store.get(tensor).unwrap_or_else(|| panic!("{name}: no gradient")));
        let mut all = vec![("tokens", of(&self.tokens, "tokens"))];
        all.extend(self.variables.iter().map(|(name, variable)| (*name, of(variable, name))));
        all
    }

    pub fn fused_gradients(&self) -> Vec<(&'static str, Vec<f32>)> {
        let direct = DirectGradients::default();
        let store = direct.backward(&weighted(&self.fused(Some(&direct)))).unwrap();
        self.gradients(&store)
    }
}

pub fn weighted(out: &Tensor) -> Tensor {
    (out * tensor(out.dims(), 9)).unwrap().sum_all().unwrap()
}
