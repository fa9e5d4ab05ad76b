//! The configuration of a front end: serializable, checked before anything is built.

use serde::{Deserialize, Serialize};

/// Everything that decides the values of a spectrogram, apart from the samples.
///
/// A field that is left out of a configuration file takes its default; a field that is not known is an error. Fields
/// that came later than the first shards and models are written only where they are not the default, so that what was
/// the same front end before is the same text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrontEndConfig {
    /// Rate of the samples that will be given, in Hz. The front end does not resample.
    pub sample_rate_hz: u32,
    /// Samples a transform, even.
    pub n_fft: usize,
    /// Samples a frame, which are those of the window, with zeros up to the transform's; `None`: `n_fft`.
    pub n_window: Option<usize>,
    /// Samples from one frame to the next.
    pub hop: usize,
    /// Where frames are.
    #[serde(skip_serializing_if = "is_default")]
    pub framing: Framing,
    /// Whether the mean of each frame is taken off it.
    #[serde(skip_serializing_if = "is_default")]
    pub remove_dc: bool,
    /// Share of the sample before that is taken off each sample of a frame, 0 to 1, which makes high frequencies
    /// louder; 0: none is. The first sample, before which a frame has none, counts as its own.
    #[serde(skip_serializing_if = "is_default")]
    pub pre_emphasis: f64,
    /// What a frame is weighted with.
    #[serde(skip_serializing_if = "is_default")]
    pub window: Window,
    /// Arithmetic of the Fourier transform.
    pub precision: Precision,
    /// What is made of the spectrum.
    pub kind: Kind,
}

/// Where frames are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// The first is centered on the first sample, with silence beyond both ends of the sound.
    #[default]
    #[serde(rename = "centred", alias = "centered")]
    Centered,
    /// The first begins with the first sample and the last ends within the sound; a sound shorter than a frame is
    /// followed by silence. Zeros up to the transform's length come after the frame.
    Inside,
}

/// What a frame is weighted with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// One period of a raised cosine: its first sample is zero and its last is not, and shifted copies at a hop of half
    /// its length add up to one.
    #[default]
    PeriodicHann,
    /// The same with its first and its last sample zero.
    SymmetricHann,
}

/// Arithmetic of the Fourier transform. The rest is in f32 in both cases.
///
/// In f32 the rounding of a transform is a noise floor some 140 dB under the loudest bin of a frame. Bands that are far
/// below that bin carry it: over real recordings, up to 1e-3 dB where `top_db` keeps 80 dB, and up to some 0.1 dB
/// where nothing is cut off. In f64 the same figures are both about 1e-5 dB, the rounding of an f32 decibel value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Exact to the rounding of the output.
    F64,
    /// A front end some 1.5 times as fast, with a noise floor.
    F32,
}

/// The kinds of front end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Kind {
    /// Mel bands, in decibels by default.
    LogMel(LogMelConfig),
    /// Mel bands with an automatic gain for each (per-channel energy normalization).
    Pcen(PcenConfig),
    /// The bins of the Fourier transform as they are, on a linear frequency axis.
    Stft(StftConfig),
    /// Mel-frequency cepstral coefficients.
    Mfcc(MfccConfig),
    /// The samples as they are, one band of them: the input of a network with a front end of its own. Transform, hop and
    /// window have no part in it.
    Waveform,
}

/// The mel bands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MelConfig {
    /// Number of bands.
    pub n_mels: usize,
    /// Lower edge of the lowest band, in Hz.
    pub f_min_hz: f64,
    /// Upper edge of the highest band, in Hz; `None`: half the sample rate.
    pub f_max_hz: Option<f64>,
    /// The frequency scale on which the bands are equally wide.
    pub scale: MelScale,
    /// The axis along which the sides of a band's triangle are straight.
    #[serde(skip_serializing_if = "is_default")]
    pub linear_in: LinearIn,
    /// The height of the bands.
    pub norm: MelNorm,
    /// What to do where a band is narrower than the spacing of the bins and holds none.
    pub empty_bands: EmptyBands,
}

/// A mel scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MelScale {
    /// Linear to 1 kHz, logarithmic above (Slaney's Auditory Toolbox).
    Slaney,
    /// 2595 log10(1 + f / 700) (the Hidden Markov Toolkit). Kaldi's and TensorFlow's 1127 ln(1 + f / 700) is this but
    /// for a factor, and bands do not change with a factor: `kaldi` in a configuration file is this.
    #[serde(alias = "kaldi")]
    Htk,
}

/// The axis along which the sides of a triangle are straight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinearIn {
    /// Frequency in Hz, as librosa has it.
    #[default]
    Hz,
    /// The mel scale of the bands, as Kaldi and TensorFlow have it.
    Mel,
}

/// Height of the triangular bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MelNorm {
    /// Equal area: 2 / (width in Hz).
    Slaney,
    /// Equal height: 1 at the peak.
    None,
}

/// What to do with mel bands that hold no bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmptyBands {
    /// An error: such a band is silent whatever the sound.
    Refuse,
    /// Leave them silent, for a model that was trained with such bands.
    Allow,
}

/// What is summed into bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spectrum {
    /// Absolute value of a bin.
    Magnitude,
    /// Its square.
    Power,
}

/// The scale of the values that come out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Output {
    /// As summed: magnitude or power.
    Linear,
    /// Decibels: 10 log10 of a power, 20 log10 of a magnitude.
    Db {
        /// What 0 dB is.
        #[serde(default = "Reference::one")]
        reference: Reference,
        /// Values further than this below the clip's maximum are raised to there; `None`: none are.
        #[serde(default)]
        top_db: Option<f32>,
    },
    /// The natural logarithm of what was summed.
    Ln(Quietest),
}

/// What keeps the logarithm of silence finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quietest {
    /// This is added to every value.
    Offset(f32),
    /// Values below this count as this.
    Floor(f32),
}

/// What 0 dB is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reference {
    /// A power of one.
    One,
    /// The largest value of the clip.
    Max,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl FrontEndConfig {
    /// Samples of a frame.
    pub(crate) fn frame_len(&self) -> usize {
        self.n_window.unwrap_or(self.n_fft)
    }
}

impl Reference {
    fn one() -> Self {
        Self::One
    }
}

/// Log-mel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogMelConfig {
    /// The bands.
    pub mel: MelConfig,
    /// What is summed.
    pub spectrum: Spectrum,
    /// Scale of the values.
    pub output: Output,
}

/// Per-channel energy normalization of mel bands.
///
/// With `s` the band's value and `m` its first-order low-pass over time, the output is
/// `(s / (eps + m)^gain + bias)^power - bias^power`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PcenConfig {
    /// The bands.
    pub mel: MelConfig,
    /// What is summed.
    pub spectrum: Spectrum,
    /// Factor on the bands before everything else: `eps` is meant for samples of 32-bit integers, hence 2^31.
    pub input_scale: f64,
    /// Strength of the automatic gain, 0 to 1 as a rule.
    pub gain: f64,
    /// Offset before compression.
    pub bias: f64,
    /// Exponent of compression; 0: logarithm.
    pub power: f64,
    /// Time constant of the low-pass, in seconds.
    pub time_constant_s: f64,
    /// The smallest gain divisor.
    pub eps: f64,
}

/// Linear frequency axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StftConfig {
    /// Bins below are left out, in Hz.
    pub f_min_hz: f64,
    /// Bins above are left out, in Hz; `None`: half the sample rate.
    pub f_max_hz: Option<f64>,
    /// What a bin holds.
    pub spectrum: Spectrum,
    /// Scale of the values.
    pub output: Output,
}

/// Mel-frequency cepstral coefficients: an orthonormal DCT-II over the mel bands in decibels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MfccConfig {
    /// The bands.
    pub mel: MelConfig,
    /// Number of coefficients, from the zeroth up.
    pub n_mfcc: usize,
    /// Scale of the mel bands before the transform.
    pub output: Output,
}

impl Output {
    /// Decibels against a power of one, the lowest 80 dB under the clip's maximum.
    pub const DB_80: Self = Self::Db { reference: Reference::One, top_db: Some(80.0) };
}

/// Below this is wind, handling and the hum of mains, and neither barks nor songs.
const LOWEST_HZ: f64 = 50.0;

impl Default for MelConfig {
    fn default() -> Self {
        Self {
            n_mels: 64,
            f_min_hz: LOWEST_HZ,
            f_max_hz: None,
            scale: MelScale::Slaney,
            linear_in: LinearIn::Hz,
            norm: MelNorm::Slaney,
            empty_bands: EmptyBands::Refuse,
        }
    }
}

impl Default for LogMelConfig {
    fn default() -> Self {
        Self { mel: MelConfig::default(), spectrum: Spectrum::Power, output: Output::DB_80 }
    }
}

impl Default for PcenConfig {
    fn default() -> Self {
        Self {
            mel: MelConfig::default(),
            spectrum: Spectrum::Magnitude,
            input_scale: 2_147_483_648.0,
            gain: 0.98,
            bias: 2.0,
            power: 0.5,
            time_constant_s: 0.4,
            eps: 1e-6,
        }
    }
}

impl Default for StftConfig {
    fn default() -> Self {
        Self { f_min_hz: LOWEST_HZ, f_max_hz: None, spectrum: Spectrum::Power, output: Output::DB_80 }
    }
}

impl Default for MfccConfig {
    fn default() -> Self {
        Self { mel: MelConfig::default(), n_mfcc: 20, output: Output::DB_80 }
    }
}

impl Default for FrontEndConfig {
    /// Log-mel: 64 bands from 50 Hz to 11,025 Hz, a frame every 46 ms, decibels down to 80 under the maximum.
    ///
    /// - *Log-mel* is what networks for sound are made and pretrained for; it keeps what both a picture and an ear
    ///   tell apart, in few numbers.
    /// - *22,050 Hz* holds nearly all of the sound: of 213 recordings of birds and 22 of dogs at 44.1 and 48 kHz, 0.15 %
    ///   and 0.03 % of the energy was above 11,025 Hz on average, 6.7 % in the bird with most. Half the rate halves the
    ///   work, and recordings of high rates lose what only they have.
    /// - *The full band up to there.* Many collections give a class away by the band limit of its recordings, and
    ///   ending at 8 kHz hides that of 16 kHz files. Measured with a linear classifier on band statistics, it did not
    ///   pay: trained on such a collection, balanced accuracy on recordings from elsewhere (54 clips) was 0.94 to 0.95
    ///   with bands up to 8 kHz and 0.96 to 0.99 up to 10 kHz or 11,025 Hz, where calls of small birds are. Band
    ///   limits are better equalized by augmentation.
    /// - *64 bands and a frame every 1024 samples* are a quarter of the cells of the usual 128 bands and 512 samples,
    ///   and more than a small network can use: trained with three seeds on some 250 recordings, balanced accuracy on
    ///   recordings from elsewhere (54 clips of 42 groups) was 0.94 to 0.96, against 0.89 to 0.93 with 128 and 512, and
    ///   training four times as fast. A deep or pretrained network may want the finer grid.
    /// - *2048 samples a frame* are what other programs take by default.
    /// - *f64*: the only setting that equals other implementations at every level, see [`Precision`].
    fn default() -> Self {
        Self {
            sample_rate_hz: 22_050,
            n_fft: 2048,
            n_window: None,
            hop: 1024,
            framing: Framing::Centered,
            remove_dc: false,
            pre_emphasis: 0.0,
            window: Window::PeriodicHann,
            precision: Precision::F64,
            kind: Kind::LogMel(LogMelConfig::default()),
        }
    }
}
