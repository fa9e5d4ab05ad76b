//! ROC and precision-recall curves of an evaluation, each class against the rest.

use stats::Ranking;

use crate::error::Result;
use crate::number::fixed;
use crate::plot::{Chart, Line, N_COLORS, Plot, share_text};
use crate::run::Evaluation;

/// Points of a drawn line at most; the dropped ones are within a pixel.
const MAX_POINTS: usize = 400;

/// Points of a line.
type Points = Vec<(f64, f64)>;

/// The curves of one class.
struct Curves {
    name: String,
    auroc: f64,
    average_precision: f64,
    roc: Points,
    precision_recall: Points,
}

/// Both charts; none where the clips are not known or of one class alone.
pub(crate) fn charts(evaluation: &Evaluation) -> Result<Vec<Chart>> {
    let classes = &evaluation.metrics.classes;
    let mut curves: Vec<Curves> = (0..classes.len()).filter_map(|class| of_class(evaluation, class)).collect();
    let n_all = curves.len();
    if n_all == 0 {
        return Ok(Vec::new());
    }
    let shown = match n_all > N_COLORS {
        true => {
            curves.sort_by(|a, b| a.auroc.total_cmp(&b.auroc));
            curves.truncate(N_COLORS);
            format!(" Shown are the {N_COLORS} of {n_all} classes with the lowest AUROC.")
        }
        false => String::new(),
    };
    let draw = |title, x_label, y_label: &str, note: String, guide, of: &dyn Fn(&Curves) -> (Points, String)| {
        let line = |curves: &Curves| {
            let (points, figure) = of(curves);
            Line { name: format!("{} ({figure})", curves.name), points: thinned(points), is_minor: false }
        };
        let lines: Vec<Line> = curves.iter().map(line).collect();
        let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
        let described = format!("{title}, {y_label} against {x_label}: {}", names.join("; "));
        let (x, y) = (0.0..1.0, 0.0..1.02);
        let (x_text, y_text) = (&share_text, &share_text);
        Plot { title, x_label, x, y, lines: &lines, guide, x_text, y_text, described }.chart(note)
    };
    let roc = draw(
        "ROC curve",
        "false positive rate",
        "true positive rate",
        format!(
            "True positive rate (up) against false positive rate, each class against the rest, over all thresholds. The dashed line is chance.{shown}"
        ),
        Some([(0.0, 0.0), (1.0, 1.0)]),
        &|curves| (curves.roc.clone(), format!("AUROC {}", fixed(curves.auroc, 3))),
    )?;
    let precision_recall = draw(
        "Precision-recall curve",
        "recall",
        "precision",
        format!(
            "Precision (up) against recall over all thresholds. It depends on how common a class is in this split.{shown}"
        ),
        None,
        &|curves| {
            (curves.precision_recall.clone(), format!("average precision {}", fixed(curves.average_precision, 3)))
        },
    )?;
    Ok(vec![roc, precision_recall])
}

/// Class number `class` against the rest, among clips of known classes.
fn of_class(evaluation: &Evaluation, class: usize) -> Option<Curves> {
    let known = evaluation.predictions.iter().filter(|clip| clip.class.is_some());
    let (scores, positive): (Vec<f64>, Vec<bool>) =
        known.map(|clip| (clip.probability.get(class).copied().unwrap_or(0.0), clip.class == Some(class))).unzip();
    let ranking = Ranking::new(&scores, |clip| positive[clip]);
    let ones = vec![1.0; scores.len()];
    let accepted = ranking.accepted(&ones);
    let last = accepted.last()?;
    if last.positives == 0.0 || last.negatives == 0.0 {
        return None;
    }
    let rates = accepted.iter().map(|of| (of.negatives / last.negatives, of.positives / last.positives));
    let precisions =
        accepted.iter().map(|of| (of.positives / last.positives, of.positives / (of.positives + of.negatives)));
    // Where nothing is accepted, precision is 1 by convention, as in scikit-learn.
    Some(Curves {
        name: evaluation.metrics.classes[class].clone(),
        auroc: ranking.auroc(&ones)?,
        average_precision: ranking.average_precision(&ones)?,
        roc: std::iter::once((0.0, 0.0)).chain(rates).collect(),
        precision_recall: std::iter::once((0.0, 1.0)).chain(precisions).collect(),
    })
}

/// Every k-th point, and the last.
fn thinned(points: Points) -> Points {
    let (n, every) = (points.len(), points.len().div_ceil(MAX_POINTS).max(1));
    points.into_iter().enumerate().filter(|(nth, _)| nth % every == 0 || nth + 1 == n).map(|(_, point)| point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Metrics;
    use crate::run::Prediction;

    fn evaluation(p_dog: &[(f64, usize)]) -> Evaluation {
        let of = |&(p, class): &(f64, usize)| Prediction {
            probability: vec![1.0 - p, p],
            class: Some(class),
            ..Prediction::default()
        };
        let metrics = Metrics { classes: vec!["bird".into(), "dog".into()], ..Metrics::default() };
        Evaluation { metrics, predictions: p_dog.iter().map(of).collect(), temperature: None }
    }

    #[test]
    fn curves_known_by_hand() {
        let evaluation = evaluation(&[(0.9, 1), (0.8, 0), (0.7, 1), (0.1, 0)]);
        let dog = of_class(&evaluation, 1).unwrap();
        assert_eq!(dog.roc, [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]);
        assert_eq!(dog.precision_recall, [(0.0, 1.0), (0.5, 1.0), (0.5, 0.5), (1.0, 2.0 / 3.0), (1.0, 0.5)]);
        assert_eq!(dog.auroc, 0.75);
        let charts = charts(&evaluation).unwrap();
        assert_eq!(charts[0].lines[1], "dog (AUROC 0.750)");
        assert_eq!(charts[1].lines[1], "dog (average precision 0.833)");
    }

    /// Fixed rows by scikit-learn: `scripts/golden-curves.sh`.
    #[test]
    fn curves_are_those_of_scikit_learn() {
        let golden = crate::golden::read();
        let evaluation = golden.evaluation();
        for (class, expected) in golden.curves.iter().enumerate() {
            let got = of_class(&evaluation, class).unwrap();
            assert!((got.auroc - expected.auroc).abs() < 1e-12);
            assert!((got.average_precision - expected.average_precision).abs() < 1e-12);
            crate::golden::same(&got.roc, &expected.roc);
            // scikit-learn's ends where all positives are accepted as ours, at every threshold.
            crate::golden::same(&got.precision_recall, &expected.precision_recall);
        }
    }

    #[test]
    fn one_class_or_no_clips_give_no_curve() {
        assert!(charts(&evaluation(&[(0.9, 1), (0.8, 1)])).unwrap().is_empty());
        assert!(charts(&Evaluation::default()).unwrap().is_empty());
    }
}
