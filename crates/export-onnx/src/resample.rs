//! Another sample rate, as a convolution with the filter of `predict`'s resampler: for networks of one model that were trained at
//! different rates.

use crate::graph::{Graph, Value, ints};
use audio_io::Filter;

/// Windows of `n_in` samples, `[B, 1, n_in]`, at another rate: `[B, 1, n_out]`.
pub(crate) fn add(graph: &mut Graph, wave: &Value, [from_hz, to_hz]: [u32; 2], [n_in, n_out]: [usize; 2]) -> Value {
    if from_hz == to_hz {
        return wave.clone();
    }
    let filter = Filter::new(from_hz, to_hz);
    // A block of so many samples, each with a kernel of its own, comes from so many.
    let (n_phases, stride, before) = (filter.unit_out, filter.unit_in, filter.half + 1);
    let n_taps = stride + 2 * before;
    let sum = filter.sum();
    let center = |phase: usize| phase as f64 * stride as f64 / n_phases as f64 + before as f64;
    let kernels = (0..n_phases)
        .flat_map(|phase| (0..n_taps).map(move |tap| (tap, phase)))
        .map(|(tap, phase)| (filter.at(tap as f64 - center(phase)) / sum) as f32);
    let kernels = graph.tensor(&[n_phases, 1, n_taps], kernels);
    let n_blocks = n_out.div_ceil(n_phases);
    let behind = ((n_blocks - 1) * stride + n_taps).saturating_sub(before + n_in);
    let attributes = vec![
        ints("kernel_shape", &[n_taps as i64]),
        ints("strides", &[stride as i64]),
        ints("pads", &[before as i64, behind as i64]),
    ];
    let blocks = graph.node("Conv", &[wave, &kernels], attributes); // [B, phases, blocks]
    let blocks = graph.slice(&blocks, 2, 0, n_blocks);
    let in_order = graph.transpose(&blocks, &[0, 2, 1]);
    let all = graph.reshape(&in_order, &[-1, 1, (n_blocks * n_phases) as i64]);
    graph.slice(&all, 2, 0, n_out)
}
