//! Checks one file: what it is, its level, and whether it can be used.

use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::damage::{Damage, Silence};
use crate::error::{Error, Result};
use crate::measures::Measures;
pub use crate::measures::{SampleHasher, hash_samples};
use crate::read::open_file;
use crate::recorder::{Recorded, recorder_info};
use crate::recording::Recording;
use crate::silence::SilenceStream;

/// Share of full scale from which a sample counts as clipped.
pub const CLIPPED_FROM: f32 = 0.999;

/// Samples of one sign in a row that make a clipped run; a single sample at full scale is a normalized peak.
pub const CLIPPED_RUN: usize = 3;

/// Length of a block for the silent share, in seconds.
pub const SILENT_BLOCK_S: f64 = 0.02;

/// RMS under which a block is silent: -60 dBFS.
pub const SILENT_RMS: f64 = 0.001;

/// Frames that are decoded at once.
const BLOCK_FRAMES: usize = 1 << 16;

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
    /// The container, as [`Decoded::format`](crate::Decoded::format).
    pub format: String,
    /// The codec, as [`Decoded::codec`](crate::Decoded::codec).
    pub codec: String,
    /// Bits a sample where the codec has such a number.
    pub bits: Option<u32>,
    /// When, where and with what it was recorded, where that is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
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
/// Memory does not grow with the file.
pub fn check_file(path: &Path, name: &str, min_seconds: f64) -> FileCheck {
    check_rows(path, name, min_seconds, |_| Vec::new()).0
}

/// As [`check_file`]; for each row that `rows` makes of the rate, whether it is silent, or why it cannot be said; and whether
/// the system could not read the file.
pub(crate) fn check_rows(
    path: &Path,
    name: &str,
    min_seconds: f64,
    rows: impl FnOnce(u32) -> Vec<SilenceStream>,
) -> (FileCheck, Vec<Result<Option<Silence>>>, bool) {
    let mut check = FileCheck { path: name.to_owned(), ..FileCheck::default() };
    match measured(path, &mut check, min_seconds, rows) {
        Ok(silences) => (check, silences, false),
        Err(error) => {
            // The caller knows the file by its name.
            let text = error.to_string();
            let prefix = format!("{}: ", path.display());
            let mut reason = text.strip_prefix(&prefix).unwrap_or(&text).to_owned();
            if matches!(error, Error::Read { .. }) && name.contains('\\') && !cfg!(windows) {
                reason.push_str(": the path has backslashes, write `/`");
            }
            check.reason = Some(reason);
            (check, Vec::new(), matches!(error, Error::Read { .. }))
        }
    }
}

fn measured(
    path: &Path,
    check: &mut FileCheck,
    min_seconds: f64,
    rows: impl FnOnce(u32) -> Vec<SilenceStream>,
) -> Result<Vec<Result<Option<Silence>>>> {
    let n_bytes = hash_file(path, &mut check.sha256_file)?;
    check.recorded = Recorded::of(&recorder_info(path));
    if n_bytes == 0 {
        check.damage.push(Damage::ZeroLength);
    }
    let mut recording = Recording::open(path)?;
    let mut rows: Vec<Result<SilenceStream>> = rows(recording.rate_hz()).into_iter().map(Ok).collect();
    let mut measures = Measures::new(&recording);
    let mut block = Vec::new();
    loop {
        block.iter_mut().for_each(Vec::clear);
        let at = recording.n_frames() as usize;
        if recording.next_block(BLOCK_FRAMES, &mut block)? == 0 {
            break;
        }
        measures.take(&block);
        for row in &mut rows {
            if let Ok(stream) = row
                && let Err(error) = stream.take(at, &block)
            {
                *row = Err(error);
            }
        }
    }
    measures.finish(check, &recording.finish(), min_seconds);
    Ok(rows.into_iter().map(|row| row.map(|stream| stream.reason())).collect())
}

/// SHA-256 of a file's bytes as 64 hexadecimal digits; the file is not read into memory as a whole.
///
/// # Errors
/// A file that cannot be read.
pub fn sha256_of_file(path: &Path) -> Result<String> {
    let mut sha256 = String::new();
    hash_file(path, &mut sha256)?;
    Ok(sha256)
}

/// SHA-256 of a file's bytes; gives how many there are.
fn hash_file(path: &Path, sha256: &mut String) -> Result<u64> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    let mut file = open_file(path)?;
    let (mut hasher, mut bytes, mut n_bytes) = (Sha256::new(), vec![0; 1 << 16], 0);
    loop {
        let n = file.read(&mut bytes).map_err(read)?;
        if n == 0 {
            break;
        }
        hasher.update(&bytes[..n]);
        n_bytes += n as u64;
    }
    *sha256 = hex(hasher.finalize().as_slice());
    Ok(n_bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_a_reason() {
        let check = check_file(Path::new("no/such.wav"), "such.wav", MIN_SECONDS);
        assert!(!check.usable);
        assert!(check.reason.unwrap().starts_with("cannot be read"));
        let check = check_file(Path::new("no\\such.wav"), "no\\such.wav", MIN_SECONDS);
        assert!(check.reason.unwrap().ends_with("write `/`"));
    }
}
