use crate::{Error, Init};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use kernels::DirectGradients;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The named tensors of a model, in the order of their names: trained parameters, frozen weights, and buffers (such as
/// running means) that the forward pass updates.
///
/// Every initial value is drawn from (seed, name), never from a shared generator.
#[derive(Debug)]
pub struct Parameters {
    seed: u64,
    device: Device,
    trainable: BTreeMap<String, Var>,
    buffers: BTreeMap<String, Var>,
    frozen: BTreeMap<String, Var>,
    rules: BTreeMap<String, Rule>,
    gradients: DirectGradients,
    /// Values that may be defined in all.
    most_values: usize,
}

/// Values that a network may have beside those of its file: one that lacks a few is told which.
const FREE_VALUES: usize = 1 << 16;

/// Optimizer settings of one trained parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Factor of the learning rate.
    pub rate: f64,
    /// Whether weight decay is applied; a parameter without a rule decays if it has two or more dimensions.
    pub decays: bool,
}

/// The names that [`Parameters::load`] could not match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOver {
    /// Names of the model that the tensors lack.
    pub missing: Vec<String>,
    /// Names of the tensors that the model lacks.
    pub unknown: Vec<String>,
}

impl Parameters {
    /// An empty set on `device`, whose values are initialized from `seed`.
    pub fn seeded(seed: u64, device: &Device) -> Self {
        Self {
            seed,
            device: device.clone(),
            trainable: BTreeMap::new(),
            buffers: BTreeMap::new(),
            frozen: BTreeMap::new(),
            rules: BTreeMap::new(),
            gradients: DirectGradients::default(),
            most_values: usize::MAX,
        }
    }

    /// The same for a network that gets its values from a file of `n_values`: a configuration that asks for many more is refused
    /// before there is room for them. A file's header is not trusted.
    pub fn for_file(seed: u64, device: &Device, n_values: usize) -> Self {
        Self { most_values: n_values.saturating_add(FREE_VALUES), ..Self::seeded(seed, device) }
    }

    /// The device of all tensors.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Defines a trained parameter. Cloning the returned [`Var`] shares its storage.
    ///
    /// # Errors
    /// A name that is in use, or no memory on the device.
    pub fn trainable(&mut self, name: &str, shape: &[usize], init: Init) -> Result<Var, Error> {
        let var = self.define(name, shape, init)?;
        self.trainable.insert(name.to_owned(), var.clone());
        Ok(var)
    }

    /// Defines a buffer: saved with the model, without a gradient.
    ///
    /// # Errors
    /// A name that is in use, or no memory on the device.
    pub fn buffer(&mut self, name: &str, shape: &[usize], value: f32) -> Result<Var, Error> {
        let var = self.define(name, shape, Init::Constant(value))?;
        self.buffers.insert(name.to_owned(), var.clone());
        Ok(var)
    }

    /// Defines a weight that is either trained or frozen (saved with the model, never changed). The tensor shares its
    /// storage with the set; it is a variable only if it is trained.
    ///
    /// # Errors
    /// A name that is in use, or no memory on the device.
    pub fn weight(&mut self, name: &str, shape: &[usize], init: Init, is_trained: bool) -> Result<Tensor, Error> {
        if is_trained {
            return Ok(self.trainable(name, shape, init)?.as_tensor().clone());
        }
        let var = self.define(name, shape, init)?;
        let tensor = var.as_tensor().detach();
        self.frozen.insert(name.to_owned(), var);
        Ok(tensor)
    }

    /// Freezes everything that is defined so far.
    pub fn freeze(&mut self) {
        self.frozen.append(&mut self.trainable);
    }

    /// Sets the optimizer settings of a trained parameter.
    pub fn set_rule(&mut self, name: &str, rule: Rule) {
        self.rules.insert(name.to_owned(), rule);
    }

    /// The optimizer settings of a parameter.
    pub fn rule(&self, name: &str) -> Rule {
        let decays = self.trainable.get(name).is_some_and(|var| var.rank() > 1);
        self.rules.get(name).copied().unwrap_or(Rule { rate: 1.0, decays })
    }

    fn define(&self, name: &str, shape: &[usize], init: Init) -> Result<Var, Error> {
        if self.all().any(|(taken, _)| taken == name) {
            return Err(Error::Duplicate(name.to_owned()));
        }
        let n_values = shape.iter().try_fold(1usize, |n, dim| n.checked_mul(*dim));
        let n_before = self.all().map(|(_, var)| var.elem_count()).sum::<usize>();
        let n_values = n_values.filter(|n| n.checked_add(n_before).is_some_and(|sum| sum <= self.most_values));
        let n_values = n_values.ok_or_else(|| Error::Shape {
            what: format!("parameter {name}"),
            expected: format!("at most {} values in all, as many as the file has", self.most_values),
            got: format!("{shape:?} beside {n_before} values"),
        })?;
        let values = init.draw(n_values, self.seed, name);
        Ok(Var::from_tensor(&Tensor::from_vec(values, shape, &self.device)?)?)
    }

    /// The trained parameters, by name.
    pub fn trained(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.trainable.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// Receives the gradients that fused operations compute outside of candle's graph.
    pub fn direct_gradients(&self) -> &DirectGradients {
        &self.gradients
    }

    /// The gradients of `loss` with respect to the trained parameters.
    ///
    /// # Errors
    /// An error of a backward pass.
    pub fn backward(&self, loss: &Tensor) -> Result<GradStore, Error> {
        Ok(self.gradients.backward(loss)?)
    }

    /// Number of trained values.
    pub fn count(&self) -> usize {
        self.trainable.values().map(|var| var.elem_count()).sum()
    }

    /// Every tensor by name: trained, buffers and frozen.
    fn all(&self) -> impl Iterator<Item = (&String, &Var)> {
        self.trainable.iter().chain(&self.buffers).chain(&self.frozen)
    }

    /// The tensors that training changes.
    fn changing(&self) -> impl Iterator<Item = (&String, &Var)> {
        self.trainable.iter().chain(&self.buffers)
    }

    /// A copy of every tensor by name.
    ///
    /// # Errors
    /// No memory for the copy.
    pub fn snapshot(&self) -> Result<BTreeMap<String, Tensor>, Error> {
        self.all().map(|(name, var)| Ok((name.clone(), var.as_tensor().copy()?))).collect()
    }

    /// A copy of every tensor that training changes: parameters that are trained, and buffers.
    ///
    /// # Errors
    /// No memory for the copy.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>, Error> {
        self.changing().map(|(name, var)| Ok((name.clone(), var.as_tensor().copy()?))).collect()
    }

    /// `state` and the frozen tensors: every tensor of the model.
    pub fn whole(&self, state: &BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
        let mut whole = state.clone();
        whole.extend(self.frozen.iter().map(|(name, var)| (name.clone(), var.as_tensor().detach())));
        whole
    }

    /// Overwrites the tensors whose names match, and returns the names that do not.
    ///
    /// # Errors
    /// Another shape or dtype; then nothing is changed. The message names `path`.
    pub fn load(&self, tensors: &HashMap<String, Tensor>, path: &Path) -> Result<LeftOver, Error> {
        let all: BTreeMap<_, _> = self.all().collect();
        let mut left = LeftOver::default();
        left.unknown.extend(tensors.keys().filter(|name| !all.contains_key(name)).cloned());
        left.unknown.sort_unstable();
        for (name, var) in &all {
            match tensors.get(*name) {
                Some(tensor) => check(name, var, tensor, path)?,
                None => left.missing.push((*name).clone()),
            }
        }
        self.gradients.forget_rounded();
        for (name, var) in all {
            if let Some(tensor) = tensors.get(name) {
                var.set(&tensor.to_device(&self.device)?)?;
            }
        }
        Ok(left)
    }

    /// Overwrites every tensor with the one of the same name.
    ///
    /// # Errors
    /// A missing or unknown name, or another shape; then nothing is changed. The message names `path`.
    pub fn restore(&self, tensors: &HashMap<String, Tensor>, path: &Path) -> Result<(), Error> {
        self.overwrite(self.all().collect(), tensors, path)
    }

    /// As [`restore`](Self::restore), for the tensors of [`state`](Self::state).
    ///
    /// # Errors
    /// The same.
    pub fn restore_state(&self, tensors: &HashMap<String, Tensor>, path: &Path) -> Result<(), Error> {
        self.overwrite(self.changing().collect(), tensors, path)
    }

    fn overwrite(
        &self,
        all: BTreeMap<&String, &Var>,
        tensors: &HashMap<String, Tensor>,
        path: &Path,
    ) -> Result<(), Error> {
        let missing: Vec<_> = all.keys().filter(|name| !tensors.contains_key(**name)).map(|n| n.as_str()).collect();
        if !missing.is_empty() {
            return Err(Error::Missing { path: path.to_owned(), names: missing.join(", ") });
        }
        let mut unknown: Vec<_> = tensors.keys().filter(|name| !all.contains_key(name)).map(|n| n.as_str()).collect();
        unknown.sort_unstable();
        if !unknown.is_empty() {
            return Err(Error::Unknown { path: path.to_owned(), names: unknown.join(", ") });
        }
        for (name, var) in &all {
            check(name, var, &tensors[*name], path)?;
        }
        self.gradients.forget_rounded();
        for (name, var) in &all {
            var.set(&tensors[*name].to_device(&self.device)?)?;
        }
        Ok(())
    }
}

/// A tensor that will overwrite another one.
fn check(name: &str, var: &Var, tensor: &Tensor, path: &Path) -> Result<(), Error> {
    if tensor.dims() == var.dims() && tensor.dtype() == DType::F32 {
        return Ok(());
    }
    Err(Error::Shape {
        what: format!("{}: tensor {name}", path.display()),
        expected: format!("F32 {:?}", var.dims()),
        got: format!("{:?} {:?}", tensor.dtype(), tensor.dims()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_bounds_what_is_made_room_for() {
        let mut parameters = Parameters::for_file(1, &Device::Cpu, 10);
        parameters.trainable("a", &[5, 2], Init::Constant(0.0)).unwrap();
        for shape in [&[1 << 40, 1 << 40][..], &[1 << 40], &[1 << 17]] {
            let error = parameters.trainable("b", shape, Init::Constant(0.0)).unwrap_err().to_string();
            assert!(error.starts_with("parameter b: expected at most 65546 values in all"), "{error}");
        }
    }

    fn two() -> Parameters {
        let mut parameters = Parameters::seeded(1, &Device::Cpu);
        parameters.trainable("w", &[2, 3], Init::Normal { std: 1.0 }).unwrap();
        parameters.buffer("mean", &[2], 0.0).unwrap();
        parameters
    }

    #[test]
    fn a_name_is_taken_once() {
        let mut parameters = two();
        assert!(matches!(parameters.buffer("w", &[1], 0.0), Err(Error::Duplicate(_))));
    }

    #[test]
    fn restores_what_was_copied() {
        let parameters = two();
        let copy: HashMap<_, _> = parameters.snapshot().unwrap().into_iter().collect();
        let (_, w) = parameters.trained().next().unwrap();
        w.set(&w.zeros_like().unwrap()).unwrap();
        parameters.restore(&copy, Path::new("m")).unwrap();
        let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values(w.as_tensor()), values(&copy["w"]));
    }

    #[test]
    fn names_what_does_not_fit() {
        let parameters = two();
        let mut copy: HashMap<_, _> = parameters.snapshot().unwrap().into_iter().collect();
        copy.insert("w".into(), Tensor::zeros((3, 2), DType::F32, &Device::Cpu).unwrap());
        let message = parameters.restore(&copy, Path::new("m")).unwrap_err().to_string();
        assert_eq!(message, "m: tensor w: expected F32 [2, 3], got F32 [3, 2]");
        copy.remove("w");
        assert!(parameters.restore(&copy, Path::new("m")).unwrap_err().to_string().contains("missing: w"));
        copy.insert("w".into(), Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap());
        copy.insert("x".into(), Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap());
        assert!(parameters.restore(&copy, Path::new("m")).unwrap_err().to_string().ends_with("not have: x"));
    }
}
