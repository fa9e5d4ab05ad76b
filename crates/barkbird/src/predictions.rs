//! `predictions.csv`: what a model says of each clip.

use anyhow::{Result, anyhow};
use classifier::largest;

/// The label of a clip that the model is not sure of.
pub(crate) const UNSURE: &str = "unsure";

/// The label of a clip that is no sound of the model's classes.
pub(crate) const NEITHER: &str = "neither";

/// When a clip gets no class.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Thresholds {
    /// [`UNSURE`] where no class is as probable as this.
    pub(crate) unsure_below: f32,
    /// [`NEITHER`] where `outlier_p` is this or less: the share of known sounds that may be called so.
    pub(crate) alpha: f64,
}

/// One row of `predictions.csv`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prediction {
    /// The recording, as in its manifest.
    pub(crate) path: String,
    /// Where in it the clip starts, in seconds.
    pub(crate) start_s: f64,
    /// Where its sound ends, in seconds.
    pub(crate) end_s: f64,
    /// Of each class, in the order of the model's classes.
    pub(crate) probability: Vec<f32>,
    /// How likely a clip of the known classes is at least as unlike known sounds; none without a detector.
    pub(crate) outlier_p: Option<f64>,
    /// The true label, where there is one.
    pub(crate) truth: Option<String>,
}

impl Prediction {
    /// The most likely class, [`NEITHER`], or [`UNSURE`]; and the most likely class's probability.
    pub(crate) fn label<'a>(&self, classes: &'a [String], thresholds: Thresholds) -> (&'a str, f32) {
        let class = largest(&self.probability);
        let probability = self.probability[class];
        let label = match self.outlier_p {
            Some(p) if p <= thresholds.alpha => NEITHER,
            _ if probability < thresholds.unsure_below => UNSURE,
            _ => &classes[class],
        };
        (label, probability)
    }
}

/// The bytes of a CSV file with the columns `path, start, end, label, probability, outlier_p`, one `p_CLASS` a class,
/// and `truth`. Times in seconds with three decimals, probabilities with six.
///
/// # Errors
/// No memory.
pub(crate) fn predictions_csv(
    predictions: &[Prediction],
    classes: &[String],
    thresholds: Thresholds,
) -> Result<Vec<u8>> {
    let failed = |error: csv::Error| anyhow!("predictions.csv: {error}");
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header: Vec<String> =
        ["path", "start", "end", "label", "probability", "outlier_p"].map(str::to_owned).into();
    header.extend(classes.iter().map(|class| format!("p_{class}")));
    header.push("truth".to_owned());
    writer.write_record(&header).map_err(failed)?;
    for prediction in predictions {
        let (label, probability) = prediction.label(classes, thresholds);
        let mut record = vec![
            prediction.path.clone(),
            format!("{:.3}", prediction.start_s),
            format!("{:.3}", prediction.end_s),
            label.to_owned(),
            format!("{probability:.6}"),
            prediction.outlier_p.map_or(String::new(), |p| format!("{p:.6}")),
        ];
        record.extend(prediction.probability.iter().map(|p| format!("{p:.6}")));
        record.push(prediction.truth.clone().unwrap_or_default());
        writer.write_record(&record).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| anyhow!("predictions.csv: {error}"))
}

/// The rows of an evaluation, unknown sounds included.
pub(crate) fn of_evaluation(evaluation: &train::Evaluation, clips: &shard::Clips) -> Vec<Prediction> {
    let prediction = |(i, (clip, truth)): (usize, (&usize, &Option<String>))| {
        let record = &clips.header.clips[*clip];
        Prediction {
            path: record.path.clone(),
            start_s: record.start_s,
            end_s: record.start_s + record.seconds,
            probability: evaluation.rows.probability(i).to_vec(),
            outlier_p: None,
            truth: truth.clone(),
        }
    };
    evaluation.clips.iter().zip(&evaluation.truth).enumerate().map(prediction).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_values() {
        let classes = ["bird".to_owned(), "dog".to_owned()];
        let sure = Prediction {
            path: "a, b.wav".into(),
            start_s: 0.5,
            end_s: 5.5,
            probability: vec![0.75, 0.25],
            outlier_p: None,
            truth: Some("dog".into()),
        };
        let torn = Prediction { probability: vec![0.5, 0.5], outlier_p: Some(0.03), truth: None, ..sure.clone() };
        let unknown = Prediction { outlier_p: Some(0.02), ..sure.clone() };
        let thresholds = Thresholds { unsure_below: 0.6, alpha: 0.02 };
        let text = String::from_utf8(predictions_csv(&[sure, torn, unknown], &classes, thresholds).unwrap()).unwrap();
        let expected = "path,start,end,label,probability,outlier_p,p_bird,p_dog,truth\n\
            \"a, b.wav\",0.500,5.500,bird,0.750000,,0.750000,0.250000,dog\n\
            \"a, b.wav\",0.500,5.500,unsure,0.500000,0.030000,0.500000,0.500000,\n\
            \"a, b.wav\",0.500,5.500,neither,0.750000,0.020000,0.750000,0.250000,dog\n";
        assert_eq!(text, expected);
    }
}
