//! A model for a place, from a few labeled clips of it: class biases, temperature, and the calibration of its detector of unknown
//! sounds. What is fitted is checked on clips of the place that were left out by group, and not taken where it does not help.
//!
//! | | file | what happens |
//! | --- | --- | --- |
//! | 1 | `clips.rs` | the clips of the place, and what the model computes for them |
//! | 2 | `fitted.rs` | what is fitted, and what held-out clips say of it |
//! | 3 | `write.rs` | the model file for the place |

mod clips;
mod fitted;
mod outcome;
pub(crate) mod refusal;
mod write;

pub use classifier::{PlaceCheck, PlacePrior};
pub use clips::{Asked, ask};
pub use fitted::{Detector, Fitted, Rule, fit};
pub use outcome::Outcome;
pub use refusal::{FEWEST_GROUPS, Refusal};

use crate::error::{Result, bail};
use crate::inputs;
use crate::job::Job;
use crate::output;
use inference::MODEL_FILE;
use std::path::PathBuf;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of a run, or a model file.
    pub run: PathBuf,
    /// Labeled clips of the place: a manifest, a folder with one folder a class, or a review.
    pub clips: Vec<PathBuf>,
    /// Splits of the manifest that are taken, separated by commas; none for all rows.
    pub split: Option<String>,
    /// Folder of the model for the place.
    pub out: PathBuf,
    /// Replace a model that the folder holds.
    pub overwrite: bool,
}

impl Options {
    /// All rows.
    pub fn new(run: impl Into<PathBuf>, clips: Vec<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self { run: run.into(), clips, split: None, out: out.into(), overwrite: false }
    }
}

/// Calibrates a model for a place, and writes the model for it and `calibrate.json`.
///
/// # Errors
/// A model or clips that cannot be read, a folder that holds a model, and a [`Refusal`].
#[tracing::instrument(level = "info", name = "calibrate", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    let path = options.out.join(MODEL_FILE);
    let _lock = output::folder(&options.out)?;
    if storage::exists(&path) && !options.overwrite {
        bail!("{}: holds a model; --overwrite replaces it, another --out keeps it", options.out.display());
    }
    let model = inputs::open_model(&options.run, job)?;
    if model.header.place.is_some() {
        return Err(Refusal::Twice { model: model.path }.into());
    }
    let asked = ask(&model, &options.clips, options.split.as_deref(), job)?;
    job.check("nothing was written")?;
    let fitted = fit(&model, &asked, &Rule::default())?;
    let n_groups = asked.groups().len();
    let mut notes = asked.notes.clone();
    notes.extend(fitted.notes(&model.header.classes));
    if !fitted.helps() {
        let n_clips = asked.known().len();
        return Err(match &fitted.check {
            None => Refusal::OneClass { n_clips },
            Some(check) => Refusal::NoHelp {
                n_clips,
                n_groups,
                before: check.balanced_accuracy_before,
                after: check.balanced_accuracy_after,
                model: model.path,
            },
        }
        .into());
    }
    let outcome = Outcome {
        schema: "calibrate/1",
        version: env!("CARGO_PKG_VERSION"),
        from_sha256: model.sha256.clone(),
        from: model.path.display().to_string(),
        clips: asked.counts(&model.header.classes),
        n_groups,
        fitted,
        notes,
        skipped: asked.skipped.clone(),
        model: path.clone(),
        command: job.command.clone(),
    };
    write::write(&model, &asked, &outcome, &path)?;
    shard::write_atomic(&options.out.join("calibrate.json"), &serde_json::to_vec_pretty(&outcome)?)?;
    outcome.notes.iter().for_each(|note| job.say(note));
    Ok(outcome)
}
