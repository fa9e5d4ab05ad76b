//! Faults of a recording, found in its measures, each with evidence and a suggestion.
//!
//! The thresholds are conservative: a recording with a fault should be checked, but one without is not necessarily good.

use serde::{Deserialize, Serialize};

use crate::measure::Measures;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The file does not decode, or not to its end.
    Corrupt,
    /// It contains no sound.
    Silent,
    /// It is too short to contain a sound.
    TooShort,
    /// Its peaks are clipped: it was too loud for its microphone or its format.
    Clipped,
    /// Its mean is not zero.
    Dc,
    /// It starts or ends in the middle of a sound.
    CutOff,
    /// A channel is empty.
    DeadChannel,
    /// Its spectrum ends below half the sample rate.
    BandLimited,
    /// It contains mains hum.
    Hum,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Harmless by itself; a problem where one class has it and others do not.
    Note,
    /// It should be checked.
    Warning,
    /// No model can learn from it.
    Unusable,
}

/// One fault of one recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// How bad it is.
    pub severity: Severity,
    /// The evidence, with numbers.
    pub evidence: String,
    /// What to do.
    pub suggestion: String,
}

/// Thresholds from which a measure is a fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultConfig {
    /// A recording with a peak below this is silent, in decibels of full scale.
    pub silent_peak_db: f64,
    /// A recording with a larger share of digital silence gets a warning, 0 to 1.
    pub digital_silence_share: f64,
    /// A shorter recording is unusable.
    pub shortest_s: f64,
    /// A recording with a larger share of clipped samples gets a warning, 0 to 1.
    pub clipped_share: f64,
    /// A mean farther from zero is a fault, as a share of full scale, ...
    pub dc_offset: f64,
    /// ... where it is also more than this share of the root mean square.
    pub dc_share_of_rms: f64,
    /// First or last 10 ms that are less than this below the loud parts are a cut, ...
    pub cut_off_below_loud_db: f64,
    /// ... where the quiet parts are more than this below the loud parts, so that the sound is not steady.
    pub cut_off_range_db: f64,
    /// A spectrum that drops by this at one frequency ends there, ...
    pub limit_drop_db: f64,
    /// ... which is a fault where that frequency is below this share of half the sample rate.
    pub limit_share: f64,
    /// Mains harmonics that exceed their surroundings by this are hum, ...
    pub hum_prominence_db: f64,
    /// ... where their level is at most this far below the recording's.
    pub hum_below_rms_db: f64,
}

impl Default for FaultConfig {
    fn default() -> Self {
        Self {
            silent_peak_db: -60.0,
            digital_silence_share: 0.5,
            shortest_s: 0.1,
            clipped_share: 0.002,
            dc_offset: 0.02,
            dc_share_of_rms: 0.25,
            cut_off_below_loud_db: 3.0,
            cut_off_range_db: 20.0,
            limit_drop_db: 25.0,
            limit_share: 0.85,
            hum_prominence_db: 15.0,
            hum_below_rms_db: 20.0,
        }
    }
}

/// The faults of one recording, the worst first. `damage` has the decoder's errors about the file, and `measures` are
/// `None` where nothing could be decoded.
pub fn faults(measures: Option<&Measures>, damage: &[String], config: &FaultConfig) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !damage.is_empty() || measures.is_none() {
        let evidence = if damage.is_empty() { "it cannot be decoded".to_owned() } else { damage.join("; ") };
        let (severity, suggestion) = match measures {
            Some(_) => (Severity::Warning, "check the part that decodes, or get the file again"),
            None => (Severity::Unusable, "get the file again, or remove it"),
        };
        faults.push(fault(FaultKind::Corrupt, severity, evidence, suggestion));
    }
    let Some(measures) = measures else { return faults };
    faults.extend(silent(measures, config));
    faults.extend(too_short(measures, config));
    if !faults.iter().any(|fault| fault.severity == Severity::Unusable) {
        let checks = [clipped, dc, dead_channel, cut_off, hum, band_limited];
        faults.extend(checks.iter().filter_map(|check| check(measures, config)));
    }
    faults.sort_by_key(|fault| (std::cmp::Reverse(fault.severity), fault.kind));
    faults
}

fn fault(kind: FaultKind, severity: Severity, evidence: String, suggestion: &str) -> Fault {
    Fault { kind, severity, evidence, suggestion: suggestion.to_owned() }
}

fn percent(share: f64) -> String {
    if share >= 0.01 { format!("{:.0} %", 100.0 * share) } else { format!("{:.2} %", 100.0 * share) }
}

fn silent(measures: &Measures, config: &FaultConfig) -> Option<Fault> {
    let peak_db = 20.0 * measures.peak.max(1e-6).log10();
    // A constant offset has a peak but no sound.
    let is_constant = measures.digital_silence_share > 0.999;
    if peak_db < config.silent_peak_db || is_constant {
        let evidence = match (measures.peak == 0.0, is_constant) {
            (true, _) => "every sample is zero".to_owned(),
            (false, true) => {
                format!("all samples but {} are equal", percent(1.0 - measures.digital_silence_share))
            }
            (false, false) => format!("its peak is at {peak_db:.0} dB of full scale"),
        };
        return Some(fault(FaultKind::Silent, Severity::Unusable, evidence, "remove it"));
    }
    (measures.digital_silence_share > config.digital_silence_share).then(|| {
        let evidence = format!("{} of it is digital silence", percent(measures.digital_silence_share));
        fault(FaultKind::Silent, Severity::Warning, evidence, "trim the silence, or check whether it was muted")
    })
}

fn too_short(measures: &Measures, config: &FaultConfig) -> Option<Fault> {
    (measures.seconds < config.shortest_s).then(|| {
        let evidence = format!("it is {:.3} s long, shorter than {} s", measures.seconds, config.shortest_s);
        fault(FaultKind::TooShort, Severity::Unusable, evidence, "remove it, or get the whole recording")
    })
}

fn clipped(measures: &Measures, config: &FaultConfig) -> Option<Fault> {
    (measures.clipped_share > config.clipped_share).then(|| {
        let share = percent(measures.clipped_share);
        let evidence = format!("{share} of the samples are clipped, at {:.3} of full scale", measures.peak);
        fault(
            FaultKind::Clipped,
            Severity::Warning,
            evidence,
            "use a quieter recording; keep it if all classes are clipped alike",
        )
    })
}

fn dc(measures: &Measures, config: &FaultConfig) -> Option<Fault> {
    let rms = 10f64.powf(measures.rms_db / 20.0);
    let offset = measures.dc_offset.abs();
    (offset > config.dc_offset && offset > config.dc_share_of_rms * rms).then(|| {
        let evidence =
            format!("its mean is {:+.3} of full scale, at a level of {:.0} dB", measures.dc_offset, measures.rms_db);
        fault(FaultKind::Dc, Severity::Note, evidence, "subtract the mean")
    })
}

fn dead_channel(measures: &Measures, _: &FaultConfig) -> Option<Fault> {
    (!measures.dead_channels.is_empty()).then(|| {
        let dead: Vec<String> = measures.dead_channels.iter().map(|channel| (channel + 1).to_string()).collect();
        let evidence = format!("channel {} of {} is empty", dead.join(" and "), measures.n_channels);
        fault(
            FaultKind::DeadChannel,
            Severity::Warning,
            evidence,
            "use the other channel; the mean of all channels is too quiet",
        )
    })
}

fn cut_off(measures: &Measures, config: &FaultConfig) -> Option<Fault> {
    let threshold_db = measures.loud_db - config.cut_off_below_loud_db;
    let starts = measures.start_level_db > threshold_db;
    let ends = measures.end_level_db > threshold_db;
    let varies = measures.loud_db - measures.quiet_db > config.cut_off_range_db;
    if !(varies && (starts || ends)) {
        return None;
    }
    let side = |name: &str, level_db: f64| format!("{name} at {level_db:.0} dB");
    let mut sides = Vec::new();
    sides.extend(starts.then(|| side("it starts", measures.start_level_db)));
    sides.extend(ends.then(|| side("it ends", measures.end_level_db)));
    let evidence = format!("{}, as loud as its loud parts ({:.0} dB)", sides.join(" and "), measures.loud_db);
    Some(fault(FaultKind::CutOff, Severity::Note, evidence, "check whether the sound is complete"))
}

fn band_limited(measures: &Measures, config: &FaultConfig) -> Option<Fault> {
    let nyquist_hz = f64::from(measures.rate_hz) / 2.0;
    let is_limited =
        measures.limit_drop_db > config.limit_drop_db && measures.limit_hz < config.limit_share * nyquist_hz;
    is_limited.then(|| {
        let evidence = format!(
            "its noise ends at {:.0} Hz: up to {nyquist_hz:.0} Hz it is at least {:.0} dB lower",
            measures.limit_hz, measures.limit_drop_db
        );
        let suggestion = "check whether other classes have it too; if not, band-limit all classes or augment";
        fault(FaultKind::BandLimited, Severity::Note, evidence, suggestion)
    })
}

fn hum(measures: &Measures, config: &FaultConfig) -> Option<Fault> {
    let mains_hz = measures.hum_hz?;
    let hums = measures.hum_prominence_db > config.hum_prominence_db
        && measures.hum_level_db > measures.rms_db - config.hum_below_rms_db;
    hums.then(|| {
        let evidence = format!(
            "harmonics of {mains_hz} Hz exceed their surroundings by {:.0} dB, at {:.0} dB of a total of {:.0} dB",
            measures.hum_prominence_db, measures.hum_level_db, measures.rms_db
        );
        fault(FaultKind::Hum, Severity::Warning, evidence, "apply a high-pass filter above the hum to all classes")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::song;
    use crate::measure::measure;

    fn kinds(channels: &[Vec<f32>]) -> Vec<FaultKind> {
        let measures = measure(channels, 8000).unwrap();
        faults(Some(&measures), &[], &FaultConfig::default()).iter().map(|fault| fault.kind).collect()
    }

    /// A song that starts and ends quietly.
    fn whole(seed: u64) -> Vec<f32> {
        let mut samples = song(seed, 3.0);
        let n = samples.len();
        for i in 0..800 {
            let fade = i as f32 / 800.0;
            samples[i] *= fade;
            samples[n - 1 - i] *= fade;
        }
        samples
    }

    #[test]
    fn good_recordings_have_no_faults() {
        for seed in 0..20 {
            assert_eq!(kinds(&[whole(seed)]), [], "{seed}");
        }
    }

    #[test]
    fn each_fault_is_found_alone() {
        let song = whole(1);
        let changed = |change: &dyn Fn(usize, f32) -> f32| -> Vec<f32> {
            song.iter().enumerate().map(|(i, sample)| change(i, *sample)).collect()
        };
        assert_eq!(kinds(&[vec![0.0; 8000]]), [FaultKind::Silent]);
        assert_eq!(kinds(&[vec![0.2; 8000]]), [FaultKind::Silent]);
        assert_eq!(kinds(&[changed(&|_, sample| 0.0005 * sample)]), [FaultKind::Silent]);
        assert_eq!(kinds(&[song[4000..4400].to_vec()]), [FaultKind::TooShort]);
        assert_eq!(kinds(&[changed(&|_, sample| (8.0 * sample).clamp(-0.6, 0.6))]), [FaultKind::Clipped]);
        assert_eq!(kinds(&[changed(&|_, sample| 0.5 * sample + 0.1)]), [FaultKind::Dc]);
        assert_eq!(kinds(&[song.clone(), vec![0.0; song.len()]]), [FaultKind::DeadChannel]);
        let hum =
            |i: usize| (1..6).map(|k| (i as f32 * k as f32 * 50.0 * std::f32::consts::TAU / 8000.0).sin()).sum::<f32>();
        assert_eq!(kinds(&[changed(&|i, sample| 0.5 * sample + 0.05 * hum(i))]), [FaultKind::Hum]);
    }

    #[test]
    fn a_cut_through_a_loud_part_is_found() {
        let mut samples = whole(2);
        let tone = |i: usize| 0.5 * (i as f32 * 0.8).sin();
        (0..2400).for_each(|i| samples[21_600 + i] = tone(i) * (i as f32 / 800.0).min(1.0));
        assert_eq!(kinds(&[samples]), [FaultKind::CutOff]);
    }

    #[test]
    fn damage_is_passed_by_the_caller() {
        let config = FaultConfig::default();
        let gone = faults(None, &["not a sound file".into()], &config);
        assert_eq!((gone[0].kind, gone[0].severity), (FaultKind::Corrupt, Severity::Unusable));
        assert_eq!(gone[0].evidence, "not a sound file");
        let measures = measure(&[whole(3)], 8000).unwrap();
        let damaged = faults(Some(&measures), &["ends early".into()], &config);
        assert_eq!((damaged.len(), damaged[0].severity), (1, Severity::Warning));
    }

    #[test]
    fn settings_have_names() {
        assert!(serde_json::from_str::<FaultConfig>(r#"{"clip_share": 1}"#).is_err());
        let config: FaultConfig = serde_json::from_str(r#"{"shortest_s": 5}"#).unwrap();
        let measures = measure(&[whole(4)], 8000).unwrap();
        assert_eq!(faults(Some(&measures), &[], &config)[0].kind, FaultKind::TooShort);
    }
}
