//! Exponential moving average of the weights over the steps (after B. Polyak and A. Juditsky, 1992).

use crate::flat::flat;
use crate::fused::host_slice;
use crate::{Error, Result};
use candle_core::{Device, Tensor, Var};
use classifier::Parameters;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// Values that one thread takes at a time.
const CHUNK: usize = 1 << 14;

/// The average of each trained parameter.
#[derive(Debug)]
pub(crate) struct Average {
    decay: f64,
    slots: Vec<Slot>,
    /// All averages, one after the other, on a CUDA device.
    whole: Option<Tensor>,
}

#[derive(Debug)]
struct Slot {
    name: String,
    parameter: Var,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Host(Vec<f32>),
    Device(Tensor),
    /// From here on in the vector of all, which the optimizer updates.
    Whole(usize),
}

impl Value {
    fn on_device(var: &Var) -> Result<Self> {
        // Detached: otherwise each average would keep its predecessor for a backward pass.
        Ok(Self::Device(var.as_tensor().copy()?.detach()))
    }
}

impl Average {
    /// Starts from the current parameters.
    pub(crate) fn new(parameters: &Parameters, decay: f64) -> Result<Self> {
        let host = parameters.device().is_cpu();
        let slot = |(name, var): (&str, &Var)| {
            let value =
                if host { Value::Host(var.as_tensor().flatten_all()?.to_vec1()?) } else { Value::on_device(var)? };
            Ok(Slot { name: name.to_owned(), parameter: var.clone(), value })
        };
        let average = Self { decay, slots: parameters.trained().map(slot).collect::<Result<_>>()?, whole: None };
        if parameters.device().is_cuda() && !average.slots.is_empty() { average.on_card() } else { Ok(average) }
    }

    /// The same, in one vector, which [`kernels::on_device::Adamw`] updates.
    pub(crate) fn on_card(mut self) -> Result<Self> {
        let parameters: Vec<Tensor> = self.slots.iter().map(|slot| slot.parameter.as_tensor().detach()).collect();
        self.whole = Some(flat(&parameters)?);
        let mut place = 0;
        for slot in &mut self.slots {
            slot.value = Value::Whole(place);
            place += slot.parameter.elem_count();
        }
        Ok(self)
    }

    /// That vector.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn whole(&mut self) -> Result<&mut Tensor> {
        let missing = || candle_core::Error::Msg("the average is not one vector".into());
        Ok(self.whole.as_mut().ok_or_else(missing)?)
    }

    /// How much is kept at step `step`, from 1. It is less in the first steps, whose weights change most.
    pub(crate) fn keep(&self, step: u64) -> f64 {
        self.decay.min((1.0 + step as f64) / (10.0 + step as f64))
    }

    /// Updates the average after step `step`, where the optimizer has not done so.
    pub(crate) fn update(&mut self, step: u64) -> Result<()> {
        let keep = self.keep(step);
        for slot in &mut self.slots {
            match &mut slot.value {
                Value::Host(average) => {
                    let (storage, layout) = slot.parameter.storage_and_layout();
                    let now = host_slice(&storage, layout)?;
                    let (keep, take) = (keep as f32, (1.0 - keep) as f32);
                    average.par_chunks_mut(CHUNK).zip(now.par_chunks(CHUNK)).for_each(|(average, now)| {
                        average.iter_mut().zip(now).for_each(|(average, now)| *average = keep * *average + take * now);
                    });
                }
                Value::Device(average) => {
                    let now = slot.parameter.as_tensor().detach();
                    *average = ((&*average * keep)? + (now * (1.0 - keep))?)?;
                }
                Value::Whole(_) => {}
            }
        }
        Ok(())
    }

    /// `state`, with the averages in place of the parameters.
    pub(crate) fn snapshot(&self, state: &BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>> {
        let mut all = state.clone();
        for slot in &self.slots {
            let tensor = match (&slot.value, &self.whole) {
                (Value::Host(values), _) => Tensor::from_slice(values, slot.parameter.dims(), &Device::Cpu)?,
                (Value::Device(tensor), _) => tensor.clone(),
                (Value::Whole(place), Some(whole)) => {
                    let part = whole.narrow(0, *place, slot.parameter.elem_count())?;
                    part.reshape(slot.parameter.dims())?.force_contiguous()?
                }
                (Value::Whole(_), None) => unreachable!("there are places in what is there"),
            };
            all.insert(slot.name.clone(), tensor);
        }
        Ok(all)
    }

    /// Continues from saved averages; errors name `path`.
    pub(crate) fn restore(&mut self, saved: &BTreeMap<String, Tensor>, path: &Path) -> Result<()> {
        let mut parts = Vec::new();
        for slot in &mut self.slots {
            let found = saved.get(&slot.name).filter(|tensor| tensor.dims() == slot.parameter.dims());
            let tensor = found.ok_or_else(|| {
                let reason = format!("average of {}: missing, or of another shape", slot.name);
                Error::Checkpoint { path: path.to_owned(), reason }
            })?;
            slot.value = match &slot.value {
                Value::Host(_) => Value::Host(tensor.flatten_all()?.to_vec1()?),
                Value::Device(_) => Value::Device(tensor.to_device(slot.parameter.device())?),
                Value::Whole(place) => {
                    parts.push(tensor.to_device(slot.parameter.device())?);
                    Value::Whole(*place)
                }
            };
        }
        if self.whole.is_some() {
            self.whole = Some(flat(&parts)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use classifier::Init;

    #[test]
    fn early_steps_count_little_and_later_ones_by_the_decay() {
        let mut parameters = Parameters::seeded(0, &Device::Cpu);
        let w = parameters.trainable("w", &[2], Init::Constant(0.0)).unwrap();
        let mut average = Average::new(&parameters, 0.5).unwrap();
        let set = |value: f32| w.set(&Tensor::new(&[value, -value], &Device::Cpu).unwrap()).unwrap();
        let now = |average: &Average| {
            let all = average.snapshot(&parameters.state().unwrap()).unwrap();
            all["w"].to_vec1::<f32>().unwrap()
        };
        set(11.0);
        average.update(1).unwrap(); // keeps 2/11
        assert!((now(&average)[0] - 9.0).abs() < 1e-5);
        set(1.0);
        average.update(100).unwrap(); // keeps a half
        assert!((now(&average)[0] - 5.0).abs() < 1e-5 && (now(&average)[1] + 5.0).abs() < 1e-5);
        average.slots[0].value = Value::on_device(&w).unwrap();
        set(9.0);
        average.update(100).unwrap();
        assert!((now(&average)[0] - 5.0).abs() < 1e-5);
        assert!(
            matches!(&average.slots[0].value, Value::Device(tensor) if !tensor.track_op()),
            "it keeps those before it"
        );
        let saved = average.snapshot(&parameters.state().unwrap()).unwrap();
        let mut other = Average::new(&parameters, 0.5).unwrap();
        other.restore(&saved, Path::new("last")).unwrap();
        assert_eq!(now(&other), now(&average));
        // In one vector.
        let mut whole = Average::new(&parameters, 0.5).unwrap().on_card().unwrap();
        whole.restore(&saved, Path::new("last")).unwrap();
        assert_eq!(now(&whole), now(&average));
        assert_eq!(whole.whole().unwrap().dims(), [2]);
        assert!(average.whole().is_err());
        let message = other.restore(&BTreeMap::new(), Path::new("last")).unwrap_err().to_string();
        assert!(message.contains("average of w"), "{message}");
    }
}
