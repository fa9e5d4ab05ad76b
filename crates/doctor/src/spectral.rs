//! How far up a sound reaches, and what is under it: what recorders, codecs and places leave, whatever is recorded.

use crate::spectrum::power_frames;

/// Edges of the bands of a noise floor, in Hz: about two to an octave, since a floor is smooth.
const EDGES_HZ: [f64; 15] = [
    60.0, 120.0, 250.0, 500.0, 750.0, 1000.0, 1500.0, 2000.0, 3000.0, 4000.0, 5500.0, 8000.0, 11_000.0, 16_000.0,
    24_000.0,
];

/// Bands of a noise floor.
pub const N_FLOOR_BANDS: usize = EDGES_HZ.len() - 1;

/// Share of the frames that are quieter than what is taken for the floor.
const FLOOR_SHARE: f64 = 0.1;

/// What is so far below the strongest is taken for nothing.
const RANGE_DB: f64 = 75.0;

/// Length of a frame in seconds.
const FRAME_S: f64 = 0.032;

/// What a spectrum tells of the recording rather than of the recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectral {
    /// The highest frequency at which, on the mean over time, there is more than 75 dB below the strongest.
    pub bandwidth_hz: f64,
    /// Level of the quietest tenth of the frames in each band, in dB below the sound's own level, so that a gain does
    /// not change it; -120 where there is nothing. `[N_FLOOR_BANDS]`.
    pub floor_db: Vec<f64>,
}

/// Measures `samples`. None where the sound is shorter than a frame of 32 ms, or silent.
pub fn spectral(samples: &[f32], rate_hz: u32) -> Option<Spectral> {
    let n_window = ((FRAME_S * f64::from(rate_hz)) as usize / 2 * 2).max(16);
    let n_bins = n_window / 2 + 1;
    let powers = power_frames(samples, n_window, n_window / 2);
    let n_frames = powers.len() / n_bins;
    let mut mean = vec![0.0_f64; n_bins];
    for frame in powers.chunks_exact(n_bins) {
        frame.iter().zip(&mut mean).for_each(|(power, mean)| *mean += f64::from(*power) / n_frames as f64);
    }
    let total: f64 = mean.iter().sum();
    if n_frames == 0 || total <= 1e-14 {
        return None;
    }
    let bin_hz = f64::from(rate_hz) / n_window as f64;
    let strongest = mean.iter().skip(1).copied().fold(0.0, f64::max);
    let least = strongest * 10.0_f64.powf(-RANGE_DB / 10.0);
    let highest = mean.iter().rposition(|power| *power > least).unwrap_or(0);
    let band = |edges: &[f64]| {
        let bin = |hz: f64| ((hz / bin_hz).round() as usize).min(n_bins);
        let (from, to) = (bin(edges[0]), bin(edges[1]));
        if from >= to {
            return -120.0;
        }
        let mut levels: Vec<f64> =
            powers.chunks_exact(n_bins).map(|frame| frame[from..to].iter().map(|p| f64::from(*p)).sum()).collect();
        let at = (FLOOR_SHARE * (levels.len() - 1) as f64) as usize;
        let (_, floor, _) = levels.select_nth_unstable_by(at, f64::total_cmp);
        (10.0 * (*floor / total).max(1e-12).log10()).max(-120.0)
    };
    let floor_db = EDGES_HZ.windows(2).map(band).collect();
    Some(Spectral { bandwidth_hz: highest as f64 * bin_hz, floor_db })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::mixed;

    fn noise(n: usize, amplitude: f32) -> Vec<f32> {
        (0..n as u64).map(|i| amplitude * ((mixed(7, i) % 65_536) as f32 / 32_768.0 - 1.0)).collect()
    }

    #[test]
    fn the_edge_of_a_sound_is_found() {
        // A tone of 3 kHz that comes and goes, at 48 kHz.
        let tone = |i: usize| (std::f32::consts::TAU * 3000.0 * i as f32 / 48_000.0).sin();
        let swell = |i: usize| 0.5 - 0.5 * (std::f32::consts::TAU * i as f32 / 48_000.0).cos();
        let samples: Vec<f32> = (0..48_000).map(|i| tone(i) * swell(i)).collect();
        let found = spectral(&samples, 48_000).unwrap();
        assert!((2900.0..3400.0).contains(&found.bandwidth_hz), "{}", found.bandwidth_hz);
        assert!(spectral(&noise(48_000, 0.1), 48_000).unwrap().bandwidth_hz > 23_900.0);
    }

    #[test]
    fn the_floor_is_that_of_the_quiet_part_whatever_the_gain() {
        let mut samples = noise(32_000, 0.001);
        samples.iter_mut().zip(noise(8000, 1.0)).for_each(|(sample, loud)| *sample += loud);
        let found = spectral(&samples, 16_000).unwrap();
        // White noise 60 dB under what sounds for a quarter of the time: bands as wide as half of all are at -57 dB.
        let widest = found.floor_db[10];
        assert!((-59.0..-54.0).contains(&(widest - 10.0 * (2500.0_f64 / 4000.0).log10())), "{:?}", found.floor_db);
        assert_eq!(found.floor_db[13], -120.0);
        let louder: Vec<f32> = samples.iter().map(|sample| 8.0 * sample).collect();
        let louder = spectral(&louder, 16_000).unwrap();
        assert!(louder.floor_db.iter().zip(&found.floor_db).all(|(a, b)| (a - b).abs() < 0.01));
    }

    #[test]
    fn silence_and_clicks_have_none() {
        assert_eq!(spectral(&[0.0; 8000], 8000), None);
        assert_eq!(spectral(&[1.0; 10], 8000), None);
    }
}
