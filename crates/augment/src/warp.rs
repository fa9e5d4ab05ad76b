//! Steps that move a spectrogram's cells: along time by a bent axis, along frequency by whole bands.

use crate::SpectrogramAugment;
use crate::seed::{Step, generator};
use rand::Rng;

/// Bends the time axis: a drawn frame moves by a drawn distance, the ends stay, the frames between follow evenly
/// (D. S. Park and others, "SpecAugment: a simple data augmentation method for automatic speech recognition", 2019).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warp {
    /// Where the frame is that moves.
    pub from: f32,
    /// Where it moves to.
    pub to: f32,
}

pub(crate) fn draw_warp(config: &SpectrogramAugment, n_frames: usize, seed: u64) -> Option<Warp> {
    let last = (n_frames - 1) as f32;
    let most = (config.time_warp_share * n_frames as f32).min(0.45 * last);
    // No frame has room to move by less than half a frame.
    if most < 0.5 {
        return None;
    }
    let mut rng = generator(seed, Step::TimeWarp);
    let by = most * (2.0 * rng.random::<f32>() - 1.0);
    let from = most + 0.5 + (last - 2.0 * most - 1.0) * rng.random::<f32>();
    Some(Warp { from, to: from + by })
}

impl Warp {
    pub(crate) fn apply(&self, mel: &mut [f32], n_frames: usize) {
        let (Self { from, to }, last) = (*self, (n_frames - 1) as f32);
        let mut row = vec![0.0; n_frames];
        for band in mel.chunks_exact_mut(n_frames) {
            row.copy_from_slice(band);
            for (t, cell) in band.iter_mut().enumerate() {
                let t = t as f32;
                let place = if t < to { t * from / to } else { last - (last - t) * (last - from) / (last - to) };
                let place = place.clamp(0.0, last);
                let (below, share) = (place as usize, place.fract());
                *cell = row[below] + share * (row[(below + 1).min(n_frames - 1)] - row[below]);
            }
        }
    }
}

/// How many bands the clip moves up; down where negative.
pub(crate) fn draw_shift(config: &SpectrogramAugment, n_mels: usize, seed: u64) -> isize {
    let furthest = ((config.frequency_shift_share * n_mels as f32) as usize).min(n_mels - 1);
    if furthest == 0 {
        return 0;
    }
    let drawn: usize = generator(seed, Step::FrequencyShift).random_range(0..=2 * furthest);
    drawn as isize - furthest as isize
}

/// Moves the clip up by a number of bands; what comes in has the clip's lowest cell.
pub(crate) fn shift_bands(mel: &mut [f32], n_frames: usize, up: isize) {
    if up == 0 {
        return;
    }
    let lowest = mel.iter().copied().fold(f32::INFINITY, f32::min);
    let n_moved = up.unsigned_abs() * n_frames;
    let n_kept = mel.len() - n_moved;
    if up > 0 {
        mel.copy_within(..n_kept, n_moved);
        mel[..n_moved].fill(lowest);
    } else {
        mel.copy_within(n_moved.., 0);
        mel[n_kept..].fill(lowest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N_MELS: usize = 8;
    const N_FRAMES: usize = 50;

    /// Each cell holds its frame.
    fn frames() -> Vec<f32> {
        (0..N_MELS * N_FRAMES).map(|i| (i % N_FRAMES) as f32).collect()
    }

    #[test]
    fn a_warp_keeps_order_and_ends_and_moves_a_frame_by_its_share_at_most() {
        let config = SpectrogramAugment { time_warp_share: 0.1, ..SpectrogramAugment::off() };
        let mut farthest = 0.0f32;
        for seed in 0..200 {
            let mut mel = frames();
            draw_warp(&config, N_FRAMES, seed).unwrap().apply(&mut mel, N_FRAMES);
            let row = &mel[..N_FRAMES];
            assert!(row.windows(2).all(|pair| pair[1] > pair[0]));
            assert!(row[0] == 0.0 && (row[N_FRAMES - 1] - 49.0).abs() < 1e-4);
            assert!(mel.chunks(N_FRAMES).all(|band| band == row));
            let moved = row.iter().enumerate().map(|(t, x)| (x - t as f32).abs()).fold(0.0, f32::max);
            assert!(moved <= 5.001, "{moved}");
            farthest = farthest.max(moved);
        }
        assert!(farthest > 4.0, "{farthest}");
        for n_frames in 1..8 {
            let mut mel = vec![1.0; n_frames];
            let config = SpectrogramAugment { time_warp_share: 1.0, ..config.clone() };
            if let Some(warp) = draw_warp(&config, n_frames, 3) {
                warp.apply(&mut mel, n_frames);
            }
            assert!(mel.iter().all(|x| *x == 1.0));
        }
    }
}
