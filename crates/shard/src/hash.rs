//! SHA-256 in the form in which files and indexes quote it.

use sha2::{Digest, Sha256};

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of `pieces` one after the other, without ever having them all in memory.
pub fn sha256_hex_of_all(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let hash = pieces.into_iter().fold(Sha256::new(), |hash, piece| hash.chain_update(piece));
    hex(&hash.finalize())
}

/// SHA-256 of the pieces one after the other.
pub(crate) fn sha256_hex_of(pieces: &[&[u8]]) -> String {
    hex(&sha256_of(pieces))
}

/// SHA-256 of the pieces one after the other as its 32 raw bytes.
pub(crate) fn sha256_of(pieces: &[&[u8]]) -> [u8; 32] {
    pieces.iter().fold(Sha256::new(), |hash, piece| hash.chain_update(piece)).finalize().into()
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
