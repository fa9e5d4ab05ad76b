//! Low- and high-pass filters: microphones, walls, wind shields, telephones.
//!
//! Butterworth filters (S. Butterworth, "On the theory of filter amplifiers", 1930) of second-order sections in the
//! state-variable form, which are stable at any frequency below the Nyquist one.

use super::draw::{between_log, is_drawn};
use crate::seed::Step;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The step: loses highs by 12 dB an octave, as behind leaves or a wind shield.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct LowPass {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// Where 3 dB are lost, drawn between the two, evenly in the logarithm.
    pub cutoff_hz: [f32; 2],
}

impl LowPass {
    /// Applies the step in place and returns a description of it.
    pub(crate) fn apply(&self, samples: &mut [f32], rate_hz: u32, seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::LowPass)?;
        let hz = between_log(self.cutoff_hz, &mut rng);
        filter(samples, rate_hz, hz, Pass::Low, 2);
        Some(format!("low-pass: {hz:.0} Hz"))
    }
}

/// The step: loses lows by 12 dB an octave, as a recorder's wind filter or a small microphone.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct HighPass {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// Where 3 dB are lost, drawn between the two, evenly in the logarithm.
    pub cutoff_hz: [f32; 2],
}

impl HighPass {
    /// Applies the step in place and returns a description of it.
    pub(crate) fn apply(&self, samples: &mut [f32], rate_hz: u32, seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::HighPass)?;
        let hz = between_log(self.cutoff_hz, &mut rng);
        filter(samples, rate_hz, hz, Pass::High, 2);
        Some(format!("high-pass: {hz:.0} Hz"))
    }
}

/// The step: a band and nothing beside it, by 48 dB an octave. A telephone passes 300 to 3400 Hz (ITU-T G.712).
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct BandLimit {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// The band's lower end, drawn between the two, evenly in the logarithm.
    pub low_hz: [f32; 2],
    /// The band's upper end, drawn between the two, evenly in the logarithm.
    pub high_hz: [f32; 2],
}

impl BandLimit {
    /// Applies the step in place and returns a description of it.
    pub(crate) fn apply(&self, samples: &mut [f32], rate_hz: u32, seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::BandPass)?;
        let (low, high) = (between_log(self.low_hz, &mut rng), between_log(self.high_hz, &mut rng));
        filter(samples, rate_hz, low, Pass::High, 8);
        filter(samples, rate_hz, high, Pass::Low, 8);
        Some(format!("band limit: {low:.0} to {high:.0} Hz"))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Pass {
    Low,
    High,
}

/// A Butterworth filter of an even `order`, in place. A cutoff at or beyond the Nyquist frequency lets all pass below it.
fn filter(samples: &mut [f32], rate_hz: u32, cutoff_hz: f32, pass: Pass, order: usize) {
    let share = f64::from(cutoff_hz) / f64::from(rate_hz);
    if share >= 0.49 && pass == Pass::Low {
        return;
    }
    let g = (PI * share.clamp(1e-6, 0.49)).tan();
    for section in 0..order / 2 {
        let damping = 2.0 * (PI * (2 * section + 1) as f64 / (2 * order) as f64).sin();
        let scale = 1.0 / (1.0 + g * (g + damping));
        let (mut band, mut low) = (0.0, 0.0);
        for sample in &mut *samples {
            let high_out = (f64::from(*sample) - low - (g + damping) * band) * scale;
            let band_out = band + g * high_out;
            let low_out = low + g * band_out;
            (band, low) = (band_out + g * high_out, low_out + g * band_out);
            *sample = if pass == Pass::Low { low_out } else { high_out } as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain_db(hz: f32, change: impl Fn(&mut [f32])) -> f32 {
        let mut samples: Vec<f32> =
            (0..22_050).map(|i| (std::f32::consts::TAU * hz * i as f32 / 22_050.0).sin()).collect();
        change(&mut samples);
        20.0 * samples[11_025..].iter().fold(0.0f32, |most, x| most.max(x.abs())).log10()
    }

    #[test]
    fn three_decibels_at_the_cutoff_and_the_slope_beyond() {
        let low = |hz| gain_db(hz, |s| drop(LowPass { share: 1.0, cutoff_hz: [1000.0; 2] }.apply(s, 22_050, 1)));
        let high = |hz| gain_db(hz, |s| drop(HighPass { share: 1.0, cutoff_hz: [1000.0; 2] }.apply(s, 22_050, 1)));
        assert!((low(1000.0) + 3.0).abs() < 0.1 && low(100.0).abs() < 0.1 && (low(2000.0) + 12.3).abs() < 1.0);
        assert!((high(1000.0) + 3.0).abs() < 0.1 && high(8000.0).abs() < 0.1 && (high(500.0) + 12.3).abs() < 1.0);
    }

    #[test]
    fn a_telephone_passes_its_band() {
        let step = BandLimit { share: 1.0, low_hz: [300.0; 2], high_hz: [3400.0; 2] };
        let gain = |hz| gain_db(hz, |s| drop(step.apply(s, 22_050, 1)));
        assert!(gain(1000.0).abs() < 0.1 && gain(150.0) < -40.0 && gain(6800.0) < -40.0);
        let beyond = BandLimit { share: 1.0, low_hz: [1.0; 2], high_hz: [48_000.0; 2] };
        assert!(gain_db(1000.0, |s| drop(beyond.apply(s, 8_000, 1))).abs() < 0.1);
    }
}
