//! The block as one operation of candle, for the CPU.

use crate::block::{BlockForm, BlockSize, Norm};
use crate::linked::{Link, Map, Slot, of_anchor};
use crate::scratch::Buffer;
use crate::table::Table;
use crate::{Compute, Error, backward, forward};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Storage, Tensor};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A block in the graph of candle.
pub(crate) struct Fused {
    pub(crate) size: BlockSize,
    pub(crate) relu: bool,
    pub(crate) input_gradient: bool,
    pub(crate) norm: Affine,
    pub(crate) table: &'static Table,
    saved: Arc<OnceLock<Saved>>,
    /// The map that comes in, where an anchor stands for it, and where its gradient goes.
    before: Option<(Tensor, Slot)>,
    /// Where the gradient of the map that goes out is, if an anchor stands for it.
    behind: Option<Slot>,
    /// The map that goes out, if an anchor stands for it.
    pub(crate) made: Arc<Made>,
}

/// A map on its way out.
#[derive(Default)]
pub(crate) struct Made(Mutex<Option<Vec<f32>>>);

impl Made {
    fn set(&self, values: Vec<f32>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(values);
    }

    pub(crate) fn take(&self) -> Option<Vec<f32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Where batch norm's mean and variance come from.
pub(crate) enum Affine {
    Batch { epsilon: f32 },
    Running { mean: Vec<f32>, variance: Vec<f32>, epsilon: f32 },
}

/// What the backward pass needs of the way forward.
pub(crate) struct Saved {
    /// The convolution's output, `[B, H', W', C]`, where it [is kept](BlockSize::is_kept).
    pub(crate) y: Buffer<f32>,
    /// Which of a pool's inputs was taken, `[B, OH, OW, C]`.
    pub(crate) codes: Buffer<u8>,
    /// Its `y`, `[B, OH, OW, C]`.
    pub(crate) picked: Buffer<f32>,
    pub(crate) mean: Vec<f32>,
    pub(crate) variance: Vec<f32>,
    /// One over the standard deviation.
    pub(crate) inverse: Vec<f32>,
}

impl Fused {
    pub(crate) fn new(
        size: BlockSize,
        form: &BlockForm,
        norm: &Norm<'_>,
        saved: Arc<OnceLock<Saved>>,
    ) -> std::result::Result<Self, Error> {
        let norm = match *norm {
            Norm::Batch { epsilon } => Affine::Batch { epsilon },
            Norm::Running { mean, variance, epsilon } => {
                Affine::Running { mean: mean.to_vec1()?, variance: variance.to_vec1()?, epsilon }
            }
        };
        let (relu, input_gradient) = (form.relu, form.input_gradient);
        let table = Table::of(Compute::current().path);
        Ok(Self { size, relu, input_gradient, norm, table, saved, before: None, behind: None, made: Arc::default() })
    }

    /// Between the block that made `map` and one that will find the gradient in `behind`, where there are such.
    pub(crate) fn between(self, map: &Map, behind: Option<Slot>) -> Result<Self> {
        let of_link = |link: &Link| Ok::<_, candle_core::Error>((map.detach().contiguous()?, link.gradient.clone()));
        Ok(Self { before: map.link.as_ref().map(of_link).transpose()?, behind, ..self })
    }

    fn forward(
        &self,
        map: (&CpuStorage, &Layout),
        weights: (&CpuStorage, &Layout),
        residual: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let weights = Weights::split(slice(weights.0, weights.1)?, &self.size);
        let residual = residual.map(|(storage, layout)| slice(storage, layout)).transpose()?;
        let out = match &self.before {
            Some((before, _)) => with_slice(before, |map| self.output(map, &weights, residual))?,
            None => self.output(slice(map.0, map.1)?, &weights, residual)?,
        };
        if self.behind.is_none() {
            return Ok((CpuStorage::F32(out), self.size.output()));
        }
        self.made.set(out);
        Ok((CpuStorage::F32(vec![0.0]), Shape::from(1)))
    }

    fn output(&self, map: &[f32], weights: &Weights<'_>, residual: Option<&[f32]>) -> Result<Vec<f32>> {
        Ok(match &self.norm {
            Affine::Batch { epsilon } => {
                let (out, saved) = forward::train(self, map, weights, residual, *epsilon);
                if self.saved.set(saved).is_err() {
                    candle_core::bail!("conv_block: one operation was run forward twice");
                }
                out
            }
            Affine::Running { mean, variance, epsilon } => {
                let affine = weights.affine(mean, &inverse(variance, *epsilon));
                forward::evaluate(self, map, weights, residual, &affine)
            }
        })
    }

    fn backward(&self, map: &Tensor, weights: &Tensor, residual: bool, gradient: &Tensor) -> Result<Gradients> {
        let Some(saved) = self.saved.get() else {
            candle_core::bail!(
                "conv_block: there is no backward pass through running statistics; train with Norm::Batch"
            );
        };
        let gradient = match &self.behind {
            None => gradient.contiguous()?,
            Some(behind) => match behind.take() {
                Some(gradient) => gradient.contiguous()?,
                None => candle_core::bail!("conv_block: the gradient of its map is missing"),
            },
        };
        let input = self.before.as_ref().map_or(map, |(before, _)| before);
        let result = with_slice(input, |map| {
            with_slice(weights, |weights| {
                with_slice(&gradient, |gradient| {
                    let weights = Weights::split(weights, &self.size);
                    Ok(backward::run(self, saved, map, &weights, residual, gradient))
                })
            })
        })?;
        let size = &self.size;
        let tensor = |values: Vec<f32>, height, width, n_channels| {
            Tensor::from_vec(values, (size.n_clips, height, width, n_channels), map.device())
        };
        let of_map = result.map.map(|values| tensor(values, size.height, size.width, size.n_in)).transpose()?;
        Ok(Gradients {
            map: match (&self.before, of_map) {
                (Some((_, slot)), Some(gradient)) => {
                    slot.add(&gradient)?;
                    Some(of_anchor(map)?)
                }
                (_, of_map) => of_map,
            },
            weights: Tensor::new(result.weights, weights.device())?,
            residual: result
                .residual
                .map(|values| tensor(values, size.conv_height(), size.conv_width(), size.n_out))
                .transpose()?,
        })
    }
}

struct Gradients {
    map: Option<Tensor>,
    weights: Tensor,
    residual: Option<Tensor>,
}

/// One over the standard deviation.
pub(crate) fn inverse(variance: &[f32], epsilon: f32) -> Vec<f32> {
    variance.iter().map(|v| 1.0 / (v + epsilon).sqrt()).collect()
}

/// A block's trained values, in the order of its second argument.
pub(crate) struct Weights<'a> {
    /// `[C_out, C_in, K, K]`
    pub(crate) conv: &'a [f32],
    pub(crate) scale: &'a [f32],
    pub(crate) shift: &'a [f32],
}

impl<'a> Weights<'a> {
    fn split(packed: &'a [f32], size: &BlockSize) -> Self {
        let (conv, norm) = packed.split_at(size.weight_len());
        let (scale, shift) = norm.split_at(size.n_out);
        Self { conv, scale, shift }
    }

    /// Factor and summand that are batch norm, `[2, C]`.
    pub(crate) fn affine(&self, mean: &[f32], inverse: &[f32]) -> Vec<f32> {
        let factor = self.scale.iter().zip(inverse).map(|(scale, inverse)| scale * inverse);
        let summand =
            self.shift.iter().zip(mean).zip(factor.clone()).map(|((shift, mean), factor)| shift - mean * factor);
        factor.clone().chain(summand).collect()
    }
}

/// The values of a contiguous tensor.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(&storage.as_slice::<f32>()?[from..to]),
        None => candle_core::bail!("kernels: expected a contiguous tensor, got strides {:?}", layout.stride()),
    }
}

/// Lends the values of a tensor on the CPU.
pub(crate) fn with_slice<T>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(slice(storage, layout)?),
        _ => candle_core::bail!("kernels: expected a tensor on the CPU, got one on {:?}", tensor.device()),
    }
}

impl CustomOp2 for Fused {
    fn name(&self) -> &'static str {
        "conv_block"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward((s1, l1), (s2, l2), None)
    }

    fn bwd(
        &self,
        map: &Tensor,
        weights: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradients = self.backward(map, weights, false, gradient)?;
        Ok((gradients.map, Some(gradients.weights)))
    }
}

impl CustomOp3 for Fused {
    fn name(&self) -> &'static str {
        "conv_block"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((s1, l1), (s2, l2), Some((s3, l3)))
    }

    fn bwd(
        &self,
        map: &Tensor,
        weights: &Tensor,
        _: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradients = self.backward(map, weights, true, gradient)?;
        Ok((gradients.map, Some(gradients.weights), gradients.residual))
    }
}
