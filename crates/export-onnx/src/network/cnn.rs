//! The convolutional network, with batch norm folded into the convolutions.

use crate::error::Result;
use crate::graph::{Graph, Value, ints};
use crate::outputs::Outputs;
use crate::weights::Weights;
use models_cnn::{CnnConfig, Downsample, MapPooling, NORM_EPSILON};

/// A 3x3 convolution with batch norm, and optionally a residual; then ReLU. `[B, C, H, W]`.
fn convolution(
    graph: &mut Graph,
    map: &Value,
    residual: Option<&Value>,
    stride: i64,
    name: &str,
    weights: Weights<'_>,
) -> Result<Value> {
    let dims = weights.dims(&format!("{name}.conv.weight"))?;
    let conv = weights.values(&format!("{name}.conv.weight"))?;
    let of_norm = |end: &str| weights.values(&format!("{name}.norm.{end}"));
    let (scale, shift, mean, variance) =
        (of_norm("weight")?, of_norm("bias")?, of_norm("running_mean")?, of_norm("running_var")?);
    let factor: Vec<f32> = scale.iter().zip(&variance).map(|(s, v)| s / (v + NORM_EPSILON).sqrt()).collect();
    let bias = factor.iter().zip(shift.iter().zip(&mean)).map(|(f, (shift, mean))| shift - mean * f);
    let bias = graph.tensor(&[factor.len()], bias);
    let n_each = conv.len() / factor.len();
    let kernel = graph.tensor(dims, conv.iter().enumerate().map(|(i, w)| w * factor[i / n_each]));
    let attributes =
        vec![ints("kernel_shape", &[3, 3]), ints("pads", &[1, 1, 1, 1]), ints("strides", &[stride, stride])];
    let mut map = graph.node("Conv", &[map, &kernel, &bias], attributes);
    if let Some(residual) = residual {
        map = graph.two("Add", &map, residual);
    }
    Ok(graph.one("Relu", &map))
}

/// The network over spectrograms, `[B, M, T]`.
pub(super) fn add(
    graph: &mut Graph,
    mel: &Value,
    size: [usize; 2],
    config: &CnnConfig,
    weights: Weights<'_>,
) -> Result<Outputs> {
    let mut map = graph.reshape(mel, &[-1, 1, size[0] as i64, size[1] as i64]);
    let mut size = size;
    for stage in 0..config.channels.len() {
        let name = format!("stages.{stage}");
        let is_strided = config.downsample == Downsample::Stride;
        map = convolution(graph, &map, None, if is_strided { 2 } else { 1 }, &name, weights)?;
        // A direction with a single value is not changed.
        let step = size.map(|n| if n >= 2 { 2 } else { 1 });
        if is_strided {
            size = size.map(|n| n.div_ceil(2));
        } else if step != [1, 1] {
            let op = if config.downsample == Downsample::MaxPool { "MaxPool" } else { "AveragePool" };
            let step = step.map(|n| n as i64);
            map = graph.node(op, &[&map], vec![ints("kernel_shape", &step), ints("strides", &step)]);
            size = size.map(|n| if n >= 2 { n / 2 } else { n });
        }
        if config.residual && stage > 0 {
            let inner = convolution(graph, &map, None, 1, &format!("{name}.residual.0"), weights)?;
            map = convolution(graph, &inner, Some(&map), 1, &format!("{name}.residual.1"), weights)?;
        }
    }
    let by_frame = graph.reduce("ReduceMean", &map, &[2], false); // [B, C, W]
    let mean = graph.reduce("ReduceMean", &by_frame, &[2], false);
    let embedding = match config.pooling {
        MapPooling::Mean => mean,
        MapPooling::MeanMax => {
            let largest = graph.reduce("ReduceMax", &by_frame, &[2], false);
            graph.concat(&[&mean, &largest], 1)
        }
    };
    let logits = graph.linear(&embedding, &weights.values("head.weight")?, &weights.values("head.bias")?);
    Ok(Outputs { logits, embedding, dim: config.embedding_dim(), log_odds: None })
}
