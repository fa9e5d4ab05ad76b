//! What is wrong with a set of recordings before anything is trained on it.
//!
//! Every recording is decoded once (`measured.rs`); from that follow pairs with the same sound (`same.rs`), the manifest
//! to go on with (`clean.rs`), and the statistics of the crate `doctor` over the classes (`set.rs`, `examine.rs`). A
//! recording that cannot be read is a finding, never the end of the run.

mod clean;
mod examine;
mod file;
mod findings;
mod form;
mod measured;
mod page;
mod same;
mod sessions;
mod set;
mod words;

pub use findings::{Finding, Kind, Severity};
pub use form::Examination;

use crate::config::{Config, ConfigSource, Nuisance, equalize_flags};
use crate::error::{Result, bail};
use crate::extraction::plan::classes_of;
use crate::inputs;
use crate::job::Job;
use crate::named::Named;
use crate::output;
use ::doctor::CrossValidation;
use inference::Chain;
use measured::Recipe;
use serde::Serialize;
use std::path::PathBuf;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// What `scan` wrote, or a folder of class folders.
    pub manifest: PathBuf,
    /// Folder for doctor.html, doctor.csv, doctor.json and manifest.clean.csv.
    pub out: PathBuf,
    /// Compare clips by this model's embeddings instead of statistics of their spectrograms.
    pub run: Option<PathBuf>,
    /// Equalize clips before shortcuts are measured in them.
    pub equalize: Vec<Nuisance>,
    /// Configuration of the clips.
    pub config: ConfigSource,
    /// Classes; empty for all labels that are trained on.
    pub classes: Vec<String>,
    /// Clips with doubtful labels that are listed and shown.
    pub suspects: usize,
    /// Megabytes that pictures and sounds of doctor.html may take.
    pub page_mb: f64,
}

impl Options {
    /// The defaults of the command.
    pub fn new(manifest: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            manifest: manifest.into(),
            out: out.into(),
            run: None,
            equalize: Vec::new(),
            config: ConfigSource::default(),
            classes: Vec::new(),
            suspects: 60,
            page_mb: 24.0,
        }
    }
}

/// `doctor.json`, and how much of the manifest is left.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Version of barkbird.
    pub version: &'static str,
    /// Seed of the cross-validation.
    pub seed: u64,
    /// From a recording to a clip.
    pub front_end: serde_json::Value,
    /// Features of the content of clips: embeddings, or statistics of spectrograms.
    pub content: &'static str,
    /// How classifiers were compared.
    pub cross_validation: CrossValidation,
    /// What was found.
    pub examination: Examination,
    /// Rows of manifest.clean.csv.
    #[serde(skip)]
    pub kept: usize,
    /// Rows of the manifest.
    #[serde(skip)]
    pub rows: usize,
}

/// Examines a set of recordings, and writes what was found.
///
/// # Errors
/// A manifest without a usable recording, a model that cannot be opened, or a folder that cannot be written.
#[tracing::instrument(level = "info", name = "doctor", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    let _lock = output::folder(&options.out)?;
    let manifest = inputs::manifest(&options.manifest)?;
    if manifest.rows.is_empty() {
        bail!("{}: lists no recording", options.manifest.display());
    }
    let model = options.run.as_deref().map(|run| inputs::open_model(run, job)).transpose()?;
    let chain = match &model {
        Some(model) => model.chain()?,
        None => {
            let mut flags = equalize_flags(&options.equalize);
            flags.extend(options.config.set.iter().cloned());
            let config = Config::resolve(options.config.file.as_deref(), &flags)?;
            Chain::new(config.clip, config.front_end)
        }
    };
    let classes = if options.classes.is_empty() { classes_of(&manifest.rows) } else { options.classes.clone() };
    let recipe = Recipe { chain: &chain, model: model.as_ref() };
    let outcomes = measured::measure_all(&manifest, &recipe, job)?;
    if outcomes.iter().all(std::result::Result::is_err) {
        let first = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
        let reason = first.map_or_else(String::new, |fault| fault.evidence.clone());
        bail!("none of the {} recordings could be used; the first: {reason}", manifest.rows.len());
    }
    let config = CrossValidation { seed: job.seed(), ..CrossValidation::default() };
    let (mut found, cleaned) = examine::examine(&manifest, &outcomes, &classes, &config, options.suspects, job)?;
    found.summary = words::summary(&found, &manifest);
    job.check("nothing was written")?;

    let title = format!("barkbird doctor: {}", options.manifest.file_name().unwrap_or_default().to_string_lossy());
    let sources = page::Sources { manifest: &manifest, chain: &chain, n_bytes: 1e6 * options.page_mb };
    let html = page::page(title, &found, &sources, job)?;
    let outcome = Outcome {
        version: env!("CARGO_PKG_VERSION"),
        seed: job.seed(),
        front_end: chain.to_header()?,
        content: if model.is_some() { "embeddings" } else { "spectrogram statistics" },
        cross_validation: config,
        kept: cleaned.manifest.rows.len(),
        rows: manifest.rows.len(),
        examination: found,
    };
    let write = |name: &str, bytes: &[u8]| shard::write_atomic(&options.out.join(name), bytes);
    write("doctor.csv", &findings::to_csv(&outcome.examination.findings)?)?;
    write("manifest.clean.csv", &cleaned.manifest.rebased(&options.out)?.to_csv())?;
    write("doctor.html", html.as_bytes())?;
    write("doctor.json", &serde_json::to_vec_pretty(&outcome)?)?;
    Ok(outcome)
}

impl Outcome {
    /// Fails where there is a finding of one of the kinds.
    ///
    /// # Errors
    /// How many there are of each.
    pub fn fail_on(&self, kinds: &[Kind]) -> Result<()> {
        let count = |kind: &Kind| self.examination.findings.iter().filter(|finding| finding.kind == *kind).count();
        let counts = kinds.iter().map(|kind| (kind.name(), count(kind)));
        let failing: Vec<String> =
            counts.filter(|(_, n)| *n > 0).map(|(name, n)| format!("{n} of kind {name}")).collect();
        if !failing.is_empty() {
            bail!("findings that --fail-on names: {}", failing.join(", "));
        }
        Ok(())
    }
}
