//! Checks one file: what it is, its level, and whether it can be used.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::damage::Damage;
use crate::decode::decode_bytes;
use crate::decoded::Decoded;
use crate::error::Error;
use crate::level::{energy, peak, rms};
use crate::read::read_file;

/// Share of full scale from which a sample counts as clipped.
pub const CLIPPED_FROM: f32 = 0.999;

/// Samples of one sign in a row that make a clipped run; a single sample at full scale is a normalized peak.
pub const CLIPPED_RUN: usize = 3;

/// Length of a block for the silent share, in seconds.
pub const SILENT_BLOCK_S: f64 = 0.02;

/// RMS under which a block is silent: -60 dBFS.
pub const SILENT_RMS: f64 = 0.001;

/// Shortest file that is usable by default, in seconds.
pub const MIN_SECONDS: f64 = 0.05;

/// Everything that is known about a file. Values of sound are 0 where the file does not decode.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FileCheck {
    /// The file as the caller names it.
    pub path: String,
    /// Frames a second.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u32,
    /// Frames in each channel.
    pub frames: u64,
    /// Length.
    pub seconds: f64,
    /// Greatest absolute sample of any channel, full scale at 1.0.
    pub peak: f64,
    /// Root of the mean square over all channels.
    pub rms: f64,
    /// Share of samples in runs of at least [`CLIPPED_RUN`] at [`CLIPPED_FROM`] of full scale or above.
    pub clipped_share: f64,
    /// Share of blocks of 20 ms whose RMS over all channels is under -60 dBFS.
    pub silent_share: f64,
    /// SHA-256 of the file.
    pub sha256_file: String,
    /// SHA-256 of rate, number of channels and decoded samples: equal for the same sound in another lossless file.
    pub sha256_samples: String,
    /// The container, as [`Decoded::format`].
    pub format: String,
    /// The codec, as [`Decoded::codec`].
    pub codec: String,
    /// Bits a sample where the codec has such a number.
    pub bits: Option<u32>,
    /// What is wrong with it.
    pub damage: Vec<Damage>,
    /// What is unusual about its header and costs no sound.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Whether there is sound to use.
    pub usable: bool,
    /// Why not, where it is not usable.
    pub reason: Option<String>,
}

/// Checks a file; what fails is in the result. `name` is the path as the caller lists it. A file is usable when it
/// decodes, holds more than one value of samples and has at least `min_seconds`; a damaged file with sound left is usable.
pub fn check_file(path: &Path, name: &str, min_seconds: f64) -> FileCheck {
    check_and_decode(path, name, min_seconds).0
}

/// As [`check_file`], with the samples where there are any.
pub(crate) fn check_and_decode(path: &Path, name: &str, min_seconds: f64) -> (FileCheck, Option<Decoded>) {
    let mut check = FileCheck { path: name.to_owned(), ..FileCheck::default() };
    let outcome = read_file(path).and_then(|bytes| {
        check.sha256_file = hex(Sha256::digest(&bytes).as_slice());
        if bytes.is_empty() {
            check.damage.push(Damage::ZeroLength);
        }
        decode_bytes(&bytes, path)
    });
    match outcome {
        Ok(decoded) => {
            measure(&mut check, &decoded, min_seconds);
            (check, Some(decoded))
        }
        Err(error) => {
            // The caller knows the file by its name.
            let text = error.to_string();
            let prefix = format!("{}: ", path.display());
            let mut reason = text.strip_prefix(&prefix).unwrap_or(&text).to_owned();
            if matches!(error, Error::Read { .. }) && name.contains('\\') && !cfg!(windows) {
                reason.push_str(": the path has backslashes, write `/`");
            }
            check.reason = Some(reason);
            (check, None)
        }
    }
}

fn measure(check: &mut FileCheck, decoded: &Decoded, min_seconds: f64) {
    let n_samples = (decoded.n_frames() * decoded.channels.len()).max(1) as f64;
    check.rate_hz = decoded.rate_hz;
    check.channels = decoded.channels.len() as u32;
    check.frames = decoded.n_frames() as u64;
    check.seconds = decoded.seconds();
    check.peak = decoded.channels.iter().map(|samples| f64::from(peak(samples))).fold(0.0, f64::max);
    check.rms = (decoded.channels.iter().map(|samples| rms(samples).powi(2)).sum::<f64>()
        / decoded.channels.len().max(1) as f64)
        .sqrt();
    let threshold = CLIPPED_FROM * full_scale(decoded);
    check.clipped_share =
        decoded.channels.iter().map(|samples| n_clipped(samples, threshold)).sum::<usize>() as f64 / n_samples;
    check.silent_share = silent_share(decoded);
    check.sha256_samples = hash_samples(decoded);
    check.format.clone_from(&decoded.format);
    check.codec.clone_from(&decoded.codec);
    check.bits = decoded.bits;
    check.damage.clone_from(&decoded.damage);
    check.notes.clone_from(&decoded.notes);
    let fatal = decoded.damage.iter().find(|damage| damage.is_fatal()).map(Damage::to_string);
    check.reason = fatal.or_else(|| {
        (check.seconds < min_seconds)
            .then(|| format!("too short: {:.3} s, at least {min_seconds} s are needed", check.seconds))
    });
    check.usable = check.reason.is_none();
}

/// The greatest sample that the codec can hold.
fn full_scale(decoded: &Decoded) -> f32 {
    match (decoded.codec.as_str(), decoded.bits) {
        ("alaw", _) => 32256.0 / 32768.0,
        ("mulaw", _) => 32124.0 / 32768.0,
        // Full scale is one step lower above zero than below.
        (_, Some(bits @ 2..=24)) => 1.0 - 2.0 / (1u32 << bits) as f32,
        _ => 1.0,
    }
}

fn n_clipped(samples: &[f32], threshold: f32) -> usize {
    let (mut n_clipped, mut run, mut sign) = (0, 0usize, 0.0f32);
    for &sample in samples {
        if sample.abs() < threshold {
            run = 0;
            continue;
        }
        run = if run > 0 && sample.signum() == sign { run + 1 } else { 1 };
        sign = sample.signum();
        n_clipped += match run.cmp(&CLIPPED_RUN) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => CLIPPED_RUN,
            std::cmp::Ordering::Greater => 1,
        };
    }
    n_clipped
}

fn silent_share(decoded: &Decoded) -> f64 {
    let n_frames = decoded.n_frames();
    let block = ((f64::from(decoded.rate_hz) * SILENT_BLOCK_S).round() as usize).max(1);
    let n_blocks = n_frames.div_ceil(block);
    let n_silent = (0..n_blocks)
        .filter(|i| {
            let range = i * block..((i + 1) * block).min(n_frames);
            let n = (range.len() * decoded.channels.len()) as f64;
            let sum: f64 = decoded.channels.iter().map(|samples| energy(&samples[range.clone()])).sum();
            (sum / n).sqrt() < SILENT_RMS
        })
        .count();
    n_silent as f64 / n_blocks.max(1) as f64
}

/// SHA-256 over rate, number of channels, and the samples channel by channel as 32-bit floats, little-endian.
pub fn hash_samples(decoded: &Decoded) -> String {
    let mut hasher = Sha256::new();
    hasher.update(decoded.rate_hz.to_le_bytes());
    hasher.update((decoded.channels.len() as u32).to_le_bytes());
    let mut block = [0u8; 16384];
    for samples in &decoded.channels {
        for chunk in samples.chunks(block.len() / 4) {
            for (bytes, sample) in block.chunks_exact_mut(4).zip(chunk) {
                // Both zeros are the same sound.
                bytes.copy_from_slice(&(sample + 0.0).to_le_bytes());
            }
            hasher.update(&block[..4 * chunk.len()]);
        }
    }
    hex(hasher.finalize().as_slice())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(channels: Vec<Vec<f32>>) -> Decoded {
        Decoded {
            rate_hz: 1000,
            channels,
            format: "wav".into(),
            codec: "pcm_s16".into(),
            bits: Some(16),
            declared_frames: None,
            damage: Vec::new(),
            notes: Vec::new(),
            stopped: false,
        }
    }

    #[test]
    fn clipping_is_runs_of_one_sign_at_full_scale() {
        assert_eq!(n_clipped(&[1.0, 0.0, 1.0, 1.0, 0.0], 0.99), 0);
        assert_eq!(n_clipped(&[1.0, 1.0, 1.0, 1.0, 0.0], 0.99), 4);
        assert_eq!(n_clipped(&[1.0, 1.0, -1.0, -1.0, -1.0], 0.99), 3);
    }

    #[test]
    fn full_scale_is_that_of_the_codec() {
        let mut file = decoded(vec![vec![32767.0 / 32768.0; 10]]);
        let mut check = FileCheck::default();
        measure(&mut check, &file, 0.0);
        assert_eq!(check.clipped_share, 1.0);
        file.codec = "pcm_u8".into();
        file.bits = Some(8);
        file.channels = vec![vec![127.0 / 128.0; 10]];
        measure(&mut check, &file, 0.0);
        assert_eq!(check.clipped_share, 1.0);
    }

    #[test]
    fn silent_blocks_are_counted_over_all_channels() {
        let mut left = vec![0.0; 100];
        left[..40].fill(0.5);
        let mut check = FileCheck::default();
        measure(&mut check, &decoded(vec![left, vec![0.0; 100]]), 0.0);
        assert_eq!(check.silent_share, 0.6);
        assert!((check.rms - (0.2f64 * 0.25).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn the_sample_hash_sees_rate_channels_and_samples_and_nothing_else() {
        let base = decoded(vec![vec![0.25, 0.0], vec![0.5, 0.5]]);
        let same = Decoded { format: "flac".into(), bits: None, ..base.clone() };
        assert_eq!(hash_samples(&base), hash_samples(&same));
        let minus_zero = decoded(vec![vec![0.25, -0.0], vec![0.5, 0.5]]);
        assert_eq!(hash_samples(&base), hash_samples(&minus_zero));
        let others = [
            Decoded { rate_hz: 2000, ..base.clone() },
            decoded(vec![vec![0.25, 0.0, 0.5, 0.5]]),
            decoded(vec![vec![0.25, 0.1], vec![0.5, 0.5]]),
        ];
        assert!(others.iter().all(|other| hash_samples(other) != hash_samples(&base)));
    }

    #[test]
    fn a_missing_file_is_a_reason() {
        let check = check_file(Path::new("no/such.wav"), "such.wav", MIN_SECONDS);
        assert!(!check.usable);
        assert!(check.reason.unwrap().starts_with("cannot be read"));
        let check = check_file(Path::new("no\\such.wav"), "no\\such.wav", MIN_SECONDS);
        assert!(check.reason.unwrap().ends_with("write `/`"));
    }
}
