//! The twin of both kernels: clip by clip and step by step, in place.

use super::chacha::words;
use super::{ClipMix, ClipNoise, ClipSteps, Source};

/// `[B, M, T]`
pub(super) fn batch(
    clips: &[ClipSteps],
    n_mixed: usize,
    cells: &[f32],
    bands: &[f32],
    [n_mels, n_frames]: [usize; 2],
) -> Vec<f32> {
    let n_cells = n_mels * n_frames;
    let made: Vec<f32> = clips.iter().flat_map(|clip| one(clip, cells, bands, [n_mels, n_frames])).collect();
    let mut out = made.clone();
    for (nth, (clip, out)) in clips[..n_mixed].iter().zip(out.chunks_exact_mut(n_cells)).enumerate() {
        let other = &made[(nth + 1) % n_mixed * n_cells..][..n_cells];
        for (at, (cell, other)) in out.iter_mut().zip(other).enumerate() {
            match &clip.mix {
                ClipMix::All(share) => *cell = share * *cell + (1.0 - share) * other,
                ClipMix::Frames(cut) if cut.contains(&(at % n_frames)) => *cell = *other,
                ClipMix::Frames(_) | ClipMix::None => {}
            }
        }
    }
    out
}

fn one(clip: &ClipSteps, cells: &[f32], bands: &[f32], [n_mels, n_frames]: [usize; 2]) -> Vec<f32> {
    let mut mel = source(&clip.source, cells, [n_mels, n_frames]);
    let band_of = |at: usize| at / n_frames;
    if let Some(kept) = &clip.excerpt {
        mel = moved(&mel, n_frames, |row, t| row[kept.start + t % kept.len()]);
    }
    if let Some([from, to]) = clip.warp {
        let last = (n_frames - 1) as f32;
        mel = moved(&mel, n_frames, |row, t| {
            let t = t as f32;
            let place = if t < to { t * from / to } else { last - (last - t) * (last - from) / (last - to) };
            let place = place.clamp(0.0, last);
            let below = place as usize;
            row[below] + place.fract() * (row[(below + 1).min(n_frames - 1)] - row[below])
        });
    }
    mel = moved(&mel, n_frames, |row, t| row[(t + n_frames - clip.roll) % n_frames]);
    if clip.up != 0 {
        let lowest = lowest(&mel);
        let cell = |at: usize| {
            let from = band_of(at).checked_add_signed(-clip.up).filter(|band| *band < n_mels);
            from.map_or(lowest, |band| mel[band * n_frames + at % n_frames])
        };
        mel = (0..mel.len()).map(cell).collect();
    }
    let last = (n_mels - 1).max(1) as f32;
    if let Some([gain, tilt]) = clip.color {
        let offset = |at: usize| gain + tilt * (2.0 * band_of(at) as f32 / last - 1.0);
        mel.iter_mut().enumerate().for_each(|(at, cell)| *cell += offset(at));
    }
    if !clip.curve.is_empty() {
        mel.iter_mut().enumerate().for_each(|(at, cell)| *cell += clip.curve[band_of(at)]);
    }
    let loudest = mel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if let Some([below, floor]) = clip.gate {
        mel.iter_mut().filter(|cell| **cell < loudest - below).for_each(|cell| *cell = loudest - floor);
    }
    if let Some(noise) = &clip.noise {
        add_noise(&mut mel, noise, loudest, |at| 2.0 * band_of(at) as f32 / last - 1.0);
    }
    if let Some(cutoff) = clip.cutoff {
        let lowest = lowest(&mel);
        mel[cutoff * n_frames..].fill(lowest);
    }
    for (at, cell) in mel.iter_mut().enumerate() {
        let (band, frame) = (band_of(at), at % n_frames);
        let masked = clip.dropped.get(band) == Some(&true)
            || clip.time_masks.iter().any(|mask| mask.contains(&frame))
            || clip.frequency_masks.iter().any(|mask| mask.contains(&band));
        let value = if masked { bands[band] } else { *cell };
        *cell = (value - bands[n_mels + band]) * bands[2 * n_mels + band];
    }
    mel
}

/// The clip before anything is done to it.
fn source(source: &Source, cells: &[f32], [n_mels, n_frames]: [usize; 2]) -> Vec<f32> {
    let n_cells = n_mels * n_frames;
    let row = |row: u32| &cells[row as usize * n_cells..][..n_cells];
    match source {
        Source::Row(own) => row(*own).to_vec(),
        Source::Mixture(own, other) => row(*own).iter().zip(row(*other)).map(|(a, b)| 0.5 * (a + b)).collect(),
        Source::Inverted(own) => {
            let (low, high) = (lowest(row(*own)), row(*own).iter().copied().fold(f32::NEG_INFINITY, f32::max));
            row(*own).iter().rev().map(|cell| low + (high - cell)).collect()
        }
        Source::Shuffled { row: own, patch: [high, long], order } => {
            let (own, n_across) = (row(*own), n_frames / long);
            let cell = |at: usize| {
                let (band, frame) = (at / n_frames, at % n_frames);
                let (down, across) = (band / high, frame / long);
                if down >= n_mels / high || across >= n_across {
                    return own[at];
                }
                let from = order[down * n_across + across] as usize;
                own[(from / n_across * high + band % high) * n_frames + from % n_across * long + frame % long]
            };
            (0..n_cells).map(cell).collect()
        }
    }
}

/// Each frame of each band as `cell` takes it from the band.
fn moved(mel: &[f32], n_frames: usize, cell: impl Fn(&[f32], usize) -> f32) -> Vec<f32> {
    mel.chunks_exact(n_frames).flat_map(|row| (0..n_frames).map(|t| cell(row, t)).collect::<Vec<_>>()).collect()
}

fn lowest(mel: &[f32]) -> f32 {
    mel.iter().copied().fold(f32::INFINITY, f32::min)
}

/// `place` goes from -1 to 1 over the bands.
fn add_noise(mel: &mut [f32], noise: &ClipNoise, loudest: f32, place: impl Fn(usize) -> f32) {
    let mut words = words(noise.key, noise.stream, noise.word);
    let mut uniform = || (words.next().unwrap_or_default() >> 8) as f32 * (1.0 / 16_777_216.0);
    for (at, cell) in mel.iter_mut().enumerate() {
        let (a, b) = (uniform(), uniform());
        let mean = loudest + (noise.tilt_db * place(at) - noise.below_db) * noise.unit_per_db;
        let power = -0.5 * ((1.0 - a) * (1.0 - b)).max(f32::MIN_POSITIVE).ln();
        let ratio = ((*cell - mean) / noise.unit_per_e).exp();
        if ratio.is_finite() {
            *cell = mean + noise.unit_per_e * (ratio + power).ln();
        }
    }
}
