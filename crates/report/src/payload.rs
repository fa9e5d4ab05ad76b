//! What the page's script is given: the clips of each evaluation and the points of the map, as JSON within the page.

use serde::Serialize;
use std::collections::HashMap;

use crate::error::Result;
use crate::run::{ClipPlace, EmbeddingMap, Evaluation, Gallery, RunReport};

/// The clips that a page holds pictures and sounds of: the number of each by its place.
pub(crate) struct Numbers(HashMap<String, usize>);

impl Numbers {
    /// Numbers the clips of galleries in order, from 1.
    pub(crate) fn of(galleries: &[Gallery]) -> Self {
        let examples = galleries.iter().flat_map(|gallery| &gallery.parts).flat_map(|(_, examples)| examples);
        let mut numbers = HashMap::new();
        for example in examples {
            let next = numbers.len() + 1;
            numbers.entry(example.clip.text()).or_insert(next);
        }
        Self(numbers)
    }

    /// The number of a clip; 0 for one that the page does not hold.
    pub(crate) fn number(&self, clip: &ClipPlace) -> usize {
        self.0.get(&clip.text()).copied().unwrap_or(0)
    }
}

#[derive(Serialize)]
struct Payload<'a> {
    evaluations: Vec<EvaluationPayload<'a>>,
    map: Option<MapPayload<'a>>,
}

/// A column a field, a value a clip.
#[derive(Serialize, Default)]
struct EvaluationPayload<'a> {
    classes: &'a [String],
    /// The detector's alpha; none without one.
    alpha: Option<f64>,
    place: Vec<String>,
    number: Vec<usize>,
    truth: Vec<&'a str>,
    group: Vec<&'a str>,
    set: Vec<&'a str>,
    /// -1 for an unknown sound.
    class: Vec<i64>,
    predicted: Vec<i64>,
    /// In millionths.
    p: Vec<Vec<u32>>,
    /// In millionths; -1 for none.
    outlier_p: Vec<i64>,
}

#[derive(Serialize)]
struct MapPayload<'a> {
    planes: Vec<Plane<'a>>,
    place: Vec<String>,
    number: Vec<usize>,
    label: Vec<&'a str>,
    group: Vec<&'a str>,
    split: Vec<&'a str>,
    predicted: Vec<&'a str>,
    known: Vec<u8>,
}

#[derive(Serialize)]
struct Plane<'a> {
    name: &'a str,
    x: Vec<f64>,
    y: Vec<f64>,
}

/// JSON of a run that can be put into a `script` element.
///
/// # Errors
/// [`Error::Payload`](crate::Error::Payload) when it cannot be written.
pub(crate) fn json(run: &RunReport, numbers: &Numbers) -> Result<String> {
    let payload = Payload {
        evaluations: run.evaluations.iter().map(|evaluation| of_evaluation(evaluation, numbers)).collect(),
        map: run.map.as_ref().map(|map| of_map(map, numbers)),
    };
    escaped_json(&payload)
}

/// JSON that can be in a script element, which ends at the first "</", whatever is around it.
///
/// # Errors
/// [`Error::Payload`](crate::Error::Payload) when it cannot be written.
pub(crate) fn escaped_json(payload: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(payload)?.replace('<', "\\u003c"))
}

fn of_evaluation<'a>(evaluation: &'a Evaluation, numbers: &Numbers) -> EvaluationPayload<'a> {
    let millionths = |p: f64| (p.clamp(0.0, 1.0) * 1e6).round();
    let mut out = EvaluationPayload {
        classes: &evaluation.metrics.classes,
        alpha: evaluation.metrics.unknown.as_ref().map(|unknown| unknown.alpha),
        ..EvaluationPayload::default()
    };
    for clip in &evaluation.predictions {
        out.place.push(clip.clip.text());
        out.number.push(numbers.number(&clip.clip));
        out.truth.push(&clip.truth);
        out.group.push(&clip.group);
        out.set.push(&clip.set);
        out.class.push(clip.class.map_or(-1, |class| class as i64));
        out.predicted.push(clip.predicted().map_or(-1, |class| class as i64));
        out.p.push(clip.probability.iter().map(|p| millionths(*p) as u32).collect());
        out.outlier_p.push(clip.outlier_p.map_or(-1, |p| millionths(p) as i64));
    }
    out
}

fn of_map<'a>(map: &'a EmbeddingMap, numbers: &Numbers) -> MapPayload<'a> {
    // Four digits are less than a pixel.
    let rounded = |points: &[[f32; 2]], axis: usize| -> Vec<f64> {
        let largest = points.iter().map(|point| f64::from(point[axis].abs())).fold(0.0, f64::max);
        let unit = if largest.is_finite() && largest > 0.0 { largest / 5000.0 } else { 1.0 };
        points.iter().map(|point| (f64::from(point[axis]) / unit).round() / 5000.0).collect()
    };
    let plane =
        |(name, points): &'a (String, Vec<[f32; 2]>)| Plane { name, x: rounded(points, 0), y: rounded(points, 1) };
    MapPayload {
        planes: map.planes.iter().map(plane).collect(),
        place: map.points.iter().map(|point| point.clip.text()).collect(),
        number: map.points.iter().map(|point| numbers.number(&point.clip)).collect(),
        label: map.points.iter().map(|point| point.label.as_str()).collect(),
        group: map.points.iter().map(|point| point.group.as_str()).collect(),
        split: map.points.iter().map(|point| point.split.as_str()).collect(),
        predicted: map.points.iter().map(|point| point.predicted.as_str()).collect(),
        known: map.points.iter().map(|point| u8::from(point.is_known)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Metrics;
    use crate::run::{Example, Prediction};

    #[test]
    fn a_path_cannot_end_the_script_and_clips_are_found_by_their_place() {
        let clip = ClipPlace { path: "</script><b>.wav".into(), span_s: Some([0.0, 1.0]), channel: None };
        let prediction = Prediction {
            clip: clip.clone(),
            class: Some(1),
            probability: vec![0.25, 0.75],
            outlier_p: Some(0.5),
            ..Prediction::default()
        };
        let other = Prediction { clip: ClipPlace { channel: Some(1), ..clip.clone() }, ..prediction.clone() };
        let parts = vec![(String::new(), vec![Example { clip, ..Example::default() }])];
        let run = RunReport {
            evaluations: vec![Evaluation {
                metrics: Metrics { classes: vec!["a".into(), "b".into()], ..Metrics::default() },
                predictions: vec![prediction, other],
                temperature: None,
            }],
            galleries: vec![Gallery { parts, ..Gallery::default() }],
            ..RunReport::default()
        };
        let json = json(&run, &Numbers::of(&run.galleries)).unwrap();
        assert!(!json.contains('<'), "{json}");
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let of = &value["evaluations"][0];
        assert_eq!((&of["number"], &of["p"][0][1]), (&serde_json::json!([1, 0]), &serde_json::json!(750_000)));
        assert_eq!((&of["predicted"][0], &of["outlier_p"][0]), (&serde_json::json!(1), &serde_json::json!(500_000)));
    }
}
