//! Mains hum: steady harmonics of 50 or 60 Hz.

use crate::spectrum::power_frames;
use stats::quantile_nearest;

/// Length of a transform in seconds: bins are 2 Hz apart.
const WINDOW_S: f64 = 0.5;

/// Number of harmonics, and how many of them must be prominent.
const N_LINES: usize = 6;
const N_PROMINENT: usize = 3;

/// The mains frequency with the most prominent harmonics, and their prominence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hum {
    pub(crate) mains_hz: u32,
    /// Level of the third most prominent harmonic relative to its surroundings.
    pub(crate) prominence_db: f64,
    /// Level of all harmonics together, in decibels of full scale.
    pub(crate) level_db: f64,
}

/// `None` where the clip is shorter than a window, or has no sound.
pub(crate) fn hum(samples: &[f32], rate_hz: u32) -> Option<Hum> {
    let n_window = (f64::from(rate_hz) * WINDOW_S) as usize / 2 * 2;
    if n_window < 64 || samples.len() < n_window {
        return None;
    }
    let powers = power_frames(samples, n_window, n_window / 2);
    let n_bins = n_window / 2 + 1;
    let bin_hz = f64::from(rate_hz) / n_window as f64;
    let n_needed = ((60.0 * (N_LINES as f64 + 0.5) / bin_hz) as usize + 1).min(n_bins);
    // The power that nearly every window exceeds, which excludes animal calls.
    let steady: Vec<f64> = (0..n_needed)
        .map(|bin| {
            let values: Vec<f64> = powers[bin..].iter().step_by(n_bins).map(|&power| f64::from(power)).collect();
            quantile_nearest(&values, 0.2).unwrap_or(0.0)
        })
        .collect();
    let hums = [50, 60].into_iter().filter_map(|mains_hz| lines(&steady, bin_hz, mains_hz));
    hums.max_by(|a, b| a.prominence_db.total_cmp(&b.prominence_db))
}

fn lines(steady: &[f64], bin_hz: f64, mains_hz: u32) -> Option<Hum> {
    let at = |hz: f64| (hz / bin_hz).round() as usize;
    let mut prominences_db = Vec::new();
    let mut power = 0.0;
    for line in 1..=N_LINES {
        let hz = f64::from(mains_hz) * line as f64;
        if at(hz + 22.0) >= steady.len() {
            break;
        }
        let around: Vec<f64> = [at(hz - 22.0)..at(hz - 7.0), at(hz + 8.0)..at(hz + 22.0)]
            .into_iter()
            .flat_map(|bins| steady[bins].to_vec())
            .collect();
        let surroundings = quantile_nearest(&around, 0.5)?;
        // The bin of the harmonic and the two that the window leaks into.
        let peak = steady[at(hz) - 1..=at(hz) + 1].iter().copied().fold(0.0, f64::max);
        if peak <= 1e-13 {
            prominences_db.push(0.0);
            continue;
        }
        prominences_db.push(10.0 * (peak / surroundings.max(1e-14)).log10());
        if peak > 4.0 * surroundings {
            power += steady[at(hz) - 1..=at(hz) + 1].iter().sum::<f64>();
        }
    }
    prominences_db.sort_by(|a, b| b.total_cmp(a));
    let prominence_db = *prominences_db.get(N_PROMINENT - 1)?;
    Some(Hum { mains_hz, prominence_db, level_db: (10.0 * power.max(1e-12).log10()).max(-120.0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use std::f64::consts::TAU;

    fn recording(mains_hz: f64, level: f64, rate_hz: u32) -> Vec<f32> {
        let mut draw = ChaCha8Rng::seed_from_u64(1);
        (0..3 * rate_hz)
            .map(|i| {
                let t = f64::from(i) / f64::from(rate_hz);
                let lines: f64 = (1..=5).map(|k| (TAU * mains_hz * f64::from(k) * t).sin() / f64::from(k)).sum();
                (level * lines + draw.random_range(-0.1..0.1)) as f32
            })
            .collect()
    }

    #[test]
    fn both_mains_are_found_at_any_rate() {
        for rate_hz in [8000, 8012, 44100] {
            for mains_hz in [50, 60] {
                let hum = hum(&recording(f64::from(mains_hz), 0.05, rate_hz), rate_hz).unwrap();
                assert_eq!(hum.mains_hz, mains_hz);
                assert!(hum.prominence_db > 15.0, "{hum:?}");
                // 0.05^2 / 2 (1 + 1/4 + 1/9 + 1/16 + 1/25)
                assert!((hum.level_db + 27.4).abs() < 1.5, "{hum:?}");
            }
        }
    }

    #[test]
    fn noise_tones_elsewhere_and_silence_do_not_hum() {
        assert!(hum(&recording(50.0, 0.0, 16000), 16000).unwrap().prominence_db < 8.0);
        assert!(hum(&recording(73.0, 0.05, 16000), 16000).unwrap().prominence_db < 8.0);
        assert!(hum(&vec![0.0; 16000], 16000).unwrap().prominence_db < 1.0);
        assert_eq!(hum(&[0.1; 100], 16000), None);
    }
}
