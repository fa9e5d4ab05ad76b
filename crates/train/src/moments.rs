//! Where the optimizer's moments are, and who updates the parameters by them.

use crate::Result;
use crate::config::TrainConfig;
use crate::flat::{Flat, flat, places};
use crate::slot::Slot;
use candle_core::{Device, Tensor};
use kernels::on_device::{Adamw, AdamwSlot, Body};
use std::collections::HashMap;

/// The moments of all parameters, in the order of the slots.
#[derive(Debug)]
pub(crate) enum Moments {
    /// On the CPU: each updated together with its parameter in one pass over slices.
    Host(Vec<[Vec<f32>; 2]>),
    /// On a CUDA device: one kernel for all parameters.
    Card(Adamw),
    /// On any other device: all as one vector, so that a step has few operations instead of several per parameter.
    Device(Flat),
}

impl Moments {
    /// Moments of zero.
    ///
    /// # Errors
    /// No memory on the device.
    pub(crate) fn new(slots: &[Slot], device: &Device, config: &TrainConfig) -> Result<Self> {
        match device {
            // Of no parameters there is no vector.
            _ if slots.is_empty() => Ok(Self::Host(Vec::new())),
            Device::Cpu => {
                let zeros = |slot: &Slot| [(); 2].map(|()| vec![0.0; slot.parameter.elem_count()]);
                Ok(Self::Host(slots.iter().map(zeros).collect()))
            }
            _ => match Body::of(device) {
                Body::Operations => Ok(Self::Device(Flat::new(slots, device)?)),
                body => Self::on_card(body, slots, config),
            },
        }
    }

    /// Those of a CUDA device; with [`Body::Twin`] on the CPU.
    pub(crate) fn on_card(body: Body, slots: &[Slot], config: &TrainConfig) -> Result<Self> {
        let slot = |slot: &Slot| AdamwSlot { parameter: slot.parameter.clone(), decay: slot.decay, rate: slot.rate };
        Ok(Self::Card(Adamw::new(body, slots.iter().map(slot).collect(), config.clip_norm)?))
    }

    /// A copy on the CPU: (parameter's name, first, second).
    ///
    /// # Errors
    /// A device that cannot be read.
    pub(crate) fn copy(&self, slots: &[Slot]) -> Result<Vec<(String, Tensor, Tensor)>> {
        let mut moments = Vec::new();
        let mut of_flat = |first: &Tensor, second: &Tensor| -> Result<()> {
            let (first, second) = (first.to_device(&Device::Cpu)?, second.to_device(&Device::Cpu)?);
            for (slot, place) in slots.iter().zip(places(slots)) {
                // A tensor of its own: a part of the whole would be saved with the whole.
                let copy = |all: &Tensor| slot.part(all, place)?.force_contiguous();
                moments.push((slot.name.clone(), copy(&first)?, copy(&second)?));
            }
            Ok(())
        };
        match self {
            Self::Card(all) => of_flat(&all.first, &all.second)?,
            Self::Device(all) => of_flat(&all.first, &all.second)?,
            Self::Host(all) => {
                for (slot, [first, second]) in slots.iter().zip(all) {
                    let copy = |values: &[f32]| Tensor::from_slice(values, slot.parameter.dims(), &Device::Cpu);
                    moments.push((slot.name.clone(), copy(first)?, copy(second)?));
                }
            }
        }
        Ok(moments)
    }

    /// Continues from saved ones, which are there for every slot.
    ///
    /// # Errors
    /// No memory on the device.
    pub(crate) fn restore(
        &mut self,
        slots: &[Slot],
        first: &HashMap<String, Tensor>,
        second: &HashMap<String, Tensor>,
    ) -> Result<()> {
        let join = |saved: &HashMap<String, Tensor>, like: &Tensor| {
            flat(&slots.iter().map(|slot| saved[&slot.name].clone()).collect::<Vec<_>>())?.to_device(like.device())
        };
        match self {
            Self::Card(all) => (all.first, all.second) = (join(first, &all.first)?, join(second, &all.second)?),
            Self::Device(all) => (all.first, all.second) = (join(first, &all.first)?, join(second, &all.second)?),
            Self::Host(all) => {
                for (slot, moments) in slots.iter().zip(all) {
                    let copy = |saved: &Tensor| saved.flatten_all()?.to_vec1();
                    *moments = [copy(&first[&slot.name])?, copy(&second[&slot.name])?];
                }
            }
        }
        Ok(())
    }
}
