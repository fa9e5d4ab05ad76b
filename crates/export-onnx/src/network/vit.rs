//! The Vision Transformer.

use crate::error::Result;
use crate::graph::{Graph, Value, int, ints};
use crate::outputs::Outputs;
use crate::weights::Weights;
use models_vit::{Pooling, VitConfig, resizing};
use std::f32::consts::FRAC_1_SQRT_2;

/// The network over spectrograms, `[B, M, T]`.
pub(super) fn add(graph: &mut Graph, mel: &Value, config: &VitConfig, weights: Weights<'_>) -> Result<Outputs> {
    let mut tokens = embed(graph, mel, config, weights)?;
    for nth in 0..config.layers {
        tokens = layer(graph, &tokens, &format!("layers.{nth}"), config, weights)?;
    }
    let normal = norm(graph, &tokens, "norm", config, weights)?;
    let n_output = 1 + usize::from(config.distillation);
    let first_patch = n_output + config.registers;
    let n_tokens = first_patch + config.n_patches();
    let mut mean = |first: usize, end: usize| {
        let part = graph.slice(&normal, 1, first, end);
        graph.reduce("ReduceMean", &part, &[1], false)
    };
    let embedding = match config.pooling {
        Pooling::Class => mean(0, 1),
        Pooling::ClassDistillation => mean(0, 2),
        Pooling::Mean => mean(first_patch, n_tokens),
        Pooling::ClassMean => {
            let (class, patches) = (mean(0, 1), mean(first_patch, n_tokens));
            graph.concat(&[&class, &patches], 1)
        }
    };
    let logits = graph.linear(&embedding, &weights.values("head.weight")?, &weights.values("head.bias")?);
    Ok(Outputs { logits, embedding, dim: config.embedding_dim(), log_odds: None })
}

/// Output tokens, registers and patches with their positions, `[B, n_tokens, D]`.
fn embed(graph: &mut Graph, mel: &Value, config: &VitConfig, weights: Weights<'_>) -> Result<Value> {
    let mut mel = mel.clone();
    if config.input_scale != 1.0 {
        mel = graph.with("Mul", &mel, config.input_scale as f32);
    }
    let (from, to) = (config.input, config.image());
    if from != to {
        let rows = graph.tensor(&[to[0], from[0]], resizing(from[0], to[0]));
        let columns = resizing(from[1], to[1]); // [W, T]
        let columns = (0..from[1]).flat_map(|t| (0..to[1]).map(move |w| (t, w))).map(|(t, w)| columns[w * from[1] + t]);
        let columns = graph.tensor(&[from[1], to[1]], columns);
        let tall = graph.two("MatMul", &rows, &mel);
        mel = graph.two("MatMul", &tall, &columns);
    }
    let image = graph.reshape(&mel, &[-1, 1, to[0] as i64, to[1] as i64]);
    let (dim, channels) = (config.dim, config.channels);
    let [height, width] = config.patch;
    // All channels are the same, so that their filters add up.
    let filters = weights.values("patch.weight")?;
    let n_each = height * width;
    let sum = |d: usize, at: usize| (0..channels).map(|c| filters[(d * channels + c) * n_each + at]).sum::<f32>();
    let filters = (0..dim).flat_map(|d| (0..n_each).map(move |at| (d, at))).map(|(d, at)| sum(d, at));
    let filters = graph.tensor(&[dim, 1, height, width], filters);
    let bias = graph.tensor(&[dim], weights.values("patch.bias")?);
    let size = |values: [usize; 2]| values.map(|n| n as i64);
    let attributes = vec![ints("kernel_shape", &size(config.patch)), ints("strides", &size(config.stride))];
    let map = graph.node("Conv", &[&image, &filters, &bias], attributes); // [B, D, rows, columns]
    let n_patches = config.n_patches();
    let rows = graph.reshape(&map, &[-1, dim as i64, n_patches as i64]);
    let patches = graph.transpose(&rows, &[0, 2, 1]);
    let n_output = 1 + usize::from(config.distillation);
    let position = weights.values("position")?;
    let of_patches = graph.tensor(&[n_patches, dim], position[n_output * dim..].iter().copied());
    let patches = graph.two("Add", &patches, &of_patches);
    // The same for every clip: as many copies as there are clips, by adding zeros of that shape.
    let mut fixed = Vec::new();
    for (nth, name) in ["class", "distillation"].into_iter().take(n_output).enumerate() {
        let token = weights.values(name)?;
        fixed.extend(token.iter().zip(&position[nth * dim..]).map(|(token, position)| token + position));
    }
    if config.registers > 0 {
        fixed.extend(weights.values("registers")?);
    }
    let n_fixed = fixed.len() / dim;
    let fixed = graph.tensor(&[1, n_fixed, dim], fixed);
    let first = graph.slice(&patches, 1, 0, 1);
    let zeros = graph.with("Mul", &first, 0.0); // [B, 1, D]
    let fixed = graph.two("Add", &zeros, &fixed);
    Ok(graph.concat(&[&fixed, &patches], 1))
}

fn norm(graph: &mut Graph, x: &Value, name: &str, config: &VitConfig, weights: Weights<'_>) -> Result<Value> {
    // Not as LayerNormalization of opset 17, which some runtimes lack.
    let mean = graph.reduce("ReduceMean", x, &[-1], true);
    let centered = graph.two("Sub", x, &mean);
    let squares = graph.two("Mul", &centered, &centered);
    let variance = graph.reduce("ReduceMean", &squares, &[-1], true);
    let variance = graph.with("Add", &variance, config.epsilon as f32);
    let deviation = graph.one("Sqrt", &variance);
    let normal = graph.two("Div", &centered, &deviation);
    let scale = graph.tensor(&[config.dim], weights.values(&format!("{name}.weight"))?);
    let shift = graph.tensor(&[config.dim], weights.values(&format!("{name}.bias"))?);
    let scaled = graph.two("Mul", &normal, &scale);
    Ok(graph.two("Add", &scaled, &shift))
}

fn linear(graph: &mut Graph, x: &Value, name: &str, weights: Weights<'_>) -> Result<Value> {
    Ok(graph.linear(x, &weights.values(&format!("{name}.weight"))?, &weights.values(&format!("{name}.bias"))?))
}

/// Adds a half to what was before, scaled where the network scales it.
fn add_up(
    graph: &mut Graph,
    before: &Value,
    half: &Value,
    scale: &str,
    config: &VitConfig,
    weights: Weights<'_>,
) -> Result<Value> {
    let half = if config.layer_scale {
        let scale = graph.tensor(&[config.dim], weights.values(scale)?);
        graph.two("Mul", half, &scale)
    } else {
        half.clone()
    };
    Ok(graph.two("Add", before, &half))
}

fn layer(graph: &mut Graph, tokens: &Value, name: &str, config: &VitConfig, weights: Weights<'_>) -> Result<Value> {
    let (dim, heads) = (config.dim, config.heads as i64);
    let head_dim = dim as i64 / heads;
    let normal = norm(graph, tokens, &format!("{name}.norm1"), config, weights)?;
    let qkv = linear(graph, &normal, &format!("{name}.qkv"), weights)?; // [B, T, 3 * D]
    let mut part = |nth: usize, order: [i64; 4]| {
        let part = graph.slice(&qkv, 2, nth * dim, (nth + 1) * dim);
        let by_head = graph.reshape(&part, &[0, 0, heads, head_dim]);
        graph.transpose(&by_head, &order)
    };
    let (q, k, v) = (part(0, [0, 2, 1, 3]), part(1, [0, 2, 3, 1]), part(2, [0, 2, 1, 3]));
    let q = graph.with("Mul", &q, 1.0 / (head_dim as f32).sqrt());
    let pairs = graph.two("MatMul", &q, &k);
    let attention = graph.node("Softmax", &[&pairs], vec![int("axis", -1)]);
    let gathered = graph.two("MatMul", &attention, &v);
    let gathered = graph.transpose(&gathered, &[0, 2, 1, 3]);
    let gathered = graph.reshape(&gathered, &[0, 0, dim as i64]);
    let out = linear(graph, &gathered, &format!("{name}.out"), weights)?;
    let middle = add_up(graph, tokens, &out, &format!("{name}.scale1"), config, weights)?;

    let normal = norm(graph, &middle, &format!("{name}.norm2"), config, weights)?;
    let up = linear(graph, &normal, &format!("{name}.up"), weights)?;
    // GELU: x (1 + erf(x / sqrt 2)) / 2
    let scaled = graph.with("Mul", &up, FRAC_1_SQRT_2);
    let erf = graph.one("Erf", &scaled);
    let share = graph.with("Add", &erf, 1.0);
    let double = graph.two("Mul", &up, &share);
    let hidden = graph.with("Mul", &double, 0.5);
    let down = linear(graph, &hidden, &format!("{name}.down"), weights)?;
    add_up(graph, &middle, &down, &format!("{name}.scale2"), config, weights)
}
