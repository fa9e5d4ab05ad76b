//! `barkbird anomaly discover`: what the model calls neither, put into groups that can be heard, and made into classes.

mod name;
mod page;
mod refit;

use crate::cancel;
use crate::cli::{DiscoverArgs, Global};
use crate::device;
use crate::inputs::{self, Input};
use crate::model::Loaded;
use crate::outlier::stored::{Calibrated, Outlier};
use crate::outlier::table::{Source, Table};
use crate::ui::{Ui, table};
use crate::windows::{Ears, Window};
use anomaly::{Clusters, cluster};
use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use serde::Serialize;
use shard::Skipped;
use std::collections::{BTreeMap, BTreeSet};

/// Recordings in memory at once.
const BLOCK: usize = 32;

/// A window that is neither.
struct Rejected {
    /// Number of its recording among the inputs.
    input: usize,
    start_s: f64,
    seconds: f64,
    p: f64,
    /// The class that the classifier would have said.
    class: usize,
}

/// `discover.json`.
#[derive(Serialize)]
struct DiscoverFile {
    schema: &'static str,
    model_sha256: String,
    method: String,
    alpha: f64,
    /// Windows that were listened to.
    windows: usize,
    rejected: usize,
    /// Mean silhouette of the groups: 1 where they lie far apart, 0 where they run into each other.
    silhouette: f64,
    clusters: Vec<ClusterFile>,
    skipped: Vec<Skipped>,
    /// What the new classes changed, where some were named and features were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<refit::Changed>,
}

#[derive(Serialize)]
struct ClusterFile {
    cluster: usize,
    /// The label that it was given.
    label: Option<String>,
    windows: usize,
    recordings: usize,
    /// What the classifier would have said.
    said: BTreeMap<String, usize>,
    medoid: MemberFile,
    /// The medoid to be heard.
    wav: String,
    members: Vec<MemberFile>,
}

#[derive(Clone, Serialize)]
struct MemberFile {
    path: String,
    start: f64,
    end: f64,
    outlier_p: f64,
}

/// What was heard in all recordings.
struct Heard {
    rejected: Vec<Rejected>,
    /// Their rows.
    table: Option<Table>,
    n_windows: usize,
    skipped: Vec<Skipped>,
}

pub(super) fn run(args: &DiscoverArgs, global: &Global, ui: &Ui) -> Result<()> {
    let device = device::open(&global.device)?;
    let loaded = Loaded::open(&args.run, &device)?;
    let outlier = loaded.outlier(&device)?.with_context(|| {
        let run = args.run.display();
        format!("{run}: has no detector of unknown sounds; `barkbird anomaly fit {run} --features DIR` gives it one")
    })?;
    let detector = outlier.detector(&args.reject)?;
    let alpha = detector.alpha(args.alpha, ui)?;
    let inputs = inputs::collect(&args.inputs)?;
    let heard = listen(&loaded, &outlier, detector, alpha, &device, &inputs, ui)?;
    for s in &heard.skipped {
        ui.warn(format!("{}: {}", s.path, s.reason));
    }
    if heard.n_windows == 0 {
        bail!("none of the {} recordings could be used; the reasons are above", inputs.len());
    }
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let clusters = match &heard.table {
        None => Clusters { of_row: Vec::new(), medoids: Vec::new(), silhouette: 0.0 },
        Some(rejected) => {
            let source = if rejected.heard.is_some() { Source::Backbone } else { Source::Classifier };
            let rows = rejected.inputs(source)?.embedding.context("no embeddings")?;
            cluster(rows, args.clusters)?
        }
    };
    let names = name::names(&args.name, clusters.medoids.len())?;
    let mut files = describe(&heard, &clusters, &inputs, &loaded.header.classes, &names);
    page::write(&args.out, &mut files, &heard, &clusters, &inputs, &loaded, ui)?;
    let mut changed = None;
    if let (Some(manifest), Some(table), false) = (&args.manifest, &heard.table, names.is_empty()) {
        let named = name::write(manifest, &args.out, &heard.rejected, &clusters, &inputs, &names, global.seed())?;
        ui.say(format!("{} windows added: {}", named.len(), args.out.join(name::FILE).display()));
        if !args.features.is_empty() {
            changed = Some(refit::refit(args, alpha, global, &loaded, &outlier, table, &named, &device, ui)?);
        }
    }
    let result = DiscoverFile {
        schema: "discover/1",
        model_sha256: loaded.sha256.clone(),
        method: detector.fitted.way.name.clone(),
        alpha,
        windows: heard.n_windows,
        rejected: heard.rejected.len(),
        silhouette: clusters.silhouette,
        clusters: files,
        skipped: heard.skipped,
        changed,
    };
    let mut json = serde_json::to_vec_pretty(&result)?;
    json.push(b'\n');
    shard::write_atomic(&args.out.join("discover.json"), &json)?;
    ui.say(summary(&result));
    ui.say(format!("to see and hear: {}", args.out.join(page::FILE).display()));
    ui.result(&result)
}

/// Listens to everything, and keeps what is neither.
fn listen(
    loaded: &Loaded,
    outlier: &Outlier,
    detector: &Calibrated,
    alpha: f64,
    device: &candle_core::Device,
    inputs: &[Input],
    ui: &Ui,
) -> Result<Heard> {
    let ears = Ears::sliding(loaded, Some(outlier), 0.0)?;
    let bar = ui.bar(inputs.len(), "listen");
    let mut heard = Heard { rejected: Vec::new(), table: None, n_windows: 0, skipped: Vec::new() };
    for (nth_block, block) in inputs.chunks(BLOCK).enumerate() {
        cancel::check("nothing was written")?;
        let first = nth_block * BLOCK;
        let computed: Vec<_> =
            block.par_iter().enumerate().map(|(nth, input)| ears.windows(first + nth, input)).collect();
        let mut windows: Vec<Window> = Vec::new();
        for (input, of_input) in block.iter().zip(computed) {
            match of_input {
                Ok(of_input) => windows.extend(of_input),
                Err(error) => {
                    heard.skipped.push(Skipped { path: input.name.clone(), reason: crate::one_line(&error) });
                }
            }
        }
        let name = |nth: usize| inputs[nth].name.as_str();
        if let Some(table) = ears.ask(loaded, Some(outlier), device, &windows, name)? {
            heard.n_windows += windows.len();
            let scores = detector.fitted.score(&table)?;
            let p_values: Vec<f64> = scores.into_iter().map(|score| detector.conformal.p_value(score)).collect();
            let rows: Vec<usize> = (0..windows.len()).filter(|&row| p_values[row] <= alpha).collect();
            for &row in &rows {
                let (clip, logits) = (&windows[row].clip, &table.logits[row * table.n_classes..][..table.n_classes]);
                heard.rejected.push(Rejected {
                    input: windows[row].input,
                    start_s: clip.start_s,
                    seconds: clip.seconds,
                    p: p_values[row],
                    class: classifier::largest(logits),
                });
            }
            let few = table.subset(&rows);
            match &mut heard.table {
                Some(all) => all.extend(few),
                None if rows.is_empty() => {}
                None => heard.table = Some(few),
            }
        }
        bar.inc(block.len() as u64);
    }
    bar.finish_and_clear();
    Ok(heard)
}

fn describe(
    heard: &Heard,
    clusters: &Clusters,
    inputs: &[Input],
    classes: &[String],
    names: &BTreeMap<usize, String>,
) -> Vec<ClusterFile> {
    let member = |of: &Rejected| MemberFile {
        path: inputs[of.input].name.clone(),
        start: of.start_s,
        end: of.start_s + of.seconds,
        outlier_p: of.p,
    };
    let one = |(nth, &medoid): (usize, &usize)| {
        let members: Vec<&Rejected> = heard
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
            medoid: member(&heard.rejected[medoid]),
            wav: String::new(),
            members: members.into_iter().map(member).collect(),
        }
    };
    clusters.medoids.iter().enumerate().map(one).collect()
}

fn summary(result: &DiscoverFile) -> String {
    let mut lines = vec![format!(
        "{} of {} windows are neither ({}, alpha {}), in {} groups",
        result.rejected,
        result.windows,
        result.method,
        result.alpha,
        result.clusters.len()
    )];
    let row = |of: &ClusterFile| {
        let said: Vec<String> = of.said.iter().map(|(class, n)| format!("{class} {n}")).collect();
        vec![
            of.cluster.to_string(),
            of.windows.to_string(),
            of.recordings.to_string(),
            said.join(", "),
            of.medoid.path.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = result.clusters.iter().map(row).collect();
    if !rows.is_empty() {
        lines.push(table(&["group", "windows", "recordings", "would have been", "most typical"], &rows));
    }
    lines.extend(result.changed.as_ref().map(refit::Changed::words));
    lines.join("\n")
}
