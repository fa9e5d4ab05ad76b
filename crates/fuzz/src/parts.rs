//! Several files in one input: a folder that is read by a target.

use std::path::Path;

/// What is between two files.
pub(crate) const BETWEEN: &[u8] = b"\n%%%%\n";

/// The files of an input, in order.
#[must_use]
pub(crate) fn split(input: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = input;
    while let Some(at) = crate::repair::find(rest, BETWEEN) {
        parts.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest);
    parts
}

/// An input of files.
#[must_use]
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(BETWEEN)
}

/// Writes the files of an input under these names; a file without a part, or with an empty one, is not there.
pub(crate) fn write(input: &[u8], folder: &Path, names: &[&str]) {
    let parts = split(input);
    for (nth, name) in names.iter().enumerate() {
        let path = folder.join(name);
        // A file that cannot be written is one that is not there.
        let _ = match parts.get(nth).filter(|part| !part.is_empty()) {
            Some(part) => std::fs::write(&path, part),
            None => std::fs::remove_file(&path),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let parts: [&[u8]; 3] = [b"a", b"", b"b\n%%%"];
        assert_eq!(split(&join(&parts)), parts);
        assert_eq!(split(b"x"), [b"x"]);
    }
}
