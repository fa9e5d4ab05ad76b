//! The pieces of a layer of a MobileNet beside its product.

use super::sums::{fold, n_parts, parts_of};
use super::{Body, Launch, fits, host, no_operations};
use crate::separable::{KERNEL, Size};
use candle_core::{CpuStorage, DType, Result, Shape, Storage, Tensor};

const TAPS: usize = KERNEL * KERNEL;

/// A layer's sizes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer(pub(super) Size);

impl Layer {
    pub(super) fn out_shape(&self) -> Shape {
        Shape::from((self.0.n_clips, self.0.out_height(), self.0.out_width(), self.0.n_out))
    }

    fn sizes(&self) -> [usize; 9] {
        let Size { n_clips, height, width, n_in, stride, .. } = self.0;
        let [above, before] = [self.0.before(height), self.0.before(width)];
        [n_clips, height, width, n_in, self.0.out_height(), self.0.out_width(), stride, above, before]
    }

    /// Calls `see` with each place of a kernel, pixel of the output and pixel of the map that it sees there.
    fn each(&self, mut see: impl FnMut(usize, usize, usize)) {
        let [_, height, width, _, out_height, out_width, stride, above, before] = self.sizes();
        for tap in 0..TAPS {
            for pixel in 0..self.0.n_pixels() {
                let (line, column, clip) =
                    (pixel / out_width % out_height, pixel % out_width, pixel / out_width / out_height);
                let y = (line * stride + tap / KERNEL).wrapping_sub(above);
                let x = (column * stride + tap % KERNEL).wrapping_sub(before);
                if y < height && x < width {
                    see(tap, pixel, (clip * height + y) * width + x);
                }
            }
        }
    }
}

/// The convolution of each channel, bias and ReLU: `[B * H' * W', C]` in the type of a product's factors. `taps`: `[9, C]`.
pub(super) fn depthwise(
    body: Body,
    map: &Tensor,
    taps: &Tensor,
    bias: &Tensor,
    layer: &Layer,
    dtype: DType,
) -> Result<Tensor> {
    let (n_pixels, n) = (layer.0.n_pixels(), layer.0.n_in);
    match body {
        Body::Kernel => {
            let (kernel, by) = if fits(4, n, &[map, taps, bias]) { ("depthwise_by_4", 4) } else { ("depthwise", 1) };
            let launch = Launch::of("separable", kernel, dtype).threads(n_pixels * n / by);
            let launch = launch.read(map)?.read(taps)?.read(bias)?.ints_of(&layer.sizes())?;
            let [out] = launch.run([((n_pixels, n).into(), dtype)])?;
            Ok(out)
        }
        Body::Twin => {
            let (map, taps, bias) = (host::<f32>(map)?, host::<f32>(taps)?, host::<f32>(bias)?);
            let mut out = bias.repeat(n_pixels);
            layer.each(|tap, pixel, from| {
                for channel in 0..n {
                    let sum = &mut out[pixel * n + channel];
                    *sum = map[from * n + channel].mul_add(taps[tap * n + channel], *sum);
                }
            });
            out.iter_mut().for_each(|out| *out = if *out <= 0.0 { 0.0 } else { *out });
            Tensor::from_vec(out, (n_pixels, n), &candle_core::Device::Cpu)?.to_dtype(dtype)
        }
        Body::Operations => no_operations(),
    }
}

/// The gradient of the map, `[B, H, W, C]`, from that of the sums, `[B * H' * W', C]`.
pub(super) fn depthwise_back(body: Body, gradient: &Tensor, taps: &Tensor, layer: &Layer) -> Result<Tensor> {
    let Size { n_clips, height, width, n_in: n, .. } = layer.0;
    let shape = Shape::from((n_clips, height, width, n));
    match body {
        Body::Kernel => {
            let (kernel, by) =
                if fits(4, n, &[gradient, taps]) { ("depthwise_back_by_4", 4) } else { ("depthwise_back", 1) };
            let launch = Launch::once("separable", kernel).threads(shape.elem_count() / by);
            let [out] = launch.read(gradient)?.read(taps)?.ints_of(&layer.sizes())?.run([(shape, DType::F32)])?;
            Ok(out)
        }
        Body::Twin => {
            let (values, taps, mut out) = (host::<f32>(gradient)?, host::<f32>(taps)?, vec![0f32; shape.elem_count()]);
            layer.each(|tap, pixel, to| {
                for channel in 0..n {
                    let sum = &mut out[to * n + channel];
                    *sum = values[pixel * n + channel].mul_add(taps[tap * n + channel], *sum);
                }
            });
            Tensor::from_vec(out, shape, gradient.device())
        }
        Body::Operations => no_operations(),
    }
}

/// The gradients of weights, `[C, 9]`, and bias, `[C]`, from that of the sums, `[B * H' * W', C]`.
pub(super) fn depthwise_gradients(
    body: Body,
    map: &Tensor,
    gradient: &Tensor,
    layer: &Layer,
) -> Result<(Tensor, Tensor)> {
    const SUMS: usize = TAPS + 1;
    let (n_pixels, n) = (layer.0.n_pixels(), layer.0.n_in);
    let n_parts = n_parts(n_pixels, n);
    let parts = match body {
        Body::Kernel => {
            let launch = Launch::once("separable", "depthwise_sums").threads(n_parts * n);
            let launch = launch.read(map)?.read(gradient)?.ints_of(&layer.sizes())?.int(n_parts)?;
            let [parts] = launch.run([((n_parts, SUMS * n).into(), DType::F64)])?;
            parts
        }
        Body::Twin => {
            let (values, gradient) = (host::<f32>(map)?, host::<f32>(gradient)?);
            let mut seen = vec![[None; TAPS]; n_pixels];
            layer.each(|tap, pixel, from| seen[pixel][tap] = Some(from));
            parts_of::<SUMS>(n_pixels, n, n_parts, |sums, pixel, channel| {
                let value = f64::from(gradient[pixel * n + channel]);
                for (sum, from) in sums.iter_mut().zip(seen[pixel]) {
                    if let Some(from) = from {
                        *sum = f64::from(values[from * n + channel]).mul_add(value, *sum);
                    }
                }
                sums[TAPS] += value;
            })?
        }
        Body::Operations => return no_operations(),
    };
    let sums = fold(body, parts)?.to_dtype(DType::F32)?.reshape((SUMS, n))?;
    Ok((sums.narrow(0, 0, TAPS)?.t()?.contiguous()?, sums.narrow(0, TAPS, 1)?.squeeze(0)?.force_contiguous()?))
}

/// Bias and ReLU of a product, `[B * H' * W', C_out]`.
pub(super) fn bias_relu(body: Body, x: &Tensor, bias: &Tensor, layer: &Layer) -> Result<Storage> {
    let (n_rows, n) = x.dims2()?;
    match body {
        Body::Kernel => {
            let (kernel, by) = if fits(4, n, &[x, bias]) { ("bias_relu_by_4", 4) } else { ("bias_relu", 1) };
            let launch = Launch::once("separable", kernel).threads(n_rows * n / by).read(x)?.read(bias)?;
            let [out] = launch.ints_of(&[n_rows, n])?.storages([(layer.out_shape(), DType::F32)])?;
            Ok(out)
        }
        Body::Twin => {
            let (mut values, bias) = (host::<f32>(x)?, host::<f32>(bias)?);
            for (at, value) in values.iter_mut().enumerate() {
                *value += bias[at % n];
                *value = if *value <= 0.0 { 0.0 } else { *value };
            }
            Ok(Storage::Cpu(CpuStorage::F32(values)))
        }
        Body::Operations => no_operations(),
    }
}

/// The gradient of the bias before ReLU, `[C]`, from the gradient and ReLU's result, `[N, C]`.
pub(super) fn bias_gradient(body: Body, gradient: &Tensor, kept: &Tensor) -> Result<Tensor> {
    let (n_rows, n) = gradient.dims2()?;
    let n_parts = n_parts(n_rows, n);
    let parts = match body {
        Body::Kernel => {
            let launch = Launch::once("separable", "relu_back_sums").threads(n_parts * n).read(gradient)?.read(kept)?;
            let [parts] = launch.ints_of(&[n_rows, n, n_parts])?.run([((n_parts, n).into(), DType::F64)])?;
            parts
        }
        Body::Twin => {
            let (gradient, kept) = (host::<f32>(gradient)?, host::<f32>(kept)?);
            parts_of::<1>(n_rows, n, n_parts, |[sum], row, channel| {
                let at = row * n + channel;
                *sum += f64::from(if kept[at] > 0.0 { gradient[at] } else { 0.0 });
            })?
        }
        Body::Operations => return no_operations(),
    };
    fold(body, parts)?.to_dtype(DType::F32)?.squeeze(0)
}

/// The gradient before ReLU, whose result is `kept`, in the type of a product's factors.
pub(super) fn relu_back_to(body: Body, gradient: &Tensor, kept: &Tensor, dtype: DType) -> Result<Tensor> {
    relu_back(body, gradient, kept, dtype, (["relu_back_to", "relu_back_to_by_4"], dtype))
}

/// The same in `f32`, where `kept` is of the type of a product's factors.
pub(super) fn relu_back_of(body: Body, gradient: &Tensor, kept: &Tensor) -> Result<Tensor> {
    relu_back(body, gradient, kept, DType::F32, (["relu_back_of", "relu_back_of_by_4"], kept.dtype()))
}

fn relu_back(
    body: Body,
    gradient: &Tensor,
    kept: &Tensor,
    dtype: DType,
    (kernels, of): ([&'static str; 2], DType),
) -> Result<Tensor> {
    let (n_rows, n) = gradient.dims2()?;
    match body {
        Body::Kernel => {
            let (kernel, by) = if fits(4, n, &[gradient, kept]) { (kernels[1], 4) } else { (kernels[0], 1) };
            let launch = Launch::of("separable", kernel, of).threads(n_rows * n / by).read(gradient)?.read(kept)?;
            let [out] = launch.ints_of(&[n_rows, n])?.run([((n_rows, n).into(), dtype)])?;
            Ok(out)
        }
        Body::Twin => {
            let kept = host::<f32>(&kept.to_dtype(DType::F32)?)?;
            let mut values = host::<f32>(gradient)?;
            for (value, kept) in values.iter_mut().zip(kept) {
                *value = if kept > 0.0 { *value } else { 0.0 };
            }
            Tensor::from_vec(values, (n_rows, n), gradient.device())?.to_dtype(dtype)
        }
        Body::Operations => no_operations(),
    }
}
