//! Learning curves as event files of TensorBoard.
//!
//! An event file is a sequence of records (length, checksum, bytes, checksum; TensorFlow's `record_writer.h`), each an `Event` of
//! `event.proto`: a time, a step, and named numbers. Whoever watches the folder sees an epoch as soon as it is over.

use crate::error::{Context, Result};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use storage::AppendFile;
use train::EpochMetrics;

/// What the names of our files end with: only these are ever removed.
const ENDING: &str = ".barkbird";
/// What the names of all event files have in them.
const EVENTS: &str = "tfevents";

/// An event file that grows by the epoch.
pub(super) struct TensorBoard {
    path: PathBuf,
    file: AppendFile,
    n_bytes: u64,
}

impl TensorBoard {
    /// A new file in `folder/name`. With `anew`, those of earlier trainings of that name are removed; otherwise TensorBoard reads all
    /// of them as one.
    pub(super) fn create(folder: &Path, name: &str, anew: bool) -> Result<Self> {
        let folder = folder.join(name);
        let unwritable = || format!("{}: cannot be written", folder.display());
        storage::create_dir_all(&folder).with_context(unwritable)?;
        if anew {
            for entry in storage::list(&folder).with_context(unwritable)? {
                let name = entry.name.to_string_lossy();
                if name.contains(EVENTS) && name.ends_with(ENDING) {
                    storage::remove_file(folder.join(&entry.name)).with_context(unwritable)?;
                }
            }
        }
        let path = folder.join(format!("events.out.{EVENTS}.{:010}.{}{ENDING}", now_s() as u64, std::process::id()));
        let file = AppendFile::open(&path).with_context(|| format!("{}: cannot be written", path.display()))?;
        let n_bytes = file.n_bytes().with_context(unwritable)?;
        let mut events = Self { file, path, n_bytes };
        let mut version = Vec::new();
        message(&mut version, 3, b"brain.Event:2");
        events.event(0, &version)?;
        Ok(events)
    }

    /// The figures of an epoch, at its number.
    pub(super) fn epoch(&mut self, epoch: &EpochMetrics) -> Result<()> {
        let numbers = [
            ("loss/training", Some(epoch.train_loss)),
            ("loss/training, in evaluation mode", Some(epoch.train_loss_eval)),
            ("loss/validation", epoch.val_loss),
            ("accuracy/validation", epoch.val_accuracy),
            ("accuracy/validation, balanced", epoch.val_balanced_accuracy),
            ("learning rate", Some(epoch.lr)),
            ("seconds", Some(epoch.seconds)),
        ];
        let mut summary = Vec::new();
        for (name, number) in numbers.into_iter().filter_map(|(name, number)| Some((name, number?))) {
            let mut value = Vec::new();
            message(&mut value, 1, name.as_bytes());
            value.push(2 << 3 | 5);
            value.extend((number as f32).to_le_bytes());
            message(&mut summary, 1, &value);
        }
        let mut what = Vec::new();
        message(&mut what, 5, &summary);
        self.event(epoch.epoch as u64, &what)
    }

    fn event(&mut self, step: u64, what: &[u8]) -> Result<()> {
        let mut event = vec![1 << 3 | 1];
        event.extend(now_s().to_le_bytes());
        event.push(2 << 3);
        varint(&mut event, step);
        event.extend(what);
        let length = (event.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked_crc(&length).to_le_bytes());
        record.extend(&event);
        record.extend(masked_crc(&event).to_le_bytes());
        let written = self.file.write_from(self.n_bytes, &record).and_then(|()| self.file.sync());
        written.with_context(|| format!("{}: cannot be written", self.path.display()))?;
        self.n_bytes += record.len() as u64;
        Ok(())
    }
}

fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A field of bytes: a text, or a message of its own.
fn message(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The checksum of a record: CRC-32C, turned by 15 bits, so that a checksum of checksums is not weak.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: usize, val_loss: Option<f64>) -> EpochMetrics {
        EpochMetrics {
            epoch,
            step: 8 * epoch as u64,
            lr: 0.001,
            train_loss: 0.75,
            train_loss_eval: 0.5,
            val_loss,
            val_accuracy: None,
            val_balanced_accuracy: None,
            seconds: 1.0,
        }
    }

    #[test]
    fn records_have_lengths_and_checksums_and_only_our_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("run").join("events.out.tfevents.1.other");
        std::fs::create_dir(folder.path().join("run")).unwrap();
        std::fs::write(&other, "of another program").unwrap();
        let mut events = TensorBoard::create(folder.path(), "run", true).unwrap();
        events.epoch(&epoch(1, None)).unwrap();
        events.epoch(&epoch(300, Some(0.25))).unwrap();
        let bytes = std::fs::read(&events.path).unwrap();
        let (mut at, mut records) = (0, Vec::new());
        while at < bytes.len() {
            let length = bytes[at..at + 8].try_into().map(u64::from_le_bytes).unwrap() as usize;
            let crc = |at: usize| bytes[at..at + 4].try_into().map(u32::from_le_bytes).unwrap();
            let record = &bytes[at + 12..at + 12 + length];
            assert_eq!((crc(at + 8), crc(at + 12 + length)), (masked_crc(&bytes[at..at + 8]), masked_crc(record)));
            records.push(record.to_vec());
            at += 16 + length;
        }
        assert_eq!(records.len(), 3);
        assert!(records[0].ends_with(b"brain.Event:2"));
        // Step 300 is two bytes, and the loss is a float.
        assert_eq!(records[2][9..12], [2 << 3, 0xAC, 0x02]);
        let has = |record: &[u8], what: &[u8]| record.windows(what.len()).any(|window| window == what);
        assert!(has(&records[2], b"loss/validation") && !has(&records[1], b"loss/validation"));
        assert!(has(&records[2], &0.25_f32.to_le_bytes()));

        let first = events.path.clone();
        drop(events);
        TensorBoard::create(folder.path(), "run", true).unwrap();
        assert!(other.exists());
        let ours = || std::fs::read_dir(folder.path().join("run")).unwrap().count() - 1;
        assert_eq!(ours(), 1);
        assert!(!first.exists() || std::fs::metadata(&first).unwrap().len() < bytes.len() as u64);
    }
}
