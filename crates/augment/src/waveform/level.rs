//! Steps that look at one sample at a time, and the shift.

use super::draw::{between, is_drawn};
use crate::seed::Step;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// The step: louder or quieter.
///
/// Where clips are brought to one level afterwards, as `barkbird` does by default, what is left of it is what comes after
/// it: clipping and quantizing. Recorders' gains differ by some 20 dB.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Gain {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// Decibels, drawn between the two.
    pub db: [f32; 2],
}

impl Gain {
    /// Applies the step in place and returns a description of it.
    pub(crate) fn apply(&self, samples: &mut [f32], seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::WaveGain)?;
        let db = between(self.db, &mut rng);
        let factor = 10f32.powf(db / 20.0);
        samples.iter_mut().for_each(|sample| *sample *= factor);
        Some(format!("gain: {db:+.1} dB"))
    }
}

/// The step: upside down, as a microphone with reversed polarity.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Polarity {
    /// The probability of the step, 0 to 1.
    pub share: f32,
}

impl Polarity {
    /// Applies the step in place and returns a description of it.
    pub(crate) fn apply(&self, samples: &mut [f32], seed: u64) -> Option<String> {
        is_drawn(self.share, seed, Step::Polarity)?;
        samples.iter_mut().for_each(|sample| *sample = -*sample);
        Some("polarity".to_owned())
    }
}

/// The step: what leaves at one end comes in at the other, since a clip's start shows when somebody pressed a button.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// Seconds by which the clip is moved at most, in both directions.
    pub most_s: f32,
}

impl Shift {
    /// Applies the step in place and returns a description of it.
    pub(crate) fn apply(&self, samples: &mut [f32], rate_hz: u32, seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::Shift)?;
        let most = ((f64::from(self.most_s) * f64::from(rate_hz)) as usize).min(samples.len() / 2);
        let by = rng.random_range(0..=2 * most);
        samples.rotate_left(most);
        samples.rotate_right(by);
        Some(format!("shift: {:+.3} s", (by as f64 - most as f64) / f64::from(rate_hz)))
    }
}

/// The step: peaks are cut off, as a recorder does whose gain was too high.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Clipping {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// How far below the clip's peak they are cut off, in decibels, drawn between the two.
    pub below_peak_db: [f32; 2],
}

impl Clipping {
    /// Applies the step in place and returns a description of it.
    pub(crate) fn apply(&self, samples: &mut [f32], seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::Clip)?;
        let db = between(self.below_peak_db, &mut rng);
        let most = peak(samples) * 10f32.powf(-db / 20.0);
        samples.iter_mut().for_each(|sample| *sample = sample.clamp(-most, most));
        Some(format!("clipping: {db:.1} dB below the peak"))
    }
}

/// The greatest magnitude.
pub(crate) fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |most, sample| most.max(sample.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Vec<f32> {
        (0..1000).map(|i| i as f32 / 1000.0).collect()
    }

    #[test]
    fn gain_and_polarity_are_factors() {
        let mut samples = ramp();
        let step = Gain { share: 1.0, db: [-6.0206, -6.0206] };
        assert_eq!(step.apply(&mut samples, 1).as_deref(), Some("gain: -6.0 dB"));
        assert!(samples.iter().zip(ramp()).all(|(a, b)| (2.0 * a - b).abs() < 1e-5));
        let mut samples = ramp();
        Polarity { share: 1.0 }.apply(&mut samples, 1);
        assert!(samples.iter().zip(ramp()).all(|(a, b)| *a == -b));
    }

    #[test]
    fn a_shift_moves_both_ways_and_loses_nothing() {
        let step = Shift { share: 1.0, most_s: 0.1 };
        let moves: Vec<i64> = (0..300)
            .map(|seed| {
                let mut samples = ramp();
                let said = step.apply(&mut samples, 1000, seed).unwrap();
                let at = samples.iter().position(|x| *x == 0.0).unwrap() as i64;
                let by = if at > 500 { at - 1000 } else { at };
                assert_eq!(said, format!("shift: {:+.3} s", by as f64 / 1000.0));
                samples.rotate_left(at as usize);
                assert_eq!(samples, ramp());
                by
            })
            .collect();
        assert!(moves.iter().all(|by| by.abs() <= 100));
        assert!(moves.iter().any(|by| *by < -80) && moves.iter().any(|by| *by > 80));
        assert_eq!(step.apply(&mut [], 1000, 1).as_deref(), Some("shift: +0.000 s"));
    }

    #[test]
    fn clipping_cuts_the_peaks_alone() {
        let mut samples = ramp();
        Clipping { share: 1.0, below_peak_db: [6.0206, 6.0206] }.apply(&mut samples, 1);
        assert!((peak(&samples) - 0.4995).abs() < 1e-4);
        assert_eq!(samples[..499], ramp()[..499]);
    }
}
