//! Where in its input a score of a network comes from.

use crate::{Classifier, Error};
use candle_core::Tensor;
use rayon::prelude::*;

/// How a map is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The maps of the last convolution, weighted by the mean gradient of the score with respect to each, and the positive
    /// part of their sum (R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
    /// Localization", 2017).
    GradCam,
    /// The attention of all layers, averaged over heads, plus the identity, rows scaled to 1 and multiplied (S. Abnar and
    /// W. Zuidema, "Quantifying Attention Flow in Transformers", 2020). It does not depend on the class.
    Rollout,
    /// The same with each layer's attention multiplied by the gradient of the score with respect to it, of which the positive
    /// part is averaged over heads (H. Chefer, S. Gur and L. Wolf, "Generic Attention-model Explainability for Interpreting
    /// Bi-Modal and Encoder-Decoder Transformers", 2021).
    GradientRollout,
}

impl Method {
    /// Its name in texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::GradCam => "Grad-CAM",
            Self::Rollout => "attention rollout",
            Self::GradientRollout => "gradient-weighted attention rollout",
        }
    }
}

/// What a network computes below its last layer, as candle's autograd sees it.
#[derive(Debug, Clone)]
pub struct Below {
    /// `[B, D]`.
    pub embedding: Tensor,
    /// Log-odds of a pretrained network's own classes, `[B, K]`.
    pub log_odds: Option<Tensor>,
}

/// The score of each clip, `[B]`, from what a network computes below its last layer.
pub type Score<'a> = dyn Fn(&Below) -> Result<Tensor, Error> + 'a;

/// Maps of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Maps {
    /// How they were computed.
    pub method: Method,
    /// Bands and frames of the network's own grid that one of its cells covers: what is smaller cannot be seen.
    pub cell: [usize; 2],
    /// `[B, M, T]`, row-major: 0 or more, not scaled; all 0 where nothing speaks for the score.
    pub values: Vec<f32>,
}

/// Where the cells of a network's grid are in its input: rows are bands, columns are frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Rows and columns.
    pub n: [usize; 2],
    /// Center of the first row and column, in bands and frames; 0 is the middle of the first.
    pub first: [f32; 2],
    /// Bands and frames from one center to the next.
    pub step: [f32; 2],
}

impl Grid {
    /// A map of the grid's cells, `[H, W]`, over an input of so many bands and frames, `[M, T]`: bilinear between centers, and
    /// beyond the outer ones as there.
    pub fn upsample(&self, cells: &[f32], size: [usize; 2]) -> Vec<f32> {
        let [rows, columns] = std::array::from_fn(|i| self.places(i, size[i]));
        let width = self.n[1];
        let mut out = Vec::with_capacity(size[0] * size[1]);
        for (above, below, down) in rows {
            for &(left, right, across) in &columns {
                let along = |row: usize| {
                    let (a, b) = (cells[row * width + left], cells[row * width + right]);
                    a + across * (b - a)
                };
                let (a, b) = (along(above), along(below));
                out.push(a + down * (b - a));
            }
        }
        out
    }

    /// The two cells that each place of an axis is between, and the share of the second.
    fn places(&self, axis: usize, len: usize) -> Vec<(usize, usize, f32)> {
        let last = self.n[axis].saturating_sub(1);
        let place = |at: usize| {
            let cell = ((at as f32 - self.first[axis]) / self.step[axis]).clamp(0.0, last as f32);
            let before = (cell as usize).min(last);
            (before, (before + 1).min(last), cell - before as f32)
        };
        (0..len).map(place).collect()
    }
}

/// Grad-CAM from the maps of a last convolution and the gradients of a score: the positive part of the sum over channels of the
/// map times the channel's mean gradient.
///
/// # Shapes
/// `map`: `[N, H, W, C]`; `weight`: the mean of the gradient over the H x W cells, `[N, C]`; the result: `[N, H, W]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn weighted_map(map: &Tensor, weight: &Tensor) -> Result<Vec<f32>, Error> {
    let (n, height, width, channels) = map.dims4()?;
    let sums = map.reshape((n, height * width, channels))?.matmul(&weight.unsqueeze(2)?.contiguous()?)?;
    Ok(sums.relu()?.flatten_all()?.to_vec1()?)
}

/// Where in its input the score of a class comes from, for a batch: the class's logit, as in the papers, whatever the others
/// are; `class` is that of each clip. None for a network that has no such map.
///
/// # Shapes
/// `mel`: `[B, M, T]`, normalized.
///
/// # Errors
/// A class that the network does not have, or as for [`Classifier::forward`].
pub fn saliency(
    model: &dyn Classifier,
    mel: &Tensor,
    class: &[usize],
    method: Option<Method>,
) -> Result<Option<Maps>, Error> {
    let n_classes = model.n_classes();
    if class.len() != mel.dim(0)? || class.iter().any(|class| *class >= n_classes) {
        let (expected, got) = (format!("[{}], each below {n_classes}", mel.dim(0)?), format!("{class:?}"));
        return Err(Error::Shape { what: "classes of the clips".into(), expected, got });
    }
    let numbers: Vec<u32> = class.iter().map(|class| *class as u32).collect();
    let numbers = Tensor::from_vec(numbers, (class.len(), 1), mel.device())?;
    let score = |below: &Below| -> Result<Tensor, Error> {
        let logits = model.score(below)?; // [B, C]
        Ok(logits.gather(&numbers, 1)?.squeeze(1)?)
    };
    model.saliency(mel, &score, method)
}

/// Each of several maps divided by its largest value, `[B, size]`; one that is all 0 stays so.
pub fn scaled(mut values: Vec<f32>, size: usize) -> Vec<f32> {
    values.par_chunks_mut(size.max(1)).for_each(|map| {
        let largest = map.iter().copied().fold(0.0, f32::max);
        if largest > 0.0 {
            map.iter_mut().for_each(|value| *value /= largest);
        }
    });
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_grid_is_bilinear_between_centers_and_flat_beyond() {
        let grid = Grid { n: [1, 2], first: [0.0, 1.0], step: [1.0, 4.0] };
        let row = [0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 4.0];
        assert_eq!(grid.upsample(&[0.0, 4.0], [2, 7]), [row, row].concat());
        let grid = Grid { n: [2, 1], first: [0.5, 0.0], step: [2.0, 1.0] };
        assert_eq!(grid.upsample(&[0.0, 8.0], [4, 1]), [0.0, 2.0, 6.0, 8.0]);
    }

    #[test]
    fn maps_are_weighted_by_channel_and_scaled_by_clip() {
        let map = Tensor::from_vec(vec![1f32, 0.0, 0.0, 2.0, 3.0, 3.0, 1.0, 1.0], (2, 1, 2, 2), &Device::Cpu).unwrap();
        let weight = Tensor::new(&[[1f32, -1.0], [1.0, 1.0]], &Device::Cpu).unwrap();
        let maps = weighted_map(&map, &weight).unwrap();
        assert_eq!(maps, [1.0, 0.0, 6.0, 2.0]);
        assert_eq!(scaled(maps, 2), [1.0, 0.0, 1.0, 2.0 / 6.0]);
        assert_eq!(scaled(vec![0.0; 2], 2), [0.0; 2]);
    }
}
