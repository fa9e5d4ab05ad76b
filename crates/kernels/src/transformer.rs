//! A layer of a transformer as one operation: norm, attention, norm and two linear layers with GELU, each half added to
//! what came in (A. Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021).

mod backward;
mod forward;
mod linear;
mod operation;
mod parts;

use crate::attention::Heads;
use crate::on_device::{self, Body};
use crate::stored::Bf16;
use crate::{Compute, DirectGradients, Error, Path, Precision};
use candle_core::Tensor;
pub(crate) use linear::{Held, column_sums};
use operation::Operation;

/// A linear layer, `x W^T + b`.
#[derive(Debug, Clone)]
pub struct LinearWeights {
    /// `[out, in]`
    pub weight: Tensor,
    /// `[out]`
    pub bias: Tensor,
    /// What is added to the weight, where only that is trained.
    pub adapter: Option<Adapter>,
}

/// A change of a weight by a product of low rank, `factor * up down` (E. Hu et al., "LoRA", 2021).
#[derive(Debug, Clone)]
pub struct Adapter {
    /// `[rank, in]`
    pub down: Tensor,
    /// `[out, rank]`
    pub up: Tensor,
    /// What the product is multiplied with.
    pub factor: f32,
}

/// The tensors of a layer. Those that are variables are trained; the others get no gradient, which costs no time.
#[derive(Debug, Clone)]
pub struct TransformerWeights {
    /// Scale and shift of the first norm, `[D]` each.
    pub norm1: [Tensor; 2],
    /// Queries, keys and values of all heads, `[3 D, D]`.
    pub qkv: LinearWeights,
    /// What becomes of what the heads have gathered, `[D, D]`.
    pub out: LinearWeights,
    /// What the first half is multiplied with before it is added, `[D]` (H. Touvron et al., "Going deeper with Image
    /// Transformers", 2021).
    pub scale1: Option<Tensor>,
    /// Scale and shift of the second norm, `[D]` each.
    pub norm2: [Tensor; 2],
    /// `[F, D]`, followed by GELU.
    pub up: LinearWeights,
    /// `[D, F]`
    pub down: LinearWeights,
    /// What the second half is multiplied with before it is added, `[D]`.
    pub scale2: Option<Tensor>,
}

/// The form of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct TransformerForm {
    /// Number of heads; the width is a multiple of it.
    pub n_heads: usize,
    /// Added to the variance by both norms.
    pub epsilon: f32,
    /// What each clip's halves are multiplied with before they are added, `[B]` each: stochastic depth (G. Huang et al.,
    /// "Deep Networks with Stochastic Depth", 2016).
    pub keep: Option<[Vec<f32>; 2]>,
}

/// One layer, in the precision of [`Compute::current`](crate::Compute::current): with bf16 the factors of all products and
/// the values between them are rounded, the sums and the values between layers are not.
///
/// `gradients`: where those of the weights go. Without, nothing is kept for a backward pass, and there is none.
///
/// The result does not depend on the number of threads.
///
/// # Shapes
/// `tokens`: `[B, T, D]`; so is the result.
///
/// # Errors
/// Shapes that do not fit, or an operation that the device refuses.
pub fn transformer_layer(
    tokens: &Tensor,
    weights: &TransformerWeights,
    form: &TransformerForm,
    gradients: Option<&DirectGradients>,
) -> Result<Tensor, Error> {
    if !tokens.device().is_cpu() {
        return on_device::transformer_layer(Body::of(tokens.device()), tokens, weights, form, gradients);
    }
    let size = Size::check(tokens, weights, form)?;
    let tokens = tokens.contiguous()?;
    let Compute { path, precision } = Compute::current();
    match precision {
        Precision::F32 => apply::<f32>(&tokens, size, weights, form, path, gradients),
        Precision::Bf16 => apply::<Bf16>(&tokens, size, weights, form, path, gradients),
    }
}

fn apply<V: crate::products::Factor>(
    tokens: &Tensor,
    size: Size,
    weights: &TransformerWeights,
    form: &TransformerForm,
    path: Path,
    gradients: Option<&DirectGradients>,
) -> Result<Tensor, Error> {
    let operation = Operation::<V>::new(size, weights.clone(), form.clone(), path, gradients.cloned());
    Ok(match gradients {
        Some(gradients) => tokens.apply_op2(gradients.anchor(tokens.device())?, operation)?,
        None => tokens.apply_op1_no_bwd(&operation)?,
    })
}

/// The sizes of a layer's tensors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) heads: Heads,
    /// Width between the two linear layers, F.
    pub(crate) hidden: usize,
}

impl Size {
    pub(crate) fn check(tokens: &Tensor, weights: &TransformerWeights, form: &TransformerForm) -> Result<Self, Error> {
        let wrong =
            |what, expected: String, got: String| Error::Shape { operation: "transformer_layer", what, expected, got };
        let &[n_clips, n_tokens, dim] = tokens.dims() else {
            return Err(wrong("tokens", "[B, T, D]".into(), format!("{:?}", tokens.dims())));
        };
        if n_clips * n_tokens * dim == 0 || form.n_heads == 0 || !dim.is_multiple_of(form.n_heads) {
            let expected = format!("[B, T, D], none of them 0, D a multiple of {} heads", form.n_heads);
            return Err(wrong("tokens", expected, format!("{:?}", tokens.dims())));
        }
        // Pairs of bf16 must not cross into the next head.
        if !(dim / form.n_heads).is_multiple_of(2) {
            return Err(wrong("heads", "an even width of each".into(), format!("{}", dim / form.n_heads)));
        }
        let hidden = weights.up.weight.dims().first().copied().unwrap_or(0);
        if hidden == 0 || !hidden.is_multiple_of(2) {
            return Err(wrong("up weight", "[F, D] with an even F".into(), format!("{:?}", weights.up.weight.dims())));
        }
        let is = |what, tensor: &Tensor, expected: &[usize]| {
            if tensor.dims() == expected {
                Ok(())
            } else {
                Err(wrong(what, format!("{expected:?}"), format!("{:?}", tensor.dims())))
            }
        };
        for (what, vectors) in [("norm1", &weights.norm1), ("norm2", &weights.norm2)] {
            vectors.iter().try_for_each(|vector| is(what, vector, &[dim]))?;
        }
        weights.scale1.iter().chain(&weights.scale2).try_for_each(|scale| is("scale", scale, &[dim]))?;
        for (what, linear, n_out, n_in) in [
            ("qkv", &weights.qkv, 3 * dim, dim),
            ("out", &weights.out, dim, dim),
            ("up", &weights.up, hidden, dim),
            ("down", &weights.down, dim, hidden),
        ] {
            is(what, &linear.weight, &[n_out, n_in])?;
            is(what, &linear.bias, &[n_out])?;
            if let Some(Adapter { down, up, .. }) = &linear.adapter {
                let rank = down.dims().first().copied().unwrap_or(0);
                is("adapter down", down, &[rank.max(1), n_in])?;
                is("adapter up", up, &[n_out, rank])?;
            }
        }
        for keep in form.keep.iter().flatten() {
            if keep.len() != n_clips {
                return Err(wrong("keep", format!("[{n_clips}]"), format!("[{}]", keep.len())));
            }
        }
        let heads = Heads { n_clips, n_tokens, n_heads: form.n_heads, dim };
        Ok(Self { heads, hidden })
    }

    /// Rows of all clips.
    pub(crate) fn n_rows(&self) -> usize {
        self.heads.n_clips * self.heads.n_tokens
    }
}
