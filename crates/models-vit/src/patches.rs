//! Cuts a spectrogram into patches.

use crate::config::VitConfig;
use crate::interpolation::{Curve, tensor};
use candle_core::{Device, Result, Tensor};
use std::sync::OnceLock;

/// Makes spectrograms images that are cut into patches: resized if configured, in equal channels.
#[derive(Debug, Default)]
pub(crate) struct Images {
    /// What resizes rows and columns, `[H, M]` and `[T, W]`: made once, on the device that first needs them.
    resizing: OnceLock<[Tensor; 2]>,
}

impl Images {
    /// # Shapes
    /// `mel`: `[B, M, T]`; the result: `[B, C, H, W]`.
    pub(crate) fn of(&self, mel: &Tensor, config: &VitConfig) -> Result<Tensor> {
        let mut mel = if config.input_scale == 1.0 { mel.clone() } else { mel.affine(config.input_scale, 0.0)? };
        let (from, to) = (config.input, config.image());
        if from != to {
            let n_clips = mel.dim(0)?;
            let [rows, columns] = self.resizing(from, to, mel.device())?;
            mel = rows.broadcast_left(n_clips)?.matmul(&mel.contiguous()?)?;
            mel = mel.reshape((n_clips * to[0], from[1]))?.matmul(&columns)?.reshape((n_clips, to[0], to[1]))?;
        }
        let image = mel.unsqueeze(1)?;
        if config.channels == 1 { Ok(image) } else { image.repeat((1, config.channels, 1, 1)) }
    }

    fn resizing(&self, from: [usize; 2], to: [usize; 2], device: &Device) -> Result<[Tensor; 2]> {
        if let Some(made) = self.resizing.get()
            && made[0].device().same_device(device)
        {
            return Ok(made.clone());
        }
        let rows = tensor(from[0], to[0], Curve::Linear, device)?;
        let columns = tensor(from[1], to[1], Curve::Linear, device)?.t()?.contiguous()?;
        // Another thread may have been faster, which does not matter.
        let _ = self.resizing.set([rows.clone(), columns.clone()]);
        Ok([rows, columns])
    }
}

/// The patches, row by row.
///
/// # Shapes
/// `image`: `[B, C, H, W]`; the result: `[B, N, C * h * w]`.
pub(crate) fn cut(image: &Tensor, config: &VitConfig) -> Result<Tensor> {
    let (n_clips, channels, ..) = image.dims4()?;
    let ([rows, columns], [height, width]) = (config.grid(), config.patch);
    // Overlapping patches are first copied side by side.
    let laid = |n: usize, len: usize, stride: usize, device: &Device| {
        let indices: Vec<u32> = (0..n).flat_map(|i| (0..len).map(move |k| (i * stride + k) as u32)).collect();
        let n_indices = indices.len();
        Tensor::from_vec(indices, n_indices, device)
    };
    let image = if config.stride == config.patch {
        image.narrow(2, 0, rows * height)?.narrow(3, 0, columns * width)?.contiguous()?
    } else {
        let image = image.index_select(&laid(rows, height, config.stride[0], image.device())?, 2)?;
        image.index_select(&laid(columns, width, config.stride[1], image.device())?, 3)?
    };
    let patches = image.reshape(&[n_clips, channels, rows, height, columns, width])?.permute(vec![0, 2, 4, 1, 3, 5])?;
    patches.contiguous()?.reshape((n_clips, rows * columns, channels * height * width))
}
