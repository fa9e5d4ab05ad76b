//! Interpolation: position embeddings for another grid, spectrograms resized to an image.
//!
//! Each direction is a matrix: every output is a weighted sum of a few inputs, as in PyTorch's `interpolate` with
//! `align_corners=False`.

use candle_core::{Device, Result, Tensor};

/// The kind of interpolation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    /// Linear.
    Linear,
    /// Cubic through four neighbors (R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981, with
    /// a = -0.75).
    Cubic,
    /// Cubic (a = -0.5), widened when downsampling: `antialias=True`.
    SmoothCubic,
}

/// The interpolation matrix from `from` to `to` values, `[to, from]`.
pub(crate) fn matrix(from: usize, to: usize, curve: Curve) -> Vec<f32> {
    let mut weights = vec![0f32; to * from];
    let ratio = from as f64 / to as f64;
    for (nth, row) in weights.chunks_exact_mut(from).enumerate() {
        let place = (nth as f64 + 0.5) * ratio - 0.5;
        let place = if curve == Curve::Linear { place.max(0.0) } else { place };
        let (first, off) = (place.floor(), place - place.floor());
        let mut add = |step: i64, weight: f64| {
            let at = (first as i64 + step).clamp(0, from as i64 - 1) as usize;
            row[at] += weight as f32;
        };
        match curve {
            Curve::Linear => {
                add(0, 1.0 - off);
                add(1, off);
            }
            Curve::Cubic => {
                for step in -1..=2 {
                    add(step, cubic((off - step as f64).abs(), -0.75));
                }
            }
            Curve::SmoothCubic => {
                let (center, width) = ((nth as f64 + 0.5) * ratio, ratio.max(1.0));
                let start = ((center - 2.0 * width + 0.5) as i64).max(0);
                let end = ((center + 2.0 * width + 0.5) as i64).min(from as i64);
                let weight = |at: i64| cubic(((at as f64 - center + 0.5) / width).abs(), -0.5);
                let sum: f64 = (start..end).map(weight).sum();
                (start..end).for_each(|at| add(at - first as i64, weight(at) / sum));
            }
        }
    }
    weights
}

/// How a spectrogram is resized to an image in one direction, from `from` to `to` values: `[to, from]`.
pub fn resizing(from: usize, to: usize) -> Vec<f32> {
    matrix(from, to, Curve::Linear)
}

/// The weight of a neighbor at a distance.
fn cubic(distance: f64, a: f64) -> f64 {
    let d = distance;
    if d <= 1.0 {
        ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
    } else if d < 2.0 {
        a * (((d - 5.0) * d + 8.0) * d - 4.0)
    } else {
        0.0
    }
}

/// The matrix as a tensor.
pub(crate) fn tensor(from: usize, to: usize, curve: Curve, device: &Device) -> Result<Tensor> {
    Tensor::from_vec(matrix(from, to, curve), (to, from), device)
}

/// Interpolates a grid of vectors to another number of rows and columns.
///
/// # Shapes
/// `grid`: `[R, C, D]`; the result: `[to.0, to.1, D]`.
pub(crate) fn resample(grid: &Tensor, to: [usize; 2], curve: Curve) -> Result<Tensor> {
    let (rows, columns, dim) = grid.dims3()?;
    let by_rows = if rows == to[0] {
        grid.clone()
    } else {
        let flat = grid.reshape((rows, columns * dim))?;
        tensor(rows, to[0], curve, grid.device())?.matmul(&flat)?.reshape((to[0], columns, dim))?
    };
    if columns == to[1] {
        return Ok(by_rows);
    }
    let across = tensor(columns, to[1], curve, grid.device())?; // [to, from]
    across.broadcast_left(to[0])?.matmul(&by_rows.contiguous()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_to_one() {
        for curve in [Curve::Linear, Curve::Cubic, Curve::SmoothCubic] {
            for (from, to) in [(37, 16), (16, 37), (1, 5), (5, 1), (7, 7), (14, 12)] {
                for row in matrix(from, to, curve).chunks_exact(from) {
                    assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{curve:?} {from} {to}");
                }
            }
        }
    }

    #[test]
    fn the_same_number_changes_nothing() {
        for curve in [Curve::Linear, Curve::Cubic, Curve::SmoothCubic] {
            let weights = matrix(5, 5, curve);
            assert!((0..25).all(|i| (weights[i] - if i % 6 == 0 { 1.0 } else { 0.0 }).abs() < 1e-6));
        }
    }

    /// `torch.nn.functional.interpolate` of 0, 1, 4, 9 to six values, `align_corners=False`.
    #[test]
    fn values_are_those_of_pytorch() {
        let values = [0f32, 1.0, 4.0, 9.0];
        let through = |curve| -> Vec<f32> {
            matrix(4, 6, curve).chunks_exact(4).map(|row| row.iter().zip(values).map(|(w, v)| w * v).sum()).collect()
        };
        let close = |got: Vec<f32>, expected: [f32; 6]| {
            assert!(got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-4), "{got:?}");
        };
        close(through(Curve::Linear), [0.0, 0.5, 1.5, 3.5, 6.5, 9.0]);
        close(through(Curve::Cubic), LIKE_PYTORCH);
    }

    /// From PyTorch 2.15, mode `bicubic` on `[1, 1, 1, 4]`.
    const LIKE_PYTORCH: [f32; 6] = [-0.0868, 0.2188, 1.4306, 3.1528, 6.7812, 9.4340];
}
