//! Named configurations.

use std::fmt;
use std::str::FromStr;

use crate::config::{
    EmptyBands, Framing, FrontEndConfig, Kind, LinearIn, LogMelConfig, MelConfig, MelNorm, MelScale, MfccConfig,
    Output, PcenConfig, Precision, Quietest, Spectrum, StftConfig, Window,
};
use crate::error::Error;

/// The front ends by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Mel bands in decibels.
    LogMel,
    /// Mel bands with automatic gain.
    Pcen,
    /// Linear frequency axis in decibels.
    Stft,
    /// Cepstral coefficients.
    Mfcc,
    /// What YAMNet, trained on AudioSet, was trained with: `ln(magnitude + 0.001)` of 64 bands at 16 kHz.
    Yamnet,
    /// What the Audio Spectrogram Transformer was trained with: Kaldi's filter bank of 128 bands at 16 kHz, without the
    /// normalization that follows, which is the model's.
    Ast,
}

impl Preset {
    /// Every preset, the default first.
    pub const ALL: [Self; 6] = [Self::LogMel, Self::Pcen, Self::Stft, Self::Mfcc, Self::Yamnet, Self::Ast];

    /// The name, as a user writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogMel => "log-mel",
            Self::Pcen => "pcen",
            Self::Stft => "stft",
            Self::Mfcc => "mfcc",
            Self::Yamnet => "yamnet",
            Self::Ast => "ast",
        }
    }

    /// The configuration of that name, which includes the sample rate.
    pub fn config(self) -> FrontEndConfig {
        let default_of = |kind| FrontEndConfig { kind, ..FrontEndConfig::default() };
        match self {
            Self::LogMel => default_of(Kind::LogMel(LogMelConfig::default())),
            Self::Pcen => default_of(Kind::Pcen(PcenConfig::default())),
            Self::Stft => default_of(Kind::Stft(StftConfig::default())),
            Self::Mfcc => default_of(Kind::Mfcc(MfccConfig::default())),
            Self::Yamnet => yamnet(),
            Self::Ast => ast(),
        }
    }

    /// Whether a pretrained model expects every setting of [`config`](Self::config) as it is. The others differ from
    /// [`FrontEndConfig::default`] in their kind alone, which goes with any rate, transform and hop.
    pub fn is_of_a_model(self) -> bool {
        matches!(self, Self::Yamnet | Self::Ast)
    }
}

/// Frames of 25 ms every 10 ms, where they are whole, at the rate of both models.
fn speech_frames(kind: Kind) -> FrontEndConfig {
    FrontEndConfig {
        sample_rate_hz: 16_000,
        n_fft: 512,
        n_window: Some(400),
        hop: 160,
        framing: Framing::Inside,
        remove_dc: false,
        pre_emphasis: 0.0,
        window: Window::PeriodicHann,
        precision: Precision::F64,
        kind,
    }
}

fn yamnet() -> FrontEndConfig {
    speech_frames(Kind::LogMel(LogMelConfig {
        mel: MelConfig {
            n_mels: 64,
            f_min_hz: 125.0,
            f_max_hz: Some(7500.0),
            scale: MelScale::Htk,
            linear_in: LinearIn::Mel,
            norm: MelNorm::None,
            empty_bands: EmptyBands::Refuse,
        },
        spectrum: Spectrum::Magnitude,
        output: Output::Ln(Quietest::Offset(0.001)),
    }))
}

fn ast() -> FrontEndConfig {
    let bank = speech_frames(Kind::LogMel(LogMelConfig {
        mel: MelConfig {
            n_mels: 128,
            f_min_hz: 20.0,
            f_max_hz: Some(8000.0),
            scale: MelScale::Htk,
            linear_in: LinearIn::Mel,
            norm: MelNorm::None,
            // The lowest bands are narrower than the spacing of the bins, and the model knows them as silent.
            empty_bands: EmptyBands::Allow,
        },
        spectrum: Spectrum::Power,
        output: Output::Ln(Quietest::Floor(f32::EPSILON)),
    }));
    FrontEndConfig { remove_dc: true, pre_emphasis: 0.97, window: Window::SymmetricHann, ..bank }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|preset| preset.name() == name).ok_or_else(|| Error::Config {
            field: "preset",
            expected: format!("one of {}", Self::ALL.map(Self::name).join(", ")),
            got: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrontEnd;

    #[test]
    fn every_preset_can_be_named_and_built() {
        for preset in Preset::ALL {
            assert_eq!(preset.name().parse(), Ok(preset));
            assert!(FrontEnd::new(&preset.config()).is_ok(), "{preset}");
        }
        assert_eq!(Preset::LogMel.config(), FrontEndConfig::default());
        assert!("mel".parse::<Preset>().unwrap_err().to_string().contains("log-mel, pcen, stft, mfcc, yamnet, ast"));
    }
}
