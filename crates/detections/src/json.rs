//! A verdict as JSON.

use crate::{Thresholds, Verdict};
use serde_json::{Map, Value, json};

/// `path`, `start`, `end`, `channel`, `label`, `probability`, `outlier_p`, `probabilities` by class, `truth`, `note`; where
/// the verdict has them `set` (names of classes) and `evidence` (pairs of name and probability, three
/// decimals).
pub fn to_json(verdict: &Verdict, classes: &[String], thresholds: Thresholds) -> Value {
    let (label, probability) = verdict.label(classes, thresholds);
    let named = classes.iter().zip(&verdict.probability).map(|(class, p)| (class.clone(), json!(p)));
    let note = Some(&verdict.note).filter(|note| !note.is_empty());
    let mut value = json!({
        "path": verdict.path, "start": verdict.start_s, "end": verdict.end_s, "channel": verdict.channel, "label": label,
        "probability": probability, "outlier_p": verdict.outlier_p, "probabilities": named.collect::<Map<_, _>>(),
        "truth": verdict.truth, "note": note,
    });
    if let Some(set) = verdict.set_names(classes) {
        value["set"] = json!(set);
    }
    if let Some(evidence) = &verdict.evidence {
        let rounded = |p: f32| (f64::from(p) * 1000.0).round() / 1000.0;
        value["evidence"] = evidence.iter().map(|(name, p)| json!([name, rounded(*p)])).collect();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values() {
        let verdict = Verdict { path: "a.wav".into(), end_s: 1.5, probability: vec![0.25, 0.75], ..Verdict::default() };
        let json = to_json(&verdict, &["bird".into(), "dog".into()], Thresholds::default());
        assert_eq!((json["label"].as_str(), json["end"].as_f64()), (Some("dog"), Some(1.5)));
        assert_eq!(json["probabilities"]["bird"], 0.25);
        assert!(json["channel"].is_null() && json["outlier_p"].is_null() && json["note"].is_null());
        assert!(json.get("set").is_none() && json.get("evidence").is_none());
    }

    #[test]
    fn a_set_and_evidence_where_they_are_asked_for() {
        let classes = ["bird".to_owned(), "dog".to_owned()];
        let evidence = Some(vec![("Crow".to_owned(), 0.82)]);
        let verdict = Verdict { probability: vec![0.5, 0.5], set: Some(vec![0, 1]), evidence, ..Verdict::default() };
        let value = to_json(&verdict, &classes, Thresholds::default());
        assert_eq!((&value["set"], &value["evidence"]), (&json!(["bird", "dog"]), &json!([["Crow", 0.82]])));
        let silent = Verdict { set: Some(Vec::new()), ..verdict };
        assert_eq!(to_json(&silent, &classes, Thresholds::default())["set"], json!([]));
    }
}
