//! One HTML file that shows runs: sounds, learning curves, confusion, figures with intervals.

mod sounds;
mod tables;

use crate::error::{Context, Result};
use crate::inputs::{self, Expected};
use crate::job::Job;
use crate::output;
use crate::run_record::{RunRecord, command_line};
use audio_io::Manifest;
use detections::{TableRow, read_csv};
use inference::{Chain, DETECTOR_PREFIX, read_model};
use report::{Epoch, Metrics, RunReport};
use serde::Serialize;
use sounds::Sounds;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Wrongly classified recordings that are shown at most.
const MAX_ERRORS: usize = 12;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Folders of runs.
    pub runs: Vec<PathBuf>,
    /// The manifest of the recordings, for spectrograms and players.
    pub manifest: Option<PathBuf>,
    /// HTML file to write.
    pub out: PathBuf,
    /// Recordings to show of each class.
    pub examples: usize,
}

impl Options {
    /// Four recordings of each class, without sounds.
    pub fn new(runs: Vec<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self { runs, manifest: None, out: out.into(), examples: 4 }
    }
}

/// The page that was written.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The file.
    pub out: PathBuf,
    /// Its size.
    pub bytes: usize,
}

/// Writes the report of runs.
///
/// # Errors
/// A run without a model, results that cannot be read, or a file that cannot be written.
#[tracing::instrument(level = "info", name = "report", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    output::file(&options.out)?;
    options.runs.iter().try_for_each(|run| inputs::expect(run, Expected::Run))?;
    let manifest = options.manifest.as_deref().map(inputs::manifest).transpose()?;
    let gathered = options.runs.iter().map(|run| gather(run, manifest.as_ref(), options, job));
    let runs: Vec<_> = gathered.collect::<Result<_>>()?;
    let title = match &options.runs[..] {
        [one] => format!("barkbird: {}", name(one)),
        several => format!("barkbird: {} runs", several.len()),
    };
    let html = report::render(&title, &runs)?;
    shard::write_atomic(&options.out, html.as_bytes())?;
    Ok(Outcome { out: options.out.clone(), bytes: html.len() })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Everything about one run that is on disk.
fn gather(run: &Path, manifest: Option<&Manifest>, options: &Options, job: &Job<'_>) -> Result<RunReport> {
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
    let evaluations = evaluations(run)?;
    let mut out = RunReport {
        name: name(run),
        classes: header.classes.clone(),
        n_parameters: n_network as u64,
        n_backbone_parameters: (n_backbone > 0).then_some(n_backbone as u64),
        facts: facts(header, &chain),
        epochs: epochs(&run.join("metrics.jsonl"))?,
        evaluations: evaluations.iter().map(|(_, metrics)| metrics.clone()).collect(),
        commands: commands(run, record.as_ref(), &evaluations, options),
        ..RunReport::default()
    };
    if let Some(fit) = tables::json(&run.join("fit.json"))? {
        out.sentences = tables::sentences(&fit);
        out.tables = tables::of_fit(&fit);
        out.warnings.extend(tables::strings(&fit["notes"]));
        let command = tables::strings(&fit["command"]);
        out.commands = if command.is_empty() { Vec::new() } else { vec![command_line(&command)] };
    }
    if let Some((folder, _)) = evaluations.first() {
        let metrics = tables::json(&folder.join("metrics.json"))?.unwrap_or_default();
        out.tables.extend(tables::of_metrics(&metrics));
    }
    for (_, metrics) in &evaluations {
        out.skipped.extend(metrics.skipped.iter().map(|s| (s.path.clone(), s.reason.clone())));
    }
    out.skipped.sort();
    out.skipped.dedup();
    let Some(manifest) = manifest else {
        out.warnings.push("Without --manifest there are no sounds to show.".into());
        return Ok(out);
    };
    let Some((folder, _)) = evaluations.first() else {
        out.warnings.push("The run's folder has no evaluation: run `barkbird evaluate`.".into());
        return Ok(out);
    };
    let rows = predictions(&folder.join("predictions.csv"))?;
    let mut sounds = Sounds { manifest, chain: &chain, front_end: chain.for_pictures().build()?, missing: Vec::new() };
    let mut shown = BTreeMap::<String, BTreeSet<String>>::new();
    for row in rows.iter().filter(|row| row.label == row.truth) {
        let groups = shown.entry(row.label.clone()).or_default();
        // One of each group: clips of one recording look alike.
        if groups.len() < options.examples && groups.insert(sounds.group(row)) {
            out.examples.extend(sounds.example(row));
        }
    }
    // An unknown sound is no error of the classifier.
    let is_wrong = |row: &&TableRow| row.label != row.truth && header.classes.contains(&row.truth);
    let mut wrong: Vec<_> = rows.iter().filter(is_wrong).collect();
    wrong.sort_by(|a, b| b.probability.total_cmp(&a.probability).then_with(|| a.path.cmp(&b.path)));
    out.errors.extend(wrong.iter().take(MAX_ERRORS).filter_map(|row| sounds.example(row)));
    if !sounds.missing.is_empty() {
        let text = format!("Recordings that could not be read: {}.", sounds.missing.join(", "));
        job.warn(&text);
        out.warnings.push(text);
    }
    Ok(out)
}

/// What a reader wants to know of a run before the figures.
fn facts(header: &classifier::ModelHeader, chain: &Chain) -> Vec<(String, String)> {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let clip = &chain.clip;
    vec![
        fact("Made by", format!("barkbird {}", header.version)),
        fact("Architecture", header.architecture.to_string()),
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
    ]
}

/// The epochs of the training; none where the folder holds a model alone.
fn epochs(path: &Path) -> Result<Vec<Epoch>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}: line {}", path.display(), number + 1))
    };
    text.lines().enumerate().map(parse).collect()
}

/// The evaluations in a run's folder, by name of their folder; `test` first.
fn evaluations(run: &Path) -> Result<Vec<(PathBuf, Metrics)>> {
    let mut found = Vec::new();
    if !run.is_dir() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(run).with_context(|| run.display().to_string())? {
        let folder = entry?.path();
        let file = folder.join("metrics.json");
        if file.is_file() {
            let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
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
    let manifest = options.manifest.as_ref().map_or("manifest.csv".into(), |m| m.display().to_string());
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

fn predictions(path: &Path) -> Result<Vec<TableRow>> {
    let file = std::fs::File::open(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    read_csv(std::io::BufReader::new(file)).with_context(|| path.display().to_string())
}
