//! From logits to probabilities, as the predictor does.

use crate::graph::{Graph, Value, int};
use classifier::{MOST_VOTE, ModelHeader};

/// Votes of a model, `[B, C]`: see [`classifier::votes`].
pub(crate) fn votes(graph: &mut Graph, logits: &Value, scale: f32) -> Value {
    let mean = graph.reduce("ReduceMean", logits, &[1], true);
    let centered = graph.two("Sub", logits, &mean);
    let scaled = graph.with("Mul", &centered, scale);
    graph.clamp(&scaled, -MOST_VOTE, MOST_VOTE)
}

/// The mean of votes; a single one is itself.
pub(crate) fn mean_votes(graph: &mut Graph, votes: &[Value]) -> Value {
    let mut sum = votes[0].clone();
    for vote in &votes[1..] {
        sum = graph.two("Add", &sum, vote);
    }
    if votes.len() == 1 { sum } else { graph.with("Div", &sum, votes.len() as f32) }
}

/// The probabilities, `[B, C]`: what a place adds to logits, the temperature, softmax.
pub(crate) fn probabilities(graph: &mut Graph, logits: &Value, header: &ModelHeader) -> Value {
    let mut logits = logits.clone();
    if let Some(place) = &header.place {
        let bias = graph.tensor(&[place.bias.len()], place.bias.iter().copied());
        logits = graph.two("Add", &logits, &bias);
    }
    if let Some(calibration) = header.calibration {
        logits = graph.with("Div", &logits, calibration.temperature);
    }
    graph.node("Softmax", &[&logits], vec![int("axis", 1)])
}
