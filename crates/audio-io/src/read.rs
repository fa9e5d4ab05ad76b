//! The bytes of a file that is named by somebody else: plain files alone are opened.

use std::fs::{File, FileType, Metadata};
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};

/// Reads a whole file. Pipes, devices and sockets are not opened: they might never end, or do something.
///
/// # Errors
/// A file that cannot be read, and what is no plain file.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = open_file(path)?;
    file.read_to_end(&mut bytes).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

/// Opens a plain file, as [`read_file`] does.
///
/// # Errors
/// As for [`read_file`].
pub(crate) fn open_file(path: &Path) -> Result<File> {
    let metadata = metadata(path)?;
    if let Some(found) = special(metadata.file_type()).or_else(|| metadata.is_dir().then_some("a folder")) {
        return Err(Error::NotAFile { path: path.to_owned(), found });
    }
    File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// What a path leads to.
pub(crate) fn metadata(path: &Path) -> Result<Metadata> {
    std::fs::metadata(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// What something is that is neither a file nor a folder.
pub(crate) fn special(kind: FileType) -> Option<&'static str> {
    if kind.is_file() || kind.is_dir() || kind.is_symlink() {
        return None;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a pipe (FIFO)");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_char_device() || kind.is_block_device() {
            return Some("a device");
        }
    }
    Some("something that is no plain file")
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
