//! The linear steps of a front end as matrices, for programs that have no Fourier transform: ONNX without one, for example.

use std::f64::consts::TAU;

use crate::config::{Framing, FrontEndConfig, Kind};
use crate::error::Result;
use crate::linear::Linear;
use crate::mel::MelBank;
use crate::mfcc::Dct;
use crate::pcen::Pcen;

/// What a front end does, as products with matrices; what is between them (squares, roots, logarithms) is in its configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearForm {
    /// Samples of a frame.
    pub n_window: usize,
    /// Samples from one frame to the next.
    pub hop: usize,
    /// Samples of silence in front of the first sample, where the first frame begins.
    pub ahead: usize,
    /// Bins of the spectrum.
    pub n_bins: usize,
    /// Real parts of the bins from the samples of a frame, `[n_bins, n_window]`: window, mean and pre-emphasis are in them.
    pub real: Vec<f32>,
    /// Imaginary parts, `[n_bins, n_window]`.
    pub imaginary: Vec<f32>,
    /// Bands from bins, `[n_bands, n_bins]`; none where bins are the bands.
    pub bands: Option<Vec<f32>>,
    /// Coefficients from bands in decibels, `[n_coefficients, n_bands]`, of MFCC alone.
    pub coefficients: Option<Vec<f32>>,
    /// Share of the newest frame in PCEN's low-pass, of PCEN alone.
    pub smoothing: Option<f64>,
}

impl LinearForm {
    /// Of a configuration.
    ///
    /// # Errors
    /// As for [`FrontEnd::new`](crate::FrontEnd::new).
    pub fn new(config: &FrontEndConfig) -> Result<Self> {
        config.validate()?;
        let bank = |mel| MelBank::new(config, mel).map(|bank| (bank.bins(), Some(bank.matrix())));
        let (bins, bands) = match &config.kind {
            Kind::LogMel(log_mel) => bank(&log_mel.mel)?,
            Kind::Pcen(pcen) => bank(&pcen.mel)?,
            Kind::Mfcc(mfcc) => bank(&mfcc.mel)?,
            Kind::Stft(stft) => (Linear::new(config, stft)?.bins(), None),
        };
        let coefficients = match &config.kind {
            Kind::Mfcc(mfcc) => Some(Dct::new(mfcc.n_mfcc, mfcc.mel.n_mels).matrix()),
            _ => None,
        };
        let smoothing = match &config.kind {
            Kind::Pcen(pcen) => Some(Pcen::new(pcen, config.sample_rate_hz, config.hop).smoothing()),
            _ => None,
        };
        let n_window = config.frame_len();
        let ahead = match config.framing {
            Framing::Centered => config.n_fft / 2 - (config.n_fft - n_window) / 2,
            Framing::Inside => 0,
        };
        let window = config.window.weights(n_window);
        let (mut real, mut imaginary) = (Vec::new(), Vec::new());
        for bin in bins.clone() {
            let angle = |i: usize| TAU * ((bin * i) % config.n_fft) as f64 / config.n_fft as f64;
            let part = |of: fn(f64) -> f64| {
                let plain: Vec<f64> = (0..n_window).map(|i| window[i] * of(angle(i))).collect();
                of_samples(&plain, config).into_iter().map(|value| value as f32)
            };
            real.extend(part(f64::cos));
            imaginary.extend(part(|angle| -angle.sin()));
        }
        let n_bins = bins.len();
        Ok(Self { n_window, hop: config.hop, ahead, n_bins, real, imaginary, bands, coefficients, smoothing })
    }
}

/// The same product with samples as they come, whose mean is taken off and which are pre-emphasized first.
fn of_samples(plain: &[f64], config: &FrontEndConfig) -> Vec<f64> {
    let mut of_level = plain.to_vec();
    for (i, weight) in plain.iter().enumerate() {
        // The first sample counts as the one before itself.
        of_level[i.saturating_sub(1)] -= config.pre_emphasis * weight;
    }
    if config.remove_dc {
        let mean = of_level.iter().sum::<f64>() / of_level.len() as f64;
        of_level.iter_mut().for_each(|weight| *weight -= mean);
    }
    of_level
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Output, Spectrum};
    use crate::{FrontEnd, Preset};

    /// The bands of samples in f64, by the matrices.
    fn bands(form: &LinearForm, spectrum: Spectrum, samples: &[f32], n_frames: usize) -> Vec<f64> {
        let n_bands = form.bands.as_ref().map_or(form.n_bins, |bands| bands.len() / form.n_bins);
        let mut out = vec![0.0; n_bands * n_frames];
        for frame in 0..n_frames {
            let at = |i: usize| {
                let place = (frame * form.hop + i).checked_sub(form.ahead);
                place.and_then(|place| samples.get(place)).map_or(0.0, |sample| f64::from(*sample))
            };
            let dot = |row: &[f32]| row.iter().enumerate().map(|(i, w)| f64::from(*w) * at(i)).sum::<f64>();
            let bins: Vec<f64> = form
                .real
                .chunks_exact(form.n_window)
                .zip(form.imaginary.chunks_exact(form.n_window))
                .map(|(real, imaginary)| dot(real).powi(2) + dot(imaginary).powi(2))
                .map(|power| if spectrum == Spectrum::Magnitude { power.sqrt() } else { power })
                .collect();
            for band in 0..n_bands {
                out[band * n_frames + frame] = match &form.bands {
                    Some(bands) => {
                        let weights = &bands[band * form.n_bins..(band + 1) * form.n_bins];
                        weights.iter().zip(&bins).map(|(w, bin)| f64::from(*w) * bin).sum()
                    }
                    None => bins[band],
                };
            }
        }
        out
    }

    #[test]
    fn matrices_give_what_the_transform_gives() {
        let samples: Vec<f32> = (0..4000).map(|i| (i as f32 * 0.31).sin() * (i as f32 * 0.0017).cos() + 0.05).collect();
        for preset in [Preset::LogMel, Preset::Stft, Preset::Yamnet, Preset::Ast] {
            let mut config = preset.config();
            let (spectrum, output) = match &mut config.kind {
                Kind::LogMel(log_mel) => (log_mel.spectrum, &mut log_mel.output),
                Kind::Stft(stft) => (stft.spectrum, &mut stft.output),
                _ => unreachable!("no other kind is asked for"),
            };
            *output = Output::Linear;
            let front_end = FrontEnd::new(&config).unwrap();
            let expected = front_end.compute_one(&samples).unwrap();
            let n_frames = front_end.n_frames(samples.len());
            let got = bands(&LinearForm::new(&config).unwrap(), spectrum, &samples, n_frames);
            // What is rounded in a matrix is a noise floor below the loudest value.
            let loudest = expected.iter().fold(0.0, |loudest: f32, value| loudest.max(*value));
            for (got, expected) in got.iter().zip(&expected) {
                let difference = (got - f64::from(*expected)).abs();
                let bound = 1e-3 * f64::from(*expected) + 1e-7 * f64::from(loudest);
                assert!(difference < bound, "{preset}: {got}, expected {expected} of {loudest}");
            }
        }
    }

    #[test]
    fn what_belongs_to_one_kind_alone_is_there() {
        let mfcc = LinearForm::new(&Preset::Mfcc.config()).unwrap();
        assert_eq!((mfcc.coefficients.map(|rows| rows.len()), mfcc.smoothing), (Some(20 * 64), None));
        let pcen = LinearForm::new(&Preset::Pcen.config()).unwrap();
        assert!(pcen.smoothing.is_some_and(|share| share > 0.0 && share < 1.0));
        assert!(LinearForm::new(&FrontEndConfig { hop: 0, ..FrontEndConfig::default() }).is_err());
    }
}
