//! Per-channel energy normalization: an automatic gain a band, then compression.

use crate::config::PcenConfig;

/// The constants of the filter and the curve.
#[derive(Debug)]
pub(crate) struct Pcen {
    input_scale: f64,
    /// Share of the newest frame in the low-pass.
    smoothing: f64,
    gain: f64,
    bias: f64,
    power: f64,
    eps: f64,
}

impl Pcen {
    pub(crate) fn new(config: &PcenConfig, sample_rate_hz: u32, hop: usize) -> Self {
        // The low-pass whose squared response has its half-width at the time constant.
        let frames = config.time_constant_s * f64::from(sample_rate_hz) / hop as f64;
        let smoothing = 2.0 / (1.0 + (1.0 + 4.0 * frames * frames).sqrt());
        Self {
            input_scale: config.input_scale,
            smoothing,
            gain: config.gain,
            bias: config.bias,
            power: config.power,
            eps: config.eps,
        }
    }

    /// Share of the newest frame in the low-pass.
    pub(crate) fn smoothing(&self) -> f64 {
        self.smoothing
    }

    /// Normalizes one band over time, in place.
    ///
    /// The filter begins as after an endless input of one, like a filter that was given its own steady state.
    #[inline(always)]
    pub(crate) fn apply(&self, band: &mut [f32]) {
        let mut smooth = 1.0;
        for value in band {
            let x = f64::from(*value) * self.input_scale;
            smooth += self.smoothing * (x - smooth);
            *value = self.compress(x * (self.eps + smooth).powf(-self.gain)) as f32;
        }
    }

    /// `(x + bias)^power - bias^power`, without the cancellation where `x` is small.
    fn compress(&self, x: f64) -> f64 {
        if self.power == 0.0 {
            x.ln_1p()
        } else if self.bias == 0.0 {
            x.powf(self.power)
        } else if self.power == 0.5 {
            x / ((x + self.bias).sqrt() + self.bias.sqrt())
        } else {
            self.bias.powf(self.power) * (self.power * (x / self.bias).ln_1p()).exp_m1()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pcen(config: PcenConfig) -> Pcen {
        Pcen::new(&config, 22_050, 512)
    }

    #[test]
    fn silence_gives_zero() {
        let mut band = [0.0; 9];
        pcen(PcenConfig::default()).apply(&mut band);
        assert_eq!(band, [0.0; 9]);
    }

    #[test]
    fn a_steady_band_ends_near_the_same_value_whatever_its_level() {
        let pcen = pcen(PcenConfig::default());
        let settled = |level: f32| {
            let mut band = [level; 400];
            pcen.apply(&mut band);
            band[399]
        };
        assert!((settled(1e-3) - settled(1e-2)).abs() < 0.05);
    }

    #[test]
    fn the_square_root_is_the_general_curve() {
        let root = pcen(PcenConfig::default());
        let nearly = pcen(PcenConfig { power: 0.5 + 1e-12, ..PcenConfig::default() });
        for x in [1e-12, 1e-3, 1.0, 1e6] {
            assert!((root.compress(x) / nearly.compress(x) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn smoothing_solves_its_equation() {
        // b^2 t^2 + b - 1 = 0 with t the time constant in frames.
        let pcen = pcen(PcenConfig::default());
        let t = 0.4 * 22_050.0 / 512.0;
        let b = pcen.smoothing;
        assert!((b * b * t * t + b - 1.0).abs() < 1e-12);
    }
}
