//! Reading a manifest from a table.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::labels;
use crate::manifest::{COLUMNS, Manifest, Row};
use crate::review;
use crate::split_names;
use crate::text::{Text, read_text};

/// Which column of the file holds what.
struct Header {
    known: [Option<usize>; COLUMNS.len()],
    fold: Option<usize>,
    extra: Vec<usize>,
    n_columns: usize,
    /// Whether numbers may have a decimal comma: it is not the separator.
    decimal_comma: bool,
}

impl Header {
    fn new(path: &Path, names: &[&str], originals: &[&str], labeled: bool, separator: u8) -> Result<Header> {
        let find = |wanted: &str| names.iter().position(|name| name.trim().eq_ignore_ascii_case(wanted));
        let known = COLUMNS.map(find);
        let required: &[usize] = if labeled { &[0, 1] } else { &[0] };
        if let Some(&missing) = required.iter().find(|&&i| known[i].is_none()) {
            let found = originals.join(", ");
            return Err(Error::Column { path: path.to_owned(), missing: COLUMNS[missing], found });
        }
        // The same name twice: the first has the meaning, the others would overwrite it.
        if let Some(twice) = COLUMNS
            .iter()
            .find(|column| names.iter().filter(|name| name.trim().eq_ignore_ascii_case(column)).count() > 1)
        {
            let message = format!("the column `{twice}` is there more than once");
            return Err(Error::Manifest { path: path.to_owned(), line: 1, message });
        }
        let fold = find("fold");
        let extra = (0..names.len()).filter(|&i| !known.contains(&Some(i)) && fold != Some(i)).collect();
        Ok(Header { known, fold, extra, n_columns: names.len(), decimal_comma: separator != b',' })
    }
}

/// Reads a table; `labeled`: every row must have a label.
pub(crate) fn read_table(path: &Path, labeled: bool) -> Result<Manifest> {
    let file = storage::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    read_from(file, path, labeled, &[])
}

/// Reads a table from `input`, with columns of other names: pairs of their name and ours.
#[tracing::instrument(level = "debug", skip_all, fields(path = %path.display()))]
pub(crate) fn read_from(input: impl Read, path: &Path, labeled: bool, renames: &[(&str, &str)]) -> Result<Manifest> {
    let unreadable = |source| Error::Read { path: path.to_owned(), source };
    let first = renames.iter().find(|(_, ours)| *ours == COLUMNS[0]).map_or(COLUMNS[0], |(theirs, _)| theirs);
    let Text { bytes, separator, n_before } = read_text(input, first, path)?;
    let fail = |line: u64, message: String| Error::Manifest { path: path.to_owned(), line: line + n_before, message };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .buffer_capacity(1 << 16)
        .from_reader(bytes);
    let mut header: Option<Header> = None;
    let mut manifest = Manifest { root: parent(path), ..Manifest::default() };
    let mut record = csv::ByteRecord::new();
    let mut is_review = false;
    loop {
        let line = reader.position().line();
        match reader.read_byte_record(&mut record).map_err(csv::Error::into_kind) {
            Ok(true) => {}
            Ok(false) => break,
            Err(csv::ErrorKind::Io(error)) => return Err(unreadable(error)),
            Err(other) => return Err(fail(line, format!("{other:?}"))),
        }
        let line = record.position().map_or(line, csv::Position::line);
        let fields =
            record.iter().map(std::str::from_utf8).collect::<std::result::Result<Vec<&str>, _>>().map_err(|_| {
                let remedy = "save the table as UTF-8 (in a spreadsheet: \"CSV UTF-8\")";
                fail(line, format!("expected text in UTF-8, got other bytes: {remedy}"))
            })?;
        match &header {
            None => {
                let names = renamed(&fields, renames);
                let originals = fields;
                let fields: Vec<&str> = names.iter().map(String::as_str).collect();
                let found = Header::new(path, &fields, &originals, labeled, separator)?;
                is_review = review::is_review(&fields);
                manifest.extra_columns = found.extra.iter().map(|&i| fields[i].trim().to_owned()).collect();
                header = Some(found);
            }
            Some(_) if fields.iter().all(|field| field.trim().is_empty()) => {}
            Some(header) => {
                let mut row =
                    parse_row(header, &fields, labeled && !is_review).map_err(|message| fail(line, message))?;
                settle_backslashes(&manifest.root, &mut row);
                manifest.rows.push(row);
            }
        }
    }
    if header.is_none() {
        return Err(Error::Column { path: path.to_owned(), missing: "path", found: "none, the file is empty".into() });
    }
    if is_review {
        manifest = review::settle(manifest, labeled);
        if let Some(message) = labeled.then(|| review::refusal(&manifest)).flatten() {
            return Err(fail(1, message));
        }
    }
    tracing::debug!(rows = manifest.rows.len(), separator = %char::from(separator), "read");
    Ok(manifest)
}

/// Names of columns with renamed ones; one of our own name that gives way to another is kept as `original_...`.
fn renamed(names: &[&str], renames: &[(&str, &str)]) -> Vec<String> {
    let is = |name: &str, other: &str| name.trim().eq_ignore_ascii_case(other);
    let there: Vec<&(&str, &str)> =
        renames.iter().filter(|(theirs, _)| names.iter().any(|name| is(name, theirs))).collect();
    let rename = |name: &&str| match there.iter().find(|(theirs, _)| is(name, theirs)) {
        Some((_, ours)) => (*ours).to_owned(),
        None if there.iter().any(|(_, ours)| is(name, ours)) => format!("original_{}", name.trim()),
        None => (*name).to_owned(),
    };
    names.iter().map(rename).collect()
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Tables from Windows have backslashes in paths. Elsewhere they may be part of a name, so the files decide.
fn settle_backslashes(root: &Path, row: &mut Row) {
    if cfg!(windows) || !row.path.contains('\\') || storage::exists(storage::join(root, &row.path)) {
        return;
    }
    let slashes = row.path.replace('\\', "/");
    if storage::exists(storage::join(root, &slashes)) {
        row.path = slashes;
    }
}

/// One row, or what is wrong with it.
fn parse_row(header: &Header, fields: &[&str], labeled: bool) -> std::result::Result<Row, String> {
    if fields.len() != header.n_columns {
        return Err(format!("expected {} fields, got {}", header.n_columns, fields.len()));
    }
    let field = |column: usize| header.known[column].map_or("", |i| fields[i].trim());
    let optional = |text: &str| (!labels::is_missing(text)).then(|| text.to_owned());
    // A file's name may begin or end with a space, so a path is not trimmed.
    let path = header.known[0].map_or("", |i| fields[i]);
    if path.trim().is_empty() {
        return Err("the path is empty".into());
    }
    let label = match labels::normalize(field(1)) {
        "" if labeled => return Err(format!("the label of `{path}` is empty")),
        label if labeled => match labels::refusal(label) {
            Some(message) => return Err(format!("label: {message}")),
            None => label,
        },
        label if labels::is_missing(label) => "",
        label => label,
    };
    let seconds = |column: usize| match field(column) {
        text if labels::is_missing(text) => Ok(None),
        text => {
            let number = if header.decimal_comma { text.replace(',', ".") } else { text.to_owned() };
            match number.parse::<f64>() {
                Ok(value) if value.is_finite() && value >= 0.0 => Ok(Some(value)),
                _ => {
                    let remedy = if text.contains(',') { ": write decimals with a point" } else { "" };
                    Err(format!("{}: expected seconds from 0, got `{text}`{remedy}", COLUMNS[column]))
                }
            }
        }
    };
    let (start_s, end_s) = (seconds(4)?, seconds(5)?);
    if let Some(end_s) = end_s
        && end_s <= start_s.unwrap_or(0.0)
    {
        return Err(format!("end: expected more than the start, {} s, got {end_s} s", start_s.unwrap_or(0.0)));
    }
    let channel = match field(6) {
        text if labels::is_missing(text) => None,
        text => Some(text.parse().map_err(|_| format!("channel: expected a whole number from 0, got `{text}`"))?),
    };
    let fold = header.fold.map_or("", |i| fields[i].trim());
    let of_fold = || match split_names::normalize(fold) {
        fold if fold.starts_with("fold-") => fold,
        fold => format!("fold-{fold}"),
    };
    let split = optional(field(3)).map(|name| split_names::normalize(&name));
    Ok(Row {
        path: path.to_owned(),
        label: label.to_owned(),
        group: optional(field(2)),
        split: split.or_else(|| (!labels::is_missing(fold)).then(of_fold)),
        start_s,
        end_s,
        channel,
        extra: Fields::of(header.extra.iter().map(|&i| fields[i])).ok_or("a row of more than 4 GiB")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(text: &[u8], labeled: bool) -> Result<Manifest> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.csv");
        std::fs::write(&path, text).unwrap();
        read_table(&path, labeled).map_err(|error| match error {
            Error::Manifest { line, message, .. } => Error::Manifest { path: "m.csv".into(), line, message },
            Error::Column { missing, found, .. } => Error::Column { path: "m.csv".into(), missing, found },
            other => other,
        })
    }

    fn message(text: &str) -> String {
        read_bytes(text.as_bytes(), true).unwrap_err().to_string()
    }

    #[test]
    fn a_spreadsheet_export_reads() {
        let text = "\u{feff}Path,LABEL,Author,Fold,Start,end\r\n\"a, b.wav\",dog,\"O\"\"Neil\",2,0.5,1.25\r\n\r\nc.wav,bird,,,,\r\n";
        let manifest = read_bytes(text.as_bytes(), true).unwrap();
        assert_eq!(manifest.extra_columns, ["Author"]);
        assert_eq!(
            manifest.rows[0],
            Row {
                path: "a, b.wav".into(),
                label: "dog".into(),
                split: Some("fold-2".into()),
                start_s: Some(0.5),
                end_s: Some(1.25),
                extra: ["O\"Neil"].iter().collect(),
                ..Row::default()
            }
        );
        assert_eq!(manifest.rows[1].split, None);
        assert_eq!(manifest.file(&manifest.rows[1]), manifest.root.join("c.wav"));
    }

    #[test]
    fn errors_name_the_line_and_what_was_expected() {
        assert_eq!(message("file,label\nx,y\n"), "m.csv: no column `path`; the columns found are: file, label");
        assert_eq!(message("path,label\na,b\nc\n"), "m.csv:3: expected 2 fields, got 1");
        assert_eq!(message("path,label\n,b\n"), "m.csv:2: the path is empty");
        assert_eq!(message("path,label\na,\n"), "m.csv:2: the label of `a` is empty");
        assert_eq!(message("path,label,start\na,b,one\n"), "m.csv:2: start: expected seconds from 0, got `one`");
        assert_eq!(
            message("path,label,start,end\na,b,2,1\n"),
            "m.csv:2: end: expected more than the start, 2 s, got 1 s"
        );
        assert_eq!(
            message("path,label,channel\na,b,left\n"),
            "m.csv:2: channel: expected a whole number from 0, got `left`"
        );
        assert!(message("").contains("the file is empty"));
        assert!(message("path,path,label\n").contains("more than once"));
        let latin1 = read_bytes(b"path,label\n\xe9.wav,bird\n", true).unwrap_err().to_string();
        assert!(latin1.starts_with("m.csv:2: expected text in UTF-8, got other bytes: save"), "{latin1}");
        assert!(message("path,label,start\na,b,\"0,5\"\n").ends_with("got `0,5`: write decimals with a point"));
        assert!(message("sep=;\npath;label\na;b\nc\n").starts_with("m.csv:4: expected 2 fields"));
    }

    #[test]
    fn columns_of_other_names_are_renamed() {
        let text = "filename;category;label;fold\na.wav;dog;3;1\n";
        let renames = [("filename", "path"), ("Category", "label"), ("src_file", "group")];
        let manifest = read_from(text.as_bytes(), Path::new("m.csv"), true, &renames).unwrap();
        assert_eq!(manifest.extra_columns, ["original_label"]);
        let row = &manifest.rows[0];
        assert_eq!((&*row.path, &*row.label, row.split.as_deref()), ("a.wav", "dog", Some("fold-1")));
        let error = read_from("filename,x\na,b\n".as_bytes(), Path::new("m.csv"), true, &renames).unwrap_err();
        assert_eq!(error.to_string(), "m.csv: no column `label`; the columns found are: filename, x");
    }

    #[test]
    fn labels_may_be_missing_only_when_allowed() {
        let manifest = read_bytes(b"path\na.wav\n", false).unwrap();
        assert_eq!(manifest.rows[0].label, "");
        assert!(read_bytes(b"path\na.wav\n", true).is_err());
        let manifest = read_bytes(b"path,label\na.wav,NA\nb.wav,unsure\n", false).unwrap();
        assert_eq!((&*manifest.rows[0].label, &*manifest.rows[1].label), ("", "unsure"));
    }

    #[test]
    fn labels_that_are_no_classes_are_refused_by_line() {
        for (label, part) in [
            ("unsure", "predictions use"),
            ("Silent", "predictions use"),
            ("NA", "missing value"),
            ("nan", "missing value"),
        ] {
            let error = message(&format!("path,label\na,dog\nb, {label}\n"));
            assert!(error.starts_with("m.csv:3: label: ") && error.contains(part), "{error}");
        }
        let rows = read_bytes(b"path,label\na, Neither \nb,dog \n", true).unwrap().rows;
        assert_eq!((&*rows[0].label, &*rows[1].label), ("neither", "dog"));
    }

    #[test]
    fn other_separators_encodings_and_missing_values_read() {
        let text = "path;label;group;split;start;end;channel\n\"a;1.wav\";dog;NA;Training;0,5;1,25;NA\nb.wav;bird;nan;valid;;nan;\n";
        let tabs = text.replace("\"a;1.wav\"", "a;1.wav").replace(';', "\t").replace("a\t1", "a;1");
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        for bytes in [text.as_bytes(), tabs.as_bytes(), &utf16] {
            let rows = read_bytes(bytes, true).unwrap().rows;
            assert_eq!((&*rows[0].path, rows[0].start_s, rows[0].end_s), ("a;1.wav", Some(0.5), Some(1.25)));
            assert_eq!(
                (rows[0].group.as_deref(), rows[0].split.as_deref(), rows[0].channel),
                (None, Some("train"), None)
            );
            assert_eq!((rows[1].split.as_deref(), rows[1].start_s, rows[1].end_s), (Some("val"), None, None));
        }
    }

    #[test]
    fn backslashes_are_folders_where_the_file_is_there() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("dog")).unwrap();
        std::fs::write(folder.path().join("dog/a.wav"), b"x").unwrap();
        std::fs::write(folder.path().join("m.csv"), "path,label\ndog\\a.wav,dog\ndog\\b.wav,dog\n").unwrap();
        let rows = read_table(&folder.path().join("m.csv"), true).unwrap().rows;
        assert_eq!((&*rows[0].path, &*rows[1].path), ("dog/a.wav", "dog\\b.wav"));
    }
}
