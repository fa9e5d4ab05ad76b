//! A model that is open, and its outputs over windows.

use crate::description::{self, Description, Input};
use crate::error::{Result, invalid};
use crate::graph;
use crate::plan::{Frames, Plan, Source};
use crate::pool::{mean, power_mean, probabilities};
use crate::settings::{MAX_WINDOW_SAMPLES, Settings, long, toml_of};
use rayon::prelude::*;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Seconds by which a model that takes any length is tried when it is opened.
pub(crate) const TRIAL_S: usize = 3;

/// Plans that are kept for a model that takes any length.
const MAX_PLANS: usize = 4;

/// An ONNX model that computes embeddings and class scores of windows.
#[derive(Debug)]
pub struct OnnxBackbone {
    description: Description,
    source: Source,
    /// Names of the outputs to compute: the scores', the embedding's, or both.
    names: Vec<String>,
    /// By their length, the latest last.
    plans: Mutex<Vec<Arc<Plan>>>,
}

/// What a model computes for N windows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outputs {
    /// Width of an embedding, D; 0 where the model has none.
    pub dim: usize,
    /// `[N, D]`; means over frames where the model gives several for a window.
    pub embedding: Vec<f32>,
    /// Classes of the model, K; 0 where it has none.
    pub n_scores: usize,
    /// `[N, K]`, each 0 to 1; power means over frames where the model gives several for a window.
    pub scores: Vec<f32>,
    /// `[N, K]`: the scores before the activation, where the graph does not apply it and gives one row for a window.
    pub logits: Option<Vec<f32>>,
}

impl OnnxBackbone {
    /// Reads a model and what is known of it, and makes it ready.
    ///
    /// # Errors
    /// A file that is not an ONNX model, a graph that tract cannot run, a description that contradicts the graph or leaves
    /// out what the graph does not say, or a SHA-256 that is not the described one.
    #[tracing::instrument(level = "debug", skip_all, fields(path = %path.display()))]
    pub fn open(path: &Path) -> Result<Self> {
        let graph = graph::read(path)?;
        let settings = Settings::read(path, &graph.metadata)?;
        if let Some(expected) = settings.sha256.as_ref().filter(|said| !said.eq_ignore_ascii_case(&graph.sha256)) {
            let expected = format!("{expected}, as {} says", toml_of(path).display());
            return Err(invalid(path, "SHA-256", expected, &graph.sha256));
        }
        let sample_rate_hz = settings.rate(path)?;
        let (input, fixed) = description::input(path, &graph, &settings)?;
        let window_samples = match (settings.window(path, sample_rate_hz)?, fixed) {
            (Some(said), Some(fixed)) if said != fixed => {
                let got = format!("{said} in the description");
                return Err(invalid(path, "window", format!("{fixed} samples, as the graph has"), got));
            }
            (said, fixed) => said.or(fixed),
        };
        let hop_samples = settings.hop(path, sample_rate_hz, window_samples)?.or(window_samples);
        let n_samples = window_samples.unwrap_or(TRIAL_S * sample_rate_hz as usize);
        if n_samples == 0 || n_samples > MAX_WINDOW_SAMPLES {
            return Err(long(path, format!("{n_samples} samples")));
        }
        let n_batch = input.batch.unwrap_or(1);
        if n_batch.checked_mul(n_samples).is_none_or(|size| size > MAX_WINDOW_SAMPLES) {
            let expected = format!("at most {MAX_WINDOW_SAMPLES} samples together");
            return Err(invalid(path, "batch", expected, format!("{n_batch} windows of {n_samples}")));
        }
        let source = Source::new(path, graph.proto.clone(), input.clone());
        let outputs: Vec<String> = graph.outputs.iter().map(|output| output.name.clone()).collect();
        let outputs = source.outputs(&outputs, n_batch, n_samples)?;
        let (scores, embedding) = description::roles(path, &graph, &settings, &outputs)?;
        let names = scores.iter().map(|of| &of.output).chain(embedding.iter().map(|of| &of.output)).cloned().collect();
        let description = Description {
            path: path.into(),
            sha256: graph.sha256,
            license: settings.license,
            sample_rate_hz,
            window_samples,
            hop_samples,
            input,
            scores,
            classes: settings.classes.unwrap_or_default(),
            embedding,
        };
        let backbone = Self { description, source, names, plans: Mutex::default() };
        backbone.plan(n_samples)?;
        Ok(backbone)
    }

    /// What the model takes and gives.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Runs the model over windows of its length and rate, full scale 1, on all threads of the pool that the caller is in.
    /// A window's values depend neither on the threads nor on the windows beside it, unless the graph fixes a batch and mixes
    /// what is in it.
    ///
    /// # Shapes
    /// N windows of [`Description::window_samples`], or of any one length where that is `None`.
    ///
    /// # Errors
    /// Windows of another length or with values that are not finite; a graph that fails, or gives values that are not finite
    /// or, where it claims probabilities, not 0 to 1.
    pub fn run(&self, windows: &[&[f32]]) -> Result<Outputs> {
        let n_samples = self.check_windows(windows)?;
        if windows.is_empty() {
            return self.joined(Vec::new());
        }
        let plan = self.plan(n_samples)?;
        let parts: Vec<Outputs> =
            windows.par_chunks(plan.n_batch).map(|batch| self.run_batch(&plan, batch)).collect::<Result<_>>()?;
        self.joined(parts)
    }

    /// A plan for as many windows at once, for comparison with [`run`](Self::run).
    pub(crate) fn batch_plan(&self, n_batch: usize, n_samples: usize) -> Result<Plan> {
        self.source.plan(&self.names, n_batch, n_samples)
    }

    fn check_windows(&self, windows: &[&[f32]]) -> Result<usize> {
        let path = &self.description.path;
        let first = windows.first().map_or(0, |window| window.len());
        let n_samples = self.description.window_samples.unwrap_or(first);
        for (nth, window) in windows.iter().enumerate() {
            if window.len() != n_samples || n_samples == 0 {
                let got = format!("{} samples", window.len());
                return Err(invalid(path, format!("window {nth}"), format!("{n_samples} samples"), got));
            }
            if let Some(value) = window.iter().find(|value| !value.is_finite()) {
                return Err(invalid(path, format!("window {nth}"), "finite samples", value.to_string()));
            }
        }
        Ok(n_samples)
    }

    /// The plan for a length.
    fn plan(&self, n_samples: usize) -> Result<Arc<Plan>> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(nth) = plans.iter().position(|plan| plan.n_samples == n_samples) {
            let plan = plans.remove(nth);
            plans.push(Arc::clone(&plan));
            return Ok(plan);
        }
        // One window at a time where the graph lets us choose: larger batches were not faster (docs/backbones.md).
        let n_batch = self.description.input.batch.unwrap_or(1);
        let plan = Arc::new(self.source.plan(&self.names, n_batch, n_samples)?);
        if plans.len() == MAX_PLANS {
            plans.remove(0);
        }
        plans.push(Arc::clone(&plan));
        Ok(plan)
    }

    /// At most as many windows as the plan's batch has; what is left of it is silence.
    pub(crate) fn run_batch(&self, plan: &Plan, windows: &[&[f32]]) -> Result<Outputs> {
        let mut batch = Vec::with_capacity(plan.n_batch * plan.n_samples);
        windows.iter().for_each(|window| scaled(window, &self.description.input, &mut batch));
        batch.resize(plan.n_batch * plan.n_samples, 0.0);
        let mut computed = plan.run(&batch)?.into_iter();
        let mut out = Outputs::default();
        if let Some(scores) = &self.description.scores {
            let mut frames = self.own(computed.next(), windows.len(), &scores.output, scores.n_classes)?;
            out.n_scores = frames.width;
            if !scores.is_applied && frames.n_frames == 1 {
                out.logits = Some(frames.values.clone());
            }
            probabilities(&mut frames, scores.activation, scores.is_applied).map_err(|value| {
                let expected = "probabilities, 0 to 1 (else name an activation and `activation_applied = false`)";
                invalid(&self.description.path, format!("output {}", scores.output), expected, value.to_string())
            })?;
            out.scores = power_mean(&frames);
        }
        if let Some(embedding) = &self.description.embedding {
            // A tensor may be both.
            let frames = self.own(computed.next(), windows.len(), &embedding.output, embedding.dim)?;
            out.dim = frames.width;
            out.embedding = mean(&frames);
        }
        Ok(out)
    }

    /// The frames of the first `n` windows, checked.
    fn own(&self, frames: Option<Frames>, n: usize, name: &str, width: usize) -> Result<Frames> {
        let wrong =
            |expected: &str, got: String| Err(invalid(&self.description.path, format!("output {name}"), expected, got));
        let Some(mut frames) = frames.filter(|frames| frames.width == width) else {
            return wrong(&format!("{width} values a frame"), "another number".into());
        };
        frames.values.truncate(n * frames.n_frames * frames.width);
        match frames.values.iter().find(|value| !value.is_finite()) {
            Some(value) => wrong("finite values", value.to_string()),
            None => Ok(frames),
        }
    }

    /// Batches in their order.
    fn joined(&self, parts: Vec<Outputs>) -> Result<Outputs> {
        let mut out = Outputs {
            dim: self.description.embedding.as_ref().map_or(0, |of| of.dim),
            n_scores: self.description.scores.as_ref().map_or(0, |of| of.n_classes),
            ..Outputs::default()
        };
        let mut logits = parts.first().is_some_and(|part| part.logits.is_some()).then(Vec::new);
        for part in parts {
            out.embedding.extend(part.embedding);
            out.scores.extend(part.scores);
            if let (Some(logits), Some(more)) = (&mut logits, part.logits) {
                logits.extend(more);
            }
        }
        out.logits = logits;
        Ok(out)
    }
}

/// Appends a window in the model's scale.
fn scaled(window: &[f32], input: &Input, batch: &mut Vec<f32>) {
    let peak = window.iter().fold(0f32, |peak, value| peak.max(value.abs()));
    let gain = match input.normalize_peak {
        Some(target) if peak > 0.0 => input.peak * (target / peak),
        _ => input.peak,
    };
    batch.extend(window.iter().map(|value| value * gain));
}
