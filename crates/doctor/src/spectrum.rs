//! Power spectra of overlapping frames.

use std::f32::consts::PI;

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// Powers of the bins of every full frame: a Hann window of `n_window` samples each `hop` samples. A sine at full scale
/// has power 0.5 in all its bins together, so that 10 log10 of a sum of bins is their level.
///
/// # Shapes
/// `samples` `[n]` to `[n_frames][n_window / 2 + 1]` row by row, with `n_frames = (n - n_window) / hop + 1`; empty
/// where `n` is less than `n_window`.
pub(crate) fn power_frames(samples: &[f32], n_window: usize, hop: usize) -> Vec<f32> {
    if samples.len() < n_window {
        return Vec::new();
    }
    let n_frames = (samples.len() - n_window) / hop + 1;
    let n_bins = n_window / 2 + 1;
    let window: Vec<f32> = (0..n_window).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f32 / n_window as f32).cos()).collect();
    // One side of the spectrum, over the window's energy (3/8 of its length).
    let scale = 2.0 / (0.375 * (n_window * n_window) as f32);
    let fft = FftPlanner::new().plan_fft_forward(n_window);
    let mut room = vec![Complex::default(); n_window];
    let mut scratch = vec![Complex::default(); fft.get_inplace_scratch_len()];
    let mut powers = vec![0.0f32; n_frames * n_bins];
    // Two real frames are the real and the imaginary part of one transform.
    for (pair, rows) in powers.chunks_mut(2 * n_bins).enumerate() {
        let first = &samples[2 * pair * hop..][..n_window];
        let second = if rows.len() > n_bins { &samples[(2 * pair + 1) * hop..][..n_window] } else { first };
        for (((value, &weight), &a), &b) in room.iter_mut().zip(&window).zip(first).zip(second) {
            *value = Complex::new(a * weight, b * weight);
        }
        fft.process_with_scratch(&mut room, &mut scratch);
        for bin in 0..n_bins {
            let (here, there) = (room[bin], room[(n_window - bin) % n_window].conj());
            // The first and the last bin have no mirror image.
            let scale = if bin == 0 || bin + 1 == n_bins { 0.5 * scale } else { scale };
            rows[bin] = (0.5 * (here + there)).norm_sqr() * scale;
            if rows.len() > n_bins {
                rows[n_bins + bin] = (0.5 * (here - there)).norm_sqr() * scale;
            }
        }
    }
    powers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_has_its_power_in_its_bins_in_every_frame() {
        let sine: Vec<f32> = (0..4000).map(|i| (2.0 * PI * 0.1 * i as f32).sin()).collect();
        for n in [4000, 3800] {
            let powers = power_frames(&sine[..n], 512, 128);
            assert_eq!(powers.len() / 257, (n - 512) / 128 + 1);
            for frame in powers.chunks(257) {
                assert!((frame[48..=54].iter().sum::<f32>() - 0.5).abs() < 1e-3);
                assert!(frame[80..].iter().sum::<f32>() < 1e-6);
            }
        }
        assert!(power_frames(&sine[..511], 512, 128).is_empty());
    }
}
