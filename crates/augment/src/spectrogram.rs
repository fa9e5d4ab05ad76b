//! The steps that change one clip's log-mel, in the order in which the world would apply them.

use crate::config::SpectrogramAugment;
use crate::drawn::Drawn;

/// Augments one clip in place: excerpt, time warp, roll, shift along the bands, gain, tilt, curve, gate, noise, band limit, then
/// what holds the mean: dropped bands and masks.
///
/// Gain, tilt, gate and noise act as a microphone, a recorder and a noisier place would; the masks come last so that their cells
/// hold exactly `fill`. `unit_per_db` is how many of the array's units one decibel is: 1 for a dB spectrogram,
/// `ln(10) / 10` for the natural logarithm of power, `1 / std` after division by a standard deviation.
/// Each step draws from its own stream; what they draw is a [`Drawn`], so that others can do the same.
///
/// # Shapes
/// `mel` is `[n_mels, n_frames]` row-major; `fill` is `[n_mels]`: the value a masked cell of that band takes, the mean
/// of the training clips (in the array's units). A zero in place of the mean would be a bright cell in decibels.
///
/// # Panics
/// When `mel` or `fill` does not have the length of its shape.
pub fn augment(
    mel: &mut [f32],
    n_mels: usize,
    n_frames: usize,
    fill: &[f32],
    config: &SpectrogramAugment,
    unit_per_db: f32,
    seed: u64,
) {
    assert_eq!(mel.len(), n_mels * n_frames, "augment: mel must be [n_mels, n_frames]");
    assert_eq!(fill.len(), n_mels, "augment: fill must be [n_mels]");
    if mel.is_empty() {
        return;
    }
    Drawn::of(config, n_mels, n_frames, unit_per_db, seed).apply(mel, n_frames, fill);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const N_MELS: usize = 16;
    const N_FRAMES: usize = 40;

    /// Cells that all differ: the band in the tens, the frame in the fraction.
    fn picture() -> Vec<f32> {
        (0..N_MELS * N_FRAMES).map(|i| -60.0 + (i / N_FRAMES) as f32 + (i % N_FRAMES) as f32 / 64.0).collect()
    }

    fn fill() -> Vec<f32> {
        (0..N_MELS).map(|b| 1000.0 + b as f32).collect()
    }

    fn run(config: &SpectrogramAugment, unit_per_db: f32, seed: u64) -> Vec<f32> {
        let mut mel = picture();
        augment(&mut mel, N_MELS, N_FRAMES, &fill(), config, unit_per_db, seed);
        mel
    }

    fn cell(mel: &[f32], band: usize, frame: usize) -> f32 {
        mel[band * N_FRAMES + frame]
    }

    #[test]
    fn off_is_the_identity() {
        (0..50).for_each(|seed| assert_eq!(run(&SpectrogramAugment::off(), 1.0, seed), picture()));
    }

    #[test]
    fn roll_moves_whole_columns_and_keeps_them_all() {
        let config = SpectrogramAugment { roll: true, ..SpectrogramAugment::off() };
        let before = picture();
        let mut shifts = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let after = run(&config, 1.0, seed);
            let shift = (0..N_FRAMES).find(|&t| cell(&after, 0, t) == before[0]).unwrap();
            for band in 0..N_MELS {
                for t in 0..N_FRAMES {
                    assert_eq!(cell(&after, band, (t + shift) % N_FRAMES), cell(&before, band, t));
                }
            }
            shifts.insert(shift);
        }
        assert!(shifts.len() > 35, "200 seeds reach {} of {N_FRAMES} shifts", shifts.len());
    }

    #[test]
    fn a_shift_moves_all_bands_alike_and_leaves_the_lowest_cell_behind() {
        let config = SpectrogramAugment { frequency_shift_share: 0.25, ..SpectrogramAugment::off() };
        let mut shifts = std::collections::BTreeSet::new();
        for seed in 0..300 {
            let after = run(&config, 1.0, seed);
            // Bands by which the clip went up; two bands of it are there whatever the shift.
            let up = (-4..=4).find(|up| cell(&after, (8 + up) as usize, 3) == cell(&picture(), 8, 3)).unwrap();
            for band in 0..N_MELS as i32 {
                let from = band - up;
                for frame in 0..N_FRAMES {
                    let there = (0..N_MELS as i32).contains(&from);
                    let expected = if there { cell(&picture(), from as usize, frame) } else { picture()[0] };
                    assert_eq!(cell(&after, band as usize, frame), expected, "up {up}, band {band}");
                }
            }
            shifts.insert(up);
        }
        assert_eq!(shifts, (-4..=4).collect());
    }

    #[test]
    fn time_masks_hold_the_fill_in_one_run_of_frames() {
        let config = SpectrogramAugment { time_masks: 1, time_mask_share: 0.25, ..SpectrogramAugment::off() };
        let mut widths = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let after = run(&config, 1.0, seed);
            let masked: Vec<usize> = (0..N_FRAMES).filter(|&t| cell(&after, 0, t) == 1000.0).collect();
            assert!(masked.windows(2).all(|pair| pair[1] == pair[0] + 1));
            for band in 0..N_MELS {
                for t in 0..N_FRAMES {
                    let kept = cell(&picture(), band, t);
                    let expected = if masked.contains(&t) { 1000.0 + band as f32 } else { kept };
                    assert_eq!(cell(&after, band, t), expected);
                }
            }
            widths.insert(masked.len());
        }
        assert_eq!(widths, (0..=10).collect(), "a quarter of {N_FRAMES} frames at most, every width drawn");
    }

    #[test]
    fn frequency_masks_hold_the_fill_of_their_band() {
        let config = SpectrogramAugment { frequency_masks: 2, frequency_mask_bands: 4, ..SpectrogramAugment::off() };
        let mut most = 0;
        for seed in 0..300 {
            let after = run(&config, 1.0, seed);
            let mut n_masked = 0;
            for band in 0..N_MELS {
                let row = &after[band * N_FRAMES..(band + 1) * N_FRAMES];
                let whole = row.iter().all(|&c| c == 1000.0 + band as f32);
                assert!(whole || row == &picture()[band * N_FRAMES..(band + 1) * N_FRAMES]);
                n_masked += usize::from(whole);
            }
            most = most.max(n_masked);
        }
        assert_eq!(most, 8, "two masks of four bands");
    }

    #[test]
    fn a_mask_wider_than_the_clip_is_the_clip() {
        let config = SpectrogramAugment { frequency_masks: 1, frequency_mask_bands: 999, ..SpectrogramAugment::off() };
        assert!((0..200).any(|seed| run(&config, 1.0, seed).iter().all(|&c| c >= 1000.0)));
    }

    #[test]
    fn gain_is_one_number_in_range_and_in_the_arrays_unit() {
        let config = SpectrogramAugment { gain_db: 6.0, ..SpectrogramAugment::off() };
        let (mut least, mut most) = (f32::MAX, f32::MIN);
        for seed in 0..400 {
            let gains: Vec<f32> = run(&config, 0.5, seed).iter().zip(picture()).map(|(a, b)| a - b).collect();
            assert!(gains.iter().all(|g| (g - gains[0]).abs() < 1e-4));
            least = least.min(gains[0]);
            most = most.max(gains[0]);
        }
        assert!(least >= -3.001 && most <= 3.001, "half a unit a dB: {least} to {most}");
        assert!(least < -2.8 && most > 2.8, "the range is used: {least} to {most}");
    }

    #[test]
    fn tilt_is_a_line_through_zero_in_the_middle() {
        let config = SpectrogramAugment { tilt_db: 9.0, ..SpectrogramAugment::off() };
        for seed in 0..100 {
            let after = run(&config, 1.0, seed);
            let offset = |band: usize| cell(&after, band, 0) - cell(&picture(), band, 0);
            assert!((offset(0) + offset(N_MELS - 1)).abs() < 1e-4);
            assert!(offset(0).abs() <= 9.001);
            let step = (offset(N_MELS - 1) - offset(0)) / (N_MELS - 1) as f32;
            (0..N_MELS).for_each(|b| assert!((offset(b) - offset(0) - step * b as f32).abs() < 1e-4));
        }
    }

    #[test]
    fn noise_fills_what_lies_below_it() {
        let config = SpectrogramAugment {
            noise_share: 1.0,
            noise_below_db: [20.0, 20.0],
            noise_tilt_db: 0.0,
            ..SpectrogramAugment::off()
        };
        let power = |db: f32| 10f64.powf(f64::from(db) / 10.0);
        let (mut sum, mut n) = (0.0, 0);
        for seed in 0..200 {
            let mut mel = vec![-100.0; N_MELS * N_FRAMES];
            mel[0] = 0.0;
            augment(&mut mel, N_MELS, N_FRAMES, &fill(), &config, 1.0, seed);
            assert!((0.0..0.5).contains(&mel[0]), "the loudest cell hardly changes: {}", mel[0]);
            sum += mel[1..].iter().map(|&db| power(db)).sum::<f64>();
            n += mel.len() - 1;
        }
        let mean_db = 10.0 * (sum / f64::from(n as u32)).log10();
        assert!((mean_db + 20.0).abs() < 0.05, "{mean_db}");
    }

    #[test]
    fn noise_needs_decibels() {
        let config = SpectrogramAugment { noise_share: 1.0, ..SpectrogramAugment::off() };
        assert_eq!(run(&config, 0.0, 1), picture());
    }

    #[test]
    fn an_excerpt_is_repeated() {
        let config = SpectrogramAugment { excerpt_share: 1.0, excerpt_shortest: 0.25, ..SpectrogramAugment::off() };
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let after = run(&config, 1.0, seed);
            let row = &after[..N_FRAMES];
            let length = (1..=N_FRAMES).find(|&l| row[l..].iter().zip(row).all(|(a, b)| a == b)).unwrap();
            let start = (0..N_FRAMES).find(|&t| picture()[t] == row[0]).unwrap();
            assert!(length >= N_FRAMES / 4 && start + length <= N_FRAMES, "{start} {length}");
            for (band, before) in after.chunks(N_FRAMES).zip(picture().chunks(N_FRAMES)) {
                assert!((0..N_FRAMES).all(|t| band[t] == before[start + t % length]));
            }
            lengths.insert(length);
        }
        assert!(lengths.len() > 20, "{lengths:?}");
    }

    #[test]
    fn band_limit_empties_the_top_only() {
        let config = SpectrogramAugment { band_limit_share: 1.0, band_limit_lowest: 0.5, ..SpectrogramAugment::off() };
        let mut cutoffs = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let after = run(&config, 1.0, seed);
            let cutoff = (0..N_MELS).find(|&b| b > 0 && cell(&after, b, 5) == -60.0).unwrap_or(N_MELS);
            assert_eq!(after[..cutoff * N_FRAMES], picture()[..cutoff * N_FRAMES]);
            assert!(after[cutoff * N_FRAMES..].iter().all(|&c| c == -60.0));
            cutoffs.insert(cutoff);
        }
        assert!(cutoffs.first() >= Some(&8) && cutoffs.len() >= 8, "{cutoffs:?}");
    }

    #[test]
    fn dropped_bands_hold_the_fill_and_the_others_what_they_held() {
        let config = SpectrogramAugment { band_dropout_share: 0.25, ..SpectrogramAugment::off() };
        let mut n_dropped = 0;
        for seed in 0..200 {
            let after = run(&config, 1.0, seed);
            for (b, (band, before)) in after.chunks(N_FRAMES).zip(picture().chunks(N_FRAMES)).enumerate() {
                let dropped = band[0] == fill()[b];
                assert!(if dropped { band.iter().all(|c| *c == fill()[b]) } else { band == before });
                n_dropped += usize::from(dropped);
            }
        }
        assert!((700..900).contains(&n_dropped), "{n_dropped} of 3200 at a share of 0.25");
    }

    #[test]
    fn shares_are_probabilities() {
        let config = SpectrogramAugment { band_limit_share: 0.3, band_limit_lowest: 0.0, ..SpectrogramAugment::off() };
        let n_changed = (0..2000).filter(|&seed| run(&config, 1.0, seed) != picture()).count();
        assert!((480..720).contains(&n_changed), "{n_changed} of 2000 at a share of 0.3");
    }

    #[test]
    fn switching_one_step_off_leaves_the_others_draws() {
        let both = SpectrogramAugment { roll: true, time_masks: 1, ..SpectrogramAugment::strong() };
        let masks = |mel: &[f32]| -> Vec<bool> { mel.iter().map(|&c| c >= 1000.0).collect() };
        let without = SpectrogramAugment { roll: false, gain_db: 0.0, ..both.clone() };
        (0..50).for_each(|seed| assert_eq!(masks(&run(&both, 1.0, seed)), masks(&run(&without, 1.0, seed))));
    }

    #[test]
    fn tiny_and_empty_clips_pass() {
        for (n_mels, n_frames) in [(0, 0), (1, 1), (1, 3), (3, 1), (0, 4), (4, 0)] {
            let mut mel = vec![-1.0; n_mels * n_frames];
            let fill = vec![0.0; n_mels];
            (0..20).for_each(|seed| {
                augment(&mut mel, n_mels, n_frames, &fill, &SpectrogramAugment::strong(), 1.0, seed);
            });
            assert!(mel.iter().all(|c| c.is_finite()));
        }
    }

    proptest! {
        #[test]
        fn same_seed_same_bytes_and_finite(seed: u64, unit in 0.01f32..2.0) {
            let config = SpectrogramAugment {
                frequency_mask_bands: 4,
                time_warp_share: 0.1,
                frequency_shift_share: 0.2,
                filter_curve_db: 6.0,
                ..SpectrogramAugment::strong()
            };
            let once = run(&config, unit, seed);
            let again = run(&config, unit, seed);
            prop_assert!(once.iter().zip(&again).all(|(a, b)| a.to_bits() == b.to_bits()));
            prop_assert!(once.iter().all(|c| c.is_finite()));
            prop_assert!(once != run(&config, unit, seed ^ 1), "another seed, another picture");
        }
    }
}
