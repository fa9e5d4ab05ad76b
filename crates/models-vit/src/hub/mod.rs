//! Checkpoints from the Hugging Face hub, into the cache that all programs of Hugging Face share.
//!
//! [`fetch`] gives one file, [`fetch_model`] those of a model as a [`Snapshot`], a folder that
//! [`Checkpoint::open`](crate::Checkpoint::open) reads. The requests are made by hf-hub 1.0.0; what it leaves out is
//! done here.
//!
//! **Every file is verified before its path is returned**, whether it has just come or was in the cache. hf-hub stores
//! whatever it gets: an error page, half a file, a flipped bit. But it stores it under the hub's ETag, which is the
//! SHA-256 of a large file and git's SHA-1 of a small one, so a file can be held against its own name. What does not
//! match is removed, the hub is asked whether it was an error page, and the file is fetched once more. Files are hashed
//! at each start, with no note that one was good before: a note can outlive what it says, a gigabyte takes about a
//! second, and the bytes are then in memory for the reader who comes next.
//!
//! **A transfer that breaks off goes on.** hf-hub retries requests but not bodies, and begins a file at its first byte.
//! Here a body that ends early is tried again after growing pauses, and as hf-hub can ask for ranges, only the rest is
//! asked for, in pieces of 8 MiB. An attempt counts as failed only if it brings nothing. A later run goes on with what a
//! killed one has left. Where a repository serves large files by the hub's protocol xet, hf-hub uses its own client for
//! that, and the rest is asked for in the same way.
//!
//! **A branch or tag is asked after at each run**, with the ETag of what is in the cache, so that nothing is sent that
//! is there. Where the hub cannot be reached or has trouble and the cache has the file, verified, hf-hub takes that. A
//! commit is never asked after again, and [`Source::offline`] asks for nothing at all.
//!
//! What is trusted is the hub: that the endpoint is the one that was meant, by TLS, and that its ETags are right.
//!
//! ```no_run
//! use models_vit::Checkpoint;
//! use models_vit::hub::{Progress, Source, fetch_model};
//!
//! let source = Source::from_environment("google/vit-base-patch16-224-in21k");
//! let snapshot = fetch_model(&source, &|progress| {
//!     if let Progress::Ready { file, n_bytes, .. } = progress {
//!         eprintln!("{file}: {n_bytes} bytes");
//!     }
//! })?;
//! assert_eq!(snapshot.commit.len(), 40); // name it as the revision to get the same bytes for ever
//! let checkpoint = Checkpoint::open(&snapshot.folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod cache;
mod checksum;
mod client;
mod error;
mod half;
mod progress;
mod repository;
mod snapshot;
mod source;
mod transfer;

pub use error::{Error, Missing, RepoFile};
pub use progress::Progress;
pub use snapshot::{Snapshot, fetch_model};
pub use source::{DEFAULT_ENDPOINT, DEFAULT_REVISION, Source};

use repository::Repository;
use std::path::PathBuf;

/// One file of a repository, verified: from the cache, or fetched into it.
///
/// `file` is a path in the repository, such as `config.json`. `progress` is called on this thread.
///
/// # Errors
/// Each says what to do: the source or the name is invalid, the hub refuses ([`Error::Denied`]), has no such thing
/// ([`Error::NotFound`]), has trouble ([`Error::Answer`]) or cannot be reached ([`Error::Unreachable`]); offline and not
/// in the cache ([`Error::NotCached`]); cut, short or damaged more often than is tried again; no space.
pub fn fetch(source: &Source, file: &str, progress: &dyn Fn(Progress<'_>)) -> Result<PathBuf, Error> {
    Repository::open(source)?.fetch(&source.revision, file, progress)
}
