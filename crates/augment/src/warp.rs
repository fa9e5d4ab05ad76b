//! Steps that move a spectrogram's cells: along time by a bent axis, along frequency by whole bands.

use crate::SpectrogramAugment;
use crate::seed::{Step, generator};
use rand::Rng;

/// Bends the time axis: a drawn frame moves by a drawn distance, the ends stay, the frames between follow evenly
/// (D. S. Park and others, "SpecAugment: a simple data augmentation method for automatic speech recognition", 2019).
pub(crate) fn warp_time(mel: &mut [f32], n_frames: usize, config: &SpectrogramAugment, seed: u64) {
    let last = (n_frames - 1) as f32;
    let most = (config.time_warp_share * n_frames as f32).min(0.45 * last);
    // No frame has room to move by less than half a frame.
    if most < 0.5 {
        return;
    }
    let mut rng = generator(seed, Step::TimeWarp);
    let by = most * (2.0 * rng.random::<f32>() - 1.0);
    let from = most + 0.5 + (last - 2.0 * most - 1.0) * rng.random::<f32>();
    let to = from + by;
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

/// Moves the clip up or down by a drawn number of bands; what comes in has the clip's lowest cell.
pub(crate) fn shift_bands(mel: &mut [f32], n_frames: usize, config: &SpectrogramAugment, seed: u64) {
    let n_mels = mel.len() / n_frames;
    let furthest = ((config.frequency_shift_share * n_mels as f32) as usize).min(n_mels - 1);
    if furthest == 0 {
        return;
    }
    let drawn = generator(seed, Step::FrequencyShift).random_range(0..=2 * furthest);
    let lowest = mel.iter().copied().fold(f32::INFINITY, f32::min);
    let n_moved = drawn.abs_diff(furthest) * n_frames;
    let n_kept = mel.len() - n_moved;
    if drawn > furthest {
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
            warp_time(&mut mel, N_FRAMES, &config, seed);
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
            warp_time(&mut mel, n_frames, &SpectrogramAugment { time_warp_share: 1.0, ..config.clone() }, 3);
            assert!(mel.iter().all(|x| *x == 1.0));
        }
    }
}
