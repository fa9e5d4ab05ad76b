//! AdamW over a model's trained parameters, with clipping by the global norm and a state that can be saved.

use crate::average::Average;
use crate::config::TrainConfig;
use crate::flat::flat;
use crate::fused::{Fused, Pass, Scalars, host_slice, sum_of_squares};
use crate::moments::Moments;
use crate::slot::Slot;
use crate::{Error, Result};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use classifier::Parameters;
use kernels::on_device::AdamwStep;
use std::collections::HashMap;
use std::path::Path;

/// Decoupled weight decay and Adam (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019).
///
/// [`Parameters::rule`] determines which parameters decay and the factor of their learning rate: biases and the scales of
/// normalizations do not decay.
#[derive(Debug)]
pub struct AdamW {
    beta1: f64,
    beta2: f64,
    eps: f64,
    clip_norm: f64,
    step: u64,
    slots: Vec<Slot>,
    moments: Moments,
}

/// The norm of all gradients of a step, before clipping.
#[derive(Debug)]
pub(crate) enum Norm {
    Known(f64),
    /// Its square, `[1, 1]`, `f64`, still on the device: to read it is to wait for the step.
    Later(Tensor),
}

impl Norm {
    pub(crate) fn read(&self) -> Result<f64> {
        Ok(match self {
            Self::Known(norm) => *norm,
            Self::Later(square) => square.reshape(())?.to_scalar::<f64>()?.sqrt(),
        })
    }
}

impl AdamW {
    /// Moments of zero for every trained parameter.
    ///
    /// # Errors
    /// No memory on the device.
    pub fn new(parameters: &Parameters, config: &TrainConfig) -> Result<Self> {
        let slot = |(name, var): (&str, &Var)| {
            let rule = parameters.rule(name);
            let decay = if rule.decays { config.weight_decay } else { 0.0 };
            Slot { name: name.to_owned(), parameter: var.clone(), decay, rate: rule.rate }
        };
        let slots: Vec<Slot> = parameters.trained().map(slot).collect();
        let moments = Moments::new(&slots, parameters.device(), config)?;
        Ok(Self {
            beta1: config.beta1,
            beta2: config.beta2,
            eps: config.eps,
            clip_norm: config.clip_norm,
            step: 0,
            slots,
            moments,
        })
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// One step against the gradients. Returns their global norm before clipping; a norm that is not finite changes
    /// nothing; the caller decides what to do.
    ///
    /// # Errors
    /// [`Error::NoGradient`] for a parameter without a gradient; then nothing is changed.
    pub fn step(&mut self, gradients: &GradStore, lr: f64) -> Result<f64> {
        let before = self.step;
        let norm = self.step_with(gradients, lr, None)?.read()?;
        if !norm.is_finite() {
            self.step = before;
        }
        Ok(norm)
    }

    /// The same, and the average after it. On a CUDA device a norm that is not finite changes nothing either, but the step
    /// is counted.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub(crate) fn step_with(&mut self, gradients: &GradStore, lr: f64, average: Option<&mut Average>) -> Result<Norm> {
        let gradient = |slot: &Slot| {
            let found = gradients.get(slot.parameter.as_tensor());
            // Detached: otherwise the moments would keep the whole graph of each step.
            Ok(found.ok_or_else(|| Error::NoGradient { name: slot.name.clone() })?.contiguous()?.detach())
        };
        let gradients: Vec<Tensor> = self.slots.iter().map(gradient).collect::<Result<_>>()?;
        let t = i32::try_from(self.step + 1).unwrap_or(i32::MAX);
        let (correction1, correction2) = (1.0 - self.beta1.powi(t), 1.0 - self.beta2.powi(t));
        let (beta1, beta2, eps) = (self.beta1, self.beta2, self.eps);
        if let Moments::Card(optimizer) = &mut self.moments {
            self.step += 1;
            let keep_average = average.as_ref().map_or(1.0, |average| average.keep(self.step));
            let step = AdamwStep { lr, beta1, beta2, eps, correction1, correction2, keep_average };
            let average = average.map(Average::whole).transpose()?;
            return Ok(Norm::Later(optimizer.step(&gradients, &step, average)?));
        }
        let flat = match &self.moments {
            Moments::Device(_) => Some(flat(&gradients)?),
            _ => None,
        };
        let norm = match &flat {
            None => host_norm(&gradients)?,
            Some(flat) => f64::from(flat.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt(),
        };
        if !norm.is_finite() {
            return Ok(Norm::Known(norm));
        }
        self.step += 1;
        let clip = if self.clip_norm > 0.0 && norm > self.clip_norm { self.clip_norm / norm } else { 1.0 };
        let scalars = Scalars { clip, lr, beta1, beta2, eps, correction1, correction2 };
        match (&mut self.moments, flat) {
            (Moments::Device(moments), Some(flat)) => moments.update(&self.slots, &flat, scalars)?,
            (Moments::Host(moments), _) => {
                for ((slot, [first, second]), gradient) in self.slots.iter().zip(moments).zip(&gradients) {
                    slot.update(first, second, gradient, Scalars { lr: lr * slot.rate, ..scalars })?;
                }
            }
            _ => unreachable!("the gradients are one vector where the moments are"),
        }
        if let Some(average) = average {
            average.update(self.step)?;
        }
        Ok(Norm::Known(norm))
    }

    /// A copy of the moments on the CPU: (parameter's name, first, second), in the order of the names.
    ///
    /// # Errors
    /// A device that cannot be read.
    pub fn moments(&self) -> Result<Vec<(String, Tensor, Tensor)>> {
        self.moments.copy(&self.slots)
    }

    /// Continues from saved moments. Errors name `path`.
    ///
    /// # Errors
    /// A moment that is missing or has another shape; then nothing is changed.
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
        self.moments.restore(&self.slots, first, second)?;
        self.step = step;
        Ok(())
    }
}

impl Slot {
    /// The update on the CPU.
    fn update(&self, first: &mut Vec<f32>, second: &mut Vec<f32>, gradient: &Tensor, scalars: Scalars) -> Result<()> {
        let (storage, layout) = gradient.storage_and_layout();
        let pass = Pass { decay: self.decay, scalars };
        Ok(self.parameter.inplace_op1(&Fused::new(host_slice(&storage, layout)?, first, second, pass))?)
    }
}

/// The norm of all gradients on the CPU as one vector.
fn host_norm(gradients: &[Tensor]) -> Result<f64> {
    let mut sum = 0.0;
    for gradient in gradients {
        let (storage, layout) = gradient.storage_and_layout();
        sum += sum_of_squares(host_slice(&storage, layout)?);
    }
    Ok(sum.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flat::Flat;
    use candle_core::Device;
    use classifier::Init;
    use kernels::on_device::Body;
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

    /// Moments live as long as the run: were they to know what they come from, they would keep every step's activations.
    #[test]
    fn moments_on_a_device_keep_no_graph() {
        let mut parameters = Parameters::seeded(0, &Device::Cpu);
        let w = parameters.trainable("w", &[1, 2], Init::Constant(1.0)).unwrap();
        let mut optimizer = AdamW::new(&parameters, &no_clip()).unwrap();
        optimizer.moments = Moments::Device(Flat::new(&optimizer.slots, &Device::Cpu).unwrap());
        // A gradient that is computed from the parameter.
        optimizer.step(&w.as_tensor().powf(3.0).unwrap().sum_all().unwrap().backward().unwrap(), 0.1).unwrap();
        let Moments::Device(flat) = &optimizer.moments else { unreachable!("made above") };
        assert!(!flat.first.track_op() && !flat.second.track_op());
        assert!((values(&w)[0] - 0.899).abs() < 1e-4, "{:?}", values(&w));
    }

    #[test]
    fn a_norm_that_is_not_finite_changes_nothing_on_a_card_either() {
        let mut parameters = Parameters::seeded(0, &Device::Cpu);
        let w = parameters.trainable("w", &[2, 1], Init::Constant(1.0)).unwrap();
        let mut optimizer = AdamW::new(&parameters, &no_clip()).unwrap();
        optimizer.moments = Moments::on_card(Body::Twin, &optimizer.slots, &no_clip()).unwrap();
        assert!(optimizer.step(&gradients(&[(&w, vec![1.0, f32::NAN])]), 0.1).unwrap().is_nan());
        assert_eq!((values(&w), optimizer.steps()), (vec![1.0, 1.0], 0));
        // What a checkpoint of another device has is gone on with.
        let moment = Tensor::new(&[[0.5f32], [0.25]], &Device::Cpu).unwrap();
        let saved: HashMap<String, Tensor> = [("w".to_owned(), moment)].into();
        optimizer.restore(3, &saved, &saved, Path::new("last")).unwrap();
        let moments = optimizer.moments().unwrap();
        assert_eq!((moments[0].1.to_vec2::<f32>().unwrap(), optimizer.steps()), (vec![vec![0.5], vec![0.25]], 3));
    }

    /// What is fitted without training, as neighbors are.
    #[test]
    fn nothing_to_train_is_no_error() {
        let moments = Moments::new(&[], &Device::Cpu, &TrainConfig::default()).unwrap();
        let (slots, step) = (Vec::new(), 0);
        let TrainConfig { beta1, beta2, eps, clip_norm, .. } = TrainConfig::default();
        let mut optimizer = AdamW { beta1, beta2, eps, clip_norm, step, slots, moments };
        let loss = Var::ones(1, candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(optimizer.step(&loss.sum_all().unwrap().backward().unwrap(), 0.1).unwrap().abs() < 1e-12);
        assert!(optimizer.moments().unwrap().is_empty());
        optimizer.restore(3, &HashMap::new(), &HashMap::new(), Path::new("last")).unwrap();
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
            #[derive(PartialEq)]
            enum Where { Host, Device, Card }
            let run = |place: Where| {
                let mut parameters = Parameters::seeded(0, &Device::Cpu);
                let w = parameters.trainable("w", &[1, n], Init::Constant(0.0)).unwrap();
                w.set(&Tensor::from_slice(&start, (1, n), &Device::Cpu).unwrap()).unwrap();
                let mut optimizer = AdamW::new(&parameters, &TrainConfig::default()).unwrap();
                match place {
                    Where::Host => {}
                    Where::Device => optimizer.moments = Moments::Device(Flat::new(&optimizer.slots, &Device::Cpu).unwrap()),
                    Where::Card => {
                        let config = TrainConfig::default();
                        optimizer.moments = Moments::on_card(Body::Twin, &optimizer.slots, &config).unwrap();
                    }
                }
                let mut average = Average::new(&parameters, 0.75).unwrap();
                if place == Where::Card {
                    average = average.on_card().unwrap();
                }
                let norms: Vec<f64> = (0..3).map(|t| {
                    let g = Init::Normal { std: 0.1 }.draw(n, seed.wrapping_add(t), "g");
                    optimizer.step_with(&gradients(&[(&w, g)]), 0.01, Some(&mut average)).unwrap().read().unwrap()
                }).collect();
                let averages = average.snapshot(&parameters.state().unwrap()).unwrap();
                let moments = optimizer.moments().unwrap();
                let all = [averages["w"].clone(), moments[0].1.clone(), moments[0].2.clone()];
                let all = all.map(|tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap());
                (values(&w), norms, all)
            };
            let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let host = pool(threads).install(|| run(Where::Host));
            prop_assert_eq!(&host, &pool(1).install(|| run(Where::Host)));
            // The norm is added up in another order, all else is the same to the last bit.
            let card = run(Where::Card);
            prop_assert_eq!((&host.0, &host.2), (&card.0, &card.2));
            for (a, b) in host.1.iter().zip(&card.1) {
                prop_assert!((a - b).abs() < 1e-12 * a);
            }
            let device = run(Where::Device);
            for (a, b) in host.0.iter().zip(&device.0) {
                prop_assert!((a - b).abs() < 1e-5, "{} {}", a, b);
            }
        }
    }
}
