//! AdamW over a model's trained parameters, with clipping by the global norm and a state that can be saved.

use crate::config::TrainConfig;
use crate::fused::{Fused, Pass, Scalars, host_slice, sum_of_squares};
use crate::{Error, Result};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use classifier::Parameters;
use std::collections::HashMap;
use std::path::Path;

/// Decoupled weight decay and Adam (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019).
///
/// Which parameters decay, and what part of the learning rate each of them gets, is what [`Parameters::rule`] says: biases
/// and scales of a normalisation do not decay.
#[derive(Debug)]
pub struct AdamW {
    beta1: f64,
    beta2: f64,
    eps: f64,
    clip_norm: f64,
    step: u64,
    slots: Vec<Slot>,
}

/// One parameter and its moments.
#[derive(Debug)]
struct Slot {
    name: String,
    parameter: Var,
    decay: f64,
    /// What the learning rate is multiplied with.
    rate: f64,
    moments: Moments,
}

#[derive(Debug)]
enum Moments {
    /// On the CPU: updated together with the parameter in one pass over slices.
    Host { first: Vec<f32>, second: Vec<f32> },
    /// On any other device: updated by tensor operations.
    Device { first: Tensor, second: Tensor },
}

impl AdamW {
    /// Moments of zero for every trained parameter.
    ///
    /// # Errors
    /// No memory on the device.
    pub fn new(parameters: &Parameters, config: &TrainConfig) -> Result<Self> {
        let host = matches!(parameters.device(), Device::Cpu);
        let slot = |(name, var): (&str, &Var)| {
            let n = var.elem_count();
            let moments = if host {
                Moments::Host { first: vec![0.0; n], second: vec![0.0; n] }
            } else {
                Moments::Device { first: var.zeros_like()?, second: var.zeros_like()? }
            };
            let rule = parameters.rule(name);
            let decay = if rule.decays { config.weight_decay } else { 0.0 };
            Ok(Slot { name: name.to_owned(), parameter: var.clone(), decay, rate: rule.rate, moments })
        };
        Ok(Self {
            beta1: config.beta1,
            beta2: config.beta2,
            eps: config.eps,
            clip_norm: config.clip_norm,
            step: 0,
            slots: parameters.trained().map(slot).collect::<Result<_>>()?,
        })
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// One step against the gradients. Returns their global norm before clipping; a norm that is not finite changes
    /// nothing, and what to do about it is the caller's choice.
    ///
    /// # Errors
    /// [`Error::NoGradient`] that names a parameter that got none; then nothing was changed.
    pub fn step(&mut self, gradients: &GradStore, lr: f64) -> Result<f64> {
        let gradient = |slot: &Slot| {
            let found = gradients.get(slot.parameter.as_tensor());
            Ok(found.ok_or_else(|| Error::NoGradient { name: slot.name.clone() })?.contiguous()?)
        };
        let gradients: Vec<Tensor> = self.slots.iter().map(gradient).collect::<Result<_>>()?;
        let norm = global_norm(&gradients)?;
        if !norm.is_finite() {
            return Ok(norm);
        }
        self.step += 1;
        let t = i32::try_from(self.step).unwrap_or(i32::MAX);
        let scalars = Scalars {
            clip: if self.clip_norm > 0.0 && norm > self.clip_norm { self.clip_norm / norm } else { 1.0 },
            lr,
            beta1: self.beta1,
            beta2: self.beta2,
            eps: self.eps,
            correction1: 1.0 - self.beta1.powi(t),
            correction2: 1.0 - self.beta2.powi(t),
        };
        for (slot, gradient) in self.slots.iter_mut().zip(&gradients) {
            slot.update(gradient, Scalars { lr: lr * slot.rate, ..scalars })?;
        }
        Ok(norm)
    }

    /// A copy of the moments on the CPU: (parameter's name, first, second), in the order of the names.
    ///
    /// # Errors
    /// A device that can't be read.
    pub fn moments(&self) -> Result<Vec<(String, Tensor, Tensor)>> {
        let copy = |slot: &Slot| {
            let dims = slot.parameter.dims();
            let (first, second) = match &slot.moments {
                Moments::Host { first, second } => {
                    (Tensor::from_slice(first, dims, &Device::Cpu)?, Tensor::from_slice(second, dims, &Device::Cpu)?)
                }
                Moments::Device { first, second } => (first.to_device(&Device::Cpu)?, second.to_device(&Device::Cpu)?),
            };
            Ok((slot.name.clone(), first, second))
        };
        self.slots.iter().map(copy).collect()
    }

    /// Goes on from saved moments. `path` is named in errors.
    ///
    /// # Errors
    /// A moment that is missing or of another shape; then nothing was changed.
    pub fn restore(
        &mut self,
        step: u64,
        first: &HashMap<String, Tensor>,
        second: &HashMap<String, Tensor>,
        path: &Path,
    ) -> Result<()> {
        for slot in &self.slots {
            for moment in [first, second] {
                let dims = moment.get(&slot.name).map(Tensor::dims);
                if dims != Some(slot.parameter.dims()) {
                    let reason = format!(
                        "moment of {}: expected {:?}, got {}",
                        slot.name,
                        slot.parameter.dims(),
                        dims.map_or("none".into(), |dims| format!("{dims:?}"))
                    );
                    return Err(Error::Checkpoint { path: path.to_owned(), reason });
                }
            }
        }
        for slot in &mut self.slots {
            let (new_first, new_second) = (&first[&slot.name], &second[&slot.name]);
            match &mut slot.moments {
                Moments::Host { first, second } => {
                    *first = new_first.flatten_all()?.to_vec1()?;
                    *second = new_second.flatten_all()?.to_vec1()?;
                }
                Moments::Device { first, second } => {
                    let device = slot.parameter.device();
                    (*first, *second) = (new_first.to_device(device)?, new_second.to_device(device)?);
                }
            }
        }
        self.step = step;
        Ok(())
    }
}

impl Slot {
    fn update(&mut self, gradient: &Tensor, s: Scalars) -> Result<()> {
        match &mut self.moments {
            Moments::Host { first, second } => {
                let (storage, layout) = gradient.storage_and_layout();
                let pass = Pass { decay: self.decay, scalars: s };
                self.parameter.inplace_op1(&Fused::new(host_slice(&storage, layout)?, first, second, pass))?;
            }
            Moments::Device { first, second } => {
                let gradient = (gradient * s.clip)?;
                *first = ((&*first * s.beta1)? + (&gradient * (1.0 - s.beta1))?)?;
                *second = ((&*second * s.beta2)? + (gradient.sqr()? * (1.0 - s.beta2))?)?;
                let root = ((&*second / s.correction2)?.sqrt()? + s.eps)?;
                let change = ((&*first * (s.lr / s.correction1))? / root)?;
                self.parameter.set(&((self.parameter.as_tensor() * (1.0 - s.lr * self.decay))? - change)?)?;
            }
        }
        Ok(())
    }
}

/// The length of all gradients as one vector.
fn global_norm(gradients: &[Tensor]) -> Result<f64> {
    let (mut sum, mut on_device) = (0.0, Vec::new());
    for gradient in gradients {
        if matches!(gradient.device(), Device::Cpu) {
            let (storage, layout) = gradient.storage_and_layout();
            sum += sum_of_squares(host_slice(&storage, layout)?);
        } else {
            on_device.push(gradient.sqr()?.sum_all()?);
        }
    }
    if !on_device.is_empty() {
        // The device is waited for once, not once a parameter.
        sum += Tensor::stack(&on_device, 0)?.to_vec1::<f32>()?.into_iter().map(f64::from).sum::<f64>();
    }
    Ok(sum.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use classifier::Init;
    use proptest::prelude::*;

    fn values(var: &Var) -> Vec<f32> {
        var.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// Gradients that are exactly `given`: those of the inner product with it.
    fn gradients(vars: &[(&Var, Vec<f32>)]) -> GradStore {
        let product = |(var, given): &(&Var, Vec<f32>)| {
            let given = Tensor::from_slice(given, var.dims(), &Device::Cpu).unwrap();
            (var.as_tensor() * given).unwrap().sum_all().unwrap()
        };
        let mut total = product(&vars[0]);
        for one in &vars[1..] {
            total = (total + product(one)).unwrap();
        }
        total.backward().unwrap()
    }

    fn no_clip() -> TrainConfig {
        TrainConfig { clip_norm: 0.0, ..TrainConfig::default() }
    }

    #[test]
    fn two_steps_by_hand() {
        let mut parameters = Parameters::seeded(0, &Device::Cpu);
        let w = parameters.trainable("w", &[1, 1], Init::Constant(1.0)).unwrap();
        let b = parameters.trainable("b", &[1], Init::Constant(1.0)).unwrap();
        let config = TrainConfig { beta1: 0.5, beta2: 0.75, weight_decay: 0.1, eps: 1e-12, ..no_clip() };
        let mut optimizer = AdamW::new(&parameters, &config).unwrap();
        // Step 1: m/c1 = g, v/c2 = g^2, so that the change is lr * sign(g); w decays by 0.1 * 0.1 first, b does not.
        let norm = optimizer.step(&gradients(&[(&w, vec![3.0]), (&b, vec![-4.0])]), 0.1).unwrap();
        assert!((norm - 5.0).abs() < 1e-6);
        assert!((values(&w)[0] - 0.89).abs() < 1e-6 && (values(&b)[0] - 1.1).abs() < 1e-6);
        // Step 2 with g = 0: m = 0.75 of 3 * 0.5..., that is m/c1 = 0.75/0.75 = 1, v/c2 = 1.6875/0.4375.
        optimizer.step(&gradients(&[(&w, vec![0.0]), (&b, vec![0.0])]), 0.1).unwrap();
        let change = 0.1 * 1.0 / (1.6875_f64 / 0.4375).sqrt();
        assert!((f64::from(values(&w)[0]) - (0.89 * 0.99 - change)).abs() < 1e-6);
        assert_eq!(optimizer.steps(), 2);
    }

    /// The same gradients by formula as in `tests/golden/adamw.py`.
    #[test]
    fn equals_pytorch() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../tests/golden/adamw.json")).expect("tests/golden/adamw.json");
        let mut parameters = Parameters::seeded(0, &Device::Cpu);
        let w = parameters.trainable("w", &[2, 3], Init::Constant(0.0)).unwrap();
        let b = parameters.trainable("b", &[3], Init::Constant(0.0)).unwrap();
        let start = |n: usize| (0..n).map(|i| (0.3 * i as f64 - 0.5) as f32).collect::<Vec<_>>();
        w.set(&Tensor::from_vec(start(6), (2, 3), &Device::Cpu).unwrap()).unwrap();
        b.set(&Tensor::from_vec(start(3), 3, &Device::Cpu).unwrap()).unwrap();
        let config =
            TrainConfig { clip_norm: 2.0, weight_decay: 0.05, beta1: 0.9, beta2: 0.99, ..TrainConfig::default() };
        let mut optimizer = AdamW::new(&parameters, &config).unwrap();
        let formula = |n: usize, t: usize, phase: f64| {
            (0..n).map(|i| ((t as f64) * 0.7 + i as f64 + phase).sin() as f32).collect::<Vec<_>>()
        };
        for t in 1..=10 {
            let g = gradients(&[(&w, formula(6, t, 0.0)), (&b, formula(3, t, 0.5))]);
            optimizer.step(&g, 0.01 * t as f64).unwrap();
        }
        for (name, var) in [("w", &w), ("b", &b)] {
            for (got, expected) in values(var).iter().zip(golden[name].as_array().unwrap()) {
                let expected = expected.as_f64().unwrap();
                assert!((f64::from(*got) - expected).abs() < 2e-6, "{name}: {got} {expected}");
            }
        }
    }

    #[test]
    fn a_missing_gradient_is_named_and_changes_nothing() {
        let mut parameters = Parameters::seeded(0, &Device::Cpu);
        let w = parameters.trainable("w", &[1, 1], Init::Constant(1.0)).unwrap();
        parameters.trainable("head.bias", &[1], Init::Constant(1.0)).unwrap();
        let mut optimizer = AdamW::new(&parameters, &no_clip()).unwrap();
        let error = optimizer.step(&gradients(&[(&w, vec![1.0])]), 0.1).unwrap_err();
        assert!(matches!(&error, Error::NoGradient { name } if name == "head.bias"), "{error}");
        assert_eq!((values(&w)[0], optimizer.steps()), (1.0, 0));
    }

    #[test]
    fn a_norm_that_is_no_number_changes_nothing() {
        let mut parameters = Parameters::seeded(0, &Device::Cpu);
        let w = parameters.trainable("w", &[2, 1], Init::Constant(1.0)).unwrap();
        let mut optimizer = AdamW::new(&parameters, &no_clip()).unwrap();
        assert!(optimizer.step(&gradients(&[(&w, vec![1.0, f32::NAN])]), 0.1).unwrap().is_nan());
        assert_eq!((values(&w), optimizer.steps()), (vec![1.0, 1.0], 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        /// The pass over slices in parallel against the tensor operations that other devices use, for any thread count.
        #[test]
        fn host_and_device_agree(seed: u64, n in 1_usize..40_000, threads in 1_usize..4) {
            let start = Init::Normal { std: 1.0 }.draw(n, seed, "w");
            let run = |device_path: bool| {
                let mut parameters = Parameters::seeded(0, &Device::Cpu);
                let w = parameters.trainable("w", &[1, n], Init::Constant(0.0)).unwrap();
                w.set(&Tensor::from_slice(&start, (1, n), &Device::Cpu).unwrap()).unwrap();
                let mut optimizer = AdamW::new(&parameters, &TrainConfig::default()).unwrap();
                if device_path {
                    let zeros = || w.zeros_like().unwrap();
                    optimizer.slots[0].moments = Moments::Device { first: zeros(), second: zeros() };
                }
                let norms: Vec<f64> = (0..3).map(|t| {
                    let g = Init::Normal { std: 0.1 }.draw(n, seed.wrapping_add(t), "g");
                    optimizer.step(&gradients(&[(&w, g)]), 0.01).unwrap()
                }).collect();
                (values(&w), norms)
            };
            let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let host = pool(threads).install(|| run(false));
            prop_assert_eq!(&host, &pool(1).install(|| run(false)));
            let device = run(true);
            for (a, b) in host.0.iter().zip(&device.0) {
                prop_assert!((a - b).abs() < 1e-5, "{} {}", a, b);
            }
        }
    }
}
