//! What is drawn for one clip before anything is done to it, so that whatever does it, another device included, does the same.

use crate::bands::{draw_cutoff, draw_dropped, limit_band};
use crate::config::SpectrogramAugment;
use crate::curve::draw_curve;
use crate::gate::{Gate, draw_gate};
use crate::noise::{Noise, draw_noise};
use crate::seed::{Step, generator, happens};
use crate::warp::{Warp, draw_shift, draw_warp, shift_bands};
use rand::Rng;
use std::ops::Range;

/// All that [`augment`](crate::augment) does to a clip, in this order, in the units of its spectrogram. A pure function of
/// (configuration, sizes, seed): no cell is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The frames that are kept and repeated.
    pub excerpt: Option<Range<usize>>,
    /// How the time axis is bent.
    pub warp: Option<Warp>,
    /// Frames by which the clip is rolled to the right.
    pub roll: usize,
    /// Bands by which it is moved up, or down where negative; what comes in has its lowest cell.
    pub up: isize,
    /// Gain and tilt: band `b` of `n` gets `gain + tilt * (2 b / (n - 1) - 1)` added.
    pub color: Option<[f32; 2]>,
    /// What each band gets added, `[n_mels]`; empty for nothing.
    pub curve: Vec<f32>,
    /// The noise gate.
    pub gate: Option<Gate>,
    /// The noise.
    pub noise: Option<Noise>,
    /// The first band of those that are set to the clip's lowest cell.
    pub cutoff: Option<usize>,
    /// Whether each band is set to its mean, `[n_mels]`; empty for none.
    pub dropped: Vec<bool>,
    /// Frames that are set to the means of their bands.
    pub time_masks: Vec<Range<usize>>,
    /// Bands that are set to their means.
    pub frequency_masks: Vec<Range<usize>>,
}

impl Drawn {
    /// Draws for a clip of at least one cell. Each step draws from its own stream.
    ///
    /// # Panics
    /// When there are no bands or no frames.
    pub fn of(config: &SpectrogramAugment, n_mels: usize, n_frames: usize, unit_per_db: f32, seed: u64) -> Self {
        let color = (config.gain_db > 0.0 || config.tilt_db > 0.0).then(|| {
            [(config.gain_db, Step::Gain), (config.tilt_db, Step::Tilt)]
                .map(|(range, step)| unit_per_db * signed_draw(range, seed, step))
        });
        let widest = (config.time_mask_share * n_frames as f32) as usize;
        Self {
            excerpt: draw_excerpt(config, n_frames, seed),
            warp: draw_warp(config, n_frames, seed),
            roll: if config.roll { generator(seed, Step::Roll).random_range(0..n_frames) } else { 0 },
            up: draw_shift(config, n_mels, seed),
            color,
            curve: draw_curve(config, n_mels, unit_per_db, seed),
            gate: draw_gate(config, unit_per_db, seed),
            noise: draw_noise(config, unit_per_db, seed),
            cutoff: draw_cutoff(config, n_mels, seed),
            dropped: draw_dropped(config, n_mels, seed),
            time_masks: draw_masks(config.time_masks, n_frames, widest, seed, Step::TimeMask),
            frequency_masks: draw_masks(
                config.frequency_masks,
                n_mels,
                config.frequency_mask_bands,
                seed,
                Step::FrequencyMask,
            ),
        }
    }

    /// Does it to a clip, in place: `mel` is `[n_mels, n_frames]`, `fill` `[n_mels]` as of [`augment`](crate::augment).
    pub fn apply(&self, mel: &mut [f32], n_frames: usize, fill: &[f32]) {
        if let Some(excerpt) = &self.excerpt {
            take_excerpt(mel, n_frames, excerpt);
        }
        if let Some(warp) = &self.warp {
            warp.apply(mel, n_frames);
        }
        if self.roll > 0 {
            mel.chunks_exact_mut(n_frames).for_each(|band| band.rotate_right(self.roll));
        }
        shift_bands(mel, n_frames, self.up);
        if let Some([gain, tilt]) = self.color {
            let last = (mel.len() / n_frames - 1).max(1) as f32;
            for (b, band) in mel.chunks_exact_mut(n_frames).enumerate() {
                let offset = gain + tilt * (2.0 * b as f32 / last - 1.0);
                band.iter_mut().for_each(|cell| *cell += offset);
            }
        }
        for (band, offset) in mel.chunks_exact_mut(n_frames).zip(&self.curve) {
            band.iter_mut().for_each(|cell| *cell += offset);
        }
        if let Some(gate) = &self.gate {
            gate.apply(mel);
        }
        if let Some(noise) = &self.noise {
            noise.apply(mel, n_frames);
        }
        if let Some(cutoff) = self.cutoff {
            limit_band(mel, n_frames, cutoff);
        }
        let bands = mel.chunks_exact_mut(n_frames).zip(fill);
        for ((band, &value), _) in bands.zip(&self.dropped).filter(|(_, dropped)| **dropped) {
            band.fill(value);
        }
        for frames in &self.time_masks {
            mel.chunks_exact_mut(n_frames).zip(fill).for_each(|(band, &value)| band[frames.clone()].fill(value));
        }
        for bands in &self.frequency_masks {
            let cells = mel[bands.start * n_frames..bands.end * n_frames].chunks_exact_mut(n_frames);
            cells.zip(&fill[bands.clone()]).for_each(|(band, &value)| band.fill(value));
        }
    }
}

fn draw_excerpt(config: &SpectrogramAugment, n_frames: usize, seed: u64) -> Option<Range<usize>> {
    let mut rng = generator(seed, Step::Excerpt);
    if !happens(config.excerpt_share, &mut rng) {
        return None;
    }
    let shortest = ((config.excerpt_shortest * n_frames as f32).ceil() as usize).clamp(1, n_frames);
    let length = rng.random_range(shortest..=n_frames);
    let start = rng.random_range(0..=n_frames - length);
    Some(start..start + length)
}

/// Keeps these frames and repeats them over the others.
fn take_excerpt(mel: &mut [f32], n_frames: usize, excerpt: &Range<usize>) {
    let length = excerpt.len();
    for band in mel.chunks_exact_mut(n_frames) {
        band.copy_within(excerpt.clone(), 0);
        (length..n_frames).for_each(|t| band[t] = band[t - length]);
    }
}

/// So many drawn stretches of `n`: each a width of 0 to `widest`, then a place for it.
fn draw_masks(n_masks: usize, n: usize, widest: usize, seed: u64, step: Step) -> Vec<Range<usize>> {
    let mut rng = generator(seed, step);
    let mask = |_| {
        let width = rng.random_range(0..=widest.min(n));
        let start = rng.random_range(0..=n - width);
        start..start + width
    };
    (0..n_masks).map(mask).collect()
}

fn signed_draw(range: f32, seed: u64, step: Step) -> f32 {
    range * (2.0 * generator(seed, step).random::<f32>() - 1.0)
}
