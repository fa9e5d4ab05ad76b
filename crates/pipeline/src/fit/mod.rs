//! From recordings to the best model for them: one call.
//!
//! | | file | what happens |
//! | --- | --- | --- |
//! | 1 | `added.rs`, `table.rs` | the clips, their folds by group, and unknown sounds |
//! | 2 | `plan.rs` | what will be done, and how long it takes |
//! | 3 | `network.rs` | candidates that are trained, once for each fold |
//! | 4 | `measured.rs` | what every candidate computes for every clip, under every condition |
//! | 5 | `candidates.rs` | what heads, networks and averages answer about clips that they did not see |
//! | 6 | `choose.rs` | the choice, by a stated rule |
//! | 7 | `finish.rs`, `detector.rs` | the model file: fitted on all clips, with a calibrated detector |
//! | 8 | `words.rs` | what a person can quote |
//!
//! Clips of the split `test` are looked at once, after everything is decided. Training and validation clips are one set here:
//! the folds take the place of the validation split.

mod added;
mod backbone;
mod candidates;
mod choose;
mod detector;
mod finish;
mod held_out;
mod measured;
mod network;
mod plan;
mod table;
mod words;

pub use crate::train::Start;
pub use choose::{CandidateFigures, Choice};
pub use detector::DetectorRecord;
pub use plan::{Plan, Step};

use crate::error::{Context, Error, Result, bail};
use crate::evaluate::Measured as Evaluated;
use crate::job::Job;
use crate::{doctor, evaluate, output, report, scan};
use backbone::Pretrained;
use candidates::Known;
use inference::MODEL_FILE;
use measured::Trained;
use network::Network;
use serde::Serialize;
use serde_json::json;
use shard::Skipped;
use std::path::{Path, PathBuf};
use std::time::Instant;
use table::Table;
pub use words::ClassEvidence;

/// Minutes that a fit may take where nothing else is asked for.
pub const MINUTES: f64 = 10.0;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder with one folder a class, or a manifest.
    pub data: PathBuf,
    /// Further clips to learn from, such as answers of a review: manifests, or folders with one folder a class.
    pub add: Vec<PathBuf>,
    /// Folder of the run.
    pub out: PathBuf,
    /// YAMNet's weights (a file, a folder, or a repository of the hub), an ONNX model (`.onnx`), or `none`.
    pub backbone: Option<String>,
    /// Folders where YAMNet's weights may be, where none is named.
    pub usual_backbones: Vec<PathBuf>,
    /// A folder with the checkpoint of a Vision Transformer.
    pub pretrained: Option<PathBuf>,
    /// Minutes that it may take, about: what does not fit is left out.
    pub minutes: f64,
    /// The candidate that is taken whatever the figures say; none for the rule.
    pub candidate: Option<String>,
    /// Fetch nothing.
    pub offline: bool,
    /// What happens where the folder holds a run.
    pub start: Start,
}

impl Options {
    /// Ten minutes, with YAMNet where it is found.
    pub fn new(data: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            add: Vec::new(),
            out: out.into(),
            backbone: None,
            usual_backbones: Vec::new(),
            pretrained: None,
            minutes: MINUTES,
            candidate: None,
            offline: false,
            start: Start::Fresh,
        }
    }
}

/// `fit.json`: how a model came to be.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// `fit/1`.
    pub schema: &'static str,
    /// Version of barkbird.
    pub version: &'static str,
    /// Seed of everything random.
    pub seed: u64,
    /// What a person can quote.
    pub sentences: Vec<String>,
    /// What was planned.
    pub plan: Plan,
    /// SHA-256 of the pretrained network's weights, where there is one.
    pub backbone_sha256: Option<String>,
    /// What was chosen, and between what.
    pub choice: Choice,
    /// What of the pretrained network speaks for each class, where that is looked at: names and shares.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<ClassEvidence>,
    /// The detector of unknown sounds.
    pub detector: DetectorRecord,
    /// The evaluation on the test split; none where there are no test clips.
    pub test: Option<Evaluated>,
    /// Recordings that could not be used, and why.
    pub skipped: Vec<Skipped>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// Seconds that it took.
    pub seconds: f64,
    /// The command line, where there was one.
    pub command: Vec<String>,
    /// The model's file.
    pub model: PathBuf,
    /// The page.
    pub report: PathBuf,
}

/// What is there to fit, and the plan for it.
struct Prepared {
    table: Table,
    backbone: Option<PathBuf>,
    networks: Vec<Network>,
    plan: Plan,
    manifest: PathBuf,
    unusable: Vec<Skipped>,
}

/// The plan of a fit, without doing it: recordings are only looked at.
///
/// # Errors
/// Data that cannot be read or learned from.
pub fn plan(options: &Options, job: &Job<'_>) -> Result<Plan> {
    let work = tempfile_folder(&options.out)?;
    let planned = prepare(options, &work, job).map(|prepared| prepared.plan);
    storage::remove_dir_all(&work).ok();
    planned
}

/// A folder of this process beside the output, for a plan that leaves nothing behind.
fn tempfile_folder(out: &Path) -> Result<PathBuf> {
    let name = format!(".barkbird-{}-plan.tmp", std::process::id());
    let folder = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).join(name);
    storage::create_dir_all(&folder).with_context(|| format!("{}: cannot be written", folder.display()))?;
    Ok(folder)
}

/// Fits the best model for recordings, and measures it on the test split once.
///
/// # Errors
/// Data that cannot be read or learned from, a folder that holds a run already, or a stop that was asked for.
#[tracing::instrument(level = "info", name = "fit", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    fit(options, job).map_err(|error| match error {
        Error::Cancelled { .. } => {
            Error::Cancelled { kept: "what is finished is kept; run the same command with --resume to go on".into() }
        }
        other => other,
    })
}

fn fit(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    let started = Instant::now();
    let out = &options.out;
    let _lock = output::folder(out)?;
    let work = out.join("work");
    check_start(options, &work)?;
    let prepared = prepare(options, out, job)?;
    let Prepared { table, plan, .. } = &prepared;
    job.say(plan.to_string());
    let mut step = 0;
    let mut begin = |what: &str| {
        step += 1;
        job.say(format!(
            "step {step} of {}: {what}, about {:.0} min left",
            plan.steps.len(),
            plan.minutes_from(step - 1).ceil()
        ));
    };
    storage::create_dir_all(&work).with_context(|| format!("{}: cannot be written", work.display()))?;
    begin("doctor");
    let mut notes = table.notes.clone();
    notes.extend(examine(&prepared.manifest, out, job));
    let backbone =
        prepared.backbone.as_deref().map(|path| Pretrained::open(path, table.classes.len(), job)).transpose()?;
    match &backbone {
        None => {
            notes.push(backbone::LOST.to_owned());
            job.warn(backbone::LOST);
        }
        Some(backbone) => notes.extend(backbone.note.clone()),
    }
    let folds = work.join("folds.csv");
    table.write_folds(&folds)?;
    let mut trained = Vec::new();
    let mut views = Vec::new();
    for network in &prepared.networks {
        begin(&format!("train {}", network.name));
        let of = network.views(&folds, table, &work, job)?;
        if let Some(workers) = job.workers {
            network.train_folds(workers, &of, table.n_folds, &work, job)?;
        }
        let models = (0..table.n_folds).map(|fold| network.train(&of, table.n_folds, Some(fold), &work, job));
        trained.push(Trained { network: network.clone(), folds: models.collect::<Result<_>>()? });
        views.push(of);
    }
    begin("stress tests");
    job.check("")?;
    let measured = measured::measure(table, backbone.as_ref(), &trained, job.seed(), job)?;
    let known = Known::of(&measured, table.classes.len());
    let (parts, left_out) = candidates::parts(&measured, &trained, &known)?;
    notes.extend(left_out);
    let candidates = candidates::candidates(&parts, known.n_classes);
    if candidates.is_empty() {
        bail!("no candidate could be fitted: {}", notes.join("; "));
    }
    let conditions: Vec<_> = measured.conditions.iter().map(|(condition, _)| *condition).collect();
    let asked = options.candidate.as_deref();
    let chosen = choose::choose(&candidates, &conditions, &known, asked, job.seed());
    let (chosen, choice) = chosen.with_context(|| {
        let names: Vec<&str> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
        format!("--candidate {}: there are {}", asked.unwrap_or_default(), names.join(", "))
    })?;
    let candidate = &candidates[chosen];
    job.say(words::choice(&choice));
    begin("model and detector");
    let mut runs = vec![None; trained.len()];
    for &part in &candidate.parts {
        if let candidates::Part::Network(nth) = parts[part].part {
            let network = &trained[nth].network;
            network.train(&views[nth], table.n_folds, None, &work, job)?;
            runs[nth] = Some(work.join(format!("{}-all", network.name)));
        }
    }
    let training =
        json!({"fit": {"chosen": candidate.name, "cross_validation": choice.candidates.iter().find(|c| c.chosen)}});
    let recipe = finish::Recipe {
        classes: &table.classes,
        parts: &parts,
        candidate,
        backbone: backbone.as_ref(),
        trained: &trained,
        runs: &runs,
        training,
        n_folds: table.n_folds,
    };
    let detector = finish::write(&recipe, &measured, &known, out, job)?;
    begin("test");
    let test = test(options, &prepared, job)?;
    begin("report");
    let skipped = prepared.unusable.iter().chain(&measured.skipped).cloned().collect();
    let page = out.join("report.html");
    let mut outcome = Outcome {
        schema: "fit/1",
        version: env!("CARGO_PKG_VERSION"),
        seed: job.seed(),
        sentences: Vec::new(),
        plan: plan.clone(),
        backbone_sha256: backbone.as_ref().map(|backbone| backbone.sha256.clone()),
        choice,
        evidence: words::evidence(&out.join(MODEL_FILE), &table.classes)?,
        detector,
        test,
        skipped,
        notes,
        seconds: 0.0,
        command: job.command.clone(),
        model: out.join(MODEL_FILE),
        report: page.clone(),
    };
    outcome.sentences = words::sentences(&outcome, &table.classes);
    outcome.seconds = started.elapsed().as_secs_f64();
    shard::write_atomic(&out.join("fit.json"), &serde_json::to_vec_pretty(&outcome)?)?;
    let mut of_report = report::Options::new(vec![out.clone()], &page);
    of_report.manifests = vec![prepared.manifest.clone()];
    report::run(&of_report, job)?;
    storage::remove_dir_all(&work).ok();
    Ok(outcome)
}

/// Refuses a folder that holds a run, and empties one that is to be replaced.
fn check_start(options: &Options, work: &Path) -> Result<()> {
    let out = &options.out;
    let (is_done, is_begun) =
        (storage::exists(out.join(MODEL_FILE)) && storage::exists(out.join("fit.json")), storage::exists(work));
    match options.start {
        Start::Fresh if is_done => {
            bail!("{}: holds a fitted model; --overwrite replaces it, another --out keeps it", out.display())
        }
        Start::Fresh if is_begun => {
            bail!("{}: holds an interrupted fit; --resume goes on with it, --overwrite begins anew", out.display())
        }
        Start::Overwrite if is_begun => {
            storage::remove_dir_all(work).with_context(|| format!("{}: cannot be removed", work.display()))
        }
        _ => Ok(()),
    }
}

/// Looks at the recordings, and plans.
fn prepare(options: &Options, folder: &Path, job: &Job<'_>) -> Result<Prepared> {
    let manifest = folder.join("manifest.csv");
    let resume = options.start == Start::Resume;
    let data = match options.add.is_empty() {
        true => options.data.clone(),
        false => added::write(&options.data, &options.add, &folder.join("data.csv"), job)?,
    };
    let scanned = scan::run(&scan::Options { resume, ..scan::Options::new(&data, &manifest) }, job)?;
    let unusable = scanned.unusable.iter().map(|one| Skipped { path: one.path.clone(), reason: one.reason.clone() });
    let unusable: Vec<Skipped> = unusable.collect();
    let table = Table::read(&manifest, &scanned.duplicates, job.seed())?;
    let backbone = backbone::find(options.backbone.as_deref(), &options.usual_backbones, options.offline, job)?;
    let mut networks = vec![Network::cnn()];
    networks.extend(backbone.as_deref().filter(|path| !backbone::is_onnx(path)).map(Network::yamnet));
    networks.extend(options.pretrained.as_deref().map(Network::vit));
    let plan = Plan::new(&table, backbone.is_some(), &mut networks, options.minutes, rayon::current_num_threads());
    Ok(Prepared { table, backbone, networks, plan, manifest, unusable })
}

/// The doctor's findings in short; a doctor that fails is a note, and no end.
fn examine(manifest: &Path, out: &Path, job: &Job<'_>) -> Vec<String> {
    match doctor::run(&doctor::Options::new(manifest, out.join("doctor")), job) {
        Ok(outcome) => words::findings(&outcome),
        Err(error) => vec![format!("doctor: {}", crate::one_line(&error))],
    }
}

/// The evaluation on the test split, with stress tests; none without test clips.
fn test(options: &Options, prepared: &Prepared, job: &Job<'_>) -> Result<Option<Evaluated>> {
    if prepared.table.n_test == 0 {
        job.warn("no test clips: the figures are those of the cross-validation, which chose the model");
        return Ok(None);
    }
    let source = evaluate::Source::Recordings { manifests: vec![prepared.manifest.clone()], stress: true };
    let out = options.out.join("test");
    // Unknown sounds that nothing was chosen on are looked at now, too.
    let split = std::iter::once("test".to_owned()).chain(prepared.table.unknown_splits.iter().cloned());
    let split = split.collect::<Vec<_>>().join(",");
    let options = evaluate::Options { run: options.out.clone(), source, split, out };
    Ok(Some(evaluate::run(&options, job)?))
}
