//! `barkbird export onnx`.

use super::{parity, readme};
use crate::error::{Error, Result, bail};
use crate::inputs;
use crate::job::Job;
use crate::output;
use export_onnx::{About, Begin};
use inference::{Input, read_model};
use serde::Serialize;
use std::path::PathBuf;

/// The graph.
const GRAPH: &str = "model.onnx";
/// What its user has to know.
const ABOUT: &str = "model.json";
/// Inputs, and what the model gives for them.
const PARITY: &str = "parity.safetensors";
/// How it is used.
const README: &str = "README.md";

/// Largest difference between a probability of the graph and of the model.
const MOST_DIFFERENCE: f32 = 1e-3;

/// Recordings that the graph and the model are compared on, at most.
const MOST_RECORDINGS: usize = 200;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of a run, or a model file.
    pub run: PathBuf,
    /// Folder for the graph and what belongs to it.
    pub out: PathBuf,
    /// Where the graph begins.
    pub begin: Begin,
    /// Recordings, folders of recordings or manifests: the graph is compared with the model on the first windows of some of them, too.
    pub compare_on: Vec<PathBuf>,
    /// Replace a graph that the folder holds.
    pub overwrite: bool,
}

impl Options {
    /// From samples.
    pub fn new(run: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self { run: run.into(), out: out.into(), begin: Begin::default(), compare_on: Vec::new(), overwrite: false }
    }
}

/// What was written, and how near it is to the model.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The graph.
    pub graph: PathBuf,
    /// Its size in bytes.
    pub bytes: usize,
    /// What is in it.
    pub about: About,
    /// Windows that the graph and the model were compared on.
    pub compared: usize,
    /// Largest difference of each output on them.
    pub differences: parity::Differences,
}

/// Writes the graph of a model, computes it by the letter on made sounds, and compares that with what the model says.
///
/// # Errors
/// A model that cannot be read or has no form in a graph, a folder that holds a graph, and a graph that differs from the model.
#[tracing::instrument(level = "info", name = "export", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    let _lock = output::folder(&options.out)?;
    let path = |name: &str| options.out.join(name);
    if storage::exists(path(GRAPH)) && !options.overwrite {
        bail!("{}: holds a graph; --overwrite replaces it, another --out keeps it", options.out.display());
    }
    let model = inputs::open_model(&options.run, job)?;
    let (_, file) = read_model(&model.path)?;
    let exported = export_onnx::onnx(&model, &file, options.begin)?;
    job.say("comparing the graph with the model");
    let collected = inputs::collect(&options.compare_on, None, &job.cancel)?;
    let (n, n_kept) = (collected.inputs.len(), collected.inputs.len().min(MOST_RECORDINGS));
    let numbered = collected.inputs.into_iter().enumerate();
    let recordings: Vec<Input> =
        numbered.filter(|(nth, _)| nth * n_kept % n < n_kept).map(|(_, input)| input).collect();
    let parity = parity::Parity::of(&model, &exported.about, &recordings)?;
    let differences = parity.compare(&exported.bytes, job)?;
    if differences.probabilities.is_nan() || differences.probabilities > MOST_DIFFERENCE {
        return Err(Error::Invalid(format!(
            "not written: the graph's probabilities differ from the model's by {:.1e}, at most {MOST_DIFFERENCE:.0e} is expected; please report this",
            differences.probabilities
        )));
    }
    exported.about.left_out.iter().for_each(|what| job.warn(format!("not in the graph: {what}")));
    shard::write_atomic(&path(PARITY), &parity.to_bytes()?)?;
    let mut about = serde_json::to_value(&exported.about)?;
    about["compared"] = parity.len().into();
    about["differences"] = serde_json::to_value(differences)?;
    shard::write_atomic(&path(ABOUT), &serde_json::to_vec_pretty(&about)?)?;
    shard::write_atomic(&path(README), readme::text(&exported.about, &differences, parity.len()).as_bytes())?;
    shard::write_atomic(&path(GRAPH), &exported.bytes)?;
    Ok(Outcome {
        graph: path(GRAPH),
        bytes: exported.bytes.len(),
        about: exported.about,
        compared: parity.len(),
        differences,
    })
}
