//! Means of rectangles.

use super::joined::join;
use super::{Body, Launch, host, no_operations, plain};
use crate::{Error, reference};
use candle_core::{CpuStorage, DType, Result, Shape, Storage, Tensor};

/// The mean of each rectangle of so many rows and columns; rows and columns that do not fill one are dropped.
///
/// # Shapes
/// `map`: `[B, H, W, C]`; the result: `[B, H / height, W / width, C]`.
///
/// # Errors
/// An operation that the device refuses.
pub fn average_pool(body: Body, map: &Tensor, pool: [usize; 2]) -> std::result::Result<Tensor, Error> {
    if body == Body::Operations {
        return reference::average_pool(map, pool[0], pool[1]);
    }
    Ok(pooled(body, map, pool)?)
}

fn pooled(body: Body, map: &Tensor, pool: [usize; 2]) -> Result<Tensor> {
    let (n_clips, height, width, n_channels) = map.dims4()?;
    let [out_height, out_width] = [height / pool[0], width / pool[1]];
    let shape = Shape::from((n_clips, out_height, out_width, n_channels));
    let sizes = [n_clips, height, width, n_channels, pool[0], pool[1]];
    let share = 1.0 / (pool[0] * pool[1]) as f32;
    let values = plain(map)?;
    // Values of the map and of the result, channel by channel, in the order of the map.
    let each = move |see: &mut dyn FnMut(usize, Option<usize>)| {
        for at in 0..n_clips * height * width * n_channels {
            let (channel, x, y) = (at % n_channels, at / n_channels % width, at / n_channels / width % height);
            let (line, column, clip) = (y / pool[0], x / pool[1], at / n_channels / width / height);
            let out = ((clip * out_height + line) * out_width + column) * n_channels + channel;
            see(at, (line < out_height && column < out_width).then_some(out));
        }
    };
    let result = match body {
        Body::Kernel => {
            let launch = Launch::once("pools", "average_pool").threads(shape.elem_count()).read(&values)?;
            let [out] = launch.ints_of(&sizes)?.storages([(shape.clone(), DType::F32)])?;
            out
        }
        Body::Twin => {
            let (values, mut out) = (host::<f32>(&values)?, vec![0f32; shape.elem_count()]);
            each(&mut |at, to| {
                if let Some(to) = to {
                    out[to] += values[at] * share;
                }
            });
            Storage::Cpu(CpuStorage::F32(out))
        }
        Body::Operations => return no_operations(),
    };
    join("average_pool", &[map], (result, shape), move |_, gradient| {
        let (gradient, shape) = (plain(gradient)?, Shape::from((n_clips, height, width, n_channels)));
        let of_map = match body {
            Body::Kernel => {
                let launch = Launch::once("pools", "average_pool_back").threads(shape.elem_count()).read(&gradient)?;
                let [out] = launch.ints_of(&sizes)?.run([(shape, DType::F32)])?;
                out
            }
            _ => {
                let (gradient, mut out) = (host::<f32>(&gradient)?, vec![0f32; shape.elem_count()]);
                each(&mut |at, from| out[at] = from.map_or(0.0, |from| gradient[from] * share));
                Tensor::from_vec(out, shape, values.device())?
            }
        };
        Ok([Some(of_map), None, None])
    })
}
