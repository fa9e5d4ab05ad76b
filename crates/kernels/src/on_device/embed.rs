//! Tokens from patches on a device: a linear layer and a position for each token.

use super::columns::column_sums;
use super::launch::storage_of;
use super::linear::hand_over;
use super::{Body, joined};
use crate::{DirectGradients, Error};
use candle_core::{CpuStorage, CudaStorage, CustomOp1, Layout, MetalStorage, Result, Shape, Tensor};

/// What makes tokens of patches.
#[derive(Debug, Clone)]
pub struct Embedding {
    /// `[D, K]`
    pub weight: Tensor,
    /// `[D]`
    pub bias: Tensor,
    /// `[1, S + N, D]`: the first S are of other tokens.
    pub position: Tensor,
}

impl Embedding {
    fn is_trained(&self) -> bool {
        [&self.weight, &self.bias, &self.position].into_iter().any(Tensor::is_variable)
    }
}

/// As [`crate::embed`], with a body that the caller chooses.
///
/// # Errors
/// Shapes that do not fit, or an operation that the device refuses.
pub fn embed(
    body: Body,
    patches: &Tensor,
    embedding: &Embedding,
    gradients: Option<&DirectGradients>,
) -> std::result::Result<Tensor, Error> {
    let (n_clips, n_patches, len) = patches.dims3()?;
    let (dim, n_other) = (embedding.weight.dim(0)?, embedding.position.dim(1)?.saturating_sub(n_patches));
    let rows = patches.detach().reshape((n_clips * n_patches, len))?;
    let product = rows.matmul(&embedding.weight.detach().t()?)?.reshape((n_clips, n_patches, dim))?;
    let places = embedding.position.detach().narrow(1, n_other, n_patches)?;
    let tokens = product.broadcast_add(&places.broadcast_add(&embedding.bias.detach())?)?;
    let Some(gradients) = gradients.filter(|_| embedding.is_trained()) else { return Ok(tokens) };
    let out = joined::Out::new(storage_of(&tokens)?, tokens.shape().clone());
    let operation = Operation { body, rows, embedding: embedding.clone(), n_other, out, gradients: gradients.clone() };
    Ok(gradients.anchor(patches.device())?.apply_op1(operation)?)
}

struct Operation {
    body: Body,
    /// `[B * N, K]`
    rows: Tensor,
    embedding: Embedding,
    /// Positions before those of the patches.
    n_other: usize,
    out: joined::Out,
    gradients: DirectGradients,
}

impl CustomOp1 for Operation {
    fn name(&self) -> &'static str {
        "embed"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.out.cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.out.cuda()
    }

    fn metal_fwd(&self, _: &MetalStorage, _: &Layout) -> Result<(MetalStorage, Shape)> {
        self.out.metal()
    }

    fn bwd(&self, _anchor: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (n_clips, n_patches, dim) = gradient.dims3()?;
        let gradient = gradient.detach().contiguous()?;
        let of_rows = gradient.reshape((n_clips * n_patches, dim))?;
        let Embedding { weight, bias, position } = &self.embedding;
        if weight.is_variable() {
            hand_over(weight, &of_rows.t()?.matmul(&self.rows)?, &self.gradients)?;
        }
        if bias.is_variable() {
            hand_over(bias, &column_sums(self.body, &of_rows)?, &self.gradients)?;
        }
        if position.is_variable() {
            let by_clip = gradient.reshape((n_clips, n_patches * dim))?;
            let of_places = column_sums(self.body, &by_clip)?.reshape((1, n_patches, dim))?;
            hand_over(position, &of_places.pad_with_zeros(1, self.n_other, 0)?, &self.gradients)?;
        }
        Ok(None)
    }
}
