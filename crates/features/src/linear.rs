//! The bins of the transform as they are: a linear frequency axis.

use std::ops::Range;

use crate::config::{FrontEndConfig, StftConfig};
use crate::error::{Error, Result};
use crate::stft::BLOCK;

/// The bins from the lowest to the highest frequency that is asked for, both included.
#[derive(Debug)]
pub(crate) struct Linear {
    bins: Range<usize>,
    spacing_hz: f64,
}

impl Linear {
    pub(crate) fn new(config: &FrontEndConfig, stft: &StftConfig) -> Result<Self> {
        let spacing_hz = f64::from(config.sample_rate_hz) / config.n_fft as f64;
        let f_max_hz = stft.f_max_hz.unwrap_or(config.nyquist_hz());
        let n_bins = config.n_fft / 2 + 1;
        // A limit that is a bin's frequency includes it, whatever the rounding of the division.
        let first = (stft.f_min_hz / spacing_hz - 1e-9).ceil().max(0.0) as usize;
        let end = n_bins.min((f_max_hz / spacing_hz + 1e-9).floor() as usize + 1);
        if first >= end {
            return Err(Error::Config {
                field: "f_max_hz",
                expected: format!("a range that holds a bin: they are {spacing_hz} Hz apart"),
                got: format!("{} to {f_max_hz} Hz", stft.f_min_hz),
            });
        }
        Ok(Self { bins: first..end, spacing_hz })
    }

    pub(crate) fn bins(&self) -> Range<usize> {
        self.bins.clone()
    }

    pub(crate) fn centers_hz(&self) -> Vec<f32> {
        self.bins().map(|bin| (bin as f64 * self.spacing_hz) as f32).collect()
    }

    /// Writes a block of frames to the columns `columns`.
    ///
    /// # Shapes
    /// `spectrum`: `[bins, BLOCK]`; `out`: `[bins, n_frames]`
    #[inline(always)]
    pub(crate) fn apply(&self, spectrum: &[[f32; BLOCK]], out: &mut [f32], n_frames: usize, columns: Range<usize>) {
        for (frames, row) in spectrum.iter().zip(out.chunks_exact_mut(n_frames)) {
            row[columns.clone()].copy_from_slice(&frames[..columns.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_included() {
        let config = FrontEndConfig { sample_rate_hz: 8000, n_fft: 800, ..FrontEndConfig::default() };
        let stft = StftConfig { f_min_hz: 100.0, f_max_hz: Some(1000.0), ..StftConfig::default() };
        let linear = Linear::new(&config, &stft).unwrap();
        assert_eq!(linear.bins(), 10..101);
        assert_eq!(linear.centers_hz()[0], 100.0);
        let all = Linear::new(&config, &StftConfig { f_min_hz: 0.0, ..StftConfig::default() }).unwrap();
        assert_eq!(all.bins(), 0..401);
    }

    #[test]
    fn a_range_between_two_bins_is_refused() {
        let stft = StftConfig { f_min_hz: 101.0, f_max_hz: Some(102.0), ..StftConfig::default() };
        let config = FrontEndConfig { sample_rate_hz: 8000, n_fft: 800, ..FrontEndConfig::default() };
        assert!(Linear::new(&config, &stft).unwrap_err().to_string().contains("10 Hz apart"));
    }
}
