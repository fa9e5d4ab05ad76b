//! What a kernel sees of a map, and the way back.

use super::{Body, Launch, fits, host, no_operations};
use candle_core::{DType, Result, Shape, Tensor};

/// A convolution of a map.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) n_clips: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    /// Rows and columns of the output.
    pub(super) out: [usize; 2],
    pub(super) kernel: usize,
    pub(super) stride: usize,
    /// Rows and columns of zeros before the map.
    pub(super) before: [usize; 2],
}

/// Rows are a multiple of this long, as cuBLAS needs for tensor cores.
const ROUND: usize = 8;

impl Seen {
    /// Pixels of all clips' outputs.
    pub(super) fn n_pixels(&self) -> usize {
        self.n_clips * self.out[0] * self.out[1]
    }

    /// Values that a pixel sees.
    pub(super) fn depth(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    /// The same, and zeros up to a round number.
    pub(super) fn row(&self) -> usize {
        self.depth().next_multiple_of(ROUND)
    }

    /// Whether a pixel sees just itself.
    fn is_identity(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.depth() == self.row()
    }

    /// Weights, `[C_out, C, K, K]`, as rows that go with those of patches: `[C_out, row]`.
    pub(super) fn rows_of_weights(&self, weights: &Tensor, dtype: DType) -> Result<Tensor> {
        let (n_out, padding) = (weights.dim(0)?, self.row() - self.depth());
        let rows = weights.detach().permute((0, 2, 3, 1))?.contiguous()?.reshape((n_out, self.depth()))?;
        let rows = if padding == 0 { rows } else { rows.pad_with_zeros(1, 0, padding)?.contiguous()? };
        rows.to_dtype(dtype)
    }

    /// Such rows as weights.
    pub(super) fn weights_of_rows(&self, rows: &Tensor) -> Result<Tensor> {
        let shape = (rows.dim(0)?, self.kernel, self.kernel, self.channels);
        rows.narrow(1, 0, self.depth())?.contiguous()?.reshape(shape)?.permute((0, 3, 1, 2))?.contiguous()
    }

    fn sizes(&self) -> [usize; 11] {
        let ([out_height, out_width], [above, before]) = (self.out, self.before);
        let Self { n_clips, height, width, channels, kernel, stride, .. } = *self;
        [n_clips, height, width, channels, out_height, out_width, kernel, stride, above, before, self.row()]
    }

    /// Calls `see` with each value of the output that is not padding, and the value of the map that it is.
    fn each(&self, mut see: impl FnMut(usize, usize)) {
        let [out_height, out_width] = self.out;
        let row = self.row();
        for pixel in 0..self.n_pixels() {
            let (clip, line, column) =
                (pixel / out_width / out_height, pixel / out_width % out_height, pixel % out_width);
            for tap in 0..self.kernel * self.kernel {
                let y = (line * self.stride + tap / self.kernel).wrapping_sub(self.before[0]);
                let x = (column * self.stride + tap % self.kernel).wrapping_sub(self.before[1]);
                if y < self.height && x < self.width {
                    let from = ((clip * self.height + y) * self.width + x) * self.channels;
                    let to = pixel * row + tap * self.channels;
                    (0..self.channels).for_each(|channel| see(to + channel, from + channel));
                }
            }
        }
    }
}

/// `map`, `[B, H, W, C]`, as rows of what the kernel sees, `[B * H' * W', row]`, in the type of a product's factors.
pub(super) fn patches(body: Body, map: &Tensor, seen: &Seen, dtype: DType) -> Result<Tensor> {
    let (n_pixels, row) = (seen.n_pixels(), seen.row());
    if seen.is_identity() {
        return map.reshape((n_pixels, row))?.to_dtype(dtype);
    }
    match body {
        Body::Kernel => {
            let (kernel, n) = if fits(8, seen.channels, &[map]) { ("patches_by_8", 8) } else { ("patches", 1) };
            let launch = Launch::of("patches", kernel, dtype).threads(n_pixels * row / n);
            let [out] = launch.read(map)?.ints_of(&seen.sizes())?.run([(Shape::from((n_pixels, row)), dtype)])?;
            Ok(out)
        }
        Body::Twin => {
            let (values, mut out) = (host::<f32>(map)?, vec![0f32; n_pixels * row]);
            seen.each(|to, from| out[to] = values[from]);
            Tensor::from_vec(out, (n_pixels, row), map.device())?.to_dtype(dtype)
        }
        Body::Operations => no_operations(),
    }
}

/// The gradient of the map from that of [`patches`], which is `f32`.
pub(super) fn patches_back(body: Body, gradient: &Tensor, seen: &Seen) -> Result<Tensor> {
    let shape = Shape::from((seen.n_clips, seen.height, seen.width, seen.channels));
    if seen.is_identity() {
        return gradient.reshape(shape);
    }
    let n_values = shape.elem_count();
    match body {
        Body::Kernel => {
            let (kernel, n) =
                if fits(4, seen.channels, &[gradient]) { ("patches_back_by_4", 4) } else { ("patches_back", 1) };
            let launch = Launch::once("patches", kernel).threads(n_values / n);
            let [out] = launch.read(gradient)?.ints_of(&seen.sizes())?.run([(shape, DType::F32)])?;
            Ok(out)
        }
        Body::Twin => {
            let values = host::<f32>(gradient)?;
            // By taps first, as the kernel adds.
            let mut pairs: Vec<(usize, usize)> = Vec::new();
            seen.each(|from, to| pairs.push((from, to)));
            pairs.sort_by_key(|(from, _)| from % seen.row());
            let mut out = vec![0f32; n_values];
            pairs.into_iter().for_each(|(from, to)| out[to] += values[from]);
            Tensor::from_vec(out, shape, gradient.device())
        }
        Body::Operations => no_operations(),
    }
}
