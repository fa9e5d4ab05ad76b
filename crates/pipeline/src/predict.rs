//! Classifies recordings, window by window.

pub use inference::{PredictorOptions, Reject, ShowEvidence};

use crate::error::{Result, bail};
use crate::inputs;
use crate::inputs::Collected;
use crate::job::Job;
use detections::{Columns, CsvWriter, Verdict, to_json};
use inference::{Judged, Predictor, Sets, Watch, reason};
use serde_json::{Value, json};
use shard::Skipped;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Recordings in memory at once.
const BLOCK: usize = 32;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of a run, or a model file.
    pub run: PathBuf,
    /// Recordings, folders of recordings, or manifests; `-` for [`standard_input`](Self::standard_input).
    pub inputs: Vec<PathBuf>,
    /// How the model is asked.
    pub predictor: PredictorOptions,
    /// The recording that the input `-` stands for.
    pub standard_input: Option<Arc<[u8]>>,
}

impl Options {
    /// The model's own detector and thresholds.
    pub fn new(run: impl Into<PathBuf>, inputs: Vec<PathBuf>) -> Self {
        Self { run: run.into(), inputs, predictor: PredictorOptions::default(), standard_input: None }
    }
}

/// All verdicts, and the forms that they are written in.
pub struct Predictions {
    /// Windows, recording by recording.
    pub judged: Vec<Judged>,
    /// Recordings that could not be used.
    pub skipped: Vec<Skipped>,
    /// Recordings that were given.
    pub recordings: usize,
    csv: [Vec<u8>; 2],
    json: Value,
}

impl Predictions {
    /// The table: a row a window, or a row a recording. A recording that could not be used has a row without a label. It has
    /// the columns `set` and `evidence` where these were asked for.
    pub fn csv(&self, per_recording: bool) -> &[u8] {
        &self.csv[usize::from(per_recording)]
    }

    /// An object with `classes`, `predictions`, `recordings`, `skipped`, `reject` where there is a detector, and `coverage`
    /// where sets of classes were asked for.
    pub fn json(&self) -> &Value {
        &self.json
    }
}

/// Classifies recordings. They are decoded block by block, so that memory does not grow with their number.
///
/// # Errors
/// A model that cannot be opened or lacks the detector, inputs that are not there, or no usable recording.
#[tracing::instrument(level = "info", name = "predict", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Predictions> {
    let model = inputs::open_model(&options.run, job)?;
    let predictor = model.predictor(&options.predictor)?;
    predictor.notes.iter().for_each(|note| job.say(note));
    let Collected { inputs, mut skipped } =
        inputs::collect(&options.inputs, options.standard_input.as_ref(), &job.cancel)?;
    let progress = job.progress("predict", inputs.len());
    let (mut judged, mut warnings) = (Vec::new(), Vec::new());
    let watch = Watch { stop: &|| job.cancel.is_cancelled(), heard: &|_| {} };
    for (nth, block) in inputs.chunks(BLOCK).enumerate() {
        let answers = predictor.recordings(block, nth * BLOCK, &watch);
        job.check("nothing was written")?;
        let answers = answers?;
        judged.extend(answers.judged);
        warnings.extend(answers.warnings.into_iter().map(|(input, text)| (inputs[input].name.as_str(), text)));
        for (input, error) in answers.failed {
            skipped.push(Skipped { path: inputs[input].name.clone(), reason: reason(&error, &inputs[input].path) });
        }
        progress.inc(block.len());
    }
    drop(progress);
    // Rows of one recording follow each other and have one warning.
    warnings.dedup();
    for (name, text) in warnings {
        job.warn(format!("{name}: {text}"));
    }
    for s in &skipped {
        job.warn(format!("{}: {}", s.path, s.reason));
    }
    if judged.is_empty() {
        bail!("none of the {} recordings could be used; the reasons are above", inputs.len());
    }
    let columns =
        Columns { set: predictor.sets().is_some(), evidence: options.predictor.evidence == ShowEvidence::Yes };
    let recordings = predictor.per_recording(&judged);
    let csv = [
        csv(&predictor, columns, judged.iter().map(|one| &one.verdict), &skipped)?,
        csv(&predictor, columns, &recordings, &skipped)?,
    ];
    let json = as_json(&predictor, &judged, &recordings, &skipped);
    Ok(Predictions { csv, json, judged, skipped, recordings: inputs.len() })
}

fn csv<'a>(
    predictor: &Predictor<'_>,
    columns: Columns,
    verdicts: impl IntoIterator<Item = &'a Verdict>,
    skipped: &[Skipped],
) -> Result<Vec<u8>> {
    let mut writer = CsvWriter::with_columns(Vec::new(), predictor.classes(), predictor.thresholds(), columns)?;
    for verdict in verdicts {
        writer.write(verdict)?;
    }
    for s in skipped {
        writer.skip(&s.path, &s.reason)?;
    }
    Ok(writer.finish()?)
}

fn as_json(predictor: &Predictor<'_>, judged: &[Judged], recordings: &[Verdict], skipped: &[Skipped]) -> Value {
    let (classes, thresholds, detector) = (predictor.classes(), predictor.thresholds(), predictor.detector());
    let one = |Judged { verdict, nearest, .. }: &Judged| {
        let mut value = to_json(verdict, classes, thresholds);
        if detector.is_some() {
            let known = nearest.iter().map(|(clip, similarity)| {
                json!({"path": clip.path, "start": clip.start, "label": clip.label, "similarity": similarity})
            });
            value["nearest"] = known.collect();
        }
        value
    };
    let recordings: Vec<Value> = recordings.iter().map(|verdict| to_json(verdict, classes, thresholds)).collect();
    let mut value = json!({
        "classes": classes, "predictions": judged.iter().map(one).collect::<Vec<_>>(), "recordings": recordings,
        "skipped": skipped,
    });
    if let Some(detector) = detector {
        value["reject"] = json!({
            "method": detector.fitted.method.name, "alpha": thresholds.alpha,
            "calibration_groups": detector.conformal.n_groups(), "smallest_alpha": detector.conformal.smallest_alpha(),
        });
    }
    if let Some(sets) = predictor.sets() {
        value["coverage"] = coverage(sets, classes);
    }
    value
}

/// What the sets of classes are worth: the coverage that was asked for, the calibration groups of each class, and the classes
/// that have too few of them to be left out.
fn coverage(sets: &Sets, classes: &[String]) -> Value {
    let groups: serde_json::Map<String, Value> =
        classes.iter().enumerate().map(|(nth, class)| (class.clone(), json!(sets.n_groups(nth)))).collect();
    let always: Vec<&String> = sets.always_in().into_iter().map(|class| &classes[class]).collect();
    json!({"asked": sets.asked(), "calibration_groups": groups, "always_in": always})
}

/// Writes a table atomically.
///
/// # Errors
/// A file that cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(shard::write_atomic(path, bytes)?)
}
