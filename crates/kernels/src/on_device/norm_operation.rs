//! Layer norm by itself as an operation of candle, for devices.

use super::launch::storage_of;
use super::norm::{Moments, Norm};
use super::{Body, joined};
use crate::{Error, reference};
use candle_core::{CpuStorage, CudaStorage, CustomOp3, DType, Layout, MetalStorage, Result, Shape, Tensor};

/// As [`crate::layer_norm`], with a body that the caller chooses.
///
/// # Errors
/// Shapes that do not fit, or an operation that the device refuses.
pub fn layer_norm(
    body: Body,
    x: &Tensor,
    [scale, shift]: [&Tensor; 2],
    epsilon: f32,
) -> std::result::Result<Tensor, Error> {
    let dim = scale.elem_count();
    // Kernels take two neighbors at a time.
    if !dim.is_multiple_of(2) || x.elem_count() == 0 {
        return reference::layer_norm(x, scale, shift, epsilon);
    }
    let rows = x.detach().contiguous()?.reshape(((), dim))?;
    let norm = [scale.detach(), shift.detach()];
    let (out, moments) = Norm::new(&norm, epsilon).forward(body, &rows, DType::F32)?;
    let out = out.reshape(x.shape())?;
    if !(x.track_op() || scale.track_op() || shift.track_op()) {
        return Ok(out);
    }
    let out = joined::Out::new(storage_of(&out)?, x.shape().clone());
    Ok(x.apply_op3(scale, shift, Operation { body, rows, norm, moments, epsilon, out })?)
}

struct Operation {
    body: Body,
    /// What came in, `[n, dim]`.
    rows: Tensor,
    norm: [Tensor; 2],
    moments: Moments,
    epsilon: f32,
    out: joined::Out,
}

impl CustomOp3 for Operation {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.out.cpu()
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.out.cuda()
    }

    fn metal_fwd(
        &self,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
    ) -> Result<(MetalStorage, Shape)> {
        self.out.metal()
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        _shift: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.detach().contiguous()?.reshape(self.rows.shape())?;
        let of_x = if x.track_op() {
            let beside = gradient.zeros_like()?;
            let norm = Norm::new(&self.norm, self.epsilon);
            Some(norm.backward(self.body, &gradient, &self.rows, &self.moments, &beside)?.reshape(x.shape())?)
        } else {
            None
        };
        if !scale.track_op() {
            return Ok((of_x, None, None));
        }
        let [of_scale, of_shift] = Norm::gradients(self.body, &gradient, &self.rows, &self.moments)?;
        Ok((of_x, Some(of_scale), Some(of_shift)))
    }
}
