//! Every recording of a manifest decoded once: what it is, what is wrong with it, and what of it the doctor compares.

use crate::cancel;
use crate::front_end::Chain;
use crate::model::Loaded;
use crate::ui::Ui;
use anyhow::{Context, Result};
use audio_io::check::{hash_samples, SILENT_BLOCK_S, SILENT_RMS};
use audio_io::{ClipConfig, Decoded, Level, Manifest, Padding, Placement, Row, Windowing};
use candle_core::Device;
use doctor::fingerprint::{Fingerprint, RATE_HZ};
use doctor::{Spectral, spectral};
use features::FrontEnd;
use rayon::prelude::*;

/// Recordings in memory at once.
const BLOCK: usize = 32;
/// Clips a forward pass of a model.
const BATCH: usize = 32;

/// A recording, or the part of one that a row names.
pub(super) struct Heard {
    /// The file as the manifest names it.
    pub(super) format: String,
    pub(super) codec: String,
    pub(super) rate_hz: u32,
    pub(super) bits: Option<u32>,
    pub(super) n_channels: usize,
    /// What a model could tell it by, in the recording as it is.
    pub(super) raw: Sound,
    /// The same in the first clip that features would be made from.
    pub(super) clip: Sound,
    /// Statistics of the clip's spectrogram, or a model's embedding of it.
    pub(super) content: Vec<f32>,
    pub(super) fingerprint: Fingerprint,
    /// SHA-256 of the samples.
    pub(super) sha256: String,
    /// What is wrong, and whether the recording can be used all the same.
    pub(super) faults: Vec<Fault>,
}

/// What is measured of a sound without listening to what it is.
#[derive(Debug, Clone)]
pub(super) struct Sound {
    pub(super) seconds: f64,
    /// Level of the root of the mean square, and of the greatest sample, in dB of full scale.
    pub(super) level_db: f64,
    pub(super) peak_db: f64,
    /// Share of blocks of 20 ms below -60 dB of full scale.
    pub(super) silent_share: f64,
    pub(super) spectral: Option<Spectral>,
}

/// Something wrong with one recording.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) kind: String,
    /// What was measured.
    pub(super) evidence: String,
    /// Whether nothing can be learned from it.
    pub(super) unusable: bool,
}

/// What became of one row: heard, or why not.
pub(super) type Outcome = std::result::Result<Heard, Fault>;

/// What clips are made with, and whose embeddings stand for their content.
pub(super) struct Ears<'a> {
    pub(super) chain: &'a Chain,
    pub(super) model: Option<(&'a Loaded, &'a Device)>,
}

/// Listens to every row, in parallel and in the manifest's order.
pub(super) fn listen(manifest: &Manifest, ears: &Ears<'_>, ui: &Ui) -> Result<Vec<Outcome>> {
    let front_end = ears.chain.build()?;
    let bar = ui.bar(manifest.rows.len(), "listen");
    let mut outcomes = Vec::with_capacity(manifest.rows.len());
    for rows in manifest.rows.chunks(BLOCK) {
        cancel::check("nothing was written")?;
        let one = |row: &Row| {
            let heard = hear(manifest, row, ears.chain, &front_end);
            bar.inc(1);
            heard.map_err(|error| unreadable(manifest, row, &error))
        };
        let mut block: Vec<Outcome> = rows.par_iter().map(one).collect();
        ask(&mut block, ears, &front_end)?;
        outcomes.extend(block);
    }
    bar.finish_and_clear();
    Ok(outcomes)
}

/// Puts in place of each spectrogram what stands for its content: a model's embedding, or statistics of it.
fn ask(block: &mut [Outcome], ears: &Ears<'_>, front_end: &FrontEnd) -> Result<()> {
    let n_bands = front_end.n_bands();
    let mut heard: Vec<&mut Heard> = block.iter_mut().filter_map(|outcome| outcome.as_mut().ok()).collect();
    let Some((loaded, device)) = ears.model else {
        heard.par_iter_mut().for_each(|heard| heard.content = statistics(&heard.content, n_bands));
        return Ok(());
    };
    let Some(n_frames) = heard.first().map(|heard| heard.content.len() / n_bands) else { return Ok(()) };
    let mels: Vec<&[f32]> = heard.iter().map(|heard| heard.content.as_slice()).collect();
    let rows =
        train::predict_mels(loaded.predictor(device), &mels, n_bands, n_frames, BATCH, &|i| format!("clip {i}"))?;
    let embeddings: Vec<Vec<f32>> = rows.embedding.chunks_exact(rows.dim).map(<[f32]>::to_vec).collect();
    heard.iter_mut().zip(embeddings).for_each(|(heard, embedding)| heard.content = embedding);
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

fn unreadable(manifest: &Manifest, row: &Row, error: &anyhow::Error) -> Fault {
    let text = crate::one_line(error);
    let prefix = format!("{}: ", manifest.file(row).display());
    let evidence = text.strip_prefix(&prefix).unwrap_or(&text).to_owned();
    Fault { kind: "unreadable".into(), evidence, unusable: true }
}

fn hear(manifest: &Manifest, row: &Row, chain: &Chain, front_end: &FrontEnd) -> Result<Heard> {
    let path = manifest.file(row);
    let decoded = audio_io::decode_file(&path)?;
    let (raw, rate_hz) = (part(&decoded, row)?, decoded.rate_hz);
    let clip = audio_io::clips(&decoded, row.start_s, row.end_s, row.channel, &chain.clip)?;
    let clip = clip.into_iter().next().context("holds no sound")?;
    let mut scratch = front_end.scratch();
    let mut mel = vec![0.0; front_end.n_bands() * front_end.n_frames(clip.samples.len())];
    front_end.compute(&clip.samples, &mut scratch, &mut mel)?;
    let mono = audio_io::resample(&raw, rate_hz, RATE_HZ)?;
    Ok(Heard {
        faults: super::faults::faults(&decoded, &raw),
        sha256: hash_samples(&decoded),
        fingerprint: Fingerprint::new(&mono),
        raw: measure(&raw, rate_hz),
        clip: measure(&clip.samples[..clip.n_real], chain.clip.sample_rate_hz),
        content: mel,
        n_channels: decoded.channels.len(),
        bits: decoded.bits,
        format: decoded.format,
        codec: decoded.codec,
        rate_hz,
    })
}

/// The samples of a row as they are: its part, mixed to one channel.
fn part(decoded: &Decoded, row: &Row) -> Result<Vec<f32>> {
    let window = Windowing { placement: Placement::Whole, padding: Padding::Silence, ..Windowing::default() };
    let as_it_is =
        ClipConfig { sample_rate_hz: decoded.rate_hz, level: Level::None, window, ..ClipConfig::default() };
    let clips = audio_io::clips(decoded, row.start_s, row.end_s, row.channel, &as_it_is)?;
    Ok(clips.into_iter().next().context("holds no sound")?.samples)
}

fn measure(samples: &[f32], rate_hz: u32) -> Sound {
    let db = |amplitude: f64| 20.0 * amplitude.max(1e-6).log10();
    let square = |samples: &[f32]| samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    let rms = |samples: &[f32]| (square(samples) / samples.len().max(1) as f64).sqrt();
    let block = ((f64::from(rate_hz) * SILENT_BLOCK_S) as usize).max(1);
    let n_blocks = samples.len().div_ceil(block).max(1);
    let n_silent = samples.chunks(block).filter(|block| rms(block) < SILENT_RMS).count();
    Sound {
        seconds: samples.len() as f64 / f64::from(rate_hz),
        level_db: db(rms(samples)),
        peak_db: db(samples.iter().fold(0.0_f64, |peak, x| peak.max(f64::from(x.abs())))),
        silent_share: n_silent as f64 / n_blocks as f64,
        spectral: spectral(samples, rate_hz),
    }
}
