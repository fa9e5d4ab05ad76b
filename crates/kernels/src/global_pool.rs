use crate::Error;
use crate::fused::{slice, with_slice};
use crate::on_device::{Body, maps};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// Pools a map of any size: the mean over rows, then mean and maximum over columns, side by side.
///
/// Over the spectrogram's map rows are bands and columns are frames: a short event far from the padding shows in the
/// maximum, what lasts shows in the mean. Among equal maxima the first has the gradient.
///
/// # Shapes
/// `map`: `[B, H, W, C]`; the result: `[B, 2 * C]`, means first.
///
/// # Errors
/// Not four dimensions, or an empty one.
pub fn global_pool(map: &Tensor) -> std::result::Result<Tensor, Error> {
    if map.rank() != 4 || map.elem_count() == 0 {
        return Err(Error::Shape {
            operation: "global_pool",
            what: "map",
            expected: "[B, H, W, C], none of them 0".into(),
            got: format!("{:?}", map.dims()),
        });
    }
    if !map.device().is_cpu() {
        return maps::global_pool(Body::of(map.device()), map);
    }
    Ok(map.contiguous()?.apply_op1(GlobalPool)?)
}

struct GlobalPool;

impl CustomOp1 for GlobalPool {
    fn name(&self) -> &'static str {
        "global_pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n_clips, height, width, n_channels) = layout.shape().dims4()?;
        let map = slice(storage, layout)?;
        let mut pooled = vec![0f32; n_clips * 2 * n_channels];
        pooled.par_chunks_mut(2 * n_channels).zip(map.par_chunks(height * width * n_channels)).for_each(
            |(pooled, map)| {
                let (mean, largest) = pooled.split_at_mut(n_channels);
                largest.fill(f32::NEG_INFINITY);
                for column in row_means(map, height, width, n_channels).chunks_exact(n_channels) {
                    for ((mean, largest), &value) in mean.iter_mut().zip(largest.iter_mut()).zip(column) {
                        *mean += value / width as f32;
                        if value > *largest || value.is_nan() {
                            *largest = value;
                        }
                    }
                }
            },
        );
        Ok((CpuStorage::F32(pooled), Shape::from((n_clips, 2 * n_channels))))
    }

    fn bwd(&self, map: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (n_clips, height, width, n_channels) = map.dims4()?;
        let values =
            with_slice(map, |map| {
                with_slice(gradient, |gradient| {
                    let mut result = vec![0f32; map.len()];
                    let clip = height * width * n_channels;
                    result
                        .par_chunks_mut(clip)
                        .zip(map.par_chunks(clip))
                        .zip(gradient.par_chunks(2 * n_channels))
                        .for_each(|((result, map), gradient)| {
                            let columns = row_means(map, height, width, n_channels);
                            let mut of_row = vec![0f32; width * n_channels];
                            for channel in 0..n_channels {
                                let at = |column: usize| column * n_channels + channel;
                                let first = (1..width).fold(0, |best, column| {
                                    if columns[at(column)] > columns[at(best)] { column } else { best }
                                });
                                let share = gradient[channel] / (height * width) as f32;
                                (0..width).for_each(|column| of_row[at(column)] = share);
                                of_row[at(first)] += gradient[n_channels + channel] / height as f32;
                            }
                            result.chunks_exact_mut(of_row.len()).for_each(|row| row.copy_from_slice(&of_row));
                        });
                    Ok(result)
                })
            })?;
        Ok(Some(Tensor::from_vec(values, (n_clips, height, width, n_channels), map.device())?))
    }
}

/// The mean over rows, `[W, C]`.
fn row_means(map: &[f32], height: usize, width: usize, n_channels: usize) -> Vec<f32> {
    let mut means = vec![0f32; width * n_channels];
    for row in map.chunks_exact(width * n_channels) {
        for (mean, value) in means.iter_mut().zip(row) {
            *mean += value;
        }
    }
    means.iter_mut().for_each(|mean| *mean /= height as f32);
    means
}
