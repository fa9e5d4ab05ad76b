use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, TensorId, Var};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Gradients that operations hand over themselves.
///
/// An operation of candle has at most three arguments, and for each of them candle makes zeros and adds the gradient to
/// them. An operation with a dozen large parameters holds these itself and puts their gradients in here;
/// [`backward`](Self::backward) puts them where all others are. Clones share what they hold.
#[derive(Debug, Clone, Default)]
pub struct DirectGradients {
    /// What makes candle go back through an operation even where none of its inputs is trained.
    anchor: Arc<OnceLock<Var>>,
    held: Arc<Mutex<HashMap<TensorId, Tensor>>>,
}

impl DirectGradients {
    /// The gradients of all variables that `loss` depends on: those that candle computes, and those that operations hand
    /// over meanwhile.
    ///
    /// # Errors
    /// What an operation's backward pass fails with.
    pub fn backward(&self, loss: &Tensor) -> Result<GradStore> {
        self.lock().clear();
        let mut store = loss.backward()?;
        self.anchor.get().map(|anchor| store.remove(anchor));
        for (id, gradient) in self.lock().drain() {
            let gradient = match store.get_id(id) {
                Some(other) => (other + gradient)?,
                None => gradient,
            };
            store.insert_id(id, gradient);
        }
        Ok(store)
    }

    pub(crate) fn anchor(&self, device: &Device) -> Result<&Tensor> {
        if self.anchor.get().is_none() {
            // Another thread may have been faster, which does not matter.
            let _ = self.anchor.set(Var::zeros(1, DType::F32, device)?);
        }
        let missing = || candle_core::Error::Msg("an anchor that was set is missing".into());
        Ok(self.anchor.get().ok_or_else(missing)?.as_tensor())
    }

    /// Adds to the gradient of `variable`.
    pub(crate) fn add(&self, variable: &Tensor, gradient: Vec<f32>) -> Result<()> {
        self.add_tensor(variable, Tensor::from_vec(gradient, variable.shape(), variable.device())?)
    }

    /// Adds to the gradient of `variable` one of as many values, on its device.
    pub(crate) fn add_tensor(&self, variable: &Tensor, gradient: Tensor) -> Result<()> {
        let gradient = gradient.reshape(variable.shape())?;
        let mut held = self.lock();
        let sum = match held.remove(&variable.id()) {
            Some(before) => (before + gradient)?,
            None => gradient,
        };
        held.insert(variable.id(), sum);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TensorId, Tensor>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
