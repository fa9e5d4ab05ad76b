//! AdamW by tensor operations over all parameters at once, for devices other than the CPU.

use crate::Result;
use crate::fused::Scalars;
use crate::slot::Slot;
use candle_core::{Device, Tensor};

/// All parameters' moments on a device, one after the other.
#[derive(Debug)]
pub(crate) struct Flat {
    pub(crate) first: Tensor,
    pub(crate) second: Tensor,
    /// Factor of the learning rate at each position.
    rate: Tensor,
    /// `rate` times the weight decay.
    decay: Tensor,
}

impl Flat {
    /// Moments of zero.
    pub(crate) fn new(slots: &[Slot], device: &Device) -> Result<Self> {
        let every = |value: fn(&Slot) -> f64| {
            let of = |slot: &Slot| Tensor::full(value(slot) as f32, slot.parameter.elem_count(), device);
            flat(&slots.iter().map(of).collect::<candle_core::Result<Vec<_>>>()?)
        };
        let rate = every(|slot| slot.rate)?;
        Ok(Self {
            first: rate.zeros_like()?,
            second: rate.zeros_like()?,
            decay: every(|slot| slot.rate * slot.decay)?,
            rate,
        })
    }

    /// The update by tensor operations, of all parameters at once.
    pub(crate) fn update(&mut self, slots: &[Slot], gradient: &Tensor, s: Scalars) -> Result<()> {
        let gradient = (gradient * s.clip)?;
        self.first = ((&self.first * s.beta1)? + (&gradient * (1.0 - s.beta1))?)?;
        self.second = ((&self.second * s.beta2)? + (gradient.sqr()? * (1.0 - s.beta2))?)?;
        let root = ((&self.second / s.correction2)?.sqrt()? + s.eps)?;
        let change = ((&self.first * (s.lr / s.correction1))? * &self.rate)?.div(&root)?;
        let parameters = flat(&slots.iter().map(|slot| slot.parameter.as_tensor().clone()).collect::<Vec<_>>())?;
        let kept = self.decay.affine(-s.lr, 1.0)?;
        let parameters = ((parameters * kept)? - change)?;
        for (slot, place) in slots.iter().zip(places(slots)) {
            slot.parameter.set(&slot.part(&parameters, place)?)?;
        }
        Ok(())
    }
}

/// Position of each parameter in a vector of all of them.
pub(crate) fn places(slots: &[Slot]) -> impl Iterator<Item = usize> {
    slots.iter().scan(0, |next, slot| {
        let place = *next;
        *next += slot.parameter.elem_count();
        Some(place)
    })
}

/// All values of all tensors as one vector.
pub(crate) fn flat(tensors: &[Tensor]) -> candle_core::Result<Tensor> {
    Tensor::cat(&tensors.iter().map(Tensor::flatten_all).collect::<candle_core::Result<Vec<_>>>()?, 0)
}
