//! Names and numbers as cells, and what the writers have in common.

use crate::{Error, Result};
use std::io::{BufWriter, Write};

/// A name without control characters: a space for each.
pub(super) fn printable(name: &str) -> String {
    name.replace(char::is_control, " ")
}

/// Folder and name of a file. A backslash separates only where there is no slash, since it may be a part of a name. The folder
/// has no separator at its end, except for a root.
pub(super) fn folder_and_name(path: &str) -> (&str, &str) {
    match path.rfind('/').or_else(|| path.rfind('\\')) {
        Some(0) => path.split_at(1),
        Some(at) => (&path[..at], &path[at + 1..]),
        None => ("", path),
    }
}

/// A number, or an empty cell.
pub(super) fn cell<T>(value: Option<T>, print: impl Fn(T) -> String) -> String {
    value.map(print).unwrap_or_default()
}

/// A length of a recording that is one.
pub(super) fn length(path: &str, seconds: f64) -> Result<f64> {
    match crate::time::milliseconds(seconds) {
        Some(_) => Ok(seconds.abs()),
        None => Err(Error::Length { path: path.to_owned(), got: seconds }),
    }
}

/// What is buffered is written, and the destination is given back.
pub(super) fn into_inner<W: Write>(out: BufWriter<W>) -> Result<W> {
    out.into_inner().map_err(|error| Error::Write(error.into_error()))
}

/// The same for the writer of the crate `csv`.
pub(super) fn out_of_csv<W: Write>(writer: csv::Writer<W>) -> Result<W> {
    writer.into_inner().map_err(|error| Error::Write(error.into_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_names() {
        assert_eq!(folder_and_name("a/b c/d.wav"), ("a/b c", "d.wav"));
        assert_eq!(folder_and_name("C:\\a\\d.wav"), ("C:\\a", "d.wav"));
        assert_eq!(folder_and_name("a/b\\c.wav"), ("a", "b\\c.wav"));
        assert_eq!(folder_and_name("/d.wav"), ("/", "d.wav"));
        assert_eq!(folder_and_name("d.wav"), ("", "d.wav"));
        assert_eq!(printable("a\tb\r\nc é"), "a b  c é");
    }
}
