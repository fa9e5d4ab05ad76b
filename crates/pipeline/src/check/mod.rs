//! What a model says of the detections of another tool: the tool's own table with columns added.
//!
//! `ask` puts the question, recording by recording; `columns` turns answers into cells and figures.

mod ask;
mod columns;

pub use columns::LabelCounts;

use crate::error::{Context, Result, bail};
use crate::inputs;
use crate::job::Job;
use crate::output;
use ask::ask;
use columns::{Columns, count};
use detections::{NEITHER, Provenance, UNSURE, read_raw_table};
use inference::PredictorOptions;
use serde::Serialize;
use shard::Skipped;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// The table of detections: columns separated by tabs or commas, or labels of Audacity.
    pub detections: PathBuf,
    /// Folder of a run, or a model file.
    pub run: PathBuf,
    /// Folder that recordings are under where they are not as written; or the recording of a table that names none.
    pub recordings: Option<PathBuf>,
    /// The column of the label, where it is not the usual one.
    pub label_column: Option<String>,
    /// Labels of the model that get a `yes` in a column of their own; there is no such column where there are none.
    pub mark: Vec<String>,
    /// How the model is asked.
    pub predictor: PredictorOptions,
}

impl Options {
    /// The model's own detector and thresholds, and no marks.
    pub fn new(detections: impl Into<PathBuf>, run: impl Into<PathBuf>) -> Self {
        Self {
            detections: detections.into(),
            run: run.into(),
            recordings: None,
            label_column: None,
            mark: Vec::new(),
            predictor: PredictorOptions::default(),
        }
    }
}

/// What the model says.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// What the model can call a detection: its classes, `neither` and `unsure`.
    pub classes: Vec<String>,
    /// Detections in the table.
    pub detections: usize,
    /// Those that the model was asked about.
    pub checked: usize,
    /// For each label of the table, the most frequent first, what the model calls its detections.
    pub labels: Vec<LabelCounts>,
    /// Detections that are marked; none without marks.
    pub marked: Option<usize>,
    /// Recordings and detections that could not be used, with the reason.
    pub skipped: Vec<Skipped>,
    /// The table with the columns added.
    #[serde(skip)]
    pub table: Vec<u8>,
    /// What made these columns.
    pub provenance: Provenance,
}

impl Outcome {
    /// The counts as a table: its header and its rows.
    pub fn summary(&self) -> (Vec<&str>, Vec<Vec<String>>) {
        let classes = self.classes.iter().map(String::as_str);
        let row = |of: &LabelCounts| {
            let called = self.classes.iter().map(|class| of.called.get(class).copied().unwrap_or(0));
            let numbers = [of.detections].into_iter().chain(called).chain([of.unchecked]);
            std::iter::once(of.label.clone()).chain(numbers.map(|n| n.to_string())).collect()
        };
        let header = ["label", "detections"].into_iter().chain(classes).chain(["unchecked"]).collect();
        (header, self.labels.iter().map(row).collect())
    }

    /// Writes the table, and beside it what made it.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut sidecar = Vec::new();
        self.provenance.write_json(&mut sidecar)?;
        shard::write_atomic(path, &self.table)?;
        Ok(shard::write_atomic(&Self::sidecar(path), &sidecar)?)
    }

    /// Makes sure that both files can be written, and that the table that is read is not one of them.
    ///
    /// # Errors
    /// As for [`output::file`] and [`output::apart`].
    pub fn prepare(path: &Path, detections: &Path) -> Result<()> {
        for path in [path, &Self::sidecar(path)] {
            output::file(path)?;
            output::apart(detections, path)?;
        }
        Ok(())
    }

    /// The file beside a table that says what made it.
    pub fn sidecar(path: &Path) -> PathBuf {
        PathBuf::from(Provenance::file_name(&path.to_string_lossy()))
    }
}

/// Asks a model about the seconds of each detection of a table. Each recording is decoded once, whatever the order of the table,
/// and memory does not grow with its length.
///
/// # Errors
/// A table or a model that cannot be read, a label to mark that the model does not have, recordings that are ambiguous, no usable
/// recording.
#[tracing::instrument(level = "info", name = "check", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    let name = options.detections.to_string_lossy();
    let file = inputs::open_table(&options.detections)?;
    let raw = read_raw_table(file, &name, options.label_column.as_deref())?;
    let recordings = inputs::Recordings::new(&options.detections, options.recordings.as_deref(), &job.cancel)?;
    let model = inputs::open_model(&options.run, job)?;
    let predictor = model.predictor(&options.predictor)?;
    predictor.notes.iter().for_each(|note| job.say(note));
    let classes: Vec<String> =
        predictor.classes().iter().cloned().chain([NEITHER, UNSURE].map(str::to_owned)).collect();
    if let Some(label) = options.mark.iter().find(|label| !classes.contains(label)) {
        bail!("--mark {label}: expected one of {}", classes.join(", "));
    }
    let asked = ask(&raw.detections, &recordings, &predictor, job)?;
    asked.warnings.iter().for_each(|text| job.warn(text));
    asked.skipped.iter().for_each(|skipped| job.warn(format!("{}: {}", skipped.path, skipped.reason)));
    let checked = asked.answers.iter().filter(|answer| answer.verdict.is_some()).count();
    if checked == 0 && !raw.detections.is_empty() {
        bail!("none of the {} detections could be checked; the reasons are above", raw.detections.len());
    }
    let columns = Columns::new(&predictor, &options.mark);
    let mut table = Vec::new();
    raw.write_with(&mut table, &columns.names(), |nth| columns.cells(&asked.answers[nth])).context(&name)?;
    let marked = asked.answers.iter().filter(|answer| columns.is_marked(answer)).count();
    let thresholds = predictor.thresholds();
    let setting = |key: &str, value: String| (key.to_owned(), value);
    let settings = BTreeMap::from([
        setting("detections", name.clone().into_owned()),
        setting("recordings", options.recordings.as_ref().map_or_else(String::new, |path| path.display().to_string())),
        setting("label_column", options.label_column.clone().unwrap_or_default()),
        setting("mark", options.mark.join(",")),
        setting("unsure_below", thresholds.unsure_below.to_string()),
        setting("reject", predictor.detector().map_or("none".into(), |used| used.fitted.method.name.to_owned())),
        setting("alpha", predictor.detector().map_or_else(String::new, |_| thresholds.alpha.to_string())),
    ]);
    Ok(Outcome {
        labels: count(&raw.detections, &asked.answers, &columns),
        classes,
        detections: raw.detections.len(),
        checked,
        marked: (!options.mark.is_empty()).then_some(marked),
        skipped: asked.skipped,
        table,
        provenance: Provenance {
            program: concat!("barkbird ", env!("CARGO_PKG_VERSION")).to_owned(),
            model: options.run.to_string_lossy().into_owned(),
            model_sha256: model.sha256.clone(),
            settings,
        },
    })
}
