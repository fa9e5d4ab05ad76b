//! Where bytes are: files of this machine, and objects of a bucket, by one set of functions.
//!
//! A path that begins with `s3://`, `gs://` or `az://` names an object, any other a file (`file://` too); [`Location`] is
//! the one type that decides. Stages take paths, call these functions, and never know which it was. All reading and
//! writing of barkbird goes through here, so there is one place for what a bucket needs, and one for tests that make it
//! fail ([`faults`]).
//!
//! This crate opens no connection. Whoever has a client of buckets [`mount`]s it for a scheme; [`Memory`] is one that
//! keeps objects in memory, for tests.
//!
//! # What an object is
//! An object is written whole, under its name, or not at all. Folders are prefixes: one exists as long as there is an object below
//! it. A read names the version that was opened, so that an object that is replaced meanwhile is an error and never a
//! mixture. Blocks that were read are kept on the local disk up to a limit ([`Settings`]), each with a checksum.
//!
//! # Writing
//! [`place`] and [`AtomicFile`] put a file under its name completely or not at all: a temporary sibling, sync, rename, or
//! one conditional request. Of a bucket, an object that another process has replaced since this one looked at it is never
//! overwritten, and with [`Existing::Refuse`] none that is there with other bytes.
//!
//! # Example
//! ```
//! use std::path::Path;
//!
//! storage::mount("memory", std::sync::Arc::new(storage::Memory::default()));
//! let folder = Path::new("memory://bucket/run");
//! storage::write(&folder.join("metrics.json"), b"{}")?;
//! assert!(folder.join("metrics.json").to_str() == Some("memory://bucket/run/metrics.json"));
//! assert_eq!(storage::read(&folder.join("metrics.json"))?, b"{}");
//! assert!(storage::is_dir(folder) && storage::list(folder)?.len() == 1);
//! # Ok::<(), std::io::Error>(())
//! ```

mod append;
mod atomic;
mod blocks;
mod bucket;
pub mod faults;
mod file;
mod folder;
mod lease;
mod line;
mod location;
mod lock;
mod memory;
mod object;
mod owned;

pub use append::AppendFile;
pub use atomic::{AtomicFile, Durability, Existing, place, place_file, remove_temporaries, scratch, write};
pub use blocks::{Settings, settle};
pub use bucket::{Body, Bucket, Client, Listed, Mode, ObjectInfo, mount};
pub use file::{StoredFile, open, read, read_to_string};
pub use folder::{
    Entry, Kind, Metadata, Version, absolute, canonical, create_dir_all, exists, is_dir, is_file, list, metadata,
    remove_dir_all, remove_file,
};
pub use line::{line_text, push_line};
pub use location::{Location, join};
pub use lock::{FolderLock, is_empty_folder, lock_folder};
pub use memory::Memory;
pub use object::digest;
