//! Which model a table is of, where it says so.

use super::parquet::MAGIC;
use serde::Deserialize;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Columns of the hash, in our CSV and in Raven's table.
const COLUMNS: [&str; 2] = ["model_sha256", "Model SHA-256"];

/// The key of the hash in Parquet's metadata.
const KEY: &str = "barkbird.model_sha256";

/// The SHA-256 of the model that made a table of ours, in hexadecimal; none of other tables, of those of several models, and of
/// bytes that are no table.
///
/// ```
/// let table = format!("path,start,end,label,model_sha256\na.wav,0,1,dog,{}\n", "0a".repeat(32));
/// assert_eq!(detections::table_model(table.as_bytes()), Some("0a".repeat(32)));
/// ```
pub fn table_model(bytes: &[u8]) -> Option<String> {
    let found = match bytes.starts_with(MAGIC) {
        // The decoder panics on some damaged files.
        true => catch_unwind(AssertUnwindSafe(|| of_parquet(bytes))).ok()??,
        false => of_text(std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}'))?,
    };
    let is_hash = found.len() == 64 && found.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(found)
}

fn of_parquet(bytes: &[u8]) -> Option<String> {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(bytes::Bytes::copy_from_slice(bytes)).ok()?;
    let pairs = reader.metadata().file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == KEY)?.value.clone()
}

fn of_text(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Line {
        model_sha256: String,
    }
    let first = super::first_line(text);
    if first.trim_start().starts_with('{') {
        return serde_json::from_str::<Line>(first).ok().map(|line| line.model_sha256);
    }
    let delimiter = if first.contains('\t') { b'\t' } else { b',' };
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.flexible(true).delimiter(delimiter).quoting(delimiter == b',').from_reader(text.as_bytes());
    let column = reader.headers().ok()?.iter().position(|name| COLUMNS.contains(&name.trim()))?;
    let mut found: Option<String> = None;
    for record in reader.records() {
        let record = record.ok()?;
        let cell = record.get(column)?;
        if *found.get_or_insert_with(|| cell.to_owned()) != cell {
            return None;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Detection, Format, Provenance, table_writer};

    #[test]
    fn our_tables_say_it() {
        let hash = "0123456789abcdef".repeat(4);
        let provenance = Provenance { model_sha256: hash.clone(), ..Provenance::default() };
        let detection =
            Detection { path: "a, b.wav".into(), end_ms: 1000, label: "dog".into(), ..Detection::default() };
        for format in Format::ALL.into_iter().filter(|format| format.has_provenance()) {
            let mut writer = table_writer(format, Vec::new(), &provenance).unwrap();
            writer.recording("a, b.wav", 1.0).unwrap();
            writer.write(&detection).unwrap();
            assert_eq!(table_model(&writer.finish().unwrap()), Some(hash.clone()), "{format}");
        }
        let other = "f".repeat(64);
        for table in [
            format!("path,start,end,label,model_sha256\na,0,1,dog,{hash}\na,1,2,dog,{other}\n"),
            "path,start,end,label,model_sha256\na,0,1,dog,run\n".to_owned(),
            "path,start,end,label\na,0,1,dog\n".to_owned(),
            "{\"path\":\"a\"}\n".to_owned(),
            "PAR1 damaged".to_owned(),
            String::new(),
        ] {
            assert_eq!(table_model(table.as_bytes()), None, "{table}");
        }
    }
}
