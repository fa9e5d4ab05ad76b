//! Layers of a MobileNet (A. Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
//! Applications", 2017) without batch norm, which is folded into the weights: a 3x3 convolution, of each channel by itself
//! or of all together, and a product over channels, each followed by ReLU.

mod operation;
mod taps;

use crate::on_device::{Body, maps};
use crate::stored::Bf16;
use crate::{Compute, DirectGradients, Error, Precision};
use candle_core::Tensor;
use operation::{First, Operation};

/// The tensors of a depthwise separable layer. Those that are variables are trained.
#[derive(Debug, Clone)]
pub struct SeparableWeights {
    /// A 3x3 kernel a channel, `[C, 1, 3, 3]`.
    pub depthwise: Tensor,
    /// `[C]`
    pub depthwise_bias: Tensor,
    /// `[C_out, C, 1, 1]`
    pub pointwise: Tensor,
    /// `[C_out]`
    pub pointwise_bias: Tensor,
}

/// Sizes of a layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) n_clips: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) n_in: usize,
    pub(crate) n_out: usize,
    pub(crate) stride: usize,
}

/// Rows and columns of the kernel.
pub(crate) const KERNEL: usize = 3;

impl Size {
    /// Those of [`separable_layer`], if they fit.
    pub(crate) fn of_layer(map: &Tensor, weights: &SeparableWeights, stride: usize) -> Result<Self, Error> {
        const NAME: &str = "separable_layer";
        let n_out = weights.pointwise_bias.elem_count();
        let size = check(NAME, map, stride, n_out)?;
        let n_in = size.n_in;
        is(NAME, "depthwise weight", &weights.depthwise, &[n_in, 1, KERNEL, KERNEL])?;
        is(NAME, "depthwise bias", &weights.depthwise_bias, &[n_in])?;
        is(NAME, "pointwise weight", &weights.pointwise, &[n_out, n_in, 1, 1])?;
        is(NAME, "pointwise bias", &weights.pointwise_bias, &[n_out])?;
        Ok(size)
    }

    /// Those of [`conv_relu`], if they fit.
    pub(crate) fn of_conv(map: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize) -> Result<Self, Error> {
        const NAME: &str = "conv_relu";
        let n_out = bias.elem_count();
        let size = check(NAME, map, stride, n_out)?;
        is(NAME, "weight", weight, &[n_out, size.n_in, KERNEL, KERNEL])?;
        is(NAME, "bias", bias, &[n_out])?;
        Ok(size)
    }

    pub(crate) fn out_height(&self) -> usize {
        self.height.div_ceil(self.stride)
    }

    pub(crate) fn out_width(&self) -> usize {
        self.width.div_ceil(self.stride)
    }

    /// Zeros before a direction of so many values: as many as behind it, or one fewer. That is TensorFlow's `SAME`, and not
    /// a margin of one all around: with a stride of 2 and an even length the first output begins at the first value.
    pub(crate) fn before(&self, len: usize) -> usize {
        let reached = (len.div_ceil(self.stride) - 1) * self.stride + KERNEL;
        reached.saturating_sub(len) / 2
    }

    /// Pixels of all clips' outputs.
    pub(crate) fn n_pixels(&self) -> usize {
        self.n_clips * self.out_height() * self.out_width()
    }
}

/// A 3x3 convolution of each channel, a bias and ReLU; then a product over channels, a bias and ReLU.
///
/// The map is padded with zeros, as `SAME` in TensorFlow. `gradients` as in [`crate::transformer_layer`], and so is
/// the precision.
///
/// # Shapes
/// `map`: `[B, H, W, C]`; the result: `[B, H', W', C_out]`, H' and W' those of the map over the stride, rounded up.
///
/// # Errors
/// Shapes that do not fit, a stride that is neither 1 nor 2, or an operation that the device refuses.
pub fn separable_layer(
    map: &Tensor,
    weights: &SeparableWeights,
    stride: usize,
    gradients: Option<&DirectGradients>,
) -> Result<Tensor, Error> {
    if !map.device().is_cpu() {
        return maps::separable_layer(Body::of(map.device()), map, weights, stride, gradients);
    }
    let size = Size::of_layer(map, weights, stride)?;
    let first = First::Depthwise { weight: weights.depthwise.clone(), bias: weights.depthwise_bias.clone() };
    apply(map, size, first, [&weights.pointwise, &weights.pointwise_bias], gradients)
}

/// A 3x3 convolution over all channels, a bias and ReLU; for the rest as [`separable_layer`]. The map gets no gradient: it
/// is for a first layer.
///
/// # Shapes
/// `map`: `[B, H, W, C]`; `weight`: `[C_out, C, 3, 3]`; `bias`: `[C_out]`; the result: `[B, H', W', C_out]`.
///
/// # Errors
/// As [`separable_layer`].
pub fn conv_relu(
    map: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    stride: usize,
    gradients: Option<&DirectGradients>,
) -> Result<Tensor, Error> {
    if !map.device().is_cpu() {
        return maps::conv_relu(Body::of(map.device()), map, [weight, bias], stride, gradients);
    }
    let size = Size::of_conv(map, weight, bias, stride)?;
    apply(map, size, First::Patches, [weight, bias], gradients)
}

fn apply(
    map: &Tensor,
    size: Size,
    first: First,
    [weight, bias]: [&Tensor; 2],
    gradients: Option<&DirectGradients>,
) -> Result<Tensor, Error> {
    let map = map.contiguous()?;
    let last = [weight.clone(), bias.clone()];
    let Compute { path, precision } = Compute::current();
    match precision {
        Precision::F32 => Operation::<f32>::apply(&map, size, first, last, path, gradients),
        Precision::Bf16 => Operation::<Bf16>::apply(&map, size, first, last, path, gradients),
    }
}

fn check(operation: &'static str, map: &Tensor, stride: usize, n_out: usize) -> Result<Size, Error> {
    let wrong = |what, expected: &str, got: String| Error::Shape { operation, what, expected: expected.into(), got };
    let &[n_clips, height, width, n_in] = map.dims() else {
        return Err(wrong("map", "[B, H, W, C]", format!("{:?}", map.dims())));
    };
    if n_clips * height * width * n_in * n_out == 0 {
        return Err(wrong("map", "[B, H, W, C], none of them 0", format!("{:?}", map.dims())));
    }
    if !(1..=2).contains(&stride) {
        return Err(wrong("stride", "1 or 2", stride.to_string()));
    }
    Ok(Size { n_clips, height, width, n_in, n_out, stride })
}

fn is(operation: &'static str, what: &'static str, tensor: &Tensor, expected: &[usize]) -> Result<(), Error> {
    if tensor.dims() == expected {
        return Ok(());
    }
    let (expected, got) = (format!("{expected:?}"), format!("{:?}", tensor.dims()));
    Err(Error::Shape { operation, what, expected, got })
}
