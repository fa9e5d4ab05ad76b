//! Whether a model works as a backbone, and how fast.

use crate::backbone::{OnnxBackbone, Outputs, TRIAL_S};
use crate::description::{Description, shape_text};
use crate::error::{Result, invalid};
use crate::settings::Activation;
use serde::Serialize;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Windows that are run at once.
const N_WINDOWS: usize = 4;
/// Largest difference between windows that are run alone and at once, in shares of the largest value of the output.
const MAX_DIFFERENCE: f32 = 1e-4;
/// How long windows are timed.
const TIMED: Duration = Duration::from_secs(2);
/// Most windows that are timed.
const MAX_TIMED: usize = 20;
/// Class names that are shown.
const N_NAMES: usize = 3;

/// What [`check`] found. All outputs were finite, and the same bits came twice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What the model takes and gives.
    pub description: Description,
    /// Samples of the windows that were run.
    pub window_samples: usize,
    /// Number of windows that were run.
    pub n_windows: usize,
    /// The windows at once against one by one.
    pub batch: Batch,
    /// Largest absolute value of the embeddings.
    pub largest_embedding: f32,
    /// Smallest and largest probability.
    pub scores: Option<[f32; 2]>,
    /// Time of a window on one thread, in milliseconds: the median.
    pub window_ms: f64,
    /// Seconds of sound in a second, on one thread.
    pub times_real_time: f64,
}

/// What came of running several windows at once.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Batch {
    /// The graph fixes its batch.
    Fixed(usize),
    /// Equal to one by one.
    Any {
        /// The largest difference, in shares of the largest value.
        difference: f32,
        /// Time of a window on one thread, in milliseconds: the median.
        window_ms: f64,
    },
    /// The graph takes a batch of any size by its declaration only; windows are run one by one, as they always are.
    Fails(String),
}

/// Opens a model and runs it over windows of noise and tones.
///
/// # Errors
/// Those of [`OnnxBackbone::open`] and [`OnnxBackbone::run`]; outputs that differ when the same windows are run again, or
/// when they are run at once.
pub fn check(path: &Path) -> Result<Check> {
    let backbone = OnnxBackbone::open(path)?;
    let description = backbone.description().clone();
    let n_samples = description.window_samples.unwrap_or(TRIAL_S * description.sample_rate_hz as usize);
    let windows: Vec<Vec<f32>> = (0..N_WINDOWS).map(|nth| trial(nth as u32, n_samples)).collect();
    let windows: Vec<&[f32]> = windows.iter().map(Vec::as_slice).collect();
    let first = backbone.run(&windows)?;
    if !same_bits(&first, &backbone.run(&windows)?) {
        return Err(invalid(path, "outputs", "the same bits when the same windows are run again", "others"));
    }
    let batch = match description.input.batch {
        Some(n) => Batch::Fixed(n),
        None => compare(path, &backbone, &windows, &first)?,
    };
    let one = vec![windows[0]; description.input.batch.unwrap_or(1)];
    let window_ms = median_ms(one.len(), || backbone.run(&one))?;
    let range = |values: &[f32]| {
        values.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &v| [low.min(v), high.max(v)])
    };
    Ok(Check {
        window_samples: n_samples,
        n_windows: N_WINDOWS,
        batch,
        largest_embedding: largest(&first.embedding),
        scores: description.scores.as_ref().map(|_| range(&first.scores)),
        window_ms,
        times_real_time: n_samples as f64 / f64::from(description.sample_rate_hz) / (window_ms / 1e3),
        description,
    })
}

/// A window of noise and a tone, the same on every machine.
fn trial(nth: u32, n_samples: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_u32.wrapping_mul(nth + 1);
    let period = 11 * (nth as usize + 1);
    let sample = |at: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
        let tone = if at % period < period / 2 { 0.25 } else { -0.25 };
        0.2 * noise + tone
    };
    (0..n_samples).map(sample).collect()
}

fn same_bits(a: &Outputs, b: &Outputs) -> bool {
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    bits(&a.embedding) == bits(&b.embedding) && bits(&a.scores) == bits(&b.scores)
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}

fn compare(path: &Path, backbone: &OnnxBackbone, windows: &[&[f32]], alone: &Outputs) -> Result<Batch> {
    let n_samples = windows.first().map_or(0, |window| window.len());
    let opened = backbone.batch_plan(windows.len(), n_samples);
    let ran = opened.and_then(|plan| Ok((backbone.run_batch(&plan, windows)?, plan)));
    let (at_once, plan) = match ran {
        Ok(ran) => ran,
        Err(error) => return Ok(Batch::Fails(error.to_string())),
    };
    let difference = |a: &[f32], b: &[f32]| {
        let most = a.iter().zip(b).fold(0f32, |most, (a, b)| most.max((a - b).abs()));
        if a.len() == b.len() { most / largest(a).max(f32::MIN_POSITIVE) } else { f32::INFINITY }
    };
    let difference = difference(&alone.embedding, &at_once.embedding).max(difference(&alone.scores, &at_once.scores));
    if difference > MAX_DIFFERENCE {
        let expected = format!("those of one window at a time within {MAX_DIFFERENCE}");
        let what = format!("outputs of {} windows at once", windows.len());
        return Err(invalid(path, what, expected, difference.to_string()));
    }
    let window_ms = median_ms(windows.len(), || backbone.run_batch(&plan, windows))?;
    Ok(Batch::Any { difference, window_ms })
}

/// Median milliseconds of a window in calls with `n_windows`, which one thread computes.
fn median_ms(n_windows: usize, call: impl Fn() -> Result<Outputs>) -> Result<f64> {
    let began = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || (times.len() < MAX_TIMED && began.elapsed() < TIMED) {
        let one = Instant::now();
        call()?;
        times.push(one.elapsed().as_secs_f64() * 1e3 / n_windows as f64);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Description { path, sha256, license, sample_rate_hz, input, scores, classes, embedding, .. } =
            &self.description;
        writeln!(f, "{}: works as a backbone", path.display())?;
        writeln!(f, "SHA-256:    {sha256}")?;
        writeln!(f, "license:    {}", license.as_deref().unwrap_or("not stated (`license` in the TOML file)"))?;
        let seconds = self.window_samples as f64 / f64::from(*sample_rate_hz);
        let any = if self.description.window_samples.is_none() { ", any length; tried with" } else { "; windows of" };
        let samples = self.window_samples;
        writeln!(f, "sound:      {sample_rate_hz} Hz{any} {seconds} s ({samples} samples)")?;
        let peak =
            input.normalize_peak.map(|to| format!(", every window scaled to a peak of {to}")).unwrap_or_default();
        let shape = shape_text(input.shape);
        writeln!(f, "input:      {} {shape}, full scale {}{peak}", input.name, input.peak)?;
        if let Some(embedding) = embedding {
            let most = self.largest_embedding;
            writeln!(f, "embedding:  {}, {} values, at most {most:.4}", embedding.output, embedding.dim)?;
        }
        if let (Some(scores), Some([low, high])) = (scores, self.scores) {
            let activation = match (scores.activation, scores.is_applied) {
                (Activation::None, _) => "probabilities as they are",
                (Activation::Sigmoid, true) => "sigmoid in the graph",
                (Activation::Softmax, true) => "softmax in the graph",
                (Activation::Sigmoid, false) => "sigmoid applied here",
                (Activation::Softmax, false) => "softmax applied here",
            };
            let (output, n) = (&scores.output, scores.n_classes);
            writeln!(f, "scores:     {output}, {n} classes, {activation}; {low:.4} to {high:.4}")?;
            let names = match classes.len() {
                0 => "not named (`classes` or `classes_file` in the TOML file)".to_owned(),
                n if n > N_NAMES => format!("{}, ...", classes[..N_NAMES].join(", ")),
                _ => classes.join(", "),
            };
            writeln!(f, "classes:    {names}")?;
        }
        match &self.batch {
            Batch::Fixed(n) => writeln!(f, "batch:      {n}, fixed by the graph")?,
            Batch::Any { difference, window_ms } => writeln!(
                f,
                "batch:      any; {} windows at once differ by {difference:.1e} of the largest value and take {window_ms:.2} ms each",
                self.n_windows
            )?,
            Batch::Fails(reason) => writeln!(f, "batch:      1; {} windows at once fail: {reason}", self.n_windows)?,
        }
        writeln!(f, "outputs:    finite, and the same bits twice")?;
        write!(
            f,
            "time:       {:.2} ms a window on one thread ({:.0} times real time)",
            self.window_ms, self.times_real_time
        )
    }
}
