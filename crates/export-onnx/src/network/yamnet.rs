//! YAMNet: MobileNet v1 over windows of 0.96 s, and the means over the windows of a clip.

use crate::error::{Error, Result};
use crate::graph::{Graph, Value, int, ints};
use crate::outputs::Outputs;
use crate::weights::Weights;
use models_cnn::{LEAST_PROBABILITY, N_BANDS, PATCH_FRAMES, YAMNET_DIM, YAMNET_LAYERS, YamnetConfig};

/// Zeros before and behind a direction of `n` values, as TensorFlow's `SAME` has them for kernels of three.
fn pads(n: usize, stride: usize) -> [i64; 2] {
    let n_out = n.div_ceil(stride);
    let total = ((n_out - 1) * stride + 3).saturating_sub(n) as i64;
    [total / 2, total - total / 2]
}

fn convolution(
    graph: &mut Graph,
    map: &Value,
    name: &str,
    (size, stride): ([usize; 2], usize),
    weights: Weights<'_>,
) -> Result<Value> {
    let dims = weights.dims(&format!("{name}.weight"))?;
    let kernel = graph.tensor(dims, weights.values(&format!("{name}.weight"))?);
    let bias = weights.values(&format!("{name}.bias"))?;
    let bias = graph.tensor(&[bias.len()], bias);
    let is_point = dims[2] == 1;
    let [rows, columns] = size.map(|n| if is_point { [0, 0] } else { pads(n, stride) });
    let n_groups = if name.contains("depthwise") { dims[0] } else { 1 };
    let attributes = vec![
        ints("kernel_shape", &[dims[2] as i64, dims[3] as i64]),
        ints("strides", &[stride as i64; 2]),
        ints("pads", &[rows[0], columns[0], rows[1], columns[1]]),
        int("group", n_groups as i64),
    ];
    let map = graph.node("Conv", &[map, &kernel, &bias], attributes);
    Ok(graph.one("Relu", &map))
}

/// The network over spectrograms, `[B, 64, T]`.
pub(super) fn add(
    graph: &mut Graph,
    mel: &Value,
    n_frames: usize,
    config: &YamnetConfig,
    weights: Weights<'_>,
) -> Result<Outputs> {
    if n_frames < PATCH_FRAMES {
        return Err(Error::Unsupported(format!("YAMNet needs {PATCH_FRAMES} frames, and the window has {n_frames}")));
    }
    let n_windows = (n_frames - PATCH_FRAMES) / config.hop_frames + 1;
    let places: Vec<i64> = (0..n_windows)
        .flat_map(|window| (0..PATCH_FRAMES).map(move |frame| (window * config.hop_frames + frame) as i64))
        .collect();
    let places = graph.whole(&[n_windows, PATCH_FRAMES], &places);
    let by_frame = graph.transpose(mel, &[0, 2, 1]); // [B, T, M]
    let windows = graph.node("Gather", &[&by_frame, &places], vec![int("axis", 1)]); // [B, P, 96, M]
    let mut map = graph.reshape(&windows, &[-1, 1, PATCH_FRAMES as i64, N_BANDS as i64]);
    let mut size = [PATCH_FRAMES, N_BANDS];
    for (nth, (_, stride)) in YAMNET_LAYERS.into_iter().enumerate() {
        let layer = format!("layer{}", nth + 1);
        if nth == 0 {
            map = convolution(graph, &map, &format!("{layer}.conv"), (size, stride), weights)?;
        } else {
            map = convolution(graph, &map, &format!("{layer}.depthwise_conv"), (size, stride), weights)?;
            map = convolution(graph, &map, &format!("{layer}.pointwise_conv"), (size, 1), weights)?;
        }
        size = size.map(|n| n.div_ceil(stride));
    }
    let of_window = graph.reduce("ReduceMean", &map, &[2, 3], false); // [B * P, D]
    let by_clip = graph.reshape(&of_window, &[-1, n_windows as i64, YAMNET_DIM as i64]);
    let embedding = graph.reduce("ReduceMean", &by_clip, &[1], false);
    let logits = graph.linear(&embedding, &weights.values("head.weight")?, &weights.values("head.bias")?);
    let own = graph.linear(&by_clip, &weights.values("dense.weight")?, &weights.values("dense.bias")?); // [B, P, K]
    // The logarithm of the mean odds.
    let most = (1.0 / LEAST_PROBABILITY - 1.0).ln() as f32;
    let held = graph.clamp(&own, -most, most);
    let odds = graph.one("Exp", &held);
    let mean = graph.reduce("ReduceMean", &odds, &[1], false);
    let log_odds = graph.one("Log", &mean);
    Ok(Outputs { logits, embedding, dim: YAMNET_DIM, log_odds: Some(log_odds) })
}
