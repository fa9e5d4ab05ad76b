//! Every recording of a manifest decoded once: its format, its faults, and what of it is compared.

use crate::error::{Context, Error, Result};
use crate::job::Job;
use audio_io::check::hash_samples;
use audio_io::{Decoded, Manifest, Row};
use doctor::fault::{Fault, FaultConfig, Severity, faults};
use doctor::fingerprint::{Fingerprint, RATE_HZ};
use doctor::measure::{Measures, measure};
use inference::Model;
use inference::reason;
use inference::{Chain, FrontEnd};
use rayon::prelude::*;

/// Recordings in memory at once.
const BLOCK: usize = 32;
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
    for rows in manifest.rows.chunks(BLOCK) {
        job.check("nothing was written")?;
        let of_file = |rows: &&[Row]| -> Vec<Outcome> {
            let decoded = audio_io::decode_file(&manifest.file(&rows[0])).map_err(Error::from);
            let sha256 = decoded.as_ref().map(hash_samples).unwrap_or_default();
            let one = |row: &Row| {
                let decoded = decoded.as_ref().map_err(|error| unreadable(manifest, row, error))?;
                measure_row((decoded, &sha256), row, recipe.chain, &front_end)
                    .map_err(|error| unreadable(manifest, row, &error))
            };
            let measured = rows.par_iter().map(one).collect();
            bar.inc(rows.len());
            measured
        };
        let files: Vec<&[Row]> = rows.chunk_by(|a, b| a.path == b.path).collect();
        let measured: Vec<Vec<Outcome>> = files.par_iter().map(of_file).collect();
        let mut block: Vec<Outcome> = measured.into_iter().flatten().collect();
        ask(&mut block, recipe, &front_end)?;
        outcomes.extend(block);
    }
    drop(bar);
    Ok(outcomes)
}

/// Replaces each spectrogram by features of its content: a model's embedding, or statistics of it.
fn ask(block: &mut [Outcome], recipe: &Recipe<'_>, front_end: &FrontEnd) -> Result<()> {
    let n_bands = front_end.n_bands();
    let mut measured: Vec<&mut Measured> = block.iter_mut().filter_map(|outcome| outcome.as_mut().ok()).collect();
    let Some(model) = recipe.model else {
        measured.par_iter_mut().for_each(|measured| measured.content = statistics(&measured.content, n_bands));
        return Ok(());
    };
    let Some(n_frames) = measured.first().map(|measured| measured.content.len() / n_bands) else { return Ok(()) };
    let mels: Vec<&[f32]> = measured.iter().map(|measured| measured.content.as_slice()).collect();
    let rows = classifier::predict_mels(model.forward()?, &mels, n_bands, n_frames, BATCH, &|i| format!("clip {i}"))?;
    let embeddings: Vec<Vec<f32>> = rows.embedding.chunks_exact(rows.dim).map(<[f32]>::to_vec).collect();
    measured.iter_mut().zip(embeddings).for_each(|(measured, embedding)| measured.content = embedding);
    Ok(())
}

/// Mean and deviation of each band over time, `[2 * n_bands]`, from `[n_bands, n_frames]`.
fn statistics(mel: &[f32], n_bands: usize) -> Vec<f32> {
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
fn unreadable(manifest: &Manifest, row: &Row, error: &Error) -> Fault {
    let mut found = faults(None, &[reason(error, &manifest.file(row))], &FaultConfig::default());
    found.remove(0)
}

/// `sha256` is that of the whole recording.
fn measure_row(
    (decoded, sha256): (&Decoded, &str),
    row: &Row,
    chain: &Chain,
    front_end: &FrontEnd,
) -> Result<Measured> {
    let clip = audio_io::clips(decoded, row.start_s, row.end_s, row.channel, &chain.clip)?;
    let clip = clip.into_iter().next().context("holds no sound")?;
    let mut scratch = front_end.scratch();
    let mut mel = vec![0.0; front_end.n_bands() * front_end.n_frames(clip.samples.len())];
    front_end.compute(&clip.samples, &mut scratch, &mut mel)?;
    let channels = part(decoded, row);
    let raw = measure(&channels, decoded.rate_hz)?;
    let damage: Vec<String> = decoded.damage.iter().map(ToString::to_string).collect();
    let n_channels = channels.len() as f32;
    let mono: Vec<f32> =
        (0..channels[0].len()).map(|i| channels.iter().map(|samples| samples[i]).sum::<f32>() / n_channels).collect();
    Ok(Measured {
        faults: faults(Some(&raw), &damage, &FaultConfig::default()),
        sha256: sha256.to_owned(),
        fingerprint: Fingerprint::new(&audio_io::resample(&mono, decoded.rate_hz, RATE_HZ)?),
        clip: measure(&[&clip.samples], chain.clip.sample_rate_hz)?,
        clip_s: clip.seconds,
        content: mel,
        format: format!("{} {}", decoded.format, decoded.codec),
        raw,
    })
}

/// The samples of a row as they are, `[n_channels][n_frames]`: the part that it names, limited to the file.
fn part<'a>(decoded: &'a Decoded, row: &Row) -> Vec<&'a [f32]> {
    let n_frames = decoded.n_frames();
    let frame = |seconds: f64| ((seconds * f64::from(decoded.rate_hz)).round() as usize).min(n_frames);
    let range = row.start_s.map_or(0, frame)..row.end_s.map_or(n_frames, frame);
    let chosen = |i: &usize| row.channel.is_none_or(|channel| usize::from(channel) == *i);
    (0..decoded.channels.len()).filter(chosen).map(|i| &decoded.channels[i][range.clone()]).collect()
}

/// Sounds for the tests of what is made of them.
#[cfg(test)]
pub(super) mod fixture {
    use super::*;

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
        }
    }
}
