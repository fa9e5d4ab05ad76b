//! Groups what the model calls neither, to be listened to and made into classes.

mod form;
mod name;
mod page;
mod refit;

pub use form::{Changed, ClusterFile, DiscoverFile, MemberFile, OfClass};

use crate::error::{Context, Result, bail};
use crate::inputs::{self, Collected, Expected};
use crate::job::Job;
use crate::output;
use anomaly::{Clusters, cluster};
use form::{Found, Rejected};
use inference::unknown::{Calibrated, RowSource};
use inference::{Input, Predictor, PredictorOptions, Reject, Window, reason};
use shard::Skipped;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Recordings in memory at once.
const BLOCK: usize = 32;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of a run, or a model file, with a detector.
    pub run: PathBuf,
    /// Recordings, folders of recordings, or manifests.
    pub inputs: Vec<PathBuf>,
    /// Folder for the page, the sounds and discover.json.
    pub out: PathBuf,
    /// The detector; `auto` is the model's first.
    pub reject: String,
    /// Maximum false-rejection rate.
    pub alpha: Option<f64>,
    /// Groups to make; none for as many as are well apart.
    pub clusters: Option<usize>,
    /// Labels of groups, which count from 1.
    pub name: Vec<(usize, String)>,
    /// Manifest that named windows are added to.
    pub manifest: Option<PathBuf>,
    /// Features that the model was trained on: with names, a model that knows the new classes is made of them.
    pub features: Vec<PathBuf>,
    /// Features of the same clips for the model's backbone.
    pub backbone_features: Vec<PathBuf>,
}

impl Options {
    /// The model's first detector, as many groups as are well apart.
    pub fn new(run: impl Into<PathBuf>, inputs: Vec<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            run: run.into(),
            inputs,
            out: out.into(),
            reject: "auto".into(),
            alpha: None,
            clusters: None,
            name: Vec::new(),
            manifest: None,
            features: Vec::new(),
            backbone_features: Vec::new(),
        }
    }
}

/// What was written.
#[derive(Debug)]
pub struct Outcome {
    /// `discover.json`.
    pub file: DiscoverFile,
    /// The page.
    pub page: PathBuf,
    /// The manifest with the named windows, where some were named.
    pub manifest: Option<PathBuf>,
    /// Windows that it has more.
    pub named: usize,
}

/// Groups the windows that a model rejects, and writes a page to listen to them.
///
/// # Errors
/// A model without a detector, no usable recording, names of groups that are not there, or a folder that cannot be
/// written.
#[tracing::instrument(level = "info", name = "anomaly discover", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    let _lock = output::folder(&options.out)?;
    let model = inputs::open_model(&options.run, job)?;
    for folder in options.features.iter().chain(&options.backbone_features) {
        inputs::expect(folder, Expected::Features)?;
    }
    if model.header.outlier.is_none() {
        let run = options.run.display();
        bail!("{run}: has no detector of unknown sounds; `barkbird anomaly fit {run} --features DIR` adds one");
    }
    let reject = Reject::Method(options.reject.clone());
    let how = PredictorOptions { reject, alpha: options.alpha, ..PredictorOptions::default() };
    let predictor = model.predictor(&how)?;
    predictor.notes.iter().for_each(|note| job.say(note));
    let detector = predictor.detector().context("no detector")?;
    let alpha = predictor.thresholds().alpha;
    let Collected { inputs, skipped } = inputs::collect(&options.inputs, None, &job.cancel)?;
    let mut found = find(&predictor, detector, alpha, &inputs, job)?;
    found.skipped.splice(0..0, skipped);
    for s in &found.skipped {
        job.warn(format!("{}: {}", s.path, s.reason));
    }
    if found.n_windows == 0 {
        bail!("none of the {} recordings could be used; the reasons are above", inputs.len());
    }
    let out = &options.out;
    let clusters = match &found.outputs {
        None => Clusters { of_row: Vec::new(), medoids: Vec::new(), silhouette: 0.0 },
        Some(rejected) => {
            let source = if rejected.backbone.is_some() { RowSource::Backbone } else { RowSource::Classifier };
            let rows = rejected.inputs(source)?.embedding.context("no embeddings")?;
            cluster(rows, options.clusters)?
        }
    };
    let names = name::names(&options.name, clusters.medoids.len())?;
    let mut files = describe(&found, &clusters, &inputs, &model.header.classes, &names);
    page::write(out, &mut files, &found, &clusters, &inputs, &model, job)?;
    let (mut changed, mut named_manifest, mut n_named) = (None, None, 0);
    if let (Some(manifest), Some(outputs), false) = (&options.manifest, &found.outputs, names.is_empty()) {
        let named = name::write(manifest, out, &found.rejected, &clusters, &inputs, &names, job.seed())?;
        (named_manifest, n_named) = (Some(out.join(name::FILE)), named.len());
        if !options.features.is_empty() {
            changed = Some(refit::refit(options, alpha, &predictor, outputs, &named, job)?);
        }
    }
    let file = DiscoverFile {
        schema: "discover/1",
        model_sha256: model.sha256.clone(),
        method: detector.fitted.method.name.clone(),
        alpha,
        windows: found.n_windows,
        rejected: found.rejected.len(),
        silhouette: clusters.silhouette,
        clusters: files,
        skipped: found.skipped,
        changed,
    };
    let mut json = serde_json::to_vec_pretty(&file)?;
    json.push(b'\n');
    shard::write_atomic(&out.join("discover.json"), &json)?;
    Ok(Outcome { file, page: out.join(page::FILE), manifest: named_manifest, named: n_named })
}

/// Classifies everything, and keeps what is neither.
fn find(
    predictor: &Predictor<'_>,
    detector: &Calibrated,
    alpha: f64,
    inputs: &[Input],
    job: &Job<'_>,
) -> Result<Found> {
    let progress = job.progress("predict", inputs.len());
    let mut found = Found { rejected: Vec::new(), outputs: None, n_windows: 0, skipped: Vec::new() };
    for (nth_block, block) in inputs.chunks(BLOCK).enumerate() {
        let first = nth_block * BLOCK;
        let stop = || job.cancel.is_cancelled();
        let keep = |_: &Window| true;
        let mut take =
            |windows: Vec<Window>| -> Result<()> { found.add(predictor, detector, alpha, (first, block), &windows) };
        let seen = predictor.each_window(block, &keep, &stop, &mut take);
        job.check("nothing was written")?;
        for (input, seen) in block.iter().zip(seen?) {
            match seen {
                Ok(seen) => {
                    if let Some(warning) = seen.warning() {
                        job.warn(format!("{}: {warning}", input.name));
                    }
                }
                Err(error) => {
                    found.skipped.push(Skipped { path: input.name.clone(), reason: reason(&error, &input.path) });
                }
            }
        }
        progress.inc(block.len());
    }
    Ok(found)
}

impl Found {
    /// Adds windows of a block of recordings, the first of which has that number; outputs are kept of what is neither.
    fn add(
        &mut self,
        predictor: &Predictor<'_>,
        detector: &Calibrated,
        alpha: f64,
        (first, block): (usize, &[Input]),
        windows: &[Window],
    ) -> Result<()> {
        let Some(outputs) = predictor.outputs(block, &windows.iter().collect::<Vec<_>>())? else { return Ok(()) };
        self.n_windows += windows.len();
        let scores = detector.fitted.score(&outputs)?;
        let p_values: Vec<f64> = scores.into_iter().map(|score| detector.conformal.p_value(score)).collect();
        let rows: Vec<usize> =
            (0..windows.len()).filter(|&row| p_values[row] <= alpha && windows[row].clip.silence.is_none()).collect();
        for &row in &rows {
            let (clip, logits) = (&windows[row].clip, &outputs.logits[row * outputs.n_classes..][..outputs.n_classes]);
            self.rejected.push(Rejected {
                input: first + windows[row].input,
                start_s: clip.start_s,
                channel: clip.channel,
                seconds: clip.seconds,
                p: p_values[row],
                class: classifier::largest(logits),
            });
        }
        let few = outputs.subset(&rows);
        match &mut self.outputs {
            Some(all) => all.extend(few),
            None if rows.is_empty() => {}
            None => self.outputs = Some(few),
        }
        Ok(())
    }
}

fn describe(
    found: &Found,
    clusters: &Clusters,
    inputs: &[Input],
    classes: &[String],
    names: &BTreeMap<usize, String>,
) -> Vec<ClusterFile> {
    let member = |of: &Rejected| MemberFile {
        path: inputs[of.input].name.clone(),
        channel: of.channel,
        start: of.start_s,
        end: of.start_s + of.seconds,
        outlier_p: of.p,
    };
    let one = |(nth, &medoid): (usize, &usize)| {
        let members: Vec<&Rejected> = found
            .rejected
            .iter()
            .zip(&clusters.of_row)
            .filter(|(_, of)| **of == nth)
            .map(|(window, _)| window)
            .collect();
        let mut said = BTreeMap::new();
        members.iter().for_each(|window| *said.entry(classes[window.class].clone()).or_insert(0) += 1);
        ClusterFile {
            cluster: nth + 1,
            label: names.get(&nth).cloned(),
            windows: members.len(),
            recordings: members.iter().map(|window| window.input).collect::<BTreeSet<_>>().len(),
            said,
            medoid: member(&found.rejected[medoid]),
            wav: String::new(),
            members: members.into_iter().map(member).collect(),
        }
    };
    clusters.medoids.iter().enumerate().map(one).collect()
}
