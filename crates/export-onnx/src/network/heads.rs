//! Heads over a pretrained network, and the k-nearest-neighbors classifier.

use crate::answer::{mean_votes, votes};
use crate::error::{Error, Result};
use crate::graph::{Graph, Value};
use crate::outputs::Outputs;
use crate::weights::Weights;
use classifier::{HeadKind, LEAST_SHARE, NeighborsConfig, Top};

/// Heads over YAMNet.
pub(super) fn add(graph: &mut Graph, of: Outputs, tops: &[Top], weights: Weights<'_>) -> Result<Outputs> {
    let log_odds = of.log_odds.clone();
    let mut all = Vec::new();
    for (nth, top) in tops.iter().enumerate() {
        let values = |name: &str| weights.values(&format!("top.{nth}.{name}"));
        let input = match top.head {
            HeadKind::Evidence => log_odds.clone().ok_or_else(|| Error::Unsupported("no classes of its own".into()))?,
            HeadKind::Linear => of.embedding.clone(),
            HeadKind::Prototype => {
                let center = values("center")?;
                let center = graph.tensor(&[center.len()], center);
                let centered = graph.two("Sub", &of.embedding, &center);
                unit(graph, &centered, 1e-24)
            }
        };
        let logits = graph.linear(&input, &values("weight")?, &values("bias")?);
        all.push(if tops.len() == 1 { logits } else { votes(graph, &logits, top.scale) });
    }
    let logits = mean_votes(graph, &all);
    Ok(Outputs { logits, ..of })
}

/// Rows of length 1; `least` is added to the squared length.
pub(crate) fn unit(graph: &mut Graph, rows: &Value, least: f32) -> Value {
    let squares = graph.two("Mul", rows, rows);
    let sum = graph.sum(&squares, &[1]);
    let sum = graph.with("Add", &sum, least);
    let length = graph.one("Sqrt", &sum);
    graph.two("Div", rows, &length)
}

/// The k-nearest-neighbors classifier over the embedding of a network.
pub(super) fn neighbors(
    graph: &mut Graph,
    body: Outputs,
    config: NeighborsConfig,
    weights: Weights<'_>,
) -> Result<Outputs> {
    let (points, dims) = (weights.values("neighbours.embedding")?, weights.dims("neighbours.embedding")?);
    let (classes, of_class) = (weights.values("neighbours.class")?, weights.dims("neighbours.class")?);
    let row = unit(graph, &body.embedding, 1e-24);
    let (n, dim, n_classes) = (dims[0], dims[1], of_class[1]);
    let points =
        graph.tensor(&[dim, n], (0..dim).flat_map(|d| (0..n).map(move |i| (i, d))).map(|(i, d)| points[i * dim + d]));
    let cosines = graph.two("MatMul", &row, &points); // [B, N]
    // The k-th largest is the line between neighbors and others.
    let largest = graph.top_k(&cosines, config.k.min(n), true);
    let least = graph.reduce("ReduceMin", &largest, &[1], true);
    let is_far = graph.two("Less", &cosines, &least);
    let scaled = graph.with("Div", &cosines, config.temperature as f32);
    let top = graph.reduce("ReduceMax", &scaled, &[1], true);
    let shifted = graph.two("Sub", &scaled, &top);
    let weight = graph.one("Exp", &shifted);
    let zero = graph.number(0.0);
    let weight = graph.node("Where", &[&is_far, &zero, &weight], Vec::new());
    let classes = graph.tensor(&[n, n_classes], classes);
    let by_class = graph.two("MatMul", &weight, &classes);
    let total = graph.sum(&by_class, &[1]);
    let share = graph.two("Div", &by_class, &total);
    let share = graph.with("Add", &share, LEAST_SHARE as f32);
    let logits = graph.one("Log", &share);
    Ok(Outputs { logits, ..body })
}
