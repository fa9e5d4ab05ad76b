//! Decodes a whole file to samples. The format is detected from the bytes; WAV and FLAC have decoders here, the others use
//! symphonia.

use std::path::Path;

use crate::decoded::{Decoded, Until};
use crate::error::Result;
use crate::read::read_file;
use crate::recording::Recording;

/// Reads and decodes a file.
///
/// # Errors
/// As [`decode_bytes`], and when the file cannot be read.
pub fn decode_file(path: &Path) -> Result<Decoded> {
    decode_bytes(&read_file(path)?, path)
}

/// Decodes the bytes of a file; `path` is for messages and, where the bytes alone do not decide, for its extension.
///
/// A file that holds less than it promises decodes to what is there, with [`Damage`](crate::Damage) saying what is missing.
///
/// # Errors
/// An empty file, a format that is not decoded (named), bytes that are no sound, a rate or a number of channels that no
/// recorder has, too little memory, or a decoder that fails before the first sample. A panic inside a decoder is an error
/// too.
pub fn decode_bytes(bytes: &[u8], path: &Path) -> Result<Decoded> {
    decode_bytes_until(bytes, path, None)
}

/// As [`decode_bytes`], but stops where enough is decoded: [`clips`](crate::clips) then gives what it gives for the
/// whole file. With `None` everything is decoded.
///
/// What would only show later is not reported: damage past the stop, missing frames, and silence, which may end.
///
/// # Errors
/// As [`decode_bytes`].
#[tracing::instrument(level = "debug", skip_all, fields(path = %path.display(), n_bytes = bytes.len()))]
pub fn decode_bytes_until(bytes: &[u8], path: &Path, until: Option<Until>) -> Result<Decoded> {
    Recording::of_bytes(bytes, path)?.decode(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_entry_is_an_error_with_its_name() {
        let error = decode_bytes(b"", Path::new("a/b.wav")).unwrap_err().to_string();
        assert_eq!(error, "a/b.wav: the file is empty (0 bytes)");
    }
}
