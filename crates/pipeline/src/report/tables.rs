//! Tables of a report from what `fit` and `evaluate --stress` wrote.

use crate::error::{Context, Result};
use crate::named::Named;
use crate::stress::Condition;
use report::Table;
use serde_json::Value;
use std::path::Path;

/// Candidates that are shown at most.
const MOST_CANDIDATES: usize = 12;

/// A JSON file; none where there is none.
pub(super) fn json(path: &Path) -> Result<Option<Value>> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    Ok(Some(serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?))
}

/// The sentences of `fit.json`.
pub(super) fn sentences(fit: &Value) -> Vec<String> {
    strings(&fit["sentences"])
}

/// Texts of a list.
pub(super) fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The choice of `fit`, and what of a pretrained network speaks for each class.
pub(super) fn of_fit(fit: &Value) -> Vec<(String, Table)> {
    let mut tables = Vec::new();
    let choice = &fit["choice"];
    let row = |of: &Value| {
        let chosen = if of["chosen"] == true { " (chosen)" } else { "" };
        vec![
            format!("{}{chosen}", text(&of["name"])),
            number(&of["balanced_accuracy"]),
            number(&of["worst"]),
            condition(&text(&of["worst_condition"])),
            number(&of["mean"]),
            text(&of["learned"]),
        ]
    };
    tables.push(("How the model was chosen".into(), Table { caption: format!(
            "Balanced accuracy in cross-validation over groups, on training and validation clips alone. The choice: {}.",
            text(&choice["rule"])
        ), columns: heads(&["Candidate", "As recorded", "Hardest stress test", "Which", "Mean", "Numbers learned"]), rows: choice["candidates"].as_array().into_iter().flatten().take(MOST_CANDIDATES).map(row).collect(), }));
    let evidence = fit["evidence"].as_array().into_iter().flatten();
    let rows = evidence.map(|of| {
        let names = of[1].as_array().into_iter().flatten();
        let names: Vec<String> = names.map(|one| format!("{} {}", text(&one[0]), number(&one[1]))).collect();
        vec![text(&of[0]), names.join(", ")]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if !rows.is_empty() {
        tables.push((
            "What speaks for each class".into(),
            Table {
                caption:
                    "Sounds that the pretrained network knows by name, and their share of the class\u{2019}s score."
                        .into(),
                columns: heads(&["Class", "Sounds"]),
                rows,
            },
        ));
    }
    tables
}

/// Stress tests and unknown sounds of a `metrics.json`.
pub(super) fn of_metrics(metrics: &Value) -> Vec<(String, Table)> {
    let mut tables = Vec::new();
    if let Some(conditions) = metrics["stress"]["conditions"].as_object() {
        let row = |name: &str, figures: &Value, interval: &Value| {
            vec![condition(name), number(&figures["balanced_accuracy"]), range(interval), text(&figures["n"])]
        };
        let mut rows = vec![row("as_recorded", metrics, &metrics["intervals"]["balanced_accuracy"])];
        let known = Condition::ALL.iter().filter_map(|(name, _, _)| Some((name, conditions.get(*name)?)));
        rows.extend(known.map(|(name, figures)| row(name, figures, &figures["interval"])));
        let worst = &metrics["stress"]["worst"];
        tables.push((
            "Stress tests".into(),
            Table {
                caption: format!(
                    "The same clips ({}) under other recording conditions. Hardest: {} ({}).",
                    text(&metrics["split"]).replace(',', ", "),
                    condition(&text(&worst["name"])),
                    number(&worst["balanced_accuracy"])
                ),
                columns: heads(&["Condition", "Balanced accuracy", "95 % interval", "Clips"]),
                rows,
            },
        ));
    }
    let unknown = &metrics["unknown"];
    if let Some(sets) = unknown["sets"].as_object().filter(|sets| !sets.is_empty()) {
        let row = |(name, of): (&String, &Value)| {
            vec![name.clone(), text(&of["n"]), number(&of["auroc"]), range(&of["interval"]), percent(&of["rejected"])]
        };
        let mut rows: Vec<Vec<String>> = sets.iter().map(row).collect();
        rows.push(vec![
            "known sounds".into(),
            text(&unknown["n_known"]),
            String::new(),
            String::new(),
            percent(&unknown["known_rejected"]),
        ]);
        tables.push(("Unknown sounds".into(), Table { caption: format!(
                "Detector: {}. \u{201c}neither\u{201d} is the answer where the p-value is at most alpha = {}: of known sounds \
                 that should happen to no larger share.",
                text(&unknown["method"]),
                text(&unknown["alpha"])
            ), columns: heads(&["Set", "Clips", "AUROC", "95 % interval", "Rejected"]), rows, }));
    }
    tables
}

fn heads(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn number(value: &Value) -> String {
    value.as_f64().map_or_else(|| "\u{2013}".into(), |value| format!("{value:.3}"))
}

fn percent(value: &Value) -> String {
    value.as_f64().map_or_else(|| "\u{2013}".into(), |value| format!("{:.0} %", 100.0 * value))
}

fn range(value: &Value) -> String {
    match (value[0].as_f64(), value[1].as_f64()) {
        (Some(low), Some(high)) => format!("{low:.3} to {high:.3}"),
        _ => "\u{2013}".into(),
    }
}

/// What a condition is, in words.
fn condition(name: &str) -> String {
    let found = Condition::ALL.iter().find(|(known, _, _)| *known == name);
    found.map_or_else(|| name.replace('_', " "), |(_, _, description)| (*description).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_in_the_files_is_in_the_tables() {
        let metrics = json!({
            "split": "test", "n": 9, "balanced_accuracy": 1.0, "intervals": {"balanced_accuracy": [0.7, 1.0]},
            "stress": {"conditions": {"rate_8k": {"n": 9, "balanced_accuracy": 0.8, "interval": [0.5, 0.9]}},
                       "worst": {"name": "rate_8k", "balanced_accuracy": 0.8}},
            "unknown": {"method": "semantic", "alpha": 0.05, "n_known": 9, "known_rejected": 0.0,
                        "sets": {"ood-test": {"n": 4, "auroc": 0.9, "interval": null, "rejected": 0.5}}},
        });
        let tables = of_metrics(&metrics);
        assert_eq!(tables[0].1.rows[1], ["A sample rate of 8 kHz", "0.800", "0.500 to 0.900", "9"]);
        assert_eq!(tables[1].1.rows[0], ["ood-test", "4", "0.900", "\u{2013}", "50 %"]);
        assert!(of_metrics(&json!({"split": "test"})).is_empty());
        let fit = json!({"choice": {"rule": "of all", "candidates": [{"name": "cnn", "chosen": true, "worst": 0.5}]},
                         "evidence": [["dog", [["Bark", 0.5]]]]});
        let tables = of_fit(&fit);
        assert_eq!((tables[0].1.rows[0][0].as_str(), tables[1].1.rows[0][1].as_str()), ("cnn (chosen)", "Bark 0.500"));
    }
}
