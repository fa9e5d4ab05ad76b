//! `barkbird report`: one HTML file that shows runs and what they heard.

use crate::cli::ReportArgs;
use crate::exhibit::{Exhibit, exhibit};
use crate::front_end::Chain;
use crate::inputs;
use crate::model;
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use audio_io::{Manifest, Row};
use report::{Epoch, Example, Metrics, RunReport};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Wrongly classified recordings that are shown at most.
const MAX_ERRORS: usize = 12;

pub(crate) fn run(args: &ReportArgs, ui: &Ui) -> Result<()> {
    let manifest = args.manifest.as_deref().map(inputs::manifest).transpose()?;
    let runs: Vec<_> = args.runs.iter().map(|run| gather(run, manifest.as_ref(), args, ui)).collect::<Result<_>>()?;
    let title = match &args.runs[..] {
        [one] => format!("barkbird: {}", name(one)),
        several => format!("barkbird: {} runs", several.len()),
    };
    let html = report::render(&title, &runs)?;
    shard::write_atomic(&args.out, html.as_bytes())?;
    ui.say(format!("report: {} ({:.1} MB, opens without a network)", args.out.display(), html.len() as f64 / 1e6));
    ui.result(&serde_json::json!({"out": args.out, "bytes": html.len()}))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Everything about one run that lies on disk.
fn gather(run: &Path, manifest: Option<&Manifest>, args: &ReportArgs, ui: &Ui) -> Result<RunReport> {
    let (path, file) = model::read(run)?;
    let header = &file.header;
    let chain = Chain::from_header(&header.front_end, &path)?;
    let evaluations = evaluations(run)?;
    let mut out = RunReport {
        name: name(run),
        classes: header.classes.clone(),
        n_parameters: file.tensors.values().map(|t| t.elem_count() as u64).sum(),
        facts: facts(&file.header, &chain),
        epochs: epochs(&run.join("metrics.jsonl"))?,
        evaluations: evaluations.iter().map(|(_, metrics)| metrics.clone()).collect(),
        commands: commands(run, &evaluations, args),
        ..RunReport::default()
    };
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
        out.warnings.push("No evaluation lies in the run's folder: run `barkbird evaluate`.".into());
        return Ok(out);
    };
    let rows = predictions(&folder.join("predictions.csv"))?;
    let mut sounds = Sounds { manifest, chain: &chain, front_end: chain.build()?, missing: Vec::new() };
    let mut shown = BTreeMap::<String, BTreeSet<String>>::new();
    for row in rows.iter().filter(|row| row.right()) {
        let groups = shown.entry(row.label.clone()).or_default();
        // One of each group: clips of one recording look alike.
        if groups.len() < args.examples && groups.insert(sounds.group(row)) {
            out.examples.extend(sounds.example(row));
        }
    }
    let mut wrong: Vec<_> = rows.iter().filter(|row| row.wrong(&header.classes)).collect();
    wrong.sort_by(|a, b| b.probability.total_cmp(&a.probability).then_with(|| a.path.cmp(&b.path)));
    out.errors.extend(wrong.iter().take(MAX_ERRORS).filter_map(|row| sounds.example(row)));
    if !sounds.missing.is_empty() {
        let text = format!("Recordings that could not be read: {}.", sounds.missing.join(", "));
        ui.warn(&text);
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

fn epochs(path: &Path) -> Result<Vec<Epoch>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}: line {}", path.display(), number + 1))
    };
    text.lines().enumerate().map(parse).collect()
}

/// The evaluations that lie in a run's folder, by name of their folder; `test` first.
fn evaluations(run: &Path) -> Result<Vec<(PathBuf, Metrics)>> {
    let mut found = Vec::new();
    if !run.is_dir() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(run)? {
        let folder = entry?.path();
        let file = folder.join("metrics.json");
        if file.is_file() {
            let text = std::fs::read_to_string(&file)?;
            let metrics: Metrics = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
            found.push((folder, metrics));
        }
    }
    found.sort_by_key(|(folder, metrics)| (metrics.split != "test", folder.clone()));
    Ok(found)
}

fn commands(run: &Path, evaluations: &[(PathBuf, Metrics)], args: &ReportArgs) -> Vec<String> {
    let manifest = args.manifest.as_ref().map_or("manifest.csv".into(), |m| m.display().to_string());
    let mut commands = vec![
        format!("barkbird features {manifest} --out features --like {}", run.display()),
        format!("barkbird train cnn --features features --out again --config {}/config.toml", run.display()),
    ];
    for (folder, metrics) in evaluations {
        commands.push(format!(
            "barkbird evaluate {} --features features --split {} --out {}",
            run.display(),
            metrics.split,
            folder.display()
        ));
    }
    commands
}

/// One row of predictions.csv.
struct Verdict {
    path: String,
    start_s: f64,
    end_s: f64,
    label: String,
    probability: f64,
    truth: String,
}

impl Verdict {
    fn right(&self) -> bool {
        self.label == self.truth
    }

    /// Wrong, and of a class that the model knows: an unknown sound is no mistake of the classifier.
    fn wrong(&self, classes: &[String]) -> bool {
        self.label != self.truth && classes.contains(&self.truth)
    }
}

fn predictions(path: &Path) -> Result<Vec<Verdict>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let headers = reader.headers()?.clone();
    let column = |name: &str| {
        let at = headers.iter().position(|header| header == name);
        at.with_context(|| format!("{}: there is no column {name}", path.display()))
    };
    let (at_path, at_start, at_end) = (column("path")?, column("start")?, column("end")?);
    let (at_label, at_probability, at_truth) = (column("label")?, column("probability")?, column("truth")?);
    let mut rows = Vec::new();
    for (i, record) in reader.records().enumerate() {
        let record = record?;
        let number = |at: usize| {
            record[at].parse::<f64>().with_context(|| format!("{}: line {}: not a number", path.display(), i + 2))
        };
        rows.push(Verdict {
            path: record[at_path].to_owned(),
            start_s: number(at_start)?,
            end_s: number(at_end)?,
            label: record[at_label].to_owned(),
            probability: number(at_probability)?,
            truth: record[at_truth].to_owned(),
        });
    }
    Ok(rows)
}

/// Reads recordings again, to be seen and heard.
struct Sounds<'a> {
    manifest: &'a Manifest,
    chain: &'a Chain,
    front_end: features::FrontEnd,
    missing: Vec<String>,
}

impl Sounds<'_> {
    /// The group of a recording, or the recording itself where it has none.
    fn group(&self, verdict: &Verdict) -> String {
        let row = self.manifest.rows.iter().find(|row| row.path == verdict.path);
        row.and_then(|row| row.group.clone()).unwrap_or_else(|| verdict.path.clone())
    }

    fn example(&mut self, row: &Verdict) -> Option<Example> {
        match self.load(row) {
            Ok(example) => Some(example),
            Err(_) => {
                self.missing.push(row.path.clone());
                None
            }
        }
    }

    fn load(&self, row: &Verdict) -> Result<Example> {
        let Some(known) = self.manifest.rows.iter().find(|r| r.path == row.path) else {
            bail!("{}: not in the manifest", row.path);
        };
        let part = Row { start_s: Some(row.start_s), end_s: Some(row.end_s), ..known.clone() };
        let part = if row.end_s > row.start_s { part } else { known.clone() };
        let title = format!("{} {:.1} s", row.path, row.start_s);
        let path = self.manifest.file(known);
        let Exhibit { png, wav } = exhibit(&path, &part, title, self.chain, &self.front_end, None)?;
        Ok(Example {
            path: row.path.clone(),
            span_s: (row.end_s > row.start_s).then_some([row.start_s, row.end_s]),
            channel: None,
            truth: Some(row.truth.clone()),
            predicted: row.label.clone(),
            probability: row.probability,
            png,
            wav,
        })
    }
}
