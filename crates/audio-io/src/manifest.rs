//! The list of what there is to learn from: which file, which part of it, which class, group and split.

use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use storage::Location;

use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::walk::{Skipped, utf8_name};
use crate::warning::Warning;

/// The columns that have a meaning here, in the order in which they are written.
pub(crate) const COLUMNS: [&str; 7] = ["path", "label", "group", "split", "start", "end", "channel"];

/// One row: a file or a part of one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// The file as the manifest names it, with `/`; relative to the manifest's root unless absolute.
    pub path: String,
    /// The class; empty where unlabeled.
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
    pub extra: Fields,
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
    /// Files of a folder that are no sound by their extension, or are outside the class folders. Hidden files are not
    /// listed.
    pub ignored: Vec<String>,
    /// What a walk of a folder left out, and why.
    pub skipped: Vec<Skipped>,
    /// What was noticed while it was read.
    pub warnings: Vec<Warning>,
}

impl Manifest {
    /// The manifest as CSV: the known columns, always all of them, then the carried ones.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut out = head(&self.extra_columns);
        self.rows.iter().for_each(|row| push_row(&mut out, &row.path, row, row.extra.iter()));
        out
    }

    /// Writes what [`to_csv`](Self::to_csv) gives, a row at a time.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        let mut line = head(&self.extra_columns);
        out.write_all(&line)?;
        self.rows.iter().try_for_each(|row| {
            line.clear();
            push_row(&mut line, &row.path, row, row.extra.iter());
            out.write_all(&line)
        })
    }

    /// Where a row's file is.
    pub fn file(&self, row: &Row) -> PathBuf {
        storage::join(&self.root, &row.path)
    }

    /// The same rows with paths that start from another folder: relative where possible, with `..` where needed.
    ///
    /// # Errors
    /// When the working folder cannot be found out, or a path is not UTF-8.
    pub fn rebased(mut self, new_root: &Path) -> Result<Manifest> {
        let rebase = Rebase::new(&self.root, new_root)?;
        for row in &mut self.rows {
            row.path = rebase.path(&row.path)?;
        }
        Ok(Manifest { root: new_root.to_owned(), ..self })
    }
}

/// From the paths of one folder to those of another.
pub(crate) struct Rebase {
    root: PathBuf,
    new_root: PathBuf,
}

impl Rebase {
    pub(crate) fn new(root: &Path, new_root: &Path) -> Result<Self> {
        Ok(Rebase { root: real(root)?, new_root: real(new_root)? })
    }

    pub(crate) fn path(&self, path: &str) -> Result<String> {
        relative(&self.new_root, &storage::join(&self.root, path))
    }
}

/// The first line of a manifest.
pub(crate) fn head<S: AsRef<str>>(extra_columns: &[S]) -> Vec<u8> {
    let mut out = Vec::new();
    push_fields(&mut out, COLUMNS.iter().copied().chain(extra_columns.iter().map(AsRef::as_ref)));
    out.push(b'\n');
    out
}

/// Appends the line of a row, with another path and other carried fields.
pub(crate) fn push_row<'a>(out: &mut Vec<u8>, path: &str, row: &Row, extra: impl Iterator<Item = &'a str>) {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let (start, end) = (number(row.start_s), number(row.end_s));
    let channel = row.channel.map(|channel| channel.to_string()).unwrap_or_default();
    let (group, split) = (row.group.as_deref().unwrap_or_default(), row.split.as_deref().unwrap_or_default());
    let known = [path, row.label.as_str(), group, split, &start, &end, &channel];
    push_fields(out, known.into_iter());
    for field in extra {
        out.push(b',');
        push_fields(out, std::iter::once(field));
    }
    out.push(b'\n');
}

/// The absolute path without links as far as it exists, so that `..` means the same to us and to the system.
fn real(path: &Path) -> Result<PathBuf> {
    let path = match Location::of(path) {
        Location::Local(path) => path,
        remote => return Ok(remote.to_path()),
    };
    let absolute = std::path::absolute(&path).map_err(|source| Error::Read { path, source })?;
    let existing = absolute.ancestors().find_map(|ancestor| {
        let real = storage::canonical(ancestor).ok()?;
        Some(real.join(absolute.strip_prefix(ancestor).ok()?))
    });
    Ok(existing.unwrap_or(absolute))
}

fn relative(from: &Path, to: &Path) -> Result<String> {
    let bucket = |path: &Path| match Location::of(path) {
        Location::Remote { scheme, bucket, .. } => Some((scheme, bucket)),
        Location::Local(_) => None,
    };
    let to = &Location::of(to).to_path();
    if bucket(from) != bucket(to) {
        return utf8_name(to).map(str::to_owned);
    }
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
        for part in &target[n_shared..] {
            parts.push(part.as_os_str().to_str().ok_or_else(|| Error::NotUtf8 { path: to.to_owned() })?.to_owned());
        }
        Ok(parts.join("/"))
    } else {
        // Another drive: there is no relative path.
        utf8_name(&target.iter().collect::<PathBuf>()).map(str::to_owned)
    }
}

fn push_fields<'a>(out: &mut Vec<u8>, fields: impl Iterator<Item = &'a str>) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebased_manifest_finds_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data/dog");
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("a.wav"), b"x").unwrap();
        let row = Row { path: "dog/../dog/a.wav".into(), label: "dog".into(), ..Row::default() };
        let manifest = Manifest { root: folder.path().join("data"), rows: vec![row], ..Manifest::default() };
        let out = folder.path().join("runs/one");
        let rebased = manifest.clone().rebased(&out).unwrap();
        assert_eq!(rebased.rows[0].path, "../../data/dog/a.wav");
        std::fs::create_dir_all(&out).unwrap();
        assert!(rebased.file(&rebased.rows[0]).is_file());
        assert_eq!(manifest.rebased(&folder.path().join("data")).unwrap().rows[0].path, "dog/a.wav");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_is_refused_and_not_bent() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
        std::fs::create_dir(&data).unwrap();
        let row = Row { path: "a.wav".into(), label: "dog".into(), ..Row::default() };
        let manifest = Manifest { root: data.clone(), rows: vec![row], ..Manifest::default() };
        assert!(matches!(manifest.clone().rebased(folder.path()), Err(Error::NotUtf8 { .. })));
        assert_eq!(manifest.rebased(&data).unwrap().rows[0].path, "a.wav");
    }
}
