//! Tokens from patches.

use crate::on_device::{self, Body};
use crate::{DirectGradients, Error};
use candle_core::Tensor;
pub use on_device::Embedding;

/// A token for each patch: a linear layer of it, and its position.
///
/// `gradients`: where those of what is trained go. Without there is no backward pass. The patches get no gradient.
///
/// # Shapes
/// `patches`: `[B, N, K]`; the result: `[B, N, D]`.
///
/// # Errors
/// Shapes that do not fit, or an operation that the device refuses.
pub fn embed(patches: &Tensor, embedding: &Embedding, gradients: Option<&DirectGradients>) -> Result<Tensor, Error> {
    let device = patches.device();
    if !device.is_cpu() {
        return on_device::embed(Body::of(device), patches, embedding, gradients);
    }
    let (n_clips, n_patches, len) = patches.dims3()?;
    let Embedding { weight, bias, position } = embedding;
    let rows = patches.reshape((n_clips * n_patches, len))?;
    let tokens = rows.matmul(&weight.t()?)?.broadcast_add(bias)?.reshape((n_clips, n_patches, ()))?;
    let n_other = position.dim(1)?.saturating_sub(n_patches);
    let tokens = tokens.broadcast_add(&position.narrow(1, n_other, n_patches)?)?;
    Ok(if gradients.is_some() { tokens } else { tokens.detach() })
}
