//! Strangers made from training spectrograms, for fitting what needs known strangers and for choosing without any.
//!
//! All are pure functions of (rows, seed): row i of the result depends on the rows, the seed and i alone. `rows` is
//! `[N, n_mels * n_frames]`, log-mel of any scale, low to high band and early to late frame.

use rand::Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, at_least};
use crate::rows::Rows;
use crate::seed::{Use, generator};

/// A way to make a stranger of a training clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Synthetic {
    /// The clip cut into about 4 x 8 patches (bands x frames), put together in another order: the same parts, no call.
    ShuffledPatches,
    /// The mean of the clip and of one of another class, or of another clip where there is one class: half each.
    Mixture,
    /// High bands for low, late for early, and loud for quiet between the clip's own extremes.
    Inverted,
    /// Each band's own mean and deviation in the clip, its course replaced by noise: the same spectrum, no sound in it.
    NoiseFilled,
}

impl Synthetic {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ShuffledPatches, Self::Mixture, Self::Inverted, Self::NoiseFilled];
}

/// Bands and frames of patches that a clip is cut into, where it has as many.
const PATCHES: [usize; 2] = [4, 8];

/// One stranger of each row, `[N, n_mels * n_frames]`. `labels` `[N]` are the rows' classes, for mixtures.
///
/// # Errors
/// Rows that are no spectrograms of so many bands, labels of another number, or a mixture of fewer than two clips.
pub fn synthetic(rows: Rows<'_>, labels: &[u32], n_mels: usize, kind: Synthetic, seed: u64) -> Result<Vec<f32>> {
    rows.expect_rows("spectrograms for labels", labels.len())?;
    if n_mels == 0 || !rows.n_columns().is_multiple_of(n_mels) {
        let (expected, got) = (format!("a multiple of {n_mels} bands"), rows.n_columns().to_string());
        return Err(Error::Shape { what: "cells of a spectrogram", expected, got });
    }
    if kind == Synthetic::Mixture {
        at_least("clips to mix", 2, rows.n_rows())?;
    }
    let of_row = |row: usize| {
        let mut rng = generator(seed ^ (kind as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15), Use::Synthetic, row);
        let mel = rows.row(row);
        match kind {
            Synthetic::ShuffledPatches => shuffled(mel, n_mels, &mut rng),
            Synthetic::Mixture => {
                let other = partner(labels, row, &mut rng);
                mel.iter().zip(rows.row(other)).map(|(a, b)| 0.5 * (a + b)).collect()
            }
            Synthetic::Inverted => inverted(mel),
            Synthetic::NoiseFilled => noise_filled(mel, n_mels, &mut rng),
        }
    };
    Ok((0..rows.n_rows()).flat_map(of_row).collect())
}

/// A clip of another class, else another clip.
fn partner(labels: &[u32], row: usize, rng: &mut impl Rng) -> usize {
    let others: Vec<usize> = (0..labels.len()).filter(|&other| labels[other] != labels[row]).collect();
    if others.is_empty() {
        let drawn = rng.random_range(0..labels.len() - 1);
        return drawn + usize::from(drawn >= row);
    }
    others[rng.random_range(0..others.len())]
}

fn shuffled(mel: &[f32], n_mels: usize, rng: &mut impl Rng) -> Vec<f32> {
    let n_frames = mel.len() / n_mels;
    let (high, long) = ((n_mels / PATCHES[0]).max(1), (n_frames / PATCHES[1]).max(1));
    let corners: Vec<(usize, usize)> = (0..n_mels / high)
        .flat_map(|band| (0..n_frames / long).map(move |frame| (band * high, frame * long)))
        .collect();
    let mut from = corners.clone();
    from.shuffle(rng);
    // What is left over at the upper and late edges stays.
    let mut out = mel.to_vec();
    for (&(band, frame), (from_band, from_frame)) in corners.iter().zip(from) {
        for step in 0..high {
            let (to, source) = ((band + step) * n_frames + frame, (from_band + step) * n_frames + from_frame);
            out[to..to + long].copy_from_slice(&mel[source..source + long]);
        }
    }
    out
}

fn inverted(mel: &[f32]) -> Vec<f32> {
    let (low, high) = mel.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
    // Reversing all cells reverses bands and frames.
    mel.iter().rev().map(|cell| low + (high - cell)).collect()
}

fn noise_filled(mel: &[f32], n_mels: usize, rng: &mut impl Rng) -> Vec<f32> {
    let n_frames = mel.len() / n_mels;
    let of_band = |band: &[f32]| {
        let mean = band.iter().map(|&cell| f64::from(cell)).sum::<f64>() / n_frames as f64;
        let squares: f64 = band.iter().map(|&cell| (f64::from(cell) - mean).powi(2)).sum();
        let deviation = (squares / n_frames as f64).sqrt();
        (0..n_frames).map(|_| (mean + deviation * normal(rng)) as f32).collect::<Vec<f32>>()
    };
    mel.chunks_exact(n_frames).flat_map(of_band).collect()
}

/// A standard normal number, by the polar form of Box and Muller (1958).
fn normal(rng: &mut impl Rng) -> f64 {
    loop {
        let (x, y) = (rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0f64));
        let squared: f64 = x * x + y * y;
        if squared > 0.0 && squared < 1.0 {
            return x * (-2.0 * squared.ln() / squared).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four clips of 8 bands and 17 frames.
    fn clips() -> Vec<f32> {
        (0..4 * 8 * 17).map(|i| (i as f32 * 0.731).sin() * 10.0 - 40.0).collect()
    }

    #[test]
    fn each_is_another_clip_and_repeats_for_a_seed() {
        let (clips, labels) = (clips(), [0, 0, 1, 1]);
        let rows = Rows::new(&clips, 8 * 17).unwrap();
        for kind in Synthetic::ALL {
            let made = synthetic(rows, &labels, 8, kind, 5).unwrap();
            assert_eq!(made.len(), clips.len());
            assert!(made.iter().all(|cell| cell.is_finite()));
            for row in 0..4 {
                let range = row * 136..(row + 1) * 136;
                assert_ne!(made[range.clone()], clips[range], "{kind:?}");
            }
            assert_eq!(made, synthetic(rows, &labels, 8, kind, 5).unwrap());
            if kind != Synthetic::Inverted {
                assert_ne!(made, synthetic(rows, &labels, 8, kind, 6).unwrap(), "{kind:?}");
            }
        }
    }

    #[test]
    fn shuffling_keeps_the_cells_and_inverting_twice_the_clip() {
        let clips = clips();
        let rows = Rows::new(&clips, 8 * 17).unwrap();
        let sorted = |mut cells: Vec<f32>| {
            cells.sort_by(f32::total_cmp);
            cells
        };
        let made = synthetic(rows, &[0; 4], 8, Synthetic::ShuffledPatches, 5).unwrap();
        assert_eq!(sorted(made[..136].to_vec()), sorted(clips[..136].to_vec()));
        let once = synthetic(rows, &[0; 4], 8, Synthetic::Inverted, 0).unwrap();
        let twice = synthetic(Rows::new(&once, 136).unwrap(), &[0; 4], 8, Synthetic::Inverted, 0).unwrap();
        assert!(twice.iter().zip(&clips).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    #[test]
    fn mixtures_are_of_two_classes_and_one_clip_cannot_be_mixed() {
        let values = [0.0, 0.0, 8.0, 8.0];
        let mixed = synthetic(Rows::new(&values, 2).unwrap(), &[0, 1], 1, Synthetic::Mixture, 0).unwrap();
        assert_eq!(mixed, [4.0; 4]);
        assert!(synthetic(Rows::new(&values, 4).unwrap(), &[0], 1, Synthetic::Mixture, 0).is_err());
        assert!(synthetic(Rows::new(&values, 4).unwrap(), &[0], 3, Synthetic::Inverted, 0).is_err());
    }
}
