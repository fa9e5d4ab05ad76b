//! Measures of a recording: level, clipping, silence, ends, channels, spectrum, noise floor, hum.
//!
//! Faults ([`crate::fault`]) and sessions ([`crate::session`]) are found in these. As a row of numbers
//! ([`Measures::values`]) they show whether the label can be predicted from the recording conditions.

use serde::{Deserialize, Serialize};
use stats::quantile_nearest;

use crate::error::{Error, Result};
use crate::hum::hum;
use crate::tone::tone;
pub use crate::tone::{FLOOR_BANDS_HZ, FLOOR_DB, N_FLOOR_BANDS};
use crate::waveform::{
    are_identical, block_levels_db, clipped_share, constant_share, db, dead_channels, effective_bits, longest_below,
    mix, rms,
};

/// Length of the blocks in which level over time is measured.
const BLOCK_S: f64 = 0.01;

/// Level of a block that is silent, in decibels of full scale.
const SILENT_DB: f64 = -60.0;

/// All measures of one recording. Levels are in decibels of full scale, at least -120; the spectrum is
/// of the mean of the channels that are not dead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Sample rate.
    pub rate_hz: u32,
    /// Number of channels.
    pub n_channels: usize,
    /// Duration.
    pub seconds: f64,
    /// Fewest bits that represent every sample exactly, whatever the format; `None` where 24 do not.
    pub effective_bits: Option<u32>,
    /// Greatest absolute sample of any channel, full scale at 1.
    pub peak: f64,
    /// Level of all channels.
    pub rms_db: f64,
    /// Mean of the channel where it is farthest from zero, full scale at 1.
    pub dc_offset: f64,
    /// Share of clipped samples, of the channel with the most: runs at the greatest value, which need not be full scale.
    pub clipped_share: f64,
    /// Share of samples in stretches of 10 ms and more of exactly one value.
    pub digital_silence_share: f64,
    /// Longest stretch below -60 dB of full scale.
    pub longest_silence_s: f64,
    /// Level of the loud parts: 95 % of the blocks of 10 ms are quieter.
    pub loud_db: f64,
    /// Level of the quiet parts: 10 % of the blocks of 10 ms are quieter.
    pub quiet_db: f64,
    /// Level of the first 10 ms.
    pub start_level_db: f64,
    /// Level of the last 10 ms.
    pub end_level_db: f64,
    /// Empty channels, where others are not empty.
    pub dead_channels: Vec<usize>,
    /// Whether there are several channels and all are equal.
    pub identical_channels: bool,
    /// Spectral centroid.
    pub centroid_hz: f64,
    /// Spectral rolloff: 99 % of the energy is below this frequency.
    pub rolloff_hz: f64,
    /// Spectral flatness: 0 dB for white noise, much lower for a tone.
    pub flatness_db: f64,
    /// Frequency at which the steady part of the spectrum ends, ...
    pub limit_hz: f64,
    /// ... and by how much everything above is lower: some decibels by chance, 20 and more behind a filter.
    pub limit_drop_db: f64,
    /// The mains frequency with the most prominent harmonics; `None` where the recording is shorter than 0.5 s.
    pub hum_hz: Option<u32>,
    /// Level of the third most prominent harmonic relative to its surroundings; 0 where there is none.
    pub hum_prominence_db: f64,
    /// Level of its harmonics.
    pub hum_level_db: f64,
    /// Level of the noise floor by band: 10 % of the frames are lower. Bands have equal widths in octaves over
    /// [`FLOOR_BANDS_HZ`], and are at [`FLOOR_DB`] above half the sample rate.
    pub floor_db: [f64; N_FLOOR_BANDS],
    /// Levels of the same bands over the first 0.1 s.
    pub start_bands_db: [f64; N_FLOOR_BANDS],
    /// Levels of the same bands over the last 0.1 s.
    pub end_bands_db: [f64; N_FLOOR_BANDS],
}

/// Measures one recording, at its own rate.
///
/// # Shapes
/// `channels`: `[n_channels][n_frames]`, full scale at 1.0. A minute of a long recording is enough.
///
/// # Errors
/// No channel, channels of different lengths, a rate of 0, or samples that are not finite.
///
/// ```
/// use doctor::measure::measure;
///
/// let flat_topped: Vec<f32> = (0..8000).map(|i| (2.0 * (i as f32 * 0.3).sin()).clamp(-0.7, 0.7)).collect();
/// let measures = measure(&[flat_topped], 8000)?;
/// assert!(measures.clipped_share > 0.5 && measures.peak < 0.71);
/// assert_eq!(measures.seconds, 1.0);
/// # Ok::<(), doctor::Error>(())
/// ```
pub fn measure<C: AsRef<[f32]>>(channels: &[C], rate_hz: u32) -> Result<Measures> {
    let channels: Vec<&[f32]> = channels.iter().map(AsRef::as_ref).collect();
    check(&channels, rate_hz)?;
    let n_frames = channels[0].len();
    let dead_channels = dead_channels(&channels);
    let mut mono = mix(&channels, &dead_channels, 0..n_frames);
    let n_block = (f64::from(rate_hz) * BLOCK_S) as usize;
    let levels_db = block_levels_db(&mono, n_block);
    let n_edge = n_block.clamp(1, n_frames.max(1)).min(n_frames);
    let greatest = |number: &dyn Fn(&[f32]) -> f64| channels.iter().map(|samples| number(samples)).fold(0.0, f64::max);
    let mean = |samples: &[f32]| samples.iter().map(|&sample| f64::from(sample)).sum::<f64>() / n_frames.max(1) as f64;
    let mean_square = channels.iter().map(|samples| rms(samples).powi(2)).sum::<f64>() / channels.len() as f64;
    let bits: Option<Vec<u32>> = channels.iter().map(|samples| effective_bits(samples)).collect();
    let digital_silence_share = constant_share(&mono, n_block);
    let [start_level_db, end_level_db] = [db(rms(&mono[..n_edge])), db(rms(&mono[n_frames - n_edge..]))];
    // From here on without its mean, in place: a long recording is in memory once more at most.
    let dc = mean(&mono) as f32;
    mono.iter_mut().for_each(|sample| *sample -= dc);
    let (tone, hum) = (tone(&mono, rate_hz), hum(&mono, rate_hz));
    Ok(Measures {
        rate_hz,
        n_channels: channels.len(),
        seconds: n_frames as f64 / f64::from(rate_hz),
        effective_bits: bits.and_then(|bits| bits.into_iter().max()),
        peak: greatest(&|samples| f64::from(samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs())))),
        rms_db: db(mean_square.sqrt()),
        dc_offset: channels.iter().map(|samples| mean(samples)).fold(0.0, |a, b| if b.abs() > a.abs() { b } else { a }),
        clipped_share: greatest(&clipped_share),
        digital_silence_share,
        longest_silence_s: longest_below(&levels_db, SILENT_DB) as f64 * BLOCK_S,
        loud_db: quantile_nearest(&levels_db, 0.95).unwrap_or(FLOOR_DB),
        quiet_db: quantile_nearest(&levels_db, 0.1).unwrap_or(FLOOR_DB),
        start_level_db,
        end_level_db,
        identical_channels: are_identical(&channels),
        dead_channels,
        centroid_hz: tone.centroid_hz,
        rolloff_hz: tone.rolloff_hz,
        flatness_db: tone.flatness_db,
        limit_hz: tone.limit_hz,
        limit_drop_db: tone.limit_drop_db,
        hum_hz: hum.map(|hum| hum.mains_hz),
        hum_prominence_db: hum.map_or(0.0, |hum| hum.prominence_db),
        hum_level_db: hum.map_or(FLOOR_DB, |hum| hum.level_db),
        floor_db: tone.floor_db,
        start_bands_db: tone.start_db,
        end_bands_db: tone.end_db,
    })
}

fn check(channels: &[&[f32]], rate_hz: u32) -> Result<()> {
    let error = |expected: &str, got: String| {
        Err(Error::Data { operation: "measuring a recording", expected: expected.to_owned(), got })
    };
    let Some(first) = channels.first() else { return error("one channel or more", "none".to_owned()) };
    if rate_hz == 0 {
        return error("a rate of 1 Hz or more", "0 Hz".to_owned());
    }
    if let Some(other) = channels.iter().find(|samples| samples.len() != first.len()) {
        return error("channels of one length", format!("{} and {} frames", first.len(), other.len()));
    }
    match channels.iter().flat_map(|samples| samples.iter()).find(|sample| !sample.is_finite()) {
        Some(sample) => error("finite samples", sample.to_string()),
        None => Ok(()),
    }
}

impl Measures {
    /// Noise floor relative to the peak, by band: the same for a copy at another level.
    pub fn relative_floor_db(&self) -> [f64; N_FLOOR_BANDS] {
        let peak_db = db(self.peak);
        self.floor_db.map(|level_db| level_db - peak_db)
    }

    /// Names of [`Measures::values`], in their order.
    pub fn names() -> Vec<String> {
        let mut names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
        names.extend((0..N_FLOOR_BANDS).map(|band| format!("floor_{}_db", band_name(band))));
        names.extend((0..N_FLOOR_BANDS).map(|band| format!("relative_floor_{}_db", band_name(band))));
        names
    }

    /// The measures of the recording conditions, as opposed to its sounds, as a row of finite values.
    ///
    /// # Shapes
    /// `[names().len()]`
    pub fn values(&self) -> Vec<f64> {
        let mut values = vec![
            f64::from(self.rate_hz),
            self.n_channels as f64,
            self.seconds,
            f64::from(self.effective_bits.unwrap_or(32)),
            db(self.peak),
            self.rms_db,
            self.dc_offset,
            self.clipped_share,
            self.digital_silence_share,
            self.longest_silence_s,
            self.loud_db,
            self.quiet_db,
            self.start_level_db,
            self.end_level_db,
            self.centroid_hz,
            self.rolloff_hz,
            self.flatness_db,
            self.limit_hz,
            self.limit_drop_db,
            self.hum_prominence_db,
            self.hum_level_db,
        ];
        values.extend(self.floor_db);
        values.extend(self.relative_floor_db());
        values
    }
}

const NAMES: [&str; 21] = [
    "rate_hz",
    "n_channels",
    "seconds",
    "effective_bits",
    "peak_db",
    "rms_db",
    "dc_offset",
    "clipped_share",
    "digital_silence_share",
    "longest_silence_s",
    "loud_db",
    "quiet_db",
    "start_level_db",
    "end_level_db",
    "centroid_hz",
    "rolloff_hz",
    "flatness_db",
    "limit_hz",
    "limit_drop_db",
    "hum_prominence_db",
    "hum_level_db",
];

/// The name of a band of the noise floor, by its center frequency.
fn band_name(band: usize) -> String {
    let [low_hz, high_hz] = FLOOR_BANDS_HZ;
    let hz = low_hz * (high_hz / low_hz).powf((band as f64 + 0.5) / N_FLOOR_BANDS as f64);
    format!("{}_hz", hz.round())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::song;

    #[test]
    fn a_song_has_the_numbers_that_it_was_made_with() {
        let samples = song(1, 3.0);
        let measures = measure(&[&samples], 8000).unwrap();
        assert_eq!((measures.rate_hz, measures.n_channels, measures.seconds), (8000, 1, 3.0));
        assert!(measures.peak > 0.3 && measures.clipped_share == 0.0 && measures.dc_offset.abs() < 0.01);
        // Noise of plus or minus 0.01, evenly spread: -44.8 dB.
        assert!((measures.quiet_db + 44.8).abs() < 1.5, "{measures:?}");
        assert!(measures.digital_silence_share == 0.0 && measures.longest_silence_s == 0.0);
        let louder: Vec<f32> = samples.iter().map(|sample| 2.0 * sample).collect();
        let louder = measure(&[&louder], 8000).unwrap();
        let (a, b) = (measures.relative_floor_db(), louder.relative_floor_db());
        assert!((0..9).all(|band| (a[band] - b[band]).abs() < 1e-3), "{a:?} {b:?}");
    }

    #[test]
    fn channels_offsets_and_silence_are_measured() {
        let mut samples = song(2, 1.0);
        samples[2000..6000].fill(0.0);
        let shifted: Vec<f32> = samples.iter().map(|sample| 0.5 * sample - 0.25).collect();
        let measures = measure(&[&samples, &shifted], 8000).unwrap();
        assert!((measures.dc_offset + 0.25).abs() < 0.01 && !measures.identical_channels);
        assert!((measures.digital_silence_share - 0.5).abs() < 0.01);
        let dead = measure(&[&samples, &vec![0.0; 8000]], 8000).unwrap();
        assert_eq!(dead.dead_channels, [1]);
        assert!((dead.longest_silence_s - 0.5).abs() < 0.03, "{dead:?}");
        assert!(measure(&[&samples, &samples], 8000).unwrap().identical_channels);
    }

    #[test]
    fn every_value_has_a_name_and_is_finite() {
        for samples in [Vec::new(), vec![0.0; 1], vec![0.0; 9000], song(3, 1.0)] {
            let values = measure(&[&samples], 8000).unwrap().values();
            assert_eq!(values.len(), Measures::names().len());
            assert!(values.iter().all(|value| value.is_finite()), "{values:?}");
        }
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let message = |channels: &[Vec<f32>], rate_hz| measure(channels, rate_hz).unwrap_err().to_string();
        assert_eq!(message(&[], 8000), "measuring a recording: expected one channel or more, got none");
        assert!(message(&[vec![0.0], vec![]], 8000).ends_with("got 1 and 0 frames"));
        assert!(message(&[vec![f32::NAN]], 8000).contains("finite"));
        assert!(message(&[vec![0.0]], 0).contains("0 Hz"));
    }
}
