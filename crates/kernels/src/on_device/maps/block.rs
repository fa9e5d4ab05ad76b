//! Batch norm, residual, ReLU and maximum of rectangles, and the way back.

use super::sums::{fold, n_parts, parts_of};
use super::{Body, Launch, fits, host, no_operations};
use crate::rows::DEAD;
use candle_core::{CpuStorage, DType, Result, Shape, Storage, Tensor};

/// A map before and after its pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pooled {
    pub(super) n_clips: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    /// Rows and columns of a rectangle.
    pub(super) pool: [usize; 2],
}

impl Pooled {
    pub(super) fn shape(&self) -> Shape {
        Shape::from((self.n_clips, self.height, self.width, self.channels))
    }

    fn out(&self) -> [usize; 2] {
        [self.height / self.pool[0], self.width / self.pool[1]]
    }

    pub(super) fn out_shape(&self) -> Shape {
        let [height, width] = self.out();
        Shape::from((self.n_clips, height, width, self.channels))
    }

    pub(super) fn is_pooled(&self) -> bool {
        self.pool != [1, 1]
    }

    fn sizes(&self) -> [usize; 6] {
        [self.n_clips, self.height, self.width, self.channels, self.pool[0], self.pool[1]]
    }

    /// Calls `see` with each pixel before the pool, and the one after it that it is part of, if any, with its place there.
    /// Pixels of a rectangle come in the order of their places.
    fn each(&self, mut see: impl FnMut(usize, Option<(usize, u8)>)) {
        let ([out_height, out_width], [pool_height, pool_width]) = (self.out(), self.pool);
        for pixel in 0..self.n_clips * self.height * self.width {
            let (y, x, clip) = (pixel / self.width % self.height, pixel % self.width, pixel / self.width / self.height);
            let is_in = y / pool_height < out_height && x / pool_width < out_width;
            let out = (clip * out_height + y / pool_height) * out_width + x / pool_width;
            see(pixel, is_in.then_some((out, (y % pool_height * pool_width + x % pool_width) as u8)));
        }
    }
}

/// Mean, variance, one over the standard deviation, and batch norm as a factor and a summand: `[5, C]`, of rows `y`, `[N, C]`.
pub(super) fn statistics(body: Body, y: &Tensor, scale: &Tensor, shift: &Tensor, epsilon: f32) -> Result<Tensor> {
    let (n_rows, n_channels) = y.dims2()?;
    let n_parts = n_parts(n_rows, n_channels);
    let parts = match body {
        Body::Kernel => {
            let launch = Launch::once("block", "block_sums").threads(n_parts * n_channels).read(y)?;
            let [parts] = launch
                .ints_of(&[n_rows, n_channels, n_parts])?
                .run([((n_parts, 2 * n_channels).into(), DType::F64)])?;
            parts
        }
        Body::Twin => {
            let y = host::<f32>(y)?;
            parts_of::<2>(n_rows, n_channels, n_parts, |[sum, squares], row, channel| {
                let value = f64::from(y[row * n_channels + channel]);
                *sum += value;
                *squares = value.mul_add(value, *squares);
            })?
        }
        Body::Operations => return no_operations(),
    };
    let sums = fold(body, parts)?;
    match body {
        Body::Kernel => {
            let launch = Launch::once("block", "block_statistics").threads(n_channels);
            let [out] = launch
                .read(&sums)?
                .read(scale)?
                .read(shift)?
                .ints_of(&[n_channels, n_rows])?
                .float(epsilon)
                .run([((5, n_channels).into(), DType::F32)])?;
            Ok(out)
        }
        Body::Twin => {
            let (sums, scale, shift) = (host::<f64>(&sums)?, host::<f32>(scale)?, host::<f32>(shift)?);
            let mut out = vec![0f32; 5 * n_channels];
            for channel in 0..n_channels {
                let mean = sums[channel] / n_rows as f64;
                let wide = (-mean).mul_add(mean, sums[n_channels + channel] / n_rows as f64);
                let variance = if wide < 0.0 { 0.0 } else { wide as f32 };
                let inverse = 1.0 / (variance + epsilon).sqrt();
                let factor = scale[channel] * inverse;
                let summand = (-(mean as f32)).mul_add(factor, shift[channel]);
                for (nth, value) in [mean as f32, variance, inverse, factor, summand].into_iter().enumerate() {
                    out[nth * n_channels + channel] = value;
                }
            }
            Tensor::from_vec(out, (5, n_channels), y.device())
        }
        Body::Operations => no_operations(),
    }
}

/// What a block makes of its convolution's output.
pub(super) struct Followed {
    pub(super) map: Storage,
    /// Which of a rectangle's values was taken, where the way back needs it.
    pub(super) codes: Option<Storage>,
    /// Its `y`, where besides there is a pool.
    pub(super) picked: Option<Storage>,
}

/// What follows a convolution. `affine`: `[2, C]`, factor and summand; `kept`: for the way back.
pub(super) fn follow(
    body: Body,
    y: &Tensor,
    affine: &Tensor,
    residual: Option<&Tensor>,
    size: &Pooled,
    [relu, kept]: [bool; 2],
) -> Result<Followed> {
    let (shape, picked) = (size.out_shape(), kept && size.is_pooled());
    let n_values = shape.elem_count();
    let [map, codes, taken] = match body {
        Body::Kernel => {
            let tensors: Vec<&Tensor> = [y, affine].into_iter().chain(residual).collect();
            let (kernel, n) =
                if fits(4, size.channels, &tensors) { ("block_follow_by_4", 4) } else { ("block_follow", 1) };
            // What is not wanted is a single value that nothing is written to.
            let if_kept = |wanted: bool| if wanted { shape.clone() } else { Shape::from(1) };
            Launch::once("block", kernel)
                .threads(n_values / n)
                .read(y)?
                .read(affine)?
                .read_if(residual)?
                .ints_of(&size.sizes())?
                .ints_of(&[relu.into(), usize::from(kept) + usize::from(picked)])?
                .storages([(shape.clone(), DType::F32), (if_kept(kept), DType::U8), (if_kept(picked), DType::F32)])?
        }
        Body::Twin => {
            let (y, affine, residual) = (host::<f32>(y)?, host::<f32>(affine)?, residual.map(host::<f32>).transpose()?);
            let mut best = vec![if relu { 0.0 } else { f32::NEG_INFINITY }; n_values];
            let (mut codes, mut taken) = (vec![DEAD; n_values], vec![0f32; n_values]);
            size.each(|pixel, out| {
                let Some((out, code)) = out else { return };
                for channel in 0..size.channels {
                    let (at, to) = (pixel * size.channels + channel, out * size.channels + channel);
                    let mut z = y[at].mul_add(affine[channel], affine[size.channels + channel]);
                    if let Some(residual) = &residual {
                        z += residual[at];
                    }
                    if z > best[to] || z.is_nan() {
                        (best[to], codes[to], taken[to]) = (z, code, y[at]);
                    }
                }
            });
            [CpuStorage::F32(best), CpuStorage::U8(codes), CpuStorage::F32(taken)].map(Storage::Cpu)
        }
        Body::Operations => return no_operations(),
    };
    Ok(Followed { map, codes: kept.then_some(codes), picked: picked.then_some(taken) })
}

/// The gradients of scale and shift, and with which factor, offset and slope the gradient of the convolution's output is made
/// of that of the result: `[5, C]`. `gradient`, `codes` and `y` (that was picked) have as many values; `count`: pixels of a
/// channel before the pool.
pub(super) fn coefficients(
    body: Body,
    [gradient, codes, y]: [&Tensor; 3],
    [statistics, scale]: [&Tensor; 2],
    count: usize,
) -> Result<Tensor> {
    let n_channels = scale.elem_count();
    let n_rows = gradient.elem_count() / n_channels;
    let n_parts = n_parts(n_rows, n_channels);
    let parts = match body {
        Body::Kernel => {
            let launch = Launch::once("block", "block_gradient_sums").threads(n_parts * n_channels);
            let [parts] = launch
                .read(gradient)?
                .read(codes)?
                .read(y)?
                .read(statistics)?
                .ints_of(&[n_rows, n_channels, n_parts])?
                .run([((n_parts, 2 * n_channels).into(), DType::F64)])?;
            parts
        }
        Body::Twin => {
            let (gradient, codes, y) = (host::<f32>(gradient)?, host::<u8>(codes)?, host::<f32>(y)?);
            let statistics = host::<f32>(statistics)?;
            parts_of::<2>(n_rows, n_channels, n_parts, |[sum, products], row, channel| {
                let at = row * n_channels + channel;
                let (mean, inverse) = (f64::from(statistics[channel]), f64::from(statistics[2 * n_channels + channel]));
                let value = f64::from(if codes[at] == DEAD { 0.0 } else { gradient[at] });
                *sum += value;
                *products = value.mul_add((f64::from(y[at]) - mean) * inverse, *products);
            })?
        }
        Body::Operations => return no_operations(),
    };
    let sums = fold(body, parts)?;
    match body {
        Body::Kernel => {
            let launch = Launch::once("block", "block_coefficients").threads(n_channels);
            let [out] = launch
                .read(&sums)?
                .read(scale)?
                .read(statistics)?
                .ints_of(&[n_channels, count])?
                .run([((5, n_channels).into(), DType::F32)])?;
            Ok(out)
        }
        Body::Twin => {
            let (sums, scale, statistics) = (host::<f64>(&sums)?, host::<f32>(scale)?, host::<f32>(statistics)?);
            let (mut out, count) = (vec![0f32; 5 * n_channels], count as f64);
            for channel in 0..n_channels {
                let (mean, inverse) = (f64::from(statistics[channel]), f64::from(statistics[2 * n_channels + channel]));
                let (of_shift, of_scale) = (sums[channel], sums[n_channels + channel]);
                let factor = f64::from(scale[channel]) * inverse;
                let slope = -factor * of_scale / count * inverse;
                let offset = (-slope).mul_add(mean, -factor * of_shift / count);
                for (nth, value) in [of_scale, of_shift, factor, offset, slope].into_iter().enumerate() {
                    out[nth * n_channels + channel] = value as f32;
                }
            }
            Tensor::from_vec(out, (5, n_channels), y.device())
        }
        Body::Operations => no_operations(),
    }
}

/// The gradient of the convolution's output `y` in the type of a product's factors, and that of a residual if there is one.
pub(super) fn output_gradient(
    body: Body,
    [y, gradient, codes, coefficients]: [&Tensor; 4],
    size: &Pooled,
    residual: bool,
    dtype: DType,
) -> Result<(Tensor, Option<Tensor>)> {
    let shape = size.shape();
    let n_values = shape.elem_count();
    let [result, routed] = match body {
        Body::Kernel => {
            let tensors = [y, gradient, codes, coefficients];
            let (kernel, n) =
                if fits(4, size.channels, &tensors) { ("block_gradient_by_4", 4) } else { ("block_gradient", 1) };
            let of_residual = if residual { shape.clone() } else { Shape::from(1) };
            let mut launch = Launch::of("block", kernel, dtype).threads(n_values / n);
            for tensor in tensors {
                launch = launch.read(tensor)?;
            }
            let launch = launch.ints_of(&size.sizes())?.int(residual.into())?;
            launch.run([(shape, dtype), (of_residual, DType::F32)])?
        }
        Body::Twin => {
            let (values, gradient) = (host::<f32>(y)?, host::<f32>(gradient)?);
            let (codes, coefficients) = (host::<u8>(codes)?, host::<f32>(coefficients)?);
            let (mut result, mut routed) = (vec![0f32; n_values], vec![0f32; n_values]);
            let n = size.channels;
            size.each(|pixel, out| {
                for channel in 0..n {
                    let at = pixel * n + channel;
                    if let Some((out, code)) = out
                        && codes[out * n + channel] == code
                    {
                        routed[at] = gradient[out * n + channel];
                    }
                    let [factor, offset, slope] = [2, 3, 4].map(|nth| coefficients[nth * n + channel]);
                    result[at] = factor.mul_add(routed[at], slope.mul_add(values[at], offset));
                }
            });
            let result = Tensor::from_vec(result, shape.clone(), y.device())?.to_dtype(dtype)?;
            [result, Tensor::from_vec(routed, shape, y.device())?]
        }
        Body::Operations => return no_operations(),
    };
    Ok((result, residual.then_some(routed)))
}
