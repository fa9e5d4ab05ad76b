//! Maps on their way from block to block, whose gradients go back without a detour.
//!
//! For the gradient of an operation's argument candle makes zeros and adds what the operation gives. Of a map, whose gradient is
//! as large as the map and comes from one place, that is two passes over memory by one thread. So a block's operation has a
//! single value as its result in candle's graph, its *anchor*, and leaves the map beside it; the block that follows takes
//! the anchor as its argument, and puts the map's gradient where the block before it looks. Whoever else looks at the map gets it by an operation
//! that puts the gradient there, too.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A map `[B, H, W, C]`, and where its gradient goes if a block has made it.
#[derive(Debug, Clone)]
pub struct Map {
    tensor: Tensor,
    pub(crate) link: Option<Link>,
}

/// The way back to the block that made a map.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// Stands for the map in candle's graph: `[1]`.
    pub(crate) anchor: Tensor,
    pub(crate) gradient: Slot,
}

impl Map {
    /// What a block has left beside its anchor.
    pub(crate) fn linked(values: Vec<f32>, shape: Shape, link: Link) -> Result<Self> {
        let (values, gradient) = (Mutex::new(Some((values, shape))), link.gradient.clone());
        Ok(Self { tensor: link.anchor.apply_op1(Shown { values, gradient })?, link: Some(link) })
    }

    /// The map alone.
    pub fn into_tensor(self) -> Tensor {
        self.tensor
    }
}

/// A map that no block has made, or whose gradient goes back through candle's store.
impl From<Tensor> for Map {
    fn from(tensor: Tensor) -> Self {
        Self { tensor, link: None }
    }
}

impl Deref for Map {
    type Target = Tensor;

    fn deref(&self) -> &Tensor {
        &self.tensor
    }
}

/// The sum of the gradients that were put in since it was last taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot(Arc<Mutex<Option<Tensor>>>);

impl Slot {
    pub(crate) fn add(&self, gradient: &Tensor) -> Result<()> {
        let mut sum = self.lock();
        *sum = Some(match sum.take() {
            Some(before) => before.add(gradient)?,
            None => gradient.clone(),
        });
        Ok(())
    }

    pub(crate) fn take(&self) -> Option<Tensor> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Tensor>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The gradient of an anchor, which says nothing: candle has to see that there is one.
pub(crate) fn of_anchor(anchor: &Tensor) -> Result<Tensor> {
    Tensor::zeros(1, DType::F32, anchor.device())
}

/// The map beside an anchor, for whoever is not a block.
struct Shown {
    values: Mutex<Option<(Vec<f32>, Shape)>>,
    gradient: Slot,
}

impl CustomOp1 for Shown {
    fn name(&self) -> &'static str {
        "block_map"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        match self.values.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some((values, shape)) => Ok((CpuStorage::F32(values), shape)),
            None => candle_core::bail!("block_map: one operation was run forward twice"),
        }
    }

    fn bwd(&self, anchor: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        self.gradient.add(gradient)?;
        of_anchor(anchor).map(Some)
    }
}
