use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// What the hub's ETag says of a file, in hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Checksum {
    /// Of a file that is kept outside of git (LFS, xet).
    Sha256(String),
    /// Of a file in git: SHA-1 over `blob <length>\0` and the bytes.
    GitSha1(String),
}

impl Checksum {
    /// `None` for an ETag that is no checksum.
    pub(crate) fn from_etag(etag: &str) -> Option<Self> {
        let lower = etag.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match etag.len() {
            64 if lower => Some(Self::Sha256(etag.into())),
            40 if lower => Some(Self::GitSha1(etag.into())),
            _ => None,
        }
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::GitSha1(_) => "git SHA-1",
        }
    }

    /// The digits.
    pub(crate) fn hex(&self) -> &str {
        let (Self::Sha256(hex) | Self::GitSha1(hex)) = self;
        hex
    }

    /// The same checksum of the file at `path`.
    pub(crate) fn of_file(&self, path: &Path) -> io::Result<String> {
        match self {
            Self::Sha256(_) => sha256_of_file(path),
            Self::GitSha1(_) => git_sha1_of_file(path),
        }
    }
}

pub(crate) fn sha256_of_file(path: &Path) -> io::Result<String> {
    digest(File::open(path)?, Sha256::new())
}

pub(crate) fn git_sha1_of_file(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    let hasher = Sha1::new().chain_update(format!("blob {}\0", file.metadata()?.len()));
    digest(file, hasher)
}

fn digest(mut file: File, mut hasher: impl Digest) -> io::Result<String> {
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block) {
            Ok(0) => break,
            Ok(n_bytes) => hasher.update(&block[..n_bytes]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// Digits of a checksum.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // What `git hash-object` and `sha256sum` say of "hello\n".
    const GIT: &str = "ce013625030ba8dba906f756967f9e9ca394464a";
    const SHA256: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

    #[test]
    fn checksums_are_those_of_git_and_sha256sum() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hello");
        std::fs::write(&path, "hello\n").unwrap();
        for (etag, algorithm) in [(GIT, "git SHA-1"), (SHA256, "SHA-256")] {
            let checksum = Checksum::from_etag(etag).unwrap();
            assert_eq!((checksum.algorithm(), checksum.hex()), (algorithm, etag));
            assert_eq!(checksum.of_file(&path).unwrap(), etag);
        }
    }

    #[test]
    fn long_files_are_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long");
        let bytes = vec![7; 2 * BLOCK + 1];
        std::fs::write(&path, &bytes).unwrap();
        let expected: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sha256_of_file(&path).unwrap(), expected);
    }

    #[test]
    fn other_etags_are_no_checksums() {
        for etag in ["", "abc", &GIT.to_uppercase(), &format!("{SHA256}-2"), "../../../../etc/passwd"] {
            assert_eq!(Checksum::from_etag(etag), None, "{etag}");
        }
    }
}
