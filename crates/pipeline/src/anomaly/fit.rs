//! Puts detectors of unknown sounds, calibrated, into a model's file.

use super::choice::{Choice, choose};
use super::results::BenchFile;
use super::rows::RowsOptions;
use super::sets::{Clips, fit_all};
use crate::error::{Context, Result, bail};
use crate::job::Job;
use crate::origin::is_repository;
use crate::output;
use crate::run_record::RunRecord;
use classifier::ModelFile;
use inference::unknown::methods::{self, OodMethod};
use inference::unknown::{Backbone, Calibrated, Detectors, Fitted, KnownClips, Parts};
use inference::{DETECTOR_PREFIX, MODEL_FILE, Model, read_model};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What to take where there is nothing to choose on: the best on recordings of other animals and of no animals, in
/// docs/outliers.md.
const DEFAULT: [&str; 2] = ["semantic", "relative_mahalanobis_normalized"];

/// Which methods, and why.
struct Asked {
    methods: Vec<OodMethod>,
    why: String,
}

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Where rows come from.
    pub rows: RowsOptions,
    /// Methods to put into the model, the first for `auto`; empty for the recommended one.
    pub method: Vec<String>,
    /// What `anomaly bench` has written for this model.
    pub bench: Option<PathBuf>,
    /// Write a copy of the model into this folder, in place of changing the run's own.
    pub out: Option<PathBuf>,
}

impl Options {
    /// The recommended method, into the run's own model.
    pub fn new(rows: RowsOptions) -> Self {
        Self { rows, method: Vec::new(), bench: None, out: None }
    }
}

/// How the detectors came to be there, as the model's file keeps it.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Their methods.
    pub detectors: Vec<String>,
    /// Why these.
    pub why: String,
    /// Splits that they were fitted on.
    pub fitted_on: Vec<String>,
    /// Splits that they were calibrated on.
    pub calibrated_on: Vec<String>,
    /// Clips that they were fitted on.
    pub training_clips: usize,
    /// Clips that they were calibrated on.
    pub calibration_clips: usize,
    /// Groups that these belong to.
    pub calibration_groups: usize,
    /// The smallest alpha that so many groups allow.
    pub smallest_alpha: f64,
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What the model's file keeps of it.
    pub record: Record,
    /// The model's file.
    pub written: PathBuf,
}

/// Fits a method, calibrates it, and puts it into the model's file.
///
/// # Errors
/// A model or features that cannot be read, splits without clips, a method that is not there, or a file that cannot be
/// written.
#[tracing::instrument(level = "info", name = "anomaly fit", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    if options.out.is_none() && is_repository(&options.rows.run) {
        bail!(
            "{}: a repository of the hub; name a folder for the model with the detector with --out",
            options.rows.run.display()
        );
    }
    let model = options.rows.open_model(job)?;
    let _lock = output::folder(options.out.as_deref().unwrap_or(folder_of(&options.rows.run)))?;
    let backbone = options.rows.open_backbone(&job.device)?;
    let clips = Clips::read(&options.rows, &model, backbone.as_ref(), job)?;
    let methods = methods::all(clips.all.layers.len(), backbone.is_some());
    let asked = asked(options, &model, &methods, backbone.is_some())?;
    let (fitted, why) = match asked {
        Some(Asked { methods, why }) => {
            let fitted = methods.iter().map(|method| Ok(Fitted::fit(method, &clips.fit_from())?));
            (fitted.collect::<Result<Vec<_>>>()?, why)
        }
        None => best(&clips, methods, backbone.is_some(), job)?,
    };
    let detectors = fitted.into_iter().map(|fitted| Ok(Calibrated::new(fitted, &clips.validation)?));
    let detectors: Vec<Calibrated> = detectors.collect::<Result<_>>()?;
    let backbone = backbone.filter(|_| detectors.iter().any(|one| one.fitted.needs_backbone()));
    let backbone_front_end = backbone.as_ref().map(|_| Backbone::chain(&model.chain()?).to_header()).transpose()?;
    let record = Record {
        detectors: detectors.iter().map(|one| one.fitted.method.name.clone()).collect(),
        why,
        fitted_on: options.rows.train_split.clone(),
        calibrated_on: options.rows.val_split.clone(),
        training_clips: clips.training.len(),
        calibration_clips: clips.validation.len(),
        calibration_groups: detectors[0].conformal.n_groups(),
        smallest_alpha: detectors[0].conformal.smallest_alpha(),
    };
    // Answers are compared by the embedding that the detector looked at.
    let mut training = clips.training;
    if backbone.is_none() {
        training.backbone = None;
    }
    let known = KnownClips::of(&training, &model.header.classes);
    let detectors = Detectors {
        detectors,
        backbone,
        own_backbone: false,
        backbone_front_end,
        known,
        record: serde_json::to_value(&record)?,
    };
    let written = put(&model.path, &model.sha256, options.out.as_deref(), detectors.to_parts()?)?;
    note_command(&options.rows.run, options.out.as_deref(), job)?;
    Ok(Outcome { record, written })
}

/// Adds the command to the run's record, which goes along with a copy of the model.
fn note_command(run: &Path, out: Option<&Path>, job: &Job<'_>) -> Result<()> {
    let Some(record) = RunRecord::read(run)? else { return Ok(()) };
    RunRecord { detector_command: job.command.clone(), ..record }.write(out.unwrap_or(folder_of(run)))
}

/// The folder of a run, or of a model file.
fn folder_of(run: &Path) -> &Path {
    let parent = run.parent().filter(|parent| storage::is_file(run) && !parent.as_os_str().is_empty());
    match storage::is_file(run) {
        true => parent.unwrap_or(Path::new(".")),
        false => run,
    }
}

/// The methods that the arguments name; none where the choice is open.
fn asked(options: &Options, model: &Model, all: &[OodMethod], has_backbone: bool) -> Result<Option<Asked>> {
    let named = |name: &str| -> Result<OodMethod> {
        let found = all.iter().find(|method| method.name == anomaly::canonical_name(name));
        found.cloned().with_context(|| {
            let names: Vec<&str> = all.iter().map(|method| method.name.as_str()).collect();
            format!(
                "{name}: no such method{}; there are: {}",
                if has_backbone { "" } else { " without a --backbone" },
                names.join(", ")
            )
        })
    };
    if let Some(path) = &options.bench {
        let bytes = storage::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let bench: BenchFile = serde_json::from_slice(&bytes)
            .with_context(|| format!("{}: not what `barkbird anomaly bench` writes", path.display()))?;
        if bench.model_sha256 != model.sha256 {
            bail!(
                "{}: measured with another model than {}; run `barkbird anomaly bench` again",
                path.display(),
                model.path.display()
            );
        }
        let chosen = bench.chosen.with_context(|| {
            format!("{}: recommends nothing, for it had no unknown sounds to choose on", path.display())
        })?;
        let why = chosen.why();
        return Ok(Some(Asked { methods: vec![named(&chosen.method)?], why }));
    }
    if options.method.is_empty() || options.method == ["auto"] {
        return Ok(None);
    }
    let methods = options.method.iter().map(|name| named(name)).collect::<Result<_>>()?;
    Ok(Some(Asked { methods, why: "asked for".into() }))
}

/// The best method on the unknown sounds of the choice, or the default where there are none.
fn best(clips: &Clips, methods: Vec<OodMethod>, has_backbone: bool, job: &Job<'_>) -> Result<(Vec<Fitted>, String)> {
    let Some((name, unknowns)) = &clips.choice else {
        let method = methods
            .iter()
            .find(|method| DEFAULT.contains(&method.name.as_str()) && (method.name == DEFAULT[0]) == has_backbone);
        let method = method.context("no default")?;
        let why = "no unknown sounds to choose on (--choose-on); this has done best on others".to_owned();
        return Ok((vec![Fitted::fit(method, &clips.fit_from())?], why));
    };
    let mut fitted = fit_all(methods.into_iter().filter(|method| !method.needs_unknowns()).collect(), clips, job)?;
    let choice = choose(&fitted, &clips.validation, unknowns, job.seed())?;
    let Choice { nth, auroc, .. } = choice.context("no method could be fitted; the reasons are above")?;
    Ok((vec![fitted.swap_remove(nth)], format!("chosen on {name} beside validation (AUROC {auroc:.3})")))
}

/// Writes the model with detectors in place of any that it had. Returns where.
/// `fitted_to` is the SHA-256 of the model that they were fitted to.
pub(super) fn put(run: &Path, fitted_to: &str, out: Option<&Path>, (header, tensors): Parts) -> Result<PathBuf> {
    let (from, mut file) = read_model(run)?;
    if shard::sha256_hex(&storage::read(&from).with_context(|| from.display().to_string())?) != fitted_to {
        bail!("{}: was changed while the detector was fitted; run `barkbird anomaly fit` again", from.display());
    }
    drop(file.take(DETECTOR_PREFIX));
    file.header.outlier = Some(header);
    let mut all: BTreeMap<_, _> = file.tensors.into_iter().collect();
    all.extend(tensors);
    let to = match out {
        None => from,
        Some(out) => {
            storage::create_dir_all(out).with_context(|| out.display().to_string())?;
            out.join(MODEL_FILE)
        }
    };
    shard::write_atomic(&to, &ModelFile::to_bytes(&file.header, &all)?)?;
    Ok(to)
}
