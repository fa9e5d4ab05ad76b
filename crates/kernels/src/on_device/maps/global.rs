//! The pool of a whole map.

use super::joined::join;
use super::{Body, Launch, host, no_operations, plain};
use crate::{Error, reference};
use candle_core::{CpuStorage, DType, Result, Shape, Storage, Tensor};

/// As [`crate::global_pool`].
///
/// # Errors
/// An operation that the device refuses.
pub fn global_pool(body: Body, map: &Tensor) -> std::result::Result<Tensor, Error> {
    if body == Body::Operations {
        return reference::global_pool(map);
    }
    Ok(pooled(body, map)?)
}

fn pooled(body: Body, map: &Tensor) -> Result<Tensor> {
    let (n_clips, height, width, n_channels) = map.dims4()?;
    let shape = Shape::from((n_clips, 2 * n_channels));
    let columns = row_means(body, &plain(map)?)?;
    let (result, first) = match body {
        Body::Kernel => {
            let launch = Launch::once("pools", "column_pool").threads(n_clips * n_channels).read(&columns)?;
            let wanted = [(shape.clone(), DType::F32), (Shape::from((n_clips, n_channels)), DType::U32)];
            let [out, first] = launch.ints_of(&[n_clips, width, n_channels])?.storages(wanted)?;
            let op = candle_core::op::BackpropOp::none();
            (out, Tensor::from_storage(first, (n_clips, n_channels), op, false))
        }
        Body::Twin => {
            let columns = host::<f32>(&columns)?;
            let (mut out, mut first) = (vec![0f32; shape.elem_count()], vec![0u32; n_clips * n_channels]);
            for (at, first) in first.iter_mut().enumerate() {
                let (clip, channel) = (at / n_channels, at % n_channels);
                let (mut mean, mut largest) = (0f32, f32::NEG_INFINITY);
                for column in 0..width {
                    let value = columns[(clip * width + column) * n_channels + channel];
                    mean += value / width as f32;
                    if value > largest || value.is_nan() {
                        (largest, *first) = (value, column as u32);
                    }
                }
                out[clip * 2 * n_channels + channel] = mean;
                out[(clip * 2 + 1) * n_channels + channel] = largest;
            }
            let first = Tensor::from_vec(first, (n_clips, n_channels), map.device())?;
            (Storage::Cpu(CpuStorage::F32(out)), first)
        }
        Body::Operations => return no_operations(),
    };
    join("global_pool", &[map], (result, shape), move |_, gradient| {
        let (gradient, shape) = (plain(gradient)?, Shape::from((n_clips, height, width, n_channels)));
        let of_map = match body {
            Body::Kernel => {
                let launch = Launch::once("pools", "global_pool_back").threads(shape.elem_count());
                let launch = launch.read(&gradient)?.read(&first)?.ints_of(&[n_clips, height, width, n_channels])?;
                let [out] = launch.run([(shape, DType::F32)])?;
                out
            }
            _ => {
                let (gradient, first) = (host::<f32>(&gradient)?, host::<u32>(&first)?);
                let value = |at: usize| {
                    let (channel, column) = (at % n_channels, at / n_channels % width);
                    let clip = at / n_channels / width / height;
                    let share = gradient[clip * 2 * n_channels + channel] / (height * width) as f32;
                    let is_first = first[clip * n_channels + channel] as usize == column;
                    let largest = gradient[(clip * 2 + 1) * n_channels + channel] / height as f32;
                    if is_first { share + largest } else { share }
                };
                let of_map: Vec<f32> = (0..shape.elem_count()).map(value).collect();
                Tensor::from_vec(of_map, shape, columns.device())?
            }
        };
        Ok([Some(of_map), None, None])
    })
}

/// The mean over rows, `[B, W, C]`.
fn row_means(body: Body, map: &Tensor) -> Result<Tensor> {
    let (n_clips, height, width, n_channels) = map.dims4()?;
    match body {
        Body::Kernel => {
            let launch = Launch::once("pools", "row_means").threads(n_clips * width * n_channels).read(map)?;
            let wanted = [(Shape::from((n_clips, width, n_channels)), DType::F32)];
            let [out] = launch.ints_of(&[n_clips, height, width, n_channels])?.run(wanted)?;
            Ok(out)
        }
        Body::Twin => {
            let values = host::<f32>(map)?;
            let row = width * n_channels;
            let mut out = vec![0f32; n_clips * row];
            for (nth, from) in values.chunks_exact(row).enumerate() {
                let out = &mut out[nth / height * row..][..row];
                out.iter_mut().zip(from).for_each(|(out, from)| *out += from);
            }
            out.iter_mut().for_each(|out| *out /= height as f32);
            Tensor::from_vec(out, (n_clips, width, n_channels), map.device())
        }
        Body::Operations => no_operations(),
    }
}
