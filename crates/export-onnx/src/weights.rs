//! The tensors of a model by name.

use crate::error::{Error, Result};
use candle_core::Tensor;
use std::collections::HashMap;

/// Tensors whose names begin with a prefix.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a> {
    all: &'a HashMap<String, Tensor>,
    prefix: &'a str,
}

impl<'a> Weights<'a> {
    /// Of these tensors, those that begin so.
    pub(crate) fn new(all: &'a HashMap<String, Tensor>, prefix: &'a str) -> Self {
        Self { all, prefix }
    }

    fn tensor(&self, name: &str) -> Result<&'a Tensor> {
        let full = format!("{}{name}", self.prefix);
        self.all.get(&full).ok_or_else(|| Error::Tensor { name: full, problem: "missing".into() })
    }

    /// Its dimensions.
    pub(crate) fn dims(&self, name: &str) -> Result<&'a [usize]> {
        Ok(self.tensor(name)?.dims())
    }

    /// Its values.
    pub(crate) fn values(&self, name: &str) -> Result<Vec<f32>> {
        Ok(self.tensor(name)?.flatten_all()?.to_vec1::<f32>()?)
    }
}
