//! The `model-index` of a card: figures in the form that the hub reads.

use super::evaluations::Evaluation;
use super::facts::Facts;
use crate::named::Named;
use crate::stress::Condition;
use serde_json::{Value, json};

/// The task, as the hub names it.
pub(super) const TASK: &str = "audio-classification";

/// `dataset.type` of a collection that is no data set of the hub.
const NO_DATASET: &str = "other";

/// Figures: key in metrics.json, type on the hub, name.
pub(super) const FIGURES: [(&str, &str, &str); 5] = [
    ("balanced_accuracy", "balanced_accuracy", "Balanced accuracy"),
    ("accuracy", "accuracy", "Accuracy"),
    ("macro_f1", "f1", "F1, mean over the classes"),
    ("auroc", "roc_auc", "Area under the ROC curve"),
    ("ece", "ece", "Expected calibration error"),
];

/// The results of all evaluations; none where nothing was measured.
pub(super) fn model_index(facts: &Facts) -> Option<Value> {
    let results: Vec<Value> = facts.evaluations.all.iter().flat_map(|of| results(of, facts)).collect();
    (!results.is_empty()).then(|| json!([{ "name": facts.name, "results": results }]))
}

/// Types of figures that the index has.
pub(super) fn metrics(index: Option<&Value>) -> Vec<&'static str> {
    let has = |kind: &str| index.is_some_and(|index| index.to_string().contains(&format!("\"type\":\"{kind}\"")));
    FIGURES.iter().map(|(_, kind, _)| *kind).filter(|kind| has(kind)).collect()
}

/// The result of an evaluation, and that of its hardest stress test.
fn results(of: &Evaluation, facts: &Facts) -> Vec<Value> {
    let metrics = &of.metrics;
    let each = |(key, kind, name): &(&str, &str, &str)| {
        let value = metrics[*key].as_f64()?;
        let method = metrics["interval_method"][*key].as_str();
        Some(figure(kind, name, value, &metrics["intervals"][*key], method, [of.n(), of.n_groups()]))
    };
    let figures: Vec<Value> = FIGURES.iter().filter_map(each).collect();
    if figures.is_empty() {
        return Vec::new();
    }
    let mut results = vec![result(of, facts, "", figures)];
    let worst = &metrics["stress"]["worst"];
    let condition = worst["name"].as_str().and_then(|name| Condition::ALL.iter().find(|(known, _, _)| *known == name));
    if let (Some((name, condition, _)), Some(value)) = (condition, worst["balanced_accuracy"].as_f64()) {
        let counts = &metrics["stress"]["conditions"][*name];
        let counts = ["n", "n_groups"].map(|key| counts[key].as_u64().unwrap_or(0) as usize);
        let (kind, title) = (FIGURES[0].1, "Balanced accuracy under the hardest stress test");
        let worst = figure(kind, title, value, &worst["interval"], None, counts);
        results.push(result(of, facts, &format!(", {}", lower_first(condition.describe())), vec![worst]));
    }
    results
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().collect::<String>() + chars.as_str())
}

fn result(of: &Evaluation, facts: &Facts, condition: &str, metrics: Vec<Value>) -> Value {
    let dataset = facts.dataset.as_deref().filter(|_| of.is_of_collection == Some(true));
    json!({
        "task": { "type": TASK, "name": "Audio classification" },
        "dataset": {
            "type": dataset.unwrap_or(NO_DATASET),
            "name": format!("{}{condition}", of.data(facts.collection_name())),
            "split": of.split(),
        },
        "metrics": metrics,
    })
}

fn figure(
    kind: &str,
    name: &str,
    value: f64,
    interval: &Value,
    method: Option<&str>,
    [n, n_groups]: [usize; 2],
) -> Value {
    let mut name = format!("{name} ({n} clips, {n_groups} groups");
    let mut args = json!({ "clips": n, "groups": n_groups });
    if let (Some(low), Some(high)) = (interval[0].as_f64(), interval[1].as_f64()) {
        name += &format!("; 95 % interval {low:.3} to {high:.3}");
        args["interval_95"] = json!([low, high]);
        if let Some(method) = method {
            args["interval_method"] = method.into();
        }
    }
    json!({ "type": kind, "name": format!("{name})"), "value": value, "args": args })
}
