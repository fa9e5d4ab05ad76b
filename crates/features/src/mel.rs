//! Mel scales and the bank of triangular bands.

use std::ops::Range;

use crate::config::{EmptyBands, FrontEndConfig, LinearIn, MelConfig, MelNorm, MelScale};
use crate::error::{Error, Result};
use crate::stft::BLOCK;

/// Triangular bands over the bins of a spectrum, of each band only the bins that it covers.
pub(crate) struct MelBank {
    bands: Vec<Band>,
    weights: Vec<f32>,
    /// Bins that any band covers.
    bins: Range<usize>,
}

struct Band {
    /// First bin.
    first: usize,
    /// Place of its weights in the bank's.
    weights: Range<usize>,
    center_hz: f32,
}

impl MelBank {
    pub(crate) fn new(config: &FrontEndConfig, mel: &MelConfig) -> Result<Self> {
        let mut bank = Self { bands: Vec::with_capacity(mel.n_mels), weights: Vec::new(), bins: 0..0 };
        for triangle in edges(mel, config.nyquist_hz()).windows(3) {
            let (first, weights) = weigh(triangle, config, mel);
            let start = bank.weights.len();
            bank.weights.extend(weights);
            let weights = start..bank.weights.len();
            bank.bands.push(Band { first, weights, center_hz: triangle[1].hz as f32 });
        }
        let covered = || bank.bands.iter().filter(|band| !band.weights.is_empty());
        let n_empty = bank.bands.len() - covered().count();
        if n_empty > 0 && mel.empty_bands == EmptyBands::Refuse {
            return Err(too_narrow(config, mel, n_empty));
        }
        let first = covered().map(|band| band.first).min().unwrap_or(0);
        let end = covered().map(|band| band.first + band.weights.len()).max().unwrap_or(0);
        bank.bins = first..end.max(first);
        Ok(bank)
    }

    pub(crate) fn n_bands(&self) -> usize {
        self.bands.len()
    }

    /// The bins that are needed.
    pub(crate) fn bins(&self) -> Range<usize> {
        self.bins.clone()
    }

    /// The weights of all bands over the [bins](Self::bins) that are needed, `[n_bands, bins]`.
    pub(crate) fn matrix(&self) -> Vec<f32> {
        let mut matrix = vec![0.0; self.bands.len() * self.bins.len()];
        for (band, row) in self.bands.iter().zip(matrix.chunks_exact_mut(self.bins.len().max(1))) {
            let start = band.first.saturating_sub(self.bins.start);
            let weights = &self.weights[band.weights.clone()];
            row[start..start + weights.len()].copy_from_slice(weights);
        }
        matrix
    }

    pub(crate) fn centers_hz(&self) -> Vec<f32> {
        self.bands.iter().map(|band| band.center_hz).collect()
    }

    /// Sums a block of frames into bands.
    ///
    /// # Shapes
    /// `spectrum`: `[bins, BLOCK]`, its first row the first of [`bins`](Self::bins); `out`: `[n_bands, n_frames]`,
    /// of which the columns `columns` are written.
    #[inline(always)]
    pub(crate) fn apply(&self, spectrum: &[[f32; BLOCK]], out: &mut [f32], n_frames: usize, columns: Range<usize>) {
        for (band, row) in self.bands.iter().zip(out.chunks_exact_mut(n_frames)) {
            let weights = &self.weights[band.weights.clone()];
            let start = band.first.saturating_sub(self.bins.start);
            let mut sums = [0.0_f32; BLOCK];
            for (&weight, frames) in weights.iter().zip(&spectrum[start..start + weights.len()]) {
                for (sum, &value) in sums.iter_mut().zip(frames) {
                    *sum += weight * value;
                }
            }
            row[columns.clone()].copy_from_slice(&sums[..columns.len()]);
        }
    }
}

/// A corner of a triangle.
struct Edge {
    hz: f64,
    mel: f64,
}

/// Lower edge, center and upper edge of every band: band `i` has those at `i`, `i + 1` and `i + 2`.
///
/// # Shapes
/// `[n_mels + 2]`
fn edges(mel: &MelConfig, nyquist_hz: f64) -> Vec<Edge> {
    let low = mel.scale.hz_to_mel(mel.f_min_hz);
    let high = mel.scale.hz_to_mel(mel.f_max_hz.unwrap_or(nyquist_hz));
    let step = (high - low) / (mel.n_mels + 1) as f64;
    let mels = (0..=mel.n_mels).map(|i| low + i as f64 * step).chain([high]);
    mels.map(|m| Edge { hz: mel.scale.mel_to_hz(m), mel: m }).collect()
}

/// The first bin of a triangle and the weights from there on.
///
/// Weights are rounded to f32 before they are normalized and after, as librosa does, so that they are the same bits.
fn weigh(triangle: &[Edge], config: &FrontEndConfig, mel: &MelConfig) -> (usize, Vec<f32>) {
    let (low_hz, high_hz) = (triangle[0].hz, triangle[2].hz);
    let height = match mel.norm {
        MelNorm::Slaney => 2.0 / (high_hz - low_hz),
        MelNorm::None => 1.0,
    };
    let [low, center, high] = [0, 1, 2].map(|corner| match mel.linear_in {
        LinearIn::Hz => triangle[corner].hz,
        LinearIn::Mel => triangle[corner].mel,
    });
    let spacing_hz = 1.0 / (config.n_fft as f64 * (1.0 / f64::from(config.sample_rate_hz)));
    let weight = |bin: usize| {
        let hz = bin as f64 * spacing_hz;
        let place = match mel.linear_in {
            LinearIn::Hz => hz,
            LinearIn::Mel => mel.scale.hz_to_mel(hz),
        };
        let rising = (place - low) / (center - low);
        let falling = (high - place) / (high - center);
        let side = rising.min(falling).max(0.0) as f32;
        (f64::from(side) * height) as f32
    };
    let n_bins = config.n_fft / 2 + 1;
    let near = (low_hz / spacing_hz) as usize..n_bins.min((high_hz / spacing_hz) as usize + 2);
    let mut covered = near.skip_while(|&bin| weight(bin) == 0.0).peekable();
    let first = covered.peek().copied().unwrap_or(0);
    (first, covered.map(weight).take_while(|&w| w > 0.0).collect())
}

/// The error that bands without a bin are, with the nearest settings that have none.
fn too_narrow(config: &FrontEndConfig, mel: &MelConfig, n_empty: usize) -> Error {
    let has_no_empty = |n_fft: usize, n_mels: usize| {
        let config = FrontEndConfig { n_fft, ..config.clone() };
        let mel = MelConfig { n_mels, ..mel.clone() };
        edges(&mel, config.nyquist_hz()).windows(3).all(|t| !weigh(t, &config, &mel).1.is_empty())
    };
    let fewer = (1..mel.n_mels).rev().find(|&n_mels| has_no_empty(config.n_fft, n_mels));
    let longer = (1..6).map(|shift| config.n_fft << shift).find(|&n_fft| has_no_empty(n_fft, mel.n_mels));
    let mut ways = Vec::new();
    ways.extend(fewer.map(|n_mels| format!("mel.n_mels of at most {n_mels}")));
    ways.extend(longer.map(|n_fft| format!("n_fft = {n_fft}")));
    ways.push("mel.empty_bands = \"allow\"".to_owned());
    Error::Config {
        field: "mel.n_mels",
        expected: format!("bands that each hold a bin of n_fft = {} ({})", config.n_fft, ways.join(", or ")),
        got: format!("{}, of which {n_empty} hold none", mel.n_mels),
    }
}

/// Slaney's scale: 200/3 Hz a mel up to here, then 27 mels for a factor of 6.4.
const SLANEY_BREAK_HZ: f64 = 1000.0;
const SLANEY_HZ_PER_MEL: f64 = 200.0 / 3.0;
const SLANEY_BREAK_MEL: f64 = SLANEY_BREAK_HZ / SLANEY_HZ_PER_MEL;

impl MelScale {
    /// Hz to mel.
    fn hz_to_mel(self, hz: f64) -> f64 {
        match self {
            Self::Slaney if hz >= SLANEY_BREAK_HZ => SLANEY_BREAK_MEL + (hz / SLANEY_BREAK_HZ).ln() / slaney_log_step(),
            Self::Slaney => hz / SLANEY_HZ_PER_MEL,
            Self::Htk => 2595.0 * (1.0 + hz / 700.0).log10(),
        }
    }

    /// Mel to Hz.
    fn mel_to_hz(self, mel: f64) -> f64 {
        match self {
            Self::Slaney if mel >= SLANEY_BREAK_MEL => {
                SLANEY_BREAK_HZ * (slaney_log_step() * (mel - SLANEY_BREAK_MEL)).exp()
            }
            Self::Slaney => mel * SLANEY_HZ_PER_MEL,
            Self::Htk => 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0),
        }
    }
}

fn slaney_log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bank(mel: MelConfig) -> Result<MelBank> {
        MelBank::new(&FrontEndConfig::default(), &mel)
    }

    #[test]
    fn scales_are_inverted() {
        for scale in [MelScale::Slaney, MelScale::Htk] {
            for hz in [0.0, 20.0, 999.0, 1000.0, 1001.0, 11_025.0, 48_000.0] {
                assert!((scale.mel_to_hz(scale.hz_to_mel(hz)) - hz).abs() < 1e-8, "{scale:?} {hz}");
            }
        }
        assert!((MelScale::Slaney.hz_to_mel(1000.0) - 15.0).abs() < 1e-12);
        assert!((MelScale::Slaney.hz_to_mel(6400.0) - 42.0).abs() < 1e-12);
        assert!((MelScale::Htk.hz_to_mel(1000.0) - 999.9855).abs() < 1e-3);
    }

    #[test]
    fn equal_height_bands_add_up_to_one_between_the_outer_centers() {
        for linear_in in [LinearIn::Hz, LinearIn::Mel] {
            let equal_height = MelConfig { n_mels: 128, norm: MelNorm::None, linear_in, ..MelConfig::default() };
            let bank = bank(equal_height).unwrap();
            let mut sums = vec![0.0_f32; 1025];
            for band in &bank.bands {
                for (sum, weight) in sums[band.first..].iter_mut().zip(&bank.weights[band.weights.clone()]) {
                    *sum += weight;
                }
            }
            let spacing_hz = 22_050.0 / 2048.0;
            let (low, high) = (bank.bands[0].center_hz, bank.bands[127].center_hz);
            for (bin, sum) in sums.iter().enumerate() {
                let hz = bin as f32 * spacing_hz;
                if hz > low && hz < high {
                    assert!((sum - 1.0).abs() < 1e-5, "bin {bin}: {sum}");
                }
            }
        }
    }

    #[test]
    fn sides_that_are_straight_in_mel_bulge_in_hz() {
        let of = |linear_in| {
            let mel =
                MelConfig { n_mels: 8, scale: MelScale::Htk, norm: MelNorm::None, linear_in, ..MelConfig::default() };
            bank(mel).unwrap()
        };
        let (hz, mel) = (of(LinearIn::Hz), of(LinearIn::Mel));
        let inner_bin = hz.bands[7].first + 3; // on the rising side of the highest band
        let weight = |bank: &MelBank| bank.weights[bank.bands[7].weights.start + inner_bin - bank.bands[7].first];
        assert_eq!(hz.bands[7].first, mel.bands[7].first);
        assert!(weight(&mel) > weight(&hz) && weight(&mel) < 1.5 * weight(&hz), "{} {}", weight(&mel), weight(&hz));
    }

    #[test]
    fn kaldis_name_is_understood() {
        let mel: MelConfig = toml::from_str("scale = \"kaldi\"").unwrap();
        assert_eq!(mel.scale, MelScale::Htk);
    }

    #[test]
    fn equal_area_bands_have_equal_area() {
        let bank = bank(MelConfig { n_mels: 24, ..MelConfig::default() }).unwrap();
        for band in &bank.bands {
            let area = bank.weights[band.weights.clone()].iter().sum::<f32>() * 22_050.0 / 2048.0;
            assert!((area - 1.0).abs() < 0.05, "{area}");
        }
    }

    #[test]
    fn bins_outside_the_range_are_not_needed() {
        let bank =
            bank(MelConfig { n_mels: 40, f_min_hz: 500.0, f_max_hz: Some(8000.0), ..MelConfig::default() }).unwrap();
        let spacing_hz = 22_050.0 / 2048.0;
        assert!(bank.bins().start as f64 * spacing_hz > 500.0);
        assert!((bank.bins().end - 1) as f64 * spacing_hz < 8000.0);
    }

    #[test]
    fn bands_without_a_bin_are_refused_with_a_way_out() {
        let config = FrontEndConfig { n_fft: 256, ..FrontEndConfig::default() };
        let error = MelBank::new(&config, &MelConfig { n_mels: 128, ..MelConfig::default() }).err().unwrap();
        let Error::Config { field, expected, got } = error else { panic!("{error}") };
        assert_eq!(field, "mel.n_mels");
        assert!(expected.contains("n_fft = 512") && expected.contains("at most"), "{expected}");
        assert!(got.starts_with("128, of which"), "{got}");
        let allowed = MelConfig { n_mels: 128, empty_bands: EmptyBands::Allow, ..MelConfig::default() };
        assert_eq!(MelBank::new(&config, &allowed).unwrap().n_bands(), 128);
    }
}
