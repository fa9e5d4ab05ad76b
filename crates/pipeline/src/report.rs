//! One HTML file that shows runs: sounds, learning curves, confusion, figures with intervals.

mod data;
mod galleries;
mod map;
mod predictions;
mod recordings;
mod reviewed;
mod sounds;
mod tables;

use crate::error::{Context, Result};
use crate::inputs::{self, Expected};
use crate::job::Job;
use crate::output;
use crate::review::selections;
use crate::run_record::{RunRecord, command_line};
use inference::{Chain, DETECTOR_PREFIX, Windows, read_model};
use recordings::Recordings;
use report::{Epoch, Evaluation, Metrics, RunReport};
use serde::Serialize;
use sounds::{Explainer, Sounds};
use std::path::{Path, PathBuf};

/// The largest page, in bytes, of which some are left for text.
const MOST_BYTES: f64 = 19e6;
const FOR_TEXT: f64 = 1e6;

/// Recordings that a warning names.
const MOST_NAMES: usize = 5;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Folders of runs.
    pub runs: Vec<PathBuf>,
    /// Manifests of the recordings, or folders of class folders: for spectrograms, players and the map. Empty: the manifest in the
    /// run's folder, where there is one.
    pub manifests: Vec<PathBuf>,
    /// What `doctor` wrote, where it is not in the run's folder.
    pub doctor: Option<PathBuf>,
    /// Answers of reviews.
    pub reviews: Vec<PathBuf>,
    /// The table of detections that the answers are about, where it is at hand.
    pub detections: Option<PathBuf>,
    /// Folder for selection tables of Raven with the answers of `reviews`.
    pub raven: Option<PathBuf>,
    /// HTML file to write.
    pub out: PathBuf,
    /// Recordings to show of each class; fewer where there are many classes.
    pub examples: usize,
    /// Clips with spectrogram and sound at most, of all runs together. The page stays below 20 MB.
    pub clips: usize,
}

impl Options {
    /// Four recordings of each class, and 250 clips in all.
    pub fn new(runs: Vec<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            runs,
            manifests: Vec::new(),
            doctor: None,
            reviews: Vec::new(),
            detections: None,
            raven: None,
            out: out.into(),
            examples: 4,
            clips: 250,
        }
    }
}

/// The page that was written.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The file.
    pub out: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// Selection tables that were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<PathBuf>,
}

/// Writes the report of runs.
///
/// # Errors
/// A run without a model, results that cannot be read, or a file that cannot be written.
#[tracing::instrument(level = "info", name = "report", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    output::file(&options.out)?;
    options.runs.iter().try_for_each(|run| inputs::expect(run, Expected::Run))?;
    let gathered = options.runs.iter().map(|run| gather(run, options, job));
    let runs: Vec<_> = gathered.collect::<Result<_>>()?;
    let title = match &options.runs[..] {
        [one] => format!("barkbird: {}", name(one)),
        several => format!("barkbird: {} runs", several.len()),
    };
    let html = report::render(&title, &runs)?;
    shard::write_atomic(&options.out, html.as_bytes())?;
    let mut tables = Vec::new();
    if let Some(folder) = &options.raven {
        tables = selections(&options.reviews, folder)?;
        job.say(format!("answers as selection tables of Raven: {} in {}", tables.len(), folder.display()));
    }
    Ok(Outcome { out: options.out.clone(), bytes: html.len(), tables })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Everything about one run that is on disk.
fn gather(named: &Path, options: &Options, job: &Job<'_>) -> Result<RunReport> {
    let run = &inputs::locate(named, job)?;
    if options.runs.len() > 1 {
        job.say(format!("report of {}", named.display()));
    }
    let recordings = Recordings::open(&manifests(run, options))?;
    let (path, mut file) = read_model(run)?;
    let chain = Chain::from_header(&file.header.front_end, &path)?;
    let of_detectors = file.take(DETECTOR_PREFIX);
    let backbone = of_detectors.iter().filter(|(name, _)| name.starts_with("backbone.") || name.starts_with("trunk."));
    let n_backbone: usize = backbone.map(|(_, tensor)| tensor.elem_count()).sum();
    let header = &file.header;
    // Running statistics of batch norm are no parameters.
    let parameters = file.tensors.iter().filter(|(name, _)| !name.contains("running_"));
    let n_network: usize = parameters.map(|(_, tensor)| tensor.elem_count()).sum();
    let record = RunRecord::read(run)?;
    let found = found_evaluations(run)?;
    let temperature = Some(header.calibration.map_or(1.0, |calibration| f64::from(calibration.temperature)));
    let evaluations: Vec<Evaluation> = found
        .iter()
        .map(|(folder, metrics)| predictions::evaluation(folder, metrics.clone(), temperature, &recordings))
        .collect::<Result<_>>()?;
    let run_name = named.display().to_string();
    let mut out = RunReport {
        name: name(named),
        classes: header.classes.clone(),
        n_parameters: n_network as u64,
        n_backbone_parameters: (n_backbone > 0).then_some(n_backbone as u64),
        facts: facts(header, &chain, &path, options)?,
        detector: header.outlier.as_ref().map(tables::detector).unwrap_or_default(),
        epochs: epochs(&run.join("metrics.jsonl"))?,
        commands: commands(run, record.as_ref(), &found, options),
        ..RunReport::default()
    };
    if let Some((folder, _)) = found.first() {
        let metrics = tables::json(&folder.join("metrics.json"))?.unwrap_or_default();
        out.sections.push(tables::recorder_bias(&metrics, &run_name));
    }
    out.sections.extend(reviewed::section(&options.reviews, options.detections.as_deref())?);
    if let Some(fit) = tables::json(&run.join("fit.json"))? {
        out.sentences = tables::sentences(&fit);
        out.sections.extend(tables::of_fit(&fit));
        let is_of_doctor = |note: &String| note.starts_with("doctor: ");
        out.warnings.extend(tables::strings(&fit["notes"]).into_iter().filter(|note| !is_of_doctor(note)));
        let command = tables::strings(&fit["command"]);
        out.commands = if command.is_empty() { Vec::new() } else { vec![command_line(&command)] };
    }
    let in_run = run.join("doctor");
    let folders: Vec<&Path> = options.doctor.as_deref().into_iter().chain([in_run.as_path()]).collect();
    out.data_sections.push(data::doctor(&folders, &run_name)?);
    if let Some(record) = &record {
        out.data_sections.extend(data::views(&record.features, header, &chain, job.seed())?);
    }
    for (_, metrics) in &found {
        out.skipped.extend(metrics.skipped.iter().map(|s| (s.path.clone(), s.reason.clone())));
    }
    out.skipped.sort();
    out.skipped.dedup();
    if recordings.is_empty() {
        out.warnings.push("Without --manifest there are no sounds to show.".into());
    } else {
        show(run, &recordings, &chain, &evaluations, &mut out, options, job)?;
    }
    if evaluations.is_empty() {
        out.warnings.push("The run's folder has no evaluation: run `barkbird evaluate`.".into());
    }
    out.evaluations = evaluations;
    Ok(out)
}

/// The manifests that were given, or that of the run.
fn manifests(run: &Path, options: &Options) -> Vec<PathBuf> {
    let of_run = run.join("manifest.csv");
    match options.manifests.is_empty() && storage::is_file(&of_run) {
        true => vec![of_run],
        false => options.manifests.clone(),
    }
}

/// Adds what needs the recordings: clips to look at and listen to, and the map.
fn show(
    run: &Path,
    recordings: &Recordings,
    chain: &Chain,
    evaluations: &[Evaluation],
    out: &mut RunReport,
    options: &Options,
    job: &Job<'_>,
) -> Result<()> {
    let model = match inputs::open_model(run, job) {
        Ok(model) => Some(model),
        // A backbone in a file of its own may be gone; all else can be shown.
        Err(error) => {
            let text = "There is no map of embeddings, and what the model looked at is not shown";
            out.warnings.push(format!("{text}: {}", crate::one_line(&error)));
            None
        }
    };
    if let Some(model) = &model {
        out.map = map::of_run(model, recordings, job)?;
    }
    let explainer = model
        .as_ref()
        .map(|model| Ok::<_, crate::Error>(Explainer { model, windows: Windows::as_trained(model, None)? }));
    let n_runs = options.runs.len();
    let mut sounds = Sounds {
        explainer: explainer.transpose()?,
        recordings,
        chain,
        front_end: chain.build_picture()?,
        clips_left: options.clips / n_runs,
        bytes_left: (MOST_BYTES - FOR_TEXT) / n_runs as f64,
        missing: Vec::new(),
        unlisted: Vec::new(),
    };
    let chosen = galleries::choose(evaluations, &out.classes, options.examples);
    out.galleries = sounds.galleries(chosen, evaluations, job)?;
    let Sounds { missing, unlisted, .. } = sounds;
    let texts = [
        (missing, "Recordings that could not be read", ""),
        (
            unlisted,
            "Recordings that are in none of the manifests",
            " Their manifest can be given as another --manifest.",
        ),
    ];
    for (paths, what, advice) in texts.into_iter().filter(|(paths, _, _)| !paths.is_empty()) {
        let text = format!("{what}: {}.{advice}", some(paths));
        job.warn(&text);
        out.warnings.push(text);
    }
    Ok(())
}

/// The first few names, and how many more there are.
fn some(mut names: Vec<String>) -> String {
    names.sort();
    names.dedup();
    let n = names.len();
    names.truncate(MOST_NAMES);
    match n - names.len() {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// An architecture with the number of a foreign network's classes in place of their names, which may be thousands.
fn short(architecture: &serde_json::Value) -> serde_json::Value {
    match architecture {
        serde_json::Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match (name.as_str(), value) {
                ("classes", serde_json::Value::Array(names)) => (name.clone(), names.len().into()),
                _ => (name.clone(), short(value)),
            })
            .collect(),
        serde_json::Value::Array(values) => values.iter().map(short).collect(),
        other => other.clone(),
    }
}

/// What a reader wants to know of a run before the figures.
fn facts(
    header: &classifier::ModelHeader,
    chain: &Chain,
    model: &Path,
    options: &Options,
) -> Result<Vec<(String, String)>> {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let clip = &chain.clip;
    let sha256 = |path: &Path| -> Result<String> { Ok(audio_io::check::sha256_of_file(path)?) };
    let mut facts = vec![
        fact("Made by", format!("barkbird {}", header.version)),
        fact("Architecture", short(&header.architecture).to_string()),
        fact(
            "Recording",
            format!("{} Hz, {:.1} s windows, level {:?}", clip.sample_rate_hz, clip.window.seconds, clip.level),
        ),
        fact("Spectrogram", chain.describe()),
        fact("Seed", header.seed.to_string()),
        fact("Split", header.split.to_string()),
        fact(
            "Temperature",
            header
                .calibration
                .map_or("none".into(), |c| format!("{:.3} (fitted on {} validation clips)", c.temperature, c.n)),
        ),
        fact("SHA-256 of the model", sha256(model)?),
    ];
    for manifest in options.manifests.iter().filter(|path| storage::is_file(path)) {
        facts.push(fact(&format!("SHA-256 of {}", manifest.display()), sha256(manifest)?));
    }
    Ok(facts)
}

/// The epochs of the training; none where the folder holds a model alone.
fn epochs(path: &Path) -> Result<Vec<Epoch>> {
    if !storage::exists(path) {
        return Ok(Vec::new());
    }
    let text = storage::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}: line {}", path.display(), number + 1))
    };
    text.lines().enumerate().map(parse).collect()
}

/// The evaluations in a run's folder, by name of their folder; `test` first.
fn found_evaluations(run: &Path) -> Result<Vec<(PathBuf, Metrics)>> {
    let mut found = Vec::new();
    if !storage::is_dir(run) {
        return Ok(found);
    }
    for entry in storage::list(run).with_context(|| run.display().to_string())? {
        if entry.leads_to(run) != storage::Kind::Folder {
            continue;
        }
        let folder = run.join(entry.name);
        let file = folder.join("metrics.json");
        if storage::is_file(&file) {
            let text = storage::read_to_string(&file).with_context(|| file.display().to_string())?;
            let metrics: Metrics = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
            found.push((folder, metrics));
        }
    }
    found.sort_by_key(|(folder, metrics)| (metrics.split != "test", folder.clone()));
    Ok(found)
}

/// How to do it all again: the run's own command line where it is known, and what it was measured with.
fn commands(
    run: &Path,
    record: Option<&RunRecord>,
    evaluations: &[(PathBuf, Metrics)],
    options: &Options,
) -> Vec<String> {
    let manifest = options.manifests.first().map_or("manifest.csv".into(), |m| m.display().to_string());
    let words = |words: &[&str]| command_line(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
    let run_name = run.display().to_string();
    let features = record.map_or("features".into(), |record| record.features.display().to_string());
    let mut commands = vec![words(&["features", &manifest, "--like", &run_name, "--out", &features])];
    let known = record.filter(|record| !record.command.is_empty());
    commands.extend(known.map(|record| command_line(&record.command)));
    commands
        .extend(known.filter(|record| !record.detector_command.is_empty()).map(|r| command_line(&r.detector_command)));
    for (folder, metrics) in evaluations {
        let out = folder.display().to_string();
        commands.push(match metrics.command.is_empty() {
            true => words(&["evaluate", &run_name, "--features", &features, "--split", &metrics.split, "--out", &out]),
            false => command_line(&metrics.command),
        });
    }
    commands
}
