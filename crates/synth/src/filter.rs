//! The two filters that everything here is shaped with.

use std::f32::consts::{PI, TAU};

/// A first-order low-pass; what it takes away is the high-pass.
#[derive(Clone, Copy)]
pub(crate) struct OnePole {
    share: f32,
    state: f32,
}

impl OnePole {
    pub(crate) fn new(cutoff_hz: f32, rate_hz: f32) -> Self {
        Self { share: 1.0 - (-TAU * cutoff_hz / rate_hz).exp(), state: 0.0 }
    }

    pub(crate) fn low(&mut self, x: f32) -> f32 {
        self.state += self.share * (x - self.state);
        self.state
    }

    pub(crate) fn high(&mut self, x: f32) -> f32 {
        x - self.low(x)
    }
}

/// A second-order filter in the state-variable form, which stays stable whatever is drawn.
#[derive(Clone, Copy)]
pub(crate) struct TwoPole {
    g: f32,
    damping: f32,
    scale: f32,
    band: f32,
    low: f32,
}

impl TwoPole {
    /// `sharpness` is the quality factor: 0.7 is flat, above 3 it rings. The frequency is kept below Nyquist.
    pub(crate) fn new(frequency_hz: f32, sharpness: f32, rate_hz: f32) -> Self {
        let g = (PI * (frequency_hz / rate_hz).clamp(1e-4, 0.49)).tan();
        let damping = 1.0 / sharpness;
        Self { g, damping, scale: 1.0 / (1.0 + g * (g + damping)), band: 0.0, low: 0.0 }
    }

    /// The outputs (low, band, high) for one sample; `band` has a gain of one at the center.
    pub(crate) fn run(&mut self, x: f32) -> (f32, f32, f32) {
        let high = (x - self.low - (self.g + self.damping) * self.band) * self.scale;
        let band = self.band + self.g * high;
        let low = self.low + self.g * band;
        self.band = band + self.g * high;
        self.low = low + self.g * band;
        (low, band * self.damping, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gain of `filter` for a sine of `hz` at 16 kHz, after it has settled.
    fn gain(hz: f32, mut filter: impl FnMut(f32) -> f32) -> f32 {
        let loudest = |(i, y): (usize, f32)| if i > 8000 { y.abs() } else { 0.0 };
        (0..16000).map(|i| filter((TAU * hz * i as f32 / 16000.0).sin())).enumerate().map(loudest).fold(0.0, f32::max)
    }

    #[test]
    fn one_pole_halves_power_at_its_cutoff() {
        let at = |hz: f32| {
            let mut filter = OnePole::new(500.0, 16000.0);
            gain(hz, |x| filter.low(x))
        };
        assert!((at(500.0) - 0.707).abs() < 0.03 && at(50.0) > 0.98 && at(5000.0) < 0.15);
    }

    #[test]
    fn two_pole_passes_its_band() {
        let at = |hz: f32| {
            let mut filter = TwoPole::new(1000.0, 5.0, 16000.0);
            gain(hz, |x| filter.run(x).1)
        };
        assert!((at(1000.0) - 1.0).abs() < 0.02 && at(250.0) < 0.1 && at(4000.0) < 0.1);
        let mut filter = TwoPole::new(1000.0, 0.707, 16000.0);
        assert!(gain(4000.0, |x| filter.run(x).0) < 0.06, "12 dB an octave");
    }
}
