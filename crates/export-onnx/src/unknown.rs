//! The score of unknown sounds and its p-value, for the detectors that have a form in a graph.

use crate::graph::{Graph, Value};
use crate::network::unit;
use crate::outputs::Outputs;
use anomaly::{EnergyConfig, KnnConfig, MaxSoftmaxConfig, Method, SemanticConfig, Stored};
use inference::unknown::{Calibrated, RowSource};

/// Score and p-value of clips, `[B, 1]` each.
pub(crate) struct Unknown {
    pub(crate) score: Value,
    pub(crate) p_value: Value,
}

/// What a detector looks at.
pub(crate) struct Seen<'a> {
    /// What the network computes that embedding and log-odds are of.
    pub(crate) outputs: &'a Outputs,
    /// The model's logits, before what a place adds, `[B, C]`.
    pub(crate) logits: &'a Value,
}

/// Adds a detector. None, with the reason, where it has no form in a graph.
pub(crate) fn add(graph: &mut Graph, detector: &Calibrated, seen: &Seen<'_>) -> Result<Unknown, String> {
    let fitted = &detector.fitted;
    let name = &fitted.method.name;
    let [part] = &fitted.method.parts[..] else {
        return Err(format!(
            "the detector `{name}` joins several; `barkbird anomaly fit` with --method adds a single one"
        ));
    };
    let stored = fitted.to_stored();
    let stored = stored.get("0").ok_or_else(|| format!("the detector `{name}` has no arrays"))?;
    let is_own = part.source == RowSource::Backbone && seen.outputs.log_odds.is_some();
    if part.source != RowSource::Classifier && !is_own {
        return Err(format!("the detector `{name}` looks at a second network, or at inner layers"));
    }
    let score = match &part.method {
        Method::Semantic(config) if is_own => semantic(graph, seen, config, stored),
        Method::Knn(config) => knn(graph, seen, config, stored),
        Method::MaxSoftmax(config) => Some(max_softmax(graph, seen, config)),
        Method::MaxLogit(_) => {
            let largest = graph.reduce("ReduceMax", seen.logits, &[1], true);
            Some(graph.one("Neg", &largest))
        }
        Method::Energy(config) => Some(energy(graph, seen, config)),
        _ => None,
    };
    let score = score.ok_or_else(|| {
        format!(
            "the detector `{name}` has no form in a graph; semantic, knn, max_softmax, max_logit and energy have one"
        )
    })?;
    let p_value = p_value(graph, &score, &detector.conformal.to_tensors())
        .ok_or_else(|| format!("the detector `{name}` has no calibration"))?;
    Ok(Unknown { score, p_value })
}

/// Minus the largest weighted mean of log-odds.
fn semantic(graph: &mut Graph, seen: &Seen<'_>, config: &SemanticConfig, stored: &Stored) -> Option<Value> {
    let weights = stored.tensors.get("weights")?;
    let [n_classes, n_own] = weights.shape[..] else { return None };
    let most = ((1.0 - config.floor) / config.floor).ln() as f32;
    let held = graph.clamp(seen.outputs.log_odds.as_ref()?, -most, most);
    let transposed = (0..n_own).flat_map(|k| (0..n_classes).map(move |c| (c, k)));
    let transposed = transposed.map(|(c, k)| weights.values[c * n_own + k]);
    let weights = graph.tensor(&[n_own, n_classes], transposed);
    let by_class = graph.two("MatMul", &held, &weights);
    let largest = graph.reduce("ReduceMax", &by_class, &[1], true);
    Some(graph.one("Neg", &largest))
}

/// The distance to the k-th nearest row.
fn knn(graph: &mut Graph, seen: &Seen<'_>, config: &KnnConfig, stored: &Stored) -> Option<Value> {
    let points = stored.tensors.get("points")?;
    let [n, dim] = points.shape[..] else { return None };
    let row = match config.normalize {
        true => unit(graph, &seen.outputs.embedding, 1e-24),
        false => seen.outputs.embedding.clone(),
    };
    let values = &points.values;
    let transposed = (0..dim).flat_map(|d| (0..n).map(move |i| values[i * dim + d]));
    let columns = graph.tensor(&[dim, n], transposed);
    let squares = values.chunks_exact(dim).map(|row| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() as f32);
    let squares = graph.tensor(&[n], squares);
    let products = graph.two("MatMul", &row, &columns);
    let products = graph.with("Mul", &products, -2.0);
    let own = graph.two("Mul", &row, &row);
    let own = graph.sum(&own, &[1]);
    let distances = graph.two("Add", &products, &squares);
    let distances = graph.two("Add", &distances, &own);
    let nearest = graph.top_k(&distances, config.k.min(n), false);
    let farthest = graph.reduce("ReduceMax", &nearest, &[1], true);
    let farthest = graph.with("Max", &farthest, 0.0);
    Some(graph.one("Sqrt", &farthest))
}

/// 1 minus the largest probability, as a sum of the others: with the largest alone all digits would be lost.
fn max_softmax(graph: &mut Graph, seen: &Seen<'_>, config: &MaxSoftmaxConfig) -> Value {
    let scaled = graph.with("Div", seen.logits, config.temperature as f32);
    let largest = graph.reduce("ReduceMax", &scaled, &[1], true);
    let below = graph.two("Sub", &scaled, &largest);
    let odds = graph.one("Exp", &below);
    // Of two classes, 1 is lost from a sum of 1 and e^-20: the smaller ones are added by themselves.
    let is_largest = graph.two("GreaterOrEqual", &scaled, &largest);
    let (one, zero) = (graph.number(1.0), graph.number(0.0));
    let others = graph.node("Where", &[&is_largest, &zero, &odds], Vec::new());
    let others = graph.sum(&others, &[1]);
    // Classes that share the largest probability, counted: WebGPU has no `Round`.
    let ties = graph.node("Where", &[&is_largest, &one, &zero], Vec::new());
    let ties = graph.sum(&ties, &[1]);
    let ties = graph.with("Sub", &ties, 1.0);
    let others = graph.two("Add", &others, &ties);
    let total = graph.with("Add", &others, 1.0);
    graph.two("Div", &others, &total)
}

/// Minus the logarithm of the sum of exponentials.
fn energy(graph: &mut Graph, seen: &Seen<'_>, config: &EnergyConfig) -> Value {
    let scaled = graph.with("Div", seen.logits, config.temperature as f32);
    let largest = graph.reduce("ReduceMax", &scaled, &[1], true);
    let below = graph.two("Sub", &scaled, &largest);
    let odds = graph.one("Exp", &below);
    let sum = graph.sum(&odds, &[1]);
    let logarithm = graph.one("Log", &sum);
    let all = graph.two("Add", &logarithm, &largest);
    graph.with("Mul", &all, -config.temperature as f32)
}

/// The share of known sounds that are at least as unusual; see [`anomaly::conformal`].
fn p_value(graph: &mut Graph, score: &Value, calibration: &Stored) -> Option<Value> {
    let values = |name: &str| calibration.tensors.get(name).map(|tensor| tensor.values.clone());
    let (scores, sharing, n_groups) = (values("scores")?, values("n_sharing")?, values("n_groups")?);
    let n = scores.len();
    let scores = graph.tensor(&[1, n], scores);
    let is_at_least = graph.two("GreaterOrEqual", &scores, score); // [B, N]
    let (one, zero) = (graph.number(1.0), graph.number(0.0));
    let counted = graph.node("Where", &[&is_at_least, &one, &zero], Vec::new());
    let weights = graph.tensor(&[n, 1], sharing.iter().map(|n| 1.0 / n));
    let above = graph.two("MatMul", &counted, &weights);
    let above = graph.with("Add", &above, 1.0);
    let p_value = graph.with("Div", &above, n_groups.first()? + 1.0);
    Some(graph.with("Min", &p_value, 1.0))
}
