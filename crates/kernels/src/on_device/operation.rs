//! A layer as an operation of candle, for devices.

use super::launch::wrapped;
use super::layer::{Layer, Saved};
use super::{Body, joined};
use crate::transformer::Size;
use crate::{Compute, DirectGradients, Error, Precision, TransformerForm, TransformerWeights};
use candle_core::{CpuStorage, CudaStorage, CustomOp2, DType, Layout, MetalStorage, Result, Shape, Tensor};

/// As [`crate::transformer_layer`], with a body that the caller chooses.
///
/// # Errors
/// Shapes that do not fit, or an operation that the device refuses.
pub fn transformer_layer(
    body: Body,
    tokens: &Tensor,
    weights: &TransformerWeights,
    form: &TransformerForm,
    gradients: Option<&DirectGradients>,
) -> std::result::Result<Tensor, Error> {
    let size = Size::check(tokens, weights, form)?;
    let to = match Compute::current().precision {
        Precision::F32 => DType::F32,
        Precision::Bf16 => DType::BF16,
    };
    let layer = Layer::new(body, to, size, weights, form, gradients)?;
    // Nothing of what follows enters candle's graph.
    let rows = tokens.detach().contiguous()?.reshape((size.n_rows(), size.heads.dim))?;
    let (out, saved) = layer.forward(&rows, gradients.is_some())?;
    let (Some(gradients), Some(saved)) = (gradients, saved) else {
        return Ok(wrapped(out, tokens.shape().clone()));
    };
    let out = joined::Out::new(out, tokens.shape().clone());
    let operation = Operation { layer, saved, out, gradients: gradients.clone() };
    Ok(tokens.apply_op2(gradients.anchor(tokens.device())?, operation)?)
}

/// Joins what is computed already to candle's graph, and goes back by hand.
struct Operation {
    layer: Layer,
    saved: Saved,
    out: joined::Out,
    gradients: DirectGradients,
}

impl CustomOp2 for Operation {
    fn name(&self) -> &'static str {
        "transformer_layer"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.out.cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.out.cuda()
    }

    fn metal_fwd(&self, _: &MetalStorage, _: &Layout, _: &MetalStorage, _: &Layout) -> Result<(MetalStorage, Shape)> {
        self.out.metal()
    }

    fn bwd(
        &self,
        tokens: &Tensor,
        _anchor: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.detach().contiguous()?.reshape(self.saved.rows())?;
        let of_tokens = self.layer.backward(&self.saved, &gradient, tokens.track_op(), &self.gradients)?;
        Ok((of_tokens.map(|gradient| gradient.reshape(self.out.shape())).transpose()?, None))
    }
}
