//! SHA-256 in the form in which files and indexes quote it.

use std::io::{self, Write};

use sha2::Digest;

/// SHA-256 of what is written to it.
#[derive(Debug, Clone, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Of what was written, as 64 lower-case hexadecimal digits.
    pub fn hex(self) -> String {
        hex(&self.0.finalize())
    }
}

impl Write for Sha256 {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha2::Sha256::digest(bytes))
}

/// SHA-256 of `pieces` one after the other, without ever having them all in memory.
pub fn sha256_hex_of_all(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let hash = pieces.into_iter().fold(sha2::Sha256::new(), |hash, piece| hash.chain_update(piece));
    hex(&hash.finalize())
}

/// SHA-256 of the pieces one after the other.
pub(crate) fn sha256_hex_of(pieces: &[&[u8]]) -> String {
    hex(&sha256_of(pieces))
}

/// SHA-256 of the pieces one after the other as its 32 raw bytes.
pub(crate) fn sha256_of(pieces: &[&[u8]]) -> [u8; 32] {
    pieces.iter().fold(sha2::Sha256::new(), |hash, piece| hash.chain_update(piece)).finalize().into()
}

/// Whether `text` looks like what [`sha256_hex`] returns.
pub(crate) fn is_sha256_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        let mut hash = Sha256::default();
        hash.write_all(b"a").and_then(|()| hash.write_all(b"bc")).unwrap();
        assert_eq!(hash.hex(), sha256_hex(b"abc"));
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn only_lower_case_hexadecimal_passes() {
        assert!(is_sha256_hex(&sha256_hex(b"abc")));
        assert!(!is_sha256_hex(&sha256_hex(b"abc").to_uppercase()));
        assert!(!is_sha256_hex("abc"));
    }
}
