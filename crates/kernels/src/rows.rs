//! What happens to the rows of a map between two convolutions: sums for the batch statistics; batch norm, ReLU and
//! pooling in one pass; and the backward pass.
//!
//! Every kernel works on pixels of `n_channels` values, whole vectors first and single values for what is left.

use crate::simd::Simd;
use crate::simd::portable::Lanes;

/// The code of a pooled value that no input gets a gradient for: ReLU has cut it off.
pub(crate) const DEAD: u8 = u8::MAX;

/// Runs a kernel on whole vectors, then on the channels that are left.
macro_rules! over_channels {
    ($simd:ty, $n_channels:expr, $kernel:ident($arguments:expr)) => {{
        let n = $n_channels;
        let whole = n - n % <$simd>::LANES;
        $kernel::<$simd>($arguments, 0, whole);
        $kernel::<Lanes<1>>($arguments, whole, n);
    }};
}

/// Sums and sums of squares of each channel over a row.
pub(crate) struct Statistics<'a> {
    /// `[n, C]`
    pub(crate) y: &'a [f32],
    /// `[2, C]`, overwritten: sums, then sums of squares.
    pub(crate) sums: &'a mut [f32],
}

/// # Safety
/// Lengths as documented; the processor has the instructions of `S`. So for all kernels of this file.
#[inline(always)]
pub(crate) unsafe fn statistics<S: Simd>(a: &mut Statistics<'_>) {
    // SAFETY: handed on.
    unsafe { over_channels!(S, a.sums.len() / 2, statistics_of(a)) }
}

#[inline(always)]
unsafe fn statistics_of<S: Simd>(a: &mut Statistics<'_>, from: usize, to: usize) {
    let n_channels = a.sums.len() / 2;
    let n = a.y.len() / n_channels;
    // SAFETY: pixel < n and channel + LANES <= to <= n_channels.
    unsafe {
        let (y, sums) = (a.y.as_ptr(), a.sums.as_mut_ptr());
        for channel in (from..to).step_by(S::LANES) {
            // Two chains, to hide the latency of an addition.
            let (mut sum_even, mut sum_odd) = (S::splat(0.0), S::splat(0.0));
            let (mut square_even, mut square_odd) = (sum_even, sum_odd);
            let mut at = y.add(channel);
            for _ in 0..n / 2 {
                let (even, odd) = (S::load(at), S::load(at.add(n_channels)));
                sum_even = S::add(sum_even, even);
                square_even = S::multiply_add(even, even, square_even);
                sum_odd = S::add(sum_odd, odd);
                square_odd = S::multiply_add(odd, odd, square_odd);
                at = at.wrapping_add(2 * n_channels);
            }
            if n % 2 == 1 {
                let even = S::load(at);
                sum_even = S::add(sum_even, even);
                square_even = S::multiply_add(even, even, square_even);
            }
            S::store(sums.add(channel), S::add(sum_even, sum_odd));
            S::store(sums.add(n_channels + channel), S::add(square_even, square_odd));
        }
    }
}

/// Batch norm, residual, ReLU and max pooling of the rows under one output row.
pub(crate) struct Normalize<'a> {
    /// Convolution output, `[pool_height, width, C]`.
    pub(crate) y: &'a [f32],
    /// Pixels of a row of `y`.
    pub(crate) width: usize,
    /// `[height, width]` of the pool.
    pub(crate) pool: [usize; 2],
    /// As `y`.
    pub(crate) residual: Option<&'a [f32]>,
    /// `[C]`
    pub(crate) scale: &'a [f32],
    /// `[C]`
    pub(crate) shift: &'a [f32],
    pub(crate) relu: bool,
    /// `[out_width, C]`
    pub(crate) out: &'a mut [f32],
    /// What the backward pass needs, where there is one.
    pub(crate) kept: Option<Kept<'a>>,
}

/// What [`Normalize`] keeps of each pooled value.
pub(crate) struct Kept<'a> {
    /// Which input of the pool it is, or [`DEAD`]; `[out_width, C]`.
    pub(crate) codes: &'a mut [u8],
    /// The `y` of that input; `[out_width, C]`.
    pub(crate) picked: &'a mut [f32],
}

#[inline(always)]
pub(crate) unsafe fn normalize<S: Simd>(a: &mut Normalize<'_>) {
    // SAFETY: handed on.
    unsafe { over_channels!(S, a.scale.len(), normalize_of(a)) }
}

#[inline(always)]
unsafe fn normalize_of<S: Simd>(a: &mut Normalize<'_>, from: usize, to: usize) {
    let n_channels = a.scale.len();
    let [pool_height, pool_width] = a.pool;
    let floor = if a.relu { 0.0 } else { f32::NEG_INFINITY };
    // SAFETY: the pool's inputs are inside of `y` (`out_width * pool_width <= width`), channels as in `statistics_of`.
    unsafe {
        for channel in (from..to).step_by(S::LANES) {
            let (scale, shift) = (S::load(a.scale.as_ptr().add(channel)), S::load(a.shift.as_ptr().add(channel)));
            let y = a.y.as_ptr().add(channel);
            let residual = a.residual.map(|residual| residual.as_ptr().add(channel));
            let kept = a.kept.as_mut().map(|k| (k.codes.as_mut_ptr().add(channel), k.picked.as_mut_ptr().add(channel)));
            let out = a.out.as_mut_ptr().add(channel);
            for out_column in 0..a.out.len() / n_channels {
                let mut best = S::splat(floor);
                let mut codes = S::splat_codes(DEAD);
                let mut picked = S::splat(0.0);
                for row in 0..pool_height {
                    for column in 0..pool_width {
                        let at = (row * a.width + out_column * pool_width + column) * n_channels;
                        let y = S::load(y.add(at));
                        let mut z = S::multiply_add(y, scale, shift);
                        if let Some(residual) = residual {
                            z = S::add(z, S::load(residual.add(at)));
                        }
                        let mask = S::greater_or_nan(z, best);
                        best = S::select(mask, z, best);
                        codes = S::select_codes(mask, S::splat_codes((row * pool_width + column) as u8), codes);
                        picked = S::select(mask, y, picked);
                    }
                }
                let at = out_column * n_channels;
                S::store(out.add(at), best);
                if let Some((all_codes, all_picked)) = kept {
                    S::store_codes(all_codes.add(at), codes);
                    S::store(all_picked.add(at), picked);
                }
            }
        }
    }
}

/// Sums over a pooled row of the gradient, and of the gradient times the normalized value.
pub(crate) struct GradientSums<'a> {
    /// `[out_width, C]`
    pub(crate) gradient: &'a [f32],
    /// As kept by [`Normalize`].
    pub(crate) codes: &'a [u8],
    /// As kept by [`Normalize`].
    pub(crate) picked: &'a [f32],
    /// `[C]`
    pub(crate) mean: &'a [f32],
    /// One over the standard deviation, `[C]`.
    pub(crate) inverse: &'a [f32],
    /// `[2, C]`, overwritten.
    pub(crate) sums: &'a mut [f32],
}

#[inline(always)]
pub(crate) unsafe fn gradient_sums<S: Simd>(a: &mut GradientSums<'_>) {
    // SAFETY: handed on.
    unsafe { over_channels!(S, a.mean.len(), gradient_sums_of(a)) }
}

#[inline(always)]
unsafe fn gradient_sums_of<S: Simd>(a: &mut GradientSums<'_>, from: usize, to: usize) {
    let n_channels = a.mean.len();
    // SAFETY: as in `statistics_of`.
    unsafe {
        for channel in (from..to).step_by(S::LANES) {
            let (mean, inverse) = (S::load(a.mean.as_ptr().add(channel)), S::load(a.inverse.as_ptr().add(channel)));
            let mut sum = S::splat(0.0);
            let mut product = sum;
            for pixel in 0..a.gradient.len() / n_channels {
                let at = pixel * n_channels + channel;
                let gradient = S::load(a.gradient.as_ptr().add(at));
                let gradient = S::unless_code(a.codes.as_ptr().add(at), DEAD, gradient);
                let normalized = S::mul(S::sub(S::load(a.picked.as_ptr().add(at)), mean), inverse);
                sum = S::add(sum, gradient);
                product = S::multiply_add(gradient, normalized, product);
            }
            S::store(a.sums.as_mut_ptr().add(channel), sum);
            S::store(a.sums.as_mut_ptr().add(n_channels + channel), product);
        }
    }
}

/// The gradient of one row of the convolution's output: `factor * routed + offset + slope * y`, where `routed` is the
/// gradient of the pooled value that this pixel was picked for.
pub(crate) struct OutputGradient<'a> {
    /// `[width, C]`
    pub(crate) y: &'a [f32],
    /// The gradient and codes of the pooled row above this one, `[out_width, C]`; `None`: a row the pool has dropped.
    pub(crate) pooled: Option<(&'a [f32], &'a [u8])>,
    /// Which row of the pool's this is.
    pub(crate) row_in_pool: usize,
    pub(crate) pool_width: usize,
    /// `[C]`
    pub(crate) factor: &'a [f32],
    /// `[C]`
    pub(crate) offset: &'a [f32],
    /// `[C]`
    pub(crate) slope: &'a [f32],
    /// The result, a pixel every `dense_step` values, where the input's gradient needs it.
    pub(crate) dense: Option<&'a mut [f32]>,
    pub(crate) dense_step: usize,
    /// The result in panels as [`crate::tile`] packs them, `depth` pixels long, from pixel `first` on, where the weight
    /// gradient is a direct sum.
    pub(crate) panels: Option<&'a mut [f32]>,
    pub(crate) depth: usize,
    pub(crate) first: usize,
    /// `routed` itself: the residual's gradient, `[width, C]`.
    pub(crate) residual: Option<&'a mut [f32]>,
    /// Vector length of the panels.
    pub(crate) lanes: usize,
}

#[inline(always)]
pub(crate) unsafe fn output_gradient<S: Simd>(a: &mut OutputGradient<'_>) {
    // SAFETY: handed on.
    unsafe { over_channels!(S, a.factor.len(), output_gradient_of(a)) }
}

#[inline(always)]
unsafe fn output_gradient_of<S: Simd>(a: &mut OutputGradient<'_>, from: usize, to: usize) {
    let n_channels = a.factor.len();
    let width = a.y.len() / n_channels;
    let panel = 2 * a.lanes;
    let out_width = a.pooled.map_or(0, |(gradient, _)| gradient.len() / n_channels);
    // SAFETY: as in `statistics_of`; panels are `panels_len(lanes, depth, C)` long; a pooled row is `out_width` pixels
    // long, and `out_width * pool_width <= width`.
    unsafe {
        for channel in (from..to).step_by(S::LANES) {
            let start = channel - channel % panel;
            let packed_step = if n_channels - start > a.lanes { panel } else { a.lanes };
            let at = start * a.depth + a.first * packed_step + (channel - start);
            let packed = a.panels.as_mut().map(|panels| panels.as_mut_ptr().add(at));
            let slope = S::load(a.slope.as_ptr().add(channel));
            let offset = S::load(a.offset.as_ptr().add(channel));
            let factor = S::load(a.factor.as_ptr().add(channel));
            let y = a.y.as_ptr().add(channel);
            let dense = a.dense.as_mut().map(|dense| dense.as_mut_ptr().add(channel));
            let residual = a.residual.as_mut().map(|residual| residual.as_mut_ptr().add(channel));
            let put = |pixel: usize, routed: S::Vector| {
                let at = pixel * n_channels;
                let value = S::multiply_add(slope, S::load(y.add(at)), offset);
                let value = S::multiply_add(factor, routed, value);
                if let Some(packed) = packed {
                    S::store(packed.add(pixel * packed_step), value);
                }
                if let Some(dense) = dense {
                    S::store(dense.add(pixel * a.dense_step), value);
                }
                if let Some(residual) = residual {
                    S::store(residual.add(at), routed);
                }
            };
            if let Some((gradient, codes)) = a.pooled {
                for out_column in 0..out_width {
                    let pooled = out_column * n_channels + channel;
                    let gradient = S::load(gradient.as_ptr().add(pooled));
                    for column in 0..a.pool_width {
                        let code = (a.row_in_pool * a.pool_width + column) as u8;
                        let routed = S::where_code(codes.as_ptr().add(pooled), code, gradient);
                        put(out_column * a.pool_width + column, routed);
                    }
                }
            }
            for pixel in out_width * a.pool_width..width {
                put(pixel, S::splat(0.0));
            }
        }
    }
}
