//! Named configurations.

use std::fmt;
use std::str::FromStr;

use crate::config::{FrontEndConfig, Kind, LogMelConfig, MfccConfig, PcenConfig, StftConfig};
use crate::error::Error;

/// The front ends by name. They differ from [`FrontEndConfig::default`], which is the first, in their kind alone.
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
}

impl Preset {
    /// Every preset, the default first.
    pub const ALL: [Self; 4] = [Self::LogMel, Self::Pcen, Self::Stft, Self::Mfcc];

    /// The name, as a user writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogMel => "log-mel",
            Self::Pcen => "pcen",
            Self::Stft => "stft",
            Self::Mfcc => "mfcc",
        }
    }

    /// The configuration of that name.
    pub fn config(self) -> FrontEndConfig {
        let kind = match self {
            Self::LogMel => Kind::LogMel(LogMelConfig::default()),
            Self::Pcen => Kind::Pcen(PcenConfig::default()),
            Self::Stft => Kind::Stft(StftConfig::default()),
            Self::Mfcc => Kind::Mfcc(MfccConfig::default()),
        };
        FrontEndConfig { kind, ..FrontEndConfig::default() }
    }
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
        assert!("mel".parse::<Preset>().unwrap_err().to_string().contains("log-mel, pcen, stft, mfcc"));
    }
}
