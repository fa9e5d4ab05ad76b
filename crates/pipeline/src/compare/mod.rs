//! Models side by side on the same recordings: which is better, whether the difference can be seen with so many groups, and what
//! each costs.
//!
//! | file | what |
//! | --- | --- |
//! | `model.rs` | the figures of one model, of one or several runs with different seeds |
//! | `cost.rs` | speed, memory, size, minutes of training |
//! | `paired.rs` | differences, by a bootstrap over the groups that all models share |
//! | `tables.rs` | the figures as tables |
//! | `words.rs` | the answer in words |

mod cost;
mod model;
mod paired;
mod tables;
mod words;

pub use cost::Cost;
pub use model::{Model, UnknownSet};
pub use paired::Difference;
pub(crate) use paired::is_right;

use crate::error::{Result, bail};
use crate::job::Job;
use crate::{evaluate, inputs, output};
use model::{OfRun, names};
use serde::Serialize;
use std::path::PathBuf;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// The models; of each one run, or several that differ in their seeds.
    pub models: Vec<Vec<PathBuf>>,
    /// Manifests of the recordings, or folders of class folders.
    pub manifests: Vec<PathBuf>,
    /// A split of the manifests; several are separated by commas.
    pub split: String,
    /// Measure under every condition, too.
    pub stress: bool,
    /// Folder for compare.json, compare.svg, and an evaluation of each run.
    pub out: PathBuf,
}

/// `compare.json`.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// `compare/1`.
    pub schema: &'static str,
    /// Version of barkbird.
    pub version: &'static str,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// The command line, where there was one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The split.
    pub split: String,
    /// Recordings of known classes that every model could be asked about.
    pub n: usize,
    /// Their groups.
    pub n_groups: usize,
    /// Recordings that some model could not be asked about: they are in no figure of this file.
    pub left_out: usize,
    /// The models, as they were named.
    pub models: Vec<Model>,
    /// The model with the highest balanced accuracy.
    pub best: String,
    /// What the others have below the best one, as recorded.
    pub differences: Vec<Difference>,
    /// The same under stress tests on average, where they were measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences_under_stress: Vec<Difference>,
    /// The smallest model that cannot be distinguished from the best one.
    pub smallest: String,
    /// The answer in words.
    pub sentences: Vec<String>,
    /// The files.
    #[serde(skip)]
    pub files: Vec<PathBuf>,
}

/// Measures every model on the same recordings, and compares them.
///
/// # Errors
/// Fewer than two models, models of different classes, recordings or models that cannot be read, a folder that cannot be written.
#[tracing::instrument(level = "info", name = "compare", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    if options.models.len() < 2 {
        bail!(
            "expected two models or more to compare; runs of one model that differ in their seeds are joined with commas"
        );
    }
    let _lock = output::folder(&options.out)?;
    let names = names(&options.models);
    let mut measured: Vec<Vec<OfRun>> = Vec::new();
    for (name, runs) in names.iter().zip(&options.models) {
        let mut of_model = Vec::new();
        for (nth, run) in runs.iter().enumerate() {
            job.say(format!("{name}: {}", run.display()));
            let folder = if runs.len() == 1 { name.clone() } else { format!("{name}-{nth}") };
            let evaluation = evaluate::run(
                &evaluate::Options {
                    run: run.clone(),
                    source: evaluate::Source::Recordings {
                        manifests: options.manifests.clone(),
                        stress: options.stress,
                    },
                    split: options.split.clone(),
                    out: options.out.join("models").join(folder),
                },
                job,
            )?;
            let model = inputs::open_model(run, job)?;
            let inputs = evaluate::inputs_of_split(&options.manifests, &options.split, &model.header.classes)?;
            let cost = cost::measure(run, &model, &inputs, job)?;
            of_model.push(OfRun { path: run.clone(), classes: model.header.classes.clone(), evaluation, cost });
        }
        measured.push(of_model);
    }
    model::check_classes(&measured)?;
    let outcome = compared(options, &names, &measured, job)?;
    shard::write_atomic(&outcome.files[0], &serde_json::to_vec_pretty(&outcome)?)?;
    shard::write_atomic(&outcome.files[1], picture(&outcome)?.as_bytes())?;
    Ok(outcome)
}

fn compared(options: &Options, names: &[String], measured: &[Vec<OfRun>], job: &Job<'_>) -> Result<Outcome> {
    let pairs = paired::Rows::common(measured)?;
    let as_recorded = pairs.balanced_accuracies(measured, paired::Over::AsRecorded, job.seed());
    let under_stress =
        options.stress.then(|| pairs.balanced_accuracies(measured, paired::Over::Conditions, job.seed()));
    let models: Vec<Model> = names
        .iter()
        .zip(measured)
        .enumerate()
        .map(|(nth, (name, runs))| Model::of(name, runs, &as_recorded[nth], under_stress.as_ref().map(|all| &all[nth])))
        .collect();
    let best = paired::best(&as_recorded);
    let differences = paired::differences(names, &as_recorded, best);
    let is_level = |nth: usize| nth == best || differences.iter().any(|of| of.model == names[nth] && of.is_level);
    let level = (0..models.len()).filter(|&nth| is_level(nth));
    let smallest = level.min_by_key(|&nth| (models[nth].cost.bytes, nth)).unwrap_or(best);
    let mut outcome = Outcome {
        schema: "compare/1",
        version: env!("CARGO_PKG_VERSION"),
        seed: job.seed(),
        command: job.command.clone(),
        split: options.split.clone(),
        n: pairs.n(),
        n_groups: pairs.n_groups(),
        left_out: pairs.left_out,
        best: names[best].clone(),
        smallest: names[smallest].clone(),
        differences_under_stress: under_stress
            .map(|all| paired::differences(names, &all, paired::best(&all)))
            .unwrap_or_default(),
        differences,
        models,
        sentences: Vec::new(),
        files: ["compare.json", "compare.svg"].map(|name| options.out.join(name)).to_vec(),
    };
    outcome.sentences = words::sentences(&outcome);
    Ok(outcome)
}

/// Balanced accuracies with their intervals.
fn picture(outcome: &Outcome) -> Result<String> {
    let row = |model: &Model| report::Compared {
        name: model.name.clone(),
        note: words::cost(&model.cost),
        values: [
            Some((model.balanced_accuracy, model.interval)),
            model.equalized,
            model.worst.as_ref().map(|worst| worst.1),
        ]
        .into_iter()
        .map(|value| value.map(|(value, [low, high])| [value, low, high]))
        .collect(),
    };
    let rows: Vec<report::Compared> = outcome.models.iter().map(row).collect();
    let title =
        format!("Balanced accuracy on {} recordings of {} groups ({})", outcome.n, outcome.n_groups, outcome.split);
    Ok(report::comparison_svg(&title, &["as recorded", "one bandwidth and noise floor", "hardest stress test"], &rows))
}
