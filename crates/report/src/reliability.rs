//! How far the probabilities can be taken as frequencies, before and after calibration.

use stats::{CalibrationBins, N_BINS};

use crate::error::Result;
use crate::number::{UNKNOWN, fixed, thousands};
use crate::plot::{Chart, Line, Plot, share_text};
use crate::run::{Evaluation, Prediction};
use crate::table::Table;

/// Probabilities are written with six decimals.
const SMALLEST: f64 = 5e-7;

/// The diagram.
pub(crate) struct Reliability {
    pub(crate) chart: Chart,
    pub(crate) table: Table,
}

/// Accuracy against the largest probability; none where the clips are not known.
pub(crate) fn of(evaluation: &Evaluation) -> Result<Option<Reliability>> {
    let known: Vec<&Prediction> = evaluation.predictions.iter().filter(|clip| clip.class.is_some()).collect();
    let n_classes = evaluation.metrics.classes.len();
    if known.is_empty() || n_classes < 2 {
        return Ok(None);
    }
    let after = bins(&known, |clip| clip.probability.clone());
    let temperature = evaluation.temperature.filter(|t| t.is_finite() && *t > 0.0 && (*t - 1.0).abs() > 1e-9);
    let before = temperature.map(|t| bins(&known, |clip| uncalibrated(&clip.probability, t)));
    let metrics = &evaluation.metrics;
    let mut lines = vec![line("calibrated", metrics.ece, &after)];
    lines.extend(before.as_ref().map(|before| line("before calibration", metrics.ece_uncalibrated, before)));
    if before.is_none() {
        lines[0].name = format!("probabilities ({})", error(metrics.ece));
    }
    let lowest = 1.0 / n_classes as f64;
    // Of two classes the answer has at least one half.
    let from = if n_classes == 2 { 0.5 } else { 0.0 };
    let described = lines.iter().map(|line| line.name.as_str()).collect::<Vec<_>>().join("; ");
    let plot = Plot {
        title: "Reliability diagram",
        x_label: "mean probability of the answer",
        x: from..1.0,
        y: 0.0..1.02,
        lines: &lines,
        guide: Some([(from, from), (1.0, 1.0)]),
        x_text: &share_text,
        y_text: &share_text,
        described: format!("Reliability diagram, accuracy against probability: {described}"),
    };
    let chart = plot.chart(format!(
        "Share of right answers (up) among clips of similar probability. On the dashed line probabilities are frequencies; below it the \
         model is too sure. Random guessing is at {}. Points of few clips scatter: see the table.",
        fixed(lowest, 2)
    ))?;
    Ok(Some(Reliability { chart, table: table(&after, before.as_ref()) }))
}

fn error(ece: f64) -> String {
    format!("calibration error {}", fixed(ece, 3))
}

fn line(name: &str, ece: f64, bins: &CalibrationBins) -> Line {
    let point = |bin| bins.of(bin).map(|[_, confidence, accuracy]| (confidence, accuracy));
    let points = (0..N_BINS).filter_map(point).collect();
    Line { name: format!("{name} ({})", error(ece)), points, is_minor: name != "calibrated" }
}

fn bins(known: &[&Prediction], probability: impl Fn(&Prediction) -> Vec<f64>) -> CalibrationBins {
    let mut bins = CalibrationBins::new();
    for clip in known {
        let Some(predicted) = clip.predicted() else { continue };
        bins.add(probability(clip)[predicted], clip.class == Some(predicted), 1.0);
    }
    bins
}

/// What the probabilities were before the logits were divided by `temperature`. A probability that is written as 0 counts as half of
/// the smallest that can be written.
fn uncalibrated(probability: &[f64], temperature: f64) -> Vec<f64> {
    let power: Vec<f64> = probability.iter().map(|p| p.max(SMALLEST).powf(temperature)).collect();
    let sum: f64 = power.iter().sum();
    power.iter().map(|p| p / sum).collect()
}

fn table(after: &CalibrationBins, before: Option<&CalibrationBins>) -> Table {
    let cells = |of: Option<[f64; 3]>| match of {
        None => ["0".into(), UNKNOWN.into(), UNKNOWN.into()],
        Some([n, confidence, accuracy]) => [thousands(n as u64), fixed(confidence, 3), fixed(accuracy, 3)],
    };
    let row = |nth: usize| {
        let range =
            format!("{} to {}", fixed(nth as f64 / N_BINS as f64, 3), fixed((nth + 1) as f64 / N_BINS as f64, 3));
        let of_before = before.map(|before| cells(before.of(nth))).into_iter().flatten();
        std::iter::once(range).chain(cells(after.of(nth))).chain(of_before).collect::<Vec<String>>()
    };
    let is_used = |nth: &usize| after.of(*nth).is_some() || before.is_some_and(|before| before.of(*nth).is_some());
    let mut columns: Vec<String> = ["Probability", "Clips", "Mean probability", "Accuracy"].map(str::to_owned).to_vec();
    if before.is_some() {
        columns.extend(["Clips before", "Mean probability before", "Accuracy before"].map(str::to_owned));
    }
    let caption = "Clips by the probability of the answer, after and before calibration".to_owned();
    Table { caption, columns, rows: (0..N_BINS).filter(is_used).map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Metrics;

    #[test]
    fn the_temperature_is_undone() {
        let softmax = |logits: [f64; 2], t: f64| {
            let e = logits.map(|z| (z / t).exp());
            vec![e[0] / (e[0] + e[1]), e[1] / (e[0] + e[1])]
        };
        let before = uncalibrated(&softmax([2.0, -1.0], 3.0), 3.0);
        assert!((before[0] - softmax([2.0, -1.0], 1.0)[0]).abs() < 1e-9);
    }

    /// Fixed rows by scikit-learn: `scripts/golden-curves.sh`.
    #[test]
    fn bins_are_those_of_scikit_learn() {
        let golden = crate::golden::read();
        let evaluation = golden.evaluation();
        let known: Vec<&Prediction> = evaluation.predictions.iter().collect();
        let line = line("", 0.0, &bins(&known, |clip| clip.probability.clone()));
        crate::golden::same(&line.points, &golden.reliability);
    }

    #[test]
    fn bins_hold_what_they_should() {
        let clip =
            |p: f64, class| Prediction { probability: vec![p, 1.0 - p], class: Some(class), ..Prediction::default() };
        let predictions = vec![clip(0.95, 0), clip(0.97, 1), clip(0.4, 1)];
        let metrics = Metrics { classes: vec!["a".into(), "b".into()], ece: 0.1, ..Metrics::default() };
        let evaluation = Evaluation { metrics, predictions, temperature: Some(2.0) };
        let reliability = of(&evaluation).unwrap().unwrap();
        assert_eq!(reliability.chart.lines.len(), 2);
        let row = reliability.table.rows.last().unwrap();
        assert_eq!(row[..4], ["0.933 to 1.000", "2", "0.960", "0.500"]);
    }
}
