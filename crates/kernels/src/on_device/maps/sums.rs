//! Sums of many rows, in two steps or more: each thread adds up every n-th row, and then others add up these parts.

use super::{Body, Launch, host, no_operations};
use candle_core::{DType, Device, Result, Tensor};

/// Threads that keep a card busy.
const THREADS: usize = 1 << 17;

/// Rows that a thread adds up at least.
const LEAST_ROWS: usize = 16;

/// Parts that are added up at a time.
const FOLD: usize = 64;

/// In how many parts rows of `n_channels` are added up: the same on every device.
pub(super) fn n_parts(n_rows: usize, n_channels: usize) -> usize {
    (THREADS / n_channels).min(n_rows / LEAST_ROWS).max(1)
}

/// The sum over parts, `[P, N]` to `[1, N]`, in `f64`.
pub(in crate::on_device) fn fold(body: Body, mut parts: Tensor) -> Result<Tensor> {
    let (mut n, n_values) = parts.dims2()?;
    while n > 1 {
        let n_out = n.div_ceil(FOLD);
        parts = match body {
            Body::Kernel => {
                let launch = Launch::once("block", "fold_sums").threads(n_out * n_values).read(&parts)?;
                let [out] = launch.ints_of(&[n, n_values, n_out])?.run([((n_out, n_values).into(), DType::F64)])?;
                out
            }
            Body::Twin => {
                let from = host::<f64>(&parts)?;
                let mut out = vec![0f64; n_out * n_values];
                for (part, from) in from.chunks_exact(n_values).enumerate() {
                    let out = &mut out[part % n_out * n_values..][..n_values];
                    out.iter_mut().zip(from).for_each(|(out, from)| *out += from);
                }
                Tensor::from_vec(out, (n_out, n_values), parts.device())?
            }
            Body::Operations => return no_operations(),
        };
        n = n_out;
    }
    Ok(parts)
}

/// For a twin: parts of sums of `N` values a channel, `[n_parts, N * C]`, to which `add` adds those of a row and a channel.
pub(super) fn parts_of<const N: usize>(
    n_rows: usize,
    n_channels: usize,
    n_parts: usize,
    mut add: impl FnMut(&mut [f64; N], usize, usize),
) -> Result<Tensor> {
    let mut out = vec![0f64; n_parts * N * n_channels];
    for part in 0..n_parts {
        for channel in 0..n_channels {
            let mut sums = [0f64; N];
            (part..n_rows).step_by(n_parts).for_each(|row| add(&mut sums, row, channel));
            sums.iter().enumerate().for_each(|(nth, sum)| out[(part * N + nth) * n_channels + channel] = *sum);
        }
    }
    Tensor::from_vec(out, (n_parts, N * n_channels), &Device::Cpu)
}
