use candle_core::{Tensor, Var};

/// A trained parameter and how it is updated.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) parameter: Var,
    pub(crate) decay: f64,
    /// Factor of the learning rate.
    pub(crate) rate: f64,
}

impl Slot {
    /// Its part of a vector of all parameters, in its shape.
    pub(crate) fn part(&self, all: &Tensor, place: usize) -> candle_core::Result<Tensor> {
        all.narrow(0, place, self.parameter.elem_count())?.reshape(self.parameter.dims())
    }
}
