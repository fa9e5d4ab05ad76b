//! Models over the amount of data: trained on nested subsets of the training clips, measured on the same recordings.
//!
//! | file | what |
//! | --- | --- |
//! | `options.rs` | sizes, models, seeds |
//! | `plan.rs` | features once for each front end, and which clips each training takes |
//! | `subset.rs` | nested subsets, by clips and by groups |
//! | `settings.rs` | what a folder's trainings share, so that it can be gone on with |
//! | `side_by_side.rs` | trainings at once |
//! | `one.rs` | one training, measured, kept in a file, and found there again |
//! | `curve.rs` | means over the seeds, intervals, the power law |
//! | `outcome.rs` | all figures |
//! | `versus.rs` | differences: models at one size, and more clips against more groups |
//! | `words.rs`, `tables.rs`, `picture.rs` | the answers for people |

mod curve;
mod one;
mod options;
mod outcome;
mod picture;
mod plan;
mod settings;
mod side_by_side;
mod subset;
mod tables;
mod versus;
mod words;

pub use curve::{Curve, Estimate, Fit, Point};
pub use one::{Run, SetFigures};
pub use options::{By, ModelSpec, Options, Size};
pub use outcome::{Outcome, Set};
pub use plan::Subset;
pub use settings::Settings;
pub use versus::{AtSize, Spread, Versus};

use crate::error::{Context, Result, bail};
use crate::job::Job;
use crate::workers::pool::Task;
use crate::workers::process;
use crate::workers::side_by_side::side_by_side;
use crate::{evaluate, output};
use curve::OfSet;
use one::Finished;
use plan::Plan;
use side_by_side::{KEPT, Quiet};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Trains every model on subsets of the training clips, and measures each training. Trainings that the folder holds already are
/// not repeated.
///
/// # Errors
/// No model, size, seed or split; sizes that the manifest does not have; a folder with other settings; what cannot be trained or
/// read; or a stop that was asked for, with the finished trainings kept.
#[tracing::instrument(level = "info", name = "sizes", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    check(options)?;
    let _lock = output::folder(&options.out)?;
    let settings = settings::settle(options, job)?;
    let plan = plan::plan(options, job)?;
    for set in options.sets() {
        evaluate::inputs_of_split(&options.manifests, &set, &plan.classes)?;
    }
    let (all, n_trained, side_by_side) = train_all(&plan, options, job)?;
    let outcome = outcome(options, settings, &plan, &all, n_trained, side_by_side, job)?;
    shard::write_atomic(&outcome.files[0], &serde_json::to_vec_pretty(&outcome)?)?;
    shard::write_atomic(&outcome.files[1], picture::picture(&outcome).as_bytes())?;
    Ok(outcome)
}

/// Does the training of this number alone, as a worker of [`run`] in another process, which has locked the folder and computed the
/// features. It leaves what was measured where that one looks for it.
///
/// # Errors
/// No such training, and as there.
pub fn training(options: &Options, nth: usize, job: &Job<'_>) -> Result<()> {
    check(options)?;
    let plan = plan::plan(options, job)?;
    let Some(planned) = plan.runs.get(nth) else { bail!("training {nth}: there are {}", plan.runs.len()) };
    one::train(planned, options, job)?;
    Ok(())
}

fn check(options: &Options) -> Result<()> {
    let names: BTreeSet<String> = options.models.iter().map(ModelSpec::name).collect();
    if options.models.is_empty() || names.len() < options.models.len() {
        bail!("--models: expected one model or more, each once, such as cnn,vit:lora=DIR,yamnet:last=FILE");
    }
    if options.sizes.is_empty() || options.seeds == 0 || options.manifests.is_empty() || options.sets().is_empty() {
        bail!("expected a size, a seed, a manifest and a split or more");
    }
    Ok(())
}

/// All trainings, found or done now; how many were done, how many at once, and with how many threads.
fn train_all(plan: &Plan, options: &Options, job: &Job<'_>) -> Result<(Vec<Finished>, usize, [usize; 2])> {
    let found: Vec<Option<Finished>> =
        plan.runs.iter().map(|planned| one::finished(planned, options)).collect::<Result<_>>()?;
    let open: Vec<usize> = (0..found.len()).filter(|&nth| found[nth].is_none()).collect();
    let (at_once, threads) = side_by_side::workers(open.len(), job);
    job.say(format!(
        "trainings: {}, there already: {}; at once: {at_once}, with threads each: {threads}",
        found.len(),
        found.len() - open.len()
    ));
    let progress = job.progress("sizes", found.len());
    progress.set(found.len() - open.len());
    let all = Mutex::new(found);
    let done = |nth: usize, finished: Finished| {
        let Subset { model, n_clips, n_groups, seed, .. } = &finished.run.subset;
        let figure = |(set, of): (&String, &SetFigures)| format!("{set} {:.3}", of.balanced_accuracy);
        let figures: Vec<String> = finished.run.sets.iter().map(figure).collect();
        job.say(format!(
            "{model}, {n_clips} clips of {n_groups} groups, seed {seed}: {} ({:.0} s)",
            figures.join(", "),
            finished.run.train_seconds
        ));
        progress.inc(1);
        all.lock().unwrap_or_else(PoisonError::into_inner)[open[nth]] = Some(finished);
    };
    match job.workers {
        None => {
            side_by_side::each(open.len(), job, &|nth, job| one::train(&plan.runs[open[nth]], options, job), &done)?
        }
        Some(workers) => {
            let quiet = Quiet::new(job.observer);
            let job = &Job { observer: &quiet, ..job.clone() };
            let work = |nth: usize, worker: usize| {
                process::work(workers, worker, &Task::Size(open[nth]), job, &mut |_| {})?;
                let planned = &plan.runs[open[nth]];
                let finished = one::finished(planned, options)?;
                finished.with_context(|| format!("{}: nothing was measured", planned.folder(&options.out).display()))
            };
            side_by_side(at_once, open.len(), job, KEPT, &work, &done)?;
        }
    }
    let all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((all.into_iter().flatten().collect(), open.len(), [at_once, threads]))
}

fn outcome(
    options: &Options,
    settings: Settings,
    plan: &Plan,
    all: &[Finished],
    n_trained: usize,
    side_by_side: [usize; 2],
    job: &Job<'_>,
) -> Result<Outcome> {
    let models: Vec<String> = options.models.iter().map(ModelSpec::name).collect();
    let of_set = |set: &String| curve::of_set(set, &models, all, plan.classes.len(), job.seed());
    let of_sets: Vec<OfSet> = options.sets().iter().map(of_set).collect::<Result<_>>()?;
    let name = match options.by {
        By::Clips => "sizes",
        By::Groups => "groups",
    };
    let mut outcome = Outcome {
        schema: "sizes/1",
        command: job.command.clone(),
        settings,
        by: options.by,
        seed: job.seed(),
        seeds: options.seeds,
        n_clips: plan.n_clips,
        n_groups: plan.n_groups,
        side_by_side,
        n_trained,
        sets: of_sets
            .iter()
            .map(|of| Set { name: of.set.clone(), n: of.n, n_groups: of.n_groups, left_out: of.left_out })
            .collect(),
        runs: all.iter().map(|finished| finished.run.clone()).collect(),
        at_sizes: of_sets.iter().flat_map(versus::at_sizes).collect(),
        spread: of_sets.iter().flat_map(versus::spread).collect(),
        curves: of_sets.into_iter().flat_map(|of| of.curves).collect(),
        sentences: Vec::new(),
        files: ["json", "svg"].map(|ending| options.out.join(format!("{name}.{ending}"))).to_vec(),
    };
    outcome.sentences = words::sentences(&outcome);
    Ok(outcome)
}
