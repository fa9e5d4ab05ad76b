//! The list of what there is to learn from: which file, which part of it, which class, group and split.

use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// The columns that have a meaning here, in the order in which they are written.
const COLUMNS: [&str; 7] = ["path", "label", "group", "split", "start", "end", "channel"];

/// One row: a file or a part of one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// The file as the manifest names it, with `/`; relative to the manifest's root unless absolute.
    pub path: String,
    /// The class; empty where unlabelled.
    pub label: String,
    /// The recording or session; rows of one group stay in one split.
    pub group: Option<String>,
    /// The split, where it is given.
    pub split: Option<String>,
    /// Start of the part in seconds; the start of the file where absent.
    pub start_s: Option<f64>,
    /// End of the part in seconds; the end of the file where absent.
    pub end_s: Option<f64>,
    /// The channel, counted from 0; the channel policy decides where absent.
    pub channel: Option<u16>,
    /// The fields of [`Manifest::extra_columns`].
    pub extra: Vec<String>,
}

/// Rows, and where their paths start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manifest {
    /// The folder that relative paths start from.
    pub root: PathBuf,
    /// The rows.
    pub rows: Vec<Row>,
    /// Names of the columns that are carried along.
    pub extra_columns: Vec<String>,
    /// Files of a folder that are no sound by their extension, or lie outside the class folders. Hidden files are
    /// not listed.
    pub ignored: Vec<String>,
}

impl Manifest {
    /// Opens what a user names: a CSV manifest, or a folder of class folders.
    ///
    /// # Errors
    /// As [`Manifest::read_csv`] and [`Manifest::from_folder`].
    pub fn open(path: &Path) -> Result<Manifest> {
        let metadata = std::fs::metadata(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        if metadata.is_dir() { Manifest::from_folder(path) } else { Manifest::read_csv(path) }
    }

    /// Reads a CSV manifest in which every row has a label. Columns `path` and `label` are required; `group`, `split`
    /// (or `fold`, which becomes `fold-N`), `start`, `end` and `channel` are known; any other is carried along.
    /// Paths are relative to the manifest's folder. Names of columns may be in any letter case.
    ///
    /// # Errors
    /// A column that is missing, or a bad row, named by its line.
    pub fn read_csv(path: &Path) -> Result<Manifest> {
        read(path, true)
    }

    /// As [`Manifest::read_csv`], with labels that may be empty or a column `label` that may be missing.
    ///
    /// # Errors
    /// As [`Manifest::read_csv`].
    pub fn read_csv_unlabelled(path: &Path) -> Result<Manifest> {
        read(path, false)
    }

    /// The manifest as CSV: the known columns, always all of them, then the carried ones.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut out = Vec::new();
        push_record(&mut out, COLUMNS.iter().copied().chain(self.extra_columns.iter().map(String::as_str)));
        for row in &self.rows {
            let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
            let known = [
                row.path.clone(),
                row.label.clone(),
                row.group.clone().unwrap_or_default(),
                row.split.clone().unwrap_or_default(),
                number(row.start_s),
                number(row.end_s),
                row.channel.map(|channel| channel.to_string()).unwrap_or_default(),
            ];
            push_record(&mut out, known.iter().chain(&row.extra).map(String::as_str));
        }
        out
    }

    /// Where a row's file is.
    pub fn file(&self, row: &Row) -> PathBuf {
        self.root.join(&row.path)
    }

    /// The same rows with paths that start from another folder: relative where there is a way, with `..` where needed.
    ///
    /// # Errors
    /// When the working folder cannot be found out.
    pub fn rebased(&self, new_root: &Path) -> Result<Manifest> {
        let from = real(new_root)?;
        let root = real(&self.root)?;
        let rows = self.rows.iter().map(|row| Row { path: relative(&from, &root.join(&row.path)), ..row.clone() });
        Ok(Manifest { root: new_root.to_owned(), rows: rows.collect(), ..self.clone() })
    }
}

/// The absolute path without links as far as it exists, so that `..` means the same to us and to the system.
fn real(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let existing = absolute.ancestors().find_map(|ancestor| {
        let real = ancestor.canonicalize().ok()?;
        Some(real.join(absolute.strip_prefix(ancestor).ok()?))
    });
    Ok(existing.unwrap_or(absolute))
}

fn relative(from: &Path, to: &Path) -> String {
    let mut target: Vec<Component<'_>> = Vec::new();
    for component in to.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(target.last(), Some(Component::Normal(_))) => {
                target.pop();
            }
            other => target.push(other),
        }
    }
    let from: Vec<Component<'_>> = from.components().collect();
    let n_shared = from.iter().zip(&target).take_while(|(a, b)| a == b).count();
    let mut parts: Vec<String> = Vec::new();
    if n_shared > 0 {
        parts.resize(from.len() - n_shared, "..".to_owned());
        parts.extend(target[n_shared..].iter().map(|part| part.as_os_str().to_string_lossy().into_owned()));
        parts.join("/")
    } else {
        // Another drive: there is no relative way.
        target.iter().collect::<PathBuf>().to_string_lossy().into_owned()
    }
}

fn push_record<'a>(out: &mut Vec<u8>, fields: impl Iterator<Item = &'a str>) {
    for (i, field) in fields.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let plain = !field.contains(['"', ',', '\n', '\r']) && field.trim() == field && !field.starts_with('\u{feff}');
        if plain {
            out.extend_from_slice(field.as_bytes());
        } else {
            out.push(b'"');
            out.extend_from_slice(field.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        }
    }
    out.push(b'\n');
}

/// Which column of the file holds what.
struct Header {
    known: [Option<usize>; COLUMNS.len()],
    fold: Option<usize>,
    extra: Vec<usize>,
    n_columns: usize,
}

impl Header {
    fn new(path: &Path, names: &[String], labelled: bool) -> Result<Header> {
        let find = |wanted: &str| names.iter().position(|name| name.trim().eq_ignore_ascii_case(wanted));
        let known = COLUMNS.map(find);
        let required: &[usize] = if labelled { &[0, 1] } else { &[0] };
        if let Some(&missing) = required.iter().find(|&&i| known[i].is_none()) {
            let found = names.join(", ");
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
        Ok(Header { known, fold, extra, n_columns: names.len() })
    }
}

fn read(path: &Path, labelled: bool) -> Result<Manifest> {
    let bytes = crate::decode::read_file(path)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let fail = |line: u64, message: String| Error::Manifest { path: path.to_owned(), line, message };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut header: Option<Header> = None;
    let mut manifest = Manifest { root: parent(path), ..Manifest::default() };
    let mut record = csv::ByteRecord::new();
    loop {
        let line = reader.position().line();
        if !reader.read_byte_record(&mut record).map_err(|error| fail(line, error.to_string()))? {
            break;
        }
        let line = record.position().map_or(line, csv::Position::line);
        let fields = record
            .iter()
            .map(|field| std::str::from_utf8(field).map(str::to_owned))
            .collect::<std::result::Result<Vec<String>, _>>()
            .map_err(|_| fail(line, "expected text in UTF-8, got other bytes".into()))?;
        match &header {
            None => {
                let found = Header::new(path, &fields, labelled)?;
                manifest.extra_columns = found.extra.iter().map(|&i| fields[i].trim().to_owned()).collect();
                header = Some(found);
            }
            Some(_) if fields.iter().all(|field| field.trim().is_empty()) => {}
            Some(header) => {
                manifest.rows.push(parse_row(header, &fields, labelled).map_err(|message| fail(line, message))?);
            }
        }
    }
    if header.is_none() {
        return Err(Error::Column { path: path.to_owned(), missing: "path", found: "none, the file is empty".into() });
    }
    Ok(manifest)
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// One row, or what is wrong with it.
fn parse_row(header: &Header, fields: &[String], labelled: bool) -> std::result::Result<Row, String> {
    if fields.len() != header.n_columns {
        return Err(format!("expected {} fields, got {}", header.n_columns, fields.len()));
    }
    let field = |column: usize| header.known[column].map_or("", |i| fields[i].trim());
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    // A file's name may begin or end with a space, so a path is taken as it stands.
    let path = header.known[0].map_or("", |i| fields[i].as_str());
    let label = field(1);
    if path.trim().is_empty() {
        return Err("the path is empty".into());
    }
    if labelled && label.is_empty() {
        return Err(format!("the label of `{path}` is empty"));
    }
    let seconds = |column: usize| match field(column) {
        "" => Ok(None),
        text => match text.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => Ok(Some(value)),
            _ => Err(format!("{}: expected seconds from 0, got `{text}`", COLUMNS[column])),
        },
    };
    let (start_s, end_s) = (seconds(4)?, seconds(5)?);
    if let Some(end_s) = end_s
        && end_s <= start_s.unwrap_or(0.0)
    {
        return Err(format!("end: expected more than the start, {} s, got {end_s} s", start_s.unwrap_or(0.0)));
    }
    let channel = match field(6) {
        "" => None,
        text => Some(text.parse().map_err(|_| format!("channel: expected a whole number from 0, got `{text}`"))?),
    };
    let fold = header.fold.map_or("", |i| fields[i].trim());
    let split = optional(field(3)).or_else(|| match fold {
        "" => None,
        fold if fold.starts_with("fold-") => Some(fold.to_owned()),
        fold => Some(format!("fold-{fold}")),
    });
    Ok(Row {
        path: path.to_owned(),
        label: label.to_owned(),
        group: optional(field(2)),
        split,
        start_s,
        end_s,
        channel,
        extra: header.extra.iter().map(|&i| fields[i].clone()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &[u8], labelled: bool) -> Result<Manifest> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.csv");
        std::fs::write(&path, text).unwrap();
        read(&path, labelled).map_err(|error| match error {
            Error::Manifest { line, message, .. } => Error::Manifest { path: "m.csv".into(), line, message },
            Error::Column { missing, found, .. } => Error::Column { path: "m.csv".into(), missing, found },
            other => other,
        })
    }

    fn message(text: &str) -> String {
        read_text(text.as_bytes(), true).unwrap_err().to_string()
    }

    #[test]
    fn a_spreadsheet_export_reads() {
        let text = "\u{feff}Path,LABEL,Author,Fold,Start,end\r\n\"a, b.wav\",dog,\"O\"\"Neil\",2,0.5,1.25\r\n\r\nc.wav,bird,,,,\r\n";
        let manifest = read_text(text.as_bytes(), true).unwrap();
        assert_eq!(manifest.extra_columns, ["Author"]);
        assert_eq!(
            manifest.rows[0],
            Row {
                path: "a, b.wav".into(),
                label: "dog".into(),
                split: Some("fold-2".into()),
                start_s: Some(0.5),
                end_s: Some(1.25),
                extra: vec!["O\"Neil".into()],
                ..Row::default()
            }
        );
        assert_eq!(manifest.rows[1].split, None);
        assert_eq!(manifest.file(&manifest.rows[1]), manifest.root.join("c.wav"));
    }

    #[test]
    fn errors_name_the_line_and_what_was_expected() {
        assert_eq!(message("file,label\nx,y\n"), "m.csv: no column `path`; the columns found are: file, label");
        assert_eq!(message("path;label\nx;y\n"), "m.csv: no column `path`; the columns found are: path;label");
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
        let latin1 = read_text(b"path,label\n\xe9.wav,bird\n", true).unwrap_err().to_string();
        assert_eq!(latin1, "m.csv:2: expected text in UTF-8, got other bytes");
    }

    #[test]
    fn labels_may_be_missing_only_when_allowed() {
        let manifest = read_text(b"path\na.wav\n", false).unwrap();
        assert_eq!(manifest.rows[0].label, "");
        assert!(read_text(b"path\na.wav\n", true).is_err());
    }

    #[test]
    fn a_rebased_manifest_finds_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data/dog");
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("a.wav"), b"x").unwrap();
        let row = Row { path: "dog/../dog/a.wav".into(), label: "dog".into(), ..Row::default() };
        let manifest = Manifest { root: folder.path().join("data"), rows: vec![row], ..Manifest::default() };
        let out = folder.path().join("runs/one");
        let rebased = manifest.rebased(&out).unwrap();
        assert_eq!(rebased.rows[0].path, "../../data/dog/a.wav");
        std::fs::create_dir_all(&out).unwrap();
        assert!(rebased.file(&rebased.rows[0]).is_file());
        assert_eq!(manifest.rebased(&folder.path().join("data")).unwrap().rows[0].path, "dog/a.wav");
    }

    #[test]
    fn a_missing_manifest_is_named() {
        let error = Manifest::open(Path::new("no/such/thing")).unwrap_err().to_string();
        assert!(error.starts_with("no/such/thing: cannot be read"), "{error}");
    }
}
