//! Every recording of a manifest decoded once: its format, its faults, and what of it is compared.

use super::file;
use crate::error::{Error, Result};
use crate::job::Job;
use audio_io::{Manifest, Row};
use doctor::fault::{Fault, FaultConfig, Severity, faults};
use doctor::fingerprint::Fingerprint;
use doctor::measure::Measures;
use inference::Model;
use inference::reason;
use inference::{Chain, FrontEnd};
use rayon::prelude::*;
use std::path::Path;

/// Rows that are measured together.
const BLOCK: usize = 32;
/// Rows of one recording that are measured together at most, where a model is asked about each.
const MOST_ROWS: usize = 1024;
/// Clips a forward pass of a model.
const BATCH: usize = 32;

/// A recording, or the part of one that a row names.
pub(super) struct Measured {
    /// Container and codec: `wav pcm_s16`.
    pub(super) format: String,
    /// The recording as it is.
    pub(super) raw: Measures,
    /// The first clip that features would be made from, with what fills it: all that a model is given.
    pub(super) clip: Measures,
    /// How much of it is sound.
    pub(super) clip_s: f64,
    /// Statistics of the clip's spectrogram, or a model's embedding of it.
    pub(super) content: Vec<f32>,
    pub(super) fingerprint: Fingerprint,
    /// SHA-256 of the samples of the whole file.
    pub(super) sha256: String,
    /// What is wrong with it.
    pub(super) faults: Vec<Fault>,
    /// Seconds that were measured, where it is longer.
    pub(super) first_s: Option<f64>,
}

impl Measured {
    /// Whether anything can be learned from it.
    pub(super) fn is_usable(&self) -> bool {
        !self.faults.iter().any(|fault| fault.severity == Severity::Unusable)
    }
}

/// What became of one row: its measures, or why there are none.
pub(super) type Outcome = std::result::Result<Measured, Fault>;

/// How clips are made, and the model whose embeddings describe their content.
pub(super) struct Recipe<'a> {
    pub(super) chain: &'a Chain,
    pub(super) model: Option<&'a Model>,
}

/// Measures every row, in parallel and in the manifest's order.
pub(super) fn measure_all(manifest: &Manifest, recipe: &Recipe<'_>, job: &Job<'_>) -> Result<Vec<Outcome>> {
    let front_end = recipe.chain.build()?;
    let bar = job.progress("examine", manifest.rows.len());
    let mut outcomes = Vec::with_capacity(manifest.rows.len());
    for rows in blocks(&manifest.rows, recipe.model.is_some()) {
        job.check("nothing was written")?;
        let of_file = |rows: &&[Row]| -> Vec<Outcome> {
            let path = manifest.file(&rows[0]);
            let unreadable = |error: &Error| unreadable(&path, error);
            let stop = || job.cancel.is_cancelled();
            let measured = match file::measure_rows(&path, rows, recipe, &front_end, &stop) {
                Ok(measured) => measured.into_iter().map(|of_row| of_row.map_err(|error| unreadable(&error))).collect(),
                Err(error) => rows.iter().map(|_| Err(unreadable(&error))).collect(),
            };
            bar.inc(rows.len());
            measured
        };
        let files: Vec<&[Row]> = rows.chunk_by(|a, b| a.path == b.path).collect();
        let measured: Vec<Vec<Outcome>> = files.par_iter().map(of_file).collect();
        job.check("nothing was written")?;
        let mut block: Vec<Outcome> = measured.into_iter().flatten().collect();
        block.chunks_mut(BLOCK).try_for_each(|rows| ask(rows, recipe, &front_end))?;
        outcomes.extend(block);
    }
    drop(bar);
    warn_long(manifest, &outcomes, job);
    Ok(outcomes)
}

/// Rows that are measured together: 32, and more where these are of one recording, so that it is decoded once. Spectrograms
/// for a model are kept of so many rows at most.
fn blocks(rows: &[Row], has_model: bool) -> Vec<&[Row]> {
    let most = if has_model { MOST_ROWS } else { usize::MAX };
    let mut blocks = Vec::new();
    let mut start = 0;
    for end in (BLOCK..rows.len()).step_by(BLOCK) {
        if rows[end - 1].path != rows[end].path || end - start >= most {
            blocks.push(&rows[start..end]);
            start = end;
        }
    }
    blocks.push(&rows[start..]);
    blocks
}

/// Says which rows were too long to be measured as a whole.
fn warn_long(manifest: &Manifest, outcomes: &[Outcome], job: &Job<'_>) {
    let long = manifest.rows.iter().zip(outcomes).filter_map(|(row, outcome)| {
        let measured = outcome.as_ref().ok()?;
        Some((row, measured.raw.seconds, measured.first_s?))
    });
    let long: Vec<_> = long.collect();
    if let Some((row, seconds, first_s)) = long.first() {
        let path = &row.path;
        let (minutes, of) = (first_s / 60.0, seconds / 60.0);
        job.warn(format!(
            "{} recordings are long: level, faults and fingerprint are those of their first minutes; {path}: {minutes:.1} of \
             {of:.1} minutes",
            long.len()
        ));
    }
}

/// Replaces each spectrogram by a model's embedding of it, where there is a model.
fn ask(block: &mut [Outcome], recipe: &Recipe<'_>, front_end: &FrontEnd) -> Result<()> {
    let n_bands = front_end.n_bands();
    let mut measured: Vec<&mut Measured> = block.iter_mut().filter_map(|outcome| outcome.as_mut().ok()).collect();
    let Some(model) = recipe.model else { return Ok(()) };
    let Some(n_frames) = measured.first().map(|measured| measured.content.len() / n_bands) else { return Ok(()) };
    let mels: Vec<&[f32]> = measured.iter().map(|measured| measured.content.as_slice()).collect();
    let rows = classifier::predict_mels(model.forward()?, &mels, n_bands, n_frames, BATCH, &|i| format!("clip {i}"))?;
    let embeddings: Vec<Vec<f32>> = rows.embedding.chunks_exact(rows.dim).map(<[f32]>::to_vec).collect();
    measured.iter_mut().zip(embeddings).for_each(|(measured, embedding)| measured.content = embedding);
    Ok(())
}

/// Mean and deviation of each band over time, `[2 * n_bands]`, from `[n_bands, n_frames]`.
pub(super) fn statistics(mel: &[f32], n_bands: usize) -> Vec<f32> {
    let bands = mel.chunks_exact(mel.len() / n_bands);
    let (mut means, mut deviations) = (Vec::with_capacity(2 * n_bands), Vec::with_capacity(n_bands));
    for band in bands {
        let n = band.len() as f64;
        let mean = band.iter().map(|value| f64::from(*value)).sum::<f64>() / n;
        let variance = band.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / n;
        means.push(mean as f32);
        deviations.push(variance.sqrt() as f32);
    }
    means.extend(deviations);
    means
}

/// A recording of which there is nothing, and why.
fn unreadable(path: &Path, error: &Error) -> Fault {
    let mut found = faults(None, &[reason(error, path)], &FaultConfig::default());
    found.remove(0)
}

/// Sounds for the tests of what is made of them.
#[cfg(test)]
pub(super) mod fixture {
    use super::*;
    use doctor::fingerprint::RATE_HZ;
    use doctor::measure::measure;

    /// A sound as it is measured, at the rate of fingerprints; the same seed is the same sound.
    pub(crate) fn measured(seed: u64, seconds: f64) -> Measured {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        };
        let samples: Vec<f32> = (0..(seconds * f64::from(RATE_HZ)) as usize).map(|_| 0.3 * draw()).collect();
        of(samples)
    }

    /// Nothing is measured.
    pub(crate) fn silence() -> Measured {
        of(vec![0.0; RATE_HZ as usize])
    }

    fn of(samples: Vec<f32>) -> Measured {
        let measures = measure(&[&samples], RATE_HZ).unwrap();
        Measured {
            format: "wav pcm_s16".into(),
            clip: measures.clone(),
            clip_s: measures.seconds,
            content: Vec::new(),
            fingerprint: Fingerprint::new(&samples),
            sha256: format!("{:?}", &samples[samples.len() / 2..][..4]),
            faults: faults(Some(&measures), &[], &FaultConfig::default()),
            raw: measures,
            first_s: None,
        }
    }
}
