//! Sections of a report from what `fit` and `evaluate --stress` wrote.

use crate::error::{Context, Result};
use crate::named::Named;
use crate::stress::Condition;
use report::{LineFigure, Section, Table};
use serde_json::Value;
use std::path::Path;

/// Candidates that are shown at most.
const MOST_CANDIDATES: usize = 12;

/// A JSON file; none where there is none.
pub(super) fn json(path: &Path) -> Result<Option<Value>> {
    if !storage::exists(path) {
        return Ok(None);
    }
    let bytes = storage::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
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
pub(super) fn of_fit(fit: &Value) -> Vec<Section> {
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
    tables.push(section("How the model was chosen", Table { caption: format!(
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
        let caption = "Sounds that the pretrained network knows by name, and their share of the class\u{2019}s score.";
        let table = Table { caption: caption.into(), columns: heads(&["Class", "Sounds"]), rows };
        tables.push(section("What speaks for each class", table));
    }
    tables
}

fn section(title: &str, table: Table) -> Section {
    Section { title: title.into(), table: Some(table), ..Section::default() }
}

/// Which detector of unknown sounds the model has, and why; empty without one. `outlier` is of the model's header.
pub(super) fn detector(outlier: &Value) -> Vec<String> {
    let (record, detectors) = (&outlier["record"], outlier["detectors"].as_array());
    let Some(method) = detectors.and_then(|all| all.first()?["method"]["name"].as_str()) else { return Vec::new() };
    let why = text(&record["why"]);
    let mut sentences = vec![match why.is_empty() {
        true => format!("The detector is {method}."),
        false => format!("The detector is {method}: {why}."),
    }];
    let tried = record["auroc"].as_array().into_iter().flatten();
    let mut tried: Vec<(&str, f64)> = tried
        .filter_map(|one| Some((one[0].as_str()?, one[1].as_f64()?)))
        .filter(|(name, _)| *name != method)
        .collect();
    tried.sort_by(|a, b| b.1.total_cmp(&a.1));
    if !tried.is_empty() {
        let n = tried.len();
        let names: Vec<String> = tried.iter().take(3).map(|(name, auroc)| format!("{name} {auroc:.3}")).collect();
        sentences.push(format!("It was the best of {} detectors; next in AUROC: {}.", n + 1, names.join(", ")));
    }
    if let (Some(clips), Some(groups)) = (record["calibration_clips"].as_u64(), record["calibration_groups"].as_u64()) {
        sentences.push(format!("Its p-values are calibrated on {clips} clips of {groups} groups."));
    }
    sentences
}

/// Recorder bias: the same clips as other recorders would have made them. Without stress tests, how to measure it.
pub(super) fn recorder_bias(metrics: &Value, run: &str) -> Section {
    let title = "Recorder bias and stress tests".to_owned();
    let Some(conditions) = metrics["stress"]["conditions"].as_object() else {
        let text = format!(
            "Not measured. Where each class comes from other recorders, a model can learn the recorder, and a test split of the same \
             recordings does not show it: `barkbird evaluate {run} --manifest MANIFEST --stress` measures it."
        );
        return Section { title, text: vec![text], ..Section::default() };
    };
    let plain = &metrics["balanced_accuracy"];
    let figure = |name: &str, figures: &Value, interval: &Value, note: &str, alarm: bool| {
        Some(LineFigure {
            name: name.into(),
            value: figures["balanced_accuracy"].as_f64()?,
            interval: [interval[0].as_f64()?, interval[1].as_f64()?],
            chance: 1.0 / metrics["classes"].as_array().map_or(2, Vec::len).max(1) as f64,
            note: note.into(),
            alarm,
        })
    };
    let row = |name: &str, figures: &Value, interval: &Value| {
        vec![condition(name), number(&figures["balanced_accuracy"]), range(interval), text(&figures["n"])]
    };
    let of_plain = &metrics["intervals"]["balanced_accuracy"];
    let mut rows = vec![row("as_recorded", metrics, of_plain)];
    let known = Condition::ALL.iter().filter_map(|(name, _, _)| Some((name, conditions.get(*name)?)));
    rows.extend(known.map(|(name, figures)| row(name, figures, &figures["interval"])));
    let worst = &metrics["stress"]["worst"];
    let equalized = conditions.get("equalized").unwrap_or(&Value::Null);
    let is_below = |of: &Value| matches!((of["balanced_accuracy"].as_f64(), of_plain[0].as_f64()), (Some(of), Some(low)) if of < low);
    let figures = [
        figure("As recorded", metrics, of_plain, "", false),
        figure(
            "Equalized",
            equalized,
            &equalized["interval"],
            "one bandwidth and one noise floor for all clips",
            is_below(equalized),
        ),
        figure("Hardest stress test", worst, &worst["interval"], &condition(&text(&worst["name"])), is_below(worst)),
    ];
    let sentence = match (equalized["balanced_accuracy"].as_f64(), plain.as_f64()) {
        (Some(of), Some(plain)) if is_below(equalized) => format!(
            "With one bandwidth and one noise floor for all clips the balanced accuracy falls from {plain:.3} to {of:.3}, below the interval \
             of the figure as recorded: the model depends on recording conditions, not on the animals alone."
        ),
        (Some(of), Some(plain)) => format!(
            "With one bandwidth and one noise floor for all clips the balanced accuracy is {of:.3}, beside {plain:.3} as recorded: within \
             the interval, so no dependence on recording conditions is seen with these clips."
        ),
        _ => String::new(),
    };
    let caption = "The same clips under other recording conditions".to_owned();
    let columns = heads(&["Condition", "Balanced accuracy", "95 % interval", "Clips"]);
    Section {
        title,
        text: Some(sentence).filter(|sentence| !sentence.is_empty()).into_iter().collect(),
        figures: figures.into_iter().flatten().collect(),
        table: Some(Table { caption, columns, rows }),
        ..Section::default()
    }
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
    fn the_detector_is_described() {
        let outlier = json!({
            "detectors": [{"method": {"name": "knn"}}],
            "record": {"why": "chosen on ood-val", "auroc": [["knn", 0.9], ["vim", 0.8]],
                       "calibration_clips": 20, "calibration_groups": 9},
        });
        let sentences = detector(&outlier);
        assert_eq!(sentences[0], "The detector is knn: chosen on ood-val.");
        assert_eq!(sentences[1], "It was the best of 2 detectors; next in AUROC: vim 0.800.");
        assert!(sentences[2].contains("20 clips of 9 groups") && detector(&Value::Null).is_empty());
    }

    #[test]
    fn what_is_in_the_files_is_in_the_tables() {
        let metrics = json!({
            "split": "test", "n": 9, "balanced_accuracy": 1.0, "intervals": {"balanced_accuracy": [0.7, 1.0]},
            "stress": {"conditions": {"rate_8k": {"n": 9, "balanced_accuracy": 0.8, "interval": [0.5, 0.9]}},
                       "worst": {"name": "rate_8k", "balanced_accuracy": 0.8, "interval": [0.5, 0.9]}},
            "unknown": {"method": "semantic", "alpha": 0.05, "n_known": 9, "known_rejected": 0.0,
                        "sets": {"ood-test": {"n": 4, "auroc": 0.9, "interval": null, "rejected": 0.5}}},
        });
        let section = recorder_bias(&metrics, "run");
        let table = section.table.unwrap();
        assert_eq!(table.rows[1], ["A sample rate of 8 kHz", "0.800", "0.500 to 0.900", "9"]);
        assert_eq!(section.figures.len(), 2);
        assert!(recorder_bias(&json!({"split": "test"}), "run").text[0].contains("barkbird evaluate run --manifest"));
        let fit = json!({"choice": {"rule": "of all", "candidates": [{"name": "cnn", "chosen": true, "worst": 0.5}]},
                         "evidence": [["dog", [["Bark", 0.5]]]]});
        let tables: Vec<Table> = of_fit(&fit).into_iter().filter_map(|section| section.table).collect();
        assert_eq!((tables[0].rows[0][0].as_str(), tables[1].rows[0][1].as_str()), ("cnn (chosen)", "Bark 0.500"));
    }
}
