//! The linear layers of a layer on a device: their operands, and their gradients.

use crate::{Adapter, DirectGradients, LinearWeights};
use candle_core::{DType, Result, Tensor};

/// A product of matrices, `[M, K]` by `[K, N]` or with a dimension for many of them before, whose sums are f32 and which is in
/// the type of its factors. Candle's product on the CPU refuses bf16; that of devices is cuBLAS's or its like.
pub(super) fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.device().is_cpu() && a.dtype() == DType::BF16 {
        return a.to_dtype(DType::F32)?.matmul(&b.to_dtype(DType::F32)?)?.to_dtype(DType::BF16);
    }
    a.matmul(b)
}

/// A linear layer whose operand is in the type of the products.
#[derive(Debug)]
pub(super) struct Linear {
    /// With the adapter, `[out, in]`.
    operand: Tensor,
    /// Detached, f32.
    pub(super) bias: Tensor,
    weights: LinearWeights,
}

impl Linear {
    /// `kept`: has the operands of frozen weights that it made before.
    pub(super) fn new(weights: &LinearWeights, to: DType, kept: Option<&DirectGradients>) -> Result<Self> {
        let operand = match (&weights.adapter, kept) {
            (Some(Adapter { down, up, factor }), _) => {
                let change = (up.detach().matmul(&down.detach())? * f64::from(*factor))?;
                (weights.weight.detach() + change)?.to_dtype(to)?
            }
            (None, Some(kept)) if to != DType::F32 && !weights.weight.is_variable() => {
                kept.rounded(&weights.weight, to)?
            }
            _ => weights.weight.detach().to_dtype(to)?,
        };
        Ok(Self { operand, bias: weights.bias.detach(), weights: weights.clone() })
    }

    /// `x W^T`, without the bias.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        product(x, &self.operand.t()?)
    }

    /// The gradient of what comes in.
    pub(super) fn backward(&self, gradient: &Tensor) -> Result<Tensor> {
        product(gradient, &self.operand)
    }

    /// Whether the gradients need what came in.
    pub(super) fn needs_input(&self) -> bool {
        let LinearWeights { weight, adapter, .. } = &self.weights;
        let of_adapter = |Adapter { down, up, .. }: &Adapter| down.is_variable() || up.is_variable();
        weight.is_variable() || adapter.as_ref().is_some_and(of_adapter)
    }

    pub(super) fn is_bias_trained(&self) -> bool {
        self.weights.bias.is_variable()
    }

    /// Hands over the gradients of all that is trained but the bias.
    ///
    /// # Shapes
    /// `input`: `[M, in]`, there if [`needs_input`](Self::needs_input); `gradient`: that of the output, `[M, out]`
    pub(super) fn gradients(&self, input: Option<&Tensor>, gradient: &Tensor, to: &DirectGradients) -> Result<()> {
        let Some(input) = input.filter(|_| self.needs_input()) else { return Ok(()) };
        let LinearWeights { weight, adapter, .. } = &self.weights;
        if weight.is_variable() {
            to.add_tensor(weight, product(&gradient.t()?, input)?)?;
        }
        let Some(Adapter { down, up, factor }) = adapter else { return Ok(()) };
        let scaled = |product: Tensor| product.to_dtype(DType::F32)? * f64::from(*factor);
        if up.is_variable() {
            let through = product(input, &down.detach().to_dtype(input.dtype())?.t()?)?; // [M, rank]
            to.add_tensor(up, scaled(product(&gradient.t()?, &through)?)?)?;
        }
        if down.is_variable() {
            let back = product(gradient, &up.detach().to_dtype(gradient.dtype())?)?; // [M, rank]
            to.add_tensor(down, scaled(product(&back.t()?, input)?)?)?;
        }
        Ok(())
    }

    /// Hands over the gradient of the bias, if it is trained.
    pub(super) fn hand_over_bias(&self, gradient: &Tensor, to: &DirectGradients) -> Result<()> {
        hand_over(&self.weights.bias, gradient, to)
    }
}

/// Hands over a gradient of what is trained.
pub(super) fn hand_over(variable: &Tensor, gradient: &Tensor, to: &DirectGradients) -> Result<()> {
    if variable.is_variable() { to.add_tensor(variable, gradient.clone()) } else { Ok(()) }
}
