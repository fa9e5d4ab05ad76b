//! What is computed before it joins candle's graph.

use candle_core::{CpuStorage, CudaStorage, MetalStorage, Result, Shape, Storage, bail};
use std::sync::{Mutex, PoisonError};

/// The result of an operation that has been computed already: the operation's forward pass gives it away, once.
pub(crate) struct Out {
    storage: Mutex<Option<Storage>>,
    shape: Shape,
}

impl Out {
    pub(crate) fn new(storage: Storage, shape: Shape) -> Self {
        Self { storage: Mutex::new(Some(storage)), shape }
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    fn take(&self) -> Result<Storage> {
        let storage = self.storage.lock().unwrap_or_else(PoisonError::into_inner).take();
        storage.ok_or_else(|| candle_core::Error::Msg("an operation was run forward twice".into()))
    }

    pub(crate) fn cpu(&self) -> Result<(CpuStorage, Shape)> {
        let Storage::Cpu(storage) = self.take()? else { bail!("an operation's tensors are on two devices") };
        Ok((storage, self.shape.clone()))
    }

    pub(crate) fn cuda(&self) -> Result<(CudaStorage, Shape)> {
        let Storage::Cuda(storage) = self.take()? else { bail!("an operation's tensors are on two devices") };
        Ok((storage, self.shape.clone()))
    }

    pub(crate) fn metal(&self) -> Result<(MetalStorage, Shape)> {
        let Storage::Metal(storage) = self.take()? else { bail!("an operation's tensors are on two devices") };
        Ok((storage, self.shape.clone()))
    }
}
