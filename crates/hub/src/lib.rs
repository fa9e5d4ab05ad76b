//! Downloads files of the Hugging Face hub, verifies them, and keeps them in the cache that all programs of Hugging Face
//! share. It serves models and data sets alike. It also downloads published files by their addresses, and unpacks archives.
//!
//! [`fetch`] returns one file, [`fetch_model`] the configuration and weights of a model as a [`Snapshot`], and
//! [`fetch_repository`] any files of a model or data set. The requests are made by hf-hub 1.0.0; this crate adds what follows.
//!
//! **Every file is verified before its path is returned**, whether it was just downloaded or in the cache. hf-hub stores
//! whatever it receives: an error page, half a file, a flipped bit. But it stores it under the hub's ETag, which is the
//! SHA-256 of a large file and git's SHA-1 of a small one, so a file can be compared with its own name. A file that does
//! not match is removed, the hub is asked whether it was an error page, and the file is downloaded once more. Files are
//! hashed at every start; no note of an earlier check is kept, because it could be outdated. This takes about a second a
//! gigabyte, and the file is then in memory for the program that reads it next.
//!
//! **An interrupted transfer continues.** hf-hub retries requests but not bodies, and begins a file at its first byte.
//! Here a body that ends early is retried after growing pauses, and only the rest is requested, in ranges of 8 MiB. An
//! attempt counts as failed only if it brings no bytes. A later run continues what a killed or cancelled one has left.
//! Repositories that serve large files by the hub's protocol xet are downloaded by hf-hub's own client for it, and the
//! rest is requested in the same way.
//!
//! **A caller can stop at any time**: the progress callback returns whether to continue. A stopped call returns
//! [`Error::Cancelled`], and the cache stays as after an interrupted transfer.
//!
//! **A branch or tag is requested at every run**, with the ETag of the file in the cache, so that an unchanged file is
//! not sent again. If the hub cannot be reached or has a fault, the verified file in the cache is used. A commit is never
//! requested again, and [`Source::offline`] opens no connection at all.
//!
//! The hub is trusted: that the endpoint is the intended one, by TLS, and that its ETags are right.
//!
//! **A file at any address** is downloaded by [`download`]: to a path of the caller, with the same pauses and the same callback,
//! continued where the server can send parts, and compared with a published SHA-256. [`Archive`] unpacks a ZIP archive into a
//! new folder and refuses what could write elsewhere or fill the disk; [`Contents`] compares the files of a data set with
//! published checksums, where the archive has none.
//!
//! This crate must not know what is in the files: no tensors, no sound, no configuration of a model. It is the only
//! library crate that opens connections to download something.
//!
//! ```no_run
//! use hub::{Progress, Source, fetch_model};
//! use std::ops::ControlFlow;
//!
//! let source = Source::from_environment("google/vit-base-patch16-224-in21k", None)?;
//! let snapshot = fetch_model(&source, &|progress| {
//!     if let Progress::Ready { file, n_bytes, .. } = progress {
//!         eprintln!("{file}: {n_bytes} bytes");
//!     }
//!     ControlFlow::Continue(())
//! })?;
//! assert_eq!(snapshot.commit.len(), 40); // use it as the revision to always get the same bytes
//! println!("{}", snapshot.folder.display());
//! # Ok::<(), hub::Error>(())
//! ```

mod answer;
mod cache;
mod checksum;
mod client;
mod contents;
mod error;
mod fetch;
mod files;
mod partial;
mod progress;
mod repository;
mod retry;
mod snapshot;
mod source;
mod transfer;
mod unpack;
mod web;

pub use contents::Contents;
pub use error::{Error, Missing, RepoFile};
pub use fetch::fetch;
pub use files::{FileSum, bytes_of_files, copy_files, files_below, sums_of_files};
pub use progress::{OnProgress, Progress};
pub use snapshot::{Listed, Listing, Snapshot, fetch_model, fetch_repository, list_repository};
pub use source::{DEFAULT_ENDPOINT, DEFAULT_REVISION, RepoKind, Source};
pub use unpack::{Archive, Limits, UnpackError, place_folder};
pub use web::{Downloaded, WebError, WebFile, download, is_sha256};
