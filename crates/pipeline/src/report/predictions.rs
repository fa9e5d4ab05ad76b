//! The clips of an evaluation, with what manifests say of them.

use super::recordings::Recordings;
use crate::error::{Context, Result};
use detections::{TableRow, read_csv};
use report::{ClipPlace, Evaluation, Metrics, Prediction};
use std::path::Path;

/// The evaluation in a folder; without clips where it has no table of them.
pub(super) fn evaluation(
    folder: &Path,
    metrics: Metrics,
    temperature: Option<f64>,
    recordings: &Recordings,
) -> Result<Evaluation> {
    let path = folder.join("predictions.csv");
    if !storage::exists(&path) {
        return Ok(metrics.into());
    }
    let file = storage::open(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let table = read_csv(std::io::BufReader::new(file)).with_context(|| path.display().to_string())?;
    // The order of classes is that of the metrics; a table of other classes belongs to something else.
    let order: Option<Vec<usize>> =
        metrics.classes.iter().map(|class| table.classes.iter().position(|of| of == class)).collect();
    let Some(order) = order else { return Ok(metrics.into()) };
    let predictions = table.rows.iter().map(|row| prediction(row, &order, &metrics.classes, recordings)).collect();
    Ok(Evaluation { metrics, predictions, temperature })
}

fn prediction(row: &TableRow, order: &[usize], classes: &[String], recordings: &Recordings) -> Prediction {
    let found = recordings.find(&row.path, row.start_s, row.channel);
    let of = found.map(|found| found.row);
    // A truth that is no class of the model is an unknown sound; its manifest names it better than `neither`.
    let class = classes.iter().position(|class| *class == row.truth);
    let label = of.map(|row| row.label.clone()).filter(|label| class.is_none() && !label.is_empty());
    Prediction {
        clip: place(row, of.map_or(&row.path, |of| &of.path)),
        group: of.and_then(|row| row.group.clone()).unwrap_or_default(),
        set: of.and_then(|row| row.split.clone()).unwrap_or_default(),
        truth: label.unwrap_or_else(|| row.truth.clone()),
        class,
        probability: order.iter().map(|&at| row.probabilities[at]).collect(),
        outlier_p: row.outlier_p,
    }
}

fn place(row: &TableRow, path: &str) -> ClipPlace {
    let span_s = (row.end_s > row.start_s).then_some([row.start_s, row.end_s]);
    ClipPlace { path: path.to_owned(), span_s, channel: row.channel }
}
