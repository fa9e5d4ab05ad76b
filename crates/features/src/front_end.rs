//! The front end: built once from a configuration, then computes many clips.

use std::ops::Range;

use crate::axis::Axis;
use crate::config::{FrontEndConfig, Kind, Output, Precision, Spectrum};
use crate::error::{Error, Result};
use crate::frames;
use crate::linear::Linear;
use crate::mel::MelBank;
use crate::mfcc::Dct;
use crate::output::scale;
use crate::pcen::Pcen;
use crate::stft::{BLOCK, Buffers, Stft, sounding};

/// The largest magnitude of a sample: far above any integer scale, and squares of sums stay finite.
const SAMPLE_LIMIT: f32 = 1e9;

/// Samples to a spectrogram: the window, the transform's plan and the bands, shared by all threads.
pub struct FrontEnd {
    config: FrontEndConfig,
    transform: Transform,
    stage: Stage,
}

/// One call of [`FrontEnd::compute`], to be compiled for each set of instructions.
struct Compute<'a> {
    front_end: &'a FrontEnd,
    samples: &'a [f32],
    n_frames: usize,
    scratch: &'a mut Scratch,
    out: &'a mut [f32],
}

impl pulp::WithSimd for Compute<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        self.front_end.transform(self.samples, self.n_frames, self.scratch, self.out);
    }
}

/// The transform in either arithmetic.
enum Transform {
    F64(Stft<f64>),
    F32(Stft<f32>),
}

/// What is made of the spectrum.
enum Stage {
    LogMel { bank: MelBank, spectrum: Spectrum, output: Output },
    Pcen { bank: MelBank, spectrum: Spectrum, pcen: Pcen },
    Linear { linear: Linear, spectrum: Spectrum, output: Output },
    Mfcc { bank: MelBank, dct: Dct, output: Output },
    Waveform,
}

/// What a thread writes while it computes; made by [`FrontEnd::scratch`] and used for any number of clips.
///
/// Nothing is kept in it from clip to clip. It holds a few transforms, and for cepstral coefficients the mel bands of
/// the longest clip so far.
pub struct Scratch {
    transform: TransformScratch,
    /// One block of frames, `[bins, BLOCK]`.
    block: Vec<[f32; BLOCK]>,
    /// Mel bands of a clip before their cosine transform, `[n_mels, n_frames]`.
    bands: Vec<f32>,
    /// One coefficient of a clip, `[n_frames]`.
    sums: Vec<f64>,
    made_for: Shape,
}

enum TransformScratch {
    F64(Buffers<f64>),
    F32(Buffers<f32>),
}

/// What scratch space depends on.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Shape {
    n_fft: usize,
    precision: Precision,
    bins: Range<usize>,
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "n_fft = {} in {:?}, bins {:?}", self.n_fft, self.precision, self.bins)
    }
}

impl FrontEnd {
    /// Checks the configuration and plans everything that does not depend on the samples.
    ///
    /// # Errors
    /// The first field whose value makes no sense.
    #[tracing::instrument(level = "debug", skip_all, fields(n_fft = config.n_fft, hop = config.hop))]
    pub fn new(config: &FrontEndConfig) -> Result<Self> {
        config.validate()?;
        let stage = match &config.kind {
            Kind::LogMel(log_mel) => Stage::LogMel {
                bank: MelBank::new(config, &log_mel.mel)?,
                spectrum: log_mel.spectrum,
                output: log_mel.output,
            },
            Kind::Pcen(pcen) => Stage::Pcen {
                bank: MelBank::new(config, &pcen.mel)?,
                spectrum: pcen.spectrum,
                pcen: Pcen::new(pcen, config.sample_rate_hz, config.hop),
            },
            Kind::Stft(stft) => {
                Stage::Linear { linear: Linear::new(config, stft)?, spectrum: stft.spectrum, output: stft.output }
            }
            Kind::Waveform => Stage::Waveform,
            Kind::Mfcc(mfcc) => Stage::Mfcc {
                bank: MelBank::new(config, &mfcc.mel)?,
                dct: Dct::new(mfcc.n_mfcc, mfcc.mel.n_mels),
                output: mfcc.output,
            },
        };
        let transform = match config.precision {
            Precision::F64 => Transform::F64(Stft::new(config)),
            Precision::F32 => Transform::F32(Stft::new(config)),
        };
        Ok(Self { config: config.clone(), transform, stage })
    }

    /// What this was built from.
    pub fn config(&self) -> &FrontEndConfig {
        &self.config
    }

    /// Rows of the output.
    pub fn n_bands(&self) -> usize {
        match &self.stage {
            Stage::LogMel { bank, .. } | Stage::Pcen { bank, .. } => bank.n_bands(),
            Stage::Linear { linear, .. } => linear.bins().len(),
            Stage::Mfcc { dct, .. } => dct.n_coefficients(),
            Stage::Waveform => 1,
        }
    }

    /// Columns of the output for a clip of that many samples. Centered: one on the first sample and one every hop from
    /// there, to the end. Inside: all that are whole, and one where none is. An empty clip has one frame, of silence.
    pub fn n_frames(&self, n_samples: usize) -> usize {
        match self.stage {
            Stage::Waveform => n_samples,
            _ => frames::n_frames(&self.config, n_samples),
        }
    }

    /// Frames that hold sound in a clip whose first `n_real_samples` samples are sound and the others padding: those
    /// that the sound would have by itself. All of [`n_frames`](Self::n_frames) where nothing was padded.
    pub fn real_frames(&self, n_real_samples: usize) -> usize {
        if n_real_samples == 0 { 0 } else { self.n_frames(n_real_samples) }
    }

    /// Center frequency of each band in Hz, low to high; empty where rows are not frequencies (cepstral coefficients).
    ///
    /// # Shapes
    /// `[n_bands]`
    pub fn band_hz(&self) -> Vec<f32> {
        match &self.stage {
            Stage::LogMel { bank, .. } | Stage::Pcen { bank, .. } => bank.centers_hz(),
            Stage::Linear { linear, .. } => linear.centers_hz(),
            Stage::Mfcc { .. } | Stage::Waveform => Vec::new(),
        }
    }

    /// What the rows are, for a picture or a table.
    pub fn axis(&self) -> Axis {
        match &self.stage {
            Stage::Mfcc { dct, .. } => Axis::coefficients(dct.n_coefficients()),
            Stage::Waveform => Axis::coefficients(1),
            _ => Axis::frequencies(self.band_hz()),
        }
    }

    /// Unit of the values: `dB`, `power`, `magnitude`, `ln power`, `ln magnitude`, or empty where they have none.
    pub fn unit(&self) -> &'static str {
        match &self.stage {
            Stage::LogMel { spectrum, output, .. } | Stage::Linear { spectrum, output, .. } => {
                match (output, spectrum) {
                    (Output::Db { .. }, _) => "dB",
                    (Output::Linear, Spectrum::Power) => "power",
                    (Output::Linear, Spectrum::Magnitude) => "magnitude",
                    (Output::Ln(_), Spectrum::Power) => "ln power",
                    (Output::Ln(_), Spectrum::Magnitude) => "ln magnitude",
                }
            }
            Stage::Pcen { .. } | Stage::Mfcc { .. } | Stage::Waveform => "",
        }
    }

    /// Seconds from one frame to the next.
    pub fn frame_s(&self) -> f64 {
        let hop = if matches!(self.stage, Stage::Waveform) { 1 } else { self.config.hop };
        hop as f64 / f64::from(self.config.sample_rate_hz)
    }

    /// Space for one thread to work in.
    pub fn scratch(&self) -> Scratch {
        let transform = match &self.transform {
            Transform::F64(stft) => TransformScratch::F64(stft.buffers()),
            Transform::F32(stft) => TransformScratch::F32(stft.buffers()),
        };
        let block = vec![[0.0; BLOCK]; self.bins().len()];
        Scratch { transform, block, bands: Vec::new(), sums: Vec::new(), made_for: self.shape() }
    }

    /// Computes one clip. Allocates nothing once the scratch space has seen a clip of this length.
    ///
    /// # Shapes
    /// `samples`: `[n_samples]` at the configured rate; `out`: `[n_bands, n_frames(n_samples)]`, row-major, low to
    /// high band, early to late frame.
    pub fn compute(&self, samples: &[f32], scratch: &mut Scratch, out: &mut [f32]) -> Result<()> {
        let n_frames = self.n_frames(samples.len());
        self.check(samples, scratch, out, n_frames)?;
        // The same arithmetic in the same order on every processor, in vectors as long as it has.
        pulp::Arch::new().dispatch(Compute { front_end: self, samples, n_frames, scratch, out });
        Ok(())
    }

    #[inline(always)]
    fn transform(&self, samples: &[f32], n_frames: usize, scratch: &mut Scratch, out: &mut [f32]) {
        match &self.stage {
            Stage::Waveform => out.copy_from_slice(samples),
            Stage::LogMel { bank, spectrum, output } => {
                self.mel(samples, *spectrum, bank, scratch, out);
                scale(out, *spectrum, *output);
            }
            Stage::Pcen { bank, spectrum, pcen } => {
                self.mel(samples, *spectrum, bank, scratch, out);
                out.chunks_exact_mut(n_frames).for_each(|band| pcen.apply(band));
            }
            Stage::Linear { linear, spectrum, output } => {
                let write = |block: &[_], frames| linear.apply(block, out, n_frames, frames);
                self.for_each_block(samples, *spectrum, scratch, write);
                scale(out, *spectrum, *output);
            }
            Stage::Mfcc { bank, dct, output } => {
                let mut bands = std::mem::take(&mut scratch.bands);
                bands.resize(bank.n_bands() * n_frames, 0.0);
                self.mel(samples, Spectrum::Power, bank, scratch, &mut bands);
                scale(&mut bands, Spectrum::Power, *output);
                scratch.sums.resize(n_frames, 0.0);
                dct.apply(&bands, &mut scratch.sums, out);
                scratch.bands = bands;
            }
        }
    }

    /// Computes one clip into a vector of its own; use [`compute`](Self::compute) for many.
    ///
    /// # Shapes
    /// `[n_bands, n_frames(n_samples)]`
    pub fn compute_one(&self, samples: &[f32]) -> Result<Vec<f32>> {
        let mut out = vec![0.0; self.n_bands() * self.n_frames(samples.len())];
        self.compute(samples, &mut self.scratch(), &mut out)?;
        Ok(out)
    }

    fn check(&self, samples: &[f32], scratch: &Scratch, out: &[f32], n_frames: usize) -> Result<()> {
        let (n_bands, n_samples) = (self.n_bands(), samples.len());
        let expected = n_bands * n_frames;
        if out.len() != expected {
            return Err(Error::Output { n_samples, n_bands, n_frames, expected, got: out.len() });
        }
        let shape = self.shape();
        if scratch.made_for != shape {
            return Err(Error::Scratch { expected: shape.to_string(), got: scratch.made_for.to_string() });
        }
        // Without its sign, a float orders like its bits, and infinities and NaN are above every number.
        let magnitude_bits = |sample: f32| (sample.to_bits() & 0x7fff_ffff) as i32;
        let limit = magnitude_bits(SAMPLE_LIMIT);
        if samples.iter().fold(0, |largest, &sample| magnitude_bits(sample).max(largest)) <= limit {
            return Ok(());
        }
        let index = samples.iter().position(|&sample| magnitude_bits(sample) > limit).unwrap_or(0);
        Err(Error::Sample { index, limit: SAMPLE_LIMIT, got: samples[index] })
    }

    #[inline(always)]
    fn mel(&self, samples: &[f32], spectrum: Spectrum, bank: &MelBank, scratch: &mut Scratch, out: &mut [f32]) {
        let n_frames = self.n_frames(samples.len());
        let write = |block: &[_], frames| bank.apply(block, out, n_frames, frames);
        self.for_each_block(samples, spectrum, scratch, write);
    }

    /// Calls `write` with the spectrum of a few frames, `[bins, BLOCK]`, and which they are, in order.
    #[inline(always)]
    fn for_each_block(
        &self,
        samples: &[f32],
        spectrum: Spectrum,
        scratch: &mut Scratch,
        mut write: impl FnMut(&[[f32; BLOCK]], Range<usize>),
    ) {
        let n_frames = self.n_frames(samples.len());
        let bins = scratch.made_for.bins.clone();
        let block = &mut scratch.block;
        let sounding = sounding(samples);
        for start in (0..n_frames).step_by(BLOCK) {
            let frames = start..n_frames.min(start + BLOCK);
            match (&self.transform, &mut scratch.transform) {
                (Transform::F64(stft), TransformScratch::F64(buffers)) => {
                    stft.power(samples, sounding.clone(), frames.clone(), bins.clone(), buffers, block);
                }
                (Transform::F32(stft), TransformScratch::F32(buffers)) => {
                    stft.power(samples, sounding.clone(), frames.clone(), bins.clone(), buffers, block);
                }
                _ => unreachable!("scratch space is checked to be of this precision"),
            }
            if spectrum == Spectrum::Magnitude {
                block.as_flattened_mut().iter_mut().for_each(|value| *value = value.sqrt());
            }
            write(block, frames);
        }
    }

    fn bins(&self) -> Range<usize> {
        match &self.stage {
            Stage::LogMel { bank, .. } | Stage::Pcen { bank, .. } | Stage::Mfcc { bank, .. } => bank.bins(),
            Stage::Linear { linear, .. } => linear.bins(),
            Stage::Waveform => 0..0,
        }
    }

    fn shape(&self) -> Shape {
        Shape { n_fft: self.config.n_fft, precision: self.config.precision, bins: self.bins() }
    }
}

impl std::fmt::Debug for FrontEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrontEnd").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LogMelConfig, MelConfig};
    use crate::preset::Preset;

    /// 128 bands and a frame every 512 samples, whatever the default is.
    fn usual() -> FrontEndConfig {
        let mel = MelConfig { n_mels: 128, ..MelConfig::default() };
        let kind = Kind::LogMel(LogMelConfig { mel, ..LogMelConfig::default() });
        FrontEndConfig { hop: 512, kind, ..FrontEndConfig::default() }
    }

    #[test]
    fn is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<FrontEnd>();
    }

    #[test]
    fn frames_are_counted_to_the_last_hop() {
        let front_end = FrontEnd::new(&usual()).unwrap();
        assert_eq!(front_end.n_frames(0), 1);
        assert_eq!(front_end.n_frames(511), 1);
        assert_eq!(front_end.n_frames(512), 2);
        assert_eq!(front_end.n_frames(5 * 22_050), 216);
        assert_eq!(front_end.real_frames(0), 0);
        assert_eq!(front_end.real_frames(5 * 22_050), 216);
    }

    #[test]
    fn scratch_is_used_again_without_a_trace() {
        for preset in Preset::ALL {
            let front_end = FrontEnd::new(&preset.config()).unwrap();
            let loud: Vec<f32> = (0..9000).map(|i| (i as f32 * 0.7).sin()).collect();
            let quiet: Vec<f32> = (0..700).map(|i| 1e-3 * (i as f32 * 0.2).cos()).collect();
            let mut scratch = front_end.scratch();
            let mut out = vec![0.0; front_end.n_bands() * front_end.n_frames(loud.len())];
            front_end.compute(&loud, &mut scratch, &mut out).unwrap();
            let mut out = vec![0.0; front_end.n_bands() * front_end.n_frames(quiet.len())];
            front_end.compute(&quiet, &mut scratch, &mut out).unwrap();
            assert_eq!(out, front_end.compute_one(&quiet).unwrap(), "{preset}");
        }
    }

    #[test]
    fn wrong_calls_are_errors_that_say_what_fits() {
        let front_end = FrontEnd::new(&usual()).unwrap();
        let mut scratch = front_end.scratch();
        let error = front_end.compute(&[0.0; 1024], &mut scratch, &mut [0.0; 5]).unwrap_err();
        assert!(error.to_string().contains("128 bands x 3 frames = 384 values, got 5"), "{error}");
        let error = front_end.compute_one(&[0.0, f32::NAN]).unwrap_err();
        assert!(error.to_string().contains("sample 1: expected a finite value"), "{error}");
        let short = FrontEnd::new(&FrontEndConfig { n_fft: 1024, ..usual() }).unwrap();
        let error = front_end.compute(&[], &mut short.scratch(), &mut [0.0; 128]).unwrap_err();
        assert!(error.to_string().contains("expected one made for n_fft = 2048"), "{error}");
    }
}
