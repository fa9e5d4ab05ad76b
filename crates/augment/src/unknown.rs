//! Unknown sounds made from training spectrograms: outliers for training with outlier exposure.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// A method to make an unknown sound from a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// The clip cut into about 4 x 8 patches (bands x frames), put together in another order: the same parts, no call.
    ShuffledPatches,
    /// The mean of the clip and another one, half each.
    Mixture,
    /// High bands for low, late for early, and loud for quiet between the clip's own extremes.
    Inverted,
    /// Each band's own mean and deviation in the clip, its course replaced by noise: the same spectrum, no sound in it.
    NoiseFilled,
}

impl Unknown {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ShuffledPatches, Self::Mixture, Self::Inverted, Self::NoiseFilled];
}

/// Bands and frames of patches that a clip is cut into, where it has as many.
const PATCHES: [usize; 2] = [4, 8];

/// Makes an unknown sound from the clip `cells`, `[n_mels, n_frames]` log-mel of any scale; `other` is a second clip of the
/// same shape, for mixtures. A pure function of (clips, kind, seed).
///
/// # Panics
/// When a clip is not of `n_mels` bands, or the other has another shape.
pub fn make_unknown(cells: &mut [f32], other: &[f32], n_mels: usize, kind: Unknown, seed: u64) {
    assert!(n_mels > 0 && cells.len().is_multiple_of(n_mels), "{} cells of {n_mels} bands", cells.len());
    assert_eq!(cells.len(), other.len(), "cells of the two clips");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    match kind {
        Unknown::ShuffledPatches => shuffle_patches(cells, n_mels, &mut rng),
        Unknown::Mixture => cells.iter_mut().zip(other).for_each(|(cell, other)| *cell = 0.5 * (*cell + other)),
        Unknown::Inverted => invert(cells),
        Unknown::NoiseFilled => fill_with_noise(cells, n_mels, &mut rng),
    }
}

fn shuffle_patches(mel: &mut [f32], n_mels: usize, rng: &mut impl Rng) {
    let n_frames = mel.len() / n_mels;
    let ([high, long], order) = order_of_patches(n_mels, n_frames, rng);
    let n_across = n_frames / long;
    let corner = |patch: usize| (patch / n_across * high, patch % n_across * long);
    // What is left over at the upper and late edges stays.
    let before = mel.to_vec();
    for (patch, from) in order.into_iter().enumerate() {
        let ((band, frame), (from_band, from_frame)) = (corner(patch), corner(from as usize));
        for step in 0..high {
            let (to, source) = ((band + step) * n_frames + frame, (from_band + step) * n_frames + from_frame);
            mel[to..to + long].copy_from_slice(&before[source..source + long]);
        }
    }
}

/// Bands and frames of a patch of [`Unknown::ShuffledPatches`], and for each patch, those of the lowest bands first, which one it
/// becomes.
pub fn patch_order(n_mels: usize, n_frames: usize, seed: u64) -> ([usize; 2], Vec<u32>) {
    order_of_patches(n_mels, n_frames, &mut ChaCha8Rng::seed_from_u64(seed))
}

fn order_of_patches(n_mels: usize, n_frames: usize, rng: &mut impl Rng) -> ([usize; 2], Vec<u32>) {
    let (high, long) = ((n_mels / PATCHES[0]).max(1), (n_frames / PATCHES[1]).max(1));
    let n = (n_mels / high) * (n_frames / long);
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.shuffle(rng);
    ([high, long], order)
}

fn invert(mel: &mut [f32]) {
    let (low, high) = mel.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
    // Reversing all cells reverses bands and frames.
    mel.reverse();
    mel.iter_mut().for_each(|cell| *cell = low + (high - *cell));
}

fn fill_with_noise(mel: &mut [f32], n_mels: usize, rng: &mut impl Rng) {
    let n_frames = mel.len() / n_mels;
    for band in mel.chunks_exact_mut(n_frames) {
        let mean = band.iter().map(|&cell| f64::from(cell)).sum::<f64>() / n_frames as f64;
        let squares: f64 = band.iter().map(|&cell| (f64::from(cell) - mean).powi(2)).sum();
        let deviation = (squares / n_frames as f64).sqrt();
        band.iter_mut().for_each(|cell| *cell = (mean + deviation * normal(rng)) as f32);
    }
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

    /// Two clips of 8 bands and 17 frames.
    fn clips() -> [Vec<f32>; 2] {
        [0.731f32, 0.417].map(|step| (0..8 * 17).map(|i| (i as f32 * step).sin() * 10.0 - 40.0).collect())
    }

    fn made(kind: Unknown, seed: u64) -> Vec<f32> {
        let [mut clip, other] = clips();
        make_unknown(&mut clip, &other, 8, kind, seed);
        clip
    }

    #[test]
    fn each_is_another_clip_and_repeats_for_a_seed() {
        for kind in Unknown::ALL {
            let clip = made(kind, 5);
            assert!(clip.iter().all(|cell| cell.is_finite()));
            assert_ne!(clip, clips()[0], "{kind:?}");
            assert_eq!(clip, made(kind, 5), "{kind:?}");
            let is_drawn = matches!(kind, Unknown::ShuffledPatches | Unknown::NoiseFilled);
            assert_eq!(clip != made(kind, 6), is_drawn, "{kind:?}");
        }
    }

    #[test]
    fn shuffling_keeps_the_cells_and_inverting_twice_the_clip() {
        let sorted = |mut cells: Vec<f32>| {
            cells.sort_by(f32::total_cmp);
            cells
        };
        assert_eq!(sorted(made(Unknown::ShuffledPatches, 5)), sorted(clips()[0].clone()));
        let [clip, other] = clips();
        let mut twice = made(Unknown::Inverted, 0);
        make_unknown(&mut twice, &other, 8, Unknown::Inverted, 0);
        assert!(twice.iter().zip(&clip).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    #[test]
    fn noise_keeps_the_spectrum() {
        let [mut clip, _] = clips();
        clip = clip.iter().flat_map(|&cell| [cell; 40]).collect();
        let before = clip.clone();
        make_unknown(&mut clip, &before, 8, Unknown::NoiseFilled, 1);
        let mean = |cells: &[f32]| cells.iter().sum::<f32>() / cells.len() as f32;
        for (now, then) in clip.chunks_exact(680).zip(before.chunks_exact(680)) {
            assert!((mean(now) - mean(then)).abs() < 1.5, "{} {}", mean(now), mean(then));
        }
    }
}
