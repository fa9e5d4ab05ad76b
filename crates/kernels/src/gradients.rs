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
    /// Frozen weights, rounded for the products of a device.
    rounded: Arc<Mutex<HashMap<TensorId, Tensor>>>,
}

impl DirectGradients {
    /// The gradients of all variables that `loss` depends on: those that candle computes, and those that operations hand
    /// over meanwhile.
    ///
    /// # Errors
    /// What an operation's backward pass fails with.
    pub fn backward(&self, loss: &Tensor) -> Result<GradStore> {
        locked(&self.held).clear();
        let mut store = loss.backward()?;
        self.anchor.get().map(|anchor| store.remove(anchor));
        for (id, gradient) in locked(&self.held).drain() {
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

    /// The same; the gradient is on the device of the variable.
    pub(crate) fn add_tensor(&self, variable: &Tensor, gradient: Tensor) -> Result<()> {
        if gradient.dims() != variable.dims() {
            candle_core::bail!("a gradient {:?} of a variable {:?}", gradient.dims(), variable.dims());
        }
        let gradient = gradient.to_dtype(DType::F32)?;
        let mut held = locked(&self.held);
        let sum = match held.remove(&variable.id()) {
            Some(before) => (before + gradient)?,
            None => gradient,
        };
        held.insert(variable.id(), sum);
        Ok(())
    }

    /// A weight that is not trained, rounded to `dtype`: made once, and kept until [`forget_rounded`](Self::forget_rounded).
    pub(crate) fn rounded(&self, frozen: &Tensor, dtype: DType) -> Result<Tensor> {
        let mut rounded = locked(&self.rounded);
        if let Some(found) = rounded.get(&frozen.id()).filter(|found| found.dtype() == dtype) {
            return Ok(found.clone());
        }
        let made = frozen.detach().to_dtype(dtype)?;
        rounded.insert(frozen.id(), made.clone());
        Ok(made)
    }

    /// To be called when weights that are not trained get other values: what was made of them is made anew.
    pub fn forget_rounded(&self) {
        locked(&self.rounded).clear();
    }
}

fn locked(map: &Mutex<HashMap<TensorId, Tensor>>) -> MutexGuard<'_, HashMap<TensorId, Tensor>> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}
