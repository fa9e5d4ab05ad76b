//! What is done to a spectrogram, and how strongly.

use serde::{Deserialize, Serialize};

/// Most points that a curve over the bands goes through.
pub(crate) const MOST_POINTS: usize = 16;

/// Levels of a gate where nothing else is set.
const USUAL_GATE_DB: [f32; 2] = [20.0, 60.0];

/// How strongly each step of [`augment`](crate::augment) acts. A field left out of a file takes its value from
/// [`SpectrogramAugment::light`]; zero (or `false`) switches a step off.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct SpectrogramAugment {
    /// The probability that only an excerpt of the clip is kept, repeated until it fills the frames, 0 to 1. Short
    /// recordings are repeated to fill a window; so is then any clip, and repetition is no longer a hint at the label.
    pub excerpt_share: f32,
    /// The shortest excerpt, as a share of the frames, 0 to 1; the length is drawn from this to 1.
    pub excerpt_shortest: f32,
    /// Time masks per clip.
    pub time_masks: usize,
    /// The widest time mask, as a share of the frames, 0 to 1. Each mask's width is drawn from 0 to this.
    pub time_mask_share: f32,
    /// Frequency masks per clip.
    pub frequency_masks: usize,
    /// The widest frequency mask in bands. Each mask's width is drawn from 0 to this.
    pub frequency_mask_bands: usize,
    /// The furthest that the clip is moved along the bands, up or down, as a share of the bands, 0 to 1; the distance is
    /// drawn from 0 to this. What leaves at one end is gone; bands that come in at the other have the clip's lowest
    /// cell. On a mel scale it stands for a higher or a lower voice, so that pitch by itself says less about the label.
    pub frequency_shift_share: f32,
    /// Roll the clip in time by a drawn number of frames; what leaves at the end comes in at the start.
    pub roll: bool,
    /// A gain drawn from plus or minus this many decibels is added to every cell.
    pub gain_db: f32,
    /// A straight line over the bands, from `-t` at the lowest to `+t` at the highest, is added; `t` is drawn from
    /// plus or minus this many decibels. It imitates another microphone's or room's frequency response.
    pub tilt_db: f32,
    /// The probability that the clip is gated, 0 to 1: cells below a drawn level are set to one drawn value, so that a
    /// recording without a noise floor does not give its label away. Written only where it is on, as the next.
    #[serde(skip_serializing_if = "is_zero")]
    pub gate_share: f32,
    /// How many decibels the gate's level is below the clip's loudest cell, drawn between the two.
    #[serde(skip_serializing_if = "is_usual_gate")]
    pub gate_below_db: [f32; 2],
    /// The probability that stationary noise is added, 0 to 1, so that neither the level nor the shape of a recording's
    /// own noise floor can give its label away.
    pub noise_share: f32,
    /// How many decibels the added noise is below the clip's loudest cell, drawn between the two.
    pub noise_below_db: [f32; 2],
    /// The noise's color: a straight line over the bands as in [`tilt_db`](Self::tilt_db).
    pub noise_tilt_db: f32,
    /// The probability that the clip loses its upper bands, 0 to 1: bands from a drawn cutoff on are set to the clip's
    /// lowest cell, so that a recording's own band limit cannot give its label away.
    pub band_limit_share: f32,
    /// The lowest cutoff, as a share of the bands, 0 to 1; the cutoff is drawn from this to 1.
    pub band_limit_lowest: f32,
    /// How far a frame moves at most when the time axis is bent, as a share of the frames, 0 to 1 (SpecAugment: 80 of
    /// some 1000 frames).
    pub time_warp_share: f32,
    /// The probability of each band to be lost, 0 to 1: it then holds the mean of the training clips.
    pub band_dropout_share: f32,
    /// A curve over the bands is added, in straight lines through drawn points within plus or minus this many decibels:
    /// [`tilt_db`](Self::tilt_db) with bends (FilterAugment: 6 dB).
    pub filter_curve_db: f32,
    /// How many points the curve has, drawn between the two; 2 to 16 (FilterAugment: 4 to 7, both ends counted).
    pub filter_curve_points: [usize; 2],
    /// The parameter of the Beta distribution that decides how much of a clip [`cut_mix`](crate::cut_mix) keeps; 0 for
    /// no CutMix. Read by the training loop; where mixup is on too, each clip gets either, see [`mixing`](crate::mixing).
    pub cutmix_alpha: f32,
    /// The parameter of mixup's Beta distribution; 0 for no mixup. Read by the training loop, see
    /// [`mixup_lambda`](crate::mixup_lambda).
    pub mixup_alpha: f32,
}

impl SpectrogramAugment {
    /// Nothing: [`augment`](crate::augment) leaves the clip as it is.
    pub fn off() -> Self {
        Self {
            excerpt_share: 0.0,
            excerpt_shortest: 0.2,
            time_masks: 0,
            time_mask_share: 0.0,
            frequency_masks: 0,
            frequency_mask_bands: 0,
            frequency_shift_share: 0.0,
            roll: false,
            gain_db: 0.0,
            tilt_db: 0.0,
            gate_share: 0.0,
            gate_below_db: USUAL_GATE_DB,
            noise_share: 0.0,
            noise_below_db: [20.0, 60.0],
            noise_tilt_db: 12.0,
            band_limit_share: 0.0,
            band_limit_lowest: 0.5,
            time_warp_share: 0.0,
            band_dropout_share: 0.0,
            filter_curve_db: 0.0,
            filter_curve_points: [4, 7],
            cutmix_alpha: 0.0,
            mixup_alpha: 0.0,
        }
    }

    /// Whether a clip by itself stays as it is; it may still be mixed with another one.
    pub fn keeps_clips(&self) -> bool {
        let ranges = Self {
            excerpt_shortest: self.excerpt_shortest,
            gate_below_db: self.gate_below_db,
            noise_below_db: self.noise_below_db,
            noise_tilt_db: self.noise_tilt_db,
            band_limit_lowest: self.band_limit_lowest,
            filter_curve_points: self.filter_curve_points,
            cutmix_alpha: self.cutmix_alpha,
            mixup_alpha: self.mixup_alpha,
            ..Self::off()
        };
        *self == ranges
    }

    /// Mild steps: roll, some gain and tilt, one narrow mask per axis, a little mixup.
    pub fn light() -> Self {
        Self {
            time_masks: 1,
            time_mask_share: 0.1,
            frequency_masks: 1,
            frequency_mask_bands: 12,
            roll: true,
            gain_db: 6.0,
            tilt_db: 3.0,
            mixup_alpha: 0.2,
            ..Self::off()
        }
    }

    /// For sets whose recordings differ by more than what was recorded: wide masks, and noise and band limits drawn
    /// anew, so that loudness, color, noise floor and bandwidth say little about the label.
    pub fn strong() -> Self {
        Self {
            excerpt_share: 0.5,
            time_masks: 2,
            time_mask_share: 0.2,
            frequency_masks: 2,
            frequency_mask_bands: 24,
            roll: true,
            gain_db: 12.0,
            tilt_db: 9.0,
            noise_share: 0.5,
            band_limit_share: 0.5,
            mixup_alpha: 0.3,
            ..Self::off()
        }
    }

    /// Checks every range, once, where a configuration is read.
    ///
    /// # Errors
    /// The first field whose value makes no sense, with what was expected.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let [nearest, farthest] = self.noise_below_db;
        let [gate_nearest, gate_farthest] = self.gate_below_db;
        let [fewest, most] = self.filter_curve_points;
        let checks = [
            ("excerpt_share", self.excerpt_share, "a share from 0 to 1", is_share(self.excerpt_share)),
            ("excerpt_shortest", self.excerpt_shortest, "a share from 0 to 1", is_share(self.excerpt_shortest)),
            ("time_mask_share", self.time_mask_share, "a share from 0 to 1", is_share(self.time_mask_share)),
            (
                "frequency_shift_share",
                self.frequency_shift_share,
                "a share from 0 to 1",
                is_share(self.frequency_shift_share),
            ),
            ("gain_db", self.gain_db, "0 or more decibels", is_amount(self.gain_db)),
            ("tilt_db", self.tilt_db, "0 or more decibels", is_amount(self.tilt_db)),
            ("gate_share", self.gate_share, "a share from 0 to 1", is_share(self.gate_share)),
            ("gate_below_db[0]", gate_nearest, "0 or more decibels", is_amount(gate_nearest)),
            (
                "gate_below_db[1]",
                gate_farthest,
                "no less than gate_below_db[0]",
                gate_farthest.is_finite() && gate_farthest >= gate_nearest,
            ),
            ("noise_share", self.noise_share, "a share from 0 to 1", is_share(self.noise_share)),
            ("noise_tilt_db", self.noise_tilt_db, "0 or more decibels", is_amount(self.noise_tilt_db)),
            ("noise_below_db[0]", nearest, "0 or more decibels", is_amount(nearest)),
            (
                "noise_below_db[1]",
                farthest,
                "no less than noise_below_db[0]",
                farthest.is_finite() && farthest >= nearest,
            ),
            ("band_limit_share", self.band_limit_share, "a share from 0 to 1", is_share(self.band_limit_share)),
            ("band_limit_lowest", self.band_limit_lowest, "a share from 0 to 1", is_share(self.band_limit_lowest)),
            ("time_warp_share", self.time_warp_share, "a share from 0 to 1", is_share(self.time_warp_share)),
            ("band_dropout_share", self.band_dropout_share, "a share from 0 to 1", is_share(self.band_dropout_share)),
            ("filter_curve_db", self.filter_curve_db, "0 or more decibels", is_amount(self.filter_curve_db)),
            ("filter_curve_points[0]", fewest as f32, "2 to 16 points", (2..=MOST_POINTS).contains(&fewest)),
            (
                "filter_curve_points[1]",
                most as f32,
                "2 to 16 points, no fewer than filter_curve_points[0]",
                (fewest..=MOST_POINTS).contains(&most),
            ),
            ("cutmix_alpha", self.cutmix_alpha, "0 or more", is_amount(self.cutmix_alpha)),
            ("mixup_alpha", self.mixup_alpha, "0 or more", is_amount(self.mixup_alpha)),
        ];
        match checks.into_iter().find(|(.., ok)| !ok) {
            Some((field, got, expected, _)) => Err(ConfigError { field, expected, got }),
            None => Ok(()),
        }
    }
}

impl Default for SpectrogramAugment {
    /// [`SpectrogramAugment::light`].
    fn default() -> Self {
        Self::light()
    }
}

/// A field of [`SpectrogramAugment`] or [`WaveformAugment`](crate::waveform::WaveformAugment) that makes no sense.
#[derive(thiserror::Error, Debug, Clone, PartialEq)]
#[error("augmentation: {field}: expected {expected}, got {got}")]
pub struct ConfigError {
    /// The field's name.
    pub field: &'static str,
    /// What would have been right.
    pub expected: &'static str,
    /// What was there.
    pub got: f32,
}

pub(crate) fn is_share(value: f32) -> bool {
    (0.0..=1.0).contains(&value)
}

pub(crate) fn is_amount(value: f32) -> bool {
    value.is_finite() && value >= 0.0
}

fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

fn is_usual_gate(value: &[f32; 2]) -> bool {
    *value == USUAL_GATE_DB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid_and_survive_json() {
        for config in [SpectrogramAugment::off(), SpectrogramAugment::light(), SpectrogramAugment::strong()] {
            config.validate().unwrap();
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<SpectrogramAugment>(&text).unwrap(), config);
        }
    }

    #[test]
    fn a_missing_field_is_light_and_an_unknown_one_is_an_error() {
        let config: SpectrogramAugment = serde_json::from_str(r#"{"gain_db": 1.5}"#).unwrap();
        assert_eq!(config, SpectrogramAugment { gain_db: 1.5, ..SpectrogramAugment::light() });
        let error = serde_json::from_str::<SpectrogramAugment>(r#"{"gain": 1.5}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `gain`"), "{error}");
    }

    #[test]
    fn values_out_of_range_are_named() {
        let wrong = SpectrogramAugment { time_mask_share: 1.5, ..SpectrogramAugment::off() };
        let message = wrong.validate().unwrap_err().to_string();
        assert_eq!(message, "augmentation: time_mask_share: expected a share from 0 to 1, got 1.5");
        let wrong = SpectrogramAugment { gain_db: f32::NAN, ..SpectrogramAugment::off() };
        assert_eq!(wrong.validate().unwrap_err().field, "gain_db");
        let wrong = SpectrogramAugment { noise_below_db: [50.0, 40.0], ..SpectrogramAugment::off() };
        assert_eq!(wrong.validate().unwrap_err().field, "noise_below_db[1]");
        for (points, field) in [([1, 4], "filter_curve_points[0]"), ([5, 4], "filter_curve_points[1]")] {
            let wrong = SpectrogramAugment { filter_curve_points: points, ..SpectrogramAugment::off() };
            assert_eq!(wrong.validate().unwrap_err().field, field);
        }
    }
}
