//! A verdict as JSON.

use crate::{Thresholds, Verdict};
use serde_json::{Map, Value, json};

/// `path`, `start`, `end`, `channel`, `label`, `probability`, `outlier_p`, `probabilities` by class, `truth`, `note`.
pub fn to_json(verdict: &Verdict, classes: &[String], thresholds: Thresholds) -> Value {
    let (label, probability) = verdict.label(classes, thresholds);
    let named = classes.iter().zip(&verdict.probability).map(|(class, p)| (class.clone(), json!(p)));
    let note = Some(&verdict.note).filter(|note| !note.is_empty());
    json!({
        "path": verdict.path, "start": verdict.start_s, "end": verdict.end_s, "channel": verdict.channel, "label": label,
        "probability": probability, "outlier_p": verdict.outlier_p, "probabilities": named.collect::<Map<_, _>>(),
        "truth": verdict.truth, "note": note,
    })
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
    }
}
