//! The text of a table: its encoding and what separates its fields.

use std::io::{Cursor, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::sniff::sniff;
use crate::source::{Memory, View};

/// What may separate fields, the most usual first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How far into a file to look for what it is, in bytes.
const HEAD_BYTES: usize = 4096;

/// How much of something that is no table is looked at to name it, in bytes.
const OTHER_BYTES: u64 = 1 << 20;

/// A table's text without a byte order mark, from its first record on.
pub(crate) struct Text<'a> {
    pub(crate) bytes: Box<dyn Read + 'a>,
    /// What separates fields.
    pub(crate) separator: u8,
    /// Lines before the first record.
    pub(crate) n_before: u64,
}

/// Decodes UTF-16, takes a byte order mark away and finds the separator: the one with which the first line has a column of
/// the name `column`, else a comma. UTF-8 is read as it is asked for, UTF-16 as a whole.
///
/// # Errors
/// A recording, a workbook, or other bytes that are no text; and a file that cannot be read.
pub(crate) fn read_text<'a>(mut file: impl Read + 'a, column: &str, path: &Path) -> Result<Text<'a>> {
    let unreadable = |source| Error::Read { path: path.to_owned(), source };
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(unreadable)?;
    let unit: Option<fn([u8; 2]) -> u16> = match head[..] {
        [0xff, 0xfe, ..] => Some(u16::from_le_bytes),
        [0xfe, 0xff, ..] => Some(u16::from_be_bytes),
        // Without a mark: the second byte of each character of a header is 0.
        [_, 0, _, 0, ..] => Some(u16::from_le_bytes),
        [0, second, 0, _, ..] if second != 0 => Some(u16::from_be_bytes),
        _ => None,
    };
    let n_mark = match head[..] {
        [0xef, 0xbb, 0xbf, ..] => 3,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => 2,
        _ => 0,
    };
    let (decoded, rest): (Vec<u8>, Box<dyn Read + 'a>) = match unit {
        Some(unit) => {
            let mut all = head.clone();
            file.read_to_end(&mut all).map_err(unreadable)?;
            (utf16(&all[n_mark..], unit), Box::new(std::io::empty()))
        }
        None => (head[n_mark..].to_vec(), Box::new(file)),
    };
    let start = &decoded[..decoded.len().min(HEAD_BYTES)];
    if start.contains(&0) || start.starts_with(b"PK\x03\x04") {
        let _ = rest.take(OTHER_BYTES).read_to_end(&mut head);
        return Err(Error::NotAManifest { path: path.to_owned(), found: what_else(&head, path) });
    }
    // Spreadsheets name the separator in a line of its own.
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let named = first.strip_suffix(b"\r").unwrap_or(first);
    if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator] = *named {
        let from = (first.len() + 1).min(decoded.len());
        let bytes = Cursor::new(decoded[from..].to_vec()).chain(rest);
        return Ok(Text { bytes: Box::new(bytes), separator, n_before: 1 });
    }
    let has_column = |separator: &u8| {
        let mut reader = csv::ReaderBuilder::new().delimiter(*separator).has_headers(false).from_reader(start);
        let mut record = csv::ByteRecord::new();
        let is_column = |field: &[u8]| field.trim_ascii().eq_ignore_ascii_case(column.as_bytes());
        reader.read_byte_record(&mut record).is_ok_and(|is_there| is_there && record.iter().any(is_column))
    };
    let separator = SEPARATORS.into_iter().find(has_column).unwrap_or(b',');
    Ok(Text { bytes: Box::new(Cursor::new(decoded).chain(rest)), separator, n_before: 0 })
}

/// UTF-16 as UTF-8; what is no text becomes `U+FFFD`.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16_lossy(&units).into_bytes()
}

/// What a file is that is no table, and what to do.
fn what_else(bytes: &[u8], path: &Path) -> String {
    if bytes.starts_with(b"PK\x03\x04") {
        return "a workbook or a ZIP archive: save the table as CSV (UTF-8)".to_owned();
    }
    match sniff(View::new(&Memory(bytes)), path) {
        Ok(_) | Err(Error::Unsupported { .. }) => "a recording".to_owned(),
        Err(_) => "bytes that are no text".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (String, char, u64) {
        let mut text = read_text(bytes, "path", Path::new("m.csv")).unwrap();
        let mut all = String::new();
        text.bytes.read_to_string(&mut all).unwrap();
        (all, char::from(text.separator), text.n_before)
    }

    #[test]
    fn separators_are_found_by_the_column() {
        for separator in [',', ';', '\t', '|'] {
            let text = format!("id{separator}\"Path\"{separator}label\n1{separator}a,b;c|d.wav{separator}dog\n");
            assert_eq!(read(text.as_bytes()), (text.clone(), separator, 0));
        }
        assert_eq!(read(b"sep=;\r\npath;label\n"), ("path;label\n".into(), ';', 1));
        assert_eq!(read(b"file;label\n").1, ',');
    }

    #[test]
    fn encodings_become_utf_8() {
        let text = "path,label\né.wav,dog\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [b"\xff\xfe".as_slice(), &little].concat(),
            [b"\xfe\xff".as_slice(), &big].concat(),
            little,
            big,
        ] {
            assert_eq!(read(&bytes).0, text);
        }
    }

    #[test]
    fn what_is_no_table_is_named() {
        let message = |bytes: &[u8]| read_text(bytes, "path", Path::new("x")).err().unwrap().to_string();
        assert!(message(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0").contains("got a recording"));
        assert!(message(b"PK\x03\x04\x14\0\x06\0").contains("save the table as CSV"));
        assert!(message(b"some\0bytes").contains("no text"));
    }
}
