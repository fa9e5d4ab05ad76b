//! GUANO metadata: lines `Key: value` of UTF-8, where a key may have namespaces before it, `NS|Key`.

use std::collections::BTreeMap;

/// Reads the fields of a GUANO chunk. White space and NULs around keys and values are cut; of a key that is there twice the
/// first value is kept; values are not unescaped. A last line that is cut (`is_cut`) is left out.
pub(super) fn fields(bytes: &[u8], is_cut: bool, notes: &mut Vec<String>) -> BTreeMap<String, String> {
    let whole = if is_cut { &bytes[..bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0)] } else { bytes };
    let text = String::from_utf8_lossy(whole);
    if std::str::from_utf8(whole).is_err() {
        notes.push("the GUANO metadata has bytes that are not UTF-8; they are shown as \u{fffd}".into());
    }
    let blank = |c: char| c.is_whitespace() || c.is_control();
    let mut fields = BTreeMap::new();
    let mut n_odd = 0;
    for line in text.trim_start_matches('\u{feff}').split('\n').map(|line| line.trim_matches(blank)) {
        match line.split_once(':') {
            Some((key, value)) if !key.trim_matches(blank).is_empty() => {
                let key = key.trim_matches(blank).to_owned();
                fields.entry(key).or_insert_with(|| value.trim_matches(blank).to_owned());
            }
            _ => n_odd += usize::from(!line.is_empty()),
        }
    }
    if n_odd > 0 {
        notes.push(format!("the GUANO metadata has {n_odd} lines without a key; expected `Key: value`"));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_kept_as_they_are_written() {
        let mut notes = Vec::new();
        let text = "\u{feff}GUANO|Version:  1.0\n\n  Make : Wildlife Acoustics, Inc. \r\nNote:a:b\\nc – ü\n \t\0 \nEmpty:\n\
                    WA|Song Meter|Audio settings:[{\"rate\":22050}]\nMake: again\nTE:1\0\n\0\0";
        let found = fields(text.as_bytes(), false, &mut notes);
        let expected = [
            ("Empty", ""),
            ("GUANO|Version", "1.0"),
            ("Make", "Wildlife Acoustics, Inc."),
            ("Note", "a:b\\nc – ü"),
            ("TE", "1"),
            ("WA|Song Meter|Audio settings", "[{\"rate\":22050}]"),
        ];
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        assert_eq!(notes, [""; 0]);
    }

    #[test]
    fn odd_bytes_are_noted_and_cut_lines_left_out() {
        let mut notes = Vec::new();
        let found = fields(b"Make: \xff\nno key\n: value\nLoc Position: 51.", true, &mut notes);
        assert_eq!(found, [("Make".to_owned(), "\u{fffd}".to_owned())].into());
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[1].contains("2 lines"));
        assert!(fields(b"Loc Position: 51.", true, &mut notes).is_empty());
        assert!(fields(b"", false, &mut notes).is_empty());
        assert!(fields(&[0; 100], true, &mut notes).is_empty());
    }
}
