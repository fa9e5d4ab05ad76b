//! What a model costs: to train, to keep, and to ask.

use crate::error::{Context, Result};
use crate::job::Job;
use inference::{Input, MODEL_FILE, Model, PredictorOptions, Watch};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;
use std::time::Instant;

/// Recordings that the speed is measured on, at most.
const MOST: usize = 256;

/// Size, speed and memory of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// Size of the model's file.
    pub bytes: u64,
    /// Minutes that its training took, where the run says so.
    pub train_minutes: Option<f64>,
    /// Recordings a second: decoded, transformed and classified, on all threads.
    pub recordings_per_s: f64,
    /// Seconds of sound a second.
    pub times_real_time: f64,
    /// Peak memory of the whole program meanwhile, in MiB, where the system says it (Linux).
    pub peak_mib: Option<f64>,
}

/// Opens the model anew, and asks it about recordings.
pub(super) fn measure(run: &Path, model: &Model, inputs: &[Input], job: &Job<'_>) -> Result<Cost> {
    let path = if storage::is_dir(run) { run.join(MODEL_FILE) } else { run.to_owned() };
    let bytes = storage::metadata(&path).with_context(|| format!("{}: cannot be read", path.display()))?.n_bytes;
    let predictor = model.predictor(&PredictorOptions::default())?;
    let inputs = &inputs[..inputs.len().min(MOST)];
    reset_peak();
    let began = Instant::now();
    let mut seconds = 0.0;
    for block in inputs.chunks(predictor.n_recordings()) {
        job.check("nothing was written")?;
        let watch = Watch { stop: &|| job.cancel.is_cancelled(), ..Watch::default() };
        let answers = predictor.recordings(block, 0, &watch)?;
        seconds += answers.seconds.iter().map(|(_, seconds)| seconds).sum::<f64>();
    }
    let elapsed_s = began.elapsed().as_secs_f64().max(1e-9);
    Ok(Cost {
        bytes,
        train_minutes: train_minutes(run),
        recordings_per_s: inputs.len() as f64 / elapsed_s,
        times_real_time: seconds / elapsed_s,
        peak_mib: peak_mib(),
    })
}

/// Of `fit.json`, or the sum over the epochs of `metrics.jsonl`.
fn train_minutes(run: &Path) -> Option<f64> {
    let folder = if storage::is_dir(run) { run } else { run.parent()? };
    let read = |name: &str| storage::read_to_string(folder.join(name)).ok();
    if let Some(fit) = read("fit.json") {
        return Some(serde_json::from_str::<Value>(&fit).ok()?["seconds"].as_f64()? / 60.0);
    }
    let seconds = |line: &str| serde_json::from_str::<Value>(line).ok()?["seconds"].as_f64();
    let epochs: Option<Vec<f64>> = read("metrics.jsonl")?.lines().map(seconds).collect();
    Some(epochs?.iter().sum::<f64>() / 60.0)
}

/// From now on the peak is counted anew; where the system cannot do that, it stays that of the program.
fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").ok();
}

fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()? / 1024.0)
}
