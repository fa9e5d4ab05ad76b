//! What a client of buckets does for this crate, and which are mounted.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

/// Opens buckets of one scheme.
pub trait Client: Send + Sync {
    /// A bucket by its name. Whether it exists need not be asked.
    ///
    /// # Errors
    /// A configuration that is missing or wrong, in words that say what to set.
    fn bucket(&self, name: &str) -> io::Result<Arc<dyn Bucket>>;
}

/// The objects of one bucket. A client retries what may be transient; what it returns is final.
pub trait Bucket: Send + Sync + Debug {
    /// Length and version of an object.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where there is none.
    fn head(&self, key: &str) -> io::Result<ObjectInfo>;

    /// The bytes `start..start + n` of the version `version`: all of them, or an error.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`]; [`io::ErrorKind::StaleNetworkFileHandle`] where the object has been replaced by another.
    fn get(&self, key: &str, start: u64, n: u64, version: &str) -> io::Result<Vec<u8>>;

    /// Writes a whole object; gives its new version.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where the mode does not allow to replace what is there.
    fn put(&self, key: &str, body: Body<'_>, mode: Mode<'_>) -> io::Result<ObjectInfo>;

    /// What is directly below a prefix (`""` for the whole bucket): objects and prefixes, in any order.
    ///
    /// # Errors
    /// A bucket that cannot be listed. Nothing below the prefix is an empty list.
    fn list(&self, prefix: &str) -> io::Result<Vec<Listed>>;

    /// Removes an object.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] may be given where there is none.
    fn delete(&self, key: &str) -> io::Result<()>;
}

/// The bytes of an object that is written.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// Pieces, one after the other.
    Pieces(&'a [&'a [u8]]),
    /// The content of a local file.
    File(&'a Path),
}

/// What a write may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode<'a> {
    /// Nothing: the object must not exist.
    Create,
    /// This version and no other.
    Update(&'a str),
}

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Bytes.
    pub n_bytes: u64,
    /// Changes whenever the object is written.
    pub version: String,
    /// When it was written, by the clock of the bucket.
    pub modified: SystemTime,
    /// SHA-256 of the bytes, where whoever wrote them has noted it; a listing has none.
    pub sha256: Option<String>,
}

/// An entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// An object, by the part of its name after the prefix.
    Object(String, ObjectInfo),
    /// A longer prefix, by its last part.
    Folder(String),
}

type Mounted = HashMap<String, Arc<dyn Client>>;

/// By scheme and name.
type Opened = HashMap<(String, String), Arc<dyn Bucket>>;

static CLIENTS: RwLock<Option<Mounted>> = RwLock::new(None);
static BUCKETS: RwLock<Option<Opened>> = RwLock::new(None);

/// Makes paths that begin with `scheme://` objects of this client's buckets, for the whole process.
pub fn mount(scheme: &str, client: Arc<dyn Client>) {
    let mut clients = CLIENTS.write().unwrap_or_else(PoisonError::into_inner);
    clients.get_or_insert_default().insert(scheme.to_owned(), client);
}

pub(crate) fn is_mounted(scheme: &str) -> bool {
    let clients = CLIENTS.read().unwrap_or_else(PoisonError::into_inner);
    clients.as_ref().is_some_and(|clients| clients.contains_key(scheme))
}

/// A bucket, which is opened once.
pub(crate) fn open(scheme: &str, name: &str) -> io::Result<Arc<dyn Bucket>> {
    let id = (scheme.to_owned(), name.to_owned());
    if let Some(bucket) = BUCKETS.read().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|all| all.get(&id)) {
        return Ok(Arc::clone(bucket));
    }
    let client =
        CLIENTS.read().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|all| all.get(scheme)).cloned();
    let client = client.ok_or_else(|| {
        let what =
            format!("{scheme}://{name}: this build of barkbird reads no buckets; build it with the feature `buckets`");
        io::Error::new(io::ErrorKind::Unsupported, what)
    })?;
    if name.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{scheme}://: expected the name of a bucket")));
    }
    let bucket = client.bucket(name)?;
    let mut buckets = BUCKETS.write().unwrap_or_else(PoisonError::into_inner);
    Ok(Arc::clone(buckets.get_or_insert_default().entry(id).or_insert(bucket)))
}
