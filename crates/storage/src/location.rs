//! What a path names: a file of this machine, or an object of a bucket.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bucket::{self, Bucket};

/// Schemes of buckets, whether a client for them is mounted or not.
const SCHEMES: [&str; 3] = ["s3", "gs", "az"];

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file or folder of this machine.
    Local(PathBuf),
    /// An object of a bucket, or all whose names begin with the key and `/`.
    Remote {
        /// `s3`, `gs`, `az`, or what else is mounted.
        scheme: String,
        /// Name of the bucket (`az`: of the container).
        bucket: String,
        /// Name of the object, without a slash at either end; empty for the bucket itself.
        key: String,
    },
}

impl Location {
    /// Reads a path. One that was put together or normalized as a path is understood, too: `s3:/bucket/key` is the same as
    /// `s3://bucket/key`.
    pub fn of(path: &Path) -> Self {
        let local = || Self::Local(path.to_owned());
        let Some((scheme, rest)) = path.to_str().and_then(split_scheme) else { return local() };
        if scheme == "file" {
            return Self::Local(of_file_url(rest));
        }
        if !SCHEMES.contains(&scheme) && !bucket::is_mounted(scheme) {
            return local();
        }
        let mut parts = rest.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".");
        let bucket = parts.next().unwrap_or_default().to_owned();
        let mut key: Vec<&str> = Vec::new();
        for part in parts {
            if part == ".." {
                key.pop();
            } else {
                key.push(part);
            }
        }
        Self::Remote { scheme: scheme.to_owned(), bucket, key: key.join("/") }
    }

    /// Whether it is an object of a bucket.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Remote { .. })
    }

    /// The path in its usual form, such as `s3://bucket/key`.
    pub fn to_path(&self) -> PathBuf {
        match self {
            Self::Local(path) => path.clone(),
            Self::Remote { scheme, bucket, key } if key.is_empty() => format!("{scheme}://{bucket}").into(),
            Self::Remote { scheme, bucket, key } => format!("{scheme}://{bucket}/{key}").into(),
        }
    }
}

/// `path` seen from `root`: itself where it is absolute or a URL, else below the root.
pub fn join(root: &Path, path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    match Location::of(path) {
        Location::Remote { .. } => path.to_owned(),
        Location::Local(local) if local.is_absolute() => local,
        Location::Local(_) => root.join(path),
    }
}

/// An object's bucket and key, where a path names one; `None` for a file.
pub(crate) fn remote(path: &Path) -> io::Result<Option<(Arc<dyn Bucket>, String)>> {
    match Location::of(path) {
        Location::Local(_) => Ok(None),
        Location::Remote { scheme, bucket, key } => Ok(Some((bucket::open(&scheme, &bucket)?, key))),
    }
}

/// The local path that a path names, where it names one.
pub(crate) fn local(path: &Path) -> PathBuf {
    match Location::of(path) {
        Location::Local(path) => path,
        Location::Remote { .. } => path.to_owned(),
    }
}

/// `scheme:/rest` or `scheme://rest`; the scheme has at least two characters, so that a drive is none.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (is_scheme && rest.starts_with('/')).then_some((scheme, rest))
}

/// `file:///a/b%20c` as a path.
fn of_file_url(rest: &str) -> PathBuf {
    // What stands between two and three slashes is a host: only this one can be meant.
    let path = rest.strip_prefix("//").map_or(rest, |rest| rest.strip_prefix("localhost").unwrap_or(rest));
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        let hex = rest.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                left = &rest[2..];
            }
            _ => {
                bytes.push(*first);
                left = rest;
            }
        }
    }
    String::from_utf8(bytes).map_or_else(|_| path.into(), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> Option<(String, String, String)> {
        match Location::of(Path::new(text)) {
            Location::Remote { scheme, bucket, key } => Some((scheme, bucket, key)),
            Location::Local(_) => None,
        }
    }

    #[test]
    fn urls_of_buckets_are_objects_and_all_else_is_files() {
        let object = |scheme: &str, bucket: &str, key: &str| Some((scheme.into(), bucket.into(), key.into()));
        assert_eq!(remote("s3://b/a/c.wav"), object("s3", "b", "a/c.wav"));
        assert_eq!(remote("gs://b"), object("gs", "b", ""));
        assert_eq!(remote("az://b/"), object("az", "b", ""));
        assert_eq!(remote("s3:/b//a/./x/../c"), object("s3", "b", "a/c"));
        for local in ["a/b.wav", "/s3://b", "s3", "./s3://b/a", "C:/a", "http://x/y", "s3:b", "2024-01-01T10:00/a"] {
            assert_eq!(remote(local), None, "{local}");
        }
        let joined = Path::new("s3://b/run").join("model.safetensors");
        assert_eq!(Location::of(&joined).to_path(), Path::new("s3://b/run/model.safetensors"));
        let again: PathBuf = joined.components().collect();
        assert_eq!(Location::of(&again).to_path(), joined);
    }

    #[test]
    fn a_file_url_is_a_path() {
        let local = |text: &str| match Location::of(Path::new(text)) {
            Location::Local(path) => path,
            other => panic!("{other:?}"),
        };
        assert_eq!(local("file:///a/b%20c"), Path::new("/a/b c"));
        assert_eq!(local("file://localhost/a%"), Path::new("/a%"));
        assert_eq!(local("file:/a"), Path::new("/a"));
    }

    #[test]
    fn an_absolute_path_or_url_is_not_put_below_a_root() {
        assert_eq!(join(Path::new("/data"), "a.wav"), Path::new("/data/a.wav"));
        assert_eq!(join(Path::new("/data"), "/b/a.wav"), Path::new("/b/a.wav"));
        assert_eq!(join(Path::new("/data"), "s3://b/a.wav"), Path::new("s3://b/a.wav"));
        assert_eq!(join(Path::new("s3://b/data"), "x/a.wav"), Path::new("s3://b/data/x/a.wav"));
    }
}
