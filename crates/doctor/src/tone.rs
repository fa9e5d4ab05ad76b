//! Measures of the spectrum: centroid, rolloff, flatness, band limit and noise floor.

use std::borrow::Cow;

use crate::spectrum::power_frames;
use stats::quantile_nearest;

/// Bands of the noise floor.
pub const N_FLOOR_BANDS: usize = 12;

/// Lower edge of the lowest and upper edge of the highest band of the noise floor. Bands have equal widths in octaves;
/// those above half the sample rate are at [`FLOOR_DB`].
pub const FLOOR_BANDS_HZ: [f64; 2] = [62.5, 16000.0];

/// The lowest level, in decibels of full scale.
pub const FLOOR_DB: f64 = -120.0;

/// Share of the frames that are quieter than the noise floor, band by band.
const FLOOR_SHARE: f64 = 0.1;

/// Length of a frame in seconds, rounded up to a power of two in samples.
const FRAME_S: f64 = 0.03;

/// A spectrum's shape over a whole clip.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tone {
    pub(crate) centroid_hz: f64,
    pub(crate) rolloff_hz: f64,
    pub(crate) flatness_db: f64,
    pub(crate) limit_hz: f64,
    pub(crate) limit_drop_db: f64,
    pub(crate) floor_db: [f64; N_FLOOR_BANDS],
    pub(crate) start_db: [f64; N_FLOOR_BANDS],
    pub(crate) end_db: [f64; N_FLOOR_BANDS],
}

pub(crate) fn tone(samples: &[f32], rate_hz: u32) -> Tone {
    let n_window = ((f64::from(rate_hz) * FRAME_S) as usize).next_power_of_two().max(16);
    let mut padded = Cow::Borrowed(samples);
    if samples.len() < n_window {
        padded.to_mut().resize(n_window, 0.0);
    }
    let powers = power_frames(&padded, n_window, n_window / 2);
    let n_bins = n_window / 2 + 1;
    let bin_hz = f64::from(rate_hz) / n_window as f64;
    let mean = over_time(&powers, n_bins, |values| values.iter().sum::<f64>() / values.len() as f64);
    let floor = over_time(&powers, n_bins, |values| quantile_nearest(values, 0.5).unwrap_or(0.0));
    let (limit_hz, limit_drop_db) = limit(&floor, bin_hz);
    let bands: Vec<[f64; N_FLOOR_BANDS]> = powers.chunks_exact(n_bins).map(|frame| bands(frame, bin_hz)).collect();
    let floor_db = std::array::from_fn(|band| {
        let values: Vec<f64> = bands.iter().map(|bands| bands[band]).collect();
        power_db(quantile_nearest(&values, FLOOR_SHARE).unwrap_or(0.0))
    });
    let edge_db = |frames: &[[f64; N_FLOOR_BANDS]]| {
        std::array::from_fn(|band| {
            power_db(frames.iter().map(|frame| frame[band]).sum::<f64>() / frames.len().max(1) as f64)
        })
    };
    // About 0.1 s.
    let n_edge = ((0.1 / (bin_hz.recip() / 2.0)) as usize).clamp(1, bands.len());
    Tone {
        centroid_hz: centroid(&mean, bin_hz),
        rolloff_hz: rolloff(&mean, bin_hz),
        flatness_db: flatness_db(&mean),
        limit_hz,
        limit_drop_db,
        floor_db,
        start_db: edge_db(&bands[..n_edge]),
        end_db: edge_db(&bands[bands.len() - n_edge..]),
    }
}

fn power_db(power: f64) -> f64 {
    (10.0 * power.max(1e-12).log10()).max(FLOOR_DB)
}

/// One number for each bin, computed from its values over time.
fn over_time(powers: &[f32], n_bins: usize, number: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut values = vec![0.0; powers.len() / n_bins];
    (0..n_bins)
        .map(|bin| {
            values.iter_mut().zip(powers[bin..].iter().step_by(n_bins)).for_each(|(value, &power)| {
                *value = f64::from(power);
            });
            number(&values)
        })
        .collect()
}

/// Power in each band of the noise floor.
fn bands(frame: &[f32], bin_hz: f64) -> [f64; N_FLOOR_BANDS] {
    let [low_hz, high_hz] = FLOOR_BANDS_HZ;
    let edge = |i: usize| {
        let hz = low_hz * (high_hz / low_hz).powf(i as f64 / N_FLOOR_BANDS as f64);
        ((hz / bin_hz).round() as usize).min(frame.len())
    };
    // A band narrower than a bin has that bin.
    std::array::from_fn(|band| {
        let (from, to) = (edge(band), edge(band + 1).max((edge(band) + 1).min(frame.len())));
        frame[from..to].iter().map(|&power| f64::from(power)).sum()
    })
}

fn centroid(mean: &[f64], bin_hz: f64) -> f64 {
    let total: f64 = mean.iter().skip(1).sum();
    let weighted: f64 = mean.iter().enumerate().skip(1).map(|(bin, power)| bin as f64 * bin_hz * power).sum();
    if total > 0.0 { weighted / total } else { 0.0 }
}

/// The frequency below which 99 % of the energy is.
fn rolloff(mean: &[f64], bin_hz: f64) -> f64 {
    let total: f64 = mean.iter().skip(1).sum();
    let mut sum = 0.0;
    for (bin, power) in mean.iter().enumerate().skip(1) {
        sum += power;
        if total > 0.0 && sum >= 0.99 * total {
            return bin as f64 * bin_hz;
        }
    }
    0.0
}

/// Geometric over arithmetic mean in decibels: 0 for white noise, much lower for a tone.
fn flatness_db(mean: &[f64]) -> f64 {
    let bins = &mean[1..];
    let arithmetic = bins.iter().sum::<f64>() / bins.len() as f64;
    let geometric = bins.iter().map(|power| power.max(1e-15).ln()).sum::<f64>() / bins.len() as f64;
    if arithmetic > 0.0 { 10.0 * (geometric - arithmetic.max(1e-15).ln()) / std::f64::consts::LN_10 } else { 0.0 }
}

/// Where a steady spectrum ends: the frequency with the largest drop from a narrow stretch below it to the loudest stretch
/// above it, and that drop in decibels. Computed on the median over time: a song can end at any frequency, but steady
/// noise ends at a filter.
fn limit(floor: &[f64], bin_hz: f64) -> (f64, f64) {
    let n_bins = floor.len();
    let stretch = (n_bins / 32).max(2);
    // From 12 % of the spectrum on, above hum and rumble, and below the slope of any anti-aliasing filter.
    let candidates = n_bins / 8..n_bins.saturating_sub(n_bins / 12 + 2 * stretch);
    let level =
        |bins: std::ops::Range<usize>| power_db(bins.clone().map(|bin| floor[bin]).sum::<f64>() / bins.len() as f64);
    // Loudest stretch from each bin on.
    let mut above = vec![FLOOR_DB; n_bins + 1];
    for bin in (0..=n_bins - stretch).rev() {
        above[bin] = above[bin + 1].max(level(bin..bin + stretch));
    }
    let mut best = (n_bins - 1, 0.0);
    for bin in candidates {
        let drop_db = level(bin - stretch..bin) - above[bin + stretch];
        if drop_db > best.1 {
            best = (bin, drop_db);
        }
    }
    (best.0 as f64 * bin_hz, best.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn noise(n: usize) -> Vec<f32> {
        let mut draw = ChaCha8Rng::seed_from_u64(1);
        (0..n).map(|_| draw.random_range(-0.5..0.5)).collect()
    }

    /// Noise below `share` of half the rate: a windowed sinc.
    fn low_passed(samples: &[f32], share: f64) -> Vec<f32> {
        let half = 100i32;
        let taps: Vec<f64> = (-half..=half)
            .map(|i| {
                let x = std::f64::consts::PI * f64::from(i) * share;
                let sinc = if i == 0 { 1.0 } else { x.sin() / x };
                let at = f64::from(i) / f64::from(half);
                share
                    * sinc
                    * (0.42 + 0.5 * (std::f64::consts::PI * at).cos() + 0.08 * (2.0 * std::f64::consts::PI * at).cos())
            })
            .collect();
        samples
            .windows(taps.len())
            .map(|part| part.iter().zip(&taps).map(|(x, t)| f64::from(*x) * t).sum::<f64>() as f32)
            .collect()
    }

    #[test]
    fn white_noise_is_flat_and_ends_nowhere() {
        let tone = tone(&noise(16000), 16000);
        assert!((tone.centroid_hz - 4000.0).abs() < 100.0 && tone.rolloff_hz > 7800.0, "{tone:?}");
        assert!(tone.flatness_db > -0.5 && tone.limit_drop_db < 3.0, "{tone:?}");
        // A twelfth of 8 octaves each: two thirds of an octave, and so 2 dB more a band.
        assert!((tone.floor_db[8] - tone.floor_db[6] - 4.0).abs() < 1.5, "{tone:?}");
        assert_eq!(tone.floor_db[11], FLOOR_DB); // 10.1 kHz and above
    }

    #[test]
    fn a_filter_is_where_the_noise_ends() {
        let tone = tone(&low_passed(&noise(40000), 0.5), 40000);
        assert!((tone.limit_hz - 10_000.0).abs() < 600.0 && tone.limit_drop_db > 40.0, "{tone:?}");
        assert!((tone.rolloff_hz - 10_000.0).abs() < 500.0);
    }

    #[test]
    fn silence_and_less_than_a_frame_are_fine() {
        for samples in [vec![0.0; 5000], vec![0.1; 3], Vec::new()] {
            let tone = tone(&samples, 8000);
            assert!([tone.centroid_hz, tone.rolloff_hz, tone.flatness_db, tone.limit_hz].iter().all(|x| x.is_finite()));
            assert!(tone.floor_db.iter().all(|level_db| *level_db >= FLOOR_DB));
        }
    }
}
