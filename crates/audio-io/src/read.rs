//! The bytes of a file that is named by somebody else: plain files alone are opened.

use std::io::Read;
use std::path::Path;

use storage::{Kind, StoredFile};

use crate::error::{Error, Result};

/// Reads a whole file. Pipes, devices and sockets are not opened: they might never end, or do something.
///
/// # Errors
/// A file that cannot be read, and what is no plain file.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    let mut file = open_file(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(file.n_bytes()).unwrap_or(0).saturating_add(1));
    file.read_to_end(&mut bytes).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

/// Opens a plain file, as [`read_file`] does.
///
/// # Errors
/// As for [`read_file`].
pub(crate) fn open_file(path: &Path) -> Result<StoredFile> {
    let fail = |source| Error::Read { path: path.to_owned(), source };
    if !storage::Location::of(path).is_remote() {
        match storage::metadata(path).map_err(fail)?.kind {
            Kind::File => {}
            Kind::Folder | Kind::Link => return Err(Error::NotAFile { path: path.to_owned(), found: "a folder" }),
            Kind::Other(found) => return Err(Error::NotAFile { path: path.to_owned(), found }),
        }
    }
    storage::open(path).map_err(fail)
}

/// Whether a path leads to a folder.
///
/// # Errors
/// What is not there, or cannot be looked at.
pub(crate) fn is_folder(path: &Path) -> Result<bool> {
    let metadata = storage::metadata(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    Ok(metadata.kind == Kind::Folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_file_is_named_and_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let text = |path: &Path| read_file(path).unwrap_err().to_string();
        assert!(text(folder.path()).ends_with("expected a file, got a folder"));
        assert!(text(&folder.path().join("none")).contains("cannot be read"));
        #[cfg(unix)]
        {
            assert!(text(Path::new("/dev/null")).ends_with("expected a file, got a device"));
            let path = folder.path().join("socket");
            let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
            assert!(text(&path).ends_with("expected a file, got a socket"));
        }
        std::fs::write(folder.path().join("a"), b"abc").unwrap();
        assert_eq!(read_file(&folder.path().join("a")).unwrap(), b"abc");
    }
}
