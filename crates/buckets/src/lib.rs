//! Buckets of S3 (and what speaks its protocol), Google Cloud Storage and Azure Blob Storage as places for files.
//!
//! [`mount`] makes paths that begin with `s3://`, `gs://` and `az://` objects for all of [`storage`]. This crate only sends
//! requests: it knows nothing of blocks, locks or what the objects hold.
//!
//! Keys, regions and endpoints come from the environment, by the names that each provider's own tools use
//! (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, ...).
//!
//! A request that fails on the way, or that the bucket answers with 429 or 5xx, is sent again, later and later, up to ten times and
//! for three minutes. One that writes is conditional, so that a second one is never a second write.
//!
//! # Example
//! ```no_run
//! buckets::mount();
//! // From here on, all of barkbird can read and write buckets.
//! let path = std::path::Path::new("s3://bucket/notes.txt");
//! storage::write(path, b"two barks")?;
//! assert_eq!(storage::read(path)?, b"two barks");
//! # Ok::<(), std::io::Error>(())
//! ```

mod bucket;
mod error;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{ClientOptions, RetryConfig};
use tokio::runtime::Runtime;

use bucket::Objects;

/// A large object takes its time.
const REQUEST: Duration = Duration::from_secs(600);

/// Nothing at all for so long is a broken connection.
const SILENCE: Duration = Duration::from_secs(60);

/// Makes `s3://`, `gs://` and `az://` places for files, for the whole process.
pub fn mount() {
    for (scheme, open) in [("s3", s3 as Open), ("gs", gs), ("az", az)] {
        storage::mount(scheme, Arc::new(Client { open }));
    }
}

/// What runs requests; started with the first bucket.
fn runtime() -> io::Result<Arc<Runtime>> {
    static RUNTIME: Mutex<Option<Arc<Runtime>>> = Mutex::new(None);
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*runtime {
        return Ok(Arc::clone(runtime));
    }
    let new = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    Ok(Arc::clone(runtime.insert(Arc::new(new))))
}

type Open = fn(&str) -> object_store::Result<Arc<dyn ObjectStore>>;

/// Buckets of one provider.
struct Client {
    open: Open,
}

impl storage::Client for Client {
    fn bucket(&self, name: &str) -> io::Result<Arc<dyn storage::Bucket>> {
        let store = (self.open)(name).map_err(error::of)?;
        Ok(Arc::new(Objects { store, runtime: runtime()? }))
    }
}

fn options() -> ClientOptions {
    ClientOptions::new().with_timeout(REQUEST).with_read_timeout(SILENCE)
}

fn s3(name: &str) -> object_store::Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(name)
        .with_retry(RetryConfig::default())
        .with_checksum_algorithm(Checksum::SHA256)
        .with_client_options(options());
    // Only an endpoint that the user has named can be one without encryption: a server in the laboratory.
    if endpoint().is_some_and(|endpoint| endpoint.starts_with("http://")) {
        builder = builder.with_allow_http(true);
    }
    Ok(Arc::new(builder.build()?))
}

fn endpoint() -> Option<String> {
    ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"].iter().find_map(|name| std::env::var(name).ok())
}

fn gs(name: &str) -> object_store::Result<Arc<dyn ObjectStore>> {
    let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(name).with_retry(RetryConfig::default());
    Ok(Arc::new(builder.with_client_options(options()).build()?))
}

fn az(name: &str) -> object_store::Result<Arc<dyn ObjectStore>> {
    let builder = MicrosoftAzureBuilder::from_env().with_container_name(name).with_retry(RetryConfig::default());
    Ok(Arc::new(builder.with_client_options(options()).build()?))
}
