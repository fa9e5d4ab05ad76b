//! Layers of a MobileNet as operations of candle.

use super::joined::join;
use super::layer::{
    Layer, bias_gradient, bias_relu, depthwise, depthwise_back, depthwise_gradients, relu_back_of, relu_back_to,
};
use super::patches::{Seen, patches};
use super::product::{by_transposed, product, transposed_by};
use super::{Body, factors, plain};
use crate::separable::{KERNEL, Size};
use crate::{Compute, DirectGradients, Error, SeparableWeights, reference};
use candle_core::op::BackpropOp;
use candle_core::{DType, Result, Storage, Tensor};

/// The product over channels and what it was made of, which the way back needs.
struct Last {
    body: Body,
    factors: DType,
    /// `[B * H' * W', K]`, in the type of factors.
    rows: Tensor,
    /// `[C_out, K]`, in the type of factors.
    matrix: Tensor,
    weight: Tensor,
    bias: Tensor,
    /// Where the gradients of the weights go.
    gradients: DirectGradients,
}

impl Last {
    /// Puts the gradients of weight and bias where they belong, and gives that of the sums, `[B * H' * W', C_out]`, in the type of
    /// factors.
    fn back(&self, result: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        let n_out = self.bias.elem_count();
        let flat = |tensor: &Tensor| plain(tensor)?.reshape(((), n_out));
        let (result, gradient) = (flat(result)?, flat(gradient)?);
        if self.bias.is_variable() {
            self.gradients.add_tensor(&self.bias, bias_gradient(self.body, &gradient, &result)?)?;
        }
        let of_sums = relu_back_to(self.body, &gradient, &result, self.factors)?;
        if self.weight.is_variable() {
            let of_weight = transposed_by(&of_sums, &self.rows)?; // [C_out, K]
            self.gradients.add_tensor(&self.weight, of_weight.reshape(self.weight.shape())?)?;
        }
        Ok(of_sums)
    }
}

/// As [`crate::separable_layer`].
///
/// # Errors
/// Shapes that do not fit, or an operation that the device refuses.
pub fn separable_layer(
    body: Body,
    map: &Tensor,
    weights: &SeparableWeights,
    stride: usize,
    gradients: Option<&DirectGradients>,
) -> std::result::Result<Tensor, Error> {
    let size = Size::of_layer(map, weights, stride)?;
    if body == Body::Operations {
        let map = reference::separable_layer(map, weights, stride)?;
        return Ok(if gradients.is_some() { map } else { map.detach() });
    }
    let (factors, layer, values) = (factors(Compute::current().precision), Layer(size), plain(map)?);
    let n_in = size.n_in;
    let taps = weights.depthwise.detach().reshape((n_in, KERNEL * KERNEL))?.t()?.contiguous()?; // [9, C]
    let rows = depthwise(body, &values, &taps, &plain(&weights.depthwise_bias)?, &layer, factors)?;
    let matrix = plain(&weights.pointwise)?.reshape((size.n_out, n_in))?.to_dtype(factors)?;
    let result = finish(body, &rows, &matrix, &weights.pointwise_bias, &layer)?;
    let Some(gradients) = gradients else {
        return Ok(Tensor::from_storage(result, layer.out_shape(), BackpropOp::none(), false));
    };
    let (weight, bias) = (weights.pointwise.clone(), weights.pointwise_bias.clone());
    let last = Last { body, factors, rows, matrix, weight, bias, gradients: gradients.clone() };
    let [weight, bias] = [weights.depthwise.clone(), weights.depthwise_bias.clone()];
    let is_wanted = map.track_op();
    let back = move |result: &Tensor, gradient: &Tensor| {
        let of_sums = last.back(result, gradient)?;
        if !(is_wanted || weight.is_variable() || bias.is_variable()) {
            return Ok([None, None, None]);
        }
        let of_inner = relu_back_of(body, &product(&of_sums, &last.matrix)?, &last.rows)?; // [B * H' * W', C]
        if weight.is_variable() || bias.is_variable() {
            let (of_weight, of_bias) = depthwise_gradients(body, &values, &of_inner, &layer)?;
            if weight.is_variable() {
                last.gradients.add_tensor(&weight, of_weight.reshape(weight.shape())?)?;
            }
            if bias.is_variable() {
                last.gradients.add_tensor(&bias, of_bias)?;
            }
        }
        let of_map = if is_wanted { Some(depthwise_back(body, &of_inner, &taps, &layer)?) } else { None };
        Ok([of_map, None, None])
    };
    let anchor = gradients.anchor(map.device())?;
    Ok(join("separable_layer", &[map, anchor], (result, layer.out_shape()), back)?)
}

/// As [`crate::conv_relu`].
///
/// # Errors
/// Shapes that do not fit, or an operation that the device refuses.
pub fn conv_relu(
    body: Body,
    map: &Tensor,
    [weight, bias]: [&Tensor; 2],
    stride: usize,
    gradients: Option<&DirectGradients>,
) -> std::result::Result<Tensor, Error> {
    let size = Size::of_conv(map, weight, bias, stride)?;
    if body == Body::Operations {
        let map = reference::conv_relu(map, weight, bias, stride)?;
        return Ok(if gradients.is_some() { map } else { map.detach() });
    }
    let (factors, layer) = (factors(Compute::current().precision), Layer(size));
    let seen = Seen {
        n_clips: size.n_clips,
        height: size.height,
        width: size.width,
        channels: size.n_in,
        out: [size.out_height(), size.out_width()],
        kernel: KERNEL,
        stride: size.stride,
        before: [size.before(size.height), size.before(size.width)],
    };
    let rows = patches(body, &plain(map)?, &seen, factors)?;
    let matrix = seen.rows_of_weights(weight, factors)?;
    let result = finish(body, &rows, &matrix, bias, &layer)?;
    let Some(gradients) = gradients else {
        return Ok(Tensor::from_storage(result, layer.out_shape(), BackpropOp::none(), false));
    };
    let (weight, bias, to) = (weight.clone(), bias.clone(), gradients.clone());
    let back = move |result: &Tensor, gradient: &Tensor| {
        let n_out = bias.elem_count();
        let flat = |tensor: &Tensor| plain(tensor)?.reshape(((), n_out));
        let (result, gradient) = (flat(result)?, flat(gradient)?);
        if bias.is_variable() {
            to.add_tensor(&bias, bias_gradient(body, &gradient, &result)?)?;
        }
        if weight.is_variable() {
            let of_sums = relu_back_to(body, &gradient, &result, factors)?;
            to.add_tensor(&weight, seen.weights_of_rows(&transposed_by(&of_sums, &rows)?)?)?;
        }
        Ok([None, None, None])
    };
    let anchor = gradients.anchor(map.device())?;
    Ok(join("conv_relu", &[map, anchor], (result, layer.out_shape()), back)?)
}

/// The product over channels, bias and ReLU.
fn finish(body: Body, rows: &Tensor, matrix: &Tensor, bias: &Tensor, layer: &Layer) -> Result<Storage> {
    bias_relu(body, &by_transposed(rows, matrix)?, &plain(bias)?, layer)
}
