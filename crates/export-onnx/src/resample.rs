//! Another sample rate, as a convolution: for networks of one model that were trained at different rates.

use crate::graph::{Graph, Value, ints};
use std::f64::consts::PI;

/// Samples of the input that the filter reaches to either side, where the rate goes down by no more than half.
const REACH: usize = 96;

/// Where the filter begins to fall, as a share of half the lower rate.
const ROLL_OFF: f64 = 0.97;

/// Shape of the Kaiser window: stop band about 100 dB down.
const BETA: f64 = 10.0;

/// Modified Bessel function of the first kind and order zero.
fn bessel(x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (1.0, 1.0, 1.0);
    while term > sum * 1e-17 {
        term *= (x / (2.0 * n)).powi(2);
        sum += term;
        n += 1.0;
    }
    sum
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// Windows of `n_in` samples, `[B, 1, n_in]`, at another rate: `[B, 1, n_out]`.
pub(crate) fn add(graph: &mut Graph, wave: &Value, [from_hz, to_hz]: [u32; 2], [n_in, n_out]: [usize; 2]) -> Value {
    if from_hz == to_hz {
        return wave.clone();
    }
    let (from, to) = (from_hz as usize, to_hz as usize);
    let divisor = common_divisor(from, to);
    // A block of so many samples comes from so many.
    let (n_phases, stride) = (to / divisor, from / divisor);
    let ratio = from as f64 / to as f64;
    let reach = (REACH as f64 * ratio.max(1.0)).ceil();
    let cutoff = ROLL_OFF * (1.0 / ratio).min(1.0);
    let before = reach as usize;
    let n_taps = stride + 2 * before;
    let weight = |distance: f64| {
        if distance.abs() >= reach {
            return 0.0;
        }
        let x = PI * cutoff * distance;
        let sinc = if x == 0.0 { cutoff } else { cutoff * x.sin() / x };
        sinc * bessel(BETA * (1.0 - (distance / reach).powi(2)).sqrt()) / bessel(BETA)
    };
    let kernels = (0..n_phases).flat_map(|phase| {
        let center = phase as f64 * ratio + before as f64;
        (0..n_taps).map(move |tap| (tap as f64 - center) as f32)
    });
    let kernels: Vec<f32> = kernels.map(|distance| weight(f64::from(distance)) as f32).collect();
    let n_blocks = n_out.div_ceil(n_phases);
    let behind = ((n_blocks - 1) * stride + n_taps).saturating_sub(before + n_in);
    let kernels = graph.tensor(&[n_phases, 1, n_taps], kernels);
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
