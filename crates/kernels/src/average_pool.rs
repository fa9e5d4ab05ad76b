//! Means of rectangles, for a block whose pool is no maximum.

use crate::Error;
use crate::fused::{slice, with_slice};
use crate::on_device::{Body, maps};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// The mean of each `height` x `width` rectangle; rows and columns that do not fill one are dropped.
///
/// # Shapes
/// `map`: `[B, H, W, C]`; the result: `[B, H / height, W / width, C]`.
///
/// # Errors
/// Not four dimensions.
pub(crate) fn average_pool(map: &Tensor, height: usize, width: usize) -> std::result::Result<Tensor, Error> {
    if !map.device().is_cpu() {
        return maps::average_pool(Body::of(map.device()), map, [height, width]);
    }
    Ok(map.contiguous()?.apply_op1(AveragePool { height, width })?)
}

struct AveragePool {
    height: usize,
    width: usize,
}

impl AveragePool {
    fn share(&self) -> f32 {
        1.0 / (self.height * self.width) as f32
    }
}

impl CustomOp1 for AveragePool {
    fn name(&self) -> &'static str {
        "average_pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n_clips, rows, columns, n_channels) = layout.shape().dims4()?;
        let map = slice(storage, layout)?;
        let (out_rows, out_columns) = (rows / self.height, columns / self.width);
        let (row, share) = (columns * n_channels, self.share());
        let mut pooled = vec![0f32; n_clips * out_rows * out_columns * n_channels];
        pooled.par_chunks_mut((out_columns * n_channels).max(1)).enumerate().for_each(|(nth, pooled)| {
            let first = (nth / out_rows * rows + nth % out_rows * self.height) * row;
            for map in map[first..first + self.height * row].chunks_exact(row) {
                for (pooled, map) in pooled.chunks_exact_mut(n_channels).zip(map.chunks_exact(self.width * n_channels))
                {
                    for pixel in map.chunks_exact(n_channels) {
                        pooled.iter_mut().zip(pixel).for_each(|(mean, value)| *mean += value * share);
                    }
                }
            }
        });
        Ok((CpuStorage::F32(pooled), Shape::from((n_clips, out_rows, out_columns, n_channels))))
    }

    fn bwd(&self, map: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (n_clips, rows, columns, n_channels) = map.dims4()?;
        let (out_rows, out_columns) = (rows / self.height, columns / self.width);
        let (out_row, share) = (out_columns * n_channels, self.share());
        let values = with_slice(gradient, |gradient| {
            let mut result = vec![0f32; n_clips * rows * columns * n_channels];
            result.par_chunks_mut((columns * n_channels).max(1)).enumerate().for_each(|(nth, result)| {
                let above = nth % rows / self.height;
                if above < out_rows {
                    let gradient = &gradient[(nth / rows * out_rows + above) * out_row..][..out_row];
                    let rectangles = result.chunks_exact_mut(self.width * n_channels);
                    for (result, gradient) in rectangles.zip(gradient.chunks_exact(n_channels)) {
                        for pixel in result.chunks_exact_mut(n_channels) {
                            pixel.iter_mut().zip(gradient).for_each(|(result, gradient)| *result = gradient * share);
                        }
                    }
                }
            });
            Ok(result)
        })?;
        Ok(Some(Tensor::from_vec(values, (n_clips, rows, columns, n_channels), map.device())?))
    }
}
