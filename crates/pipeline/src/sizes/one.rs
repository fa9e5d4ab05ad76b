//! One training, and what is measured of it: done, kept in a file, and found there again.

use super::options::Options;
use super::plan::{Planned, Subset};
use crate::balanced::balanced_accuracy;
use crate::compare::is_right;
use crate::error::{Context, Result, bail};
use crate::evaluate::{self, Measured, RowAnswer};
use crate::job::Job;
use crate::train::{self, Start};
use serde::{Deserialize, Serialize};
use stats::{Groups, bootstrap, quantile_sorted, seed};
use std::collections::BTreeMap;
use std::path::Path;

/// The file of a finished training.
const FILE: &str = "result.json";
/// Resamples of the groups for the interval of one training.
const RESAMPLES: usize = 1000;
/// What the resamples are drawn for.
const STREAM: u64 = 0x7369_7a65_732d_3032;

/// How good one training's model is on a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetFigures {
    /// Mean recall over recordings.
    pub balanced_accuracy: f64,
    /// Its 95 % interval, from resamples of the groups; where every answer is right, the exact one of the evaluation.
    pub interval: [f64; 2],
    /// Recordings.
    pub n: usize,
    /// Their groups.
    pub n_groups: usize,
    /// Expected calibration error, over windows.
    pub ece: Option<f64>,
}

/// One training, as `sizes.json` has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What it was trained on.
    #[serde(flatten)]
    pub subset: Subset,
    /// By set.
    pub sets: BTreeMap<String, SetFigures>,
    /// Wall time of all epochs, with whatever ran beside it.
    pub train_seconds: f64,
    /// The epoch that validation chose.
    pub best_epoch: usize,
}

/// What is kept of a training.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Finished {
    pub(super) run: Run,
    /// By set: the answers about recordings of known classes.
    pub(super) answers: BTreeMap<String, Vec<RowAnswer>>,
}

/// What was measured of a training before; none where it is not finished.
///
/// # Errors
/// A file of another subset.
pub(super) fn finished(planned: &Planned, options: &Options) -> Result<Option<Finished>> {
    let path = planned.folder(&options.out).join(FILE);
    let Ok(bytes) = storage::read(&path) else { return Ok(None) };
    let finished: Finished = serde_json::from_slice(&bytes)
        .with_context(|| format!("{}: not what was measured of a training", path.display()))?;
    // How the size was asked for may differ: 252 and `all`.
    let there = Subset { size_requested: planned.subset.size_requested.clone(), ..finished.run.subset.clone() };
    if there != planned.subset {
        bail!("{}: of another subset of the clips; name another folder with --out", path.display());
    }
    Ok(Some(Finished { run: Run { subset: there, ..finished.run }, ..finished }))
}

/// Trains and measures, and writes the file. The weights are not kept.
pub(super) fn train(planned: &Planned, options: &Options, job: &Job<'_>) -> Result<Finished> {
    let folder = planned.folder(&options.out);
    let spec = &options.models[planned.model];
    let job = &Job { seed: Some(planned.subset.seed), ..job.clone() };
    let mut of = train::Options::new(spec.kind, &planned.features, &folder);
    of.only = Some(planned.ids.clone());
    of.config = options.config.clone();
    of.config.set.extend(planned.repeat.map(|repeat| ("train.repeat".to_owned(), repeat.to_string())));
    of.pretrained = spec.pretrained.clone();
    of.strategy = spec.strategy;
    of.start = Start::Overwrite;
    let outcome = train::run(&of, job).with_context(|| folder.display().to_string())?;
    let (mut sets, mut answers) = (BTreeMap::new(), BTreeMap::new());
    for set in options.sets() {
        let source = evaluate::Source::Recordings { manifests: options.manifests.clone(), stress: false };
        let out = folder.join(&set);
        let measured = evaluate::run(&evaluate::Options { run: folder.clone(), source, split: set.clone(), out }, job)?;
        let of_rows = measured.by_row.first().map(|(_, rows)| rows.clone()).unwrap_or_default();
        sets.insert(set.clone(), figures(&measured, &of_rows, job.seed()));
        answers.insert(set, of_rows);
    }
    let run =
        Run { subset: planned.subset.clone(), sets, train_seconds: outcome.seconds, best_epoch: outcome.best_epoch };
    let finished = Finished { run, answers };
    shard::write_atomic(&folder.join(FILE), &serde_json::to_vec(&finished)?)?;
    remove_weights(&folder)?;
    Ok(finished)
}

fn figures(measured: &Measured, rows: &[RowAnswer], seed: u64) -> SetFigures {
    let right: Vec<bool> = rows.iter().map(is_right).collect();
    let class: Vec<u32> = rows.iter().map(|row| row.class).collect();
    let groups = Groups::from_names(&rows.iter().map(|row| row.group.as_str()).collect::<Vec<_>>());
    let of = |weights: &[f64]| balanced_accuracy(&right, &class, measured.metrics.classes.len(), weights);
    let value = of(&vec![1.0; rows.len()]);
    let generator = |resample: usize| seed::stream(seed ^ STREAM, resample as u64);
    let mut resamples = bootstrap([&groups], RESAMPLES, generator, |[weights]| of(weights));
    resamples.sort_by(f64::total_cmp);
    let drawn = [0.025, 0.975].map(|share| quantile_sorted(&resamples, share).unwrap_or(value));
    let exact = measured.metrics.intervals.get("balanced_accuracy").copied().filter(|_| value >= 1.0);
    SetFigures {
        balanced_accuracy: value,
        interval: exact.unwrap_or(drawn),
        n: rows.len(),
        n_groups: groups.n_groups(),
        ece: measured.metrics.ece,
    }
}

/// Weights, and what frozen layers made of the clips: forty trainings of a transformer are gigabytes.
fn remove_weights(folder: &Path) -> Result<()> {
    let unreadable = || format!("{}: cannot be read", folder.display());
    for entry in storage::list(folder).with_context(unreadable)? {
        let path = folder.join(entry.name);
        let removed = match (path.extension(), path.file_name()) {
            (Some(extension), _) if extension == "safetensors" => storage::remove_file(&path),
            (_, Some(name)) if name == "kept" => storage::remove_dir_all(&path),
            _ => Ok(()),
        };
        removed.with_context(|| format!("{}: cannot be removed", path.display()))?;
    }
    Ok(())
}
