//! The objects of one bucket, by requests.

use std::io::{self, ErrorKind};
use std::path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    PutResult, UpdateVersion, WriteMultipart,
};
use storage::{Body, Bucket, Listed, Mode, ObjectInfo};
use tokio::runtime::Runtime;

use crate::error::of;

/// Where whoever writes an object notes the SHA-256 of its bytes.
const SHA256: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("sha256"));

/// A file up to this size is written by one conditional request, a larger one in parts.
const ONE_REQUEST: u64 = 256 << 20;

/// Bytes of a part.
const PART_BYTES: usize = 32 << 20;

/// Parts that are on their way at a time.
const PARTS_AT_ONCE: usize = 4;

/// Between tag and generation in a version.
const SEPARATOR: char = '\u{1f}';

/// A bucket, and what runs its requests.
#[derive(Debug)]
pub(crate) struct Objects {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) runtime: Arc<Runtime>,
}

fn path_of(key: &str) -> io::Result<Path> {
    Path::parse(key).map_err(|error| io::Error::new(ErrorKind::InvalidFilename, error.to_string()))
}

/// Tag and generation as one text: providers ask for one or the other.
fn version(e_tag: Option<&str>, generation: Option<&str>) -> String {
    format!("{}{SEPARATOR}{}", e_tag.unwrap_or_default(), generation.unwrap_or_default())
}

fn of_version(text: &str) -> UpdateVersion {
    let (e_tag, generation) = text.split_once(SEPARATOR).unwrap_or((text, ""));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    UpdateVersion { e_tag: some(e_tag), version: some(generation) }
}

fn info(meta: &ObjectMeta, attributes: Option<&Attributes>) -> ObjectInfo {
    ObjectInfo {
        n_bytes: meta.size,
        version: version(meta.e_tag.as_deref(), meta.version.as_deref()),
        modified: SystemTime::from(meta.last_modified),
        sha256: attributes.and_then(|attributes| attributes.get(&SHA256)).map(|value| value.to_string()),
    }
}

/// Times that a request whose answer was cut off is sent again: the client itself only does so before an answer begins.
const ATTEMPTS: u32 = 6;

/// A failure that took longer than this has been tried often enough.
const SHORT: Duration = Duration::from_secs(60);

/// Waits before the second attempt; twice as long before each later one.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Sends a request until its answer is whole. One that writes is conditional: a second one is refused where the first was
/// done, and whoever asked then looks what is there.
fn retried<T>(mut request: impl FnMut() -> object_store::Result<T>) -> io::Result<T> {
    let (start, mut wait) = (Instant::now(), FIRST_WAIT);
    for _ in 1..ATTEMPTS {
        match request() {
            Err(object_store::Error::Generic { .. }) if start.elapsed() < SHORT => {
                std::thread::sleep(wait);
                wait *= 2;
            }
            answer => return answer.map_err(of),
        }
    }
    request().map_err(of)
}

impl Objects {
    /// In parts, for what is too large for one request. The condition is asked for before.
    fn put_in_parts(&self, location: &Path, file: &path::Path, attributes: Attributes) -> io::Result<PutResult> {
        use std::io::Read;
        let options = object_store::PutMultipartOptions { attributes, ..Default::default() };
        let upload = self.runtime.block_on(self.store.put_multipart_opts(location, options)).map_err(of)?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let mut file = std::fs::File::open(file)?;
        let mut part = vec![0; PART_BYTES];
        self.runtime.block_on(async {
            loop {
                let n = match file.read(&mut part) {
                    Ok(0) => return writer.finish().await.map_err(of),
                    Ok(n) => n,
                    Err(error) => {
                        let _ = writer.abort().await;
                        return Err(error);
                    }
                };
                if let Err(error) = writer.wait_for_capacity(PARTS_AT_ONCE).await {
                    let _ = writer.abort().await;
                    return Err(of(error));
                }
                writer.write(&part[..n]);
            }
        })
    }

    /// Whether a write in this mode is allowed now.
    fn is_allowed(&self, key: &str, mode: Mode<'_>) -> io::Result<bool> {
        match (self.head(key), mode) {
            (Err(error), mode) if error.kind() == ErrorKind::NotFound => Ok(mode == Mode::Create),
            (Err(error), _) => Err(error),
            (Ok(there), Mode::Update(version)) => Ok(there.version == version),
            (Ok(_), Mode::Create) => Ok(false),
        }
    }
}

impl Bucket for Objects {
    fn head(&self, key: &str) -> io::Result<ObjectInfo> {
        let location = path_of(key)?;
        let options = || GetOptions { head: true, ..GetOptions::default() };
        let result = retried(|| self.runtime.block_on(self.store.get_opts(&location, options())))?;
        Ok(info(&result.meta, Some(&result.attributes)))
    }

    fn get(&self, key: &str, start: u64, n: u64, version: &str) -> io::Result<Vec<u8>> {
        if n == 0 {
            return Ok(Vec::new());
        }
        let UpdateVersion { e_tag, .. } = of_version(version);
        let location = path_of(key)?;
        let bytes = retried(|| {
            let range = Some((start..start + n).into());
            let options = GetOptions { if_match: e_tag.clone(), range, ..GetOptions::default() };
            self.runtime.block_on(async { self.store.get_opts(&location, options).await?.bytes().await })
        })?;
        Ok(bytes.into())
    }

    fn put(&self, key: &str, body: Body<'_>, mode: Mode<'_>) -> io::Result<ObjectInfo> {
        let location = path_of(key)?;
        let (n_bytes, sha256) = storage::digest(body)?;
        let mut attributes = Attributes::new();
        attributes.insert(SHA256, sha256.clone().into());
        let written = match body {
            Body::File(file) if n_bytes > ONE_REQUEST => {
                if !self.is_allowed(key, mode)? {
                    return Err(ErrorKind::AlreadyExists.into());
                }
                self.put_in_parts(&location, file, attributes)?
            }
            body => {
                let payload = match body {
                    Body::Pieces(pieces) => pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect(),
                    Body::File(file) => PutPayload::from(std::fs::read(file)?),
                };
                let mode = match mode {
                    Mode::Create => PutMode::Create,
                    Mode::Update(version) => PutMode::Update(of_version(version)),
                };
                let options = PutOptions { mode, attributes, ..PutOptions::default() };
                let send = || self.store.put_opts(&location, payload.clone(), options.clone());
                retried(|| self.runtime.block_on(send())).map_err(|error| match error.kind() {
                    // The other word for this condition.
                    ErrorKind::StaleNetworkFileHandle => io::Error::new(ErrorKind::AlreadyExists, error),
                    _ => error,
                })?
            }
        };
        let version = version(written.e_tag.as_deref(), written.version.as_deref());
        Ok(ObjectInfo { n_bytes, version, modified: SystemTime::now(), sha256: Some(sha256) })
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<Listed>> {
        let location = path_of(prefix)?;
        let found = retried(|| self.runtime.block_on(self.store.list_with_delimiter(Some(&location))))?;
        let folders = found.common_prefixes.iter().filter_map(|path| path.filename());
        let objects = found.objects.iter().filter_map(|meta| Some((meta.location.filename()?, meta)));
        let folders = folders.map(|name| Listed::Folder(name.to_owned()));
        Ok(folders.chain(objects.map(|(name, meta)| Listed::Object(name.to_owned(), info(meta, None)))).collect())
    }

    fn delete(&self, key: &str) -> io::Result<()> {
        let location = path_of(key)?;
        retried(|| self.runtime.block_on(self.store.delete(&location)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_conditional_and_reads_are_of_one_version() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let store = Arc::new(object_store::memory::InMemory::new());
        let bucket = Objects { store, runtime: Arc::new(runtime) };
        let put = |bytes: &[u8], mode: Mode<'_>| bucket.put("a/b", Body::Pieces(&[bytes]), mode);
        assert_eq!(bucket.head("a/b").unwrap_err().kind(), ErrorKind::NotFound);
        let first = put(b"one", Mode::Create).unwrap();
        assert_eq!(put(b"two", Mode::Create).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(bucket.get("a/b", 1, 2, &first.version).unwrap(), b"ne");
        let second = put(b"two", Mode::Update(&first.version)).unwrap();
        assert_eq!(put(b"three", Mode::Update(&first.version)).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(bucket.get("a/b", 0, 3, &first.version).unwrap_err().kind(), ErrorKind::StaleNetworkFileHandle);
        let there = bucket.head("a/b").unwrap();
        assert_eq!((there.version, there.sha256), (second.version.clone(), second.sha256));
        let listed = bucket.list("").unwrap();
        assert_eq!(listed, [Listed::Folder("a".into())]);
        let Listed::Object(name, there) = &bucket.list("a").unwrap()[0] else { panic!() };
        assert_eq!((name.as_str(), &there.version), ("b", &second.version));
        bucket.delete("a/b").unwrap();
        assert!(bucket.list("").unwrap().is_empty());
    }

    #[test]
    fn an_answer_that_was_cut_off_is_asked_for_again() {
        let cut_off = || object_store::Error::Generic { store: "S3", source: "end of file".into() };
        let mut n_sent = 0;
        let mut after = |n_failures: u32| {
            n_sent = 0;
            retried(|| {
                n_sent += 1;
                if n_sent > n_failures { Ok(n_sent) } else { Err(cut_off()) }
            })
        };
        assert_eq!(after(3).unwrap(), 4);
        assert!(after(ATTEMPTS).unwrap_err().to_string().contains("end of file"));
        let mut n_sent = 0;
        let refused: io::Result<()> = retried(|| {
            n_sent += 1;
            Err(object_store::Error::NotFound { path: "a".into(), source: "none".into() })
        });
        assert_eq!((n_sent, refused.unwrap_err().kind()), (1, ErrorKind::NotFound));
    }

    #[test]
    fn a_large_file_is_written_in_parts() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let store = Arc::new(object_store::memory::InMemory::new());
        let bucket = Objects { store, runtime: Arc::new(runtime) };
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..PART_BYTES * 2 + 5).map(|i| (i % 251) as u8).collect();
        std::fs::write(file.path(), &bytes).unwrap();
        bucket.put_in_parts(&path_of("large").unwrap(), file.path(), Attributes::new()).unwrap();
        let there = bucket.head("large").unwrap();
        assert!(bucket.get("large", 0, there.n_bytes, &there.version).unwrap() == bytes);
        assert!(!bucket.is_allowed("large", Mode::Create).unwrap());
        assert!(bucket.is_allowed("large", Mode::Update(&there.version)).unwrap());
    }
}
